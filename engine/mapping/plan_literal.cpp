// Literals of the mapping: what is written out becomes the word or the bytes of the type that is
// wanted.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/int512.hpp"
#include "engine/config/config_text.hpp"
#include "engine/mapping/plan_value.hpp"

namespace plumbline::engine {

using storage::FieldKind;
using storage::FieldType;
using Kind = PlanOperand::Kind;

std::string show_literal(const Operand& operand) {
    if (!operand.source.empty()) {
        return operand.source;
    }
    switch (operand.kind) {
        case Operand::Kind::kBool: return operand.number.is_zero() ? "false" : "true";
        case Operand::Kind::kHex: return evm::to_hex(operand.bytes);
        case Operand::Kind::kString: return in_quotes(operand.text);
        default:
            return operand.negative ? operand.number.to_decimal_signed()
                                    : operand.number.to_decimal();
    }
}

namespace {

std::string how_to_write(FieldType type) {
    switch (type.kind) {
        case FieldKind::kUint:
        case FieldKind::kInt: return "a whole number";
        case FieldKind::kDecimal: return "a number with no more places behind the point";
        case FieldKind::kBool: return "true or false";
        case FieldKind::kEnum: return "one of its names in single quotes";
        case FieldKind::kAddress: return "0x and 40 hex digits";
        case FieldKind::kFixedBytes: return fmt::format("0x and {} hex digits", 2 * type.width());
        case FieldKind::kBytes: return "0x and hex digits, or a string in single quotes";
        case FieldKind::kString: return "a string in single quotes";
    }
    return "a value";
}

evm::U256 left_aligned(ByteView bytes) noexcept {
    std::array<uint8_t, 32> word{};
    std::ranges::copy(bytes, word.begin());
    return evm::U256::from_be(word);
}

/// The literal's word where it is one that `target` can hold.
bool literal_word(const Operand& operand, FieldType target, evm::U256& out) noexcept {
    switch (target.kind) {
        case FieldKind::kUint:
        case FieldKind::kInt: {
            if (operand.kind == Operand::Kind::kHex && operand.bytes.size() <= 32 &&
                !operand.bytes.empty()) {
                out = evm::U256::from_be(operand.bytes);
            } else if (operand.kind == Operand::Kind::kNumber && operand.places == 0) {
                out = operand.number;
            } else {
                return false;
            }
            const bool negative = operand.kind == Operand::Kind::kNumber && operand.negative;
            if (target.kind == FieldKind::kUint) {
                return !negative && out.fits_unsigned(target.bits);
            }
            return out.is_negative() == negative && out.fits_signed(target.bits);
        }
        case FieldKind::kDecimal: {
            if (operand.kind != Operand::Kind::kNumber || operand.places > target.places) {
                return false;
            }
            evm::Int512 units = operand.negative ? evm::Int512::from_signed(operand.number)
                                                 : evm::Int512::from_unsigned(operand.number);
            const bool is_one =
                evm::mul(units, evm::power_of_ten(target.places - operand.places), units);
            out = units.low_word();
            return is_one && units.fits_signed(target.bits);
        }
        case FieldKind::kBool: out = operand.number; return operand.kind == Operand::Kind::kBool;
        case FieldKind::kEnum: {
            const auto found = std::ranges::find(*target.names, operand.text);
            out = static_cast<uint64_t>(found - target.names->begin());
            return operand.kind == Operand::Kind::kString && found != target.names->end();
        }
        case FieldKind::kAddress:
            out = evm::U256::from_be(operand.bytes);
            return operand.kind == Operand::Kind::kHex && operand.bytes.size() == 20;
        case FieldKind::kFixedBytes:
            if (operand.kind != Operand::Kind::kHex || operand.bytes.size() != target.width()) {
                return false;
            }
            out = left_aligned(operand.bytes);
            return true;
        case FieldKind::kBytes:
        case FieldKind::kString: return false;
    }
    return false;
}

}  // namespace

bool is_literal(const Operand& operand) noexcept {
    using From = Operand::Kind;
    return operand.kind == From::kNumber || operand.kind == From::kBool ||
           operand.kind == From::kHex || operand.kind == From::kString;
}

Result<PlanOperand> compile_literal(const CompiledPlan& plan, const Operand& operand,
                                    FieldType target, const std::string& purpose) {
    PlanOperand out;
    out.kind = Kind::kLiteral;
    out.type = target;
    out.target = target;
    out.source = show_literal(operand);
    if (target.is_dynamic()) {
        if (operand.kind == Operand::Kind::kString) {
            out.bytes = operand.text;
            return out;
        }
        if (operand.kind == Operand::Kind::kHex && target.kind == FieldKind::kBytes) {
            out.bytes = as_chars(operand.bytes);
            return out;
        }
    } else if (literal_word(operand, target, out.word)) {
        return out;
    }
    const bool is_hex = operand.kind == Operand::Kind::kHex && !operand.bytes.empty() &&
                        operand.bytes.size() <= 32 && target.is_number() && target.places == 0;
    const bool is_number = operand.kind == Operand::Kind::kNumber && target.is_number() &&
                           operand.places <= target.places;
    return mistake_at(
        plan.config_path, operand.pos,
        is_number || is_hex
            ? fmt::format(
                  "{} is {}, which cannot hold {}", purpose, to_string(target),
                  is_hex ? fmt::format("{} ({})", evm::U256::from_be(operand.bytes).to_decimal(),
                                       out.source)
                         : out.source)
            : fmt::format("{} is {}: write {}, not {}", purpose, to_string(target),
                          how_to_write(target), out.source));
}

}  // namespace plumbline::engine
