namespace RocketMq

open System
open System.IO
open System.Threading
open System.Threading.Tasks

/// What the transport needs of the world. Tests put their own in place.
type Ports =
    {
        /// Opens a stream to a server. Throws if there is none.
        Connect: Endpoint -> CancellationToken -> Task<Stream>
        Clock: TimeProvider
        /// Evenly spread from 0 to 1.
        Jitter: unit -> float
    }

module Ports =
    /// TCP, the system's clock, a shared source of chance.
    let system: Ports =
        {
            Connect = AddressRace.connectTcp
            Clock = TimeProvider.System
            Jitter = Random.Shared.NextDouble
        }
