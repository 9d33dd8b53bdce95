// The writer's work that is no commit of folded blocks: logs of older blocks, finality, rollback,
// folding the log again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "engine/ingest/sync_timer.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Folds the whole log into a new generation and publishes it.
using Refold = std::function<Status(storage::Database& database)>;

/// On the writer's thread, while no commit is in hand: the writer's own fold does not see what
/// these change, so it must be told of a `roll_back` and start anew after `refold`. Nothing is
/// owned; all that is given must outlive it. `observer` may be null.
class WriterCommands {
  public:
    WriterCommands(storage::Database& database, const Plan& plan, IngestProgress& progress,
                   const Clock& clock, SyncTimer& sync_timer, Refold refold,
                   IndexObserver* observer);

    /// Puts logs of blocks at or below the cursor into the log; the entities follow with the
    /// refold. kReorg where they do not fit the blocks that are stored.
    [[nodiscard]] Status fill_gap(const FetchedRange& fetched);
    /// Puts what `fetched` has in place of what `liar` told of the same blocks (replace_range.hpp).
    [[nodiscard]] Status replace(const FetchedRange& fetched, const std::string& liar);
    /// Blocks up to `finalized` need no undo any more.
    [[nodiscard]] Status finalize(uint64_t finalized);
    /// Takes all blocks above `target` back; by undo or, where undo does not reach as far, by
    /// cutting the log, after which a fold is owed (`Database::needs_refold`). True: by undo, so
    /// that what a fold knows of the blocks up to `target` still holds.
    [[nodiscard]] Result<bool> roll_back(const BlockInfo& target);
    /// `reason` is for the log.
    [[nodiscard]] Status refold(const std::string& reason);
    /// Takes these facts away; the entities follow with the refold.
    [[nodiscard]] Status drop_calls(const std::vector<UnneededCall>& calls);
    /// The index has come past these, which facts of the head name.
    [[nodiscard]] Status come_past(const std::vector<evm::BlockId>& asked);
    /// What facts of the head say that block `from` or a later one was asked is asked again before
    /// the fold that is owed then.
    [[nodiscard]] Status ask_again_from(uint64_t from);

  private:
    [[nodiscard]] Status add_calls(const storage::ReadView& view, storage::CommitBatch& batch,
                                   const FetchedRange& fetched) const;
    [[nodiscard]] static Status append_missing(const storage::ReadView& view,
                                               storage::CommitBatch& batch,
                                               const FetchedRange& fetched);
    [[nodiscard]] uint64_t now_s() const;
    [[nodiscard]] Result<bool> withdraws_history(uint64_t target) const;

    storage::Database& database_;
    const Plan& plan_;
    IngestProgress& progress_;
    const Clock& clock_;
    SyncTimer& sync_timer_;
    Refold refold_;
    IndexObserver* observer_;
};

}  // namespace plumbline::engine
