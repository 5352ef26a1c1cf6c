module Prop

let x = 1
