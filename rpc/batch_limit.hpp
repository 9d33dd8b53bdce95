// How many calls a provider takes in one HTTP request, and how that is found out where it does not
// say so. Neither clock nor network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace plumbline::rpc {

/// Of one provider. A refusal in words about batches lowers the limit for good: plans do not change
/// while we run. A batch refused in general words ("Invalid Request"), or answered in part, may
/// have been refused for being one: its calls go singly then. If those are answered the provider
/// takes no batches, which is tried again after a while; if they are refused as well, it was not
/// the batch. Times are monotonic ms. One thread.
class BatchLimit {
  public:
    explicit BatchLimit(uint32_t calls_max) : told_{calls_max} {}

    /// Calls that the next request may have; at least 1.
    [[nodiscard]] uint32_t size(int64_t now_ms) const {
        return now_ms < singly_until_ms_ ? 1 : told_;
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
    void on_batch_answered();
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

    uint32_t told_;
    int64_t singly_until_ms_ = 0;
    int64_t singly_ms_ = kSinglyMsFirst;
    bool in_doubt_ = false;
    uint32_t vain_doubts_ = 0;  ///< since a batch was last answered: it was not the batch
};

}  // namespace plumbline::rpc
