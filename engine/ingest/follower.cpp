#include "engine/ingest/follower.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kAncestorWindow = 256;  ///< blocks; the first look back
constexpr uint64_t kAncestorWindowMax = 1U << 20U;
constexpr size_t kRangeEndsPerAsk = 64;
constexpr unsigned kStaleJobsToTell = 5;
constexpr size_t kAncestorAsksMax = 16;  ///< headers of one question

BlockInfo to_info(const evm::Header& header) {
    return {header.block_num, header.hash, header.parent_hash, header.timestamp};
}

}  // namespace

Follower::Follower(rpc::ChainSource& source, std::shared_ptr<const Plan> plan,
                   SourceParents parents, const storage::Database& database, IngestChannel& channel,
                   IngestProgress& progress, const Clock& clock, const IngestOptions& options,
                   Until until)
    : source_{source},
      plan_{std::move(plan)},
      parents_{std::move(parents)},
      database_{database},
      channel_{channel},
      progress_{progress},
      clock_{clock},
      options_{options},
      until_{until},
      fetcher_{source, plan_, clock, options},
      backoff_{options.retry_ms_min, options.retry_ms_max} {
    const std::vector<uint64_t> first = first_blocks(plan_->sources(), parents_);
    first_block_ = first.empty() ? 0 : *std::ranges::min_element(first);
    for (uint32_t i = 0; i < plan_->sources().size(); ++i) {
        all_sources_.push_back(i);
    }
    progress_.first_block = first_block_;
    progress_.next_block = first_block_;
}

Follower::~Follower() = default;

template <typename T, typename Handle>
rpc::ChainSource::Callback<T> Follower::guarded(Handle handle) {
    alive_ = std::make_shared<const int>(0);
    return
        [alive = std::weak_ptr<const int>{alive_}, handle = std::move(handle)](Result<T> result) {
            if (!alive.expired()) {
                handle(std::move(result));
            }
        };
}

bool Follower::is_drained() const noexcept {
    return pending_.empty() && channel_.done_seq.load() >= handed_seq_;
}

int64_t Follower::wake_at_ms() const noexcept {
    switch (phase_) {
        case Phase::kSettle: return settle_not_before_ms_;
        case Phase::kCheckEnds:
        case Phase::kPause: return wake_ms_;
        case Phase::kFetch: return fetcher_.wake_at_ms();
        default: return -1;
    }
}

bool Follower::step() {
    if (channel_.has_failed() || phase_ == Phase::kDone) {
        return false;
    }
    bool has_moved = push_pending();
    if (channel_.refused_epoch.load() == epoch_ && phase_ != Phase::kSettle) {
        restart(options_.retry_ms_min);
        has_moved = true;
    }
    switch (phase_) {
        case Phase::kSettle: return settle() || has_moved;
        case Phase::kPause:
            if (clock_.monotonic_ms() >= wake_ms_) {
                ask_heads();
                return true;
            }
            return has_moved;
        case Phase::kCheckEnds:
            if (clock_.monotonic_ms() >= wake_ms_) {
                check_range_ends();
                return true;
            }
            return has_moved;
        case Phase::kFetch: return step_fetch() || has_moved;
        case Phase::kFinish:
            if (is_drained()) {
                phase_ = Phase::kDone;
                return true;
            }
            return has_moved;
        default: return has_moved;
    }
}

