// What RocksDB can be asked to do and to tell, for tasks and metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::storage {

/// Rewrites every family without what was deleted or overwritten. `should_stop` (may be empty) is
/// asked a few times a second, on the calling thread; true ends with kCancelled, and what was
/// rewritten by then stays so. Safe beside the writer.
[[nodiscard]] Status compact_database(const Database& database,
                                      const std::function<bool()>& should_stop);

/// Where much lies in memory and the write-ahead log only: puts it into table files, so that the
/// next open, a reader's too, has no long log to read. For the end of the writer's life.
[[nodiscard]] Status settle_database(const Database& database);

/// RocksDB's own figures, by name ("estimate_live_data_size", "block_cache_usage"...). Safe from
/// any thread.
[[nodiscard]] std::vector<std::pair<std::string, uint64_t>> storage_figures(
    const Database& database);

}  // namespace plumbline::storage
