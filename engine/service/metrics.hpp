// The service's figures in Prometheus text. What is a state is read when it is asked for; what
// happens is counted here. Names and alert rules: docs/operations.md, docs/alerts.yml.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ingest/ingest_progress.hpp"
#include "engine/task/task_observer.hpp"
#include "engine/task/work_queue.hpp"

namespace plumbline::engine {

struct ServiceStatus;

/// How old the newest backup is.
struct BackupAge {
    std::optional<int64_t> ms;  ///< empty: the work queue knows of none
    int64_t max_ms = 0;         ///< twice the schedule's interval; 0 = none is scheduled
};

/// What can only be read, at the time of asking.
struct MetricsInput {
    const ServiceStatus* status = nullptr;
    std::vector<QueueCount> queue;
    std::vector<std::pair<std::string, uint64_t>> storage;  ///< RocksDB's figures by name
    uint64_t database_bytes = 0;
    std::vector<std::pair<std::string, uint64_t>> entity_rows;
    /// By proof level: the last block up to which everything is proven that well.
    std::vector<std::pair<std::string, uint64_t>> proven_through;
    BackupAge backup;
    /// Of the file system that the database is on; size 0: not known.
    uint64_t disk_free_bytes = 0;
    uint64_t disk_size_bytes = 0;
};

/// Thread-safe: it has no state but prometheus-cpp's registry, whose families have their own locks.
class Metrics final : public TaskObserver {
  public:
    Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics() override;

    /// `route` is the route's pattern, never a path somebody asked for: its number is bounded.
    void count_http(std::string_view route, unsigned status, double seconds);
    /// `outcome`: as `to_string(TaskOutcome::Kind)` tells it.
    void count_task(std::string_view kind, std::string_view outcome, double seconds);
    void on_proof(std::string_view proof, std::string_view verdict,
                  const Findings& findings) override;
    void on_repair(std::string_view kind) override;
    void count_webhook(std::string_view name, bool was_delivered);
    /// What is 0 so far is shown as 0: a series that begins at 1 has no increase to alert on.
    void expect_webhook(std::string_view name);
    void expect_task(std::string_view kind);  ///< before `text` is asked by any thread
    void set_stream_clients(uint64_t count);

    [[nodiscard]] std::string text(const MetricsInput& input) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::engine
