#include "rpc/slow_methods.hpp"

#include <algorithm>
#include <utility>

namespace plumbline::rpc {

namespace {

constexpr int64_t kLastMsFirst = 60'000;
constexpr int64_t kLastMsMax = 3'600'000;
constexpr int64_t kPatienceMs = 5'000;
/// Of answers of megabytes.
constexpr int64_t kLargePatienceMs = 15'000;
constexpr int64_t kPatienceFactor = 4;

SlowMethod make_method(Call::Kind kind) {
    switch (kind) {
        // That one range takes long says something of the range: the next one is smaller.
        case Call::Kind::kLogs: return SlowMethod{2, kLargePatienceMs};
        case Call::Kind::kLogsOfBlock:
        case Call::Kind::kReceipts: return SlowMethod{1, kLargePatienceMs};
        default: return SlowMethod{1, kPatienceMs};
    }
}

template <size_t... kIndices>
std::array<SlowMethod, sizeof...(kIndices)> make_all(std::index_sequence<kIndices...> /*kinds*/) {
    return {make_method(static_cast<Call::Kind>(kIndices))...};
}

}  // namespace

void SlowMethod::on_refused(int64_t now_ms) {
    if (!is_last(now_ms)) {
        until_ms_ =
            now_ms + std::min(kLastMsMax, kLastMsFirst << std::min<uint32_t>(times_last_, 10));
        ++times_last_;
    }
}

void SlowMethod::count_late(int64_t sent_ms, int64_t now_ms) {
    if (sent_ms <= late_ms_) {
        return;  // It was out together with the last one.
    }
    late_ms_ = now_ms;
    if (++late_in_row_ >= believed_) {
        on_refused(now_ms);
    }
}

void SlowMethod::on_overdue(int64_t sent_ms, int64_t now_ms) {
    is_overdue_ = true;
    count_late(sent_ms, now_ms);
}

void SlowMethod::on_timeout(int64_t sent_ms, int64_t now_ms) {
    has_timed_out_ = true;
    count_late(sent_ms, now_ms);
}

void SlowMethod::on_ill(int64_t now_ms) {
    is_ill_ = true;
    on_refused(now_ms);
}

void SlowMethod::on_answered(int64_t elapsed_ms, int64_t now_ms) {
    late_in_row_ = 0;
    has_timed_out_ = false;
    is_overdue_ = false;
    is_ill_ = false;
    times_last_ = is_last(now_ms) ? times_last_ : 0;
    answer_ms_ = std::max(elapsed_ms, (answer_ms_ * 4 + elapsed_ms) / 5);
}

int64_t SlowMethod::patience_ms() const {
    return std::max(patience_ms_min_, kPatienceFactor * answer_ms_);
}

std::array<SlowMethod, SlowMethods::kKinds> SlowMethods::make() {
    return make_all(std::make_index_sequence<kKinds>{});
}

}  // namespace plumbline::rpc
