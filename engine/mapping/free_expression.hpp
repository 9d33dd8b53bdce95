// Expressions outside of a fold: over one row as it is stored, or over one stored event. Reports
// are made of them.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/expression_program.hpp"

namespace plumbline::engine {

/// The columns of `plan.entities[entity]` by name, and look-ups. Leaves are of the kinds kField,
/// kKeyField, kLookup and kLiteral. kInvalidArgument with file, line and column.
[[nodiscard]] Result<std::shared_ptr<const ExpressionProgram>> compile_over_row(
    const CompiledPlan& plan, size_t entity, const Operand& operand);

/// What a handler of `event` knows, but for what the log does not keep ($txn.from, .to, .value).
[[nodiscard]] Result<std::shared_ptr<const ExpressionProgram>> compile_over_event(
    const CompiledPlan& plan, const PlanEvent& event, const Operand& operand);

/// The event that `contract.Event` means, whether somebody handles it or not; it has no handlers.
[[nodiscard]] Result<PlanEvent> find_free_event(const CompiledPlan& plan, const std::string& name,
                                                SourcePos pos);

/// The condition as an expression that is true or false.
[[nodiscard]] Operand as_operand(const Condition& condition);

}  // namespace plumbline::engine
