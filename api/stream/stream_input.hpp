// From the writer to the thread that renders the stream: copies of what commits changed, bounded by
// bytes. The writer never waits; where too much waits already, details are dropped.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "api/stream/stream_record.hpp"
#include "core/base/mutex.hpp"
#include "core/evm/log.hpp"
#include "engine/fold/row_change.hpp"
#include "engine/ingest/index_observer.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// What is to be rendered; fields as in StreamRecord.
struct StreamInput {
    StreamRecord::Kind kind = StreamRecord::Kind::kCommit;
    evm::BlockRange range{};
    evm::Hash hash;       ///< of the last block
    StreamBasis basis{};  ///< of the state then
    uint64_t timestamp = 0;
    uint64_t finalized = 0;
    uint64_t events = 0;
    uint64_t commit_num = 0;
    std::vector<engine::RowChange> changes;   ///< kCommit
    evm::LogBatch logs;                       ///< kCommit
    std::vector<storage::ChildRow> children;  ///< kCommit: announced by its logs
    bool has_new_children = false;            ///< kRange: some were announced in it
    std::string text;                         ///< kReset: the reason; kProof: JSON

    [[nodiscard]] size_t size_bytes() const noexcept;
};

/// Appends copies of the commit's logs to `out`. False where their data is more than `bytes_max`:
/// then none is copied.
[[nodiscard]] bool copy_logs(const engine::CommitNotice& notice, size_t bytes_max,
                             evm::LogBatch& out);

/// Thread-safe.
class StreamInputQueue {
  public:
    explicit StreamInputQueue(size_t bytes_max) : bytes_max_{bytes_max} {}

    /// A commit that does not fit any more becomes a range, without rows and logs: clients then get
    /// the range, and later a reset. Ranges that join are one.
    void push(StreamInput input) PLUMBLINE_EXCLUDES(mutex_);
    /// Empty where nothing waits.
    [[nodiscard]] std::optional<StreamInput> take() PLUMBLINE_EXCLUDES(mutex_);
    /// Until something waits, the queue is closed or the time has passed.
    void wait_for(std::chrono::milliseconds time) PLUMBLINE_EXCLUDES(mutex_);
    /// Nobody waits from here on.
    void close() PLUMBLINE_EXCLUDES(mutex_);

  private:
    const size_t bytes_max_;
    Mutex mutex_;
    CondVar changed_;
    std::deque<StreamInput> inputs_ PLUMBLINE_GUARDED_BY(mutex_);
    size_t bytes_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
    bool is_closed_ PLUMBLINE_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline::api
