namespace RocketMq

open System.Threading.Tasks

/// Work on several things in turn.
module internal OneByOne =
    /// Does something for each, one after the other, as long as it succeeds. Gives the error that ended it.
    let rec untilError (act: 'Item -> Task<Result<unit, 'Error>>) (items: 'Item list) : Task<Result<unit, 'Error>> =
        taskResult {
            match items with
            | [] -> return ()
            | first :: rest ->
                do! act first
                return! untilError act rest
        }
