// Blocks of which a provider does not have something any more, or never gives it, as its refusals
// tell. Neither clock nor network.
#pragma once

#include <cstdint>
#include <optional>

namespace plumbline::rpc {

/// Of one provider and one kind of thing: its history, or its logs. From a refused block it is
/// taken to reach some way up, twice as far each time that what lies beyond is refused as well, and
/// never to a block that it did answer. It is asked again after a while, later each time. Times are
/// monotonic ms. One thread.
class RefusedBlocks {
  public:
    /// So many blocks refused in a row are believed.
    explicit RefusedBlocks(uint32_t believed) : believed_{believed} {}

    /// `first_kept`: the lowest block that it says to have. True where nothing was known before.
    bool on_refused(uint64_t block_num, std::optional<uint64_t> first_kept, int64_t now_ms);
    void on_answered(uint64_t block_num);
    [[nodiscard]] bool is_known() const { return in_row_ >= believed_; }
    [[nodiscard]] bool holds(uint64_t block_num, int64_t now_ms) const {
        return is_known() && block_num <= through_ && now_ms < until_ms_;
    }

  private:
    static constexpr uint64_t kReachFirst = 1'000;
    static constexpr uint64_t kReachMax = 1'000'000;
    static constexpr int64_t kBelievedMsFirst = 600'000;
    static constexpr int64_t kBelievedMsMax = 6 * 3'600'000;

    uint32_t believed_;
    uint32_t in_row_ = 0;
    uint64_t highest_ = 0;  ///< that was refused
    uint64_t through_ = 0;
    uint64_t reach_ = kReachFirst;
    std::optional<uint64_t> answered_;  ///< the lowest above all that were refused
    int64_t until_ms_ = 0;
    int64_t believed_ms_ = kBelievedMsFirst;
};

}  // namespace plumbline::rpc
