// Integers of Solidity's types as JSON: docs/config.md, "Values as JSON".
#pragma once

#include <string>

#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// An integer of the type uint`bits`: up to 64 bits as a number where it is at most 2^53 - 1, which
/// JavaScript still holds exactly, else as a decimal string; wider types always as a decimal
/// string.
void append_json_uint(std::string& out, const U256& word, unsigned bits);
/// The same of int`bits`: `word` is two's complement, sign-extended to 256 bits, and its magnitude
/// decides.
void append_json_int(std::string& out, const U256& word, unsigned bits);

}  // namespace plumbline::evm
