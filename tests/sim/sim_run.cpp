#include "tests/sim/sim_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/env.h>

#include "api/routes/proof_segments.hpp"
#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"
#include "engine/ingest/indexer.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/database.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "tests/sim/gate_env.hpp"
#include "tests/sim/sim_oracle.hpp"
#include "tests/sim/sim_tasks.hpp"
#include "tests/storage/fault_fs.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::sim {

namespace {

constexpr int64_t kSettleMsMax = 6 * 3'600'000;
constexpr uint64_t kStepsMax = 6'000'000;
constexpr uint64_t kCalmRestartsMax = 20;
constexpr uint64_t kTaskStepsMax = 400'000;

/// A memory file system where there is one: nothing here needs a disk.
std::string scratch_parent() {
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

class Observer final : public rpc::PoolObserver {
  public:
    explicit Observer(bool loud) : loud_{loud} {}
    void on_event(rpc::LogLevel level, const std::string& message) override {
        lies += message.find("answered wrongly") != std::string::npos ? 1U : 0U;
        if (loud_) {
            std::printf("    pool %d: %s\n", static_cast<int>(level), message.c_str());
        }
    }
    uint64_t lies = 0;

  private:
    bool loud_;
};

/// What a database holds, but for what cannot be equal: which provider said so (coverage), and what
/// was replaced because one lied (journal).
/// Unless `all`, only what is made of the log.
std::vector<std::string> content_of(const storage::Database& database, bool all) {
    storage::DumpOptions options;
    options.want = [all](std::string_view family) {
        constexpr std::array<std::string_view, 5> kMade{"entity.", "index.", "undo", "quarantine",
                                                        "children"};
        return all ? family != "coverage" && family != "journal" && family != "task" &&
                         family != "calls"
                   : std::ranges::any_of(kMade, [family](std::string_view begin) {
                         return family.starts_with(begin);
                     });
    };
    Result<std::vector<std::string>> lines = storage::dump_lines(database, options);
    PLUMBLINE_CHECK(lines.has_value());
    std::vector<std::string> out = *std::move(lines);
    if (!all) {
        return out;
    }
    // Facts whoever told them.
    const auto view = database.read_view();
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        storage::CallFact fact = scan->fact();
        fact.provider.clear();
        fact.pin = storage::CallPin::kHash;  // Where nobody took the hash just then, by number.
        out.push_back(fmt::format("call {} {} {}", fact.block_num,
                                  evm::to_hex(as_bytes(fact.call.input)),
                                  evm::to_hex(as_bytes(storage::encode_call(fact)))));
    }
    // Coverage as the blocks that are covered, whoever covered them and in however many pieces.
    Result<std::vector<storage::CoverageRow>> coverage = database.coverage();
    PLUMBLINE_CHECK(coverage.has_value());
    std::ranges::sort(*coverage, [](const auto& a, const auto& b) {
        return std::tie(a.source, a.range.from) < std::tie(b.source, b.range.from);
    });
    std::vector<storage::CoverageRow> joined;
    for (const storage::CoverageRow& row : *coverage) {
        if (!joined.empty() && joined.back().source == row.source &&
            joined.back().level == row.level && row.range.from <= joined.back().range.to + 1) {
            joined.back().range.to = std::max(joined.back().range.to, row.range.to);
        } else {
            joined.push_back(row);
        }
    }
    for (const storage::CoverageRow& row : joined) {
        out.push_back(fmt::format("coverage {} {}-{} level {}", row.source, row.range.from,
                                  row.range.to, static_cast<int>(row.level)));
    }
    return out;
}

std::string difference(const std::vector<std::string>& got,
                       const std::vector<std::string>& wanted) {
    std::vector<std::string> a = got;
    std::vector<std::string> b = wanted;
    std::ranges::sort(a);
    std::ranges::sort(b);
    std::vector<std::string> extra;
    std::vector<std::string> missing;
    std::ranges::set_difference(a, b, std::back_inserter(extra));
    std::ranges::set_difference(b, a, std::back_inserter(missing));
    const auto shown = [](const std::vector<std::string>& lines) {
        return lines.empty() ? std::string{"-"} : lines.front().substr(0, 300);
    };
    return fmt::format(
        "{} rows too many or changed (first: {}), {} rows missing or changed (first: {})",
        extra.size(), shown(extra), missing.size(), shown(missing));
}

class Run {
  public:
    explicit Run(const RunOptions& options)
        : options_{options},
          random_{options.seed * 0x9e3779b97f4a7c15ULL + 1},
          changes_{options.seed ^ 0xc4a63e},
          looks_{options.seed ^ 0x100c5} {}

