// What a question asks of a row, as values in the order-preserving encoding of keys: comparing the
// bytes is comparing the values, so nothing is decoded while rows are looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "storage/entity_key.hpp"
#include "storage/layout.hpp"

namespace plumbline::query {

enum class Compare : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn };

/// "=", ">="... for messages.
[[nodiscard]] std::string_view to_string(Compare compare) noexcept;

/// One column against one value, or with kIn against several.
struct Condition {
    uint16_t column = 0;  ///< of the layout: key fields first
    Compare compare = Compare::kEq;
    /// Encoded (`encode_value`); one but for kIn. A bound on a type of fixed width has that width:
    /// in a key, what is longer would be compared with the columns behind.
    std::vector<std::string> values;
};

/// The order-preserving bytes of one value.
[[nodiscard]] std::string encode_value(storage::FieldType type, const storage::KeyValue& value);

/// What a column of an optional type that is not set is encoded as; all others begin above it.
inline constexpr std::string_view kNullValue{"\0", 1};

/// That a column of an optional type is not null; its column is the caller's to set.
[[nodiscard]] Condition is_set();

/// Whether a column with the encoded value `value` is as `condition` asks. Null, which only a
/// column of an optional type (`is_optional`) can be, equals null alone, and no other comparison
/// holds.
[[nodiscard]] bool holds(const Condition& condition, std::string_view value,
                         bool is_optional = false) noexcept;

/// A column to order by.
struct OrderColumn {
    uint16_t column = 0;
    bool descending = false;
};

/// A question about the rows of one entity: all conditions hold.
struct Question {
    std::vector<Condition> where;
    std::vector<OrderColumn> order;  ///< empty: any
};

/// "amount >= ...": column and comparison, for messages.
[[nodiscard]] std::string describe(const storage::EntityLayout& layout, const Condition& condition);

}  // namespace plumbline::query
