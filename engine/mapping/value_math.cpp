#include "engine/mapping/value_math.hpp"

#include <array>

#include <fmt/format.h>

#include "core/evm/decimal_text.hpp"
#include "core/evm/hex.hpp"
#include "storage/entity_key.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldKind;
using storage::FieldType;

constexpr size_t kShownBytesMax = 64;

bool is_below_zero(const evm::U256& word, FieldType type) noexcept {
    return type.is_signed() && word.is_negative();
}

std::string shortened(std::string_view bytes, bool is_text) {
    const bool cut = bytes.size() > kShownBytesMax;
    const std::string_view head = bytes.substr(0, kShownBytesMax);
    std::string out;
    if (is_text) {
        out = "'";
        for (const char c : head) {
            const auto byte = static_cast<uint8_t>(c);
            out += byte < 0x20 || byte >= 0x7f ? '?' : c;
        }
        out += '\'';
    } else {
        out = evm::to_hex(as_bytes(head));
    }
    if (cut) {
        out += fmt::format("... ({} bytes)", bytes.size());
    }
    return out;
}

}  // namespace

bool fits_number(const evm::U256& word, FieldType from, FieldType to) noexcept {
    const bool below_zero = is_below_zero(word, from);
    if (to.kind == FieldKind::kUint) {
        return !below_zero && word.fits_unsigned(to.bits);
    }
    // An unsigned number with the highest bit set looks negative as a word, but is too large.
    return word.is_negative() == below_zero && word.fits_signed(to.bits);
}

std::strong_ordering compare_numbers(const evm::U256& a, FieldType a_type, const evm::U256& b,
                                     FieldType b_type) noexcept {
    const bool a_below = is_below_zero(a, a_type);
    const bool b_below = is_below_zero(b, b_type);
    if (a_below != b_below) {
        return a_below ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    // Of one sign, two's complement words order as unsigned ones do.
    return a <=> b;
}

std::optional<evm::U256> add_numbers(OpKind kind, const evm::U256& field, FieldType field_type,
                                     const evm::U256& amount, FieldType amount_type) noexcept {
    // Most are counters: what has 64 bits is not below zero, whatever its type.
    uint64_t sum = 0;
    if (kind == OpKind::kAdd && field_type.kind == FieldKind::kUint && field.fits_u64() &&
        amount.fits_u64() && !__builtin_add_overflow(field.limb[0], amount.limb[0], &sum) &&
        (field_type.bits >= 64 || sum >> field_type.bits == 0)) {
        return evm::U256{sum};
    }
    // Both as 257-bit two's complement: the word and its sign. The result needs one bit more, so
    // a carry out of the sign is worked out by hand.
    const int field_high = is_below_zero(field, field_type) ? -1 : 0;
    const int amount_high = is_below_zero(amount, amount_type) ? -1 : 0;
    bool carry = false;
    int high = 0;
    evm::U256 low;
    if (kind == OpKind::kAdd) {
        low = evm::add(field, amount, carry);
        high = field_high + amount_high + (carry ? 1 : 0);
    } else {
        low = evm::sub(field, amount, carry);
        high = field_high - amount_high - (carry ? 1 : 0);
    }
    if (field_type.kind == FieldKind::kUint) {
        return high == 0 && low.fits_unsigned(field_type.bits) ? std::optional{low} : std::nullopt;
    }
    const int wanted_high = low.is_negative() ? -1 : 0;
    return high == wanted_high && low.fits_signed(field_type.bits) ? std::optional{low}
                                                                   : std::nullopt;
}

bool is_in_order(CompareOp op, std::strong_ordering order) noexcept {
    switch (op) {
        case CompareOp::kEq: return order == 0;
        case CompareOp::kNe: return order != 0;
        case CompareOp::kLt: return order < 0;
        case CompareOp::kLe: return order <= 0;
        case CompareOp::kGt: return order > 0;
        case CompareOp::kGe: return order >= 0;
    }
    return false;
}

bool holds(CompareOp op, const ValueView& a, FieldType a_type, const ValueView& b,
           FieldType b_type) noexcept {
    if (!a_type.is_number()) {
        const bool equal = a_type.is_dynamic() ? a.bytes == b.bytes : a.word == b.word;
        return equal == (op == CompareOp::kEq);
    }
    return is_in_order(op, compare_numbers(a.word, a_type, b.word, b_type));
}

std::string show_value(const ValueView& value, FieldType type) {
    if (value.is_null) {
        return "null";
    }
    switch (type.kind) {
        case FieldKind::kUint: return value.word.to_decimal();
        case FieldKind::kInt: return value.word.to_decimal_signed();
        case FieldKind::kDecimal:
            return evm::decimal_text(value.word.to_decimal_signed(), type.places);
        case FieldKind::kBool: return value.word.is_zero() ? "false" : "true";
        case FieldKind::kEnum: return storage::enum_name(type, value.word);
        case FieldKind::kBytes: return shortened(value.bytes, false);
        case FieldKind::kString: return shortened(value.bytes, true);
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes: break;
    }
    std::array<uint8_t, 32> word{};
    value.word.to_be(word.data());
    const ByteView bytes{word};
    return evm::to_hex(type.kind == FieldKind::kAddress ? bytes.last(20)
                                                        : bytes.first(type.width()));
}

}  // namespace plumbline::engine
