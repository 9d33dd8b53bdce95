// Asks a getter for many keys inside one eth_call and answers one keccak digest a bucket of keys.
// Runs in both places without a change: as `code` of a state override with the arguments as call data, and as initcode
// with the arguments appended (eth_call without `to`). Compiled for london: no PUSH0, no MCOPY.
//
// arguments                                      answer
//   0   2  M + where the columns start             0   1  0 (never 0xef)
//   2   2  M + where the returns start             1   1  1, the version
//   4   2  M + where the keys start                2   1  0 done, 1 stopped for gas, 2 no code at the target
//   6   4  count of keys                           20  8  gas of the dearest bucket
//   10  4  keys a bucket                           28  4  keys done, whole buckets
//   14  4  gas a getter may use                    32  .. one digest a bucket
//   18  2  gas held back a byte of answer
//   20  1  flags: 1 raw calls, 2 the returned values stand in a tuple behind its offset
//   21  .. template: target word, selector, argument words
//   ..  36 a column: M + where its word stands 2, width in bytes 1, shift in bits 1, base 32
//   ..  2  a return: head word 1, words 1 (0: the head word is the offset of a string or bytes)
//   ..  .. keys: for each the columns' bytes; with raw calls also a length (2) and the call data
//
// M      = 0x80, where the arguments lie in memory
// column = base + (value << shift); value: `width` bytes of the key, or the key's number where width is 0
// leaf   = keccak(status, then for each return its words, or the keccak of its contents)
// status = 0 reverted, 1 answered, 2 used up its gas, 3 another shape (or contents above 32 KiB), 4 no code
// digest = keccak(the bucket's leaves)
object "StateProgram" {
  code {
    // 0x00 dearest bucket, 0x20 gas held back, 0x40 status of the key, 0x60 where returned data is written
    {
      let size := calldatasize()
      switch size
      case 0 {
        size := sub(codesize(), datasize("StateProgram"))
        codecopy(0x80, datasize("StateProgram"), size)
      }
      default { calldatacopy(0x80, 0, size) }
      let key := shr(240, mload(0x84))
      let count := shr(224, mload(0x86))
      let bucket := shr(224, mload(0x8a))
      let answer := add(0x80, size)
      let next := add(answer, 0x20)
      let leaves := add(next, mul(0x20, div(add(count, sub(bucket, 1)), bucket)))
      let out := add(leaves, mul(0x20, add(bucket, 1)))
      mstore(0x20, add(100000, mul(shr(240, mload(0x92)), sub(leaves, answer))))

      let state := 0x100
      let done := 0
      if mload(0x95) {
        if iszero(extcodesize(mload(0x95))) {
          state := 0x102
          count := 0
        }
      }
      for {} lt(done, count) {} {
        let start := gas()
        if lt(start, add(mload(0x20), shr(2, mul(mload(0), 5)))) {
          state := 0x101
          break
        }
        if gt(bucket, sub(count, done)) { bucket := sub(count, done) }
        let leaf := leaves
        for { let i := done } lt(i, add(done, bucket)) { i := add(i, 1) } {
          key := ask(key, i, out)
          if gt(mload(0x40), 4) {
            state := 0x101
            break
          }
          let from := sub(out, 1)
          mstore8(from, mload(0x40))
          mstore(leaf, keccak256(from, sub(mload(0x60), from)))
          leaf := add(leaf, 0x20)
        }
        if and(state, 1) { break }
        mstore(next, keccak256(leaves, mul(0x20, bucket)))
        next := add(next, 0x20)
        done := add(done, bucket)
        start := sub(start, gas())
        if gt(start, mload(0)) { mstore(0, start) }
      }
      mstore(answer, or(or(shl(232, state), shl(32, mload(0))), done))
      return(answer, sub(next, answer))
    }

    // Asks for key `i`, whose bytes start at `key`; leaves the status and, from `out`, what is hashed behind it.
    // Status 5: the gas that is left does not tell.
    function ask(key, i, out) -> next {
      let at := shr(240, mload(0x80))
      for {} lt(at, shr(240, mload(0x82))) { at := add(at, 36) } {
        let column := mload(at)
        let value := i
        let width := byte(2, column)
        if width {
          value := shr(sub(256, shl(3, width)), mload(key))
          key := add(key, width)
        }
        mstore(shr(240, column), add(mload(add(at, 4)), shl(byte(3, column), value)))
      }
      let data := 0xb5
      let size := sub(shr(240, mload(0x80)), data)
      if and(mload(0x75), 1) {
        data := add(key, 2)
        size := shr(240, mload(key))
        key := add(data, size)
      }
      next := key

      let before := gas()
      let limit := 0
      if gt(before, mload(0x20)) { limit := sub(before, mload(0x20)) }
      let most := shr(224, mload(0x8e))
      if gt(limit, most) { limit := most }
      let status := staticcall(limit, mload(0x95), data, size, 0, 0)
      mstore(0x40, status)
      mstore(0x60, out)
      if status {
        let base := 0
        if and(mload(0x75), 2) {
          pop(grab(out, 0, 0x20))
          base := mload(out)
        }
        let end := out
        for {} lt(at, shr(240, mload(0x84))) { at := add(at, 2) } {
          let words := byte(1, mload(at))
          let length := shl(5, add(words, iszero(words)))
          pop(grab(end, add(base, shl(5, byte(0, mload(at)))), length))
          if iszero(words) {
            let from := add(base, mload(end))
            pop(grab(end, from, 0x20))
            let n := mload(end)
            mstore(end, keccak256(end, grab(end, add(from, 0x20), n)))
          }
          end := add(end, length)
        }
        if eq(mload(0x40), 1) { mstore(0x60, end) }
        if iszero(or(returndatasize(), extcodesize(mload(0x95)))) {
          mstore(0x40, 4)
          mstore(0x60, out)
        }
        leave
      }
      // A failure that used nearly all gas there was is no answer, unless it was given all it may use.
      if gt(sub(before, gas()), sub(limit, shr(3, limit))) { mstore(0x40, sub(5, mul(3, eq(limit, most)))) }
    }

    // Copies returned data; where there is not as much, copies nothing and marks the key.
    function grab(to, from, size) -> got {
      if or(or(gt(from, returndatasize()), gt(size, sub(returndatasize(), from))), gt(size, 0x8000)) {
        mstore(0x40, 3)
        leave
      }
      returndatacopy(to, from, size)
      got := size
    }
  }
}
