// Arithmetic and comparison of field values. Numbers are the integers of mathematics: a signed and
// an unsigned one meet by value, and a result counts only where the field can hold it.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "core/evm/uint256.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

/// A value on its way: `word` for fixed widths, as the EVM holds them, `bytes` for bytes and
/// string. `bytes` points into whoever made it.
struct ValueView {
    evm::U256 word;
    std::string_view bytes;
    bool is_null = false;  ///< of an optional field; `word` and `bytes` are zero and empty
};

/// True where the number `word` of type `from` is one of type `to`.
[[nodiscard]] bool fits_number(const evm::U256& word, storage::FieldType from,
                               storage::FieldType to) noexcept;
[[nodiscard]] std::strong_ordering compare_numbers(const evm::U256& a, storage::FieldType a_type,
                                                   const evm::U256& b,
                                                   storage::FieldType b_type) noexcept;
/// `field` op `amount`, where `kind` is add or sub; empty where it leaves the field's range.
[[nodiscard]] std::optional<evm::U256> add_numbers(OpKind kind, const evm::U256& field,
                                                   storage::FieldType field_type,
                                                   const evm::U256& amount,
                                                   storage::FieldType amount_type) noexcept;
/// What `op` says of values in that order.
[[nodiscard]] bool is_in_order(CompareOp op, std::strong_ordering order) noexcept;
/// Two values of types that `compile_condition` let through.
[[nodiscard]] bool holds(CompareOp op, const ValueView& a, storage::FieldType a_type,
                         const ValueView& b, storage::FieldType b_type) noexcept;

/// A value for messages: decimal, 0x hex, 'text'; long ones shortened.
[[nodiscard]] std::string show_value(const ValueView& value, storage::FieldType type);

}  // namespace plumbline::engine
