#include "engine/ingest/writer.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "core/base/process_memory.hpp"
#include "core/base/sleep.hpp"
#include "engine/ingest/log_rows.hpp"
#include "storage/table_files.hpp"

namespace plumbline::engine {

Writer::Writer(storage::Database& database, std::shared_ptr<const Plan> plan,
               IngestChannel& channel, IngestProgress& progress, const Clock& clock,
               const IngestOptions& options, Refold refold, IndexObserver* observer)
    : database_{database},
      plan_{std::move(plan)},
      channel_{channel},
      progress_{progress},
      clock_{clock},
      options_{options},
      observer_{observer},
      sync_timer_{options.sync_interval_ms, clock.monotonic_ms()},
      commands_{database, *plan_, progress, clock, sync_timer_, std::move(refold), observer},
      pipeline_{{options.commit_events_max, options.commit_bytes_max}},
      backoff_{options.retry_ms_min, options.retry_ms_max} {
    has_factories_ = std::ranges::any_of(plan_->sources(), &Source::has_factory);
}

Writer::~Writer() = default;

void Writer::wait(int64_t wait_ms) {
    if (failed_ || retry_ms_ >= 0) {
        sleep_ms(wait_ms);
        return;
    }
    if (!channel_.calls.empty()) {
        return;
    }
    std::optional<WorkItem> item = channel_.queue.pop(std::chrono::milliseconds{wait_ms});
    if (item) {
        pipeline_.push(*std::move(item));
    }
}

bool Writer::step() {
    if (failed_ || (retry_ms_ >= 0 && clock_.monotonic_ms() < retry_ms_)) {
        return false;
    }
    retry_ms_ = -1;
    if (writing_.is_under_way && !commit_job_.is_busy()) {
        return end_commit();
    }
    const bool was_refused = pipeline_.sealed() != nullptr && !writing_.is_under_way;
    if (was_refused || pipeline_.is_full() || is_open_long()) {
        return commit_in_hand();
    }
    if (!channel_.calls.empty()) {
        if (pipeline_.has_in_hand()) {
            return commit_in_hand();  // They see whole commits only.
        }
        run_calls();
        return true;
    }
    if (pipeline_.is_used_up()) {
        if (std::optional<WorkItem> item = channel_.queue.try_pop()) {
            pipeline_.push(*std::move(item));
        } else if (pipeline_.has_in_hand()) {
            return commit_in_hand();  // Nothing more comes at once: it should be seen.
        } else {
            return needs_reopen() ? false : sync_if_due();
        }
    }
    return step_queue();
}

/// What others write here (tasks, calls) may have met a full disk while no block comes: then nobody
/// else would notice that the database waits to be opened again; nor a damaged file that RocksDB's
/// threads met. True where that is told now.
bool Writer::needs_reopen() {
    if (std::optional<Error> lasting = storage::lasting_failure(database_)) {
        handle_error(*std::move(lasting), "storage stopped writing");
        return true;
    }
    if (!database_.needs_reopen()) {
        return false;
    }
    handle_error({ErrorCode::kIo, "the disk refused a write and takes them again"},
                 "the database must be opened again");
    return true;
}

/// The next item of the queue, or a part of it.
bool Writer::step_queue() {
    const WorkItem& item = pipeline_.next();
    if (item.epoch <= channel_.refused_epoch.load()) {
        drop_next();
        return true;
    }
    if (std::holds_alternative<AppendWork>(item.work)) {
        return fold_more();
    }
    if (pipeline_.has_in_hand()) {
        return commit_in_hand();
    }
    return step_command(item);
}

void Writer::drop_next() {
    const uint64_t seq = pipeline_.next().seq;
    pipeline_.drop_next();
    channel_.done_seq = seq;
}

bool Writer::sync_if_due() {
    if (!sync_timer_.is_due(clock_.monotonic_ms())) {
        return false;
    }
    if (const Status synced = database_.sync(); !synced) {
        return handle_error(synced.error(), "syncing");
    }
    sync_timer_.on_synced(clock_.monotonic_ms());
    return true;
}

bool Writer::step_command(const WorkItem& item) {
    const uint64_t refused_before = channel_.refused_epoch.load();
    if (Status done = run_command(item); !done) {
        return fail_fold(std::move(done).error(), "writing");
    }
    on_success();
    if (channel_.refused_epoch.load() == refused_before) {
        drop_next();
    }
    return true;
}

Status Writer::run_command(const WorkItem& item) {
    if (const auto* gap = std::get_if<GapWork>(&item.work)) {
        const Status filled = gap->liar.empty() ? commands_.fill_gap(gap->fetched)
                                                : commands_.replace(gap->fetched, gap->liar);
        if (!filled && filled.error().code == ErrorCode::kReorg) {
            refuse(item, filled.error().message);
            return ok();
        }
        return filled;
    }
    if (const auto* finalize = std::get_if<FinalizeWork>(&item.work)) {
        return commands_.finalize(finalize->finalized);
    }
    if (const auto* rollback = std::get_if<RollbackWork>(&item.work)) {
        // Reorgs are many on some chains: reading all children again for each takes too long.
        const Result<bool> is_undone = commands_.roll_back(rollback->target);
        if (!is_undone || !*is_undone || !fold_) {
            forget_fold();
            return is_undone ? ok() : Status{is_undone.error()};
        }
        fold_->roll_back(rollback->target.block_num);
        batch_ = database_.make_batch();
        return ok();
    }
    if (const auto* refold = std::get_if<RefoldWork>(&item.work)) {
        forget_fold();
        blind_.clear();
        return commands_.refold(refold->reason);
    }
    if (const auto* drop = std::get_if<DropCallsWork>(&item.work)) {
        return commands_.drop_calls(drop->calls);
    }
    if (const auto* passed = std::get_if<ComePastWork>(&item.work)) {
        return commands_.come_past(passed->blocks);
    }
    if (const auto* doubt = std::get_if<DoubtHeadWork>(&item.work)) {
        forget_fold();
        return commands_.ask_again_from(doubt->from);
    }
    PLUMBLINE_TRY_VOID(database_.sync());
    sync_timer_.on_synced(clock_.monotonic_ms());
    return ok();
}

void Writer::run_calls() {
    PLUMBLINE_CHECK(!pipeline_.has_in_hand());
    while (std::optional<WriterCall> call = channel_.calls.try_pop()) {
        Status done = call->work(database_);
        // Nothing is in hand, but an empty batch also remembers what the database was before.
        if (call->effect == WriterEffect::kRows) {
            fold_.reset();
            if (has_factories_) {
                // There may be other children now: what is on its way was not asked about them.
                channel_.refused_epoch = channel_.epoch.load();
            }
        }
        batch_ = fold_ ? database_.make_batch() : nullptr;
        sync_timer_.on_buffered_write();
        if (call->effect == WriterEffect::kRows && observer_ != nullptr) {
            observer_->on_refold();
        }
        call->done.set_value(std::move(done));
    }
}

// --- folding -----------------------------------------------------------------------------------

Status Writer::make_fold() {
    PLUMBLINE_CHECK_MSG(!pipeline_.has_in_hand(), "its rows are not in the database yet");
    batch_ = database_.make_batch();
    changes_.bytes_max = observer_ == nullptr ? 0 : observer_->row_bytes_max();
    fold_ = std::make_unique<Fold>(plan_, database_, options_.fold_cache_bytes);
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, database_.children());
    for (const storage::ChildRow& child : children) {
        fold_->add_child(child);
    }
    quarantined_before_ = 0;
    unknown_before_ = 0;
    misfits_before_ = 0;
    return ok();
}

