#include "engine/ingest/writer.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

/// About what a log takes in a commit besides its data.
constexpr uint64_t kLogBytes = 128;

const FetchedRange* range_of(const WorkItem& item) {
    const auto* append = std::get_if<AppendWork>(&item.work);
    return append == nullptr ? nullptr : &append->fetched;
}

storage::BlockRow to_row(const BlockInfo& block, size_t events) {
    return {block.block_num,
            block.hash,
            block.parent_hash,
            block.timestamp,
            static_cast<uint32_t>(events),
            storage::ProofLevel::kFetched};
}

}  // namespace

Writer::Writer(storage::Database& database, std::shared_ptr<const Plan> plan,
               IngestChannel& channel, IngestProgress& progress, const Clock& clock,
               const IngestOptions& options, Refold refold, IndexObserver* observer)
    : database_{database},
      plan_{std::move(plan)},
      channel_{channel},
      progress_{progress},
      clock_{clock},
      options_{options},
      refold_{std::move(refold)},
      observer_{observer},
      backoff_{options.retry_ms_min, options.retry_ms_max} {
    last_sync_ms_ = clock_.monotonic_ms();
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
        open_.push_back(*std::move(item));
    }
}

bool Writer::step() {
    if (failed_ || (retry_ms_ >= 0 && clock_.monotonic_ms() < retry_ms_)) {
        return false;
    }
    retry_ms_ = -1;
    if (is_written_ && !aside_.is_busy()) {
        return end_commit();
    }
    if ((sealed_ && !is_written_) || folded_.is_full) {
        return commit_in_hand();
    }
    if (!channel_.calls.empty()) {
        if (has_in_hand()) {
            return commit_in_hand();  // They see whole commits only.
        }
        run_calls();
        return true;
    }
    if (folded_.item == open_.size()) {
        if (std::optional<WorkItem> item = channel_.queue.try_pop()) {
            open_.push_back(*std::move(item));
        } else if (has_in_hand()) {
            return commit_in_hand();  // Nothing more comes at once: it should be seen.
        } else {
            return sync_if_due();
        }
    }
    WorkItem& item = open_[folded_.item];
    if (item.epoch <= channel_.refused_epoch.load()) {
        PLUMBLINE_CHECK(!has_in_hand() && folded_.item == 0);
        finish_item(item);
        open_.pop_front();
        return true;
    }
    if (range_of(item) != nullptr) {
        return fold_more();
    }
    if (has_in_hand()) {
        return commit_in_hand();
    }
    return step_command(item);
}

bool Writer::sync_if_due() {
    if (!unsynced_ || clock_.monotonic_ms() - last_sync_ms_ < options_.sync_interval_ms) {
        return false;
    }
    if (const Status synced = database_.sync(); !synced) {
        return handle_error(synced.error(), "syncing");
    }
    unsynced_ = false;
    last_sync_ms_ = clock_.monotonic_ms();
    return true;
}

bool Writer::step_command(WorkItem& item) {
    PLUMBLINE_CHECK(folded_.item == 0);
    const uint64_t refused_before = channel_.refused_epoch.load();
    if (Status done = run_command(item); !done) {
        return fail_fold(std::move(done).error(), "writing");
    }
    on_success();
    if (channel_.refused_epoch.load() == refused_before) {
        finish_item(item);
        open_.pop_front();
    }
    return true;
}

// --- appending -------------------------------------------------------------------------------

Status Writer::make_fold() {
    batch_ = database_.make_batch();
    changes_.bytes_max = observer_ == nullptr ? 0 : observer_->row_bytes_max();
    fold_ = std::make_unique<Fold>(plan_, database_, options_.fold_cache_bytes);
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, database_.children());
    for (const storage::ChildRow& child : children) {
        fold_->add_child(child);
    }
    quarantined_before_ = 0;
    return ok();
}

/// The chain must go on where the index ends; the fetcher has checked that, the disk is ours.
bool Writer::joins(const FetchedRange& fetched) const {
    std::optional<BlockInfo> before = folded_.last;
    if (!before && sealed_) {
        before = sealed_->folded.last;
    }
    if (!before) {
        if (const std::optional<storage::Cursor> cursor = database_.cursor()) {
            before = BlockInfo{cursor->block_num, cursor->block_hash, {}, 0};
        }
    }
    if (!before) {
        return true;
    }
    if (fetched.range.from != before->block_num + 1) {
        return false;
    }
    return fetched.parent_hash.is_zero() || before->hash.is_zero() ||
           fetched.parent_hash == before->hash;
}

