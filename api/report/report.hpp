// Analytics declared in the config as [reports.NAME]: rows or events grouped and counted.
//
//   entity   = "vote"                     # or event = "hub.VoteCast"
//   where    = ["weight > 0"]             # all must hold
//   group_by = ["question_id"]            # a time rounded down by "/day", a number by "/1000"
//   metric   = "count"                    # count | sum | min | max | distinct | ratio
//   of       = "weight"                   # what is summed...
//   to       = "question[question_id].x"  # ratio: sum of `of` over sum of `to`
//   top      = 10                         # only the highest so many
//
// Values are expressions over the row's columns or the event's parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/expression_program.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// A value that a row or an event gives.
struct ReportValue {
    std::shared_ptr<const engine::ExpressionProgram> program;
    storage::FieldType type;  ///< a number that is calculated is an int256 or a decimal
    uint64_t step = 0;        ///< above 0: rounded down to a multiple of it
    std::string name;         ///< as written
};

enum class ReportMetric : uint8_t { kCount, kSum, kMin, kMax, kDistinct, kRatio };

struct Report {
    std::string name;
    std::string about;
    std::optional<size_t> entity;
    std::shared_ptr<const engine::PlanEvent> event;  ///< where it counts events
    std::vector<ReportValue> where;                  ///< each true or false
    std::vector<ReportValue> group_by;
    ReportMetric metric = ReportMetric::kCount;
    std::string metric_name = "count";
    std::optional<ReportValue> of;
    std::optional<ReportValue> to;
    uint64_t top = 0;  ///< 0: all, in order of the groups
};

struct ReportGroup {
    std::string by;     ///< JSON object of the group's values
    std::string value;  ///< JSON
};
struct ReportResult {
    std::vector<ReportGroup> groups;
    uint64_t scanned = 0;
};

/// What counting may cost.
struct ReportLimits {
    uint64_t scan_max = 2'000'000;
    size_t groups_max = 100'000;
    int64_t deadline_ms = INT64_MAX;  ///< monotonic
};

/// The [reports] of a config text; kInvalidArgument with path:line where one does not fit.
[[nodiscard]] Result<std::vector<Report>> read_reports(std::string_view config_text,
                                                       const std::string& path,
                                                       const engine::Plan& plan);

/// kTooLarge or kTimeout where it costs more than `limits` allow, kTooLarge too where a sum needs
/// more than 512 bits; kInvalidArgument where a value breaks a rule, as a division by zero does.
[[nodiscard]] Result<ReportResult> count_report(const Report& report, const storage::ReadView& view,
                                                const std::shared_ptr<const engine::Plan>& plan,
                                                const Clock& clock, const ReportLimits& limits);

}  // namespace plumbline::api
