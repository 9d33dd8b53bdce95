// Work on its way to the writer: numbered, and kept here while the queue is full.
#pragma once

#include <cstdint>
#include <deque>

#include "engine/ingest/ingest.hpp"
#include "engine/ingest/ingest_channel.hpp"

namespace plumbline::engine {

/// One thread: that which pushes. `channel` must outlive it.
class WorkOutbox {
  public:
    explicit WorkOutbox(IngestChannel& channel) : channel_{channel} {}

    void push(Work work);
    /// Hands over what the queue takes; true where that was anything.
    bool flush();
    /// The queue is full: what comes next would wait here, and nothing bounds that.
    [[nodiscard]] bool has_waiting() const noexcept { return !waiting_.empty(); }
    /// The writer has done everything that was ever pushed.
    [[nodiscard]] bool is_drained() const noexcept {
        return waiting_.empty() && channel_.done_seq.load() >= handed_seq_;
    }

    /// Drops the ranges that wait here; commands stay, because they are about what is stored.
    void drop_ranges();
    /// The writer refused a range of this epoch and drops whatever else comes in it.
    [[nodiscard]] bool is_refused() const noexcept {
        return channel_.refused_epoch.load() == epoch_;
    }
    /// What is pushed from here on is looked at again. Only while drained: an item of the old epoch
    /// must not come after one of the new.
    void begin_epoch();

  private:
    IngestChannel& channel_;
    std::deque<WorkItem> waiting_;  ///< what the full queue did not take yet
    /// Of the last item that the queue took. Numbered only then, so that items that were dropped
    /// leave no gap that `is_drained` would wait for.
    uint64_t handed_seq_ = 0;
    uint64_t epoch_ = 1;  ///< 0 is `refused_epoch`'s "none"
};

}  // namespace plumbline::engine
