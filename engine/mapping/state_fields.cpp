#include "engine/mapping/state_fields.hpp"

#include "engine/mapping/expression_program.hpp"

namespace plumbline::engine {

namespace {

void mark_told(const StatePlan::Return& item, std::vector<bool>& told) {
    if (item.kind == StatePlan::Return::Kind::kField) {
        told[item.field] = true;
    }
    if (item.kind == StatePlan::Return::Kind::kExpression) {
        for (const PlanOperand& leaf : item.literal.program->leaves) {
            if (leaf.kind == PlanOperand::Kind::kField) {
                told[leaf.field] = true;
            }
        }
    }
}

}  // namespace

ComparedFields compared_fields(const Plan& plan, uint32_t entity) {
    const std::vector<storage::Field>& fields = plan.entities()[entity].fields;
    std::vector<bool> told(fields.size(), false);
    for (const StatePlan& state : plan.state_plans()) {
        if (state.entity == entity) {
            for (const StatePlan::Return& item : state.returns) {
                mark_told(item, told);
            }
        }
    }
    ComparedFields out;
    for (size_t i = 0; i < fields.size(); ++i) {
        (told[i] ? out.told : out.left_out).push_back(fields[i].name);
    }
    return out;
}

}  // namespace plumbline::engine
