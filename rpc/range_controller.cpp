#include "rpc/range_controller.hpp"

#include <algorithm>

namespace plumbline::rpc {

RangeController::RangeController(RangeOptions options, const Clock& clock)
    : options_{options},
      clock_{clock},
      wanted_{static_cast<double>(std::max<uint64_t>(1, options.blocks_initial))} {}

uint64_t RangeController::size() const {
    auto size = static_cast<uint64_t>(wanted_);
    if (cap_) {
        size = std::min(size, cap_->blocks);
    }
    return std::clamp<uint64_t>(size, 1, options_.blocks_max);
}

uint64_t RangeController::take_size() {
    const uint64_t plain = size();
    const int64_t now = clock_.monotonic_ms();
    if (!cap_ || now < cap_->probing_until_ms || plain < cap_->blocks ||
        wanted_ <= static_cast<double>(plain)) {
        return plain;
    }
    const bool due = now >= cap_->expires_ms || cap_->successes >= options_.cap_successes;
    // A limit nobody named is closed in on by halves, one request at a time.
    const bool search = cap_->is_vague() && cap_->successes > 0;
    if (!due && !search) {
        return plain;
    }
    cap_->probing_until_ms = now + kProbeMs;
    const uint64_t above = due ? 2 * plain : cap_->blocks + (cap_->refused - cap_->blocks) / 2;
    return std::clamp<uint64_t>(above, 1, options_.blocks_max);
}

std::optional<uint64_t> RangeController::cap() const {
    return cap_ ? std::optional{cap_->blocks} : std::nullopt;
}

void RangeController::on_success(uint64_t blocks, uint64_t logs, uint64_t bytes,
                                 int64_t elapsed_ms) {
    const auto size = static_cast<double>(blocks);
    const double load = std::max(
        {static_cast<double>(logs) / static_cast<double>(options_.logs_target),
         static_cast<double>(bytes) / static_cast<double>(options_.bytes_target),
         static_cast<double>(elapsed_ms) / static_cast<double>(options_.answer_ms_target)});
    if (load > 1.0) {
        // One block cannot be asked for in parts, so its weight says nothing about sizes.
        if (blocks > 1) {
            wanted_ = std::max(1.0, std::min(wanted_, size / load));
        }
    } else if (load < 0.5) {
        const double factor = load > 0.0 ? std::min(options_.growth, 0.75 / load) : options_.growth;
        wanted_ =
            std::max(wanted_, std::min(size * factor, static_cast<double>(options_.blocks_max)));
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
            cap_->successes = 1;
            cap_->probing_until_ms = 0;
        }
    } else if (blocks == cap_->blocks) {
        ++cap_->successes;
    }
}

void RangeController::on_too_many_blocks(uint64_t blocks, std::optional<uint64_t> blocks_max) {
    const bool told = blocks_max && *blocks_max >= 1 && *blocks_max < blocks;
    const int64_t now = clock_.monotonic_ms();
    if (!cap_ || told || blocks <= cap_->blocks) {
        const int64_t last_expiry = cap_ && told && cap_->blocks == *blocks_max
                                        ? 2 * cap_->expiry_ms
                                        : options_.cap_expiry_ms;
        Cap cap;
        cap.blocks = told ? *blocks_max : std::max<uint64_t>(1, blocks / 2);
        cap.refused = blocks;
        cap.told = told;
        // Requests that were out when the cap was learnt do not confirm it.
        const bool probed = cap_ && now >= cap_->expires_ms;
        cap.expiry_ms = probed ? std::min(last_expiry, options_.cap_expiry_ms_max)
                        : cap_ ? cap_->expiry_ms
                               : options_.cap_expiry_ms;
        cap.expires_ms = now + cap.expiry_ms;
        cap_ = cap;
    } else {
        // Refused above the cap: it was right.
        if (now >= cap_->expires_ms || cap_->successes >= options_.cap_successes) {
            cap_->expiry_ms = std::min(2 * cap_->expiry_ms, options_.cap_expiry_ms_max);
            cap_->expires_ms = now + cap_->expiry_ms;
            cap_->successes = 0;
        }
        cap_->refused = std::min(cap_->refused, blocks);
        cap_->probing_until_ms = 0;
    }
    // Once the cap is gone again, growth starts from it.
    wanted_ =
        std::min(wanted_, static_cast<double>(std::max(2 * cap_->blocks, options_.blocks_initial)));
}

void RangeController::on_too_dense(uint64_t blocks) {
    wanted_ = std::max(1.0, std::min(wanted_, static_cast<double>(blocks) / 2.0));
}

}  // namespace plumbline::rpc
