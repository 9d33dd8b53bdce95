// The whole of ingest in one object: a config, a chain, a database directory; run it until it has
// caught up, or for ever.
//
//     auto indexer = Indexer::open(std::move(options), *chain);
//     Status ended = (*indexer)->run(stop_token, nullptr);
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/callback_guard.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/ingest/chain_wait.hpp"
#include "engine/ingest/follower.hpp"
#include "engine/ingest/index_observer.hpp"
#include "engine/ingest/ingest_channel.hpp"
#include "engine/ingest/ingest_options.hpp"
#include "engine/ingest/ingest_progress.hpp"
#include "engine/ingest/progress.hpp"
#include "engine/ingest/recent_headers.hpp"
#include "engine/ingest/writer.hpp"
#include "engine/mapping/handler.hpp"
#include "engine/mapping/plan.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"

namespace rocksdb {
class Env;
}

namespace plumbline::engine {

struct IndexerOptions {
    Config config;
    std::string db_path;  ///< empty: as the config says, relative to it
    /// A config that follows none of the contracts which a database is of may take it over, and
    /// their rows go; else that is refused.
    bool may_replace = false;
    Until until;
    std::vector<EventHandler> handlers;  ///< in C++, besides the config's
    /// Poll interval, finality and the head's ages are taken from the config.
    IngestOptions ingest;
    IndexObserver* observer = nullptr;  ///< must outlive the indexer
    std::stop_token stop;               ///< ends `open` with kCancelled while it mends damage
    /// Called in every turn of `run`, on the network thread: the only one that may use the source.
    std::function<void()> on_turn;
    /// For hosts with one thread for everything: `run_on_writer` calls it, again and again, instead
    /// of waiting; it must step the writer. What it throws ends the call, whose work is not done.
    std::function<void()> on_wait;
    const Clock* clock = nullptr;  ///< must outlive the indexer; null: the machine's
    rocksdb::Env* env = nullptr;   ///< see storage::OpenOptions
    bool tiny_buffers = false;
    /// Commits on a thread of their own where steps are driven from outside, too; `run` always
    /// does.
    bool commit_aside = false;
};

/// Where `db_path` of a config lies.
[[nodiscard]] std::string resolve_db_path(const Config& config);

/// `run` brings its own threads. Without it, one thread calls `step_network` and `step_writer` in
/// any order (a simulation), or `step_network` on one and `step_writer` on another.
class Indexer {
  public:
    /// Compiles the config and opens the database, if there is one already; the chain is not asked
    /// yet. kInvalidArgument: the config. kIncompatible: the database is another chain's, or of
    /// other contracts alone (`IndexerOptions::may_replace`).
    /// `source` must outlive the indexer and is polled by it alone.
    [[nodiscard]] static Result<std::unique_ptr<Indexer>> open(IndexerOptions options,
                                                               rpc::ChainSource& source);
    Indexer(const Indexer&) = delete;
    Indexer& operator=(const Indexer&) = delete;
    ~Indexer();

    /// Until done (`Until`), told to stop, or unable to go on; kUnavailable where the chain was
    /// silent for `IngestOptions::answer_timeout_ms`. Being stopped is no error. Before it returns
    /// the commit in hand is finished and everything is durable; after an exception it is dropped,
    /// for nobody knows how far it had come.
    [[nodiscard]] Status run(const std::stop_token& token, ProgressReporter* reporter);

    // --- for a simulation or a host with its own threads --------------------------------------

    /// One turn of asking, answering and deciding; polls the source for at most `wait_ms` where
    /// there is nothing else to do. True where anything moved.
    bool step_network(int64_t wait_ms);
    /// One piece of the writer's work. True where anything was done.
    bool step_writer();
    /// When a step will have something to do by time alone; -1 = it won't.
    [[nodiscard]] int64_t wake_at_ms() const;
    /// `until` is reached and durable.
    [[nodiscard]] bool is_done() const;
    /// Why it cannot go on; empty while it can.
    [[nodiscard]] std::optional<Error> failure() const;
    /// It failed only because the database must be closed and opened again, which will do: its disk
    /// was full and has room again.
    [[nodiscard]] bool needs_reopen() const noexcept;
    /// Finishes the commit in hand; nothing may follow. Not after a simulated crash.
    [[nodiscard]] Status stop();

    /// Runs `work` on the writer thread, between two commits, and waits for what it says: the only
    /// way in which other threads may write to the database. Refused with kUnavailable before there
    /// is a database, with kCancelled once the indexer stops. Never from `IndexObserver`, `on_turn`
    /// or `work` itself. Where `work` changes logs or rows, `effect` must say so.
    [[nodiscard]] Status run_on_writer(std::function<Status(storage::Database&)> work,
                                       WriterEffect effect = WriterEffect::kRows);

    [[nodiscard]] const IngestProgress& progress() const noexcept { return progress_; }
    /// Of every block above finality before it can be read, as long as it is among the newest.
    [[nodiscard]] const RecentHeaders& headers() const noexcept { return headers_; }
    [[nodiscard]] const Clock& clock() const noexcept { return *options_.clock; }
    [[nodiscard]] const Plan& plan() const noexcept { return *plan_; }
    [[nodiscard]] const std::shared_ptr<const Plan>& shared_plan() const noexcept { return plan_; }
    [[nodiscard]] const Config& config() const noexcept { return options_.config; }
    /// Where the database is or will be.
    [[nodiscard]] const std::string& db_path() const noexcept { return options_.db_path; }
    /// Null until the database exists; from then on it stays. Reading is allowed from any thread.
    [[nodiscard]] storage::Database* database() const noexcept { return shown_.load(); }

  private:
    Indexer(IndexerOptions options, std::shared_ptr<const Plan> plan, rpc::ChainSource& source);

    [[nodiscard]] Result<std::unique_ptr<storage::Database>> open_database(
        const std::optional<storage::ChainIdentity>& create_as) const;
    [[nodiscard]] Status adopt(std::unique_ptr<storage::Database> database);
    bool step_identity();
    void on_chain_id(Result<uint64_t> result);
    void on_genesis(Result<std::vector<evm::Header>> result);
    void accept_identity(const storage::ChainIdentity& identity);
    void retry_identity(const Error& error);
    void give_up_if_silent();
    void run_writer(const std::stop_token& stop);
    void run_turn(std::jthread& writer, ProgressReporter* reporter);

    enum class Identity : uint8_t { kAskChain, kAskGenesis, kWaiting, kPause, kKnown };

    IndexerOptions options_;
    const MemoryPlan memory_;
    std::shared_ptr<const Plan> plan_;
    rpc::ChainSource& source_;
    IngestChannel channel_;
    IngestProgress progress_;
    RecentHeaders headers_;

    Identity identity_ = Identity::kAskChain;
    Identity after_pause_ = Identity::kAskChain;
    int64_t identity_wake_ms_ = -1;
    uint64_t chain_id_ = 0;
    Backoff backoff_;
    int64_t identity_asked_ms_ = 0;
    unsigned genesis_asked_ = 0;  ///< times that nobody had it
    ChainWait wait_;
    std::atomic<bool> stopping_{false};

    std::unique_ptr<storage::Database> database_;
    std::atomic<storage::Database*> shown_{nullptr};
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<Follower> follower_;
    CallbackGuard answers_;  ///< last, so that it ends first
};

}  // namespace plumbline::engine
