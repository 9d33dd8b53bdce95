// Calls many contracts inside one eth_call and gives back what each of them answered.
// Runs in both places without a change: as `code` of a state override with the calls as call data, and as initcode
// with the calls appended (eth_call without `to`). Compiled for london: no PUSH0, no MCOPY.
//
// 8 bytes of the caller's, then calls            answer
//   0   20 address                                 0   1  0 (never 0xef)
//   20  2  length                                  1   1  2, the version
//   22  .. call data                               2   2  how many calls were made, the first ones
//                                                  4   8  the caller's bytes
//                                                  12  .. for each: status 1, length 2, data
//
// status = 0 answered, 1 reverted (data: at most 256 bytes of it), 2 no code, 3 failed having used all the gas it was
//          given: no answer, 4 answered more than 8192 bytes (data: none)
// It stops before a call where the gas left may not last, or where the answer would not fit a contract's size.
object "CallProgram" {
  code {
    let size := calldatasize()
    switch size
    case 0 {
      size := sub(codesize(), datasize("CallProgram"))
      codecopy(0x80, datasize("CallProgram"), size)
    }
    default { calldatacopy(0x80, 0, size) }
    let at := 0x88
    let end := add(0x80, size)
    let answer := add(end, 0x20)
    let next := add(answer, 12)
    mstore(add(answer, 4), mload(0x80))
    let done := 0
    // A created contract pays 200 gas a byte of answer.
    for {} and(lt(at, end), gt(gas(), 7000000)) {} {
      let length := shr(240, mload(add(at, 20)))
      let to := shr(96, mload(at))
      let status := 2
      let got := 0
      if extcodesize(to) {
        let limit := sub(gas(), 6000000)
        let before := gas()
        status := iszero(staticcall(limit, to, add(at, 22), length, 0, 0))
        got := returndatasize()
        switch status
        case 0 {
          if gt(got, 8192) {
            status := 4
            got := 0
          }
        }
        default {
          if iszero(got) {
            if gt(sub(before, gas()), sub(limit, shr(3, limit))) { status := 3 }
          }
          if gt(got, 256) { got := 256 }
        }
      }
      if gt(sub(add(next, got), answer), 24000) { break }
      mstore(next, or(shl(248, status), shl(232, got)))
      returndatacopy(add(next, 3), 0, got)
      next := add(next, add(3, got))
      at := add(at, add(22, length))
      done := add(done, 1)
    }
    // Over zero bytes of its own: nothing was written there yet.
    mstore8(add(answer, 1), 2)
    mstore8(add(answer, 2), shr(8, done))
    mstore8(add(answer, 3), done)
    return(answer, sub(next, answer))
  }
}
