// What the reports of runs in the queue have of a proof's findings.
#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/task/work_queue.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// The findings of the newest run that found any of that proof, of one entity where one is named.
/// Reports keep a hundred of a run, and twenty runs of a kind. Runs before that of the record tell
/// of the log alone, where each is about other blocks. `queue` may be null: then there are none.
[[nodiscard]] std::vector<nlohmann::json> findings_of(const WorkQueue* queue,
                                                      const storage::ProofRecord& proof);

}  // namespace plumbline::engine
