#include "engine/mapping/free_expression.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

Result<std::shared_ptr<const ExpressionProgram>> compile_over_row(const CompiledPlan& plan,
                                                                  size_t entity,
                                                                  const Operand& operand) {
    OperandScope scope{plan, nullptr, &plan.entities[entity], {}, {}, true};
    PLUMBLINE_TRY(PlanOperand out, compile_expression(scope, operand, {}));
    return std::move(out.program);
}

Result<std::shared_ptr<const ExpressionProgram>> compile_over_event(const CompiledPlan& plan,
                                                                    const PlanEvent& event,
                                                                    const Operand& operand) {
    OperandScope scope{plan, &event, nullptr, {}, {}, true};
    PLUMBLINE_TRY(PlanOperand out, compile_expression(scope, operand, {}));
    if (scope.txn_needs.any()) {
        return mistake_at(plan.config_path, operand.pos,
                          fmt::format("{}: a stored event does not have what only its "
                                      "transaction says",
                                      in_quotes(operand.source)));
    }
    return std::move(out.program);
}

Result<PlanEvent> find_free_event(const CompiledPlan& plan, const std::string& name,
                                  SourcePos pos) {
    const auto member = parse_member(name);
    const int source = member ? find_source(plan, member->contract) : -1;
    if (source < 0) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("event {}: write contract.Event of one of the contracts {}",
                                      in_quotes(name), fmt::join(contract_names(plan), ", ")));
    }
    const auto index = static_cast<uint32_t>(source);
    const auto told = [&](const Error& error) {
        return mistake_at(plan.config_path, pos,
                          fmt::format("contract '{}': {}", member->contract, error.message));
    };
    const auto found = plan.abis[index].find_event(member->member);
    if (!found) {
        return told(found.error());
    }
    const evm::AbiEvent* abi = *found;
    auto compiled = evm::EventDecoder::compile(*abi);
    if (!compiled) {
        return told(compiled.error());
    }
    evm::EventDecoder decoder = *std::move(compiled);
    return PlanEvent{index, fmt::format("{}.{}", member->contract, abi->name), std::move(decoder)};
}

Operand as_operand(const Condition& condition) {
    if (condition.left.kind == Operand::Kind::kCall && condition.op == CompareOp::kEq &&
        condition.right.kind == Operand::Kind::kBool && !condition.right.number.is_zero()) {
        return condition.left;  // how an expression that must hold is written
    }
    const auto sign = std::ranges::find(kCompareOps, condition.op,
                                        &std::pair<std::string_view, CompareOp>::second);
    Operand out;
    out.kind = Operand::Kind::kCall;
    out.call = std::string{sign->first};
    out.keys = {condition.left, condition.right};
    out.source = fmt::format("{} {} {}", condition.left.source, out.call, condition.right.source);
    out.pos = condition.pos;
    return out;
}

}  // namespace plumbline::engine