bool Writer::joins() const {
    std::optional<evm::BlockId> stored;
    // With a commit in hand the database is not asked: it may be the other thread's just now.
    if (!pipeline_.has_in_hand()) {
        if (const std::optional<storage::Cursor> cursor = database_.cursor()) {
            stored = evm::BlockId{cursor->block_num, cursor->block_hash};
        }
    }
    return pipeline_.joins(stored);
}

bool Writer::fold_more() {
    if (!fold_) {
        if (Status made = make_fold(); !made) {
            return fail_fold(std::move(made).error(), "starting the fold");
        }
    }
    const WorkItem& item = pipeline_.next();
    if (pipeline_.is_at_start() && !joins()) {
        if (pipeline_.has_in_hand()) {
            return commit_in_hand();  // What came before is good; then this is looked at again.
        }
        const FetchedRange& fetched = std::get<AppendWork>(item.work).fetched;
        refuse(item, fmt::format("block {} does not follow what is stored", fetched.range.from));
        return true;
    }
    do {
        const std::optional<BlockSpan> span = pipeline_.next_block();
        if (!span) {
            return commit_in_hand();  // A block with undo is committed by itself.
        }
        if (Status folded = fold_block(*span); !folded) {
            return fail_fold(std::move(folded).error(), "folding");
        }
        pipeline_.add(*span, fold_->pending_bytes());
        open_since_ms_ = open_since_ms_ < 0 ? clock_.monotonic_ms() : open_since_ms_;
        if (pipeline_.is_full() || is_open_long()) {
            return commit_in_hand();
        }
    } while (!pipeline_.is_at_start());
    return true;
}

