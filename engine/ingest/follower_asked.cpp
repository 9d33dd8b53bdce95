// Calls with `state = "head"` are asked of a final block that the index may come to only hours
// later. A reorg that takes it takes no block of the index then, so each such block is looked for
// on the chain once the index has come past it. From then on a reorg that takes it takes blocks of
// the index too, and a rollback tells (WriterCommands::roll_back).
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/ingest/follower.hpp"
#include "storage/asked_blocks.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kAskedPerQuestion = 100;
/// Providers that are not of one mind about a block are asked again then.
constexpr int64_t kAskedAgainMs = 60'000;

}  // namespace

/// Heads are fresh. False where there is nothing to look for; else an answer goes on with heads.
bool Follower::check_asked() {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor || !outbox_.is_drained() || clock_.monotonic_ms() < asked_not_before_ms_) {
        return false;
    }
    const Result<std::vector<evm::BlockId>> asked =
        storage::list_asked(*database_.read_view(), 0,
                            std::min(cursor->block_num, cursor->finalized), kAskedPerQuestion);
    if (!asked) {
        channel_.fail(asked.error());
        return true;
    }
    if (asked->empty()) {
        return false;
    }
    std::vector<uint64_t> block_nums;
    for (const evm::BlockId& block : *asked) {
        block_nums.push_back(block.block_num);
    }
    phase_ = Phase::kAsked;
    ask_headers(std::move(block_nums), [this, asked = *asked](Result<Headers> result) {
        if (result) {
            clear_trouble();
            take_asked(asked, *result);
            return;
        }
        trouble(result.error(), "looking for the blocks that contract calls were asked of");
        pause(backoff_.next());
    });
    return true;
}

void Follower::take_asked(const std::vector<evm::BlockId>& asked, const Headers& headers) {
    ComePastWork passed;
    std::optional<evm::BlockId> gone;
    for (size_t i = 0; i < asked.size(); ++i) {
        if (headers[i].hash == asked[i].hash) {
            passed.blocks.push_back(asked[i]);
        } else {
            gone = gone.value_or(asked[i]);
        }
    }
    if (!passed.blocks.empty()) {
        outbox_.push(std::move(passed));
    }
    if (gone) {
        doubt_asked_if_agreed(*gone);
    } else {
        ask_heads();
    }
}

/// It was final, so one provider's word is not enough. Meanwhile the index goes on.
void Follower::doubt_asked_if_agreed(const evm::BlockId& gone) {
    source_.get_block_words(
        gone.block_num, only_answer([this, gone](const Result<std::vector<rpc::BlockWord>>& words) {
            if (!words) {
                trouble(words.error(), "asking every provider for a final block");
                pause(backoff_.next());
                return;
            }
            const size_t agree = count_words(*words, gone.hash);
            const int64_t now = clock_.monotonic_ms();
            if (asked_undo_.is_agreed(gone, agree, words->size() - agree, now)) {
                logging::warning(fmt::format(
                    "the chain left block {}, which contract calls with state = \"head\" were "
                    "asked of before the index came there: they are asked again",
                    gone.block_num));
                outbox_.push(DoubtHeadWork{gone.block_num});
                restart(0);
                return;
            }
            if (agree > 0) {
                asked_not_before_ms_ = now + kAskedAgainMs;
            }
            pause(options_.poll_interval_ms);
        }));
}

}  // namespace plumbline::engine
