// ABI values as trees, and the plain decoder that makes them: for function results, tools and
// tests, where clarity counts more than speed. `EventDecoder` is checked against it by fuzzing.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_type.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// A value of some `AbiType`, which says which member counts.
struct AbiValue {
    U256 word;                    ///< integers, bool, address, fixed bytes; as in `Value::word`
    Bytes bytes;                  ///< bytes, string
    std::vector<AbiValue> items;  ///< array elements, tuple components

    [[nodiscard]] static AbiValue number(const U256& word);
    [[nodiscard]] static AbiValue address(const Address& address);
    /// bytes1 to bytes32, left-aligned. At most 32 bytes of `bytes` count.
    [[nodiscard]] static AbiValue fixed_bytes(ByteView bytes);
    [[nodiscard]] static AbiValue text(std::string_view text);
    [[nodiscard]] static AbiValue blob(ByteView bytes);
    [[nodiscard]] static AbiValue list(std::vector<AbiValue> items);

    friend bool operator==(const AbiValue&, const AbiValue&) = default;
};

/// Decodes what a function returned (or the data of an event) by the rules at the top of
/// abi_decode.hpp. Errors say which value: "value 2[0].1: an offset points behind the data".
[[nodiscard]] Result<std::vector<AbiValue>> decode_values(std::span<const AbiType> types,
                                                          ByteView data);

/// A copy of a decoded event's value as a tree; a kHashed one is its hash.
[[nodiscard]] AbiValue to_abi_value(const DecodedEvent& event, const Value& value);

}  // namespace plumbline::evm
