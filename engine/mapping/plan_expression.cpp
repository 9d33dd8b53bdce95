#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/expression_compiler.hpp"

namespace plumbline::engine {

using storage::FieldKind;
using storage::FieldType;

namespace {

/// Whether its value may be missing.
bool may_lack(const OperandScope& scope, const Operand& operand) {
    // What reads like a look-up may be an element of a parameter, behind whose end a violation is.
    const bool is_row =
        operand.kind == Operand::Kind::kLookup &&
        std::ranges::find(scope.plan.entities, operand.entity, &storage::EntityLayout::name) !=
            scope.plan.entities.end();
    return is_row || names_optional(scope, operand) ||
           std::ranges::any_of(operand.keys,
                               [&](const Operand& key) { return may_lack(scope, key); });
}

}  // namespace

std::string describe_type(FieldType type) {
    if (!type.is_number()) {
        return to_string(type);
    }
    return type.places == 0 ? "a number"
                            : fmt::format("a number with {} decimal places", type.places);
}

Result<std::shared_ptr<const ExpressionProgram>> ExpressionCompiler::run(const Operand& operand,
                                                                         Wanted wanted) {
    if (wanted) {
        takes_null_ = wanted->optional;
        wanted = wanted->required();
    }
    const TableSizes before = table_sizes();
    PLUMBLINE_TRY(Fragment all, part(operand, wanted, true));
    if (wanted && wanted->is_number() && all.type.is_number()) {
        if (all.type.places > wanted->places) {
            return mistake(operand,
                           fmt::format("is {}, and {} fit there: round_down(x, {}), round_up or "
                                       "round_half_even say what becomes of the others",
                                       describe_type(all.type), wanted->places, wanted->places));
        }
        all = in_places(operand, std::move(all), wanted->places);
    }
    if (wanted && wanted->kind == FieldKind::kEnum && all.type.is_number() &&
        all.type.places == 0) {
        // A number is the place of a name.
        all = then(std::move(all), instruction(ExprOp::kFit, operand, 0, 0, *wanted), *wanted);
    }
    PLUMBLINE_TRY(all, folded(operand, std::move(all), before));
    if (all.depth > kExpressionStackMax) {
        return mistake(operand, fmt::format("needs {} values at a time, and {} are the most",
                                            all.depth, kExpressionStackMax));
    }
    out_.code = std::move(all.code);
    out_.type = all.type;
    return std::make_shared<const ExpressionProgram>(std::move(out_));
}

Error ExpressionCompiler::mistake(const Operand& operand, std::string_view message) const {
    return mistake_at(scope_.plan.config_path, operand.pos,
                      fmt::format("{} {}", in_quotes(operand.source), message));
}

Error ExpressionCompiler::wants(const Operand& call, const Operand& side, std::string_view what,
                                FieldType is) const {
    return mistake(call, fmt::format("wants {}, and {} is {}", what, in_quotes(side.source),
                                     describe_type(is)));
}

Status ExpressionCompiler::count_is(const Operand& call, size_t least, size_t most) const {
    if (call.keys.size() >= least && call.keys.size() <= most) {
        return ok();
    }
    return mistake(call, least == most ? fmt::format("takes {} value{}, not {}", least,
                                                     least == 1 ? "" : "s", call.keys.size())
                                       : fmt::format("takes {} to {} values, not {}", least, most,
                                                     call.keys.size()));
}

ExprInstruction ExpressionCompiler::instruction(ExprOp op, const Operand& of, uint32_t at,
                                                uint8_t kind, FieldType type) {
    if (out_.sources.empty() || out_.sources.back() != of.source) {
        out_.sources.push_back(of.source);
    }
    return {op, kind, static_cast<uint16_t>(out_.sources.size() - 1), at, type};
}

ExprFragment ExpressionCompiler::joined(std::vector<Fragment> parts, const ExprInstruction& last,
                                        FieldType type) {
    Fragment out;
    out.type = type;
    for (size_t i = 0; i < parts.size(); ++i) {
        out.depth = std::max(out.depth, static_cast<uint32_t>(i) + parts[i].depth);
        out.code.insert(out.code.end(), parts[i].code.begin(), parts[i].code.end());
    }
    out.code.push_back(last);
    return out;
}

ExprFragment ExpressionCompiler::joined(Fragment left, Fragment right, const ExprInstruction& last,
                                        FieldType type) {
    std::vector<Fragment> parts;
    parts.push_back(std::move(left));
    parts.push_back(std::move(right));
    return joined(std::move(parts), last, type);
}

ExprFragment ExpressionCompiler::then(Fragment part, const ExprInstruction& last, FieldType type) {
    part.code.push_back(last);
    part.type = type;
    part.is_hash = false;
    return part;
}

Result<ExprFragment> ExpressionCompiler::part(const Operand& operand, Wanted wanted,
                                              bool is_result) {
    if (is_literal(operand)) {
        return literal(operand, wanted);
    }
    if (operand.kind == Operand::Kind::kCall) {
        const TableSizes before = table_sizes();
        PLUMBLINE_TRY(Fragment made, call(operand, wanted, is_result));
        return folded(operand, std::move(made), before);
    }
    if (operand.kind == Operand::Kind::kNull) {
        return null(operand, wanted, is_result);
    }
    auto leaf = compile_leaf(scope_, operand);
    if (!leaf) {
        return wanted ? or_text(scope_, std::move(leaf).error(), operand, *wanted)
                      : std::move(leaf).error();
    }
    Fragment out;
    out.type = leaf->type;
    out.is_hash = leaf->kind == PlanOperand::Kind::kParam && leaf->path.hashed;
    out_.leaves.push_back(*std::move(leaf));
    out.code.push_back(instruction(ExprOp::kLeaf, operand,
                                   static_cast<uint32_t>(out_.leaves.size() - 1), 0, out.type));
    return out;
}

Result<ExprFragment> ExpressionCompiler::null(const Operand& operand, Wanted wanted,
                                              bool is_result) {
    if (!is_result) {
        return mistake(operand,
                       "has no value to calculate with: it may be what if or ?? gives as a whole; "
                       "exists(entity[key].field) tells whether a field is set");
    }
    if (!takes_null_) {
        return mistake(operand, "fits only an optional field, as of type \"uint64?\"");
    }
    Fragment out;
    out.type = *wanted;  // a place that takes a null has a type
    out.code.push_back(instruction(ExprOp::kNull, operand));
    return out;
}

Result<ExprFragment> ExpressionCompiler::literal(const Operand& operand, Wanted wanted) {
    ExprLiteral value;
    FieldType type = kAnyNumber;
    if (operand.kind == Operand::Kind::kNumber ||
        (operand.kind == Operand::Kind::kHex && wanted && wanted->is_number())) {
        if (operand.kind == Operand::Kind::kHex && operand.bytes.size() > 32) {
            return mistake(operand, "is longer than the 32 bytes of a number");
        }
        if (operand.kind == Operand::Kind::kHex && operand.bytes.empty()) {
            return mistake(operand, "is no number: there are no digits behind 0x");
        }
        value.word = operand.kind == Operand::Kind::kHex ? evm::U256::from_be(operand.bytes)
                                                         : operand.number;
        value.is_number = true;
        value.is_signed = operand.negative;
        type = any_number(operand.places);
    } else {
        const bool is_name = wanted && wanted->kind == FieldKind::kEnum;
        if (!wanted || wanted->is_number() ||
            (operand.kind == Operand::Kind::kString && !is_name)) {
            wanted = operand.kind == Operand::Kind::kBool  ? kBool
                     : operand.kind == Operand::Kind::kHex ? kBytes
                                                           : kText;
        }
        PLUMBLINE_TRY(const PlanOperand plain,
                      compile_literal(scope_.plan, operand, *wanted, "what stands here"));
        value.word = plain.word;
        value.bytes = plain.bytes;
        type = *wanted;
    }
    Fragment out;
    out.type = type;
    out_.literals.push_back(std::move(value));
    out.code.push_back(
        instruction(ExprOp::kLiteral, operand, static_cast<uint32_t>(out_.literals.size() - 1)));
    return out;
}

Result<std::pair<ExprFragment, ExprFragment>> ExpressionCompiler::alike(
    const Operand& call, const Operand& a, const Operand& b, Wanted wanted, bool are_results,
    LazySides lazy) {
    // Beside a number, 0x.. is one too. A null is of any type.
    using Kind = Operand::Kind;
    const bool a_waits =
        b.kind != Kind::kNull &&
        (a.kind == Kind::kNull ||
         (is_literal(a) && (!is_literal(b) || (a.kind == Kind::kHex && b.kind == Kind::kNumber))));
    const auto made = [&](bool is_first, Wanted type) {
        const LazyPart part_of{scope_, is_first ? lazy.first : lazy.second};
        return part(is_first ? a : b, type, are_results);
    };
    PLUMBLINE_TRY(Fragment first, made(!a_waits, wanted));
    PLUMBLINE_TRY(Fragment second, made(a_waits, first.type));
    if (first.type != second.type && !(first.type.is_number() && second.type.is_number())) {
        return mistake(call,
                       fmt::format("wants two values of one type, and {} is {}, {} is {}{}",
                                   in_quotes((a_waits ? b : a).source), describe_type(first.type),
                                   in_quotes((a_waits ? a : b).source), describe_type(second.type),
                                   hash_hint(scope_, a, b, call.call)));
    }
    if (a_waits) {
        std::swap(first, second);
    }
    if (first.type.is_number()) {
        align(call, first, second);
    }
    return std::pair{std::move(first), std::move(second)};
}

Result<ExprFragment> ExpressionCompiler::truth(const Operand& call, const Operand& side) {
    PLUMBLINE_TRY(Fragment out, part(side, kBool));
    if (out.type != kBool) {
        return wants(call, side, "true or false", out.type);
    }
    return out;
}

Result<ExprFragment> ExpressionCompiler::call(const Operand& call, Wanted wanted, bool is_result) {
    PLUMBLINE_TRY(std::optional<Fragment> numbers, of_numbers(call));
    if (numbers) {
        return *std::move(numbers);
    }
    if (const CompareOp* op = find_compare_op(call.call)) {
        return comparison(call, *op);
    }
    if (call.call == "and" || call.call == "or") {
        return both_or_either(call);
    }
    if (call.call == "not") {
        PLUMBLINE_TRY(Fragment side, truth(call, call.keys[0]));
        return then(std::move(side), instruction(ExprOp::kNot, call), kBool);
    }
    if (call.call == "if") {
        return choice(call, wanted, is_result);
    }
    if (call.call == "??") {
        return otherwise(call, wanted, is_result);
    }
    if (call.call == "exists") {
        return exists(call);
    }
    if (const auto type = storage::parse_field_type(call.call); type) {
        return cast(call, *type);
    }
    return of_bytes(call);
}

Result<ExprFragment> ExpressionCompiler::comparison(const Operand& call, CompareOp op) {
    PLUMBLINE_TRY(auto sides, alike(call, call.keys[0], call.keys[1], {}));
    const FieldType type = sides.first.type;
    const bool is_equality = op == CompareOp::kEq || op == CompareOp::kNe;
    if (!type.is_number() && !is_equality) {
        return mistake(call, fmt::format("compares {}: only == and != do that", to_string(type)));
    }
    const uint8_t kind =
        type.is_number() ? static_cast<uint8_t>(op) : static_cast<uint8_t>(op == CompareOp::kNe);
    const ExprOp code = type.is_number()    ? ExprOp::kCompare
                        : type.is_dynamic() ? ExprOp::kSameBytes
                                            : ExprOp::kSameWord;
    return joined(std::move(sides.first), std::move(sides.second), instruction(code, call, 0, kind),
                  kBool);
}

Result<ExprFragment> ExpressionCompiler::both_or_either(const Operand& call) {
    PLUMBLINE_TRY(Fragment left, truth(call, call.keys[0]));
    const LazyPart right_of{scope_, constant_truth(left) != (call.call == "and")};
    PLUMBLINE_TRY(Fragment right, truth(call, call.keys[1]));
    left.code.push_back(instruction(call.call == "and" ? ExprOp::kAnd : ExprOp::kOr, call,
                                    static_cast<uint32_t>(right.code.size())));
    left.code.insert(left.code.end(), right.code.begin(), right.code.end());
    left.depth = std::max(left.depth, right.depth);
    return left;
}

Result<ExprFragment> ExpressionCompiler::choice(const Operand& call, Wanted wanted,
                                                bool is_result) {
    PLUMBLINE_TRY_VOID(count_is(call, 3, 3));
    PLUMBLINE_TRY(Fragment out, truth(call, call.keys[0]));
    const std::optional<bool> is_yes = constant_truth(out);
    PLUMBLINE_TRY(auto ways, alike(call, call.keys[1], call.keys[2], wanted, is_result,
                                   {is_yes != true, is_yes != false}));
    Fragment& yes = ways.first;
    const Fragment& no = ways.second;
    yes.code.push_back(instruction(ExprOp::kJump, call, static_cast<uint32_t>(no.code.size())));
    out.code.push_back(
        instruction(ExprOp::kJumpUnless, call, static_cast<uint32_t>(yes.code.size())));
    out.code.insert(out.code.end(), yes.code.begin(), yes.code.end());
    out.code.insert(out.code.end(), no.code.begin(), no.code.end());
    out.depth = std::max({out.depth, yes.depth, no.depth});
    out.type = yes.type;
    out.is_hash = yes.is_hash || no.is_hash;
    return out;
}

Result<ExprFragment> ExpressionCompiler::otherwise(const Operand& call, Wanted wanted,
                                                   bool is_result) {
    // A missing row may come before what fails.
    const LazyPart both_of{scope_, true};
    if (!may_lack(scope_, call.keys[0])) {
        PLUMBLINE_TRY_VOID(part(call.keys[0]));
        return mistake(call, fmt::format("has no look-up and no optional field before ??: {} is "
                                         "never missing",
                                         in_quotes(call.keys[0].source)));
    }
    PLUMBLINE_TRY(auto ways, alike(call, call.keys[0], call.keys[1], wanted, is_result));
    Fragment& there = ways.first;
    const Fragment& missing = ways.second;
    there.code.push_back(
        instruction(ExprOp::kEndTry, call, static_cast<uint32_t>(missing.code.size())));
    Fragment out;
    out.code.push_back(instruction(ExprOp::kTry, call, static_cast<uint32_t>(there.code.size())));
    out.code.insert(out.code.end(), there.code.begin(), there.code.end());
    out.code.insert(out.code.end(), missing.code.begin(), missing.code.end());
    out.depth = std::max(there.depth, missing.depth);
    out.type = there.type;
    return out;
}

Result<ExprFragment> ExpressionCompiler::exists(const Operand& call) {
    const Operand& what = call.keys[0];
    const bool is_row = what.kind == Operand::Kind::kLookup && what.field.empty();
    if (what.kind == Operand::Kind::kLookup && scope_.row != nullptr && !scope_.is_outside_fold) {
        return mistake(call, "looks at other rows; drop looks at the row itself only");
    }
    PLUMBLINE_TRY(PlanOperand leaf,
                  is_row ? compile_row(scope_, what) : compile_optional(scope_, what));
    out_.leaves.push_back(std::move(leaf));
    Fragment out;
    out.type = kBool;
    out.code.push_back(instruction(is_row ? ExprOp::kExists : ExprOp::kIsSet, call,
                                   static_cast<uint32_t>(out_.leaves.size() - 1)));
    return out;
}

Result<PlanOperand> compile_expression(OperandScope& scope, const Operand& operand,
                                       std::optional<FieldType> wanted) {
    PlanOperand out;
    out.kind = PlanOperand::Kind::kExpression;
    out.source = operand.source;
    PLUMBLINE_TRY(out.program, ExpressionCompiler{scope}.run(operand, wanted));
    out.type = out.program->type;
    out.target = out.type;
    return out;
}

}  // namespace plumbline::engine
