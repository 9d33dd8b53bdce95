#include "tests/sim/sim_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/env.h>

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
#include "tests/storage/fault_fs.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::sim {

namespace {

constexpr int64_t kSettleMsMax = 6 * 3'600'000;
constexpr uint64_t kStepsMax = 6'000'000;
constexpr uint64_t kCalmRestartsMax = 20;

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
std::vector<std::string> content_of(const storage::Database& database) {
    storage::DumpOptions options;
    options.want = [](std::string_view family) {
        return family != "coverage" && family != "journal";
    };
    Result<std::vector<std::string>> lines = storage::dump_lines(database, options);
    PLUMBLINE_CHECK(lines.has_value());
    std::vector<std::string> out = *std::move(lines);
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

/// Every log of the chain that the config wants is stored with its bytes, and no other: checked
/// against the chain itself, not against another run of the same code.
std::string check_against_chain(const storage::Database& database, const ChainView& view,
                                uint64_t start_block) {
    const std::vector<std::pair<uint64_t, uint32_t>> wanted = wanted_logs(view, start_block);
    const auto read = database.read_view();
    size_t next = 0;
    const auto scan = read->scan_logs(0, view.head);
    for (; scan->valid(); scan->next(), ++next) {
        const storage::LogRecord& record = scan->record();
        const std::pair<uint64_t, uint32_t> at{record.log.block_num, record.log.log_index};
        if (next == wanted.size() || at != wanted[next]) {
            return fmt::format("the log holds {}/{}, the chain has {} next", at.first, at.second,
                               next == wanted.size()
                                   ? "nothing"
                                   : fmt::format("{}/{}", wanted[next].first, wanted[next].second));
        }
        const SimBlock& block = *view.at(at.first);
        const evm::Log& truth = block.logs.logs[at.second];
        if (record.log.address != truth.address || record.log.topic_count != truth.topic_count ||
            !std::equal(truth.topics.begin(), truth.topics.begin() + truth.topic_count,
                        record.log.topics.begin()) ||
            record.log.txn_hash != truth.txn_hash ||
            !std::ranges::equal(record.data, block.logs.data(truth))) {
            return fmt::format("the stored log {}/{} is not the chain's", at.first, at.second);
        }
    }
    if (!scan->status()) {
        return scan->status().error().message;
    }
    return next == wanted.size()
               ? ""
               : fmt::format("{} logs stored, the chain has {}", next, wanted.size());
}

engine::IngestOptions random_ingest(Random& random) {
    engine::IngestOptions options;
    if (random.chance(0.3)) {
        return options;
    }
    options.in_flight_max = random.between(1, 6);
    options.ahead_max = random.between(1, 12);
    options.ahead_bytes_max = random.between(1, 60'000);
    options.queue_bytes_max = random.between(1, 60'000);
    options.range_blocks_max = random.between(1, 200);
    options.tail_blocks_max = random.between(1, 16);
    options.child_addresses_max = random.chance(0.5) ? 2 : 100;
    options.commit_events_max = random.between(1, 80);
    options.commit_bytes_max = random.between(1, 30'000);
    options.fold_cache_bytes = random.chance(0.5) ? 1 : 1U << 20U;
    options.sync_interval_ms = static_cast<int64_t>(random.between(1, 5'000));
    return options;
}

NodeOptions random_node(Random& random, size_t index, double trouble) {
    NodeOptions node;
    node.url = fmt::format("http://node{}.sim:8545", index);
    node.latency_ms_min = static_cast<int64_t>(random.between(1, 40));
    node.latency_ms_max = node.latency_ms_min + static_cast<int64_t>(random.between(0, 300));
    node.words = static_cast<unsigned>(random.below(12));
    node.beyond_head_is_error = random.chance(0.5);
    node.keeps_side_blocks = random.chance(0.4);
    if (random.chance(0.4)) {
        node.blocks_cap = random.between(5, 100);
    }
    if (random.chance(0.3)) {
        node.results_cap = random.between(3, 60);
    }
    if (random.chance(0.3)) {
        node.batch_cap = random.between(2, 20);
    }
    if (random.chance(0.3)) {
        node.addresses_cap = random.between(2, 8);
    }
    if (random.chance(0.3)) {
        node.lag_ms = static_cast<int64_t>(random.between(0, 30'000));
    }
    if (random.chance(0.25)) {
        node.other_lag_ms = static_cast<int64_t>(random.between(0, 60'000));
    }
    const auto rate = [&](double share, double most) {
        return random.chance(share)
                   ? trouble * most * static_cast<double>(random.between(1, 10)) / 10.0
                   : 0.0;
    };
    node.transport_faults = rate(0.6, 0.2);
    node.http_faults = rate(0.5, 0.15);
    node.body_faults = rate(0.5, 0.15);
    node.refusals = rate(0.5, 0.1);
    node.nulls = rate(0.3, 0.05);
    node.wrong_answers = rate(0.4, 0.1);
    return node;
}

/// When the file system fails, and how.
struct DiskFault {
    int64_t at_ms = 0;
    Fault kind = Fault::kCrash;
    uint64_t op = 1;
    int64_t lasts_ms = 0;
};

class Run {
  public:
    explicit Run(const RunOptions& options)
        : options_{options},
          random_{options.seed * 0x9e3779b97f4a7c15ULL + 1} {}

    RunResult go() {
        prepare();
        result_.failure = live();
        if (result_.failure.empty()) {
            result_.failure = compare();
        }
        end_process();
        result_.requests = network_->requests();
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
        ChainOptions chain;
        chain.seed = random_.next();
        chain.blocks_at_start = random_.between(1, 220);
        chain.blocks_live = random_.between(10, 90) * (options_.long_life ? 6 : 1);
        chain.block_ms = static_cast<int64_t>(random_.between(300, 12'000));
        chain.reorg_chance =
            random_.chance(0.2) ? 0.0 : 0.02 * static_cast<double>(random_.between(1, 12));
        chain.reorg_depth_max = random_.between(1, 8);
        chain.finality_depth = random_.between(10, 24);
        chain.empty_share = 0.1 * static_cast<double>(random_.between(0, 8));
        chain.logs_max = random_.between(1, 14);
        if (random_.chance(0.15)) {
            chain.deep_reorg_chance = 0.03;
        }
        // By the seed alone, so that worlds without gaps stay what they were.
        if (options_.seed % 8 == 5) {
            chain.gap_chance = 0.02 * static_cast<double>(1 + options_.seed / 8 % 10);
        }
        chain_ = std::make_unique<SimChain>(chain);
        ConfigOptions config;
        config.finality_depth = random_.chance(0.3) ? chain.finality_depth : 0;
        config.poll_interval_ms = static_cast<int64_t>(random_.between(200, 4'000));
        config.names_txns = random_.chance(0.25);
        start_block_ = random_.chance(0.2) ? random_.below(chain.blocks_at_start) : 0;
        config.start_block = start_block_;
        config_ = make_config(config);

        network_ = std::make_unique<SimNetwork>(*chain_, clock_, random_.next(), result_.faults);
        if (options_.verbose) {
            network_->on_fault = [](const std::string& text) {
                std::printf("    %s\n", text.c_str());
            };
        }
        if (options_.verbose) {
            network_->on_request = [](const std::string& text) {
                std::printf("    %s\n", text.c_str());
            };
        }
        const size_t count = random_.between(1, 4);
        const double trouble =
            random_.chance(0.15) ? 0.0 : static_cast<double>(random_.between(1, 10)) / 10.0;
        std::vector<NodeOptions> nodes;
        for (size_t i = 0; i < count; ++i) {
            nodes.push_back(random_node(random_, i, trouble));
        }
        if (random_.chance(0.3)) {
            // One is away for an hour. The others, if any, go on.
            NodeOptions& node = nodes[random_.below(count)];
            node.down_from_ms =
                static_cast<int64_t>(random_.below(static_cast<uint64_t>(chain_->end_ms())));
            node.down_to_ms = node.down_from_ms + 3'600'000;
        }
        if (count > 1 && random_.chance(0.5)) {
            // One lies. Whoever else there is must be able to contradict it.
            NodeOptions& liar = nodes.front();
            liar.lies = 0.02 * static_cast<double>(random_.between(1, 10));
            liar.results_cap = UINT64_MAX;
            liar.addresses_cap = UINT64_MAX;
            for (size_t i = 1; i < count; ++i) {
                nodes[i] = NodeOptions{};
                nodes[i].url = fmt::format("http://node{}.sim:8545", i);
                nodes[i].latency_ms_max = 200;
                nodes[i].keeps_side_blocks = true;
                nodes[i].blocks_cap = random_.chance(0.5) ? random_.between(10, 100) : UINT64_MAX;
                nodes[i].words = static_cast<unsigned>(random_.below(12));
            }
            if (random_.chance(0.5)) {
                liar.weak_lies = liar.lies;
            }
        }
        if (options_.hidden_lies) {
            nodes.front().hidden_lies = 0.3;
        }
        for (const NodeOptions& node : nodes) {
            network_->add(node);
            endpoints_.push_back({node.url, {}, {}});
        }
        prepare_disk();
        observer_ = std::make_unique<Observer>(options_.verbose);
    }

    void prepare_disk() {
        if (random_.chance(0.2) && !options_.long_life) {
            return;
        }
        const uint64_t count = options_.long_life ? random_.between(20, 60) : random_.between(1, 7);
        for (uint64_t left = count; left > 0; --left) {
            DiskFault fault;
            const bool early = random_.chance(options_.long_life ? 0.1 : 0.5);
            fault.at_ms = static_cast<int64_t>(
                random_.below(early ? 4'000 : static_cast<uint64_t>(chain_->end_ms())));
            constexpr std::array<Fault, 6> kKinds{Fault::kCrash,    Fault::kPowerCut,
                                                  Fault::kIoOnce,   Fault::kIoForAWhile,
                                                  Fault::kDiskFull, Fault::kStopped};
            fault.kind = kKinds[random_.below(kKinds.size())];
            fault.op = random_.between(1, random_.chance(0.5) ? 20 : 150);
            fault.lasts_ms = static_cast<int64_t>(random_.between(10, 90'000));
            disk_faults_.push_back(fault);
        }
        std::ranges::sort(disk_faults_, std::ranges::greater{}, &DiskFault::at_ms);
    }

    // --- the process -----------------------------------------------------------------------

    /// False: it could not start, and may try again later; `failure` says why where it must not.
    bool start_process(std::string& failure) {
        rpc::PoolOptions pool;
        pool.endpoints = endpoints_;
        pool.chain_id = kChainId;
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
        return true;
    }

    void end_process() {
        if (indexer_) {
            result_.reorgs += indexer_->progress().reorgs.load();
            result_.quarantined += indexer_->progress().quarantined.load();
            result_.events += indexer_->progress().events.load();
        }
        indexer_.reset();
        pool_.reset();
        network_->forget_requests();
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
            if (!disk_faults_.empty() && disk_faults_.back().at_ms <= now && !armed_) {
                const DiskFault fault = disk_faults_.back();
                disk_faults_.pop_back();
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
            if (calm_since < 0 && now > chain_->end_ms() && disk_faults_.empty() && !armed_) {
                calm_since = now;
                network_->calm_down();
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

    // --- the verdict -----------------------------------------------------------------------

    std::string compare() {
        storage::Database& database = *indexer_->database();
        if (const Status stopped = indexer_->stop(); !stopped) {
            return "the last stop failed: " + stopped.error().message;
        }
        gate_->drain();
        if (std::string spoilt = spoil(database); !spoilt.empty()) {
            return spoilt;
        }
        if (std::string wrong = check_against_chain(database, chain_->final_view(), start_block_);
            !wrong.empty()) {
            return wrong;
        }
        const std::vector<std::string> got = content_of(database);
        const std::vector<std::string> wanted = reference_index(*chain_, config_);
        return got == wanted ? "" : difference(got, wanted);
    }

    /// Damages the database as the canary says.
    std::string spoil(storage::Database& database) {
        if (options_.canary == Canary::kNone) {
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
    std::unique_ptr<SimChain> chain_;
    std::unique_ptr<SimNetwork> network_;
    std::unique_ptr<Observer> observer_;
    engine::Config config_;
    uint64_t start_block_ = 0;
    std::vector<rpc::Endpoint> endpoints_;
    std::vector<DiskFault> disk_faults_;
    std::optional<DiskFault> armed_;
    uint64_t injected_when_armed_ = 0;
    uint64_t injected_at_open_ = 0;
    int64_t heals_at_ms_ = -1;
    std::unique_ptr<rpc::ProviderPool> pool_;
    std::unique_ptr<engine::Indexer> indexer_;
};

}  // namespace

engine::Config make_config(const ConfigOptions& options) {
    const std::string text = fmt::format(
        R"(
[chain]
id = {}
rpc = "http://node0.sim:8545"
finality = {}
poll_interval = "{}ms"

[contracts.hub]
abi = "hub.json"
address = "{}"
start_block = {}

[contracts.vault]
abi = "child.json"
factory = {{ event = "hub.VaultMade", address = "vault" }}

[contracts.pod]
abi = "child.json"
factory = {{ event = "vault.ChildMade", address = "child" }}

[entities.account]
key = {{ owner = "address" }}
fields = {{ balance = "uint256", moves = "uint64", last_block = "uint64", sender = "address" }}
index = [["last_block"]]
drop = "balance == 0"

[entities.note]
key = {{ id = "uint256" }}
fields = {{ text = "string", opened_in = "uint64" }}
index = [["text"], ["opened_in"]]

[entities.place]
key = {{ place = "address" }}
fields = {{ pings = "uint64", total = "uint256", highest = "uint256" }}

[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
set = {{ last_block = "$block.number"{} }}
add = {{ balance = "amount", moves = 1 }}

[[on]]
event = "hub.Withdrawn"
update = "account"
key = {{ owner = "who" }}
add = {{ moves = 1 }}
sub = {{ balance = "amount" }}

[[on]]
event = "hub.NoteOpened"
insert = "note"
key = {{ id = "id" }}
set = {{ text = "text", opened_in = "$block.number" }}

[[on]]
event = "hub.NoteClosed"
delete = "note"
key = {{ id = "id" }}

[[on]]
event = ["vault.Ping", "pod.Ping"]
upsert = "place"
key = {{ place = "$log.address" }}
add = {{ pings = 1, total = "n" }}
max = {{ highest = "n" }}
)",
        kChainId,
        options.finality_depth == 0 ? std::string{"\"finalized\""}
                                    : std::to_string(options.finality_depth),
        options.poll_interval_ms, evm::to_hex(hub_address()), options.start_block,
        options.names_txns ? ", sender = \"$txn.from\"" : "");
    Result<engine::Config> config =
        engine::parse_config(text, "sim.toml", [](const std::string& name) {
            return Result<std::string>{name == "hub.json" ? test::kHubAbi : test::kChildAbi};
        });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

std::vector<std::string> reference_index(const SimChain& chain, const engine::Config& config) {
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
    return content_of(*(*indexer)->database());
}

RunResult run_seed(const RunOptions& options) {
    logging::configure(options.verbose ? logging::Level::kDebug : logging::Level::kOff,
                       logging::Format::kText);
    Run run{options};
    return run.go();
}

}  // namespace plumbline::sim
