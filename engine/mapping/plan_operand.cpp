// Values of the mapping: what is named to where it comes from, types checked.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/evm/decimal_text.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/expression_run.hpp"
#include "engine/mapping/plan_value.hpp"

namespace plumbline::engine {

namespace {

using storage::FieldKind;
using storage::FieldType;
using Kind = PlanOperand::Kind;

constexpr FieldType kUint32{FieldKind::kUint, 32};
constexpr FieldType kUint64{FieldKind::kUint, 64};
constexpr FieldType kUint256{FieldKind::kUint, 256};
constexpr FieldType kBytes32{FieldKind::kFixedBytes, 256};
constexpr FieldType kAddress{FieldKind::kAddress, 160};

/// True where every value of `from` is one of `to`. Both are numbers.
bool fits_always(FieldType from, FieldType to) noexcept {
    if (from.kind == to.kind) {
        return from.bits <= to.bits;
    }
    return from.kind == FieldKind::kUint && from.bits < to.bits;
}

PlanOperand builtin(Kind kind, FieldType type) {
    PlanOperand out;
    out.kind = kind;
    out.type = type;
    return out;
}

/// What is known where no event is.
bool is_of_block(const Operand& operand) noexcept {
    using From = Operand::Kind;
    switch (operand.kind) {
        case From::kBlockNumber:
        case From::kBlockHash:
        case From::kBlockTimestamp:
        case From::kLookup: return true;
        default: return names_call(operand);
    }
}

/// What only the transaction or its receipt says: it is fetched.
PlanOperand of_txn(OperandScope& scope, Operand::Kind kind) {
    using From = Operand::Kind;
    constexpr FieldType kUint8{FieldKind::kUint, 8};
    constexpr storage::TxnNeeds kFields{true, false, false};
    constexpr storage::TxnNeeds kBody{true, true, false};
    constexpr storage::TxnNeeds kReceipt{true, false, true};
    struct Known {
        From from;
        Kind kind;
        FieldType type;
        storage::TxnNeeds needs;
    };
    static constexpr std::array<Known, 10> kKnown{{
        {From::kTxnFrom, Kind::kTxnFrom, kAddress, kFields},
        {From::kTxnTo, Kind::kTxnTo, kAddress, kFields},
        {From::kTxnValue, Kind::kTxnValue, kUint256, kFields},
        {From::kTxnInput, Kind::kTxnInput, {FieldKind::kBytes, 0}, kBody},
        {From::kTxnNonce, Kind::kTxnNonce, kUint64, kBody},
        {From::kTxnGas, Kind::kTxnGas, kUint64, kBody},
        {From::kTxnType, Kind::kTxnType, kUint8, kBody},
        {From::kReceiptGasUsed, Kind::kReceiptGasUsed, kUint64, kReceipt},
        {From::kReceiptStatus, Kind::kReceiptStatus, kUint8, kReceipt},
        {From::kReceiptGasPrice, Kind::kReceiptGasPrice, kUint256, kReceipt},
    }};
    const auto* const found = std::ranges::find(kKnown, kind, &Known::from);
    scope.txn_needs.add(found->needs);
    return builtin(found->kind, found->type);
}

/// Everything but literals and calls, with its own type.
Result<PlanOperand> compile_value(OperandScope& scope, const Operand& operand) {
    using From = Operand::Kind;
    if (operand.kind == From::kNull) {
        return mistake_at(scope.plan.config_path, operand.pos,
                          "null can be set and nothing else: exists(entity[key].field) tells "
                          "whether a field is set, and ?? what counts where it is not");
    }
    if (scope.row != nullptr) {
        if (operand.kind == From::kName) {
            return compile_field(scope, operand);
        }
        if (scope.is_outside_fold) {
            if (operand.kind == From::kLookup) {
                return compile_lookup(scope, operand, LookupOf::kRow);
            }
            return mistake_at(
                scope.plan.config_path, operand.pos,
                fmt::format("'{}' is no column of '{}'", operand.source, scope.row->name));
        }
        return mistake_at(scope.plan.config_path, operand.pos,
                          fmt::format("drop of '{}': '{}' is not a field; drop compares fields of "
                                      "the row with literals or with each other",
                                      scope.row->name, operand.source));
    }
    if (scope.event != nullptr && scope.plan.sources[scope.event->source].every_blocks != 0 &&
        !is_of_block(operand)) {
        return mistake_at(
            scope.plan.config_path, operand.pos,
            fmt::format("'{}' belongs to an event; a handler of blocks has "
                        "$block.number, $block.hash, $block.timestamp, $call.NAME and look-ups",
                        operand.source.empty() ? join_path(operand.path) : operand.source));
    }
    switch (operand.kind) {
        case From::kName:
            return names_call(operand) ? compile_call_fact(scope, operand)
                                       : compile_param(scope, operand.path, operand.pos);
        case From::kBlockNumber: return builtin(Kind::kBlockNumber, kUint64);
        case From::kBlockHash: return builtin(Kind::kBlockHash, kBytes32);
        case From::kBlockTimestamp: return builtin(Kind::kBlockTimestamp, kUint64);
        case From::kTxnHash: return builtin(Kind::kTxnHash, kBytes32);
        case From::kTxnIndex: return builtin(Kind::kTxnIndex, kUint32);
        case From::kLogIndex: return builtin(Kind::kLogIndex, kUint32);
        case From::kLogAddress: return builtin(Kind::kLogAddress, kAddress);
        case From::kTxnFrom:
        case From::kTxnTo:
        case From::kTxnValue:
        case From::kTxnInput:
        case From::kTxnNonce:
        case From::kTxnGas:
        case From::kTxnType:
        case From::kReceiptGasUsed:
        case From::kReceiptStatus:
        case From::kReceiptGasPrice: return of_txn(scope, operand.kind);
        case From::kEachIndex:
            if (scope.each.empty()) {
                return mistake_at(scope.plan.config_path, operand.pos,
                                  "$each.index has a meaning only in a handler with each");
            }
            return builtin(Kind::kEachIndex, kUint64);
        case From::kLookup: return compile_lookup(scope, operand, LookupOf::kRowOrElement);
        case From::kNull:
        case From::kCall:
        case From::kNumber:
        case From::kBool:
        case From::kHex:
        case From::kString: break;
    }
    return mistake_at(scope.plan.config_path, operand.pos,
                      fmt::format("{} is not expected here", show_literal(operand)));
}

}  // namespace

bool names_call(const Operand& operand) noexcept {
    return operand.kind == Operand::Kind::kName && operand.path.front() == "$call";
}

Result<PlanOperand> compile_leaf(OperandScope& scope, const Operand& operand,
                                 std::optional<FieldType> wanted) {
    if (operand.kind == Operand::Kind::kCall) {
        return compile_expression(scope, operand, wanted);
    }
    PLUMBLINE_TRY(PlanOperand out, compile_value(scope, operand));
    out.target = out.type;
    out.source = operand.source.empty() ? join_path(operand.path) : operand.source;
    return out;
}

std::string slot_mistake(const SlotConfig& slot, FieldType type, std::string_view what) {
    if (type.is_dynamic()) {
        return fmt::format("{} '{}' is {}; only values of fixed width can be proven from storage",
                           what, slot.field, to_string(type));
    }
    return slot.offset + type.width() > 32
               ? fmt::format("'{}' does not fit at offset {} of a word", slot.field, slot.offset)
               : std::string{};
}

std::string how_to_make(FieldType wanted, FieldType is, std::string_view source) {
    const bool is_word = is.kind == FieldKind::kFixedBytes || is.kind == FieldKind::kAddress;
    const bool is_whole = is.is_number() && is.places == 0;
    std::string_view way;
    switch (wanted.kind) {
        case FieldKind::kString:
            way = is_word || is.kind == FieldKind::kBytes ? "hex({})" : "text({})";
            break;
        case FieldKind::kBytes:
            way = is_word || is.kind == FieldKind::kString ? "bytes({})" : "";
            break;
        case FieldKind::kBool: way = is_whole ? "{} != 0" : ""; break;
        case FieldKind::kAddress:
        case FieldKind::kFixedBytes:
            way = is_whole || is.kind == FieldKind::kBytes ? "{1}({0})"
                  : is_word && (wanted.kind == FieldKind::kAddress || wanted.width() >= is.width())
                      ? "{1}(uint256({0}))"
                      : "";
            break;
        case FieldKind::kUint:
        case FieldKind::kInt: way = is.kind == FieldKind::kString ? "" : "uint256({})"; break;
        case FieldKind::kDecimal:
        case FieldKind::kEnum: break;
    }
    return way.empty() ? std::string{}
                       : "; " + fmt::format(fmt::runtime(way), source, to_string(wanted)) +
                             " makes one of it";
}

namespace {

/// Only a field that may be unset, and only by `set`, takes a null.
Result<PlanOperand> compile_null(const OperandScope& scope, const Operand& operand,
                                 FieldType target, const std::string& purpose, OperandUse use) {
    if (!target.optional || use != OperandUse::kStore) {
        return mistake_at(scope.plan.config_path, operand.pos,
                          target.optional
                              ? fmt::format("{}: null is set, not calculated with", purpose)
                              : fmt::format("{} is {}: only an optional field, as of type \"{}?\", "
                                            "may be null",
                                            purpose, to_string(target), to_string(target)));
    }
    PlanOperand out;
    out.kind = Kind::kLiteral;
    out.type = target.required();
    out.target = out.type;
    out.is_null = true;
    out.source = operand.source;
    return out;
}

/// What every event makes must fit where it goes.
Status check_constant(const OperandScope& scope, const Operand& operand, const PlanOperand& value,
                      const std::string& purpose) {
    if (value.kind != Kind::kExpression || scope.is_lazy()) {
        return ok();
    }
    const auto number = constant_number(*value.program);
    // An amount may be any number of 256 bits.
    FieldType into = value.target;
    if (number && !value.check_fit && into.places == 0) {
        into = {number->is_negative() ? FieldKind::kInt : FieldKind::kUint, 256};
    }
    evm::U256 word;
    if (!number || number_to_word(*number, into, word)) {
        return ok();
    }
    return mistake_at(
        scope.plan.config_path, operand.pos,
        fmt::format("{} is {}, which cannot hold {} ({})", purpose, to_string(value.target),
                    evm::decimal_text(number->to_decimal(), into.places), operand.source));
}

}  // namespace

Result<PlanOperand> compile_operand(OperandScope& scope, const Operand& operand, FieldType field,
                                    const std::string& purpose, OperandUse use) {
    if (operand.kind == Operand::Kind::kNull) {
        return compile_null(scope, operand, field, purpose, use);
    }
    const FieldType target = field.required();
    FieldType wanted = target;
    wanted.optional = field.optional && use == OperandUse::kStore;
    if (is_literal(operand)) {
        return compile_literal(scope.plan, operand, target, purpose);
    }
    auto leaf = compile_leaf(scope, operand, wanted);
    if (!leaf) {
        return or_text(scope, std::move(leaf).error(), operand, target);
    }
    PlanOperand out = *std::move(leaf);
    const bool is_scaled = target.is_number() && out.type.places != target.places;
    if (out.kind != Kind::kExpression && out.type.is_number() &&
        (is_scaled || target.kind == FieldKind::kEnum)) {
        PLUMBLINE_TRY(out, compile_expression(scope, operand, target));
    }
    out.target = target;
    if (target.is_number() && out.type.is_number()) {
        out.check_fit = use == OperandUse::kStore && !fits_always(out.type, target);
        PLUMBLINE_TRY_VOID(check_constant(scope, operand, out, purpose));
    } else if (out.type != target) {
        const bool hashed = out.kind == Kind::kParam && out.path.hashed;
        return mistake_at(
            scope.plan.config_path, operand.pos,
            fmt::format("{} is {}, but '{}' is {}{}", purpose, to_string(target), out.source,
                        out.kind == Kind::kExpression && out.type.is_number() ? "a number"
                                                                              : to_string(out.type),
                        hashed ? " (it is indexed: a log holds only its hash)"
                        : use == OperandUse::kPlace
                            ? std::string{}
                            : how_to_make(target, out.type, operand.source)));
    }
    return out;
}

}  // namespace plumbline::engine
