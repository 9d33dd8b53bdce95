// Values and conditions of the mapping: names to positions, literals to words, types checked.
#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/int512.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/foreign_words.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/free_expression.hpp"
#include "engine/mapping/plan_compile.hpp"

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
            if (operand.kind == Operand::Kind::kHex && operand.bytes.size() <= 32) {
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

/// Reads the row at hand, as `drop` does.
Result<PlanOperand> compile_field(const OperandScope& scope, const Operand& operand) {
    const std::string name = join_path(operand.path);
    const int field = find_field(scope.row->fields, name);
    PlanOperand out;
    out.entity = static_cast<uint32_t>(scope.row - scope.plan.entities.data());
    if (const int key = find_field(scope.row->key, name); key >= 0 && scope.is_outside_fold) {
        out.kind = Kind::kKeyField;
        out.field = static_cast<uint16_t>(key);
        out.type = scope.row->key[out.field].type;
        return out;
    }
    if (field < 0 && scope.is_outside_fold) {
        std::vector<std::string> columns = names_of(scope.row->key);
        std::ranges::copy(names_of(scope.row->fields), std::back_inserter(columns));
        return mistake_at_column(scope.plan.config_path, operand.pos,
                                 fmt::format("'{}' is no column of '{}'{}", name, scope.row->name,
                                             suggest(name, columns)));
    }
    if (field < 0) {
        const bool is_key = find_field(scope.row->key, name) >= 0;
        return mistake_at_column(
            scope.plan.config_path, operand.pos,
            is_key ? fmt::format("drop of '{}': '{}' is part of the key; drop looks "
                                 "at the other fields",
                                 scope.row->name, name)
                   : fmt::format("'{}' has no field '{}'{}", scope.row->name, name,
                                 suggest(name, names_of(scope.row->fields))));
    }
    out.kind = Kind::kField;
    out.field = static_cast<uint16_t>(field);
    out.type = scope.row->fields[out.field].type.required();
    return out;
}

/// What `name[0].part` may mean where the event has such a parameter and there is such an entity.
Error two_meanings(const OperandScope& scope, const Operand& operand, const evm::ValuePath& param,
                   const storage::EntityLayout& entity) {
    const std::string index = operand.keys[0].number.to_decimal();
    const bool is_row = entity.key.size() == 1 && entity.key[0].type.is_number() &&
                        find_field(entity.fields, operand.field) >= 0;
    return mistake_at_column(
        scope.plan.config_path, operand.pos,
        fmt::format("'{}': both a parameter of {} and an entity are called '{}': write "
                    "$arg.{}[{}].{} for the parameter{}",
                    operand.source, scope.event->name, entity.name, param.steps.front(), index,
                    operand.field,
                    is_row ? fmt::format(", {}[uint256({})].{} for the row", entity.name, index,
                                         operand.field)
                           : ""));
}

/// `exists` asks for rows only.
enum class LookupOf : uint8_t { kRow, kRowOrElement };

Result<PlanOperand> compile_lookup(OperandScope& scope, const Operand& operand, LookupOf of) {
    const auto entity =
        std::ranges::find(scope.plan.entities, operand.entity, &storage::EntityLayout::name);
    const bool is_entity = entity != scope.plan.entities.end();
    const auto element = of == LookupOf::kRow ? std::nullopt : as_element(operand);
    if (element && scope.event != nullptr && !is_entity) {
        return compile_param(scope, element->path, operand.pos);
    }
    if (element && scope.event != nullptr) {
        const auto param = scope.event->decoder.compile_path(join_path(element->path), scope.each);
        if (param) {
            return two_meanings(scope, operand, *param, *entity);
        }
    }
    PLUMBLINE_TRY(const LookupTarget target, resolve_lookup(scope.plan, operand));
    PlanOperand out;
    out.kind = Kind::kLookup;
    out.entity = target.entity;
    out.field = target.field;
    const storage::EntityLayout& layout = scope.plan.entities[target.entity];
    out.type = operand.field.empty() ? FieldType{FieldKind::kBool, 8}
                                     : layout.fields[target.field].type.required();
    for (size_t i = 0; i < operand.keys.size(); ++i) {
        const std::string purpose =
            fmt::format("key field '{}.{}'", layout.name, layout.key[i].name);
        PLUMBLINE_TRY(PlanOperand key, compile_operand(scope, operand.keys[i], layout.key[i].type,
                                                       purpose, OperandUse::kStore));
        out.keys.push_back(std::move(key));
    }
    return out;
}

PlanOperand builtin(Kind kind, FieldType type) {
    PlanOperand out;
    out.kind = kind;
    out.type = type;
    return out;
}

bool names_call(const Operand& operand) noexcept {
    return operand.kind == Operand::Kind::kName && operand.path.front() == "$call";
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
        return mistake_at_column(
            scope.plan.config_path, operand.pos,
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
            return mistake_at_column(
                scope.plan.config_path, operand.pos,
                fmt::format("'{}' is no column of '{}'", operand.source, scope.row->name));
        }
        return mistake_at_column(
            scope.plan.config_path, operand.pos,
            fmt::format("drop of '{}': '{}' is not a field; drop compares fields of "
                        "the row with literals or with each other",
                        scope.row->name, operand.source));
    }
    if (scope.event != nullptr && scope.plan.sources[scope.event->source].every_blocks != 0 &&
        !is_of_block(operand)) {
        return mistake_at_column(
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
                return mistake_at_column(scope.plan.config_path, operand.pos,
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
    return mistake_at_column(scope.plan.config_path, operand.pos,
                             fmt::format("{} is not expected here", show_literal(operand)));
}

}  // namespace

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

Result<PlanOperand> compile_row(OperandScope& scope, const Operand& operand) {
    return compile_lookup(scope, operand, LookupOf::kRow);
}

Result<PlanOperand> compile_optional(OperandScope& scope, const Operand& operand) {
    if (operand.kind == Operand::Kind::kName && scope.row == nullptr &&
        !names_optional(scope, operand)) {
        return mistake_at_column(
            scope.plan.config_path, operand.pos,
            fmt::format("'{}' is always there: exists takes a row, entity[key], an optional field "
                        "of one, entity[key].field, or a $call.NAME without a default",
                        operand.source));
    }
    PLUMBLINE_TRY(PlanOperand out, operand.kind == Operand::Kind::kLookup
                                       ? compile_row(scope, operand)
                                       : compile_leaf(scope, operand));
    out.target = out.type;
    out.source = operand.source.empty() ? join_path(operand.path) : operand.source;
    if (!names_optional(scope, operand)) {
        return mistake_at_column(
            scope.plan.config_path, operand.pos,
            fmt::format("'{}' is set wherever there is the row: only an optional "
                        "field, as of type \"{}?\", may be unset",
                        operand.source, to_string(out.type)));
    }
    out.takes_null = true;
    return out;
}

bool names_optional(const OperandScope& scope, const Operand& operand) noexcept {
    const bool is_field = operand.kind == Operand::Kind::kName && scope.row != nullptr;
    if (!is_field && names_call(operand)) {
        return call_may_lack(scope, operand);
    }
    const storage::EntityLayout* layout = scope.row;
    if (operand.kind == Operand::Kind::kLookup) {
        const auto found =
            std::ranges::find(scope.plan.entities, operand.entity, &storage::EntityLayout::name);
        layout = found == scope.plan.entities.end() ? nullptr : &*found;
    } else if (!is_field) {
        return false;
    }
    const int at = layout == nullptr ? -1
                                     : find_field(layout->fields, is_field ? join_path(operand.path)
                                                                           : operand.field);
    return at >= 0 && layout->fields[static_cast<size_t>(at)].type.optional;
}

std::vector<std::string> names_of(const std::vector<storage::Field>& fields) {
    std::vector<std::string> out;
    out.reserve(fields.size());
    for (const storage::Field& field : fields) {
        out.push_back(field.name);
    }
    return out;
}

int find_field(const std::vector<storage::Field>& fields, std::string_view name) noexcept {
    const auto found = std::ranges::find(fields, name, &storage::Field::name);
    return found == fields.end() ? -1 : static_cast<int>(found - fields.begin());
}

int find_source(const CompiledPlan& plan, std::string_view contract) noexcept {
    const auto found = std::ranges::find(plan.sources, contract, &Source::contract);
    return found == plan.sources.end() ? -1 : static_cast<int>(found - plan.sources.begin());
}

std::vector<std::string> contract_names(const CompiledPlan& plan) {
    std::vector<std::string> out;
    for (const Source& source : plan.sources) {
        out.push_back(source.contract);
    }
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

bool is_literal(const Operand& operand) noexcept {
    using From = Operand::Kind;
    return operand.kind == From::kNumber || operand.kind == From::kBool ||
           operand.kind == From::kHex || operand.kind == From::kString;
}

bool field_type_of(const evm::AbiType& type, FieldType& out) noexcept {
    switch (type.kind) {
        case evm::TypeKind::kUint: out = {FieldKind::kUint, type.bits}; return true;
        case evm::TypeKind::kInt: out = {FieldKind::kInt, type.bits}; return true;
        case evm::TypeKind::kBool: out = {FieldKind::kBool, 8}; return true;
        case evm::TypeKind::kAddress: out = {FieldKind::kAddress, 160}; return true;
        case evm::TypeKind::kFixedBytes: out = {FieldKind::kFixedBytes, type.bits}; return true;
        case evm::TypeKind::kBytes: out = {FieldKind::kBytes, 0}; return true;
        case evm::TypeKind::kString: out = {FieldKind::kString, 0}; return true;
        case evm::TypeKind::kFixedArray:
        case evm::TypeKind::kArray:
        case evm::TypeKind::kTuple: return false;
    }
    return false;
}

Result<PlanOperand> compile_param(const OperandScope& scope, const std::vector<std::string>& path,
                                  SourcePos pos) {
    const std::string text = join_path(path);
    auto found = scope.event->decoder.compile_path(text, scope.each);
    if (!found) {
        return mistake_at_column(
            scope.plan.config_path, pos,
            fmt::format("{}: {}{}", scope.event->name, found.error().message, hint_for_name(text)));
    }
    PlanOperand out;
    out.kind = Kind::kParam;
    if (!field_type_of(found->type, out.type)) {
        if (found->type.is_array()) {
            return mistake_at_column(
                scope.plan.config_path, pos,
                fmt::format("{}: '{}' is an array ({}); walk through it with "
                            "each = [\"{}\"]",
                            scope.event->name, text, to_string(found->type), text));
        }
        return mistake_at_column(
            scope.plan.config_path, pos,
            fmt::format("{}: '{}' is a tuple; name one of its members: {}", scope.event->name, text,
                        fmt::join(found->type.names, ", ")));
    }
    if (found->steps.size() == 1) {
        out.param = static_cast<int16_t>(found->steps[0]);
    }
    out.path = *std::move(found);
    return out;
}

Result<LookupTarget> resolve_lookup(const CompiledPlan& plan, const Operand& operand) {
    const auto entity =
        std::ranges::find(plan.entities, operand.entity, &storage::EntityLayout::name);
    if (entity == plan.entities.end()) {
        std::vector<std::string> known;
        for (const storage::EntityLayout& layout : plan.entities) {
            known.push_back(layout.name);
        }
        return mistake_at_column(plan.config_path, operand.pos,
                                 fmt::format("unknown entity '{}' in '{}'{}", operand.entity,
                                             operand.source, suggest(operand.entity, known)));
    }
    if (operand.keys.size() != entity->key.size()) {
        return mistake_at_column(
            plan.config_path, operand.pos,
            fmt::format("'{}': the key of '{}' has {} field{} ({}), not {}", operand.source,
                        entity->name, entity->key.size(), entity->key.size() == 1 ? "" : "s",
                        fmt::join(names_of(entity->key), ", "), operand.keys.size()));
    }
    const int field = operand.field.empty() ? 0 : find_field(entity->fields, operand.field);
    if (field < 0) {
        return mistake_at_column(
            plan.config_path, operand.pos,
            fmt::format("'{}': '{}' has no field '{}'{}", operand.source, entity->name,
                        operand.field, suggest(operand.field, names_of(entity->fields))));
    }
    return LookupTarget{static_cast<uint32_t>(entity - plan.entities.begin()),
                        static_cast<uint16_t>(field)};
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
    const bool is_number = operand.kind == Operand::Kind::kNumber && target.is_number() &&
                           operand.places <= target.places;
    return mistake_at_column(
        plan.config_path, operand.pos,
        is_number
            ? fmt::format("{} is {}, which cannot hold {}", purpose, to_string(target), out.source)
            : fmt::format("{} is {}: write {}, not {}", purpose, to_string(target),
                          how_to_write(target), out.source));
}

Error or_text(Error error, const Operand& operand, FieldType wanted) {
    const bool is_word = operand.kind == Operand::Kind::kName && operand.path.size() == 1;
    const bool is_name = is_word && wanted.kind == FieldKind::kEnum &&
                         std::ranges::find(*wanted.names, operand.path[0]) != wanted.names->end();
    if (is_name || (is_word && wanted.kind == FieldKind::kString)) {
        error.message += fmt::format("; {} is written in single quotes: \"'{}'\"",
                                     is_name ? "the name of an enum" : "a text", operand.path[0]);
    }
    return error;
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
        return mistake_at_column(
            scope.plan.config_path, operand.pos,
            target.optional ? fmt::format("{}: null is set, not calculated with", purpose)
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
        return or_text(std::move(leaf).error(), operand, target);
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
    } else if (out.type != target) {
        const bool hashed = out.kind == Kind::kParam && out.path.hashed;
        return mistake_at_column(
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

namespace {

/// Whether a side has decimal places: they are compared as an expression does.
Result<bool> compares_decimals(OperandScope& scope, const Condition& condition) {
    bool is_decimal = false;
    for (const Operand* side : {&condition.left, &condition.right}) {
        if (is_literal(*side)) {
            is_decimal = is_decimal || side->places > 0;
        } else if (side->kind != Operand::Kind::kCall) {
            PLUMBLINE_TRY(const PlanOperand leaf, compile_leaf(scope, *side));
            is_decimal = is_decimal || leaf.type.kind == FieldKind::kDecimal;
        }
    }
    return is_decimal;
}

/// `when = "is_open"` is read as `is_open == true`, both sides at one place of the config.
bool is_place_alone(const Condition& condition) {
    return condition.right.kind == Operand::Kind::kBool &&
           condition.right.pos.line == condition.pos.line &&
           condition.right.pos.column == condition.pos.column;
}

/// Of what stands alone as a condition.
Status check_truth(const std::string& path, const Condition& condition, const PlanOperand& alone) {
    if (alone.type.kind == FieldKind::kBool) {
        return ok();
    }
    return mistake_at_column(
        path, condition.pos,
        fmt::format("'{}' is {}, not true or false", alone.source,
                    alone.type.is_number() ? "a number" : to_string(alone.type)));
}

Result<PlanCondition> decimal_condition(OperandScope& scope, const Condition& condition) {
    PlanCondition out;
    PLUMBLINE_TRY(out.left, compile_expression(scope, as_operand(condition), {}));
    Operand truth;
    truth.kind = Operand::Kind::kBool;
    truth.number = evm::U256{1};
    PLUMBLINE_TRY(out.right, compile_literal(scope.plan, truth, out.left.type, out.left.source));
    return out;
}

}  // namespace

Result<PlanCondition> compile_condition(OperandScope& scope, const Condition& condition) {
    PlanCondition out;
    out.op = condition.op;
    const std::string& path = scope.plan.config_path;
    const bool left_literal = is_literal(condition.left);
    const bool right_literal = is_literal(condition.right);
    const bool is_alone = is_place_alone(condition);
    if (is_alone) {
        PLUMBLINE_TRY(out.left, compile_leaf(scope, condition.left));
        PLUMBLINE_TRY_VOID(check_truth(path, condition, out.left));
    }
    PLUMBLINE_TRY(const bool has_decimals, compares_decimals(scope, condition));
    if (has_decimals) {
        return decimal_condition(scope, condition);
    }
    if (left_literal && right_literal) {
        return mistake_at_column(
            path, condition.pos,
            fmt::format("the condition compares two literals, {} and {}",
                        show_literal(condition.left), show_literal(condition.right)));
    }
    if (!left_literal && !is_alone) {
        PLUMBLINE_TRY(out.left, compile_leaf(scope, condition.left));
    }
    if (!right_literal) {
        auto right = compile_leaf(scope, condition.right);
        if (!right) {
            return left_literal ? std::move(right).error()
                                : or_text(std::move(right).error(), condition.right, out.left.type);
        }
        out.right = *std::move(right);
    }
    if (left_literal) {
        PLUMBLINE_TRY(out.left, compile_literal(scope.plan, condition.left, out.right.type,
                                                fmt::format("'{}'", out.right.source)));
    }
    if (right_literal) {
        PLUMBLINE_TRY(out.right, compile_literal(scope.plan, condition.right, out.left.type,
                                                 fmt::format("'{}'", out.left.source)));
    }
    const bool numbers = out.left.type.is_number() && out.right.type.is_number();
    if (!numbers && out.left.type != out.right.type) {
        return mistake_at_column(
            path, condition.pos,
            fmt::format("cannot compare '{}' ({}) with '{}' ({})", out.left.source,
                        to_string(out.left.type), out.right.source, to_string(out.right.type)));
    }
    if (!numbers && out.op != CompareOp::kEq && out.op != CompareOp::kNe) {
        return mistake_at_column(path, condition.pos,
                                 fmt::format("'{}' is {}: only == and != compare it",
                                             out.left.source, to_string(out.left.type)));
    }
    return out;
}

}  // namespace plumbline::engine
