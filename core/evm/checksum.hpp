// EIP-55: the letter case of an address is a checksum.
#pragma once

#include <string>
#include <string_view>

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// The address with the letter case that EIP-55 asks for.
[[nodiscard]] std::string to_checksum(const Address& address);
/// `text`, which names `address`, has letters of both cases and not those of the checksum: a
/// character may be wrong. All lower or all upper case says nothing.
[[nodiscard]] bool has_wrong_checksum(std::string_view text, const Address& address);
/// The same for people: "the letter case of 0x.. is no valid checksum, ..".
[[nodiscard]] std::string wrong_checksum_text(std::string_view text, const Address& address);

}  // namespace plumbline::evm
