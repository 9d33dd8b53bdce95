// What became of one row: its versions through the log, and its value at an earlier block; and all
// rows of such a block. Handlers look at other rows, so the whole log up to there is folded; that
// is what the limits are for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

struct RowVersion {
    storage::ChangedAt at;
    std::string row;             ///< as stored; empty = deleted here
    bool is_correction = false;  ///< written by a repair, not by an event
};

struct RowHistoryOptions {
    std::string scratch_parent;  ///< a directory for the fold, removed afterwards
    /// Its shares for a scratch database and a fold into it bound what the fold takes.
    MemoryPlan memory = plan_memory(256, MemoryUse::kService);
    uint64_t events_max = 1'000'000;
    size_t versions_max = 1'000;
    size_t versions_bytes_max = 16U << 20U;  ///< a list ends with the row that passes it
    /// Asked now and then; true ends it with kTimeout.
    std::function<bool()> is_late;
    /// Where a page of a history goes on: only versions behind it are listed.
    std::optional<storage::ChangedAt> after;
};

struct RowHistory {
    std::vector<RowVersion> versions;  ///< oldest first
    bool is_whole = true;              ///< false: there are more than `versions_max`, or bytes
};

/// Changes in (block, log index) order, none above block `until`. `plan` must be the one of the
/// view's generation, else kUnavailable. kTooLarge with more events than `events_max` up to there,
/// kTimeout where it is late: both say how far it came.
[[nodiscard]] Result<RowHistory> row_history(const storage::ReadView& view,
                                             std::shared_ptr<const Plan> plan, size_t entity,
                                             std::string_view key, uint64_t until,
                                             const RowHistoryOptions& options);

/// The row as it was after `block_num`; empty where there was none. Costs one look-up where the row
/// has not changed since, else as `row_history` does.
[[nodiscard]] Result<std::optional<RowVersion>> row_at(const storage::ReadView& view,
                                                       std::shared_ptr<const Plan> plan,
                                                       size_t entity, std::string_view key,
                                                       uint64_t block_num,
                                                       const RowHistoryOptions& options);

/// All rows as they were after `block_num`, in a database of their own that goes with the view. The
/// view has rows only: no log and no proofs. Limits and errors as for `row_history`.
[[nodiscard]] Result<std::shared_ptr<const storage::ReadView>> rows_at(
    const storage::ReadView& view, std::shared_ptr<const Plan> plan, uint64_t block_num,
    const RowHistoryOptions& options);

}  // namespace plumbline::engine