/// What is stored is where everything starts from; nothing may be on its way to the writer.
bool Follower::settle() {
    if (!is_drained() || clock_.monotonic_ms() < settle_not_before_ms_) {
        return false;
    }
    if (channel_.refused_epoch.load() == epoch_) {
        ++epoch_;
    }
    const std::optional<storage::Cursor> cursor = database_.cursor();
    Result<std::vector<storage::ChildRow>> children = database_.children();
    Result<std::vector<storage::CoverageRow>> coverage = database_.coverage();
    if (!children || !coverage) {
        channel_.fail(!children ? std::move(children).error() : std::move(coverage).error());
        return false;
    }
    tip_.reset();
    fill_.clear();
    fill_next_ = 0;
    lower_polls_ = 0;
    lower_ = false;
    finalized_sent_ = 0;
    if (cursor) {
        tip_ = evm::BlockId{cursor->block_num, cursor->block_hash};
        finalized_ = cursor->finalized;
        finalized_sent_ = cursor->finalized;
        progress_.next_block = cursor->block_num + 1;
        progress_.finalized_block = cursor->finalized;
        fill_ = find_missing(plan_->sources(), parents_, *coverage, cursor->block_num);
        if (fill_.empty() && plan_->needs_txn() &&
            database_.bundle().fingerprint != plan_->bundle().fingerprint) {
            if (Status looked = find_missing_txns(*children, cursor->block_num); !looked) {
                channel_.fail(std::move(looked).error());
                return false;
            }
            fill_ = txn_fill_;
        }
    }
    // Also with nothing stored: damage may have cost the whole log and left rows behind, or the
    // mapping changed before the first commit.
    if (fill_.empty() && !refold_ordered_ &&
        (database_.needs_refold() ||
         database_.bundle().fingerprint != plan_->bundle().fingerprint)) {
        refold_ordered_ = true;
        push({0, 0,
              RefoldWork{database_.needs_refold() ? "the entities do not belong to the log"
                                                  : "the mapping changed"}});
        return true;  // Comes back here when it is done.
    }
    refold_ordered_ = false;
    if (!network_allowed_) {
        return false;
    }
    fetcher_.cancel();
    fetcher_.reset_children(*children);
    if (progress_.state.load() == Lifecycle::kStarting) {
        progress_.state = Lifecycle::kBackfilling;
    }
    ask_heads();
    return true;
}

/// A changed mapping may name transactions that the stored logs came without.
Status Follower::find_missing_txns(const std::vector<storage::ChildRow>& children,
                                   uint64_t cursor) {
    if (std::exchange(txns_looked_for_, true)) {
        return ok();
    }
    SourceMap map{plan_->sources()};
    map.reset_children(children);
    std::vector<bool> member(plan_->sources().size(), false);
    std::optional<evm::BlockRange> range;
    const auto view = database_.read_view();
    const auto scanner = view->scan_logs(0, cursor);
    for (; scanner->valid(); scanner->next()) {
        const storage::LogRecord& record = scanner->record();
        if (record.txn) {
            continue;
        }
        map.for_each_source(record.log, [&](uint32_t source) {
            if (plan_->needs_txn(source, record.log)) {
                member[source] = true;
                range = {range ? range->from : record.log.block_num, record.log.block_num};
            }
        });
    }
    PLUMBLINE_TRY_VOID(scanner->status());
    if (range) {
        add_families(member, parents_);
        CoverageGap span{*range, {}};
        for (const uint32_t source : all_sources_) {
            if (member[source]) {
                span.sources.push_back(source);
            }
        }
        txn_fill_ = {std::move(span)};
    }
    return ok();
}

void Follower::restart(int64_t wait_ms) {
    alive_.reset();
    fetcher_.cancel();
    std::erase_if(pending_, [](const WorkItem& item) {
        return std::holds_alternative<AppendWork>(item.work) ||
               std::holds_alternative<GapWork>(item.work);
    });
    settle_not_before_ms_ = clock_.monotonic_ms() + wait_ms;
    phase_ = Phase::kSettle;
}

void Follower::pause(int64_t wait_ms) {
    wake_ms_ = clock_.monotonic_ms() + wait_ms;
    phase_ = Phase::kPause;
}

void Follower::trouble(const Error& error, std::string_view doing) {
    int64_t since = -1;
    progress_.waiting_since_ms.compare_exchange_strong(since, clock_.monotonic_ms());
    if (trouble_notice_.due(clock_.monotonic_ms())) {
        logging::warning(fmt::format("{}: {}; trying again", doing, error.message),
                         {{"error", to_string(error.code)}});
    }
}

void Follower::clear_trouble() {
    if (progress_.waiting_since_ms.exchange(-1) >= 0) {
        logging::info("the chain answers again");
        trouble_notice_.reset();
    }
    backoff_.reset();
}

