namespace RocketMq.Protocol

/// What brokers and topics let clients do, as bits. Source: PermName.java.
module internal Permission =
    let write = 0x2
    let read = 0x4
    let readWrite = read ||| write

    let isReadable permission = permission &&& read <> 0
    let isWritable permission = permission &&& write <> 0
