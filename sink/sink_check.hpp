// Holding a sink's tables against the index, cell by cell, and mending them: `plumbline verify
// --sink`. Beside a running service: its transactions wait while rows are mended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::sink {

struct CellFinding {
    std::string column;
    std::optional<std::string> index;  ///< printable text, 0x in front of bytes; none: null
    std::optional<std::string> postgresql;
};
struct RowFinding {
    std::string table;
    std::string key;  ///< "id=7"
    enum class Kind : uint8_t { kMissing, kChanged, kExtra } kind = Kind::kMissing;
    std::vector<CellFinding> cells;  ///< of kChanged
};

/// A table that rows cannot be written to: not there, or not as it was made.
struct TableProblem {
    std::string table;
    std::string what;  ///< and what to do
    bool is_mended = false;
};

struct SinkReport {
    uint64_t block_num = 0;  ///< where both stand
    uint64_t tables = 0;
    uint64_t rows = 0;       ///< of the index
    uint64_t differing = 0;  ///< rows
    uint64_t mended = 0;
    std::vector<RowFinding> findings;  ///< the first `findings_max`
    std::vector<TableProblem> problems;
    /// Nothing differs, or no longer.
    [[nodiscard]] bool is_equal() const noexcept;
};

struct SinkCheckOptions {
    engine::SinkConfig config;
    std::shared_ptr<const engine::Plan> plan;
    uint64_t chain_id = 0;
    /// Its shares for a scratch database bound the fold that histories take.
    engine::MemoryPlan memory = engine::plan_memory(256, engine::MemoryUse::kService);
    bool repair = false;
    size_t findings_max = 10'000;
    /// For so long both are looked at again until they stand at the same block.
    int64_t patience_ms = 30'000;
    std::function<bool()> should_stop;
    /// What the running service says of this sink, "is failing: ..."; empty where none can be
    /// asked.
    std::function<std::string()> ask_writer;
    /// Told once what is waited for, before ten seconds of it are over.
    std::function<void(const std::string&)> on_wait;
};

/// `open` gives the index as it is now, again and again. kUnavailable where the sink does not come
/// to where the index stands; kNotFound where it never wrote.
[[nodiscard]] Result<SinkReport> check_sink(
    const SinkCheckOptions& options,
    const std::function<Result<std::unique_ptr<storage::Database>>()>& open);

}  // namespace plumbline::sink
