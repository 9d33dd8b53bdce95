// What the follower does when the chain is not, or may not be, the one that is stored.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/ingest/follower.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// What was done came to nothing, because the chain is not what it was done for.
void Follower::set_back(std::string what, std::optional<int64_t> since_ms) {
    const int64_t now = clock_.monotonic_ms();
    standstill_.on_setback(since_ms.value_or(now), tip_ ? tip_->block_num : 0, std::move(what));
    if (!standstill_.is_on(now)) {
        return;
    }
    wait_.wait(standstill_.since_ms(), standstill_.text());
    const bool has_tip = tip_ && !tip_->hash.is_zero();
    const auto block_num = standstill_.question(
        now, has_tip ? std::optional{tip_->block_num} : std::nullopt, next_block());
    if (!block_num) {
        return;
    }
    apart_.look();
    source_.get_block_words(
        *block_num, standstill_words_.wrap([this, n = *block_num](
                                               const Result<std::vector<rpc::BlockWord>>& words) {
            if (!words || !standstill_.is_on(clock_.monotonic_ms())) {
                return;
            }
            standstill_.hear(*words, n);
            wait_.wait(standstill_.since_ms(), standstill_.text());
            if (standstill_.names_chains() && standstill_notice_.due(clock_.monotonic_ms())) {
                logging::warning(standstill_.text());
            }
            apart_.part_from_minority(*words, n, tip_);
        }));
}

/// The head is lower than what we have: see the rule at the top of the header.
void Follower::on_lower_head() {
    if (!outbox_.is_drained()) {
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
        // Unless the blocks that both have say otherwise: then its own chain lacks that head.
        begin_ancestor_search(SearchReason::kLowerHead);
        return;
    }
    ++lower_polls_;
    const std::optional<storage::Cursor> cursor = database_.cursor();
    const bool is_final = cursor && head.block_num < cursor->finalized;
    const std::string reason = fmt::format(
        "the chain's head is at block {}, below our block {}: waiting for the provider to catch "
        "up{}",
        head.block_num, tip_->block_num, is_final ? " (that is below finality)" : "");
    if (lower_notice_.due(clock_.monotonic_ms())) {
        logging::warning(reason);
    }
    lower_since_ms_ = lower_since_ms_.value_or(clock_.monotonic_ms());
    wait_.wait(*lower_since_ms_, reason);
    progress_.lower_head = head.block_num;
    if (lower_polls_ < options_.lower_head_polls) {
        pause(options_.poll_interval_ms);
        return;
    }
    if (is_final || !row) {
        // Whether it is behind or another chain shows in the blocks that both have.
        lower_polls_ = 0;
        begin_ancestor_search(SearchReason::kLowerHead);
        return;
    }
    ask_for_tip();
}

/// The head agrees with ours and nothing final would go: it is a shortened chain where nobody knows
/// our last block any more.
void Follower::ask_for_tip() {
    phase_ = Phase::kLower;
    source_.get_header_by_hash(tip_->hash, only_answer([this](Result<evm::Header> result) {
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

void Follower::begin_ancestor_search(SearchReason reason) {
    if (!outbox_.is_drained()) {
        // Stored rows are compared; what is on its way to the writer must be among them.
        pause(std::min<int64_t>(options_.retry_ms_min, 50));
        return;
    }
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor) {
        restart(0);
        return;
    }
    search_.emplace(evm::BlockId{cursor->block_num, cursor->block_hash}, lowest_block_,
                    heads_->latest.block_num);
    search_reason_ = reason;
    step_ancestor_search();
}

/// Brings the search what it wants to know next.
void Follower::step_ancestor_search() {
    while (const auto* wanted = std::get_if<AncestorSearch::ReadRows>(&search_->step())) {
        const Result<std::vector<storage::BlockRow>> rows =
            database_.read_view()->list_blocks(wanted->range.from, wanted->range.to);
        if (!rows) {
            channel_.fail(rows.error());
            return;
        }
        search_->take_rows(*rows);
    }
    if (const auto* found = std::get_if<AncestorSearch::Found>(&search_->step())) {
        end_ancestor_search(*found);
        return;
    }
    phase_ = Phase::kAncestor;
    ask_headers(std::get_if<AncestorSearch::AskHeaders>(&search_->step())->block_nums,
                [this](Result<Headers> result) {
                    if (!result) {
                        trouble(result.error(), "looking for the common ancestor");
                        restart(backoff_.next());
                        return;
                    }
                    clear_trouble();
                    search_->take_headers(*result);
                    step_ancestor_search();
                });
}

void Follower::end_ancestor_search(const AncestorSearch::Found& found) {
    if (search_reason_ == SearchReason::kLowerHead && found.agrees) {
        // All that both have is equal: the provider is behind.
        if (until_.head) {
            lower_since_ms_.reset();
            clear_trouble();
            reach_until();
        } else {
            pause(options_.poll_interval_ms);
        }
        return;
    }
    const evm::BlockId target = found.ancestor.value_or(below_all());
    if (target.block_num >= tip_->block_num) {
        set_back(fmt::format("looking for the common ancestor: block {} is on the chain again",
                             tip_->block_num));
        restart(standstill_.is_on(clock_.monotonic_ms()) ? backoff_.next() : 0);
        return;
    }
    roll_back_if_agreed(target, found.differs.value_or(*tip_));
}

/// Where nothing of the index is left. Which block that is decides nothing: it must not be what the
/// first block is held against, for a provider on another fork may have told it.
evm::BlockId Follower::below_all() const noexcept {
    return {lowest_block_ == 0 ? 0 : lowest_block_ - 1, {}};
}

/// Rolls back to a block that is stored, once the chain has said that it is still its own: what
/// follows is held against this hash.
void Follower::ask_and_roll_back(const evm::BlockId& target) {
    if (target == below_all()) {
        ask_first_blocks();
        return;
    }
    roll_back_to(target);
}

void Follower::roll_back_to(const evm::BlockId& target) {
    if (target.block_num < lowest_block_) {
        evm::Header nothing;
        nothing.block_num = target.block_num;
        order_rollback(nothing);
        return;
    }
    phase_ = Phase::kAncestor;
    ask_headers({target.block_num}, [this, target](Result<Headers> result) {
        if (!result) {
            trouble(result.error(), "reading the common ancestor");
            restart(backoff_.next());
            return;
        }
        if (!target.hash.is_zero() && result->front().hash != target.hash) {
            // Another provider, or the chain went on changing: looked for again.
            set_back(fmt::format("reading the common ancestor: block {} is another one by now",
                                 target.block_num));
            restart(backoff_.next());
            return;
        }
        order_rollback(result->front());
    });
}

void Follower::order_rollback(const evm::Header& target) {
    lower_since_ms_.reset();
    progress_.lower_head = 0;
    logging::info(
        fmt::format("reorg: the chain left ours above block {}", target.block_num),
        {{"depth", tip_->block_num - target.block_num}, {"ancestor", evm::to_hex(target.hash)}});
    ++progress_.reorgs;
    outbox_.push(
        RollbackWork{{target.block_num, target.hash, target.parent_hash, target.timestamp}});
    restart(0);
}

}  // namespace plumbline::engine
