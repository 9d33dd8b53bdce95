// Analytics declared in the config as [reports.NAME]: rows or events grouped and counted.
//
//   entity   = "vote"                     # or event = "hub.VoteCast"
//   where    = ["weight > 0"]             # all must hold; a column or look-up against a literal
//   group_by = ["question_id"]            # columns or look-ups; a time by "/day", a number by
//   "/1000" metric   = "count"                    # count | sum | min | max | distinct | ratio of
//   = "weight"                   # what is summed... to       = "question[question_id].x"  # ratio:
//   sum of `of` over sum of `to` top      = 10                         # only the highest so many
//
// Of events only $block.number, $block.timestamp, and the metric count can be used.
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
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// A value that a row gives: a column, a field of another row, or a literal.
struct ReportValue {
    enum class Kind : uint8_t { kColumn, kLookup, kLiteral, kBlockNumber, kBlockTimestamp };
    Kind kind = Kind::kColumn;
    storage::FieldType type;
    size_t column = 0;  ///< kColumn: of the entity; kLookup: of the other's fields
    size_t entity = 0;  ///< kLookup
    std::vector<ReportValue> keys;
    evm::U256 word;     ///< kLiteral
    std::string bytes;  ///< kLiteral
    uint64_t step = 0;  ///< above 0: rounded down to a multiple of it
    std::string name;   ///< as written
};

struct ReportCondition {
    ReportValue left;
    engine::CompareOp op = engine::CompareOp::kEq;
    ReportValue right;
};

enum class ReportMetric : uint8_t { kCount, kSum, kMin, kMax, kDistinct, kRatio };

struct Report {
    std::string name;
    std::string about;
    std::optional<size_t> entity;
    std::string contract, event;  ///< where it counts events
    std::vector<ReportCondition> where;
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
[[nodiscard]] Result<std::vector<Report>> read_reports(
    std::string_view config_text, const std::string& path,
    const std::vector<storage::EntityLayout>& entities);

/// kTooLarge or kTimeout where it costs more than `limits` allow.
[[nodiscard]] Result<ReportResult> count_report(const Report& report, const storage::ReadView& view,
                                                const std::shared_ptr<const engine::Plan>& plan,
                                                const Clock& clock, const ReportLimits& limits);

}  // namespace plumbline::api
