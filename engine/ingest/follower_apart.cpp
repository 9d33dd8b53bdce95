// Providers of another chain of the same id, where more tell the final block that the index has,
// or, where it has none, the one that most have (start_words.hpp): they are set apart, and asked
// for nothing but that block, until they tell ours. So are those of a minority above what is final
// once nothing comes of all answers. What is final goes only where more providers have left it than
// have it (final_undo.hpp), so that nothing is decided here that would be decided otherwise; but
// whose head is the highest keeps nobody waiting.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/ingest/follower.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kLookMs = 250;          ///< while words are waited for
constexpr int64_t kLookAgainMs = 60'000;  ///< whether those that are apart have come back
constexpr uint64_t kRowsMax = 1'000;      ///< that are looked through for a final one
constexpr size_t kRowsAsked = 8;          ///< of these, in turn, where one lacks a block
constexpr size_t kProvidersMin = 3;       ///< two against one

}  // namespace

/// False where it has paused: who serves the first range must be of the chain that is stored.
bool Follower::is_chain_known() {
    const int64_t now = clock_.monotonic_ms();
    if (is_chain_known_ || !tip_ || source_.provider_names().size() < kProvidersMin) {
        if (!apart_.empty() && now - apart_ms_.value_or(0) >= kLookAgainMs) {
            look_who_is_apart();
        }
        is_chain_known_ = true;
        return true;
    }
    if (!apart_ms_) {
        look_who_is_apart();
    }
    if (is_apart_asked_ && now - *apart_ms_ < StartAgreement::kWaitMs) {
        pause(kLookMs);
        return false;
    }
    is_chain_known_ = true;
    return true;
}

/// True where there is nothing to wait for; else it has paused.
bool Follower::is_start_agreed() {
    if (is_start_agreed_ || finality_.finalized() == 0 || !needs_start_words()) {
        return true;
    }
    const int64_t now = clock_.monotonic_ms();
    if (!start_) {
        start_.emplace(finality_.finalized(), source_.provider_names().size(), now);
    }
    if (start_->is_agreed(now)) {
        start_words_.cancel();
        is_start_asked_ = false;
        start_.reset();
        is_start_agreed_ = true;
        return true;
    }
    if (!is_start_asked_) {
        ask_start_words();
    }
    if (start_->disagreement().empty()) {
        pause(kLookMs);
        return false;
    }
    if (lower_notice_.due(now)) {
        logging::warning(start_->disagreement());
    }
    wait_.wait(now, start_->disagreement());
    pause(options_.poll_interval_ms);
    return false;
}

/// With something stored, too: what comes above it may be of two chains that part there; and where
/// nothing of it is final, it tells of no chain.
bool Follower::needs_start_words() const {
    const size_t providers = source_.provider_names().size();
    if (!tip_ || tip_->hash.is_zero()) {
        return providers >= 2;
    }
    return providers >= kProvidersMin && (tip_->block_num < finality_.finalized() || !has_final_);
}

void Follower::ask_start_words() {
    is_start_asked_ = true;
    source_.get_block_words(
        start_->block_num(),
        start_words_.wrap([this](const Result<std::vector<rpc::BlockWord>>& words) {
            is_start_asked_ = false;
            if (!words) {
                return;
            }
            const std::string notice = start_->hear(*words);
            if (!notice.empty() && start_->apart() != apart_) {
                logging::warning(notice);
                take_apart(start_->apart(), start_->block_num());
            }
        }));
}

/// One of the highest stored ones; of some blocks nothing is stored.
std::optional<evm::BlockId> Follower::final_block_of_ours() const {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor) {
        return std::nullopt;
    }
    const uint64_t to = std::min(cursor->finalized, cursor->block_num);
    if (to == cursor->block_num && apart_lacking_ == 0) {
        return cursor->block_hash.is_zero() ? std::nullopt
                                            : std::optional{evm::BlockId{to, cursor->block_hash}};
    }
    const auto rows = database_.read_view()->list_blocks(to - std::min(to, kRowsMax), to);
    if (!rows || rows->empty()) {
        return std::nullopt;
    }
    const storage::BlockRow& row =
        rows->rbegin()[apart_lacking_ % static_cast<ptrdiff_t>(std::min(rows->size(), kRowsAsked))];
    return evm::BlockId{row.block_num, row.hash};
}

void Follower::look_who_is_apart() {
    if (is_apart_asked_ || source_.provider_names().size() < kProvidersMin) {
        return;
    }
    apart_ms_ = clock_.monotonic_ms();
    const std::optional<evm::BlockId> ours = final_block_of_ours();
    has_final_ = ours.has_value();
    if (!has_final_) {
        is_start_agreed_ = false;  // The start words tell it, once more.
        return;
    }
    // Below the block that they were set apart for all may be of one chain.
    if (!apart_.empty() && ours->block_num < apart_block_) {
        return;
    }
    is_apart_asked_ = true;
    source_.get_block_words(
        ours->block_num,
        apart_words_.wrap([this, ours = *ours](const Result<std::vector<rpc::BlockWord>>& words) {
            is_apart_asked_ = false;
            if (words) {
                apart_lacking_ = does_one_lack_it(*words) ? apart_lacking_ + 1 : 0;
                take_apart(find_apart(*words, ours.hash, apart_), ours.block_num);
            }
        }));
}

void Follower::take_apart(std::set<std::string> apart, uint64_t block_num) {
    if (apart == apart_) {
        return;
    }
    for (const std::string& name : apart) {
        if (!apart_.contains(name)) {
            logging::warning(
                fmt::format("provider {} is of another chain: its block {} is not the one that "
                            "most have; it is asked for nothing else until it is",
                            name, block_num));
        }
    }
    for (const std::string& name : apart_) {
        if (!apart.contains(name)) {
            logging::info("provider " + name +
                          " is asked again: it is not of another chain, as far "
                          "as most tell");
        }
    }
    const bool has_more = !std::ranges::includes(apart_, apart);
    apart_ = std::move(apart);
    apart_block_ = block_num;
    source_.set_apart(apart_);
    if (has_more) {
        forget_told();
    }
}

/// Where nothing comes of all answers: providers may part above what is final here, and the higher
/// head may be that of fewer. A reorg is over before that, or brings most of them along.
void Follower::part_from_minority(const std::vector<rpc::BlockWord>& words, uint64_t block_num) {
    const std::optional<Disagreement> found = find_disagreement(words);
    const bool is_stored = tip_ && block_num == tip_->block_num;
    if (!found || !found->majority || (is_stored && *found->majority != tip_->hash)) {
        return;
    }
    std::set<std::string> apart = find_apart(words, *found->majority, {});
    if (!apart.empty()) {
        take_apart(std::move(apart), block_num);
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

}  // namespace plumbline::engine
