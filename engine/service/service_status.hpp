// What a running service says of itself: the metrics, the terminal and the API show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ingest/progress.hpp"
#include "engine/service/progress_history.hpp"
#include "engine/task/schedule.hpp"
#include "rpc/pool_options.hpp"

namespace plumbline::engine {

/// A database that is kept equal to the index.
struct SinkStatus {
    std::string name;
    std::string state;   ///< "waiting", "loading", "following", "failing", "fenced"
    std::string reason;  ///< why it does not follow; empty while it does
    bool is_failing = false;
    std::optional<uint64_t> block_num;  ///< it stands at; empty: nothing is there yet
    uint64_t lag_blocks = 0;            ///< behind the index
    uint64_t transactions = 0;          ///< by this process, as the others
    uint64_t rows_upserted = 0;
    uint64_t rows_deleted = 0;
    uint64_t rows_copied = 0;
    uint64_t tables_compared = 0;
    uint64_t retries = 0;
    uint64_t round_trips = 0;
};

/// How the service is, at one moment.
struct ServiceStatus {
    Lifecycle state = Lifecycle::kStarting;
    /// What makes it not ready; empty = it is ready. See engine/service/readiness.hpp.
    std::vector<std::string> unready{"starting"};
    uint64_t ready_lag = 5;             ///< so many blocks behind still count as ready
    int64_t ready_changed_unix_ms = 0;  ///< when that last changed; at first when the service began
    std::string address;                ///< where the API listens; empty: it does not
    /// Everything up to `proven_block` is proven to `proven_level`, the best that is; empty:
    /// nothing is.
    std::string proven_level;
    uint64_t proven_block = 0;
    /// What is not as it should be, for people, the gravest first; empty = all is well.
    std::vector<std::string> degraded;
    /// Of these, what the index waits for.
    std::vector<std::string> waits;
    /// What is to be known and is no fault: what cannot be proven, and why.
    std::vector<std::string> notes;
    int64_t started_unix_ms = 0;
    int64_t uptime_ms = 0;
    ProgressNumbers progress;
    uint64_t commits = 0;    ///< by this run
    uint64_t commit_ms = 0;  ///< spent writing them
    uint64_t first_block = 0;
    uint64_t target_block = 0;
    bool has_database = false;
    uint64_t quarantined_rows = 0;     ///< in the database
    uint64_t refused_corrections = 0;  ///< of these: blocks with such; the others are events
    /// Mismatches that stand, by proof: "log", "replay", "state" and "calls", 0 where there are
    /// none.
    std::vector<std::pair<std::string, uint64_t>> mismatches;
    std::vector<rpc::ProviderStats> providers;
    std::vector<SinkStatus> sinks;
    std::shared_ptr<const ProgressSamples> history = std::make_shared<ProgressSamples>();
    size_t tasks_waiting = 0;
    size_t tasks_running = 0;
    size_t tasks_dead = 0;    ///< given up, with a reason, and none of the name was done since
    size_t tasks_parked = 0;  ///< took the process down
    std::vector<ScheduleEntry> schedule;  ///< what runs by itself

    [[nodiscard]] bool is_ready() const noexcept { return unready.empty(); }
};

}  // namespace plumbline::engine
