// Up to where the chain is final. Nothing undoes what is final but a fold of the whole log, so one
// answer that calls too much final costs dear. Therefore:
//
//   - Final blocks that come much nearer to the head than they were before are not believed before
//     they were told so again and again for a while. What is final trails the head by a distance
//     that the chain's consensus makes; it grows where finality stands still, and shrinks no
//     further than it was.
//   - What is final can be taken back: where less was told, again and again for as long, what was
//     believed was wrong.
//
// No clock of its own, no network. One thread.
#pragma once

#include <cstdint>
#include <optional>

namespace plumbline::engine {

class FinalityWatch {
  public:
    /// An answer that is doubted is believed once it was told so often in a row and for so long.
    static constexpr unsigned kTimesBelieved = 8;
    static constexpr int64_t kBelievedAfterMs = 60'000;

    /// What became of an answer.
    enum class Outcome : uint8_t {
        kBelieved,
        kJumpDoubted,  ///< much nearer to the head than usual
        kBackDoubted,  ///< below what is believed
        kTakenBack,    ///< what was believed is final no more
    };

    /// The database holds blocks as final up to here; more than that is known only if it was told
    /// before.
    void on_stored(uint64_t finalized) noexcept;
    /// Somebody told a head and, at or below it, what is final. Monotonic time.
    Outcome on_told(uint64_t latest, uint64_t finalized, int64_t now_ms);
    /// Of the chain, as far as it is believed.
    [[nodiscard]] uint64_t finalized() const noexcept { return finalized_; }

  private:
    struct Doubt {
        Outcome kind = Outcome::kBelieved;
        unsigned times = 0;
        int64_t since_ms = 0;
        uint64_t finalized = 0;  ///< the lowest told of a jump, the highest of a step back
    };
    [[nodiscard]] bool is_told_often(Outcome kind, uint64_t finalized, int64_t now_ms);

    uint64_t finalized_ = 0;
    bool is_known_ = false;                 ///< something was stored or told
    std::optional<uint64_t> distance_min_;  ///< to the head, of what was believed
    Doubt doubt_;
};

}  // namespace plumbline::engine
