// Order-preserving encoding of entity keys and of indexed values: comparing the bytes is comparing
// the values, field after field, and no key is a prefix of another of the same layout.
//
//   uint, bool, address, bytesN   their big-endian bytes at full width
//   int                           the same with the sign bit flipped
//   bytes, string                 the bytes with 00 -> 00 ff, ended by 00 01
//   an optional one, in an index  00 where it is null, else 01 and the value
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/uint256.hpp"
#include "storage/layout.hpp"

namespace plumbline::storage {

/// Appends a fixed-width value given as an EVM word (bytesN left-aligned).
void append_key_word(std::string& key, FieldType type, const evm::U256& word);
/// Appends a bytes or string value.
void append_key_dynamic(std::string& key, std::string_view value);
/// Appends what stands before the value of an optional column; behind a null nothing does.
void append_key_presence(std::string& key, bool is_null);

/// The first key that does not start with `prefix`; empty where there is none.
[[nodiscard]] std::string prefix_end(std::string_view prefix);

/// One decoded key field: `word` for fixed-width types, `bytes` for bytes and string.
/// Null only where the type is optional.
struct KeyValue {
    evm::U256 word;
    std::string bytes;
    bool is_null = false;
    friend bool operator==(const KeyValue&, const KeyValue&) = default;
};
/// Reads a whole key back; kCorruption where it does not fit the types exactly.
[[nodiscard]] Result<std::vector<KeyValue>> decode_key(std::string_view key,
                                                       const std::vector<Field>& fields);

}  // namespace plumbline::storage