// --- heads -----------------------------------------------------------------------------------

uint64_t Follower::finalized_of(const rpc::Heads& heads) const noexcept {
    const auto below = [&](uint64_t depth) {
        return heads.latest.block_num > depth ? heads.latest.block_num - depth : 0;
    };
    if (options_.finality_depth) {
        return below(*options_.finality_depth);
    }
    return heads.finalized ? std::min(heads.finalized->block_num, heads.latest.block_num)
                           : below(options_.finality_depth_fallback);
}

void Follower::ask_heads() {
    phase_ = Phase::kHeads;
    // Whatever was true of the chain may have changed.
    tip_checked_ = tip_ && tip_->hash.is_zero();
    heads_asked_ms_ = clock_.monotonic_ms();
    source_.get_heads(
        guarded<rpc::Heads>([this](Result<rpc::Heads> result) { on_heads(std::move(result)); }));
}

void Follower::on_heads(Result<rpc::Heads> result) {
    if (!result && result.error().code == ErrorCode::kIncompatible) {
        // Every endpoint serves another chain by now: nobody is left to wait for.
        channel_.fail(std::move(result).error());
        return;
    }
    if (!result) {
        trouble(result.error(), "asking for the chain's head");
        pause(backoff_.next());
        return;
    }
    clear_trouble();
    heads_ = *std::move(result);
    // Finality does not go back, except with a rollback below it, which `settle` learns.
    finalized_ = std::max(finalized_, finalized_of(*heads_));
    progress_.head_block = heads_->latest.block_num;
    progress_.target_block = until_.block.value_or(heads_->latest.block_num);
    decide();
}

/// Heads are fresh, nothing is being fetched.
void Follower::decide() {
    const uint64_t head = heads_->latest.block_num;
    if (tip_ && !tip_checked_ && head >= tip_->block_num) {
        if (head > tip_->block_num) {
            check_tip();
            return;
        }
        if (heads_->latest.hash != tip_->hash) {
            begin_ancestor_search();
            return;
        }
        tip_checked_ = true;
    }
    if (tip_ && head < tip_->block_num) {
        on_lower_head();
        return;
    }
    lower_polls_ = 0;
    if (fill_next_ < fill_.size()) {
        start_fill();
        return;
    }
    if (tip_ && head == tip_->block_num && tip_->block_num >= first_block_ &&
        heads_->latest.hash != tip_->hash) {
        begin_ancestor_search();
        return;
    }
    const uint64_t next = tip_ ? tip_->block_num + 1 : first_block_;
    const uint64_t last = std::min(head, until_.block.value_or(UINT64_MAX));
    if (until_.block && next > *until_.block) {
        reach_until();
        return;
    }
    if (next > last) {
        at_head();
        return;
    }
    FetchJob job;
    job.sources = all_sources_;
    job.finalized = finalized_;
    job.tail = next > finalized_;
    job.range = {next, job.tail ? last : std::min(last, finalized_)};
    if (tip_ && !tip_->hash.is_zero()) {
        job.parent_hash = tip_->hash;
    }
    start_job(std::move(job), false);
}

/// Blocks below finality are not linked one by one, so the place to go on from is looked at first.
void Follower::check_tip() {
    const uint64_t next = tip_->block_num + 1;
    if (fill_next_ >= fill_.size() && next > finalized_) {
        // The first header of the tail says it by its parent hash.
        tip_checked_ = true;
        decide();
        return;
    }
    phase_ = Phase::kCheckTip;
    source_.get_headers(
        {tip_->block_num}, guarded<std::vector<evm::Header>>([this](auto result) {
            if (!result || result->size() != 1) {
                trouble(result ? Error{ErrorCode::kDecode, "no header came"} : result.error(),
                        "looking for our last block on the chain");
                pause(backoff_.next());
                return;
            }
            clear_trouble();
            if (result->front().hash == tip_->hash) {
                tip_checked_ = true;
                decide();
            } else {
                begin_ancestor_search();
            }
        }));
}

