#include "engine/ingest/work_outbox.hpp"

#include <utility>

#include "core/base/check.hpp"

namespace plumbline::engine {

void WorkOutbox::push(Work work) {
    waiting_.push_back({0, epoch_, std::move(work)});
    flush();
}

bool WorkOutbox::flush() {
    bool has_moved = false;
    while (!waiting_.empty()) {
        WorkItem& item = waiting_.front();
        item.seq = handed_seq_ + 1;
        const size_t bytes = item.size_bytes();
        if (!channel_.queue.try_push(item, bytes)) {
            break;
        }
        ++handed_seq_;
        waiting_.pop_front();
        has_moved = true;
    }
    PLUMBLINE_CHECK(channel_.done_seq.load() <= handed_seq_);
    return has_moved;
}

void WorkOutbox::drop_ranges() {
    std::erase_if(waiting_, [](const WorkItem& item) {
        return std::holds_alternative<AppendWork>(item.work) ||
               std::holds_alternative<GapWork>(item.work);
    });
}

void WorkOutbox::begin_epoch() {
    PLUMBLINE_CHECK(is_drained());
    channel_.epoch = ++epoch_;
}

}  // namespace plumbline::engine