bool Writer::fold_more() {
    if (!fold_) {
        if (Status made = make_fold(); !made) {
            return fail_fold(std::move(made).error(), "starting the fold");
        }
    }
    const WorkItem& item = open_[folded_.item];
    const FetchedRange& fetched = *range_of(item);
    if (folded_.at == RangePos{}) {
        if (!joins(fetched)) {
            if (has_in_hand()) {
                return commit_in_hand();  // What came before is good; then this is looked at again.
            }
            refuse(item,
                   fmt::format("block {} does not follow what is stored", fetched.range.from));
            return true;
        }
        folded_.coverage_from = fetched.range.from;
    }
    const auto is_large = [this] {
        return folded_.events >= options_.commit_events_max ||
               folded_.log_bytes + fold_->pending_bytes() >= options_.commit_bytes_max;
    };
    CommitPart segment{&fetched, folded_.at, {}, {}};
    while (folded_.at.block < fetched.blocks.size()) {
        const BlockInfo& block = fetched.blocks[folded_.at.block];
        const bool keep_undo = block.block_num > fetched.finalized;
        if (keep_undo && has_in_hand()) {
            break;  // A block that is not final is committed by itself.
        }
        if (!folded_.last) {
            folded_.from = folded_.coverage_from;
        }
        if (Status folded = fold_block(fetched, folded_.at.block); !folded) {
            return fail_fold(std::move(folded).error(), "folding");
        }
        folded_.last = block;
        folded_.finalized = std::min(fetched.finalized, block.block_num);
        ++folded_.at.block;
        if (keep_undo || is_large()) {
            break;
        }
    }
    if (!folded_.last) {
        return commit_in_hand();  // Only the commit under way stands before a block with undo.
    }
    const bool is_whole = folded_.at.block == fetched.blocks.size();
    const BlockInfo& next_block =
        is_whole ? fetched.blocks.back() : fetched.blocks[folded_.at.block];
    const bool is_tail =
        next_block.block_num > fetched.finalized || folded_.last->block_num > fetched.finalized;
    if (folded_.at != segment.from) {
        segment.to = folded_.at;
        segment.coverage = {folded_.coverage_from,
                            is_whole ? fetched.range.to : folded_.last->block_num};
        folded_.segments.push_back(segment);
        folded_.coverage_from = folded_.last->block_num + 1;
        folded_.sync = std::get<AppendWork>(item.work).sync;
    }
    if (is_whole) {
        ++folded_.item;
        folded_.at = {};
    }
    if (!is_whole || is_tail || is_large() || folded_.sync) {
        folded_.is_full = true;
        return commit_in_hand();
    }
    return true;
}

Status Writer::fold_block(const FetchedRange& fetched, size_t index) {
    const BlockInfo& block = fetched.blocks[index];
    const bool keep_undo = block.block_num > fetched.finalized;
    fold_->begin_block({block.block_num, block.hash, block.timestamp, keep_undo});
    RangePos& at = folded_.at;
    for (; at.log < fetched.logs.logs.size(); ++at.log) {
        const evm::Log& log = fetched.logs.logs[at.log];
        if (log.block_num != block.block_num) {
            break;
        }
        fold_->look_ahead(fetched.logs, at.log);
        PLUMBLINE_TRY_VOID(fold_->apply(log, fetched.logs.data(log), fetched.txn(at.log)));
        // Its logs count from after the announcement on.
        for (; at.child < fetched.children.size(); ++at.child) {
            const storage::ChildRow& child = fetched.children[at.child];
            if (child.block_num != log.block_num || child.log_index != log.log_index) {
                break;
            }
            fold_->add_child(child);
        }
        ++folded_.events;
        folded_.log_bytes += log.data_size / 2 + kLogBytes;  // It is packed.
    }
    return ok();
}

void Writer::extend_coverage(storage::CommitBatch& batch, const FetchedRange& fetched,
                             evm::BlockRange range) const {
    for (const uint32_t i : fetched.sources) {
        if (range.from <= range.to) {
            batch.extend_coverage({plan_->sources()[i].fingerprint, range, fetched.provider,
                                   storage::ProofLevel::kFetched});
        }
    }
}

// --- committing ------------------------------------------------------------------------------