void Follower::at_head() {
    if (until_.head) {
        reach_until();
        return;
    }
    if (!has_been_at_head_) {
        has_been_at_head_ = true;
        push({0, 0, SyncWork{}});
        logging::info("at the head of the chain, following it",
                      {{"block", heads_->latest.block_num}});
    }
    if (progress_.state.load() == Lifecycle::kBackfilling) {
        progress_.state = Lifecycle::kLive;
    }
    // Finality may move while no block comes.
    const uint64_t final_block = tip_ ? std::min(finalized_, tip_->block_num) : 0;
    if (final_block > finalized_sent_) {
        finalized_sent_ = final_block;
        push({0, 0, FinalizeWork{final_block}});
    }
    pause(std::max<int64_t>(0,
                            options_.poll_interval_ms - (clock_.monotonic_ms() - heads_asked_ms_)));
}

void Follower::reach_until() {
    const uint64_t final_block = tip_ ? std::min(finalized_, tip_->block_num) : 0;
    if (final_block > finalized_sent_) {
        finalized_sent_ = final_block;
        push({0, 0, FinalizeWork{final_block}});
    }
    push({0, 0, SyncWork{}});
    phase_ = Phase::kFinish;
}

// --- fetching --------------------------------------------------------------------------------

void Follower::start_fill() {
    const CoverageGap& span = fill_[fill_next_];
    if (fill_next_ == 0) {
        logging::info("fetching what the changed config needs and the database lacks",
                      {{"from", span.range.from}, {"to", fill_.back().range.to}});
    }
    // Who was announced in earlier blocks is known; the rest shows again on the way.
    Result<std::vector<storage::ChildRow>> children = database_.children();
    if (!children) {
        channel_.fail(std::move(children).error());
        return;
    }
    std::erase_if(*children, [&](const storage::ChildRow& child) {
        return child.block_num >= span.range.from;
    });
    fetcher_.cancel();
    fetcher_.reset_children(*children);
    progress_.fill_next = span.range.from;
    progress_.fill_to = fill_.back().range.to;
    FetchJob job;
    job.range = span.range;
    job.sources = span.sources;
    job.finalized = finalized_;
    start_job(std::move(job), true);
}

void Follower::start_job(FetchJob job, bool is_fill) {
    job_is_fill_ = is_fill;
    job_is_tail_ = job.tail;
    range_ends_.clear();
    range_ends_checked_ = 0;
    good_end_ = tip_ ? std::optional<evm::BlockId>{evm::BlockId{tip_->block_num, tip_->hash}}
                     : std::nullopt;
    if (!is_fill && progress_.state.load() == Lifecycle::kLive && !job.tail) {
        progress_.state = Lifecycle::kBackfilling;
    }
    phase_ = Phase::kFetch;
    fetcher_.start(std::move(job));
    step_fetch();
}

void Follower::push(WorkItem item) {
    item.epoch = epoch_;
    pending_.push_back(std::move(item));
    push_pending();
}

/// Hands over what the queue takes; true where that was anything.
bool Follower::push_pending() {
    bool has_moved = false;
    while (!pending_.empty()) {
        WorkItem& item = pending_.front();
        item.seq = handed_seq_ + 1;
        const size_t bytes = item.size_bytes();
        if (!channel_.queue.try_push(item, bytes)) {
            break;
        }
        ++handed_seq_;
        pending_.pop_front();
        has_moved = true;
    }
    return has_moved;
}

