// ABI encoding of value trees: call data, event topics and data. Canonical, as Solidity writes it.
#pragma once

#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_json.hpp"
#include "core/evm/abi_value.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// The encoding of `values` as a tuple of `types`: what call data holds behind the selector. An
/// error where a value is not one of its type: another number of items, a word out of range.
[[nodiscard]] Result<Bytes> encode_values(std::span<const AbiType> types,
                                          std::span<const AbiValue> values);

/// Selector and encoded arguments.
[[nodiscard]] Result<Bytes> encode_call(const AbiFunction& function,
                                        std::span<const AbiValue> args);

/// An event as the EVM emits it.
struct EncodedEvent {
    std::vector<Hash> topics;
    Bytes data;
};
/// `values` in the order of declaration. Indexed strings, bytes, arrays and tuples become hashes.
[[nodiscard]] Result<EncodedEvent> encode_event(const AbiEvent& event,
                                                std::span<const AbiValue> values);

}  // namespace plumbline::evm