    RunResult go() {
        prepare();
        result_.failure = live();
        if (result_.failure.empty()) {
            result_.failure = compare();
        }
        end_process();
        result_.requests = network_->requests() + proof_network_->requests();
        result_.forks = chain_->forks();
        result_.lies_named = observer_->lies;
        result_.simulated_ms = clock_.monotonic_ms();
        return result_;
    }

  private:
    void say(const std::string& text) const {
        if (options_.verbose) {
            std::printf("%10ld ms: %s\n", clock_.monotonic_ms(), text.c_str());
        }
    }

    void prepare() {
        world_ = make_world(options_, random_);
        chain_ = world_.chain.get();
        say("world: " + world_.describe());
        oracle_ = std::make_unique<Oracle>(*chain_);
        // Of final blocks only the ends of a range are looked at: its middle may be another fork's.
        if (world_.has_liar || options_.hidden_lies || !world_.keeps_finality) {
            oracle_->expect_lies();
        }
        if (world_.other_chain) {
            oracle_->expect_other(*world_.other_chain);
        }
        use_config();
        network_ = make_network(world_.network_seed);
        // Words for a number without a block that nobody knows are learnt where ranges are read; a
        // pool that only reads headers, as the proof's, never does.
        for (NodeOptions& node : world_.nodes) {
            node.words = node.words / 2 * 2;
        }
        proof_network_ = make_network(world_.network_seed ^ 0x9f00f);
        for (const NodeOptions& node : world_.nodes) {
            endpoints_.push_back({node.url, {}, {}});
        }
        observer_ = std::make_unique<Observer>(options_.verbose);
    }

    void use_config() {
        config_ = make_config(world_.config);
        oracle_->use(world_.config);
        say("config: " + describe_config());
    }
    [[nodiscard]] std::string describe_config() const { return sim::describe(world_.config); }

    std::unique_ptr<SimNetwork> make_network(uint64_t seed) {
        auto out = std::make_unique<SimNetwork>(*chain_, clock_, seed, result_.faults);
        if (options_.verbose) {
            out->on_fault = [](const std::string& text) { std::printf("    %s\n", text.c_str()); };
            out->on_request = out->on_fault;
        }
        for (size_t i = 0; i < world_.nodes.size(); ++i) {
            out->add(world_.nodes[i], i == 0 ? world_.other_chain.get() : nullptr);
        }
        return out;
    }

    // --- the process -----------------------------------------------------------------------

    /// False: it could not start, and may try again later; `failure` says why where it must not.
    bool start_process(std::string& failure) {
        change_config();
        rpc::PoolOptions pool;
        pool.endpoints = endpoints_;
        pool.chain_id = chain_->chain_id();
        pool.seed = random_.next();
        pool.range.blocks_initial = random_.between(1, 100);
        pool_ = std::make_unique<rpc::ProviderPool>(pool, *network_, clock_, observer_.get());
        engine::IndexerOptions options;
        options.config = config_;
        options.db_path = directory_.sub("db");
        options.ingest = random_ingest(random_);
        options.clock = &clock_;
        options.env = gate_.get();
        options.tiny_buffers = random_.chance(0.8);
        options.on_wait = [this] { step_beside_task(); };
        injected_at_open_ = disk_.files->faults_injected();
        Result<std::unique_ptr<engine::Indexer>> opened =
            engine::Indexer::open(std::move(options), *pool_);
        ++result_.opens;
        if (!opened) {
            say("open failed: " + opened.error().message);
            const bool disturbed = disk_.files->faults_injected() != injected_at_open_;
            end_process();
            if (!disturbed) {
                failure = "cannot open: " + opened.error().message;
            }
            return false;
        }
        indexer_ = *std::move(opened);
        if (world_.has_proofs) {
            pool.seed ^= 0x9f00f;
            tasks_ = std::make_unique<SimTasks>(
                *indexer_, *proof_network_, clock_,
                TaskOptions{pool, [this] { step_beside_task(); }, observer_.get()});
        }
        known_levels_.clear();
        return true;
    }