Status Writer::fold_block(const BlockSpan& span) {
    const FetchedRange& fetched = *span.fetched;
    const BlockInfo& block = span.block();
    fold_->begin_block({block.block_num, block.hash, block.timestamp, span.needs_undo()});
    fold_->set_calls(fetched.calls.get());
    // From which log on each of them counts is the map's to know.
    for (size_t at = span.from.child; at < span.to.child; ++at) {
        fold_->add_child(fetched.children[at]);
    }
    for (size_t at = span.from.log; at < span.to.log; ++at) {
        const evm::Log& log = fetched.logs.logs[at];
        fold_->look_ahead(fetched.logs, at);
        PLUMBLINE_TRY_VOID(fold_->apply(log, fetched.logs.data(log), fetched.txn(at)));
    }
    return ok();
}

// --- committing --------------------------------------------------------------------------------

/// What is folded is lost with the process until it is committed: it must not be for long.
bool Writer::is_open_long() const {
    return open_since_ms_ >= 0 &&
           clock_.monotonic_ms() - open_since_ms_ >= options_.commit_interval_ms;
}

/// Brings one commit further: waits for the one under way, tries again, or begins the next.
bool Writer::commit_in_hand() {
    if (writing_.is_under_way) {
        return end_commit();
    }
    if (pipeline_.sealed() == nullptr) {
        if (const Status sealed = seal(); !sealed) {
            return fail_fold(sealed.error(), "folding");
        }
    }
    return start_commit();
}

Status Writer::seal() {
    PLUMBLINE_CHECK_MSG(batch_->empty(), "the batch holds another commit");
    changes_.clear();
    PLUMBLINE_TRY_VOID(fold_->flush(*batch_, changes_.bytes_max > 0 ? &changes_ : nullptr));
    pipeline_.seal();
    open_since_ms_ = -1;
    const PlannedCommit& commit = *pipeline_.sealed();
    batch_->set_cursor(commit.last->block_num, commit.last->hash, commit.last->timestamp);
    batch_->set_finalized(commit.finalized);
    writing_ = {};
    writing_.quarantined = fold_->stats().quarantined;
    writing_.unknown = fold_->stats().unknown;
    writing_.misfits = fold_->stats().misfits;
    return ok();
}

bool Writer::start_commit() {
    const PlannedCommit& commit = *pipeline_.sealed();
    writing_.started_ms = clock_.monotonic_ms();
    writing_.sync = commit.sync || sync_timer_.is_due(writing_.started_ms);
    if (commit.sync || commit.needs_undo()) {
        write_commit();  // At the head nothing is there to be folded meanwhile.
        return end_commit();
    }
    writing_.is_under_way = true;
    commit_job_.start([this] { write_commit(); });
    return true;
}

/// Perhaps on another thread; only `writing_`, `batch_` and the sealed commit are touched.
void Writer::write_commit() {
    if (!writing_.has_logs) {
        for (const CommitPart& part : pipeline_.sealed()->parts) {
            append_part(*batch_, plan_->sources(), part, blind_);
        }
        writing_.has_logs = true;
    }
    writing_.status = database_.commit(
        *batch_, writing_.sync ? storage::Durability::kSync : storage::Durability::kBuffered);
    writing_.took_ms = clock_.monotonic_ms() - writing_.started_ms;
}

/// Waits for it where it runs aside. What it threw is thrown on: then `status` says nothing.
bool Writer::end_commit() {
    commit_job_.wait();
    writing_.is_under_way = false;
    if (!writing_.status) {
        return handle_error(std::exchange(writing_.status, ok()).error(), "committing");
    }
    progress_.commit_ms += static_cast<uint64_t>(writing_.took_ms);
    give_back_memory(options_.resident_mark);
    on_success();
    if (writing_.sync) {
        sync_timer_.on_synced(writing_.started_ms);
    } else {
        sync_timer_.on_buffered_write();
    }
    let_go();
    return true;
}

