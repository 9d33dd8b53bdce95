// How many calls a provider takes in one HTTP request, and how that is found out where it does not
// say so. Neither clock nor network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace plumbline::rpc {

/// Of one provider. A refusal in words about batches lowers the limit for good: plans do not change
/// while we run. A batch refused in general words ("Invalid Request"), or answered in part, may
/// have been refused for being one: its calls go singly then. If those are answered the provider
/// takes no batches, which is tried again after a while; if they are refused as well, it was not
/// the batch. Batches that are refused for the rate, or break their connection, again after a
/// pause get smaller by halves, whatever smaller requests are answered in between; they grow again
/// while they are answered. Times are monotonic ms. One thread.
class BatchLimit {
  public:
    explicit BatchLimit(uint32_t calls_max) : told_{calls_max} {}

    /// Calls that the next request may have; at least 1.
    [[nodiscard]] uint32_t size(int64_t now_ms) const {
        return now_ms < singly_until_ms_ ? 1 : std::min(told_, passes_);
    }
    /// A batch of `calls` was too large; `told` is the limit that the provider named.
    void on_too_large(size_t calls, std::optional<uint64_t> told);
    /// A batch was refused in words that may mean anything. True: its calls are to go singly.
    [[nodiscard]] bool on_doubtful_batch(int64_t now_ms);
    /// A call that went alone was answered. True: that settles a doubt, the provider takes no
    /// batches.
    [[nodiscard]] bool on_single_answered(int64_t now_ms);
    /// A call that went alone was refused in words that may mean anything.
    void on_single_refused();
    /// A batch of so many was answered in full.
    void on_batch_answered(size_t calls, int64_t now_ms);
    /// A request of `calls`, sent at `sent_ms`, met the rate limit or broke its connection, which
    /// may be for its size. True: from now on, or already, requests are smaller than that.
    /// `has_logs`: it may be for its eth_getLogs as well, which often have a rate of their own, so
    /// that is believed later.
    bool on_vain_batch(size_t calls, int64_t sent_ms, int64_t now_ms, bool has_logs = false);
    /// It gave answers of a batch to the wrong calls: none goes to it any more. True the first
    /// time.
    [[nodiscard]] bool on_mixed() {
        const bool is_new = told_ > 1;
        told_ = 1;
        return is_new;
    }

  private:
    static constexpr int64_t kDoubtMs = 60'000;  ///< a single call has shown by then what it was
    static constexpr int64_t kSinglyMsFirst = 600'000;
    static constexpr int64_t kSinglyMsMax = 6 * 3'600'000;
    static constexpr uint32_t kVainDoubtsMax = 2;

    static constexpr uint32_t kVainMax = 2;  ///< of one size, one after the other
    static constexpr uint32_t kVainWithLogsMax = 8;
    static constexpr int64_t kVainForgottenMs = 120'000;
    static constexpr int64_t kVainSizeMs = 600'000;  ///< so long it is not reached again
    static constexpr uint32_t kAnsweredUntilGrowth = 8;

    uint32_t told_;
    uint32_t passes_ = UINT32_MAX;  ///< more came back in vain lately
    uint32_t answered_ = 0;         ///< of `passes_` calls, since it changed
    uint32_t vain_ = 0;             ///< since one of `vain_calls_` or more was answered
    size_t vain_calls_ = 0;         ///< the fewest of these
    int64_t vain_ms_ = 0;           ///< the last of these
    int64_t singly_until_ms_ = 0;
    int64_t singly_ms_ = kSinglyMsFirst;
    bool in_doubt_ = false;
    uint32_t vain_doubts_ = 0;  ///< since a batch was last answered: it was not the batch
};

}  // namespace plumbline::rpc
