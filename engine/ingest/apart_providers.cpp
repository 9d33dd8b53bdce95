#include "engine/ingest/apart_providers.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kLookAgainMs = 60'000;  ///< whether those that are apart have come back
constexpr uint64_t kRowsMax = 1'000;      ///< that are looked through for a final one
constexpr size_t kRowsAsked = 8;          ///< of these, in turn, where one lacks a block
constexpr size_t kProvidersMin = 3;       ///< two against one

}  // namespace

std::optional<std::string> ApartProviders::hold(const std::optional<evm::BlockId>& tip,
                                                uint64_t finalized) {
    if (is_chain_known(tip) && is_start_agreed(tip, finalized)) {
        return std::nullopt;
    }
    if (!is_disagreed()) {
        return "";
    }
    if (notice_.due(clock_.monotonic_ms())) {
        logging::warning(start_->disagreement());
    }
    return start_->disagreement();
}

bool ApartProviders::is_chain_known(const std::optional<evm::BlockId>& tip) {
    const int64_t now = clock_.monotonic_ms();
    if (is_chain_known_ || !tip || source_.provider_names().size() < kProvidersMin) {
        if (!apart_.empty() && now - asked_ms_.value_or(0) >= kLookAgainMs) {
            look();
        }
        is_chain_known_ = true;
        return true;
    }
    if (!asked_ms_) {
        look();
    }
    is_chain_known_ = !is_asked_ || now - *asked_ms_ >= StartAgreement::kWaitMs;
    return is_chain_known_;
}

bool ApartProviders::is_start_agreed(const std::optional<evm::BlockId>& tip, uint64_t finalized) {
    if (is_start_agreed_ || finalized == 0 || !needs_start_words(tip, finalized)) {
        return true;
    }
    const int64_t now = clock_.monotonic_ms();
    if (!start_) {
        start_.emplace(finalized, source_.provider_names().size(), now);
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
    return false;
}

/// With something stored, too: what comes above it may be of two chains that part there; and where
/// nothing of it is final, it tells of no chain.
bool ApartProviders::needs_start_words(const std::optional<evm::BlockId>& tip,
                                       uint64_t finalized) const {
    const size_t providers = source_.provider_names().size();
    if (!tip || tip->hash.is_zero()) {
        return providers >= 2;
    }
    return providers >= kProvidersMin && (tip->block_num < finalized || !has_final_);
}

void ApartProviders::ask_start_words() {
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
                take(start_->apart(), start_->block_num());
            }
        }));
}

/// One of the highest stored ones; of some blocks nothing is stored.
std::optional<evm::BlockId> ApartProviders::final_block_of_ours() const {
    const std::optional<storage::Cursor> cursor = database_.cursor();
    if (!cursor) {
        return std::nullopt;
    }
    const uint64_t to = std::min(cursor->finalized, cursor->block_num);
    if (to == cursor->block_num && lacking_ == 0) {
        return cursor->block_hash.is_zero() ? std::nullopt
                                            : std::optional{evm::BlockId{to, cursor->block_hash}};
    }
    const auto rows = database_.read_view()->list_blocks(to - std::min(to, kRowsMax), to);
    if (!rows || rows->empty()) {
        return std::nullopt;
    }
    const storage::BlockRow& row =
        rows->rbegin()[lacking_ % static_cast<ptrdiff_t>(std::min(rows->size(), kRowsAsked))];
    return evm::BlockId{row.block_num, row.hash};
}

void ApartProviders::look() {
    if (is_asked_ || source_.provider_names().size() < kProvidersMin) {
        return;
    }
    asked_ms_ = clock_.monotonic_ms();
    const std::optional<evm::BlockId> ours = final_block_of_ours();
    has_final_ = ours.has_value();
    if (!has_final_) {
        is_start_agreed_ = false;  // The start words tell it, once more.
        return;
    }
    // Below the block that they were set apart for all may be of one chain.
    if (!apart_.empty() && ours->block_num < block_num_) {
        return;
    }
    is_asked_ = true;
    source_.get_block_words(
        ours->block_num,
        words_.wrap([this, ours = *ours](const Result<std::vector<rpc::BlockWord>>& words) {
            is_asked_ = false;
            if (words) {
                lacking_ = does_one_lack_it(*words) ? lacking_ + 1 : 0;
                take(find_apart(*words, ours.hash, apart_), ours.block_num);
            }
        }));
}

void ApartProviders::hear(const std::vector<rpc::BlockWord>& words, const evm::BlockId& ours) {
    take(find_apart(words, ours.hash, {}), ours.block_num);
}

void ApartProviders::take(std::set<std::string> apart, uint64_t block_num) {
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
    block_num_ = block_num;
    source_.set_apart(apart_);
    if (has_more) {
        on_more_();
    }
}

void ApartProviders::part_from_minority(const std::vector<rpc::BlockWord>& words,
                                        uint64_t block_num,
                                        const std::optional<evm::BlockId>& tip) {
    const std::optional<Disagreement> found = find_disagreement(words);
    const bool is_stored = tip && block_num == tip->block_num;
    if (!found || !found->majority || (is_stored && *found->majority != tip->hash)) {
        return;
    }
    std::set<std::string> apart = find_apart(words, *found->majority, {});
    if (!apart.empty()) {
        take(std::move(apart), block_num);
    }
}

}  // namespace plumbline::engine
