#include "rpc/range_controller.hpp"

#include <algorithm>

namespace plumbline::rpc {

RangeController::RangeController(RangeOptions options, const Clock& clock)
    : options_{options}, clock_{clock}, wanted_{static_cast<double>(std::max<uint64_t>(1, options.blocks_initial))} {}

uint64_t RangeController::size() const {
    auto size = static_cast<uint64_t>(wanted_);
    if (cap_) {
        size = std::min(size, cap_->blocks);
    }
    return std::clamp<uint64_t>(size, 1, options_.blocks_max);
}

uint64_t RangeController::take_size() {
    const uint64_t plain = size();
    if (!cap_ || cap_->probing || plain < cap_->blocks) {
        return plain;
    }
    const bool due = clock_.monotonic_ms() >= cap_->expires_ms || cap_->successes >= options_.cap_successes;
    if (!due) {
        return plain;
    }
    cap_->probing = true;
    return std::clamp<uint64_t>(2 * plain, 1, options_.blocks_max);
}

std::optional<uint64_t> RangeController::cap() const {
    return cap_ ? std::optional{cap_->blocks} : std::nullopt;
}

void RangeController::on_success(uint64_t blocks, uint64_t logs, uint64_t bytes, int64_t elapsed_ms) {
    const auto size = static_cast<double>(blocks);
    const double load = std::max({static_cast<double>(logs) / static_cast<double>(options_.logs_target),
                                  static_cast<double>(bytes) / static_cast<double>(options_.bytes_target),
                                  static_cast<double>(elapsed_ms) / static_cast<double>(options_.answer_ms_target)});
    if (load > 1.0) {
        // One block cannot be asked for in parts, so its weight says nothing about sizes.
        if (blocks > 1) {
            wanted_ = std::max(1.0, std::min(wanted_, size / load));
        }
    } else if (load < 0.5) {
        const double factor = load > 0.0 ? std::min(options_.growth, 0.75 / load) : options_.growth;
        wanted_ = std::max(wanted_, std::min(size * factor, static_cast<double>(options_.blocks_max)));
    }
    if (!cap_) {
        return;
    }
    if (blocks > cap_->blocks) {
        // The cap is higher than was thought.
        if (cap_->told || blocks >= cap_->refused) {
            cap_.reset();
        } else {
            cap_->blocks = blocks;
            cap_->probing = false;
        }
    } else if (blocks == cap_->blocks) {
        ++cap_->successes;
        // Close in on a limit nobody named.
        if (!cap_->told && cap_->refused > cap_->blocks + cap_->blocks / 8 + 1) {
            cap_->blocks = cap_->blocks + (cap_->refused - cap_->blocks) / 2;
            cap_->successes = 0;
        }
    }
}

void RangeController::on_too_many_blocks(uint64_t blocks, std::optional<uint64_t> blocks_max) {
    const bool told = blocks_max && *blocks_max >= 1 && *blocks_max < blocks;
    const uint64_t good = told ? *blocks_max : std::max<uint64_t>(1, blocks / 2);
    const int64_t now = clock_.monotonic_ms();
    if (cap_ && !told && blocks >= cap_->refused && !cap_->probing) {
        return;  // sent before the cap was learnt
    }
    const bool confirmed = cap_ && cap_->probing;
    Cap cap;
    cap.expiry_ms = confirmed ? std::min(2 * cap_->expiry_ms, options_.cap_expiry_ms_max) : options_.cap_expiry_ms;
    cap.expires_ms = now + cap.expiry_ms;
    cap.told = told;
    cap.refused = blocks;
    cap.blocks = good;
    if (cap_ && !told) {
        // What was good before stays good where the refusal was above it.
        cap.blocks = cap_->blocks < blocks ? cap_->blocks : good;
        cap.told = cap_->told && cap_->blocks < blocks;
        cap.refused = std::min(blocks, std::max(cap_->refused, cap.blocks + 1));
    }
    cap_ = cap;
    // Once the cap is gone again, growth starts from it.
    wanted_ = std::min(wanted_, static_cast<double>(std::max(cap.blocks, options_.blocks_initial)));
}

void RangeController::on_too_dense(uint64_t blocks) {
    wanted_ = std::max(1.0, std::min(wanted_, static_cast<double>(blocks) / 2.0));
}

}  // namespace plumbline::rpc
