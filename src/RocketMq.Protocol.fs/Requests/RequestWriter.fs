namespace RocketMq.Protocol

open System.Buffers

/// Writes typed requests straight into frames, one after the other through one draft: no command and no fields are made
/// on the way. For those who send many; not for use by two at a time.
[<Sealed>]
type internal RequestWriter(limits: FrameLimits, header: Header) =
    let draft = Draft()

    /// Writes a whole frame and gives its size in bytes; on an error nothing is written.
    member _.Write
        (operation: Operation<'Query, 'Answer>, query: 'Query, opaque: int, output: IBufferWriter<byte>)
        : Result<int, EncodeError> =
        draft.Restart()
        operation.Write(query, draft)
        let parts = draft.ToParts(operation.Code, opaque, 0)
        Frame.writeParts limits header &parts output
