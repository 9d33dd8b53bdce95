#include "api/rpc/log_stream.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "api/rpc/rpc_calls.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/json_writer.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::api {

std::unique_ptr<LogStreamPlaces::Place> LogStreamPlaces::take(const std::string& client) {
    const MutexLock lock{mutex_};
    if (count_ >= kMax || (clients_.contains(client) && clients_[client] >= kClientMax)) {
        return nullptr;
    }
    auto out = std::make_unique<Place>(*this, client);
    ++count_;
    ++clients_[client];
    return out;
}

void LogStreamPlaces::leave(const std::string& client) {
    const MutexLock lock{mutex_};
    --count_;
    if (--clients_[client] == 0) {
        clients_.erase(client);
    }
}

LogStream::LogStream(std::shared_ptr<const storage::ReadView> view, LogFilter filter, uint64_t head,
                     const Clock& clock, LogStreamLimits limits)
    : view_{std::move(view)},
      filter_{std::move(filter)},
      clock_{clock},
      limits_{limits},
      start_ms_{clock.monotonic_ms()} {
    if (filter_.from <= std::min(filter_.to, head)) {
        walk_.emplace(*view_, filter_, filter_.from, std::min(filter_.to, head));
    }
}

AnswerParts::Part LogStream::next() {
    Part out;
    bool is_end = false;
    const Status done = catch_exceptions("/rpc", [&]() -> Status {
        PLUMBLINE_TRY(is_end, fill(out.text));
        return ok();
    });
    bytes_ += out.text.size();
    if (!done) {
        out.text += end_with_error(rpc_code::kInternal, done.error().message);
    } else if (is_end) {
        out.text += "]}";
    } else if (const std::string limit = passed_limit(); !limit.empty()) {
        out.text += give_up(limit).text;
    } else {
        return out;
    }
    out.is_last = true;
    return out;
}

std::string LogStream::passed_limit() const {
    if (bytes_ >= limits_.bytes_max) {
        return fmt::format("the answer is longer than {} bytes", limits_.bytes_max);
    }
    if (clock_.monotonic_ms() - start_ms_ >= limits_.time_ms_max) {
        return fmt::format("the answer takes longer than {} s", limits_.time_ms_max / 1'000);
    }
    return {};
}

Result<bool> LogStream::fill(std::string& out) {
    if (!walk_) {
        return true;
    }
    const int64_t end_ms = clock_.monotonic_ms() + limits_.part_ms;
    const auto is_late = [&] { return clock_.monotonic_ms() >= end_ms; };
    while (out.size() < limits_.part_bytes) {
        PLUMBLINE_TRY(const LogWalk::Step step, walk_->next(is_late));
        if (step != LogWalk::Step::kLog) {
            return step == LogWalk::Step::kEnd;
        }
        if (!std::exchange(is_first_, false)) {
            out += ',';
        }
        append_log(out, walk_->text(), false);
    }
    return false;
}

AnswerParts::Part LogStream::give_up(std::string_view why) {
    std::string text{why};
    if (walk_ && walk_->block_num() > filter_.from) {
        text += fmt::format(". Try with this block range [{}, {}]", evm::to_quantity(filter_.from),
                            evm::to_quantity(walk_->block_num() - 1));
    }
    return {end_with_error(rpc_code::kLimit, text), true};
}

std::string LogStream::end_with_error(int code, std::string_view why) const {
    std::string error;
    JsonWriter{error}.open_object().member("code", code).member("message", why).close_object();
    return R"(],"error":)" + error + '}';
}

}  // namespace plumbline::api
