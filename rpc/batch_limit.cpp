#include "rpc/batch_limit.hpp"

#include <algorithm>

namespace plumbline::rpc {

void BatchLimit::on_too_large(size_t calls, std::optional<uint64_t> told) {
    const uint64_t half = std::max<uint64_t>(1, calls / 2);
    const uint64_t next = told && *told >= 1 && *told < calls ? *told : half;
    told_ = static_cast<uint32_t>(std::min<uint64_t>(told_, next));
}

bool BatchLimit::on_doubtful_batch(int64_t now_ms) {
    // Those that were out together with the first one join it.
    if (in_doubt_ || now_ms < singly_until_ms_) {
        return true;
    }
    if (vain_doubts_ >= kVainDoubtsMax) {
        return false;
    }
    in_doubt_ = true;
    singly_until_ms_ = now_ms + kDoubtMs;
    return true;
}

bool BatchLimit::on_single_answered(int64_t now_ms) {
    if (!in_doubt_) {
        return false;
    }
    in_doubt_ = false;
    singly_until_ms_ = now_ms + singly_ms_;
    singly_ms_ = std::min(2 * singly_ms_, kSinglyMsMax);
    return true;
}

void BatchLimit::on_single_refused() {
    if (in_doubt_) {
        in_doubt_ = false;
        singly_until_ms_ = 0;
        ++vain_doubts_;
    }
}

void BatchLimit::on_batch_answered(size_t calls, int64_t now_ms) {
    if (calls > 1) {
        vain_doubts_ = 0;
    }
    if (calls >= vain_calls_) {
        vain_ = 0;
    }
    if (calls >= passes_ && ++answered_ >= kAnsweredUntilGrowth) {
        answered_ = 0;
        uint64_t next = uint64_t{passes_} + std::max<uint32_t>(1, passes_ / 4);
        if (now_ms - vain_ms_ < kVainSizeMs) {
            next = std::min<uint64_t>(next, vain_calls_ - 1);
        }
        passes_ = static_cast<uint32_t>(next);
        if (passes_ >= told_) {
            passes_ = UINT32_MAX;
        }
    }
}

bool BatchLimit::on_vain_batch(size_t calls, int64_t sent_ms, int64_t now_ms, bool has_logs) {
    if (calls <= 1) {
        return false;
    }
    if (calls > std::min(told_, passes_)) {
        return true;  // It was out when that was learnt.
    }
    if (vain_ == 0 || now_ms - vain_ms_ > kVainForgottenMs) {
        vain_ = 0;
        vain_calls_ = calls;
    } else if (sent_ms <= vain_ms_) {
        return false;  // It was out together with the one before, and says no more than that.
    }
    vain_ms_ = now_ms;
    vain_calls_ = std::min(vain_calls_, calls);
    if (++vain_ < (has_logs ? kVainWithLogsMax : kVainMax)) {
        return false;
    }
    // Until one is answered, each that comes back in vain halves it once more.
    --vain_;
    passes_ = static_cast<uint32_t>(calls / 2);
    answered_ = 0;
    return true;
}

}  // namespace plumbline::rpc