    void change_config() {
        if (world_.config_changes == 0 || result_.opens == 0 || !changes_.chance(0.8)) {
            return;
        }
        --world_.config_changes;
        const ConfigOptions before = world_.config;
        if (options_.canary == Canary::kCoverageWithoutChildren) {
            world_.config.start_block = before.start_block > 0 ? 0 : world_.blocks_at_start / 2;
        } else {
            sim::change_config(world_.config, changes_, world_.blocks_at_start);
        }
        result_.faults.add(Fault::kChanged);
        use_config();
        if (options_.canary == Canary::kCoverageWithoutChildren) {
            keep_coverage_of_children(before);
        }
    }

    /// While no process has it.
    [[nodiscard]] Result<std::unique_ptr<storage::Database>> open_database() {
        storage::OpenOptions options;
        options.env = gate_.get();
        return storage::Database::open(directory_.sub("db"), std::move(options));
    }

    /// What a key of coverage that does not know whose children they are would have done.
    void keep_coverage_of_children(const ConfigOptions& before) {
        const auto old_plan = engine::Plan::compile(make_config(before));
        const auto new_plan = engine::Plan::compile(config_);
        PLUMBLINE_CHECK(old_plan.has_value() && new_plan.has_value());
        const auto opened = open_database();
        if (!opened || !(*opened)->cursor()) {
            return;
        }
        const storage::Cursor cursor = *(*opened)->cursor();
        const auto batch = (*opened)->make_batch();
        const auto coverage = (*opened)->coverage();
        PLUMBLINE_CHECK(coverage.has_value());
        for (const storage::CoverageRow& row : *coverage) {
            for (const engine::Source& source : (*old_plan)->sources()) {
                const int now = (*new_plan)->find_source(source.contract);
                if (row.source == source.fingerprint && now >= 0) {
                    batch->extend_coverage(
                        {(*new_plan)->sources()[static_cast<size_t>(now)].fingerprint, row.range,
                         row.provider, row.level});
                }
            }
        }
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        (*opened)->commit(*batch, storage::Durability::kSync).ignore("the disk may fail just now");
    }

    void end_process() {
        if (indexer_) {
            result_.reorgs += indexer_->progress().reorgs.load();
            result_.quarantined += indexer_->progress().quarantined.load();
            result_.events += indexer_->progress().events.load();
        }
        tasks_.reset();
        indexer_.reset();
        pool_.reset();
        network_->forget_requests();
        proof_network_->forget_requests();
        gate_->drain();
    }

    [[nodiscard]] bool fault_has_struck() const {
        return armed_ && disk_.files->faults_injected() != injected_when_armed_;
    }

    void arm(const DiskFault& fault) {
        armed_ = fault;
        injected_when_armed_ = disk_.files->faults_injected();
        say(fmt::format("armed: {} at operation {}", kFaultNames[static_cast<size_t>(fault.kind)],
                        fault.op));
        switch (fault.kind) {
            case Fault::kCrash:
            case Fault::kPowerCut: disk_.files->die_after(fault.op); break;
            case Fault::kIoOnce: disk_.files->fail_at(fault.op, false); break;
            case Fault::kIoForAWhile: disk_.files->fail_at(fault.op, true); break;
            default: disk_.files->fill_after(fault.op); break;
        }
        heals_at_ms_ = -1;
    }

    /// What an armed fault does by now. True where the process is gone.
    bool strike() {
        if (!armed_) {
            return false;
        }
        const Fault kind = armed_->kind;
        const int64_t now = clock_.monotonic_ms();
        if (kind == Fault::kCrash || kind == Fault::kPowerCut) {
            if (!fault_has_struck() && now < armed_->at_ms + 120'000) {
                return false;
            }
            result_.faults.add(kind);
            say(std::string{kFaultNames[static_cast<size_t>(kind)]});
            end_process();
            if (kind == Fault::kPowerCut) {
                disk_.files->cut_power(random_.next());
            } else {
                disk_.files->heal();
            }
            armed_.reset();
            return true;
        }
        if (heals_at_ms_ < 0 && fault_has_struck()) {
            result_.faults.add(kind);
            heals_at_ms_ = kind == Fault::kIoOnce ? now : now + armed_->lasts_ms;
        }
        if ((heals_at_ms_ >= 0 && now >= heals_at_ms_) || now >= armed_->at_ms + 240'000) {
            disk_.files->heal();
            say("the disk is well again");
            armed_.reset();
        }
        return false;
    }