bool Follower::step_fetch() {
    bool has_moved = false;
    while (pending_.empty()) {
        std::optional<FetchedRange> fetched = fetcher_.take();
        if (!fetched) {
            break;
        }
        has_moved = true;
        stale_jobs_ = 0;
        clear_trouble();
        if (job_is_fill_) {
            push({0, 0, GapWork{*std::move(fetched)}});
            continue;
        }
        const BlockInfo& last = fetched->blocks.back();
        tip_ = evm::BlockId{last.block_num, last.hash};
        if (!job_is_tail_) {
            range_ends_.push_back({last.block_num, last.hash});
        }
        finalized_sent_ = std::max(finalized_sent_, std::min(fetched->finalized, last.block_num));
        AppendWork work{*std::move(fetched), false};
        work.sync = job_is_tail_ && has_been_at_head_;
        push({0, 0, std::move(work)});
    }
    switch (fetcher_.state()) {
        case FetchState::kWorking: {
            has_moved |= fetcher_.step();
            if (fetcher_.trouble()) {
                trouble(*fetcher_.trouble(), "fetching");
            }
            return has_moved;
        }
        case FetchState::kDone:
            if (pending_.empty()) {
                end_job();
                return true;
            }
            return has_moved;
        case FetchState::kForked:
            fetcher_.cancel();
            begin_ancestor_search();
            return true;
        case FetchState::kStale: on_stale(); return true;
        case FetchState::kIdle: break;
    }
    return has_moved;
}

void Follower::end_job() {
    fetcher_.cancel();
    if (job_is_fill_) {
        if (++fill_next_ < fill_.size()) {
            ask_heads();
            return;
        }
        progress_.fill_next = 0;
        txn_fill_.clear();
        restart(0);  // Finds everything covered and folds again.
        return;
    }
    if (!job_is_tail_) {
        check_range_ends();
        return;
    }
    if (heads_ && tip_->block_num >= heads_->latest.block_num) {
        if (until_.head) {
            // A head that we have just reached is the head, whatever has come since.
            reach_until();
            return;
        }
        at_head();
        return;
    }
    ask_heads();
}

/// Ranges below finality are not linked to each other by parent hashes. Should the chain have been
/// exchanged below them all the same, one of their last blocks is no longer on it.
void Follower::check_range_ends() {
    if (range_ends_checked_ == range_ends_.size()) {
        ask_heads();
        return;
    }
    const size_t count = std::min(kRangeEndsPerAsk, range_ends_.size() - range_ends_checked_);
    std::vector<uint64_t> block_nums;
    for (size_t i = 0; i < count; ++i) {
        block_nums.push_back(range_ends_[range_ends_checked_ + i].block_num);
    }
    phase_ = Phase::kCheckTip;
    source_.get_headers(
        std::move(block_nums), guarded<std::vector<evm::Header>>([this, count](auto result) {
            if (!result && result.error().code == ErrorCode::kNotFound) {
                ask_heads();  // The chain is shorter than it was.
                return;
            }
            if (!result || result->size() != count) {
                trouble(result ? Error{ErrorCode::kDecode, "too few headers came"} : result.error(),
                        "looking for fetched blocks on the chain");
                phase_ = Phase::kCheckEnds;
                wake_ms_ = clock_.monotonic_ms() + backoff_.next();
                return;
            }
            clear_trouble();
            for (size_t i = 0; i < count; ++i) {
                const evm::BlockId& end = range_ends_[range_ends_checked_ + i];
                if ((*result)[i].hash != end.hash) {
                    ask_and_roll_back(good_end_.value_or(below_all()));
                    return;
                }
                good_end_ = end;
            }
            range_ends_checked_ += count;
            check_range_ends();
        }));
}

void Follower::on_stale() {
    // Once is a reorg, often is a provider that contradicts itself.
    const Error error = fetcher_.trouble().value_or(
        Error{ErrorCode::kReorg, "the chain changed while it was read"});
    if (++stale_jobs_ > kStaleJobsToTell) {
        trouble(error, "fetching");
    } else {
        logging::debug("the chain changed while it was read", {{"what", error.message}});
    }
    restart(backoff_.next());
}

// --- forks -----------------------------------------------------------------------------------

