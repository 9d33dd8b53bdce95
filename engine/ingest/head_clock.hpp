// How old the chain's head is by its own timestamp, and how old it may be: a node that stands still
// answers as quickly as one that does not.
//
// Timestamps are seconds since 1970 on most chains, milliseconds and less on some; a chain whose
// timestamps are no such time has no age. This machine's clock or the chain's may be wrong by a
// constant: where heads come at their usual pace and are all equally old, that age is taken for the
// difference of the clocks and not for the head's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace plumbline::engine {

/// The usual time between blocks is learnt from as many of the last ones.
inline constexpr uint64_t kBlocksLearntFrom = 128;

/// A block's timestamp as Unix ms, whatever its unit. Empty: it is no time that has been.
[[nodiscard]] std::optional<int64_t> timestamp_to_unix_ms(uint64_t timestamp);

/// How old a head may be: 20 usual block times, at least 2 min; 0 = no limit, as on chain ids 1337
/// and 31337, the local test chains, which make blocks when they like. Unknown block time: 2 min.
[[nodiscard]] int64_t usual_head_age_max_ms(uint64_t chain_id,
                                            std::optional<int64_t> block_time_ms);

/// One thread.
class HeadClock {
  public:
    /// A block of the chain, in any order; the nearest to 128 below the head counts.
    void add_block(uint64_t block_num, uint64_t timestamp);
    /// This machine's two clocks, at one moment: where the wall clock is set while they run, all
    /// heads that were told before count by the new one.
    void on_clocks(int64_t unix_ms, int64_t monotonic_ms);
    /// The head as it was just told, at `unix_ms` of this machine's clock.
    void on_head(uint64_t block_num, uint64_t timestamp, int64_t unix_ms);

    /// When the head was made, by this machine's clock. Empty: that cannot be told.
    [[nodiscard]] std::optional<int64_t> head_unix_ms() const noexcept;
    /// Mean of the last 128 blocks, or of what is known. Empty with one block only.
    [[nodiscard]] std::optional<int64_t> block_time_ms() const;
    /// By how much this machine's clock is ahead of the chain's; 0 where that is not worth a word.
    [[nodiscard]] int64_t skew_ms() const noexcept { return skew_ms_; }

  private:
    struct Seen {
        uint64_t block_num = 0;
        int64_t unix_ms = 0;
        int64_t age_ms = 0;  ///< when it was first told
    };
    void learn_skew();

    std::map<uint64_t, int64_t> blocks_;  ///< their times, the highest ones
    std::deque<Seen> seen_;               ///< heads, ascending
    std::optional<int64_t> offset_ms_;    ///< of the wall clock to the monotonic one
    uint64_t head_num_ = 0;
    std::optional<int64_t> head_ms_;  ///< its timestamp
    int64_t skew_ms_ = 0;
};

}  // namespace plumbline::engine
