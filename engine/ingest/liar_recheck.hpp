// What providers that were proven to lie have told alone, and what of it is fetched again next.
// What nobody else can tell just then (a block of a fork that only the liar is on, others that are
// away) stays as it is, for its second word is worth no more than its first; it is asked for again
// later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/evm/log.hpp"
#include "rpc/chain_source.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// Asks nobody itself. Times are monotonic ms. One thread.
class LiarRecheck {
  public:
    /// At once. The head is followed in between.
    static constexpr uint64_t kBlocksMax = 50'000;

    void convict(std::vector<std::string> names);
    /// Nobody has lied, or all that they told was fetched again.
    [[nodiscard]] bool empty() const noexcept { return liars_.empty(); }
    [[nodiscard]] const std::set<std::string>& liars() const noexcept { return liars_; }
    [[nodiscard]] std::string names() const;

    /// What was left to them is asked for again.
    [[nodiscard]] bool is_due(int64_t now_ms) const noexcept { return now_ms >= not_before_ms_; }
    /// A part of it is done: the head comes between, once.
    [[nodiscard]] bool take_turn_of_head() noexcept;

    /// By what is stored, where no parts are planned. False: they have told nothing that is left,
    /// and there are no liars any more.
    [[nodiscard]] bool plan(const std::vector<storage::CoverageRow>& coverage);
    [[nodiscard]] bool is_planned() const noexcept { return !parts_.empty(); }
    /// Of the plan: the next part, and the end of all.
    [[nodiscard]] const evm::BlockRange& part() const { return parts_[next_]; }
    [[nodiscard]] uint64_t end() const { return parts_.back().to; }
    /// What is stored may be another by now.
    void forget_plan() noexcept;

    /// One of them told it once more.
    [[nodiscard]] bool is_theirs(const std::vector<rpc::ToldBy>& told_by) const;
    /// Such a part, which ends at `block_num`, stays as it is, and is asked for later.
    void leave(uint64_t block_num, int64_t now_ms);
    /// Others answer.
    void on_others() { backoff_.reset(); }
    /// The part is stored. True: another one is next, after a look at the head.
    [[nodiscard]] bool end_part();

  private:
    static constexpr int64_t kAgainMsMin = 1'000;
    static constexpr int64_t kAgainMsMax = 60'000;

    std::set<std::string> liars_;
    std::vector<evm::BlockRange> parts_;  ///< ascending
    size_t next_ = 0;                     ///< index in `parts_`
    bool is_head_first_ = false;
    bool is_whole_ = true;          ///< of all that they told; else it goes on above
    std::optional<uint64_t> left_;  ///< up to here nobody else could tell it just then
    int64_t not_before_ms_ = 0;
    Backoff backoff_{kAgainMsMin, kAgainMsMax};
};

}  // namespace plumbline::engine
