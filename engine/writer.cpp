#include "engine/writer.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"

namespace plumbline::engine {

namespace {

const Harvest* harvest_of(const WorkItem& item) {
    const auto* append = std::get_if<AppendWork>(&item.work);
    return append == nullptr ? nullptr : &append->harvest;
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
    if (is_sealed_) {
        return commit_sealed();
    }
    if (!channel_.calls.empty()) {
        if (last_block_) {
            // They see whole commits only.
            if (const Status sealed = seal(); !sealed) {
                return handle_error(sealed.error(), "folding");
            }
            return commit_sealed();
        }
        run_calls();
        return true;
    }
    if (at_item_ == open_.size()) {
        if (std::optional<WorkItem> item = channel_.queue.try_pop()) {
            open_.push_back(*std::move(item));
        } else if (last_block_) {
            // Nothing more comes at once: what is folded should be seen.
            if (const Status sealed = seal(); !sealed) {
                return handle_error(sealed.error(), "folding");
            }
            return commit_sealed();
        } else {
            if (unsynced_ && clock_.monotonic_ms() - last_sync_ms_ >= options_.sync_interval_ms) {
                if (const Status synced = database_.sync(); !synced) {
                    return handle_error(synced.error(), "syncing");
                }
                unsynced_ = false;
                last_sync_ms_ = clock_.monotonic_ms();
                return true;
            }
            return false;
        }
    }
    WorkItem& item = open_[at_item_];
    if (item.epoch <= channel_.refused_epoch.load()) {
        PLUMBLINE_CHECK(!last_block_ && at_item_ == 0);
        finish_item(item);
        open_.pop_front();
        return true;
    }
    if (harvest_of(item) != nullptr) {
        return fold_more();
    }
    if (last_block_) {
        if (const Status sealed = seal(); !sealed) {
            return handle_error(sealed.error(), "folding");
        }
        return commit_sealed();
    }
    PLUMBLINE_CHECK(at_item_ == 0);
    const uint64_t refused_before = channel_.refused_epoch.load();
    if (Status done = run_command(item); !done) {
        return handle_error(std::move(done).error(), "writing");
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
bool Writer::joins(const Harvest& harvest) const {
    std::optional<BlockInfo> before = last_block_;
    if (!before) {
        if (const std::optional<storage::Cursor> cursor = database_.cursor()) {
            before = BlockInfo{cursor->block_num, cursor->block_hash, {}, 0};
        }
    }
    if (!before) {
        return true;
    }
    if (harvest.range.from != before->block_num + 1) {
        return false;
    }
    return harvest.parent_hash.is_zero() || before->hash.is_zero() ||
           harvest.parent_hash == before->hash;
}

bool Writer::fold_more() {
    if (!fold_) {
        if (Status made = make_fold(); !made) {
            return handle_error(std::move(made).error(), "starting the fold");
        }
    }
    const WorkItem& item = open_[at_item_];
    const Harvest& harvest = *harvest_of(item);
    if (at_ == Pos{}) {
        if (!joins(harvest)) {
            if (last_block_) {
                // What came before is good: it goes in first, then this is looked at again.
                if (const Status sealed = seal(); !sealed) {
                    return handle_error(sealed.error(), "folding");
                }
                return commit_sealed();
            }
            refuse(item,
                   fmt::format("block {} does not follow what is stored", harvest.range.from));
            return true;
        }
        coverage_from_ = harvest.range.from;
    }
    while (at_.block < harvest.blocks.size()) {
        const BlockInfo& block = harvest.blocks[at_.block];
        const bool keep_undo = block.block_num > harvest.finalized;
        if (keep_undo && last_block_) {
            break;  // A block that is not final is committed by itself.
        }
        if (!last_block_) {
            pending_from_ = coverage_from_;
        }
        if (Status folded = fold_block(harvest, at_.block); !folded) {
            return handle_error(std::move(folded).error(), "folding");
        }
        last_block_ = block;
        pending_finalized_ = std::min(harvest.finalized, block.block_num);
        ++at_.block;
        if (keep_undo || pending_events_ >= options_.commit_events_max ||
            batch_->size_bytes() + fold_->pending_bytes() >= options_.commit_bytes_max) {
            break;
        }
    }
    PLUMBLINE_CHECK(last_block_.has_value());
    const bool is_whole = at_.block == harvest.blocks.size();
    const BlockInfo& next_block = is_whole ? harvest.blocks.back() : harvest.blocks[at_.block];
    const bool is_tail =
        next_block.block_num > harvest.finalized || last_block_->block_num > harvest.finalized;
    const bool is_full = pending_events_ >= options_.commit_events_max ||
                         batch_->size_bytes() + fold_->pending_bytes() >= options_.commit_bytes_max;
    extend_coverage(*batch_, harvest, coverage_from_,
                    is_whole ? harvest.range.to : last_block_->block_num);
    coverage_from_ = last_block_->block_num + 1;
    sync_next_ = std::get<AppendWork>(item.work).sync;
    if (is_whole) {
        ++at_item_;
        at_ = {};
    }
    if (!is_whole || is_tail || is_full || sync_next_) {
        if (const Status sealed = seal(); !sealed) {
            return handle_error(sealed.error(), "folding");
        }
        return commit_sealed();
    }
    return true;
}

Status Writer::fold_block(const Harvest& harvest, size_t index) {
    const BlockInfo& block = harvest.blocks[index];
    const bool keep_undo = block.block_num > harvest.finalized;
    fold_->begin_block({block.block_num, block.hash, block.timestamp, keep_undo});
    const size_t first = at_.log;
    for (; at_.log < harvest.logs.logs.size(); ++at_.log) {
        const evm::Log& log = harvest.logs.logs[at_.log];
        if (log.block_num != block.block_num) {
            break;
        }
        const ByteView data = harvest.logs.data(log);
        const storage::TxnFields* txn = harvest.txn(at_.log);
        fold_->look_ahead(harvest.logs, at_.log);
        batch_->append_log(log, data, txn);
        PLUMBLINE_TRY_VOID(fold_->apply(log, data, txn));
        // Its logs count from after the announcement on.
        for (; at_.child < harvest.children.size(); ++at_.child) {
            const storage::ChildRow& child = harvest.children[at_.child];
            if (child.block_num != log.block_num || child.log_index != log.log_index) {
                break;
            }
            batch_->append_child(child);
            fold_->add_child(child);
        }
    }
    const size_t events = at_.log - first;
    pending_events_ += events;
    if (changes_.bytes_max > 0 && events > 0) {
        pending_logs_.push_back({&harvest, first, at_.log});
    }
    // The row of the newest final block stays until finality moves on: it is what a rollback to
    // there goes back to. So the last block of a commit always has one.
    const bool is_last = index + 1 == harvest.blocks.size();
    if (events > 0 || keep_undo || is_last) {
        batch_->append_block(to_row(block, events));
    }
    return ok();
}

void Writer::extend_coverage(storage::CommitBatch& batch, const Harvest& harvest, uint64_t from,
                             uint64_t to) const {
    for (const uint32_t i : harvest.sources) {
        if (from <= to) {
            batch.extend_coverage({plan_->sources()[i].fingerprint,
                                   {from, to},
                                   harvest.provider,
                                   storage::ProofLevel::kFetched});
        }
    }
}

Status Writer::seal() {
    changes_.clear();
    PLUMBLINE_TRY_VOID(fold_->flush(*batch_, changes_.bytes_max > 0 ? &changes_ : nullptr));
    batch_->set_cursor(last_block_->block_num, last_block_->hash, last_block_->timestamp);
    batch_->set_finalized(pending_finalized_);
    is_sealed_ = true;
    return ok();
}

bool Writer::commit_sealed() {
    const int64_t now = clock_.monotonic_ms();
    const bool sync = sync_next_ || (unsynced_ && now - last_sync_ms_ >= options_.sync_interval_ms);
    const Status written = database_.commit(
        *batch_, sync ? storage::Durability::kSync : storage::Durability::kBuffered);
    if (!written) {
        return handle_error(written.error(), "committing");
    }
    progress_.commit_ms += static_cast<uint64_t>(clock_.monotonic_ms() - now);
    on_success();
    unsynced_ = !sync;
    if (sync) {
        last_sync_ms_ = now;
    }
    after_commit();
    return true;
}

/// Before anything of the commit is let go.
void Writer::tell_rows(evm::BlockRange range) const {
    observer_->on_rows({range, last_block_->hash, last_block_->timestamp, pending_finalized_,
                        pending_events_, changes_.is_whole() ? &changes_.rows : nullptr,
                        pending_logs_});
}

void Writer::after_commit() {
    const evm::BlockRange range{pending_from_, last_block_->block_num};
    const uint64_t events = pending_events_;
    if (changes_.bytes_max > 0) {
        tell_rows(range);
    }
    pending_logs_.clear();
    const uint64_t quarantined = fold_->stats().quarantined;
    progress_.events += events;
    ++progress_.commits;
    progress_.next_block = last_block_->block_num + 1;
    progress_.finalized_block = pending_finalized_;
    progress_.quarantined += quarantined - quarantined_before_;
    quarantined_before_ = quarantined;
    batch_->clear();
    is_sealed_ = false;
    sync_next_ = false;
    last_block_.reset();
    pending_events_ = 0;
    while (at_item_ > 0) {
        finish_item(open_.front());
        open_.pop_front();
        --at_item_;
    }
    committed_ = at_;
    committed_coverage_from_ = coverage_from_;
    if (observer_ != nullptr) {
        observer_->on_commit(range, events);
    }
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

/// Always false, so that callers can return it.
bool Writer::handle_error(Error error, std::string_view doing) {
    if (!is_sealed_) {
        rewind();  // A fold that failed half way is done again from the last commit.
    }
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
    is_sealed_ = false;
    sync_next_ = false;
    last_block_.reset();
    pending_events_ = 0;
    pending_logs_.clear();
    at_item_ = 0;
    at_ = committed_;
    coverage_from_ = committed_coverage_from_;
}

/// Drops everything of the item's epoch; the follower looks at the chain again.
void Writer::refuse(const WorkItem& item, const std::string& why) {
    logging::debug("work refused", {{"why", why}});
    PLUMBLINE_CHECK(!last_block_);
    channel_.refused_epoch = item.epoch;
    at_ = {};
    committed_ = {};
}

void Writer::finish_item(const WorkItem& item) {
    channel_.done_seq = item.seq;
}

Status Writer::finish() {
    channel_.calls.close({ErrorCode::kCancelled, "the index stops"});
    while (!failed_ && (is_sealed_ || last_block_)) {
        if (!is_sealed_) {
            PLUMBLINE_TRY_VOID(seal());
        }
        if (!commit_sealed()) {
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
    if (const auto* fill = std::get_if<FillWork>(&item.work)) {
        const Status filled = do_fill(fill->harvest);
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
Status Writer::do_fill(const Harvest& harvest) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || harvest.range.to > cursor->block_num) {
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
        const auto scanner = view->scan_logs(harvest.range.from, harvest.range.to);
        for (; scanner->valid(); scanner->next()) {
            const storage::LogRecord& record = scanner->record();
            stored.insert({record.log.block_num, record.log.log_index});
        }
        PLUMBLINE_TRY_VOID(scanner->status());
    }
    const auto batch = database_.make_batch();
    size_t log = 0;
    for (const BlockInfo& block : harvest.blocks) {
        size_t added = 0;
        for (;
             log < harvest.logs.logs.size() && harvest.logs.logs[log].block_num == block.block_num;
             ++log) {
            const evm::Log& entry = harvest.logs.logs[log];
            const storage::TxnFields* txn = harvest.txn(log);
            const bool is_new = !stored.contains({entry.block_num, entry.log_index});
            if (is_new || txn != nullptr) {
                batch->append_log(entry, harvest.logs.data(entry), txn);
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
    for (const storage::ChildRow& child : harvest.children) {
        if (std::ranges::find(known, child) == known.end()) {
            batch->append_child(child);
        }
    }
    extend_coverage(*batch, harvest, harvest.range.from, harvest.range.to);
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    PLUMBLINE_TRY_VOID(database_.commit(*batch, storage::Durability::kBuffered));
    unsynced_ = true;
    ++progress_.commits;
    progress_.events += harvest.logs.logs.size();
    progress_.fill_next = harvest.range.to + 1;
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