/// Brings one commit further: waits for the one under way, tries again, or begins the next.
bool Writer::commit_in_hand() {
    if (is_written_) {
        aside_.wait();
        return end_commit();
    }
    if (!sealed_) {
        if (const Status sealed = seal(); !sealed) {
            return fail_fold(sealed.error(), "folding");
        }
    }
    return start_commit();
}

Status Writer::seal() {
    changes_.clear();
    PLUMBLINE_TRY_VOID(fold_->flush(*batch_, changes_.bytes_max > 0 ? &changes_ : nullptr));
    batch_->set_cursor(folded_.last->block_num, folded_.last->hash, folded_.last->timestamp);
    batch_->set_finalized(folded_.finalized);
    OpenCommit next;
    next.item = folded_.item;
    next.at = folded_.at;
    next.coverage_from = folded_.coverage_from;
    sealed_.emplace();
    sealed_->folded = std::exchange(folded_, std::move(next));
    sealed_->quarantined = fold_->stats().quarantined;
    return ok();
}

bool Writer::start_commit() {
    SealedCommit& sealed = *sealed_;
    sealed.started_ms = clock_.monotonic_ms();
    sealed.sync = sealed.folded.sync ||
                  (unsynced_ && sealed.started_ms - last_sync_ms_ >= options_.sync_interval_ms);
    if (sealed.folded.sync || sealed.folded.last->block_num > sealed.folded.finalized) {
        write_commit();  // At the head nothing is there to be folded meanwhile.
        return end_commit();
    }
    is_written_ = true;
    aside_.start([this] { write_commit(); });
    return true;
}

/// Perhaps on another thread; only `sealed_`, `batch_` and what segments name are touched.
void Writer::write_commit() {
    SealedCommit& sealed = *sealed_;
    if (!sealed.has_logs) {
        for (const CommitPart& segment : sealed.folded.segments) {
            append_segment(segment);
        }
        sealed.has_logs = true;
    }
    sealed.status = database_.commit(
        *batch_, sealed.sync ? storage::Durability::kSync : storage::Durability::kBuffered);
    sealed.took_ms = clock_.monotonic_ms() - sealed.started_ms;
}

void Writer::append_segment(const CommitPart& segment) {
    const FetchedRange& fetched = *segment.fetched;
    RangePos at = segment.from;
    for (; at.block < segment.to.block; ++at.block) {
        const BlockInfo& block = fetched.blocks[at.block];
        const size_t first = at.log;
        for (; at.log < segment.to.log && fetched.logs.logs[at.log].block_num == block.block_num;
             ++at.log) {
            const evm::Log& log = fetched.logs.logs[at.log];
            batch_->append_log(log, fetched.logs.data(log), fetched.txn(at.log));
        }
        // The row of the newest final block stays until finality moves on: it is what a rollback to
        // there goes back to. So the last block of a commit always has one.
        const size_t events = at.log - first;
        const bool is_last = at.block + 1 == fetched.blocks.size();
        if (events > 0 || block.block_num > fetched.finalized || is_last) {
            batch_->append_block(to_row(block, events));
        }
    }
    for (; at.child < segment.to.child; ++at.child) {
        batch_->append_child(fetched.children[at.child]);
    }
    extend_coverage(*batch_, fetched, segment.coverage);
}

bool Writer::end_commit() {
    is_written_ = false;
    SealedCommit& sealed = *sealed_;
    if (!sealed.status) {
        return handle_error(std::exchange(sealed.status, ok()).error(), "committing");
    }
    progress_.commit_ms += static_cast<uint64_t>(sealed.took_ms);
    on_success();
    unsynced_ = !sealed.sync;
    if (sealed.sync) {
        last_sync_ms_ = sealed.started_ms;
    }
    after_commit();
    return true;
}

/// Before anything of the commit is let go.
void Writer::notify_commit(const OpenCommit& folded) const {
    std::vector<LogSpan> logs;
    for (const CommitPart& segment : folded.segments) {
        if (segment.to.log > segment.from.log) {
            logs.push_back({segment.fetched, segment.from.log, segment.to.log});
        }
    }
    const bool has_rows = changes_.bytes_max > 0 && changes_.is_whole();
    observer_->on_commit({{folded.from, folded.last->block_num},
                          folded.last->hash,
                          folded.last->timestamp,
                          folded.finalized,
                          folded.events,
                          has_rows ? &changes_.rows : nullptr,
                          logs});
}

