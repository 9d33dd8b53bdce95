// Puts work into the database in the order it was handed over: logs and what they fold to, one
// commit for many final blocks, one commit a block above finality; rollbacks; folds of the whole
// log.
//
//   1. Blocks are folded into the open commit until it is full or nothing more comes.
//   2. It is sealed: the fold's rows are flushed into the batch.
//   3. The batch gets the logs and is written, on a thread of its own where there is one and the
//      blocks are final; the next ones are folded meanwhile.
//   4. It is done: observers are told, its items go.
//
// Where each commit begins and ends is kept in commit_pipeline.hpp; all other work is in
// writer_commands.hpp and waits until nothing is in hand.
//
// A full disk keeps the commit in hand and tries again until there is room. Damage stops it, and so
// does a database that can only go on after it was opened again (kIo); nothing is lost by that.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/background_job.hpp"
#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/fold/fold.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/ingest/commit_pipeline.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/ingest/ingest_channel.hpp"
#include "engine/ingest/ingest_options.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "engine/ingest/log_rows.hpp"
#include "engine/ingest/sync_timer.hpp"
#include "engine/ingest/writer_commands.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

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
    void commit_aside() { commit_job_.use_thread(); }
    /// Does one piece of work: some blocks, a commit, a command. False where there is nothing to do
    /// now or the writer has failed (`IngestChannel::failure`).
    bool step();
    /// Waits up to `wait_ms` for work to be handed over; for a thread of its own.
    void wait(int64_t wait_ms);
    /// Commits and syncs what is in hand; drops the rest. Nothing may follow.
    [[nodiscard]] Status finish();
    /// After `step` or `wait` threw: nobody knows what it had done by then, so nothing in hand is
    /// committed. What is in the database stays; the error is the channel's failure.
    void give_up(Error error);
    /// When `step` will try again what the disk refused; -1 = it does not wait for that.
    [[nodiscard]] int64_t wake_at_ms() const noexcept { return retry_ms_; }

  private:
    /// How the sealed commit fares.
    struct Writing {
        bool is_under_way = false;  ///< in `commit_job_`, which then owns the rest and `batch_`
        bool has_logs = false;      ///< in `batch_`, beside the rows
        bool sync = false;
        uint64_t quarantined = 0;  ///< by the fold until the commit was sealed
        uint64_t unknown = 0;      ///< the same of events of no ABI
        uint64_t misfits = 0;      ///< and of those of them whose topic0 an ABI has
        int64_t started_ms = 0;
        int64_t took_ms = 0;
        Status status;
    };

    bool needs_reopen();
    bool step_queue();
    bool step_command(const WorkItem& item);
    bool sync_if_due();
    void run_calls();
    [[nodiscard]] Status run_command(const WorkItem& item);
    void drop_next();

    [[nodiscard]] Status make_fold();
    [[nodiscard]] bool joins() const;
    bool fold_more();
    [[nodiscard]] Status fold_block(const BlockSpan& span);

    [[nodiscard]] bool is_open_long() const;
    bool commit_in_hand();
    [[nodiscard]] Status seal();
    bool start_commit();
    void write_commit();
    bool end_commit();
    void notify_commit(const PlannedCommit& commit) const;
    void let_go();

    bool fail_fold(Error error, std::string_view doing);
    bool handle_error(Error error, std::string_view doing);
    void on_success();
    void forget_fold();
    void refuse(const WorkItem& item, const std::string& why);

    storage::Database& database_;
    std::shared_ptr<const Plan> plan_;
    IngestChannel& channel_;
    IngestProgress& progress_;
    const Clock& clock_;
    IngestOptions options_;
    IndexObserver* observer_;
    SyncTimer sync_timer_;
    WriterCommands commands_;

    bool has_factories_ = false;
    BlindSources blind_;  ///< until the log is folded again, which comes after all gaps are filled
    CommitPipeline pipeline_;
    /// With `batch_`: null until blocks come, and again whenever the database changed past it.
    std::unique_ptr<Fold> fold_;
    std::unique_ptr<storage::CommitBatch> batch_;  ///< of the sealed commit, else empty
    RowChanges changes_;                           ///< of the sealed commit, for the observer
    Writing writing_;
    uint64_t quarantined_before_ = 0;  ///< by `fold_`, up to the last commit
    uint64_t unknown_before_ = 0;      ///< the same of events of no ABI
    uint64_t misfits_before_ = 0;      ///< and of those of them whose topic0 an ABI has

    int64_t open_since_ms_ = -1;  ///< when the first block of the open commit was folded; -1 = none
    int64_t retry_ms_ = -1;
    Backoff backoff_;
    LogThrottle disk_notice_;
    bool failed_ = false;
    BackgroundJob commit_job_;  ///< last, so that it ends first: it works on the rest
};

}  // namespace plumbline::engine
