#include "rpc/refusal_brake.hpp"

#include <algorithm>

namespace plumbline::rpc {

CallFamily family_of(Call::Kind kind) noexcept {
    switch (kind) {
        case Call::Kind::kLogs:
        case Call::Kind::kLogsOfBlock:
        case Call::Kind::kReceipts:
        case Call::Kind::kTxnReceipt: return CallFamily::kBlockData;
        case Call::Kind::kCall:
        case Call::Kind::kProof: return CallFamily::kState;
        default: return CallFamily::kHeaders;
    }
}

std::set<CallFamily> families_of(const std::vector<Call>& calls) {
    std::set<CallFamily> out;
    for (const Call& call : calls) {
        out.insert(family_of(call.kind));
    }
    return out;
}

void RefusalBrake::earn(double requests, int64_t now_ms) {
    left_ = std::min(kFree, left_ + requests + static_cast<double>(now_ms - left_at_ms_) / kEarnMs);
    left_at_ms_ = now_ms;
}

void RefusalBrake::on_sent(int64_t now_ms) {
    if (is_on_) {
        free_at_ms_ = now_ms + kPauseMsMax;  // Or until it is back.
        is_one_out_ = true;
    }
}

void RefusalBrake::on_refused(int64_t sent_ms, int64_t now_ms) {
    earn(0, now_ms);
    left_ = std::max(0.0, left_ - 1);
    is_on_ = is_on_ || left_ < 1;
    if (is_on_ && sent_ms >= paused_ms_) {
        free_at_ms_ = now_ms + std::min(kPauseMsMax, kPauseMsFirst << std::min(pauses_, 10U));
        paused_ms_ = now_ms;
        ++pauses_;
        is_one_out_ = false;
    }
}

void RefusalBrake::on_answered(int64_t now_ms) {
    earn(1, now_ms);
    if (is_on_) {
        is_on_ = left_ < kEarnedUntilOff;
        free_at_ms_ = now_ms;
        pauses_ = 0;
        is_one_out_ = false;
    }
}

void RefusalBrake::on_back(int64_t now_ms) {
    if (is_one_out_) {
        is_one_out_ = false;
        free_at_ms_ = now_ms;
    }
}

bool VainLogs::on_refused(int64_t now_ms) {
    const bool was_known = is_known();
    in_row_ = std::min(in_row_ + 1, kBelieved);
    if (is_known() && !was_known) {
        on_asked(now_ms);
    }
    return is_known() && !was_known;
}

void VainLogs::on_asked(int64_t now_ms) {
    if (is_known() && now_ms >= until_ms_) {
        until_ms_ = now_ms + pause_ms_;
        pause_ms_ = std::min(2 * pause_ms_, kPauseMsMax);
    }
}

}  // namespace plumbline::rpc