/// Before anything of the commit is let go.
void Writer::notify_commit(const PlannedCommit& commit) const {
    std::vector<LogSpan> logs;
    for (const CommitPart& part : commit.parts) {
        if (part.to.log > part.from.log) {
            logs.push_back(
                {part.fetched, part.from.log, part.to.log, part.from.child, part.to.child});
        }
    }
    const bool has_rows = changes_.bytes_max > 0 && changes_.is_whole();
    observer_->on_commit({{commit.from, commit.last->block_num},
                          commit.last->hash,
                          commit.last->timestamp,
                          commit.finalized,
                          commit.events,
                          has_rows ? &changes_.rows : nullptr,
                          logs});
}

/// The sealed commit is in the database.
void Writer::let_go() {
    const PlannedCommit& commit = *pipeline_.sealed();
    if (observer_ != nullptr) {
        notify_commit(commit);
    }
    progress_.events += commit.events;
    ++progress_.commits;
    progress_.next_block = commit.last->block_num + 1;
    progress_.finalized_block = commit.finalized;
    progress_.quarantined += writing_.quarantined - quarantined_before_;
    quarantined_before_ = writing_.quarantined;
    progress_.unknown += writing_.unknown - unknown_before_;
    unknown_before_ = writing_.unknown;
    progress_.misfits += writing_.misfits - misfits_before_;
    misfits_before_ = writing_.misfits;
    if (const std::optional<uint64_t> done_seq = pipeline_.finish_sealed()) {
        channel_.done_seq = *done_seq;
    }
}

// --- trouble -----------------------------------------------------------------------------------

void Writer::on_success() {
    if (!backoff_.is_fresh()) {
        logging::info("the disk takes writes again");
        backoff_.reset();
        disk_notice_.reset();
        progress_.disk_waiting_since_ms = -1;
    }
}

/// What was folded since the last commit is done again. Always false, so that callers can return
/// it.
bool Writer::fail_fold(Error error, std::string_view doing) {
    if (writing_.is_under_way) {
        // Its own trouble, if it has any, is told as well, and then counts.
        if (!end_commit() && failed_) {
            return false;
        }
    }
    forget_fold();
    pipeline_.rewind();
    return handle_error(std::move(error), doing);
}

/// Always false, so that callers can return it.
bool Writer::handle_error(Error error, std::string_view doing) {
    if (error.code == ErrorCode::kIo && !database_.needs_reopen()) {
        if (disk_notice_.due(clock_.monotonic_ms())) {
            logging::error(fmt::format("{}: {}; waiting until it works", doing, error.message));
        }
        progress_.disk_error.set(error.message);
        int64_t since = -1;
        progress_.disk_waiting_since_ms.compare_exchange_strong(since, clock_.monotonic_ms());
        retry_ms_ = clock_.monotonic_ms() + backoff_.next();
        return false;
    }
    failed_ = true;
    channel_.fail(std::move(error).with_context(doing));
    return false;
}

void Writer::give_up(Error error) {
    failed_ = true;
    channel_.fail(std::move(error));
    catch_exceptions("committing", [this] {
        commit_job_.wait();
    }).ignore("the first reason counts");
    writing_ = {};
    pipeline_.clear();
    forget_fold();
}

/// The next block starts another one, from what is in the database.
void Writer::forget_fold() {
    PLUMBLINE_CHECK_MSG(!writing_.is_under_way, "the batch is being written");
    fold_.reset();
    batch_.reset();
    open_since_ms_ = -1;
}

/// Drops everything of the item's epoch; the follower looks at the chain again.
void Writer::refuse(const WorkItem& item, const std::string& why) {
    PLUMBLINE_CHECK(!pipeline_.has_in_hand());
    logging::debug("work refused", {{"why", why}});
    channel_.refused_epoch = item.epoch;
}

Status Writer::finish() {
    channel_.calls.close({ErrorCode::kCancelled, "the index stops"});
    while (!failed_ && pipeline_.has_in_hand()) {
        if (!commit_in_hand()) {
            break;  // The disk does not take it: it will be fetched again.
        }
    }
    commit_job_.wait();
    pipeline_.clear();
    forget_fold();
    if (failed_) {
        return ok();
    }
    return database_.sync();
}

}  // namespace plumbline::engine