    void step() {
        const int64_t wait = random_.chance(0.7) ? static_cast<int64_t>(random_.below(60))
                                                 : static_cast<int64_t>(random_.below(1'500));
        const int64_t before = clock_.monotonic_ms();
        const bool writer_first = random_.chance(0.5);
        bool has_moved = writer_first && indexer_->step_writer();
        if (!has_moved) {
            has_moved = indexer_->step_network(wait);
            if (!writer_first && !has_moved) {
                has_moved = indexer_->step_writer();
            }
        }
        gate_->drain();
        if (!has_moved && heals_at_ms_ > clock_.monotonic_ms()) {
            // It waits for the disk: no need to live through every millisecond of that.
            clock_.advance(static_cast<int64_t>(random_.between(5, 500)));
        } else if (!has_moved && clock_.monotonic_ms() == before) {
            clock_.advance(5);
        }
    }

    /// One turn of everybody else while a task waits. The process may end meanwhile.
    void step_beside_task() {
        step();
        const bool is_dying =
            armed_ && (armed_->kind == Fault::kCrash || armed_->kind == Fault::kPowerCut);
        if (is_dying ? fault_has_struck() || clock_.monotonic_ms() >= armed_->at_ms + 120'000
                     : strike()) {
            throw ProcessEnded{};
        }
        look_at_levels();
        if (!wrong_.empty() || indexer_->failure() || ++task_steps_ > kTaskStepsMax) {
            throw ProcessEnded{};
        }
    }

    /// Runs `work`, which runs tasks; false where the process ended in the middle of it.
    template <typename Work>
    bool run_tasks(Work&& work) {
        task_steps_ = 0;
        try {
            work();
        } catch (const ProcessEnded&) {
            if (task_steps_ > kTaskStepsMax) {
                wrong_ = "a task does not come to its end";
            }
            return false;
        }
        return true;
    }

    /// At every commit what is final; at each that changes what is called proven, and at some of
    /// the others, that.
    void look_at_levels() {
        const storage::Database* database = indexer_->database();
        if (!wrong_.empty() || database == nullptr || !database->cursor()) {
            return;
        }
        const storage::Cursor cursor = *database->cursor();
        if (cursor.commit_num == known_commit_ && !known_levels_.empty()) {
            return;
        }
        known_commit_ = cursor.commit_num;
        if (const uint64_t most = chain_->most_final(clock_.monotonic_ms());
            cursor.finalized > most) {
            wrong_ = fmt::format("the index is final up to {}, the chain up to {}",
                                 cursor.finalized, most);
            return;
        }
        const auto coverage = database->coverage();
        if (!coverage) {
            return;
        }
        std::vector<storage::CoverageRow> levels = *coverage;
        std::erase_if(levels, [](const storage::CoverageRow& row) {
            return row.level <= storage::ProofLevel::kFetched;
        });
        if (levels == known_levels_ && !looks_.chance(0.1)) {
            return;
        }
        known_levels_ = std::move(levels);
        ++result_.level_checks;
        wrong_ = oracle_->check_levels(*database, indexer_->plan());
    }

    void ask_api() {
        const auto answer = tasks_->ask();
        if (answer && wrong_.empty()) {
            ++result_.answer_checks;
            wrong_ =
                oracle_->check_answer(*indexer_->database(), answer->level, answer->proven_through);
        }
    }

    /// What the service does beside following the chain.
    void serve() {
        if (!tasks_ || fault_has_struck()) {
            return;
        }
        if (looks_.chance(0.02)) {
            ask_api();
        }
        if (looks_.chance(0.05) && !run_tasks([this] { tasks_->run_due(); }) &&
            !indexer_->failure() && wrong_.empty() && !fault_has_struck()) {
            say("it is closed, for its database must be opened again");
            end_process();
        }
    }

    std::string live() {
        gate_ = std::make_unique<GateEnv>(disk_.env.get());
        int64_t calm_since = -1;
        int64_t settled_since = -1;
        uint64_t calm_restarts = 0;
        int64_t start_at = 0;
        for (uint64_t steps = 0;; ++steps) {
            const int64_t now = clock_.monotonic_ms();
            if (steps > kStepsMax) {
                return "too many steps without an end";
            }
            if (!world_.disk_faults.empty() && world_.disk_faults.back().at_ms <= now && !armed_) {
                const DiskFault fault = world_.disk_faults.back();
                world_.disk_faults.pop_back();
                if (fault.kind != Fault::kStopped) {
                    DiskFault due = fault;
                    due.at_ms = now;
                    arm(due);
                } else if (indexer_) {
                    result_.faults.add(Fault::kStopped);
                    say("clean stop");
                    const Status stopped = indexer_->stop();
                    if (!stopped && disk_.files->faults_injected() == injected_at_open_) {
                        return "a clean stop failed: " + stopped.error().message;
                    }
                    end_process();
                }
            }
            if (strike()) {
                start_at = clock_.monotonic_ms() + static_cast<int64_t>(random_.below(3'000));
            }
            if (calm_since < 0 && now > chain_->end_ms() && world_.disk_faults.empty() && !armed_) {
                calm_since = now;
                network_->calm_down();
                proof_network_->calm_down();
                say("calm");
            }
            if (calm_since >= 0 && now - calm_since > kSettleMsMax) {
                return "not settled after 6 hours of calm: " + describe();
            }
            if (!indexer_) {
                if (now < start_at) {
                    clock_.advance(start_at - now);
                    continue;
                }
                std::string failure;
                if (!start_process(failure)) {
                    if (!failure.empty()) {
                        return failure;
                    }
                    start_at = now + static_cast<int64_t>(random_.between(500, 10'000));
                    calm_restarts += calm_since >= 0 ? 1U : 0U;
                    if (calm_restarts > kCalmRestartsMax) {
                        return "cannot open though nothing is wrong any more";
                    }
                }
                continue;
            }
            step();
            look_at_levels();
            serve();
            if (!wrong_.empty()) {
                tell_state();
                return wrong_;
            }
            if (!indexer_) {
                continue;
            }
            if (fault_has_struck() &&
                (armed_->kind == Fault::kCrash || armed_->kind == Fault::kPowerCut)) {
                continue;
            }
            if (const std::optional<Error> failed = indexer_->failure()) {
                say("it gave up: " + failed->message);
                if (disk_.files->faults_injected() == injected_at_open_) {
                    return "it gave up though the disk was well: " + failed->message;
                }
                end_process();
                start_at =
                    clock_.monotonic_ms() + static_cast<int64_t>(random_.between(500, 10'000));
                calm_restarts += calm_since >= 0 ? 1U : 0U;
                if (calm_restarts > kCalmRestartsMax) {
                    return "it gives up again and again though nothing is wrong any more: " +
                           failed->message;
                }
                continue;
            }
            if (calm_since >= 0) {
                if (!is_at_the_end()) {
                    settled_since = -1;
                } else if (settled_since < 0) {
                    settled_since = now;
                } else if (now - settled_since > 30'000) {
                    return {};
                }
            }
        }
    }

    [[nodiscard]] bool is_at_the_end() const {
        const storage::Database* database = indexer_->database();
        const auto cursor =
            database == nullptr ? std::optional<storage::Cursor>{} : database->cursor();
        const ChainView view = chain_->final_view();
        // A node tells a block as final; the chain may count on over numbers that have none.
        uint64_t finalized = view.finalized;
        while (cursor && finalized > cursor->finalized && evm::is_gap(view.at(finalized)->header)) {
            --finalized;
        }
        return cursor && cursor->block_num == view.head &&
               cursor->block_hash == view.at(view.head)->header.hash &&
               cursor->finalized == finalized;
    }

    [[nodiscard]] std::string describe() const {
        const ChainView view = chain_->final_view();
        if (!indexer_ || indexer_->database() == nullptr) {
            return "no database";
        }
        const auto cursor = indexer_->database()->cursor();
        return fmt::format("the index is at {} ({} final), the chain at {} ({} final)",
                           cursor ? cursor->block_num : 0, cursor ? cursor->finalized : 0,
                           view.head, view.finalized);
    }

    /// For whoever looks for the cause.
    void tell_state() const {
        const storage::Database* database = indexer_ ? indexer_->database() : nullptr;
        if (!options_.verbose || database == nullptr) {
            return;
        }
        say(describe());
        for (const engine::Source& source : indexer_->plan().sources()) {
            say(fmt::format("{} from block {}: {}", source.contract, source.first_block,
                            source.fingerprint));
        }
        const auto coverage = database->coverage();
        const auto children = database->children();
        if (!coverage || !children) {
            return;
        }
        for (const storage::CoverageRow& row : *coverage) {
            say(fmt::format("covered {}-{} {} by {}: {}", row.range.from, row.range.to,
                            storage::to_string(row.level), row.provider, row.source));
        }
        for (const storage::ChildRow& child : *children) {
            say(fmt::format("child {} {} by log {}/{}", child.contract, evm::to_hex(child.address),
                            child.block_num, child.log_index));
        }
    }

    // --- the verdict -----------------------------------------------------------------------

    std::string compare() {
        if (std::string wrong = prove_to_the_end(); !wrong.empty()) {
            return wrong;
        }
        storage::Database& database = *indexer_->database();
        if (const Status stopped = indexer_->stop(); !stopped) {
            return "the last stop failed: " + stopped.error().message;
        }
        gate_->drain();
        if (std::string spoilt = spoil(database); !spoilt.empty()) {
            return spoilt;
        }
        // Of an index whose config was another once, the log holds what that one wanted, too.
        const bool is_exact = result_.faults.of(Fault::kChanged) == 0;
        if (std::string wrong = oracle_->check_log(database, is_exact); !wrong.empty()) {
            return wrong;
        }
        if (std::string wrong = oracle_->check_levels(database, indexer_->plan()); !wrong.empty()) {
            return wrong;
        }
        if (std::string wrong = check_facts(database); !wrong.empty()) {
            return wrong;
        }
        if (std::string wrong = check_journal(database); !wrong.empty()) {
            return wrong;
        }
        // Anew, as a process does whose disk had failed behind its last write.
        end_process();
        const auto opened = open_database();
        if (!opened) {
            return "the end could not be opened: " + opened.error().message;
        }
        const Status forgotten = world_.has_proofs ? forget_levels(**opened) : ok();
        if (!forgotten) {
            return "the levels could not be taken back: " + forgotten.error().message;
        }
        // What was mended came later than it stands, and ids are given in order of coming.
        const bool all = is_exact && result_.mended == 0;
        const std::vector<std::string> got = content_of(**opened, all);
        const std::vector<std::string> wanted = reference_index(*chain_, config_, all);
        return got == wanted ? "" : difference(got, wanted);
    }

    /// Every fact is what the hub said at the end of that block of the chain.
    std::string check_facts(const storage::Database& database) const {
        const auto view = database.read_view();
        const ChainView chain = chain_->view(clock_.monotonic_ms());
        const auto scan = view->scan_calls(0, UINT64_MAX);
        for (; scan->valid(); scan->next()) {
            const storage::CallFact& fact = scan->fact();
            const SimBlock* block = chain.at(fact.block_num);
            const auto said = block == nullptr
                                  ? std::nullopt
                                  : hub_answer(*block, evm::to_hex(as_bytes(fact.call.input)));
            const bool is_right =
                said ? fact.outcome == storage::CallOutcome::kAnswered &&
                           fact.data == as_chars(said->view())
                     : block != nullptr && fact.outcome == storage::CallOutcome::kReverted;
            if (!is_right) {
                return fmt::format(
                    "the fact of a call in block {} is not what the hub said: {} {} (pin {}, {})",
                    fact.block_num, evm::to_hex(as_bytes(fact.call.input)),
                    storage::to_string(fact.outcome), static_cast<int>(fact.pin), fact.provider);
            }
        }
        return scan->status() ? "" : scan->status().error().message;
    }

    /// All that is final and can be proven is, once nothing fails any more.
    std::string prove_to_the_end() {
        if (!tasks_) {
            return {};
        }
        int reopens = 0;
        for (int round = 0; round < 3 + reopens; ++round) {
            if (!run_tasks([this] { tasks_->prove_all(); }) || !settle()) {
                // A disk that was full a while ago: the service closes the database and opens it.
                if (wrong_.empty() && indexer_->needs_reopen() && ++reopens <= 3) {
                    end_process();
                    std::string failure;
                    if (!start_process(failure)) {
                        return "cannot open again: " + failure;
                    }
                    if (settle()) {
                        continue;
                    }
                }
                return !wrong_.empty() ? wrong_ : "it gave up while it was proven";
            }
            if (lowest_final_level() >= provable_level()) {
                break;
            }
            // What could not be proven is tried again after hours.
            clock_.advance(7 * 3'600'000);
        }
        ask_api();
        if (!wrong_.empty()) {
            return wrong_;
        }
        const storage::ProofLevel lowest = lowest_final_level();
        if (lowest < provable_level()) {
            tell_state();
            return fmt::format("what is final is proven to {} only: {}", storage::to_string(lowest),
                               tasks_->last_proof());
        }
        const bool is_unprovable = world_.provability == Provability::kNoHeaders;
        return is_unprovable && lowest > storage::ProofLevel::kFetched
                   ? "it is called proven, and nothing of it can be"
                   : "";
    }

    [[nodiscard]] bool settle() {
        for (int i = 0; i < 20'000 && !indexer_->failure(); ++i) {
            step();
            look_at_levels();
            if (i > 100 && is_at_the_end() && !indexer_->database()->needs_refold()) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] storage::ProofLevel provable_level() const {
        switch (world_.provability) {
            case Provability::kNoHeaders: return storage::ProofLevel::kFetched;
            case Provability::kNoReceipts: return storage::ProofLevel::kLinked;
            case Provability::kAll: break;
        }
        return world_.has_state_syncs ? storage::ProofLevel::kLinked
                                      : storage::ProofLevel::kReceipts;
    }

    [[nodiscard]] storage::ProofLevel lowest_final_level() {
        const storage::Database& database = *indexer_->database();
        const auto coverage = database.coverage();
        storage::ProofLevel lowest = storage::ProofLevel::kReceipts;
        result_.proven_blocks = 0;
        for (const api::ProofSegment& segment : api::proof_segments(
                 indexer_->plan().sources(), *coverage, 0, database.cursor()->finalized)) {
            lowest = std::min(lowest, segment.level);
            if (segment.level == storage::ProofLevel::kReceipts) {
                result_.proven_blocks += segment.to - segment.from + 1;
            }
        }
        return lowest;
    }

    /// Whoever is named there lies.
    std::string check_journal(const storage::Database& database) {
        const auto rows = database.read_view()->list_journal(0, 100'000);
        if (!rows) {
            return rows.error().message;
        }
        result_.mended = rows->size();
        const std::string& liar = world_.nodes.front().url;
        for (const storage::JournalRow& row : *rows) {
            say(fmt::format("journal: block {}, {} ({}; {}), by {}: {} -> {}", row.block_num,
                            row.kind, row.reason, row.evidence, row.provider, row.before,
                            row.after));
            // Nobody is named of what an older config had asked for.
            const bool names_another = std::ranges::any_of(world_.nodes, [&](const auto& node) {
                return node.url != liar && row.evidence.find(node.url) != std::string::npos;
            });
            const bool is_liars =
                row.provider.empty()
                    ? row.evidence.find(liar) != std::string::npos || !names_another
                    : row.provider == liar;
            // Where final blocks are exchanged, a range's middle may be of another fork: then
            // somebody is named who did not lie.
            if (world_.keeps_finality && (!is_liars || !world_.lies())) {
                return fmt::format(
                    "the journal says of block {}: {} ({}; before {}, after {}), by '{}'",
                    row.block_num, row.kind, row.reason, row.before, row.after, row.provider);
            }
        }
        return {};
    }

    /// How well it is proven depends on when the proof came by.
    [[nodiscard]] static Status forget_levels(storage::Database& database) {
        const storage::Cursor cursor = *database.cursor();
        const auto batch = database.make_batch();
        PLUMBLINE_TRY(const auto rows, database.read_view()->list_blocks(0, cursor.block_num));
        PLUMBLINE_TRY(const auto coverage, database.coverage());
        for (const storage::BlockRow& row : rows) {
            batch->set_block_level(row.block_num, storage::ProofLevel::kFetched);
        }
        for (storage::CoverageRow row : coverage) {
            row.level = storage::ProofLevel::kFetched;
            batch->extend_coverage(row);
        }
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        return database.commit(*batch, storage::Durability::kBuffered);
    }

    /// Damages the database as the canary says.
    std::string spoil(storage::Database& database) {
        if (options_.canary == Canary::kNone ||
            options_.canary == Canary::kCoverageWithoutChildren) {
            return {};
        }
        const std::string_view family =
            options_.canary == Canary::kLostLog ? "log" : "entity.account";
        std::string key;
        std::string value;
        std::string raw_family;
        storage::DumpOptions all;
        all.content_only = false;
        const Status read = storage::dump_families(
            database, all,
            [&](std::string_view name, std::string_view row_key, std::string_view row) {
                if (key.empty() && name.starts_with(family) && row_key.size() > 1) {
                    raw_family = name;
                    key = row_key;
                    value = row;
                }
            });
        if (!read || key.empty()) {
            return "the canary found nothing to spoil";
        }
        switch (options_.canary) {
            case Canary::kChangedRow: value.back() = static_cast<char>(value.back() ^ 1); break;
            case Canary::kLostLog: value.clear(); break;
            default: key.back() = static_cast<char>(key.back() ^ 0x55); break;
        }
        const Status poked = storage::poke_family(database, raw_family, key, value);
        return poked ? "" : "the canary could not write: " + poked.error().message;
    }

    RunOptions options_;
    Random random_;
    RunResult result_;
    ManualClock clock_;
    test::TempDir directory_{scratch_parent()};
    storage::test::FaultEnv disk_;
    std::unique_ptr<GateEnv> gate_;
    World world_;
    const SimChain* chain_ = nullptr;
    Random changes_;
    Random looks_;
    std::unique_ptr<Oracle> oracle_;
    std::string wrong_;  ///< what was called proven and is not
    std::vector<storage::CoverageRow> known_levels_;
    uint64_t known_commit_ = 0;
    uint64_t task_steps_ = 0;
    std::unique_ptr<SimNetwork> network_;
    std::unique_ptr<SimNetwork> proof_network_;
    std::unique_ptr<Observer> observer_;
    engine::Config config_;
    std::vector<rpc::Endpoint> endpoints_;
    std::optional<DiskFault> armed_;
    uint64_t injected_when_armed_ = 0;
    uint64_t injected_at_open_ = 0;
    int64_t heals_at_ms_ = -1;
    std::unique_ptr<rpc::ProviderPool> pool_;
    std::unique_ptr<engine::Indexer> indexer_;
    std::unique_ptr<SimTasks> tasks_;
};

}  // namespace

std::vector<std::string> reference_index(const SimChain& chain, const engine::Config& config,
                                         bool all) {
    ManualClock clock;
    clock.advance(chain.end_ms() + 1);
    FaultCounts ignored;
    SimNetwork network{chain, clock, 1, ignored};
    NodeOptions node;
    node.url = "http://honest.sim:8545";
    network.add(node);
    rpc::PoolOptions pool_options;
    pool_options.endpoints = {{node.url, {}, {}}};
    rpc::ProviderPool pool{pool_options, network, clock};
    const std::unique_ptr<rocksdb::Env> memory{rocksdb::NewMemEnv(rocksdb::Env::Default())};
    engine::IndexerOptions options;
    options.config = config;
    options.db_path = "/db";
    options.until.head = true;
    options.clock = &clock;
    options.env = memory.get();
    Result<std::unique_ptr<engine::Indexer>> indexer =
        engine::Indexer::open(std::move(options), pool);
    PLUMBLINE_CHECK_MSG(indexer.has_value(), indexer ? "" : indexer.error().message.c_str());
    for (int i = 0; i < 1'000'000 && !(*indexer)->is_done() && !(*indexer)->failure(); ++i) {
        if (!(*indexer)->step_writer()) {
            (*indexer)->step_network(20);
        }
    }
    PLUMBLINE_CHECK_MSG((*indexer)->is_done(), "the reference index did not come to its end");
    PLUMBLINE_CHECK((*indexer)->stop().has_value());
    return content_of(*(*indexer)->database(), all);
}

RunResult run_seed(const RunOptions& options) {
    logging::configure(options.verbose ? logging::Level::kDebug : logging::Level::kOff,
                       logging::Format::kText);
    Run run{options};
    return run.go();
}

}  // namespace plumbline::sim
