#include "tests/sim/sim_tasks.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/check.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "engine/task/proof_ranges.hpp"
#include "engine/task/proof_tasks.hpp"
#include "engine/task/tasks.hpp"
#include "storage/read_view.hpp"

namespace plumbline::sim {

namespace {

constexpr int64_t kProofIntervalMs = 10'000;
constexpr int kProofRunsMax = 100;
constexpr int kFinishTriesMax = 500;

/// While a task waits for the network, everybody else has a turn.
class SteppingTransport final : public rpc::Transport {
  public:
    SteppingTransport(SimNetwork& network, std::function<void()> step)
        : network_{network},
          step_{std::move(step)} {}
    ~SteppingTransport() override { network_.forget_requests(); }

    uint64_t submit(rpc::HttpRequest request) override {
        return network_.submit(std::move(request));
    }
    void poll(int64_t /*wait_ms*/, std::vector<rpc::HttpCompletion>& completions) override {
        step_();
        network_.poll(0, completions);
    }
    [[nodiscard]] size_t in_flight() const override { return network_.in_flight(); }

  private:
    SimNetwork& network_;
    std::function<void()> step_;
};

storage::ProofLevel level_of(const std::string& text) {
    for (const auto level : {storage::ProofLevel::kFetched, storage::ProofLevel::kLinked,
                             storage::ProofLevel::kBloom, storage::ProofLevel::kReceipts}) {
        if (storage::to_string(level) == text) {
            return level;
        }
    }
    return storage::ProofLevel::kNone;
}

}  // namespace

class SimTasks::Context final : public api::ApiContext {
  public:
    Context(const engine::Indexer& indexer, const SimTasks& tasks)
        : indexer_{indexer},
          tasks_{tasks} {}
    [[nodiscard]] storage::Database* database() const override { return indexer_.database(); }
    [[nodiscard]] std::shared_ptr<const engine::Plan> plan() const override {
        return indexer_.shared_plan();
    }
    [[nodiscard]] engine::ServiceStatus status() const override { return {}; }
    [[nodiscard]] std::optional<evm::Header> find_header(const evm::Hash& hash) const override {
        return indexer_.headers().find(hash);
    }
    [[nodiscard]] std::string metrics_text() const override { return {}; }
    [[nodiscard]] engine::WorkQueue* queue() const override { return tasks_.queue_.get(); }
    [[nodiscard]] Result<engine::TaskAdded> add_task(engine::TaskSpec /*spec*/) const override {
        return Error{ErrorCode::kUnavailable, "nobody asks for tasks here"};
    }
    [[nodiscard]] const Clock& clock() const override { return indexer_.clock(); }

  private:
    const engine::Indexer& indexer_;
    const SimTasks& tasks_;
};

SimTasks::SimTasks(engine::Indexer& indexer, SimNetwork& network, ManualClock& clock,
                   TaskOptions options)
    : indexer_{indexer},
      network_{network},
      clock_{clock},
      options_{std::move(options)},
      context_{std::make_unique<Context>(indexer, *this)},
      router_{std::make_unique<api::Router>(*context_, api::RouterOptions{})} {
    engine::add_standard_tasks(kinds_);
    engine::add_proof_tasks(kinds_, nullptr);
}

SimTasks::~SimTasks() = default;

/// As soon as there is a database.
bool SimTasks::open() {
    if (queue_) {
        return true;
    }
    if (indexer_.database() == nullptr) {
        return false;
    }
    store_ = std::make_unique<storage::TaskStore>(*indexer_.database());
    auto queue = engine::WorkQueue::open(*store_, clock_);
    if (!queue) {
        return false;  // The disk fails just now.
    }
    queue_ = *std::move(queue);
    scheduler_ = std::make_unique<engine::Scheduler>(*queue_, clock_);
    scheduler_->set({{"prove_log", kProofIntervalMs}});
    return true;
}

bool SimTasks::has_open_ranges(bool and_known) const {
    const auto cursor = indexer_.database()->cursor();
    const auto coverage = indexer_.database()->coverage();
    const auto known = engine::KnownRanges::read(*indexer_.database()->read_view(),
                                                 static_cast<uint64_t>(clock_.unix_ms() / 1000));
    if (!cursor || !coverage || !known) {
        return false;
    }
    const auto open =
        engine::unproven_ranges(indexer_.plan().sources(), *coverage, cursor->finalized);
    return !(and_known ? open
                       : engine::ranges_due(*known, open, false,
                                            static_cast<uint64_t>(clock_.unix_ms() / 1000)))
                .empty();
}

bool SimTasks::run_due() {
    if (!open()) {
        return false;
    }
    if (indexer_.progress().state.load() == engine::Lifecycle::kLive) {
        scheduler_->tick([this](std::string_view /*kind*/) { return has_open_ranges(false); });
    }
    const auto row = queue_->take();
    if (!row || !*row) {
        return false;
    }
    run(**row);
    return true;
}

void SimTasks::run(const engine::TaskRow& row) {
    if (!chain_) {
        chain_ = std::make_unique<rpc::ProviderPool>(
            options_.pool, std::make_unique<SteppingTransport>(network_, options_.step), clock_,
            options_.observer);
    }
    const engine::TaskKind* kind = kinds_.find(row.kind);
    PLUMBLINE_CHECK(kind != nullptr);
    const std::stop_source stop;
    const std::stop_token token = stop.get_token();
    const engine::TaskFilter all;
    engine::TaskContext context{row, indexer_, *queue_, chain_.get(), token, all};
    engine::TaskOutcome outcome = kind->run(context);
    if (chain_->in_flight() > 0) {
        chain_.reset();
    }
    // What was done must not be done again because the disk was full just now.
    for (int tries = 0; !queue_->finish(row.id, outcome); ++tries) {
        if (tries > kFinishTriesMax) {
            throw ProcessEnded{};  // With the next block the writer would have it opened again.
        }
        options_.step();
    }
}

bool SimTasks::prove_all() {
    for (int i = 0; i < kProofRunsMax && open(); ++i) {
        if (!has_open_ranges(false)) {
            return true;
        }
        const auto last = queue_->newest("prove_log");
        if (last && !engine::is_unfinished(last->state)) {
            queue_->retry(last->id).ignore("it may have come to its end");
        }
        const auto added = queue_->add({"prove_log", {}, {}, "sim", 0, 0, 5});
        if (added) {
            queue_->force(added->id).ignore("it may be due already");
        }
        if (!run_due()) {
            options_.step();
        }
    }
    return open() && !has_open_ranges(false);
}

std::string SimTasks::last_proof() const {
    const auto row = queue_ ? queue_->newest("prove_log") : std::nullopt;
    const auto known = engine::KnownRanges::read(*indexer_.database()->read_view(), 0);
    return (row ? std::string{storage::to_string(row->state)} + " " + row->error + row->result
                : "no proof") +
           (known ? "; known: " + known->to_text() : "");
}

std::optional<SimTasks::Answer> SimTasks::ask() {
    const api::Response response = router_->handle({"GET", "/v1/entities/account?limit=2", {}, {}});
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    if (response.status != 200 || body.is_discarded() || !body.contains("proof")) {
        return std::nullopt;
    }
    const nlohmann::json& proof = body["proof"];
    return Answer{level_of(proof["level"].get<std::string>()),
                  proof["proven_through"].get<uint64_t>()};
}

}  // namespace plumbline::sim
