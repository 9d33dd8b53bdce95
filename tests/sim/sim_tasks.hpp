// The service's part of a simulated life: the work queue and its proofs, and answers of the API.
// The real tasks run on the simulation's thread; whenever one waits, the rest of the world goes on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "api/routes/router.hpp"
#include "core/base/clock.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/task/schedule.hpp"
#include "engine/task/work_queue.hpp"
#include "engine/task/worker.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/task_store.hpp"
#include "tests/sim/sim_network.hpp"

namespace plumbline::sim {

/// The process died, or must be ended, while a task was waiting: unwinds the task.
struct ProcessEnded {};

struct TaskOptions {
    rpc::PoolOptions pool;
    /// Lives on for one step; may throw `ProcessEnded`.
    std::function<void()> step;
    rpc::PoolObserver* observer = nullptr;  ///< may be null
};

/// As long as one process. All that is given must outlive it.
class SimTasks {
  public:
    SimTasks(engine::Indexer& indexer, SimNetwork& network, ManualClock& clock,
             TaskOptions options);
    SimTasks(const SimTasks&) = delete;
    SimTasks& operator=(const SimTasks&) = delete;
    ~SimTasks();

    /// One look at the schedule, as the service has one twice a second, and the most urgent task,
    /// if any is due. False: there was none.
    bool run_due();
    /// Until nothing of the log that can be proven is open. False: it did not come to that.
    bool prove_all();
    /// What an answer of the API says of the index. Empty where there is nothing to answer from.
    struct Answer {
        storage::ProofLevel level = storage::ProofLevel::kNone;
        uint64_t proven_through = 0;
    };
    [[nodiscard]] std::optional<Answer> ask();
    /// What came of the last proof, for people.
    [[nodiscard]] std::string last_proof() const;

  private:
    class Context;

    [[nodiscard]] bool open();
    [[nodiscard]] bool has_open_ranges(bool and_known) const;
    void run(const engine::TaskRow& row);

    engine::Indexer& indexer_;
    SimNetwork& network_;
    ManualClock& clock_;
    TaskOptions options_;
    engine::TaskKinds kinds_;
    std::unique_ptr<storage::TaskStore> store_;
    std::unique_ptr<engine::WorkQueue> queue_;
    std::unique_ptr<engine::Scheduler> scheduler_;
    std::unique_ptr<rpc::ChainSource> chain_;
    std::unique_ptr<Context> context_;
    std::unique_ptr<api::Router> router_;
};

}  // namespace plumbline::sim