void Writer::after_commit() {
    const SealedCommit done = *std::exchange(sealed_, std::nullopt);
    const evm::BlockRange range{done.folded.from, done.folded.last->block_num};
    if (observer_ != nullptr) {
        notify_commit(done.folded);
    }
    progress_.events += done.folded.events;
    ++progress_.commits;
    progress_.next_block = range.to + 1;
    progress_.finalized_block = done.folded.finalized;
    progress_.quarantined += done.quarantined - quarantined_before_;
    quarantined_before_ = done.quarantined;
    folded_.item -= done.folded.item;
    for (size_t i = 0; i < done.folded.item; ++i) {
        finish_item(open_.front());
        open_.pop_front();
    }
    committed_ = done.folded.at;
    committed_coverage_from_ = done.folded.coverage_from;
}

// --- trouble ---------------------------------------------------------------------------------

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
    if (is_written_) {
        // Its own trouble, if it has any, is told as well, and then counts.
        aside_.wait();
        if (!end_commit() && failed_) {
            return false;
        }
    }
    rewind();
    return handle_error(std::move(error), doing);
}

/// Always false, so that callers can return it.
bool Writer::handle_error(Error error, std::string_view doing) {
    if (error.code == ErrorCode::kIo && !database_.needs_reopen()) {
        if (disk_notice_.due(clock_.monotonic_ms())) {
            logging::error(fmt::format("{}: {}; waiting until it works", doing, error.message));
        }
        int64_t since = -1;
        progress_.disk_waiting_since_ms.compare_exchange_strong(since, clock_.monotonic_ms());
        retry_ms_ = clock_.monotonic_ms() + backoff_.next();
        return false;
    }
    failed_ = true;
    channel_.fail(std::move(error).with_context(doing));
    return false;
}

/// Back to the last commit: what was folded since is forgotten and will be folded again.
void Writer::rewind() {
    fold_.reset();
    batch_.reset();
    sealed_.reset();
    folded_ = {};
    folded_.at = committed_;
    folded_.coverage_from = committed_coverage_from_;
}

/// Drops everything of the item's epoch; the follower looks at the chain again.
void Writer::refuse(const WorkItem& item, const std::string& why) {
    logging::debug("work refused", {{"why", why}});
    PLUMBLINE_CHECK(!has_in_hand());
    channel_.refused_epoch = item.epoch;
    folded_.at = {};
    committed_ = {};
}

void Writer::finish_item(const WorkItem& item) {
    channel_.done_seq = item.seq;
}

Status Writer::finish() {
    channel_.calls.close({ErrorCode::kCancelled, "the index stops"});
    while (!failed_ && has_in_hand()) {
        if (!commit_in_hand()) {
            break;  // The disk does not take it: it will be fetched again.
        }
    }
    open_.clear();
    fold_.reset();
    batch_.reset();
    if (failed_) {
        return ok();
    }
    return database_.sync();
}

// --- calls of other threads --------------------------------------------------------------------

void Writer::run_calls() {
    while (std::optional<WriterCall> call = channel_.calls.try_pop()) {
        Status done = call->work(database_);
        // Nothing is in hand, but an empty batch also remembers what the database was before.
        if (call->effect == WriterEffect::kRows) {
            fold_.reset();
        }
        batch_ = fold_ ? database_.make_batch() : nullptr;
        unsynced_ = true;
        if (call->effect == WriterEffect::kRows && observer_ != nullptr) {
            observer_->on_refold();
        }
        call->done.set_value(std::move(done));
    }
}

// --- commands --------------------------------------------------------------------------------

Status Writer::run_command(WorkItem& item) {
    if (const auto* fill = std::get_if<GapWork>(&item.work)) {
        const Status filled = do_fill(fill->fetched);
        if (!filled && filled.error().code == ErrorCode::kReorg) {
            refuse(item, filled.error().message);
            return ok();
        }
        return filled;
    }
    if (const auto* finalize = std::get_if<FinalizeWork>(&item.work)) {
        return do_finalize(finalize->finalized);
    }
    if (const auto* rollback = std::get_if<RollbackWork>(&item.work)) {
        return do_rollback(rollback->target);
    }
    if (const auto* refold = std::get_if<RefoldWork>(&item.work)) {
        return do_refold(refold->reason);
    }
    PLUMBLINE_TRY_VOID(database_.sync());
    unsynced_ = false;
    last_sync_ms_ = clock_.monotonic_ms();
    return ok();
}

