#include "engine/ingest/head_clock.hpp"

#include <algorithm>
#include <cstdlib>

namespace plumbline::engine {

namespace {

constexpr size_t kBlocksKept = 256;
constexpr int64_t kUsualBlocks = 20;
constexpr int64_t kAgeMaxMs = 120'000;  ///< at least
constexpr size_t kSeenMin = 8;
constexpr size_t kSeenMax = 16;
constexpr int64_t kSeenSpanMs = 60'000;
constexpr int64_t kSeenApartMs = 6'000;  ///< so that those kept of a fast chain span enough
constexpr int64_t kSpreadMs = 10'000;
constexpr int64_t kSkewMs = 30'000;
constexpr int64_t kJumpMs = 5'000;  ///< more than a clock that is corrected bit by bit moves

}  // namespace

std::optional<int64_t> timestamp_to_unix_ms(uint64_t timestamp) {
    constexpr uint64_t kMsMin = 1'000'000'000'000;  // 2001
    constexpr uint64_t kMsMax = kMsMin * 100;       // 5138
    uint64_t ms = 0;
    if (timestamp < kMsMax / 1000) {
        ms = timestamp * 1000;
    } else if (timestamp < kMsMax) {
        ms = timestamp;
    } else if (timestamp < kMsMax * 1000) {
        ms = timestamp / 1000;
    } else {
        ms = timestamp / 1'000'000;
    }
    // Beyond 2286 it is no time but a lie, or a number of another kind.
    return ms >= kMsMin && ms < kMsMin * 10 ? std::optional{static_cast<int64_t>(ms)}
                                            : std::nullopt;
}

int64_t usual_head_age_max_ms(uint64_t chain_id, std::optional<int64_t> block_time_ms) {
    if (chain_id == 1337 || chain_id == 31337) {
        return 0;
    }
    return std::max(kAgeMaxMs, kUsualBlocks * block_time_ms.value_or(0));
}

void HeadClock::add_block(uint64_t block_num, uint64_t timestamp) {
    if (const std::optional<int64_t> ms = timestamp_to_unix_ms(timestamp)) {
        blocks_[block_num] = *ms;
        if (blocks_.size() > kBlocksKept) {
            blocks_.erase(blocks_.begin());
        }
    }
}

void HeadClock::on_clocks(int64_t unix_ms, int64_t monotonic_ms) {
    const int64_t offset = unix_ms - monotonic_ms;
    const int64_t jump = offset - offset_ms_.value_or(offset);
    offset_ms_ = offset;
    if (std::abs(jump) < kJumpMs || seen_.empty()) {
        return;
    }
    for (Seen& one : seen_) {
        one.unix_ms += jump;
        one.age_ms += jump;
    }
    learn_skew();
}

void HeadClock::on_head(uint64_t block_num, uint64_t timestamp, int64_t unix_ms) {
    add_block(block_num, timestamp);
    head_num_ = block_num;
    head_ms_ = timestamp_to_unix_ms(timestamp);
    if (!head_ms_ ||
        (!seen_.empty() && (block_num <= seen_.back().block_num ||
                            std::abs(unix_ms - seen_.back().unix_ms) < kSeenApartMs))) {
        return;
    }
    seen_.push_back({block_num, unix_ms, unix_ms - *head_ms_});
    if (seen_.size() > kSeenMax) {
        seen_.pop_front();
    }
    learn_skew();
}

/// Heads that are all equally old, over a minute and more, are not old: a node that catches up
/// shows younger and younger ones, one that stands still shows none.
void HeadClock::learn_skew() {
    skew_ms_ = 0;
    const int64_t span = seen_.back().unix_ms - seen_.front().unix_ms;
    const int64_t block_time = block_time_ms().value_or(0);
    if (seen_.size() < kSeenMin || span < std::max(kSeenSpanMs, 2 * block_time)) {
        return;
    }
    int64_t low = seen_.front().age_ms;
    int64_t high = low;
    for (const Seen& one : seen_) {
        low = std::min(low, one.age_ms);
        high = std::max(high, one.age_ms);
    }
    if (high - low <= std::max(kSpreadMs, 2 * block_time) && (low > kSkewMs || low < -kSkewMs)) {
        skew_ms_ = low;
    }
}

std::optional<int64_t> HeadClock::head_unix_ms() const noexcept {
    return head_ms_ ? std::optional{*head_ms_ + skew_ms_} : std::nullopt;
}

std::optional<int64_t> HeadClock::block_time_ms() const {
    const auto head = blocks_.find(head_num_);
    if (head == blocks_.end() || head == blocks_.begin()) {
        return std::nullopt;
    }
    const uint64_t wanted = head_num_ > kBlocksLearntFrom ? head_num_ - kBlocksLearntFrom : 0;
    auto from = blocks_.lower_bound(wanted);
    if (from == head) {
        --from;  // All that is known lies further below.
    }
    const auto blocks =
        static_cast<int64_t>(std::min<uint64_t>(head_num_ - from->first, INT32_MAX));
    return std::max<int64_t>(0, head->second - from->second) / blocks;
}

}  // namespace plumbline::engine
