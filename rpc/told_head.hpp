// A block that a provider has told as its head, or one below it, and does not give: it stands for
// several backends, and one that is behind has answered. Neither clock nor network.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace plumbline::rpc {

/// Of one provider. The highest head that it told lately counts, for the next answer may come from
/// the backend that told it: so the provider is asked again soon, after a pause that grows up to
/// the interval at which heads are asked for. Times are monotonic ms. One thread.
class ToldHead {
  public:
    explicit ToldHead(int64_t poll_ms) : poll_ms_{std::max<int64_t>(1, poll_ms)} {}

    void on_told(uint64_t head, int64_t now_ms) {
        if (!head_ || head >= *head_ || now_ms - told_ms_ >= believed_ms()) {
            head_ = head;
            told_ms_ = now_ms;
        }
    }
    /// What it told was not to be believed.
    void forget() { head_.reset(); }
    [[nodiscard]] bool holds(uint64_t block_num, int64_t now_ms) const {
        return head_ && *head_ >= block_num && now_ms - told_ms_ < believed_ms();
    }
    /// It was asked for a block that it told.
    void on_lacked(uint64_t block_num, int64_t now_ms) {
        lacked_ = lacked_ ? std::max(*lacked_, block_num) : block_num;
        if (now_ms < ask_at_ms_) {
            return;  // Those that were out together are one answer.
        }
        ask_at_ms_ = now_ms + std::max<int64_t>(1, poll_ms_ >> (kSteps - std::min(steps_, kSteps)));
        ++steps_;
    }
    void on_shown(uint64_t block_num) {
        if (lacked_ && block_num >= *lacked_) {
            lacked_.reset();
            steps_ = 0;
            ask_at_ms_ = 0;
        }
    }
    /// For a block that it told and lacked: not before then.
    [[nodiscard]] int64_t ask_at_ms() const { return ask_at_ms_; }

  private:
    static constexpr uint32_t kSteps = 3;  ///< the first pause is an eighth
    /// With two backends, one of them behind, about as sure as a thousand to one.
    static constexpr int64_t kBelievedPolls = 10;
    static constexpr int64_t kBelievedMs = 10'000;
    [[nodiscard]] int64_t believed_ms() const {
        return std::max(kBelievedMs, kBelievedPolls * poll_ms_);
    }

    int64_t poll_ms_;
    std::optional<uint64_t> head_;
    int64_t told_ms_ = 0;
    std::optional<uint64_t> lacked_;  ///< the highest of them, until it shows one as high
    uint32_t steps_ = 0;
    int64_t ask_at_ms_ = 0;
};

}  // namespace plumbline::rpc
