// The stored log, read ahead of the fold on a thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "core/base/bounded_queue.hpp"
#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/fold/fold.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// A run of logs in order, with their blocks.
struct LogChunk {
    static constexpr uint32_t kNoTxnFields = UINT32_MAX;
    struct Mark {
        size_t first_log = 0;  ///< the first of its block
        FoldBlock block;
    };
    evm::LogBatch logs;
    std::vector<Mark> marks;
    std::vector<storage::TxnFields> txns;
    /// Into `txns`, or kNoTxnFields; what it is too short for has none.
    std::vector<uint32_t> txn_of_log;
    bool is_last = false;  ///< the log ends here
    Status status;         ///< of the reader; an error ends the log here

    [[nodiscard]] const storage::TxnFields* txn(size_t log) const noexcept {
        const uint32_t at = log < txn_of_log.size() ? txn_of_log[log] : kNoTxnFields;
        return at == kNoTxnFields ? nullptr : &txns[at];
    }
    void clear() {
        logs.clear();
        marks.clear();
        txns.clear();
        txn_of_log.clear();
        is_last = false;
        status = Status{};
    }
};

/// Chunks go round: the reader fills those that were given back, and waits where there are none.
class LogReader {
  public:
    /// Up to `until_block`. Blocks above `finalized` are folded with undo. `view` must outlive it.
    LogReader(const storage::ReadView& view, uint64_t until_block, uint64_t finalized,
              storage::OnDamage on_damage);
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;
    ~LogReader();

    /// Waits for the next chunk. Not to be called again after the last one or one with an error.
    [[nodiscard]] std::unique_ptr<LogChunk> next();
    /// `chunk` is used up.
    void give_back(std::unique_ptr<LogChunk> chunk);

  private:
    using ChunkQueue = BoundedQueue<std::unique_ptr<LogChunk>>;
    static constexpr size_t kChunkCount = 4;

    static void put(ChunkQueue& queue, std::unique_ptr<LogChunk> chunk);
    void run();

    const storage::ReadView& view_;
    const uint64_t until_block_;
    const uint64_t finalized_;
    const storage::OnDamage on_damage_;
    ChunkQueue empty_{kChunkCount};
    ChunkQueue full_{kChunkCount};
    std::thread thread_;
};

}  // namespace plumbline::engine
