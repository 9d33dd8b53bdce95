// What SQL finds in the JSON of a list or tuple of an event, as far as kinds of values go. Pure.
// Internal to query/sql.
#pragma once

#include <string_view>

#include "core/evm/abi_type.hpp"
#include "query/sql/value_kind.hpp"

namespace plumbline::query::sql {

/// The value itself as json_extract() and `->>` give it: numbers, else text.
[[nodiscard]] Kinds kinds_of_json(const evm::AbiType& type);
/// All that may be found inside, at any depth.
[[nodiscard]] Kinds kinds_inside_json(const evm::AbiType& type);
/// The values that json_each() gives.
[[nodiscard]] Kinds kinds_of_json_items(const evm::AbiType& type);
/// Below which power of two all numbers in it are; 63: of what may be any text.
[[nodiscard]] unsigned bits_of_json(const evm::AbiType& type);
/// Whether SQL finds numbers inside as text.
[[nodiscard]] bool has_wide_parts(const evm::AbiType& type);
/// Whether there are addresses or bytes inside.
[[nodiscard]] bool has_hex_parts(const evm::AbiType& type);

/// Where "$.a[2]", or a name alone as `->` takes it, leads; null: nowhere that is told. Any item of
/// a list is as any other.
[[nodiscard]] const evm::AbiType* json_part(const evm::AbiType& type, std::string_view path);

}  // namespace plumbline::query::sql
