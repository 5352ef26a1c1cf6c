namespace RocketMq.Embedded

module internal Store =
    let x = 1
