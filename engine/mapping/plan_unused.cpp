// What a config declares and nothing uses.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/expression_program.hpp"

namespace plumbline::engine {

namespace {

bool uses(const PlanOperand& operand, const PlanCall& call) {
    const auto is_used_by = [&](const std::vector<PlanOperand>& all) {
        return std::ranges::any_of(all, [&](const PlanOperand& one) { return uses(one, call); });
    };
    return operand.call.get() == &call || is_used_by(operand.keys) ||
           (operand.program != nullptr && is_used_by(operand.program->leaves));
}

bool uses(const PlanHandler& handler, const PlanCall& call) {
    const auto in_operand = [&](const PlanOperand& one) { return uses(one, call); };
    return std::ranges::any_of(handler.key, in_operand) ||
           std::ranges::any_of(handler.ops,
                               [&](const PlanOp& op) { return in_operand(op.value); }) ||
           std::ranges::any_of(handler.when,
                               [&](const PlanCondition& condition) {
                                   return in_operand(condition.left) || in_operand(condition.right);
                               }) ||
           std::ranges::any_of(handler.calls, [&](const auto& other) {
               return in_operand(other->at) || std::ranges::any_of(other->args, in_operand);
           });
}

void tell_unused_calls(const CompiledPlan& plan, std::vector<std::string>& out) {
    std::set<std::pair<uint32_t, std::string>> told;  // a handler of several events is there often
    for (const PlanEvent& event : plan.events) {
        for (const PlanHandler& handler : event.handlers) {
            for (const auto& call : handler.calls) {
                if (!uses(handler, *call) && told.insert({handler.on, call->name}).second) {
                    out.push_back(mistake_at(plan.config_path, call->pos,
                                             fmt::format("call '{}' is made and stored, and no "
                                                         "value of its [[on]] uses $call.{}",
                                                         call->name, call->name))
                                      .message);
                }
            }
        }
    }
}

/// A handler in C++ may write any of them.
void tell_unwritten_entities(const CompiledPlan& plan, std::vector<std::string>& out) {
    std::vector<bool> is_written(plan.entities.size(), false);
    for (const PlanEvent& event : plan.events) {
        if (!event.functions.empty()) {
            return;
        }
        for (const PlanHandler& handler : event.handlers) {
            is_written[handler.entity] = true;
        }
    }
    for (size_t i = 0; i < plan.entities.size(); ++i) {
        if (!is_written[i]) {
            out.push_back(mistake_at(plan.config_path, plan.entity_pos[i],
                                     fmt::format("no [[on]] writes entity '{}': it has no rows, "
                                                 "unless a handler in C++ makes them",
                                                 plan.entities[i].name))
                              .message);
        }
    }
}

}  // namespace

std::vector<std::string> Plan::unused() const {
    std::vector<std::string> out;
    tell_unused_calls(*compiled_, out);
    tell_unwritten_entities(*compiled_, out);
    return out;
}

}  // namespace plumbline::engine
