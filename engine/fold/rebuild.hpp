// Folds the whole log again into a new generation, offline: after a changed mapping, after logs
// were filled in, or because the derived rows are in doubt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/result.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/fold/fold.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

struct RebuildProgress {
    uint64_t events = 0;        ///< folded so far
    uint64_t events_total = 0;  ///< in the log
    uint64_t block_num = 0;     ///< where the fold stands
    FoldStats stats;
};

struct RebuildOptions {
    size_t cache_bytes = size_t{96} << 20;  ///< rows kept in memory
    /// Changed rows kept in memory: of more, the half that is changed least makes a commit.
    size_t commit_bytes = size_t{48} << 20;
    /// Of the whole process: beyond it freed memory goes back to the system after a commit.
    size_t resident_mark = SIZE_MAX;
    /// What to do with logs and block rows that cannot be read.
    storage::OnDamage on_damage = storage::OnDamage::kStop;
    /// Told now and then, and once at the end; on the calling thread.
    std::function<void(const RebuildProgress&)> on_progress;
    /// Told after each event and each correction, with the fold as it is then; an error ends it.
    /// A correction's log index is above every event's.
    std::function<Status(Fold& fold, storage::ChangedAt at, bool is_correction)> on_applied;
    /// Says of each event what its handlers did, when `on_applied` is told of it.
    EventTrace* trace = nullptr;
    /// Asked now and then, on the calling thread; true ends the fold with kCancelled.
    std::function<bool()> is_cancelled;
};

/// With the bounds on memory that `plan` gives a fold of the whole log.
[[nodiscard]] RebuildOptions rebuild_options(const MemoryPlan& plan);

/// The entities afterwards are those that `plan` makes of the log, byte for byte as if it had been
/// followed live: rows, indexes, undo of blocks that are not final, quarantine. Log and blocks are
/// not touched; what else is brought in line with the plan first: engine/fold/refold_start.hpp.
/// Readers see the old rows until all is done.
///
/// After an error (kCancelled is one) the old rows stay, and the unfinished new ones are dropped.
/// Memory is bounded by the options, and by the children of factories. kNotFound where handlers
/// name transaction fields that were never fetched.
/// kIncompatible, before anything is done, where the entities were made by C++ handlers and `plan`
/// has none.
[[nodiscard]] Status rebuild(storage::Database& database, std::shared_ptr<const Plan> plan,
                             const RebuildOptions& options = {});

/// Folds the log that `source` shows, up to `until_block`, into the generation that `target` is
/// writing, which must be empty. Corrections, children and finality are those of `source`.
[[nodiscard]] Status fold_log(const storage::ReadView& source, uint64_t until_block,
                              storage::Database& target, std::shared_ptr<const Plan> plan,
                              const RebuildOptions& options);

/// Told of the rows that a block changed; an error ends the fold.
using BlockTeller = std::function<Status(uint64_t block_num, const RowChanges& changes)>;

/// The same, telling of each block in turn, on the calling thread. A commit a block: this takes
/// longer.
[[nodiscard]] Status fold_log_by_block(const storage::ReadView& source, uint64_t until_block,
                                       storage::Database& target, std::shared_ptr<const Plan> plan,
                                       const RebuildOptions& options, BlockTeller on_block);

}  // namespace plumbline::engine
