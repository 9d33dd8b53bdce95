// A few threads for work that clients ask for. Clients take turns: one that asks a hundred things
// at once waits for itself, not the others for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"

namespace plumbline::api {

struct FairPoolOptions {
    unsigned threads = 1;
    size_t client_running_max = 1;  ///< jobs of one client at a time
    size_t client_waiting_max = 32;
    size_t waiting_max = 256;  ///< of all clients
    int niceness = 0;          ///< of the threads, above the process's own
};

/// Thread-safe.
class FairPool {
  public:
    explicit FairPool(FairPoolOptions options);
    FairPool(const FairPool&) = delete;
    FairPool& operator=(const FairPool&) = delete;
    /// Stops.
    ~FairPool();

    enum class Taken : uint8_t {
        kYes,
        kClientFull,  ///< too much of this client waits
        kFull,        ///< too much waits, or it is stopped
    };
    /// `job` runs on one of the threads after those of `client` before it, or, where the pool is
    /// stopped first, never. What it throws is logged.
    [[nodiscard]] Taken submit(const std::string& client, std::function<void()> job)
        PLUMBLINE_EXCLUDES(mutex_);

    /// Ends after the jobs that run; those that wait are dropped.
    void stop() PLUMBLINE_EXCLUDES(mutex_);

  private:
    struct Client {
        std::deque<std::function<void()>> waiting;
        size_t running = 0;
    };
    void work() PLUMBLINE_EXCLUDES(mutex_);
    /// From now on nobody is taken, and no more jobs begin.
    void drop_waiting() PLUMBLINE_EXCLUDES(mutex_);
    /// The client whose turn it is; "" and false where nobody's is.
    [[nodiscard]] bool choose(std::string& client) PLUMBLINE_REQUIRES(mutex_);

    const FairPoolOptions options_;
    Mutex mutex_;
    CondVar news_;
    std::map<std::string, Client> clients_ PLUMBLINE_GUARDED_BY(mutex_);
    /// Those with waiting jobs, whoever had the last turn at the end.
    std::deque<std::string> turns_ PLUMBLINE_GUARDED_BY(mutex_);
    size_t waiting_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
    bool is_stopped_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    std::vector<std::jthread> threads_;  ///< last, so that they end first
};

}  // namespace plumbline::api