/// The head is lower than what we have: see the rule at the top of the header.
void Follower::on_lower_head() {
    if (!is_drained()) {
        pause(options_.retry_ms_min);
        return;
    }
    const evm::Header& head = heads_->latest;
    const Result<storage::BlockRow> row = database_.read_view()->get_block(head.block_num);
    if (!row && row.error().code != ErrorCode::kNotFound) {
        channel_.fail(row.error());
        return;
    }
    if (row && row->hash != head.hash) {
        begin_ancestor_search();
        return;
    }
    ++lower_polls_;
    const std::optional<storage::Cursor> cursor = database_.cursor();
    const bool is_final = cursor && head.block_num < cursor->finalized;
    if (lower_notice_.due(clock_.monotonic_ms())) {
        logging::warning(fmt::format(
            "the chain's head is at block {}, below our block {}: waiting for the "
            "provider to catch up{}",
            head.block_num, tip_->block_num, is_final ? " (that is below finality)" : ""));
    }
    if (lower_polls_ < options_.lower_head_polls) {
        pause(options_.poll_interval_ms);
        return;
    }
    if (is_final || !row) {
        // Whether it is behind or another chain shows in the blocks that both have.
        lower_polls_ = 0;
        lower_ = true;
        begin_ancestor_search();
        return;
    }
    phase_ = Phase::kLower;
    source_.get_header_by_hash(tip_->hash, guarded<evm::Header>([this](auto result) {
                                   if (result) {
                                       lower_polls_ = 0;
                                       if (until_.head) {
                                           reach_until();
                                           return;
                                       }
                                       pause(options_.poll_interval_ms);
                                   } else if (result.error().code == ErrorCode::kNotFound) {
                                       order_rollback(heads_->latest);
                                   } else {
                                       trouble(result.error(), "asking for our last block");
                                       pause(backoff_.next());
                                   }
                               }));
}

/// Looks for the highest stored block that the chain has, in growing windows of stored blocks; in a
/// window by comparing the top few, then evenly spaced ones between match and mismatch. A chain
/// that has a block has all before it, so this finds the fork.
void Follower::begin_ancestor_search() {
    if (!is_drained()) {
        // Stored rows are compared; what is on its way to the writer must be among them.
        pause(std::min<int64_t>(options_.retry_ms_min, 50));
        return;
    }
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor) {
        restart(0);
        return;
    }
    known_.clear();
    window_from_ = cursor->block_num + 1;
    match_ = SIZE_MAX;
    mismatch_ = 0;
    ask_ancestors();
}

void Follower::ask_ancestors() {
    const uint64_t head = heads_->latest.block_num;
    while (match_ == SIZE_MAX && mismatch_ == 0) {
        // Nothing in this window is on the chain: a larger one below it.
        if (window_from_ <= first_block_) {
            end_ancestor_search();
            return;
        }
        const std::optional<storage::Cursor> cursor = database_.cursor();
        const uint64_t above = cursor->block_num + 1 - window_from_;
        const uint64_t size = std::min(kAncestorWindowMax, std::max(kAncestorWindow, above * 4));
        const uint64_t to = window_from_ - 1;
        window_from_ = to + 1 > first_block_ + size ? to + 1 - size : first_block_;
        Result<std::vector<storage::BlockRow>> rows =
            database_.read_view()->list_blocks(window_from_, to);
        if (!rows) {
            channel_.fail(std::move(rows).error());
            return;
        }
        known_.clear();
        const auto add = [&](uint64_t block_num, const evm::Hash& hash) {
            if (block_num <= head && (known_.empty() || known_.back().block_num < block_num)) {
                known_.push_back({block_num, hash});
            }
        };
        for (const storage::BlockRow& row : *rows) {
            if (row.block_num > 0) {
                // Its parent is ours as well, though a block without events has no row.
                add(row.block_num - 1, row.parent_hash);
            }
            add(row.block_num, row.hash);
        }
        if (to == cursor->block_num && !cursor->block_hash.is_zero()) {
            add(cursor->block_num, cursor->block_hash);
        }
        mismatch_ = known_.size();
    }
    std::vector<size_t> asked;
    const size_t low = match_ == SIZE_MAX ? 0 : match_ + 1;
    const size_t open = mismatch_ - low;
    if (open == 0) {
        end_ancestor_search();
        return;
    }
    if (mismatch_ == known_.size() || open <= kAncestorAsksMax) {
        for (size_t i = open > kAncestorAsksMax ? mismatch_ - kAncestorAsksMax / 2 : low;
             i < mismatch_; ++i) {
            asked.push_back(i);
        }
    } else {
        for (size_t i = 0; i < kAncestorAsksMax; ++i) {
            asked.push_back(low + open * i / kAncestorAsksMax);
        }
    }
    std::vector<uint64_t> block_nums;
    for (const size_t i : asked) {
        block_nums.push_back(known_[i].block_num);
    }
    phase_ = Phase::kAncestor;
    source_.get_headers(
        std::move(block_nums), guarded<std::vector<evm::Header>>([this, asked](auto result) {
            if (result && result->size() == asked.size()) {
                clear_trouble();
                on_ancestor_headers(asked, *result);
                return;
            }
            trouble(result ? Error{ErrorCode::kDecode, "too few headers came"} : result.error(),
                    "looking for the common ancestor");
            restart(backoff_.next());
        }));
}

