// What is final, and what it takes to undo it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/ingest/another_chain.hpp"
#include "engine/ingest/follower.hpp"

namespace plumbline::engine {

bool FinalUndo::is_agreed(const evm::BlockId& target, size_t ours, size_t others, int64_t now_ms) {
    if (ours > 0) {
        since_ms_ = -1;
        return others > ours && others >= 2;
    }
    if (others >= 2) {
        return true;
    }
    if (since_ms_ < 0 || target != target_) {
        target_ = target;
        since_ms_ = now_ms;
        looks_ = 0;
    }
    ++looks_;
    return looks_ >= kLooks && now_ms - since_ms_ >= kAloneMs;
}

/// Told just now, of a chain whose head they are of. A depth counts from the head that the tag
/// would be taken from: two providers' word.
void Follower::take_finality(const rpc::Heads& heads) {
    const uint64_t before = finality_.finalized();
    const bool is_tag = heads.finalized && !options_.finality_depth;
    const uint64_t head = is_tag ? heads.latest.block_num : heads.agreed_num();
    const uint64_t told = is_tag ? std::min(heads.finalized->block_num, head)
                                 : heads.agreed_below(options_.finality_depth.value_or(
                                       options_.finality_depth_fallback));
    switch (finality_.on_told(head, told, clock_.monotonic_ms())) {
        case FinalityWatch::Outcome::kBelieved:
        case FinalityWatch::Outcome::kBackDoubted: break;
        case FinalityWatch::Outcome::kJumpDoubted:
            if (finality_notice_.due(clock_.monotonic_ms())) {
                logging::warning(
                    "a provider calls blocks final that are much nearer to the head than usual: "
                    "not believed unless it stays so",
                    {{"finalized", told}, {"head", head}, {"was", before}});
            }
            break;
        case FinalityWatch::Outcome::kTakenBack:
            logging::warning("the chain is final only up to a lower block than was told before",
                             {{"finalized", finality_.finalized()}, {"was", before}});
            break;
    }
}

/// Heads, and what is final, may be what those told that are apart now: with a depth for finality a
/// single higher head moves it. The others are asked anew.
void Follower::forget_told() {
    finality_ = {};
    if (const std::optional<storage::Cursor> cursor = database_.cursor()) {
        finality_.on_stored(cursor->finalized);
    }
    switch (phase_) {
        case Phase::kSettle:
        case Phase::kPause:
        case Phase::kFinish:
        case Phase::kDone: return;  // Heads come next, or nothing does.
        default: restart(0);
    }
}

/// `ours` is a stored block above `target` that the chain seems to have left. Where that is final,
/// one provider's word is not enough to go back.
void Follower::roll_back_if_agreed(const evm::BlockId& target, const evm::BlockId& ours) {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || target.block_num >= cursor->finalized || ours.hash.is_zero()) {
        ask_and_roll_back(target);
        return;
    }
    phase_ = Phase::kAncestor;
    source_.get_block_words(
        ours.block_num,
        only_answer([this, target, ours](const Result<std::vector<rpc::BlockWord>>& words) {
            if (!words) {
                trouble(words.error(), "asking every provider for a final block");
                restart(backoff_.next());
                return;
            }
            const size_t agree = count_words(*words, ours.hash);
            const int64_t now = clock_.monotonic_ms();
            if (final_undo_.is_agreed(target, agree, words->size() - agree, now)) {
                standstill_.over();
                // Of what is left others may be the majority.
                apart_.hear(*words, ours);
                if (phase_ == Phase::kAncestor) {  // Else it begins anew, without them.
                    ask_and_roll_back(target);
                }
                return;
            }
            const std::string reason = fmt::format(
                "a provider's chain left ours above block {}, which is below finality: {} of {} "
                "providers have our block {}; waiting until {}",
                target.block_num, agree, words->size(), ours.block_num,
                agree > 0 ? "more of them than not have another one" : "it stays so");
            if (lower_notice_.due(now)) {
                logging::warning(reason);
            }
            wait_.wait(now, reason);
            set_back(reason);
            pause(options_.poll_interval_ms);
        }));
}

/// Nothing of what is stored is on the chain any more. The chain's own first block can be no other
/// one by a reorg: with that it is another chain, and what is stored stays.
void Follower::ask_first_blocks() {
    phase_ = Phase::kAncestor;
    source_.get_block_words(
        0, only_answer([this](const Result<std::vector<rpc::BlockWord>>& words) {
            if (!words) {
                trouble(words.error(), "asking every provider for the chain's first block");
                restart(backoff_.next());
                return;
            }
            hear_first_blocks(*words);
        }));
}

void Follower::hear_first_blocks(const std::vector<rpc::BlockWord>& words) {
    const evm::Hash& genesis = database_.identity().genesis_hash;
    const auto is_other = [&genesis](const rpc::BlockWord& word) {
        return word.hash && *word.hash != genesis;
    };
    const auto other = std::ranges::find_if(words, is_other);
    if (genesis.is_zero() || other == words.end()) {
        roll_back_to(below_all());
        return;
    }
    const size_t agree = count_words(words, genesis);
    const auto others = static_cast<size_t>(std::ranges::count_if(words, is_other));
    const int64_t now = clock_.monotonic_ms();
    if (agree == 0 && first_block_undo_.is_agreed({0, *other->hash}, agree, others, now)) {
        channel_.fail(another_chain(database_, *other->hash));
        return;
    }
    const std::string reason = fmt::format(
        "{} of {} providers tell another first block than that of our chain ({} says {}): they "
        "serve another chain of the same id, and nothing is undone on their word",
        others, words.size(), other->provider, evm::to_hex(*other->hash));
    if (lower_notice_.due(now)) {
        logging::warning(reason);
    }
    wait_.wait(now, reason);
    set_back(reason);
    pause(options_.poll_interval_ms);
}

}  // namespace plumbline::engine
