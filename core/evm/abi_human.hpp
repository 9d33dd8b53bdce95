// Human-readable ABIs, as ethers and viem have them: one declaration a line.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/abi_json.hpp"

namespace plumbline::evm {

/// A declaration and how errors say where it stands: "abi[3]", "line 4".
struct AbiLine {
    std::string where;
    std::string_view text;
};

/// Reads `event Transfer(address indexed from, uint256 value)`, `function f(uint256 id) view
/// returns (address)`, `struct Order { address maker; uint256[2] price; }`, tuples as
/// `(uint256 a, bool b)` with or without `tuple` in front. Constructors, errors, fallback and
/// receive are passed over. At most `kAbiEntriesMax` lines; the limits of types are those of ABI
/// JSON.
[[nodiscard]] Result<Abi> read_human_abi(std::span<const AbiLine> lines);

/// The same of a text file. Empty lines, lines that begin with #, and comments as Solidity has them
/// say nothing.
[[nodiscard]] Result<Abi> read_human_abi(std::string_view text);

}  // namespace plumbline::evm
