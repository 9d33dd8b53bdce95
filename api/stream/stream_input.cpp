#include "api/stream/stream_input.hpp"

#include <utility>

#include "core/base/deadline.hpp"
#include "engine/ingest/ingest.hpp"

namespace plumbline::api {

size_t StreamInput::size_bytes() const noexcept {
    size_t bytes = sizeof(StreamInput) + logs.arena.size() + logs.logs.size() * sizeof(evm::Log);
    bytes += children.size() * sizeof(storage::ChildRow);
    for (const engine::RowChange& change : changes) {
        bytes += sizeof(change) + change.key.size() + change.before.size() + change.after.size();
    }
    return bytes;
}

bool copy_logs(const engine::CommitNotice& notice, size_t bytes_max, evm::LogBatch& out) {
    size_t bytes = 0;
    size_t count = 0;
    for (const engine::LogSpan& span : notice.logs) {
        count += span.to - span.from;
        for (size_t i = span.from; i < span.to; ++i) {
            bytes += span.fetched->logs.logs[i].data_size;
        }
    }
    if (bytes > bytes_max) {
        return false;
    }
    out.logs.reserve(out.logs.size() + count);
    out.arena.reserve(out.arena.size() + bytes);
    for (const engine::LogSpan& span : notice.logs) {
        for (size_t i = span.from; i < span.to; ++i) {
            const evm::Log& log = span.fetched->logs.logs[i];
            out.push(log, span.fetched->logs.data(log));
        }
    }
    return true;
}

void StreamInputQueue::push(StreamInput input) {
    {
        const MutexLock lock{mutex_};
        if (input.kind == StreamRecord::Kind::kCommit && bytes_ + input.size_bytes() > bytes_max_) {
            input.kind = StreamRecord::Kind::kRange;
            input.changes.clear();
            input.logs = {};
            input.has_new_children = !input.children.empty();
            input.children.clear();
        }
        if (input.kind == StreamRecord::Kind::kRange && !inputs_.empty() &&
            inputs_.back().kind == StreamRecord::Kind::kRange &&
            inputs_.back().range.to + 1 == input.range.from) {
            input.range.from = inputs_.back().range.from;
            input.events += inputs_.back().events;
            input.has_new_children |= inputs_.back().has_new_children;
            bytes_ -= inputs_.back().size_bytes();
            inputs_.pop_back();
        }
        bytes_ += input.size_bytes();
        inputs_.push_back(std::move(input));
    }
    changed_.notify_one();
}

std::optional<StreamInput> StreamInputQueue::take() {
    const MutexLock lock{mutex_};
    if (inputs_.empty()) {
        return std::nullopt;
    }
    std::optional<StreamInput> out{std::move(inputs_.front())};
    inputs_.pop_front();
    bytes_ -= out->size_bytes();
    return out;
}

void StreamInputQueue::wait_for(std::chrono::milliseconds time) {
    const auto end = deadline_after(time);
    const MutexLock lock{mutex_};
    while (inputs_.empty() && !is_closed_) {
        if (!changed_.wait_until(mutex_, end)) {
            return;
        }
    }
}

void StreamInputQueue::close() {
    {
        const MutexLock lock{mutex_};
        is_closed_ = true;
    }
    changed_.notify_all();
}

}  // namespace plumbline::api
