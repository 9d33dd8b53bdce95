// What providers say before anything is stored: are they of one chain? There is nothing to hold one
// provider's chain against then but the others'. Two chains of one id both hash and link; which one
// is meant nobody can compute.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rpc/chain_source.hpp"

namespace plumbline::engine {

struct Disagreement {
    std::string text;  ///< who has which block, for people
    /// More than half of those that have the block have the same one: which.
    std::optional<evm::Hash> majority;
};

/// How many tell this block.
[[nodiscard]] size_t count_words(const std::vector<rpc::BlockWord>& words, const evm::Hash& hash);

/// Whether somebody answered that he has no such block.
[[nodiscard]] bool does_one_lack_it(const std::vector<rpc::BlockWord>& words);

/// Empty where all that have the block have the same one; those that lack it do not count.
[[nodiscard]] std::optional<Disagreement> find_disagreement(
    const std::vector<rpc::BlockWord>& words);

/// Who is of another chain than the one with block `ours`, which is final: those that tell another
/// block there, where two or more tell ours and more than another one. Of those that were
/// `before`, who is silent, or tells another one still, stays. Where two or more tell another block
/// and more than ours, it is ours that is asked into, and those are that tell another one than
/// most.
[[nodiscard]] std::set<std::string> find_apart(const std::vector<rpc::BlockWord>& words,
                                               const evm::Hash& ours,
                                               const std::set<std::string>& before);

/// Decides it; asks nobody itself. Where a provider lacks the block, lower ones are asked for until
/// all have one: of two chains the longer one's final block may be above the other's head. One
/// thread.
class StartAgreement {
  public:
    /// Who has said nothing by then is not waited for.
    static constexpr int64_t kWaitMs = 5'000;

    /// `final_block`: as one of the `providers` told.
    StartAgreement(uint64_t final_block, size_t providers, int64_t now_ms)
        : block_num_{final_block},
          providers_{providers},
          began_ms_{now_ms} {}

    /// Which block each of them is to be asked for next.
    [[nodiscard]] uint64_t block_num() const noexcept { return block_num_; }
    /// What those said that answered. Gives what is to be told of it, else "".
    [[nodiscard]] std::string hear(const std::vector<rpc::BlockWord>& words);
    /// Nothing more is to be asked.
    [[nodiscard]] bool is_agreed(int64_t now_ms) const noexcept {
        return disagreement_.empty() && (is_settled_ || now_ms - began_ms_ >= kWaitMs);
    }
    /// Between whom, for people. It lasts until all of these say the same: one that falls silent
    /// does not lose thereby.
    [[nodiscard]] const std::string& disagreement() const noexcept { return disagreement_; }
    /// Who has another block than most.
    [[nodiscard]] const std::set<std::string>& apart() const noexcept { return apart_; }

  private:
    uint64_t block_num_;
    size_t providers_;
    int64_t began_ms_;
    bool is_settled_ = false;
    std::string disagreement_;
    std::set<std::string> apart_;
    std::set<std::string> speakers_;  ///< who took part in it
};

}  // namespace plumbline::engine
