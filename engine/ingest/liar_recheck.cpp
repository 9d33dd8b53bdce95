#include "engine/ingest/liar_recheck.hpp"

#include <algorithm>
#include <utility>

#include "engine/ingest/told_by_liar.hpp"

namespace plumbline::engine {

namespace {

std::vector<evm::BlockRange> cut(const std::vector<evm::BlockRange>& ranges) {
    std::vector<evm::BlockRange> out;
    for (evm::BlockRange rest : ranges) {
        while (rest.size() > LiarRecheck::kBlocksMax) {
            out.push_back({rest.from, rest.from + LiarRecheck::kBlocksMax - 1});
            rest.from += LiarRecheck::kBlocksMax;
        }
        out.push_back(rest);
    }
    return out;
}

/// What of `ranges`, ascending, lies above `block_num`.
std::vector<evm::BlockRange> above(const std::vector<evm::BlockRange>& ranges, uint64_t block_num) {
    std::vector<evm::BlockRange> out;
    for (const evm::BlockRange& range : ranges) {
        if (range.to > block_num) {
            out.push_back({std::max(range.from, block_num + 1), range.to});
        }
    }
    return out;
}

}  // namespace

void LiarRecheck::convict(std::vector<std::string> names) {
    for (std::string& name : names) {
        if (liars_.insert(std::move(name)).second) {
            backoff_.reset();
            not_before_ms_ = 0;
        }
    }
}

std::string LiarRecheck::names() const {
    std::string out;
    for (const std::string& name : liars_) {
        out += (out.empty() ? "" : ", ") + name;
    }
    return out;
}

bool LiarRecheck::take_turn_of_head() noexcept {
    return std::exchange(is_head_first_, false);
}

bool LiarRecheck::plan(const std::vector<storage::CoverageRow>& coverage) {
    std::vector<evm::BlockRange> told = blocks_told_by(coverage, liars_);
    const std::optional<uint64_t> left = std::exchange(left_, std::nullopt);
    if (told.empty()) {
        liars_.clear();
        return false;
    }
    is_whole_ = !left || *left >= told.back().to;
    parts_ = cut(is_whole_ ? told : above(told, *left));
    next_ = 0;
    return true;
}

void LiarRecheck::forget_plan() noexcept {
    parts_.clear();
    next_ = 0;
}

bool LiarRecheck::is_theirs(const std::vector<rpc::ToldBy>& told_by) const {
    return std::ranges::any_of(
        told_by, [this](const rpc::ToldBy& part) { return is_told_by(part.provider, liars_); });
}

void LiarRecheck::leave(uint64_t block_num, int64_t now_ms) {
    left_ = block_num;
    not_before_ms_ = now_ms + backoff_.next();
}

bool LiarRecheck::end_part() {
    if (++next_ < parts_.size()) {
        is_head_first_ = true;
        return true;
    }
    forget_plan();
    if (is_whole_) {
        liars_.clear();
    }
    return false;
}

}  // namespace plumbline::engine
