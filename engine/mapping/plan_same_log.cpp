// A handler of several events of which one log may be more than one: contracts at one address, each
// with an ABI of its own. It runs once, by the names of the first, so all must mean the same by
// them.
#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

/// Both of one config's handler, so they come in one order.
using ParamList = std::vector<std::pair<const evm::ValuePath*, const std::string*>>;

void add_params(const PlanOperand& operand, ParamList& out) {
    if (operand.kind == PlanOperand::Kind::kParam) {
        out.emplace_back(&operand.path, &operand.source);
    }
    for (const PlanOperand& key : operand.keys) {
        add_params(key, out);
    }
    if (operand.program != nullptr) {
        for (const PlanOperand& leaf : operand.program->leaves) {
            add_params(leaf, out);
        }
    }
}

ParamList params_of(const PlanHandler& handler) {
    ParamList out;
    for (size_t i = 0; i < handler.each.size(); ++i) {
        out.emplace_back(&handler.each[i], &handler.each_names[i]);
    }
    for (const auto& call : handler.calls) {
        add_params(call->at, out);
        for (const PlanOperand& arg : call->args) {
            add_params(arg, out);
        }
    }
    for (const PlanCondition& condition : handler.when) {
        add_params(condition.left, out);
        add_params(condition.right, out);
    }
    for (const PlanOperand& key : handler.key) {
        add_params(key, out);
    }
    for (const PlanOp& op : handler.ops) {
        add_params(op.value, out);
    }
    return out;
}

bool share_address(const Source& a, const Source& b) {
    return a.any_address || b.any_address ||
           std::ranges::any_of(a.addresses, [&](const evm::Address& address) {
               return std::ranges::find(b.addresses, address) != b.addresses.end();
           });
}

}  // namespace

Status check_same_log(const CompiledPlan& plan, const PlanEvent& first, const PlanEvent& second,
                      SourcePos pos) {
    const bool is_one = first.source != second.source && !first.decoder.event().anonymous &&
                        !second.decoder.event().anonymous &&
                        first.decoder.topic0() == second.decoder.topic0() &&
                        first.decoder.topic_count() == second.decoder.topic_count() &&
                        share_address(plan.sources[first.source], plan.sources[second.source]);
    if (!is_one) {
        return ok();
    }
    const ParamList ours = params_of(first.handlers.back());
    const ParamList theirs = params_of(second.handlers.back());
    for (size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
        if (ours[i].first->steps != theirs[i].first->steps) {
            return mistake_at(
                plan.config_path, pos,
                fmt::format("a log may be {} as well as {}, and '{}' names parameter {} in the one "
                            "ABI and {} in the other; write $arg.N for the one that is meant, "
                            "from 0",
                            first.name, second.name, *ours[i].second, ours[i].first->steps.front(),
                            theirs[i].first->steps.front()));
        }
    }
    return ok();
}

}  // namespace plumbline::engine
