#include "engine/ingest/ancestor_search.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kWindowMin = 256;  ///< blocks; the first look back
constexpr uint64_t kWindowMax = 1U << 20U;
constexpr size_t kBlocksPerQuestion = 16;

}  // namespace

AncestorSearch::AncestorSearch(const evm::BlockId& cursor, uint64_t first_block, uint64_t head)
    : cursor_{cursor},
      first_block_{first_block},
      head_{head},
      window_from_{cursor.block_num + 1} {
    advance();
}

/// Sets `step_` by what is known.
void AncestorSearch::advance() {
    if (!match_ && mismatch_ == 0) {
        // Nothing in this window is on the chain.
        if (!known_.empty()) {
            differs_above_ = true;
            lowest_above_ = known_.front();
        }
        open_window();
        return;
    }
    if (match_ && *match_ + 1 == mismatch_) {
        const bool is_in_window = mismatch_ < known_.size();
        step_ = Found{known_[*match_], !differs_above_ && !is_in_window,
                      is_in_window ? std::optional{known_[mismatch_]} : lowest_above_};
        return;
    }
    choose_blocks();
}

void AncestorSearch::open_window() {
    if (window_from_ <= first_block_) {
        step_ = Found{std::nullopt, false, lowest_above_};
        return;
    }
    const uint64_t looked_at = cursor_.block_num + 1 - window_from_;
    const uint64_t size = std::min(kWindowMax, std::max(kWindowMin, looked_at * 4));
    const uint64_t to = window_from_ - 1;
    step_ = ReadRows{{to + 1 > first_block_ + size ? to + 1 - size : first_block_, to}};
}

void AncestorSearch::take_rows(std::span<const storage::BlockRow> rows) {
    const auto* wanted = std::get_if<ReadRows>(&step_);
    PLUMBLINE_CHECK(wanted != nullptr);
    const evm::BlockRange range = wanted->range;
    window_from_ = range.from;
    known_.clear();
    const auto add = [this](uint64_t block_num, const evm::Hash& hash) {
        if (block_num <= head_ && (known_.empty() || known_.back().block_num < block_num)) {
            known_.push_back({block_num, hash});
        }
    };
    for (const storage::BlockRow& row : rows) {
        PLUMBLINE_CHECK(row.block_num >= range.from && row.block_num <= range.to);
        if (row.block_num > 0) {
            // Its parent is ours as well, though a block without events has no row.
            add(row.block_num - 1, row.parent_hash);
        }
        add(row.block_num, row.hash);
    }
    if (range.to == cursor_.block_num && !cursor_.hash.is_zero()) {
        add(cursor_.block_num, cursor_.hash);
    }
    mismatch_ = known_.size();
    advance();
}

/// The top few until one of the window is seen to be on the chain, then evenly spaced ones.
void AncestorSearch::choose_blocks() {
    const size_t low = match_ ? *match_ + 1 : 0;
    PLUMBLINE_CHECK(low < mismatch_ && mismatch_ <= known_.size());
    const size_t open = mismatch_ - low;
    asked_.clear();
    if (mismatch_ == known_.size() || open <= kBlocksPerQuestion) {
        const size_t from = open > kBlocksPerQuestion ? mismatch_ - kBlocksPerQuestion / 2 : low;
        for (size_t i = from; i < mismatch_; ++i) {
            asked_.push_back(i);
        }
    } else {
        for (size_t i = 0; i < kBlocksPerQuestion; ++i) {
            asked_.push_back(low + open * i / kBlocksPerQuestion);
        }
    }
    AskHeaders question;
    for (const size_t i : asked_) {
        question.block_nums.push_back(known_[i].block_num);
    }
    step_ = std::move(question);
}

void AncestorSearch::take_headers(std::span<const evm::Header> headers) {
    PLUMBLINE_CHECK(std::holds_alternative<AskHeaders>(step_));
    PLUMBLINE_CHECK(headers.size() == asked_.size());
    const auto is_ours = [&](size_t i) { return headers[i].hash == known_[asked_[i]].hash; };
    for (size_t i = 0; i < asked_.size(); ++i) {
        if (is_ours(i) && (!match_ || asked_[i] > *match_)) {
            match_ = asked_[i];
        }
    }
    for (size_t i = 0; i < asked_.size(); ++i) {
        if (!is_ours(i) && asked_[i] < mismatch_ && (!match_ || asked_[i] > *match_)) {
            mismatch_ = asked_[i];
        }
    }
    // An answer that has ours above another's is from two chains; the link check will find out.
    mismatch_ = match_ ? std::max(mismatch_, *match_ + 1) : mismatch_;
    advance();
}

}  // namespace plumbline::engine