/// Puts logs of older blocks into the log; the entities follow with the refold.
Status Writer::do_fill(const FetchedRange& fetched) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || fetched.range.to > cursor->block_num) {
        return Error{ErrorCode::kReorg, "the index ends below the range that was filled in"};
    }
    if (!database_.needs_refold() &&
        database_.bundle().fingerprint == plan_->bundle().fingerprint) {
        // The fold must be repeated although the mapping is the same: say so where a crash keeps
        // it.
        PLUMBLINE_TRY_VOID(database_.truncate_log(cursor->block_num));
    }
    const auto view = database_.read_view();
    std::set<std::pair<uint64_t, uint32_t>> stored;
    {
        const auto scanner = view->scan_logs(fetched.range.from, fetched.range.to);
        for (; scanner->valid(); scanner->next()) {
            const storage::LogRecord& record = scanner->record();
            stored.insert({record.log.block_num, record.log.log_index});
        }
        PLUMBLINE_TRY_VOID(scanner->status());
    }
    const auto batch = database_.make_batch();
    size_t log = 0;
    for (const BlockInfo& block : fetched.blocks) {
        size_t added = 0;
        for (;
             log < fetched.logs.logs.size() && fetched.logs.logs[log].block_num == block.block_num;
             ++log) {
            const evm::Log& entry = fetched.logs.logs[log];
            const storage::TxnFields* txn = fetched.txn(log);
            const bool is_new = !stored.contains({entry.block_num, entry.log_index});
            if (is_new || txn != nullptr) {
                batch->append_log(entry, fetched.logs.data(entry), txn);
            }
            added += is_new ? 1U : 0U;
        }
        const Result<storage::BlockRow> row = view->get_block(block.block_num);
        if (!row && row.error().code != ErrorCode::kNotFound) {
            return row.error();
        }
        if (row && row->hash != block.hash) {
            return Error{ErrorCode::kReorg,
                         fmt::format("block {} is another one now", block.block_num)};
        }
        if (added > 0) {
            batch->append_block(to_row(block, added + (row ? row->event_count : 0)));
        }
    }
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> known, database_.children());
    for (const storage::ChildRow& child : fetched.children) {
        if (std::ranges::find(known, child) == known.end()) {
            batch->append_child(child);
        }
    }
    extend_coverage(*batch, fetched, fetched.range);
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kBuffered));
    unsynced_ = true;
    ++progress_.commits;
    progress_.events += fetched.logs.logs.size();
    progress_.fill_next = fetched.range.to + 1;
    return ok();
}

Status Writer::do_finalize(uint64_t finalized) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || finalized <= cursor->finalized) {
        return ok();
    }
    const auto batch = database_.make_batch();
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    batch->set_finalized(std::min(finalized, cursor->block_num));
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kSync));
    unsynced_ = false;
    progress_.finalized_block = std::min(finalized, cursor->block_num);
    return ok();
}

Status Writer::do_rollback(const BlockInfo& target) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    // The fold's cache and children are of the chain that is left.
    fold_.reset();
    batch_.reset();
    if (cursor && target.block_num < cursor->block_num) {
        const storage::BlockRow known = to_row(target, 0);
        const storage::BlockRow* row = target.hash.is_zero() ? nullptr : &known;
        const Status undone = database_.rollback(target.block_num, row);
        if (!undone && undone.error().code != ErrorCode::kNotFound) {
            return undone;
        }
        if (!undone) {
            logging::warning(fmt::format(
                "the chain was reorganised down to block {}, {} blocks below what it "
                "had called final: the entities are folded again from the log",
                target.block_num,
                cursor->finalized > target.block_num ? cursor->finalized - target.block_num : 0));
            PLUMBLINE_TRY_VOID(database_.truncate_log(target.block_num, row));
        }
    }
    unsynced_ = false;
    progress_.next_block = target.block_num + 1;
    if (observer_ != nullptr) {
        observer_->on_rollback(target.block_num);
    }
    if (database_.needs_refold()) {
        return do_refold("the log was cut below what undo reaches");
    }
    return ok();
}

Status Writer::do_refold(const std::string& reason) {
    logging::info("folding the whole log again", {{"reason", reason}});
    fold_.reset();
    batch_.reset();
    progress_.refolding = true;
    const Status folded = refold_(database_);
    progress_.refolding = false;
    PLUMBLINE_TRY_VOID(folded);
    unsynced_ = false;
    if (observer_ != nullptr) {
        observer_->on_refold();
    }
    logging::info("folded");
    return ok();
}

}  // namespace plumbline::engine
