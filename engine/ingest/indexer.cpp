#include "engine/ingest/indexer.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/corrections.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/ingest/another_chain.hpp"
#include "engine/mapping/config_change.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/text/duration.hpp"
#include "storage/deleted_run_compactor.hpp"
#include "storage/maintenance.hpp"

namespace plumbline::engine {

namespace {

constexpr int64_t kNetworkWaitMs = 100;
/// Times that nobody may have block 0 before it is believed that nobody keeps it.
constexpr unsigned kGenesisAsked = 3;
constexpr int64_t kWriterWaitMs = 50;
/// While the queue is full or a command is under way.
constexpr int64_t kShortWaitMs = 2;

/// What a version before refused may have its place now: the log is folded again.
Status apply_dropped_corrections(storage::Database& database) {
    PLUMBLINE_TRY(const auto refused, refused_corrections(*database.read_view()));
    const auto cursor = database.cursor();
    if (!cursor || database.needs_refold() || std::ranges::none_of(refused, is_of_older_version)) {
        return ok();
    }
    const auto batch = database.make_batch();
    batch->require_refold();
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    return database.commit(*batch, storage::Durability::kSync);
}

}  // namespace

std::string resolve_db_path(const Config& config) {
    const std::filesystem::path path{config.db_path};
    if (path.is_absolute()) {
        return path.string();
    }
    return (std::filesystem::path{config.path}.parent_path() / path).string();
}

Indexer::Indexer(IndexerOptions options, std::shared_ptr<const Plan> plan, rpc::ChainSource& source)
    : options_{std::move(options)},
      memory_{plan_memory(options_.config.memory_mib, MemoryUse::kService)},
      plan_{std::move(plan)},
      source_{source},
      channel_{options_.ingest.queue_bytes_max},
      backoff_{options_.ingest.retry_ms_min, options_.ingest.retry_ms_max},
      wait_{progress_, *options_.clock} {
    const int64_t now = options_.clock->monotonic_ms();
    progress_.heads_told_ms = now;
    progress_.answered_ms = now;
    // Between two polls nobody tells anything.
    progress_.ready_age_max_ms =
        options_.ingest.ready_age_max_ms == 0
            ? 0
            : std::max(options_.ingest.ready_age_max_ms, 2 * options_.ingest.poll_interval_ms);
}

Indexer::~Indexer() = default;

Result<std::unique_ptr<Indexer>> Indexer::open(IndexerOptions options, rpc::ChainSource& source) {
    PLUMBLINE_TRY(std::shared_ptr<const Plan> plan,
                  Plan::compile(options.config, options.handlers));
    if (options.clock == nullptr) {
        options.clock = &system_clock();
    }
    if (options.db_path.empty()) {
        options.db_path = resolve_db_path(options.config);
    }
    options.ingest.poll_interval_ms = options.config.chain.poll_interval_ms;
    options.ingest.finality_depth = options.config.chain.finality_depth;
    options.ingest.ready_age_max_ms = options.config.chain.ready_age_ms;
    options.ingest.head_age_max_ms = options.config.chain.head_age_ms;
    std::unique_ptr<Indexer> indexer{new Indexer{std::move(options), std::move(plan), source}};
    Result<std::unique_ptr<storage::Database>> database = indexer->open_database(std::nullopt);
    if (database) {
        PLUMBLINE_TRY_VOID(indexer->adopt(*std::move(database)));
    } else if (database.error().code != ErrorCode::kNotFound) {
        return std::move(database).error();
    }
    return indexer;
}

Result<std::unique_ptr<storage::Database>> Indexer::open_database(
    const std::optional<storage::ChainIdentity>& create_as) const {
    storage::OpenOptions options;
    options.memory_bytes = memory_.storage;
    options.env = options_.env;
    options.tiny_buffers = options_.tiny_buffers;
    options.notice = [](const std::string& text) { logging::warning(text); };
    options.should_stop = [stop = options_.stop] { return stop.stop_requested(); };
    if (create_as) {
        options.create = true;
        options.identity = create_as;
        options.bundle = plan_->bundle();
    }
    return storage::Database::open(options_.db_path, std::move(options));
}

/// Takes a database that is this config's as far as can be told without the network.
Status Indexer::adopt(std::unique_ptr<storage::Database> database) {
    const uint64_t configured = options_.config.chain.id;
    if (configured != 0 && database->identity().chain_id != configured) {
        return Error{ErrorCode::kIncompatible,
                     fmt::format("{} holds chain {}, but the config says chain {}: use another "
                                 "database directory",
                                 options_.db_path, database->identity().chain_id, configured)};
    }
    PLUMBLINE_TRY_VOID(check_functions(*database, *plan_));
    PLUMBLINE_TRY_VOID(check_change(*database, *plan_, options_.config.path, options_.may_replace));
    PLUMBLINE_TRY_VOID(adopt_coverage(*database, *plan_));
    if (database->bundle().fingerprint == plan_->bundle().fingerprint &&
        database->entities() == plan_->bundle().entities) {
        PLUMBLINE_TRY_VOID(database->update_bundle(plan_->bundle()));
    }
    PLUMBLINE_TRY_VOID(apply_dropped_corrections(*database));
    if (database->lost_blocks() > 0) {
        logging::warning("the last run had stored more than the disk kept: fetching it again",
                         {{"blocks", database->lost_blocks()}});
    }
    database_ = std::move(database);
    Refold refold = [this](storage::Database& target) {
        RebuildOptions options = rebuild_options(memory_);
        options.is_cancelled = [this] { return stopping_.load(); };
        return rebuild(target, plan_, options);
    };
    writer_ = std::make_unique<Writer>(*database_, plan_, channel_, progress_, *options_.clock,
                                       options_.ingest, std::move(refold), options_.observer);
    if (options_.commit_aside) {
        writer_->commit_aside();
    }
    follower_ =
        std::make_unique<Follower>(source_, plan_, *database_, channel_, progress_, headers_,
                                   *options_.clock, options_.ingest, options_.until);
    shown_ = database_.get();
    return ok();
}

// --- whose chain it is -----------------------------------------------------------------------

bool Indexer::step_identity() {
    switch (identity_) {
        case Identity::kKnown: return false;
        case Identity::kWaiting:
            if (options_.clock->monotonic_ms() - identity_asked_ms_ >= kWaitToTellMs) {
                wait_.wait(identity_asked_ms_, "asking which chain this is: no answer yet");
            }
            return false;
        case Identity::kPause:
            if (options_.clock->monotonic_ms() < identity_wake_ms_) {
                return false;
            }
            identity_ = after_pause_;
            return true;
        case Identity::kAskChain:
            identity_ = Identity::kWaiting;
            identity_asked_ms_ = options_.clock->monotonic_ms();
            source_.get_chain_id(
                answers_.wrap([this](Result<uint64_t> result) { on_chain_id(std::move(result)); }));
            return true;
        case Identity::kAskGenesis:
            identity_ = Identity::kWaiting;
            identity_asked_ms_ = options_.clock->monotonic_ms();
            source_.get_headers({0}, answers_.wrap([this](Result<std::vector<evm::Header>> result) {
                on_genesis(std::move(result));
            }));
            return true;
    }
    return false;
}

void Indexer::retry_identity(const Error& error) {
    wait_.trouble(error, "asking which chain this is");
    identity_ = Identity::kPause;
    identity_wake_ms_ = options_.clock->monotonic_ms() + backoff_.next();
}

void Indexer::on_chain_id(Result<uint64_t> result) {
    after_pause_ = Identity::kAskChain;
    if (!result) {
        if (result.error().code == ErrorCode::kIncompatible) {
            channel_.fail(std::move(result).error());
            return;
        }
        retry_identity(result.error());
        return;
    }
    const uint64_t configured = options_.config.chain.id;
    if (configured != 0 && *result != configured) {
        channel_.fail({ErrorCode::kIncompatible,
                       fmt::format("the node serves chain {}, but the config says chain {}: "
                                   "nothing was touched",
                                   *result, configured)});
        return;
    }
    if (database_ && database_->identity().chain_id != *result) {
        channel_.fail({ErrorCode::kIncompatible,
                       fmt::format("the node serves chain {}, but {} holds chain {}: nothing was "
                                   "touched",
                                   *result, options_.db_path, database_->identity().chain_id)});
        return;
    }
    chain_id_ = *result;
    wait_.over();
    backoff_.reset();
    identity_ = Identity::kAskGenesis;
}

void Indexer::on_genesis(Result<std::vector<evm::Header>> result) {
    after_pause_ = Identity::kAskGenesis;
    storage::ChainIdentity identity{chain_id_, {}};
    if (result && !result->empty()) {
        identity.genesis_hash = result->front().hash;
    } else if (result || result.error().code == ErrorCode::kNotFound) {
        if (++genesis_asked_ < kGenesisAsked) {
            // It may be one that has nothing for a moment.
            retry_identity(Error{ErrorCode::kNotFound, "no provider has block 0"});
            return;
        }
        // A node that keeps no old blocks: the chain id alone must do, here and at every start.
        logging::warning("the node does not know block 0: chains are told apart by chain id only");
    } else {
        retry_identity(result.error());
        return;
    }
    wait_.over();
    accept_identity(identity);
}

void Indexer::accept_identity(const storage::ChainIdentity& identity) {
    if (database_) {
        const evm::Hash& stored = database_->identity().genesis_hash;
        if (!stored.is_zero() && !identity.genesis_hash.is_zero() &&
            stored != identity.genesis_hash) {
            channel_.fail(another_chain(*database_, identity.genesis_hash));
            return;
        }
    } else {
        Result<std::unique_ptr<storage::Database>> database = open_database(identity);
        if (!database) {
            channel_.fail(std::move(database).error());
            return;
        }
        if (Status adopted = adopt(*std::move(database)); !adopted) {
            channel_.fail(std::move(adopted).error());
            return;
        }
    }
    progress_.waiting_since_ms = -1;
    identity_ = Identity::kKnown;
    follower_->allow_network();
}

// --- steps -----------------------------------------------------------------------------------

bool Indexer::step_network(int64_t wait_ms) {
    if (channel_.has_failed()) {
        return false;
    }
    bool has_moved = step_identity();
    if (follower_) {
        has_moved |= follower_->step();
    }
    int64_t wait = has_moved ? 0 : wait_ms;
    if (const int64_t wake = wake_at_ms(); wake >= 0) {
        wait = std::clamp<int64_t>(wake - options_.clock->monotonic_ms(), 0, wait);
    }
    if (follower_ && follower_->waits_for_writer()) {
        wait = std::min(wait, kShortWaitMs);
    }
    has_moved |= source_.poll(wait) > 0;
    give_up_if_silent();
    return has_moved;
}

bool Indexer::step_writer() {
    return writer_ && writer_->step();
}

int64_t Indexer::wake_at_ms() const {
    int64_t wake = identity_ == Identity::kPause ? identity_wake_ms_ : -1;
    const auto consider = [&wake](int64_t at) {
        if (at >= 0 && (wake < 0 || at < wake)) {
            wake = at;
        }
    };
    if (follower_) {
        consider(follower_->wake_at_ms());
    }
    return wake;
}

bool Indexer::is_done() const {
    return follower_ && follower_->is_done();
}

std::optional<Error> Indexer::failure() const {
    return channel_.failure();
}

bool Indexer::needs_reopen() const noexcept {
    return channel_.has_failed() && database_ && database_->needs_reopen();
}

Status Indexer::run_on_writer(std::function<Status(storage::Database&)> work, WriterEffect effect) {
    if (database() == nullptr) {
        return Error{ErrorCode::kUnavailable,
                     "there is no database yet: the chain has not answered so far"};
    }
    WriterCall call{std::move(work), effect, {}};
    std::future<Status> done = call.done.get_future();
    if (!channel_.calls.push(call)) {
        return Error{ErrorCode::kCancelled, "the index stops"};
    }
    while (options_.on_wait &&
           done.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
        options_.on_wait();
    }
    return done.get();
}

Status Indexer::stop() {
    channel_.calls.close({ErrorCode::kCancelled, "the index stops"});
    progress_.state = Lifecycle::kDraining;
    Status finished = writer_ ? writer_->finish() : ok();
    if (database_) {
        progress_.quarantined_rows = database_->quarantine_count();
    }
    progress_.state = Lifecycle::kStopped;
    return finished;
}

// --- threads ---------------------------------------------------------------------------------

void Indexer::run_writer(const std::stop_token& stop) {
    std::optional<storage::DeletedRunCompactor> compactor;
    Status went = catch_exceptions("", [&] {
        writer_->commit_aside();
        compactor.emplace(*database_);
    });
    while (went && !stop.stop_requested()) {
        went = catch_exceptions("writing", [this] {
            if (!writer_->step()) {
                writer_->wait(kWriterWaitMs);
            }
        });
    }
    if (!went) {
        writer_->give_up(went.error());
    }
}

void Indexer::run_turn(std::jthread& writer, ProgressReporter* reporter) {
    const int64_t before = options_.clock->monotonic_ms();
    const bool has_moved = step_network(kNetworkWaitMs);
    if (writer_ && !writer.joinable()) {
        writer = std::jthread{[this](const std::stop_token& done) { run_writer(done); }};
    }
    if (reporter != nullptr) {
        reporter->tick();
    }
    if (options_.on_turn) {
        options_.on_turn();
    }
    if (!has_moved && options_.clock->monotonic_ms() == before) {
        // A source with nothing to wait for may come back at once.
        sleep_ms(1);
    }
}

/// A run with an end must end where nobody is there to get it on. What the chain still works on,
/// and got on with a moment ago, counts as an answer.
void Indexer::give_up_if_silent() {
    const int64_t timeout = options_.ingest.answer_timeout_ms;
    const int64_t now = options_.clock->monotonic_ms();
    if (timeout <= 0 || now - progress_.answered_ms.load() < timeout) {
        return;
    }
    const std::vector<rpc::OpenWait> open = source_.waits(0);
    if (!progress_.has_trouble &&
        std::any_of(open.begin(), open.end(),
                    [timeout](const rpc::OpenWait& one) { return one.waiting_ms < timeout; })) {
        return;
    }
    const std::string reason =
        open.empty() ? progress_.waiting_for.get() : describe_wait(open.front());
    channel_.fail({ErrorCode::kUnavailable,
                   fmt::format("nothing has come from the chain for {}: {}; look at the endpoints "
                               "with `plumbline doctor`, or give a longer --timeout",
                               format_duration((now - progress_.answered_ms.load()) / 1000),
                               reason.empty() ? "no endpoint answers" : reason)});
}

Status Indexer::run(const std::stop_token& token, ProgressReporter* reporter) {
    std::jthread writer;
    const std::stop_callback on_stop{token, [this] { stopping_ = true; }};
    while (!token.stop_requested() && !is_done() && !channel_.has_failed()) {
        const Status turned =
            catch_exceptions("following the chain", [&] { run_turn(writer, reporter); });
        if (!turned) {
            channel_.fail(turned.error());
        }
    }
    progress_.state = Lifecycle::kDraining;
    stopping_ = true;
    if (writer.joinable()) {
        writer.request_stop();
        writer.join();
    }
    Status finished = catch_exceptions("ending", [this] { return stop(); });
    if (finished && !failure() && database_) {
        // All is safe already: this only spares the next start.
        if (const Status settled = storage::settle_database(*database_); !settled) {
            logging::warning(settled.error().message);
        }
    }
    const std::optional<Error> failed = failure();
    // Where nothing could begin, the error alone says what there is to say.
    if (reporter != nullptr && (!failed || progress_.next_block > 0)) {
        reporter->finish();
    }
    if (failed && failed->code != ErrorCode::kCancelled) {
        return *failed;
    }
    return finished;
}

}  // namespace plumbline::engine
