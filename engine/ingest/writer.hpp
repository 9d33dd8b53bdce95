// Puts work into the database in the order it was handed over: logs and what they fold to, one
// commit for many final blocks, one commit a block above finality; rollbacks; folds of the whole
// log.
//
// While a commit is written the events after it are folded already, where there is a thread for
// that.
//
// A full disk keeps the commit in hand and tries again until there is room. Damage stops it, and so
// does a database that can only go on after it was opened again (kIo); nothing is lost by that.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/background_job.hpp"
#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/fold/fold.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/ingest/ingest_channel.hpp"
#include "engine/ingest/ingest_options.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Folds the whole log into a new generation and publishes it.
using Refold = std::function<Status(storage::Database& database)>;

/// One thread: the only one that writes to the database, by itself or by the thread it waits for.
/// `observer` may be null.
class Writer {
  public:
    Writer(storage::Database& database, std::shared_ptr<const Plan> plan, IngestChannel& channel,
           IngestProgress& progress, const Clock& clock, const IngestOptions& options,
           Refold refold, IndexObserver* observer);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    /// From now on commits of final blocks run on a thread of their own.
    void commit_aside() { aside_.use_thread(); }
    /// Does one piece of work: some blocks, a commit, a command. False where there is nothing to do
    /// now or the writer has failed (`IngestChannel::failure`).
    bool step();
    /// Waits up to `wait_ms` for work to be handed over; for a thread of its own.
    void wait(int64_t wait_ms);
    /// Commits and syncs what is in hand; drops the rest. Nothing may follow.
    [[nodiscard]] Status finish();
    /// When `step` will try again what the disk refused; -1 = it does not wait for that.
    [[nodiscard]] int64_t wake_at_ms() const noexcept { return retry_ms_; }

  private:
    struct RangePos {
        size_t block = 0;  ///< in `FetchedRange::blocks`
        size_t log = 0;    ///< in `FetchedRange::logs`
        size_t child = 0;  ///< in `FetchedRange::children`
        friend bool operator==(const RangePos&, const RangePos&) = default;
    };
    /// What of one item goes into a commit. The item stays in `open_` until then.
    struct CommitPart {
        const FetchedRange* fetched = nullptr;
        RangePos from;
        RangePos to;
        evm::BlockRange coverage;
    };
    /// Blocks that were folded and belong into one commit.
    struct OpenCommit {
        std::vector<CommitPart> segments;
        uint64_t from = 0;  ///< the first block
        std::optional<BlockInfo> last;
        uint64_t events = 0;
        uint64_t log_bytes = 0;
        uint64_t finalized = 0;
        bool sync = false;     ///< to be durable at once
        bool is_full = false;  ///< nothing more may be added
        // Where the work stands behind it.
        size_t item = 0;
        RangePos at;
        uint64_t coverage_from = 0;
    };
    /// A commit whose rows are in `batch_`.
    struct SealedCommit {
        OpenCommit folded;
        uint64_t quarantined = 0;  ///< by the fold so far
        bool has_logs = false;     ///< they are in `batch_`, too
        bool sync = false;
        int64_t started_ms = 0;
        int64_t took_ms = 0;
        Status status;
    };

    bool sync_if_due();
    bool step_command(WorkItem& item);
    [[nodiscard]] Status make_fold();
    bool fold_more();
    [[nodiscard]] Status fold_block(const FetchedRange& fetched, size_t block);
    [[nodiscard]] bool has_in_hand() const noexcept { return sealed_ || folded_.last; }
    bool commit_in_hand();
    [[nodiscard]] Status seal();
    bool start_commit();
    void write_commit();
    bool end_commit();
    void append_segment(const CommitPart& segment);
    void notify_commit(const OpenCommit& folded) const;
    void after_commit();
    bool fail_fold(Error error, std::string_view doing);
    bool handle_error(Error error, std::string_view doing);
    void on_success();
    void rewind();
    void refuse(const WorkItem& item, const std::string& why);
    void finish_item(const WorkItem& item);
    [[nodiscard]] Status run_command(WorkItem& item);
    void run_calls();
    [[nodiscard]] Status do_fill(const FetchedRange& fetched);
    [[nodiscard]] Status do_finalize(uint64_t finalized);
    [[nodiscard]] Status do_rollback(const BlockInfo& target);
    [[nodiscard]] Status do_refold(const std::string& reason);
    [[nodiscard]] bool joins(const FetchedRange& fetched) const;
    void extend_coverage(storage::CommitBatch& batch, const FetchedRange& fetched,
                         evm::BlockRange range) const;

    storage::Database& database_;
    std::shared_ptr<const Plan> plan_;
    IngestChannel& channel_;
    IngestProgress& progress_;
    const Clock& clock_;
    IngestOptions options_;
    Refold refold_;
    IndexObserver* observer_;
    RowChanges changes_;  ///< of the sealed commit, as far as the observer wants them

    std::unique_ptr<Fold> fold_;
    std::unique_ptr<storage::CommitBatch> batch_;
    std::deque<WorkItem> open_;  ///< taken from the queue, not yet wholly committed
    OpenCommit folded_;          ///< since the newest sealed commit
    std::optional<SealedCommit> sealed_;
    bool is_written_ = false;  ///< `sealed_` is under way in `aside_`
    RangePos committed_;       ///< in the first open item
    uint64_t committed_coverage_from_ = 0;
    uint64_t quarantined_before_ = 0;
    int64_t last_sync_ms_ = 0;
    bool unsynced_ = false;

    int64_t retry_ms_ = -1;
    Backoff backoff_;
    LogThrottle disk_notice_;
    bool failed_ = false;
    BackgroundJob aside_;  ///< goes first: it works on the rest
};

}  // namespace plumbline::engine
