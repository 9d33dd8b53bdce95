// Events that are stored and of which nothing is made: what is in quarantine, and what no ABI
// knows. A change is a line of the log, a repetition is not.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/ingest/progress.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// The network thread's.
class AsideNews {
  public:
    /// Of the rows in quarantine those that are corrections of a repair, not events.
    [[nodiscard]] uint64_t count_corrections(const storage::Database& database, uint64_t rows);
    /// At most a line a minute: a backfill may put away an event a block.
    void tell_quarantine(const std::string& db_path, uint64_t rows, uint64_t corrections,
                         int64_t now_ms);
    /// Once.
    void tell_unknown(const std::string& db_path, const ProgressNumbers& progress);
    /// The next change is told at once.
    void hurry() { next_told_ms_ = 0; }

  private:
    uint64_t told_ = 0;
    int64_t next_told_ms_ = 0;
    uint64_t corrections_ = 0;
    /// What was in quarantine when they were counted, and of which generation.
    std::pair<uint64_t, uint32_t> corrections_of_;
    bool is_unknown_told_ = false;
};

}  // namespace plumbline::engine
