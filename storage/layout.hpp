// The shape of stored entities: typed key fields, typed fields, secondary indexes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::storage {

/// Stored in the database: DO NOT CHANGE THESE VALUES.
enum class FieldKind : uint8_t {
    kUint = 1,
    kInt = 2,
    kBool = 3,
    kAddress = 4,
    kFixedBytes = 5,
    kBytes = 6,
    kString = 7,
    kDecimal = 8,
    kEnum = 9,
};

/// Decimal places that a stored number may have: 10^36 leaves 40 digits of an int256 before the
/// point.
inline constexpr uint8_t kDecimalPlacesMax = 36;

/// The values of an enum, the one that is stored as 0 first.
using EnumNames = std::vector<std::string>;
inline constexpr size_t kEnumNamesMax = 256;

/// The one list with these names that this process has; it stays until the process ends, so that a
/// type can point to it. Any thread.
[[nodiscard]] const EnumNames* intern_enum(EnumNames names);

/// A Solidity value type, `bytes`, `string`, a decimal: an int256 that counts in units of
/// 10^-places, or an enum: a byte that is the place of its name. Arrays and tuples are not stored
/// in a field.
struct FieldType {
    FieldKind kind = FieldKind::kUint;
    /// uint/int: 8..256; fixed bytes: 8 * N; bool: 8; address: 160; decimal: 256; enum: 8; else 0
    uint16_t bits = 256;
    uint8_t places = 0;                ///< decimal: 1..36 behind the point; else 0
    bool optional = false;             ///< a field that may be unset: its value is null then
    const EnumNames* names = nullptr;  ///< enum: of `intern_enum`; else null

    /// Bytes a value takes in a row and, for all kinds but bytes and string, in a key.
    [[nodiscard]] constexpr size_t width() const noexcept { return bits / 8U; }
    [[nodiscard]] constexpr bool is_dynamic() const noexcept {
        return kind == FieldKind::kBytes || kind == FieldKind::kString;
    }
    [[nodiscard]] constexpr bool is_integer() const noexcept {
        return kind == FieldKind::kUint || kind == FieldKind::kInt;
    }
    /// What `add`, `sub`, `min` and `max` work on.
    [[nodiscard]] constexpr bool is_number() const noexcept {
        return is_integer() || kind == FieldKind::kDecimal;
    }
    /// The word is in two's complement.
    [[nodiscard]] constexpr bool is_signed() const noexcept {
        return kind == FieldKind::kInt || kind == FieldKind::kDecimal;
    }
    /// Of a value that is there.
    [[nodiscard]] constexpr FieldType required() const noexcept {
        FieldType out = *this;
        out.optional = false;
        return out;
    }
    friend bool operator==(const FieldType&, const FieldType&) = default;
};

/// "uint256", "int8", "bool", "address", "bytes32", "bytes", "string", "decimal(18)",
/// "enum(open, closed)"; behind an optional one stands a question mark: "uint64?".
[[nodiscard]] std::string to_string(FieldType type);
/// The reverse, but for enums; kInvalidArgument for anything else ("uint" and "int" alone mean 256
/// bits).
[[nodiscard]] Result<FieldType> parse_field_type(std::string_view text);

/// The name that an enum's value has; of a number without one, which only others can tell us, its
/// digits.
[[nodiscard]] std::string enum_name(FieldType type, const evm::U256& value);

struct Field {
    std::string name;
    FieldType type;
    friend bool operator==(const Field&, const Field&) = default;
};

/// Columns count the key fields first, then the fields.
struct EntityLayout {
    std::string name;
    std::vector<Field> key;
    std::vector<Field> fields;
    std::vector<std::vector<uint16_t>> indexes;  ///< columns of each secondary index
    bool keep_tombstones = false;                ///< deleted keys stay known to the state proof

    [[nodiscard]] size_t column_count() const noexcept { return key.size() + fields.size(); }
    [[nodiscard]] const Field& column(size_t i) const {
        return i < key.size() ? key[i] : fields[i - key.size()];
    }
    /// The column of that name, or -1.
    [[nodiscard]] int find_column(std::string_view name) const noexcept;
    friend bool operator==(const EntityLayout&, const EntityLayout&) = default;
};

}  // namespace plumbline::storage
