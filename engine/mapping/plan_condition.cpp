// `when` and `drop`: two values that are compared, or one that is true or false.
#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/free_expression.hpp"
#include "engine/mapping/plan_value.hpp"

namespace plumbline::engine {

using storage::FieldKind;
using storage::FieldType;

namespace {

std::string_view sign_of(CompareOp op) {
    return std::ranges::find(kCompareOps, op, &std::pair<std::string_view, CompareOp>::second)
        ->first;
}

/// An indexed text is compared by its hash, which whoever writes the text itself does not mean.
Status check_hash(const OperandScope& scope, const Condition& condition) {
    const auto is_contents = [](const Operand& side) {
        return side.kind == Operand::Kind::kString ||
               (side.kind == Operand::Kind::kHex && side.bytes.size() != 32);
    };
    if (!is_contents(condition.left) && !is_contents(condition.right)) {
        return ok();
    }
    const std::string hint =
        hash_hint(scope, condition.left, condition.right, sign_of(condition.op));
    return hint.empty() ? ok()
                        : Status{mistake_at(scope.plan.config_path, condition.pos,
                                            hint.substr(std::string_view{"; "}.size()))};
}

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
    return mistake_at(path, condition.pos,
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
        return mistake_at(path, condition.pos,
                          fmt::format("the condition compares two literals, {} and {}",
                                      show_literal(condition.left), show_literal(condition.right)));
    }
    if (!left_literal && !is_alone) {
        PLUMBLINE_TRY(out.left, compile_leaf(scope, condition.left));
    }
    if (!right_literal) {
        auto right = compile_leaf(scope, condition.right);
        if (!right) {
            return left_literal
                       ? std::move(right).error()
                       : or_text(scope, std::move(right).error(), condition.right, out.left.type);
        }
        out.right = *std::move(right);
    }
    PLUMBLINE_TRY_VOID(check_hash(scope, condition));
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
        return mistake_at(
            path, condition.pos,
            fmt::format("cannot compare '{}' ({}) with '{}' ({}){}", out.left.source,
                        to_string(out.left.type), out.right.source, to_string(out.right.type),
                        hash_hint(scope, condition.left, condition.right, sign_of(condition.op))));
    }
    if (!numbers && out.op != CompareOp::kEq && out.op != CompareOp::kNe) {
        return mistake_at(path, condition.pos,
                          fmt::format("'{}' is {}: only == and != compare it", out.left.source,
                                      to_string(out.left.type)));
    }
    return out;
}

}  // namespace plumbline::engine
