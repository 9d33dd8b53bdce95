// The replay proof: the entities are what the fold of the log makes. The stored bytes are scrubbed,
// the log is folded into a scratch database, and where the two sides' digests differ the rows and
// fields that do are named. Needs no network; works on one view, beside a running writer too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/replay/scrub.hpp"
#include "engine/proof/row_at.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

struct ReplayProgress {
    std::string phase;  ///< "reading log", "reading ENTITY", "folding", "comparing ENTITY"
    uint64_t done = 0;
    uint64_t total = 0;
};

struct ReplayOptions {
    /// Where the scratch database goes, in a directory of its own that is removed afterwards, also
    /// on an error. Beside the database itself is a good place: same disk, same room.
    std::string scratch_parent;
    std::optional<size_t> entity;  ///< look at this one only
    /// Its shares for a scratch database and a fold into it bound what the fold takes.
    MemoryPlan memory = plan_memory(256, MemoryUse::kProof);
    std::function<void(const ReplayProgress&)> on_progress;
    /// Asked now and then; true ends it with kCancelled.
    std::function<bool()> is_cancelled;
};

struct ReplayReport {
    /// Of the scrub and of the comparison. `expected` is what the fold makes.
    Findings findings;
    ScrubReport scrub;  ///< its own findings are moved into `findings`
    uint64_t block_num = 0;
    evm::Hash block_hash;
    uint64_t events = 0;  ///< of contracts, folded
    uint64_t ticks = 0;   ///< of `every`, folded too
    uint64_t rows = 0;    ///< held against the fold
    [[nodiscard]] bool is_equal() const noexcept { return findings.empty(); }
};

/// `plan` must be the one that the view's generation was folded with
/// (engine/mapping/stored_plan.hpp), else kInvalidArgument. A log that RocksDB cannot read to its
/// end is not folded, only scrubbed. Where the log itself is damaged, only rows whose own bytes
/// changed are named: the others are what the whole log made.
[[nodiscard]] Result<ReplayReport> prove_replay(const storage::ReadView& view,
                                                std::shared_ptr<const Plan> plan,
                                                const ReplayOptions& options);

/// The entities as they were after `until_block`: the log of the view folded up to there. Logs that
/// cannot be read are left out. Of `options` the scratch's place and sizes, progress and
/// cancellation count.
[[nodiscard]] Result<std::unique_ptr<ScratchDatabase>> fold_to_scratch(
    const storage::ReadView& view, std::shared_ptr<const Plan> plan, uint64_t until_block,
    const ReplayOptions& options);

/// The row `key` as the log makes it: each question folds the log up to its block into a scratch
/// database in `scratch_parent`. The view must outlive the function.
[[nodiscard]] RowAt rows_by_fold(const storage::ReadView& view, std::shared_ptr<const Plan> plan,
                                 uint32_t entity, std::string_view key, std::string scratch_parent);

}  // namespace plumbline::engine
