// What the queue knows of repairs: the newest one, and the newest plan of one (a dry run).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/task/work_queue.hpp"

namespace plumbline::engine {

/// A task `repair` as people ask for it. `steps` and `left` come from its result, 20 of each at
/// most, so they are empty before it has ended.
struct RepairRun {
    TaskRow task;
    bool is_dry_run = false;
    std::string entity;         ///< the entities that it was asked to look at; empty: all
    bool is_whole = false;      ///< nothing was found at the end
    bool leaves_drift = false;  ///< events and rows are proven, and the contract tells otherwise
    std::vector<std::string> steps;  ///< what was done, or of a dry run would be
    std::vector<std::string> left;   ///< what is not mended, and why
    /// Rows of which the contract told otherwise at its end, as `place_of` names them: a hundred at
    /// most.
    std::set<std::string> found_by_state;
};

struct RepairRuns {
    std::optional<RepairRun> repair;  ///< not a dry run
    std::optional<RepairRun> plan;    ///< a dry run that no repair has ended well after
};

/// `queue` may be null: then there are none.
[[nodiscard]] RepairRuns newest_repairs(const WorkQueue* queue);

/// The row of a finding, or what else it is about, told apart from others.
[[nodiscard]] std::string place_of(const nlohmann::json& finding);

/// It has left `finding`, which the contract tells otherwise, with events and rows proven: not one
/// that has come up since.
[[nodiscard]] bool has_left_drift(const std::optional<RepairRun>& run,
                                  const nlohmann::json& finding);

}  // namespace plumbline::engine
