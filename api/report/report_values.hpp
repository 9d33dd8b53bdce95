// What the expressions of a report are calculated from: one row, or one stored event.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/int512.hpp"
#include "engine/mapping/expression_run.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/entity_key.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// Calculates expressions over what `at_row` or `at_event` was told last. Views of its results are
/// valid until the next of these calls. One thread; view and plan must outlive it.
class ReportValues {
  public:
    ReportValues(const storage::ReadView& view, const engine::CompiledPlan& plan);
    ReportValues(const ReportValues&) = delete;
    ReportValues& operator=(const ReportValues&) = delete;
    ~ReportValues();

    /// kCorruption where `key` is none of that entity.
    [[nodiscard]] Status at_row(size_t entity, std::string_view key, std::string_view row);
    /// False where the log does not decode as `event`: it is another one's of the same name.
    [[nodiscard]] bool at_event(const engine::PlanEvent& event, const storage::LogRecord& record,
                                uint64_t timestamp);
    /// kInvalidArgument names the part that broke a rule (division by zero) and where. A row that a
    /// look-up does not find has zeros and nothing, unless `??` says what then.
    [[nodiscard]] Result<engine::ExprValue> calculate(const engine::ExpressionProgram& program);

  private:
    class Leaves;
    std::unique_ptr<Leaves> leaves_;
    engine::ExpressionRunner runner_;
};

}  // namespace plumbline::api