void Follower::on_ancestor_headers(const std::vector<size_t>& asked,
                                   const std::vector<evm::Header>& headers) {
    for (size_t i = 0; i < asked.size(); ++i) {
        const bool is_ours = headers[i].hash == known_[asked[i]].hash;
        if (is_ours && (match_ == SIZE_MAX || asked[i] > match_)) {
            match_ = asked[i];
        }
    }
    for (size_t i = 0; i < asked.size(); ++i) {
        if (headers[i].hash != known_[asked[i]].hash && asked[i] < mismatch_ &&
            (match_ == SIZE_MAX || asked[i] > match_)) {
            mismatch_ = asked[i];
        }
    }
    // An answer that has ours above another's is from two chains; the link check will find out.
    mismatch_ = match_ == SIZE_MAX ? mismatch_ : std::max(mismatch_, match_ + 1);
    ask_ancestors();
}

void Follower::end_ancestor_search() {
    const bool is_lower = std::exchange(lower_, false);
    evm::BlockId target = below_all();
    if (match_ != SIZE_MAX) {
        target = known_[match_];
        const bool is_top = match_ + 1 == known_.size();
        if (is_lower && is_top) {
            // All that both have is equal: the provider is behind.
            if (until_.head) {
                reach_until();
            } else {
                pause(options_.poll_interval_ms);
            }
            return;
        }
    }
    if (target.block_num >= tip_->block_num) {
        restart(0);  // It came back.
        return;
    }
    ask_and_roll_back(target);
}

/// Where nothing of the index is left. Which block that is decides nothing: it must not be what the
/// first block is held against, for a provider on another fork may have told it.
evm::BlockId Follower::below_all() const noexcept {
    return {first_block_ == 0 ? 0 : first_block_ - 1, {}};
}

/// Rolls back to a block that is stored, once the chain has said that it is still its own: what
/// follows is held against this hash.
void Follower::ask_and_roll_back(const evm::BlockId& target) {
    if (target.block_num < first_block_) {
        evm::Header nothing;
        nothing.block_num = target.block_num;
        order_rollback(nothing);
        return;
    }
    phase_ = Phase::kAncestor;
    source_.get_headers(
        {target.block_num}, guarded<std::vector<evm::Header>>([this, target](auto result) {
            if (!result || result->size() != 1) {
                trouble(result ? Error{ErrorCode::kDecode, "no header came"} : result.error(),
                        "reading the common ancestor");
                restart(backoff_.next());
                return;
            }
            if (!target.hash.is_zero() && result->front().hash != target.hash) {
                // Another provider, or the chain went on changing: looked for again.
                restart(backoff_.next());
                return;
            }
            order_rollback(result->front());
        }));
}

void Follower::order_rollback(const evm::Header& target) {
    logging::info(
        fmt::format("reorg: the chain left ours above block {}", target.block_num),
        {{"depth", tip_->block_num - target.block_num}, {"ancestor", evm::to_hex(target.hash)}});
    ++progress_.reorgs;
    push({0, 0, RollbackWork{to_info(target)}});
    restart(0);
}

}  // namespace plumbline::engine
