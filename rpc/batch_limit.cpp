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

void BatchLimit::on_batch_answered() {
    vain_doubts_ = 0;
}

}  // namespace plumbline::rpc
