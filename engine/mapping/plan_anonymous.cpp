// Anonymous events have no topic of their own: a log of an event that the ABI does not know looks
// the same. So only the author can say which logs are one: by a `when` that compares an indexed
// parameter (a topic) with a literal, or by naming the event in the contract's `anonymous`.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

bool is_always(const CompiledPlan& plan, const PlanEvent& event) {
    const std::vector<std::string>& listed = plan.always_anonymous[event.source];
    return std::ranges::find(listed, event.decoder.event().signature()) != listed.end();
}

/// Which topic holds the operand's value, or -1 where it is not a topic.
int topic_of(const PlanEvent& event, const PlanOperand& operand) {
    const std::vector<evm::AbiParam>& inputs = event.decoder.event().inputs;
    if (operand.kind != PlanOperand::Kind::kParam || operand.param < 0 ||
        !inputs[static_cast<size_t>(operand.param)].indexed) {
        return -1;
    }
    return static_cast<int>(std::count_if(inputs.begin(), inputs.begin() + operand.param,
                                          [](const evm::AbiParam& in) { return in.indexed; }));
}

/// The comparisons of a topic with a literal among `when`.
std::vector<TopicTest> topic_tests(const PlanEvent& event, const std::vector<PlanCondition>* when) {
    std::vector<TopicTest> out;
    if (when == nullptr) {
        return out;
    }
    for (const PlanCondition& condition : *when) {
        if (condition.op != CompareOp::kEq && condition.op != CompareOp::kNe) {
            continue;
        }
        const bool is_left = topic_of(event, condition.left) >= 0;
        const PlanOperand& topic = is_left ? condition.left : condition.right;
        const PlanOperand& literal = is_left ? condition.right : condition.left;
        const int index = topic_of(event, topic);
        if (index >= 0 && literal.kind == PlanOperand::Kind::kLiteral) {
            out.push_back(
                {static_cast<uint8_t>(index), condition.op == CompareOp::kEq, literal.word});
        }
    }
    return out;
}

}  // namespace

Status check_anonymous(const CompiledPlan& plan, uint32_t source, const evm::AbiEvent& event,
                       SourcePos pos) {
    if (!event.anonymous) {
        return ok();
    }
    for (const evm::AbiEvent& other : plan.abis[source].events) {
        if (other.anonymous && !(other == event) && other.topic_count() == event.topic_count()) {
            return mistake_at(
                plan.config_path, pos,
                fmt::format("{}: the anonymous events {} and {} both have {} "
                            "topic{}: their logs cannot be told apart",
                            plan.sources[source].contract, event.signature(), other.signature(),
                            event.topic_count(), event.topic_count() == 1 ? "" : "s"));
        }
    }
    return ok();
}

Status add_anonymous(CompiledPlan& plan, uint32_t source, const ContractConfig& contract) {
    for (const std::string& name : contract.anonymous) {
        PLUMBLINE_TRY(const std::vector<size_t> found,
                      add_events(plan, source, name, contract.pos));
        PlanEvent& event = plan.events[found.front()];
        const evm::AbiEvent& abi = event.decoder.event();
        if (!abi.anonymous) {
            return mistake_at(plan.config_path, contract.pos,
                              fmt::format("contract '{}': anonymous: {} is not anonymous: its "
                                          "topic tells it",
                                          contract.name, abi.signature()));
        }
        plan.always_anonymous[source].push_back(abi.signature());
        event.told_by = {{}};
    }
    return ok();
}

Status tell_anonymous(const CompiledPlan& plan, PlanEvent& event,
                      const std::vector<PlanCondition>* when, SourcePos pos) {
    const evm::AbiEvent& abi = event.decoder.event();
    if (!abi.anonymous || is_always(plan, event)) {
        return ok();
    }
    if (std::vector<TopicTest> tests = topic_tests(event, when); !tests.empty()) {
        event.told_by.push_back(std::move(tests));
        return ok();
    }
    std::string indexed;
    for (const evm::AbiParam& input : abi.inputs) {
        if (when != nullptr && input.indexed && !input.name.empty()) {
            indexed += (indexed.empty() ? "" : ", ") + input.name;
        }
    }
    const std::string& contract = plan.sources[event.source].contract;
    return mistake_at(
        plan.config_path, pos,
        fmt::format("{} is anonymous: any event that the ABI does not know may look like it. {}"
                    "[contracts.{}] anonymous = [\"{}\"] takes every unknown log of {} topic{} for "
                    "it",
                    event.name,
                    indexed.empty() ? ""
                                    : fmt::format("Say which logs it is with a `when` that has == "
                                                  "or != of an indexed parameter ({}) and a "
                                                  "literal, or: ",
                                                  indexed),
                    contract, abi.name, abi.topic_count(), abi.topic_count() == 1 ? "" : "s"));
}

}  // namespace plumbline::engine
