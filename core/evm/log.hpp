// An event log as a node reports it, and batches of them without an allocation a log.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// One log. Its data lives in the batch it belongs to (`LogBatch::data`).
struct Log {
    uint64_t block_num = 0;
    uint32_t log_index = 0;  ///< position in the block, not in the transaction
    uint32_t txn_index = 0;
    Hash block_hash;
    Hash txn_hash;
    Address address;
    uint8_t topic_count = 0;  ///< 0 to 4
    std::array<Hash, 4> topics;
    uint32_t data_offset = 0;
    uint32_t data_size = 0;
};

/// Logs in (block, log index) order with one arena for all their data. One thread.
struct LogBatch {
    std::vector<Log> logs;
    Bytes arena;

    [[nodiscard]] ByteView data(const Log& log) const noexcept {
        return ByteView{arena}.subspan(log.data_offset, log.data_size);
    }
    /// Appends `log` with `bytes` as its data.
    void push(Log log, ByteView bytes) {
        log.data_offset = static_cast<uint32_t>(arena.size());
        log.data_size = static_cast<uint32_t>(bytes.size());
        arena.insert(arena.end(), bytes.begin(), bytes.end());
        logs.push_back(log);
    }
    void clear() {
        logs.clear();
        arena.clear();
    }
};

/// Blocks `from` to `to`, both included, as eth_getLogs counts.
struct BlockRange {
    uint64_t from = 0;
    uint64_t to = 0;

    [[nodiscard]] uint64_t size() const noexcept { return to - from + 1; }
    friend bool operator==(const BlockRange&, const BlockRange&) = default;
};

}  // namespace plumbline::evm
