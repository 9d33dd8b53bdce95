#include "engine/ingest/standstill.hpp"

#include <utility>

#include <fmt/format.h>

#include "engine/ingest/start_words.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kNextAsked = 8;  ///< blocks: chains with gaps may have other ones each

}  // namespace

void Standstill::on_setback(int64_t since_ms, uint64_t tip, std::string what) {
    if (setbacks_++ == 0) {
        since_ms_ = since_ms;
        tip_ = tip;
    }
    what_ = std::move(what);
}

void Standstill::on_range(uint64_t last_block) {
    if (last_block > tip_) {
        over();
    }
}

std::optional<uint64_t> Standstill::question(int64_t now_ms, std::optional<uint64_t> tip,
                                             uint64_t next) {
    if (setbacks_ <= kUsual || (looked_ms_ && now_ms - *looked_ms_ < kLookMs)) {
        return std::nullopt;
    }
    looked_ms_ = now_ms;
    const bool is_tip = std::exchange(is_tip_next_, !is_tip_next_) && tip;
    return is_tip ? *tip : next + lacking_ % kNextAsked;
}

/// A block that they agree about says nothing of one that they were found to differ about.
void Standstill::hear(const std::vector<rpc::BlockWord>& words, uint64_t block_num) {
    lacking_ += does_one_lack_it(words) ? 1U : 0U;
    if (const auto found = find_disagreement(words)) {
        chains_ =
            fmt::format("providers tell different chains, block {}: {}", block_num, found->text);
        chains_at_ = block_num;
    } else if (block_num == chains_at_) {
        chains_.clear();
    }
}

std::string Standstill::text() const {
    return chains_.empty() ? what_
                           : fmt::format(
                                 "{}; blocks above {} come once they agree: take those of "
                                 "another chain out of [chain] rpc",
                                 chains_, tip_);
}

}  // namespace plumbline::engine
