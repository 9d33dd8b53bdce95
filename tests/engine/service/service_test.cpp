// The service as one object: its life, its tasks, what it tells, over a chain in memory and a real
// database.
#include "engine/service/service.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "engine/proof/standing.hpp"
#include "engine/service/sd_notify.hpp"
#include "storage/service_address.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::service_test {
namespace {

using storage::test::TempDir;
using test::FakeChain;
using test::FakeNode;
using ::testing::HasSubstr;

/// What a test waits by: the service's threads count their turns here.
class Turns {
  public:
    void count() {
        {
            const std::scoped_lock lock{mutex_};
            ++turns_;
        }
        changed_.notify_all();
    }
    /// Asks `done` after every turn until it holds. False after `kTurnsMax` turns, or where the
    /// service makes none any more: how long that takes says nothing.
    template <typename Done>
    [[nodiscard]] bool until(Done done) {
        for (uint64_t left = kTurnsMax; left > 0; --left) {
            const uint64_t seen = turns();
            if (done()) {
                return true;
            }
            std::unique_lock lock{mutex_};
            if (!changed_.wait_for(lock, kHang, [&] { return turns_ != seen; })) {
                break;
            }
        }
        return done();
    }

  private:
    static constexpr uint64_t kTurnsMax = 20'000;
    static constexpr std::chrono::seconds kHang{60};

    uint64_t turns() {
        const std::scoped_lock lock{mutex_};
        return turns_;
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t turns_ = 0;
};

/// What all of a service's nodes do, and were asked.
struct NodeManners {
    std::atomic<bool> is_slow{false};  ///< a question has been open for longer than is good
    std::atomic<uint64_t> headers_asked{0};
    std::atomic<uint64_t> head_max{UINT64_MAX};  ///< tells no higher head
    std::atomic<bool> is_mute{false};            ///< swallows questions for heads
    std::atomic<bool> holds_headers{false};      ///< keeps questions for headers by number
    std::atomic<bool> holds_calls{false};        ///< keeps contract calls, else refuses them
    std::atomic<bool> hides_a_log{false};        ///< the first of each range that is asked for
    std::atomic<bool> is_parked{false};          ///< as the provider's figures say it
    std::atomic<bool> is_limited{false};         ///< as the provider's figures say it
    std::atomic<bool> is_odd{false};             ///< as the provider's figures say it
    std::atomic<int64_t> silent_ms{-1};  ///< as the provider's figures say it; -1 = it answers
};

/// A fake node with a clock of its own, for the one thread that polls it.
class OwnedNode final : public rpc::ChainSource {
  public:
    OwnedNode(const FakeChain& chain, Turns& turns, NodeManners& manners)
        : chain_{chain},
          turns_{turns},
          manners_{manners},
          node_{chain, clock_, {}} {}
    void get_chain_id(Callback<uint64_t> done) override { node_.get_chain_id(std::move(done)); }
    void get_heads(Callback<rpc::Heads> done) override {
        if (manners_.is_mute) {
            return;
        }
        node_.get_heads([this, done = std::move(done)](Result<rpc::Heads> result) {
            if (result && result->latest.block_num > manners_.head_max) {
                result->latest = chain_.blocks()[manners_.head_max]->header;
                result->finalized.reset();
            }
            done(std::move(result));
        });
    }
    void get_headers(std::vector<uint64_t> nums, Callback<std::vector<evm::Header>> done) override {
        manners_.headers_asked += nums.size();
        if (manners_.holds_headers) {
            held_.emplace_back(std::move(nums), std::move(done));
            return;
        }
        node_.get_headers(std::move(nums), std::move(done));
    }
    void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) override {
        node_.get_header_by_hash(hash, std::move(done));
    }
    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all,
                   Callback<rpc::RangeLogs> done) override {
        if (manners_.hides_a_log) {
            done = [done = std::move(done)](Result<rpc::RangeLogs> result) {
                if (result && !result->logs.logs.empty()) {
                    result->logs.logs.erase(result->logs.logs.begin());
                }
                done(std::move(result));
            };
        }
        node_.get_range(std::move(filter), range, all, std::move(done));
    }
    void get_txns(std::vector<evm::Hash> hashes,
                  Callback<std::vector<rpc::TxnInfo>> done) override {
        node_.get_txns(std::move(hashes), std::move(done));
    }
    void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) override {
        node_.get_receipts(block_hash, std::move(done));
    }
    [[nodiscard]] std::vector<std::string> provider_names() const override { return {"node"}; }
    void call(std::vector<rpc::CallRequest> /*requests*/, rpc::StateBlock /*block*/,
              std::optional<size_t> /*provider*/, Callback<rpc::CallAnswers> done) override {
        calls_.push_back(std::move(done));
    }
    [[nodiscard]] uint64_t suggest_range_size(const rpc::LogFilter& filter,
                                              uint64_t from) override {
        return node_.suggest_range_size(filter, from);
    }
    size_t poll(int64_t wait_ms) override {
        turns_.count();
        for (auto& [nums, done] : manners_.holds_headers ? Held{} : std::exchange(held_, {})) {
            node_.get_headers(std::move(nums), std::move(done));
        }
        for (const auto& done : manners_.holds_calls ? Calls{} : std::exchange(calls_, {})) {
            done(Error{ErrorCode::kUnavailable, "refused: eth_call is for members"});
        }
        if (node_.in_flight() == 0) {
            sleep_ms(std::min<int64_t>(wait_ms, 5));  // As a network that has nothing to say.
        }
        return node_.poll(wait_ms);
    }
    [[nodiscard]] size_t in_flight() const override {
        return node_.in_flight() + held_.size() + calls_.size();
    }
    [[nodiscard]] std::vector<rpc::ProviderStats> stats() const override {
        rpc::ProviderStats one;
        one.name = "node";
        one.usable = !manners_.is_parked;
        one.state = manners_.is_parked ? "refused" : "ok";
        one.last_error = manners_.is_parked ? "HTTP 401: Must be authenticated!" : "";
        if (manners_.is_limited) {  // It is asked all the same, now and then.
            one.state = "rate limited";
            one.last_error = "error -32005 \"slow down\", HTTP 429";
        }
        if (const uint64_t head = manners_.head_max; head != UINT64_MAX) {
            one.head = head;
        }
        one.oddity = manners_.is_odd ? "gives logs that contradict themselves" : "";
        if (const int64_t silent = manners_.silent_ms; silent >= 0) {
            one.silent_ms = silent;
        }
        return {one};
    }
    [[nodiscard]] std::vector<rpc::OpenWait> waits(int64_t /*waiting_ms*/) const override {
        rpc::OpenWait wait;
        wait.method = "eth_getLogs";
        wait.provider = "slow";
        wait.reason = "no answer yet";
        wait.waiting_ms = 12'000;
        if (!calls_.empty()) {
            wait.method = "eth_call";
        }
        return manners_.is_slow || !calls_.empty() ? std::vector{wait}
                                                   : std::vector<rpc::OpenWait>{};
    }

  private:
    using Held = std::vector<std::pair<std::vector<uint64_t>, Callback<std::vector<evm::Header>>>>;
    using Calls = std::vector<Callback<rpc::CallAnswers>>;

    const FakeChain& chain_;
    Turns& turns_;
    NodeManners& manners_;
    Held held_;
    Calls calls_;
    ManualClock clock_;
    FakeNode node_;
};

class ServiceTest : public ::testing::Test {
  protected:
    explicit ServiceTest(FakeChain::Spoil spoil = {}) : chain_{7, std::move(spoil)} {
        logging::configure(logging::Level::kOff, logging::Format::kText);
        chain_.mine(60);
        write("hub.json", test::chain_abis().at("hub.json"));
        write_config("");
    }
    ~ServiceTest() override { stop(); }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream{dir_.sub(name)} << text;
    }
    void write_config(const std::string& more, const std::string& proof_level = "off",
                      const std::string& more_of_chain = "") const {
        write("plumbline.toml", std::string{test::kChainToml} +
                                    "finality = 12\npoll_interval = \"20ms\"\n" + more_of_chain +
                                    test::deposits_toml() + "[proof]\nlevel = \"" + proof_level +
                                    "\"\n" + more);
    }
    void open() {
        ServiceOptions options;
        auto config = load_config(dir_.sub("plumbline.toml"));
        ASSERT_TRUE(config.has_value()) << config.error().message;
        options.indexer.config = *std::move(config);
        options.indexer.db_path = dir_.sub("db");
        options.indexer.tiny_buffers = true;
        options.check_config = check_config_;
        options.set_log_level = set_log_level_;
        options.make_source = [this] {
            return std::make_unique<OwnedNode>(chain_, turns_, manners_);
        };
        auto opened = Service::open(std::move(options));
        ASSERT_TRUE(opened.has_value()) << opened.error().message;
        service = *std::move(opened);
    }
    void start() {
        has_ended = false;
        thread_ = std::jthread{[this](const std::stop_token& stop) {
            ended = service->run(stop, nullptr);
            has_ended = true;
            turns_.count();
        }};
    }
    void stop() {
        if (thread_.joinable()) {
            thread_.request_stop();
            thread_.join();
        }
    }
    template <typename Done>
    [[nodiscard]] bool eventually(Done done) {
        return turns_.until(std::move(done));
    }
    [[nodiscard]] bool becomes_ready() {
        return eventually([this] { return service->status().is_ready(); });
    }
    [[nodiscard]] TaskRow ended_task(uint64_t id) {
        EXPECT_TRUE(eventually([&] {
            const auto row = service->queue()->get(id);
            return row && row->state != TaskState::kWaiting && row->state != TaskState::kRunning;
        }));
        return *service->queue()->get(id);
    }
    /// The task, to its end; the journal as it is then.
    [[nodiscard]] std::vector<storage::JournalRow> repair() {
        const auto added = service->add_task(spec("repair"));
        EXPECT_OK(added);
        const TaskRow task = ended_task(added->id);
        EXPECT_EQ(task.state, TaskState::kDone) << task.error;
        return service->database()->read_view()->list_journal(0, 1'000).value();
    }
    /// As a proof that ended so would.
    void keep(const storage::ProofRecord& record) {
        const Status kept = service->indexer().run_on_writer(
            [&record](storage::Database& database) -> Status {
                const auto cursor = database.cursor();
                const auto batch = database.make_batch();
                batch->record_proof(record);
                batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
                return database.commit(*batch, storage::Durability::kBuffered);
            },
            WriterEffect::kNone);
        EXPECT_TRUE(kept) << kept.error().message;
    }
    /// So many turns of the network and worker threads.
    void let_turn(int count) {
        EXPECT_TRUE(eventually([&count] { return count-- <= 0; }));
        EXPECT_FALSE(has_ended);
    }
    [[nodiscard]] std::optional<TaskRow> newest_proof() {
        return service->queue() == nullptr ? std::nullopt : service->queue()->newest("prove_log");
    }
    [[nodiscard]] bool is_degraded_by(const std::string& text) {
        return eventually([&] { return is_degraded_by_now(text); });
    }
    [[nodiscard]] bool is_degraded_by_now(const std::string& text) const {
        const auto reasons = service->status().degraded;
        return std::ranges::any_of(reasons, [&](const std::string& reason) {
            return reason.find(text) != std::string::npos;
        });
    }
    static TaskSpec spec(std::string kind, std::string args = {}) {
        TaskSpec out;
        out.kind = std::move(kind);
        out.args = std::move(args);
        return out;
    }

    TempDir dir_;
    FakeChain chain_;
    Turns turns_;
    NodeManners manners_;
    decltype(ServiceOptions::check_config) check_config_;    ///< of the next `open`
    decltype(ServiceOptions::set_log_level) set_log_level_;  ///< of the next `open`
    std::unique_ptr<Service> service;
    std::atomic<bool> has_ended{false};
    Status ended;

  private:
    std::jthread thread_;
};

/// A task of `lane` that runs until it is told to end.
TaskKind hanging_kind(const std::string& name, TaskLane lane, const std::atomic<bool>& may_end) {
    return {name, "", "hangs",
            [&may_end](TaskContext& context) {
                while (!may_end && !context.should_stop()) {
                    sleep_ms(1);
                }
                return TaskOutcome::done("ended");
            },
            lane};
}

TEST_F(ServiceTest, AWaitThatComesAndGoesIsOneLineAndItsEndAnother) {
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    testing::internal::CaptureStderr();
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    for (int i = 0; i < 3; ++i) {
        manners_.is_slow = true;
        EXPECT_TRUE(is_degraded_by("waiting for the chain: "));
        manners_.is_slow = false;
        EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
    }
    logging::configure(logging::Level::kOff, logging::Format::kText);
    const std::string log = testing::internal::GetCapturedStderr();
    const auto count = [&log](const std::string& text) {
        size_t out = 0;
        for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) {
            ++out;
        }
        return out;
    };
    EXPECT_EQ(count("waiting for the chain"), 1U) << log;
    EXPECT_EQ(count("nothing is waited for any more"), 1U) << log;
}

TEST_F(ServiceTest, AWaitIsNotOverWhileNoProviderCanBeAsked) {
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    testing::internal::CaptureStderr();
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    manners_.is_slow = true;
    EXPECT_TRUE(is_degraded_by("waiting for the chain: "));
    // A proof gives up, and nothing is open for a moment.
    manners_.is_parked = true;
    manners_.is_slow = false;
    EXPECT_TRUE(eventually([this] {
        const auto reasons = service->status().degraded;
        return reasons.size() == 1 && reasons[0].find("is not asked") != std::string::npos;
    }));
    logging::info("the provider is about to come back");
    manners_.is_parked = false;
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
    logging::configure(logging::Level::kOff, logging::Format::kText);
    const std::string log = testing::internal::GetCapturedStderr();
    const size_t end = log.find("nothing is waited for any more");
    ASSERT_NE(end, std::string::npos) << log;
    EXPECT_GT(end, log.find("the provider is about to come back")) << log;
}

TEST_F(ServiceTest, AStartAboveTheHeadIsToldWhileItIsNotReached) {
    std::string config =
        std::string{test::kChainToml} + "poll_interval = \"20ms\"\n" + test::deposits_toml();
    config.insert(config.find("abi = "), "start_block = 1000\n");
    write("plumbline.toml", config);
    open();
    start();
    EXPECT_TRUE(
        is_degraded_by("every start_block is above the chain's head, block 60: nothing is "
                       "indexed before block 1000"));
}

TEST_F(ServiceTest, HealthSaysInTheProvidersOwnWordsWhyItIsNotAskedAndWhatItGivesWrongly) {
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    manners_.is_odd = true;
    EXPECT_TRUE(is_degraded_by("provider node gives logs that contradict themselves"));
    manners_.is_odd = false;
    manners_.is_parked = true;
    EXPECT_TRUE(
        is_degraded_by("provider node is not asked: refused: HTTP 401: Must be authenticated!"));
    manners_.is_parked = false;
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
}

TEST_F(ServiceTest, DeliveriesUpkeepAndProofsDoNotWaitForEachOther) {
    open();
    std::atomic<bool> may_end{false};
    const auto quick = [](TaskContext&) { return TaskOutcome::done("quick"); };
    service->add_task_kind(hanging_kind("long_proof", TaskLane::kWork, may_end));
    service->add_task_kind(hanging_kind("long_post", TaskLane::kDelivery, may_end));
    service->add_task_kind({"proof", "", "", quick, TaskLane::kWork});
    service->add_task_kind({"post", "", "", quick, TaskLane::kDelivery});
    service->add_task_kind({"sweep", "", "", quick, TaskLane::kUpkeep});
    start();
    ASSERT_TRUE(becomes_ready());
    const auto runs = [this](uint64_t id) {
        return eventually([&] { return service->queue()->get(id)->state == TaskState::kRunning; });
    };
    const std::pair<const char*, const char*> pairs[] = {
        {"long_proof", "post"}, {"long_post", "proof"}, {"long_proof", "sweep"}};
    for (const auto& [slow, other] : pairs) {
        SCOPED_TRACE(slow);
        may_end = false;
        const auto long_task = service->queue()->add(spec(slow));
        ASSERT_OK(long_task);
        ASSERT_TRUE(runs(long_task->id));
        const auto short_task = service->queue()->add(spec(other));
        ASSERT_OK(short_task);
        EXPECT_EQ(ended_task(short_task->id).result, "quick");
        EXPECT_EQ(service->queue()->get(long_task->id)->state, TaskState::kRunning);
        may_end = true;
        EXPECT_EQ(ended_task(long_task->id).result, "ended");
    }
}

TEST_F(ServiceTest, LivesFromStartingToStoppedAndSaysSo) {
    open();
    EXPECT_EQ(service->status().state, Lifecycle::kStarting);
    EXPECT_FALSE(service->status().is_ready());
    EXPECT_ERROR(service->add_task(spec("compact")), ErrorCode::kUnavailable);
    start();
    ASSERT_TRUE(becomes_ready());
    const ServiceStatus status = service->status();
    EXPECT_EQ(status.state, Lifecycle::kLive);
    EXPECT_EQ(status.progress.head_block, chain_.head());
    EXPECT_EQ(status.progress.lag, 0U);
    EXPECT_TRUE(status.degraded.empty());
    EXPECT_TRUE(status.has_database);
    const std::string metrics = service->metrics_text();
    EXPECT_THAT(metrics, HasSubstr("plumbline_state{state=\"live\"} 1"));
    EXPECT_THAT(metrics, HasSubstr(fmt::format("plumbline_chain_head_block {}", chain_.head())));
    EXPECT_THAT(metrics, HasSubstr("plumbline_rocksdb_memtable_bytes "));
    stop();
    EXPECT_TRUE(ended.has_value());
    EXPECT_EQ(service->status().state, Lifecycle::kStopped);
    EXPECT_FALSE(service->status().is_ready());
}

TEST_F(ServiceTest, TasksRunAndTellWhatCameOfThem) {
    write_config("\n[backup]\npath = \"backup\"\n");
    open();
    service->add_task_kind({"flaky", "", "fails once", [](TaskContext& context) {
                                return context.row().attempts == 1
                                           ? TaskOutcome::from({ErrorCode::kUnavailable, "away"})
                                           : TaskOutcome::done("fine");
                            }});
    service->add_task_kind({"vain", "", "never works", [](TaskContext& /*context*/) {
                                return TaskOutcome::from({ErrorCode::kInvalidArgument, "no"});
                            }});
    start();
    ASSERT_TRUE(eventually([this] { return service->queue() != nullptr; }));
    EXPECT_ERROR(service->add_task(spec("nonsense")), ErrorCode::kInvalidArgument);
    ASSERT_TRUE(becomes_ready());
    for (const char* kind : {"compact", "prune", "retry_quarantine", "backup", "flaky"}) {
        const auto added = service->add_task(spec(kind));
        ASSERT_OK(added);
        const TaskRow row = ended_task(added->id);
        EXPECT_EQ(row.state, TaskState::kDone) << kind << ": " << row.error;
        EXPECT_FALSE(row.result.empty()) << kind;
    }
    EXPECT_TRUE(std::filesystem::exists(dir_.sub("backup")));
    const auto vain = service->add_task(spec("vain"));
    ASSERT_OK(vain);
    EXPECT_EQ(ended_task(vain->id).state, TaskState::kDead);
    EXPECT_TRUE(eventually([this] { return !service->status().degraded.empty(); }));
    EXPECT_THAT(service->status().degraded[0],
                HasSubstr("1 task has failed for good: vain (task "));
    EXPECT_THAT(service->status().degraded.front(),
                HasSubstr(fmt::format("`plumbline task retry {} ", dir_.sub("db"))));
    EXPECT_THAT(service->metrics_text(),
                HasSubstr("plumbline_queue_tasks{kind=\"vain\",state=\"dead\"} 1"));
}

TEST_F(ServiceTest, ATaskThatWaitsForTheWriterEndsWithTheServiceAndGoesOnAfterIt) {
    const auto add_long = [this] {
        service->add_task_kind(
            {"long", "", "until stopped", [](TaskContext& context) {
                 while (!context.should_stop()) {
                     if (const Status done = context.indexer().run_on_writer(
                             [](storage::Database&) { return ok(); }, WriterEffect::kNone);
                         !done) {
                         return TaskOutcome::from(done.error());
                     }
                 }
                 return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
             }});
    };
    open();
    add_long();
    start();
    ASSERT_TRUE(becomes_ready());
    const auto added = service->add_task(spec("long"));
    ASSERT_OK(added);
    ASSERT_TRUE(
        eventually([&] { return service->queue()->get(added->id)->state == TaskState::kRunning; }));
    stop();
    EXPECT_TRUE(ended.has_value());
    const TaskRow row = *service->queue()->get(added->id);
    EXPECT_EQ(row.state, TaskState::kWaiting);
    EXPECT_EQ(row.attempts, 0U);
    service.reset();
    open();
    add_long();
    start();
    ASSERT_TRUE(
        eventually([&] { return service->queue()->get(added->id)->state == TaskState::kRunning; }));
    ASSERT_OK(service->queue()->cancel(added->id));
    EXPECT_EQ(ended_task(added->id).state, TaskState::kCancelled);
}

TEST_F(ServiceTest, SchedulesRunOnceLiveAndAReloadChangesThem) {
    write_config("\n[schedule]\ncompact = \"7d\"\n");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    ASSERT_TRUE(eventually([this] {
        const auto row = service->queue()->newest("compact");
        return row && row->state == TaskState::kDone && row->origin == "schedule";
    }));
    write_config("\n[schedule]\ncompact = false\nscrub = \"1h\"\n[log]\nlevel = \"error\"\n");
    auto report = service->reload();
    ASSERT_OK(report);
    EXPECT_THAT(report->applied, ::testing::ElementsAre("log level: error", "schedules"));
    EXPECT_TRUE(report->needs_restart.empty());
    logging::set_level(logging::Level::kOff);
    write_config("\n[entities.more]\nkey = { id = \"uint8\" }\n");
    report = service->reload();
    ASSERT_OK(report);
    EXPECT_THAT(report->needs_restart, ::testing::ElementsAre("contracts, entities or handlers"));
    write_config("\n[http]\n[webhooks.app]\nurl = \"http://127.0.0.1:1\"\nsecret = \"01234567\"\n");
    report = service->reload();
    ASSERT_OK(report);
    EXPECT_THAT(report->needs_restart, ::testing::ElementsAre("[http]", "[webhooks]"));
    write_config("\n[nonsense]\n");
    EXPECT_ERROR(service->reload(), ErrorCode::kInvalidArgument);
}

TEST_F(ServiceTest, AReloadTellsOfEachSectionThatNeedsARestartForAsLongAsItDiffers) {
    open();
    for (int again = 0; again < 2; ++again) {
        write_config("[repair]\non_drift = \"chain\"\n[backup]\npath = \"there\"\n", "receipts");
        const auto report = service->reload();
        ASSERT_OK(report);
        EXPECT_THAT(report->needs_restart,
                    ::testing::ElementsAre("[proof]", "[repair]", "[backup]"));
    }
    write_config("");
    const auto same = service->reload();
    ASSERT_OK(same);
    EXPECT_THAT(same->needs_restart, ::testing::IsEmpty());
}

TEST_F(ServiceTest, AReloadSetsTheLogLevelOnlyWhereTheConfigSaysAnotherAndNobodyElseDoes) {
    std::vector<std::string> set;
    bool is_given = false;
    set_log_level_ = [&](const std::string& level) {
        set.push_back(level);
        return !is_given;
    };
    write_config("[log]\nlevel = \"error\"\n");
    open();
    const auto applied = [this](const std::string& log) {
        write_config(log);
        const auto report = service->reload();
        EXPECT_OK(report);
        return report ? report->applied : std::vector<std::string>{};
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(applied("[log]\nlevel = \"error\"\n"), ElementsAre());
    EXPECT_THAT(set, ElementsAre()) << "the config says what it said";
    EXPECT_THAT(applied("[log]\nlevel = \"debug\"\n"), ElementsAre("log level: debug"));
    EXPECT_THAT(applied("[log]\nlevel = \"debug\"\n"), ElementsAre());
    EXPECT_THAT(applied(""), ElementsAre("log level: info")) << "as it is where nobody says one";
    is_given = true;
    EXPECT_THAT(applied("[log]\nlevel = \"debug\"\n"), ElementsAre());
    EXPECT_THAT(set, ElementsAre("debug", "", "debug"));
}

TEST_F(ServiceTest, AConfigThatAModuleWouldNotStartWithChangesNothing) {
    write_config("\n[schedule]\nscrub = \"7d\"\n");
    check_config_ = [](const Config& config, const Plan& plan) -> Status {
        EXPECT_EQ(plan.entities().empty(), config.entities.empty());
        return Error{ErrorCode::kInvalidArgument, "no table can be called that"};
    };
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const std::vector<ScheduleEntry> running = service->scheduler()->entries();
    write_config("\n[schedule]\nscrub = \"1d\"\n");
    EXPECT_ERROR(service->reload(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(service->scheduler()->entries(), running);
}

TEST_F(ServiceTest, ATrueChainIsProvenByItself) {
    write_config("", "receipts");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const auto newest = [this] { return service->queue()->newest("prove_log"); };
    ASSERT_TRUE(eventually([&] { return newest() && newest()->state == TaskState::kDone; }));
    EXPECT_THAT(newest()->result, HasSubstr(R"("verdict":"equal")"));
}

TEST_F(ServiceTest, ALogProofThatWaitsForTheChainGivesWayToWhatNeedsNone) {
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    manners_.holds_headers = true;
    const uint64_t before = manners_.headers_asked;
    TaskSpec proof = spec("prove_log", "0 10");
    proof.priority = task_priority::kBackground;
    const auto waits = service->queue()->add(proof);
    ASSERT_OK(waits);
    ASSERT_TRUE(eventually([&] { return manners_.headers_asked > before; }));
    const auto urgent = service->add_task(spec("scrub"));
    ASSERT_OK(urgent);
    let_turn(100);
    EXPECT_EQ(service->queue()->get(urgent->id)->state, TaskState::kWaiting)
        << "an answer may come any moment";
    manners_.is_slow = true;
    EXPECT_EQ(ended_task(urgent->id).state, TaskState::kDone);
    // It goes on with what it was asked for once the chain is back.
    manners_.holds_headers = false;
    manners_.is_slow = false;
    const TaskRow proven = ended_task(waits->id);
    EXPECT_EQ(proven.state, TaskState::kDone) << proven.error;
    EXPECT_THAT(proven.result, HasSubstr(R"("verdict":"equal")"));
    EXPECT_THAT(proven.result, HasSubstr(R"("from":0,"to":10)"));
}

TEST_F(ServiceTest, AStateProofSaysForWhatItWaitsAndOnceWhyItCouldNotAsk) {
    std::string abi = test::chain_abis().at("hub.json");
    abi.insert(abi.rfind(']'), R"(,{"type":"function","name":"balanceOf","stateMutability":"view",)"
                               R"("inputs":[{"name":"who","type":"address"}],)"
                               R"("outputs":[{"name":"","type":"uint256"}]})");
    write("hub.json", abi);
    std::string toml = test::deposits_toml();
    toml.insert(
        toml.find("[[on]]"),
        "state = { call = \"hub.balanceOf\", args = [\"owner\"], returns = [\"balance\"] }\n");
    write("plumbline.toml",
          std::string{test::kChainToml} + "finality = 12\npoll_interval = \"20ms\"\n" + toml);
    manners_.holds_calls = true;
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    testing::internal::CaptureStderr();
    logging::configure(logging::Level::kInfo, logging::Format::kText);
    const auto first = service->add_task(spec("prove_state"));
    ASSERT_OK(first);
    EXPECT_TRUE(is_degraded_by("waiting for the chain: a proof: slow: eth_call"));
    manners_.holds_calls = false;
    for (uint64_t id : {first->id, service->add_task(spec("prove_state"))->id}) {
        const TaskRow proven = ended_task(id);
        EXPECT_EQ(proven.state, TaskState::kDone) << proven.error;
        EXPECT_THAT(proven.result, HasSubstr("eth_call is for members"));
    }
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
    logging::configure(logging::Level::kOff, logging::Format::kText);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("eth_call is for members"));
    constexpr std::string_view kLine = "the state proof could not ask about everything";
    EXPECT_NE(log.find(kLine), std::string::npos) << log;
    EXPECT_EQ(log.find(kLine), log.rfind(kLine)) << "the same reason again is no news: " << log;
}

// --- what cannot be proven, and what is known
// -----------------------------------------------------

/// Headers that do not hash to what they claim, as those of Avalanche, Fantom or Ethermint chains.
class OddChainTest : public ServiceTest {
  protected:
    OddChainTest() : ServiceTest{[](evm::Header& header) { ++header.gas_used; }} {}
};

TEST_F(OddChainTest, AChainThatCannotBeProvenIsAskedOnceAndThenLeftAloneForHours) {
    write_config("\n[schedule]\nprove_log = \"1s\"\n", "receipts");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    ASSERT_TRUE(eventually([&] {
        const auto task = newest_proof();
        return task && task->state == TaskState::kDone;
    }));
    const TaskRow first = *newest_proof();
    EXPECT_THAT(first.result, HasSubstr(R"("verdict":"unprovable")"));
    EXPECT_THAT(first.result, HasSubstr("not provable on this chain"));
    EXPECT_TRUE(eventually([this] { return !service->status().notes.empty(); }));
    EXPECT_THAT(service->status().notes[0], HasSubstr("not provable on this chain"));
    EXPECT_TRUE(service->status().degraded.empty());
    // Some intervals later.
    const uint64_t asked = manners_.headers_asked;
    let_turn(600);
    EXPECT_EQ(manners_.headers_asked, asked);
    EXPECT_EQ(newest_proof()->id, first.id);
    // Neither does a restart make it begin again.
    stop();
    service.reset();
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    let_turn(500);
    EXPECT_EQ(newest_proof()->id, first.id);
    // Asked for by name it is tried at once.
    const auto named = service->add_task(spec("prove_log", "0 10"));
    ASSERT_OK(named);
    EXPECT_THAT(ended_task(named->id).result, HasSubstr(R"("verdict":"unprovable")"));
}

TEST_F(ServiceTest, AKnownFindingIsToldOnceAndNotProvenAgainUntilAskedForByName) {
    write_config("\n[schedule]\nprove_log = \"1s\"\n[repair]\non_log = \"report\"\n", "receipts");
    manners_.hides_a_log = true;
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    ASSERT_TRUE(eventually([&] {
        const auto task = newest_proof();
        return task && task->state == TaskState::kDone;
    }));
    const TaskRow first = *newest_proof();
    EXPECT_THAT(first.result, HasSubstr(R"("verdict":"mismatch")"));
    // The block that is wrong, and not the one that the proof began at.
    const auto known = KnownRanges::read(*service->database()->read_view(), 0);
    ASSERT_OK(known);
    const auto wrong = std::ranges::find_if(
        known->ranges(), [](const KnownRange& range) { return range.findings > 0; });
    ASSERT_NE(wrong, known->ranges().end());
    ASSERT_TRUE(is_degraded_by(
        fmt::format("the first of them in block {}, as fake had answered; `plumbline task add {} "
                    "repair` mends them",
                    wrong->range.from, dir_.sub("db"))));
    const auto counted = [this] {
        const std::string text = service->metrics_text();
        const size_t at = text.find("plumbline_findings_total{kind=\"log missing\"}");
        return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
    };
    const std::string told = counted();
    EXPECT_NE(told, "");
    const uint64_t asked = manners_.headers_asked;
    let_turn(600);
    EXPECT_EQ(manners_.headers_asked, asked);
    EXPECT_EQ(newest_proof()->id, first.id);
    const auto named = service->add_task(spec("prove_log", "0 40"));
    ASSERT_OK(named);
    EXPECT_THAT(ended_task(named->id).result, HasSubstr(R"("verdict":"mismatch")"));
    EXPECT_EQ(counted(), told);
    // A repair makes it a block like any other, and what is told of it ends.
    const std::vector<storage::JournalRow> journal = repair();
    ASSERT_FALSE(journal.empty());
    // What the proof had told is not counted again; what is not final it had not looked at.
    EXPECT_EQ(counted(),
              fmt::format("plumbline_findings_total{{kind=\"log missing\"}} {}", journal.size()));
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
}

/// A record of a state proof that found a row that differs.
storage::ProofRecord drift_at(const storage::Cursor& cursor) {
    storage::ProofRecord out;
    out.proof = "state";
    out.entity = "account";
    out.block_num = cursor.block_num;
    out.hash = cursor.block_hash;
    out.time_s = 1;
    out.checked = 5;
    out.mismatches = 1;
    out.detail = "getters, 2 requests";
    return out;
}

TEST_F(ServiceTest, AMismatchThatCouldNotBeLookedAtAgainIsToldWithTheReason) {
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    storage::ProofRecord record = drift_at(*service->database()->cursor());
    keep(record);
    EXPECT_TRUE(is_degraded_by(fmt::format(
        "the state proof of account found that 1 row differs from the contract at block {}; "
        "`plumbline task add {} repair` mends what comes of a missing event or a damaged row",
        record.block_num, dir_.sub("db"))))
        << "no proof of the log mends anything here";
    keep(keep_standing(record, "nobody can be asked: node: down"));
    EXPECT_TRUE(is_degraded_by(fmt::format(
        "1 row differs from the contract at block {}, which could not be looked at since: nobody "
        "can be asked: node: down; ",
        record.block_num)));
    EXPECT_THAT(service->metrics_text(), HasSubstr("plumbline_mismatches{proof=\"state\"} 1"));
    // What was equal was so at its block.
    record.mismatches = 0;
    record.is_equal = true;
    keep(keep_standing(record, "nobody can be asked: node: down"));
    const std::string note = fmt::format(
        "the state proof of account was equal at block {}, and could not look again since: nobody "
        "can be asked: node: down",
        record.block_num);
    EXPECT_TRUE(eventually([&] {
        const ServiceStatus status = service->status();
        return status.degraded.empty() && std::ranges::count(status.notes, note) == 1;
    }));
}

TEST_F(ServiceTest, WhatARepairHasLeftIsTheMappingsAndNoOtherRepairIsAdvised) {
    constexpr std::string_view kFound =
        R"([{"kind":"state differs","entity":"account","key":"id=3","field":"n","stored":"1",)"
        R"("expected":"2","block":5,"text":"account id=3 differs"}])";
    open();
    service->add_task_kind({"prove_state", "", "", [&](TaskContext&) {
                                return TaskOutcome::done(
                                    fmt::format(R"({{"findings":{}}})", kFound));
                            }});
    service->add_task_kind(
        {"repair", "", "", [&](TaskContext&) {
             return TaskOutcome::done(fmt::format(
                 R"({{"dry_run":false,"whole":false,"leaves_drift":true,"left":["a line"],)"
                 R"("found":{{"state":{}}}}})",
                 kFound));
         }});
    start();
    ASSERT_TRUE(becomes_ready());
    keep(drift_at(*service->database()->cursor()));
    ASSERT_EQ(ended_task(service->add_task(spec("prove_state"))->id).state, TaskState::kDone);
    EXPECT_TRUE(is_degraded_by(" repair` mends what comes of"));
    ASSERT_EQ(ended_task(service->add_task(spec("repair"))->id).state, TaskState::kDone);
    EXPECT_TRUE(is_degraded_by(
        "; correct the mapping: the last repair proved events and rows and left this"));
    EXPECT_FALSE(is_degraded_by_now("task add"));
}

TEST_F(ServiceTest, WhatARepairFindsFirstIsToldAsWhatAProofFinds) {
    manners_.hides_a_log = true;
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const std::vector<storage::JournalRow> journal = repair();
    ASSERT_FALSE(journal.empty());
    const std::string metrics = service->metrics_text();
    EXPECT_THAT(metrics,
                HasSubstr(fmt::format("plumbline_findings_total{{kind=\"log missing\"}} {}\n",
                                      journal.size())));
    EXPECT_THAT(metrics, HasSubstr("plumbline_proofs_total{kind=\"log\",verdict=\"mismatch\"} 1"));
}

TEST_F(ServiceTest, ARepairThatIsStoppedOnItsWayEndsAndIsFinishedAfterTheNextStart) {
    manners_.hides_a_log = true;
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const auto repair = service->add_task(spec("repair"));
    ASSERT_OK(repair);
    ASSERT_TRUE(eventually([&] {
        const auto row = service->queue()->get(repair->id);
        return row && row->state != TaskState::kWaiting;
    }));
    stop();
    service.reset();
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const TaskRow row = ended_task(repair->id);
    EXPECT_EQ(row.state, TaskState::kDone) << row.error;
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
}

TEST_F(ServiceTest, WhatWasProvenToLessThanTheConfigAsksForNowIsProvenAgain) {
    const auto is_final_at = [this](storage::ProofLevel level) {
        const uint64_t finalized = service->database()->cursor()->finalized;
        const auto coverage = service->database()->coverage();
        return coverage && std::ranges::all_of(*coverage, [&](const storage::CoverageRow& row) {
                   return row.range.from > finalized || row.level == level;
               });
    };
    const std::string often = "\n[schedule]\nprove_log = \"1s\"\n";
    const std::string some = "sample = 0.000001\n" + often;
    for (const auto& [more, level, wanted] :
         {std::tuple{often, "linked", storage::ProofLevel::kLinked},
          std::tuple{often, "bloom", storage::ProofLevel::kBloom},
          std::tuple{some, "receipts", storage::ProofLevel::kBloom},
          std::tuple{often, "receipts", storage::ProofLevel::kReceipts}}) {
        SCOPED_TRACE(fmt::format("{} {}", level, more));
        write_config(more, level);
        open();
        start();
        ASSERT_TRUE(becomes_ready());
        EXPECT_TRUE(eventually([&, wanted = wanted] { return is_final_at(wanted); }));
        stop();
        service.reset();
    }
}

// --- what a task does wrong
// -----------------------------------------------------------------------

TEST_F(ServiceTest, WhatIsProvenWrongIsMendedByTheServiceAndThenProven) {
    write_config("\n[schedule]\nprove_log = \"1s\"\n", "receipts");
    manners_.hides_a_log = true;
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const auto is_proven = [this] {
        const auto task = newest_proof();
        return task && task->state == TaskState::kDone &&
               task->result.find(R"("verdict":"equal")") != std::string::npos;
    };
    ASSERT_TRUE(eventually(is_proven));
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
    const uint64_t finalized = service->database()->cursor()->finalized;
    uint64_t final_logs = 0;
    for (const auto& block : chain_.blocks()) {
        for (const evm::Log& log : block->logs.logs) {
            final_logs +=
                log.address == test::hub_address() && log.block_num <= finalized ? 1U : 0U;
        }
    }
    const auto view = service->database()->read_view();
    uint64_t stored = 0;
    for (const auto scan = view->scan_logs(0, finalized); scan->valid(); scan->next()) {
        ++stored;
    }
    EXPECT_EQ(stored, final_logs);
    const auto coverage = service->database()->coverage();
    for (const storage::CoverageRow& row : *coverage) {
        EXPECT_TRUE(row.range.from > finalized || row.level == storage::ProofLevel::kReceipts);
    }
    const auto journal = view->list_journal(0, 1'000);
    ASSERT_OK(journal);
    ASSERT_FALSE(journal->empty());
    for (const storage::JournalRow& row : *journal) {
        EXPECT_EQ(row.kind, "log inserted");
    }
    // Each is one finding, however often its block was proven.
    EXPECT_THAT(service->metrics_text(),
                HasSubstr(fmt::format("plumbline_findings_total{{kind=\"log missing\"}} {}\n",
                                      journal->size())));
}

TEST_F(ServiceTest, WhatWasOnlyReportedIsMendedOnceTheConfigSaysSo) {
    write_config("\n[schedule]\nprove_log = \"1s\"\n[repair]\non_log = \"report\"\n", "receipts");
    manners_.hides_a_log = true;
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    ASSERT_TRUE(is_degraded_by("the log proof found"));
    stop();
    service.reset();
    write_config("\n[schedule]\nprove_log = \"1s\"\n", "receipts");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    EXPECT_TRUE(eventually([this] {
        const auto task = newest_proof();
        return task && task->result.find(R"("verdict":"equal")") != std::string::npos;
    }));
    EXPECT_TRUE(eventually([this] { return service->status().degraded.empty(); }));
}

// --- what a task does wrong
// -----------------------------------------------------------------------

TEST_F(ServiceTest, ATaskThatThrowsFailsAndTheServiceGoesOn) {
    open();
    service->add_task_kind({"thrower", "", "throws", [](TaskContext&) -> TaskOutcome {
                                throw std::out_of_range{"map::at"};
                            }});
    start();
    ASSERT_TRUE(becomes_ready());
    TaskSpec thrower = spec("thrower");
    thrower.attempts_max = 1;
    const auto added = service->add_task(std::move(thrower));
    ASSERT_OK(added);
    const TaskRow row = ended_task(added->id);
    EXPECT_EQ(row.state, TaskState::kDead);
    EXPECT_THAT(row.error, HasSubstr("map::at"));
    EXPECT_TRUE(becomes_ready());
}

TEST_F(ServiceTest, ATaskThatFailsWhileTheIndexWaitsForTheChainIsTriedUntilThatIsBack) {
    open();
    std::atomic<int> runs{0};
    service->add_task_kind({"asker", "", "asks the chain", [&](TaskContext&) {
                                ++runs;
                                return manners_.head_max == UINT64_MAX
                                           ? TaskOutcome::done("answered")
                                           : TaskOutcome::from(
                                                 {ErrorCode::kUnavailable, "nobody answers"});
                            }});
    start();
    ASSERT_TRUE(becomes_ready());
    manners_.head_max = 40;
    ASSERT_TRUE(
        eventually([this] { return service->indexer().progress().waiting_since_ms.load() >= 0; }));
    TaskSpec asker = spec("asker");
    asker.attempts_max = 1;
    const auto added = service->add_task(std::move(asker));
    ASSERT_OK(added);
    ASSERT_TRUE(eventually([&] { return !service->queue()->get(added->id)->error.empty(); }));
    const TaskRow waits = *service->queue()->get(added->id);
    EXPECT_EQ(waits.state, TaskState::kWaiting);
    EXPECT_EQ(waits.attempts, 0U);
    EXPECT_EQ(waits.error, "nobody answers");
    manners_.head_max = UINT64_MAX;
    ASSERT_OK(service->queue()->force(added->id));
    EXPECT_EQ(ended_task(added->id).state, TaskState::kDone);
    EXPECT_GE(runs, 2);
}

TEST_F(ServiceTest, ATaskIsInterruptedOnlyWhenItShouldStop) {
    open();
    std::atomic<int> runs{0};
    service->add_task_kind({"quitter", "", "says it was stopped", [&runs](TaskContext&) {
                                ++runs;
                                return TaskOutcome::from({ErrorCode::kCancelled, "stopped"});
                            }});
    start();
    ASSERT_TRUE(becomes_ready());
    TaskSpec quitter = spec("quitter");
    quitter.attempts_max = 1;
    const auto added = service->add_task(std::move(quitter));
    ASSERT_OK(added);
    EXPECT_EQ(ended_task(added->id).state, TaskState::kDead);
    EXPECT_EQ(runs, 1);
}

TEST_F(ServiceTest, WhatThisProcessFoldedIntoQuarantineIsCounted) {
    write_config(
        "[[on]]\nevent = \"hub.Deposited\"\ninsert = \"account\"\n"
        "key = { owner = \"$log.address\" }\n");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const uint64_t rows = service->status().quarantined_rows;
    ASSERT_GT(rows, 0U);
    EXPECT_THAT(service->metrics_text(),
                HasSubstr(fmt::format("plumbline_quarantined_events_total {}\n", rows)));
}

class ServiceCorrectionTest : public ServiceTest {
  protected:
    ServiceCorrectionTest() {
        open();
        start();
        EXPECT_TRUE(becomes_ready());
        stop();
        service.reset();
    }
    /// While nobody runs the index, in its last block. `refused_before` is why a version before put
    /// it into quarantine; empty: a fold is owed.
    void correct(const std::string& entity, const std::string& row,
                 const std::string& refused_before) {
        const auto db = storage::test::must_open(dir_.sub("db"), storage::test::open_options());
        key_ = db->read_view()->scan_entity(0, "", "")->key();
        const auto batch = db->make_batch();
        const auto cursor = db->cursor();
        batch->append_correction({cursor->block_num, 0, entity, key_, row, "test"});
        if (refused_before.empty()) {
            batch->require_refold();
        } else {
            batch->quarantine(
                {cursor->block_num, UINT32_MAX, "correction of " + entity, refused_before});
        }
        batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
        ASSERT_OK(db->commit(*batch, storage::Durability::kSync));
    }
    std::string key_;
};

TEST_F(ServiceCorrectionTest, OneThatAVersionBeforeDroppedIsAppliedAtTheStart) {
    std::string row;
    {
        const auto db = storage::test::must_open(dir_.sub("db"), storage::test::open_options());
        const storage::RowCodec codec{db->entities()[0]};
        row = codec.empty_row();
        codec.set_word(row, 0, evm::U256{77});
    }
    correct("account", row, "its key or row does not fit the mapping");
    open();
    start();
    ASSERT_TRUE(eventually([this] {
        return service->database() != nullptr && service->status().is_ready() &&
               service->database()->quarantine_count() == 0;
    }));
    const auto view = service->database()->read_view();
    const storage::RowCodec codec{view->bundle().entities[0]};
    EXPECT_EQ(codec.word(view->get_row(0, key_).value(), 0), evm::U256{77});
}

TEST_F(ServiceCorrectionTest, OneInQuarantineIsNotCalledAnEventThatNoHandlerCouldApply) {
    correct("gone", "", "");
    open();
    start();
    ASSERT_TRUE(is_degraded_by(
        "corrections of 1 block are in quarantine: the mapping has no place for what a repair "
        "wrote there; `plumbline quarantine "));
    EXPECT_FALSE(is_degraded_by_now("no handler could apply"));
}

TEST_F(ServiceTest, ATaskThatCouldNeverRunIsRefusedWhenItIsAdded) {
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    for (const auto& [kind, args, why] :
         std::vector<std::array<std::string, 3>>{{"prove_log", "5", "two block numbers"},
                                                 {"refetch", "9 5", "begins with its lower block"},
                                                 {"refetch", "", "two block numbers"},
                                                 {"prove_state", "acount", "'acount'"},
                                                 {"repair", "dry-run nobody", "'nobody'"},
                                                 {"repair", "dryrun", "'dryrun'"},
                                                 {"prove_replay", "account account", "at most one"},
                                                 {"scrub", "fast", "takes no arguments"},
                                                 {"prove_log", "5 900000", "holds blocks up to"},
                                                 {"backup", "", "add [backup] path"}}) {
        const auto added = service->add_task(spec(kind, args));
        ASSERT_FALSE(added.has_value()) << kind << ' ' << args;
        EXPECT_EQ(added.error().code, ErrorCode::kInvalidArgument);
        EXPECT_THAT(added.error().message, HasSubstr(why));
    }
    for (const auto& [kind, args] : std::vector<std::pair<std::string, std::string>>{
             {"prove_log", "0 10"}, {"repair", "dry-run account"}, {"prove_replay", "account"}}) {
        EXPECT_TRUE(service->add_task(spec(kind, args)).has_value()) << kind;
    }
}

// --- how much is known of the head
// ----------------------------------------------------------------

TEST_F(ServiceTest, WhereNobodyTellsTheHeadTheServiceIsNotReadyAndTheLagUnknown) {
    write_config("", "off", "ready_age = \"1s\"\n");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    EXPECT_THAT(service->metrics_text(), HasSubstr("plumbline_lag_blocks 0"));
    manners_.is_mute = true;
    ASSERT_TRUE(is_degraded_by("no provider has told the chain's head for"));
    ASSERT_TRUE(is_degraded_by("check that node runs, or add a second provider"));
    EXPECT_FALSE(service->status().is_ready());
    EXPECT_FALSE(service->status().progress.lag.has_value());
    EXPECT_THAT(service->metrics_text(),
                ::testing::ContainsRegex("plumbline_lag_blocks [Nn]a[Nn]"));
    EXPECT_THAT(service->metrics_text(), HasSubstr("plumbline_ready_age_limit_seconds 1"));
}

TEST_F(ServiceTest, WhoTellsNoHeadIsCalledSilentOnlyWhereItAnswersNothing) {
    write_config("", "off", "ready_age = \"1s\"\n");
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    manners_.silent_ms = 100;  // It answers; the next question is out.
    manners_.is_mute = true;
    EXPECT_TRUE(is_degraded_by("(ready_age: 1s); node: answers: check that"));
    EXPECT_FALSE(service->status().providers.front().silent_ms.has_value());
    manners_.silent_ms = 30'000;
    EXPECT_TRUE(is_degraded_by("(ready_age: 1s); node: no answer for 30s: check that"));
    EXPECT_EQ(service->status().providers.front().silent_ms, 30'000);
}

TEST_F(ServiceTest, WhereNobodyAnswersOneLineNamesTheCauseAndEachProviderHasOneOfItsOwn) {
    write_config("", "off", "ready_age = \"1s\"\nhead_age = \"2m\"\n");
    open();
    start();
    ASSERT_TRUE(is_degraded_by("the chain's head, block"));
    manners_.is_mute = true;
    manners_.is_parked = true;
    EXPECT_TRUE(eventually([this] {
        const auto reasons = service->status().degraded;
        return reasons.size() == 2 &&
               reasons[0].starts_with("no provider has told the chain's head for ") &&
               reasons[0].ends_with(
                   "(ready_age: 1s): look at the key or the account of node, or add a second "
                   "provider to [chain] rpc") &&
               reasons[1] ==
                   "provider node is not asked: refused: HTTP 401: Must be authenticated!";
    })) << ::testing::PrintToString(service->status().degraded);
    EXPECT_FALSE(service->status().is_ready());
}

TEST_F(ServiceTest, WhereEveryAnswerIsALimitThatIsOneReason) {
    write_config("", "off", "ready_age = \"1s\"\nhead_age = \"2m\"\n");
    open();
    start();
    ASSERT_TRUE(is_degraded_by("the chain's head, block"));
    manners_.is_mute = true;
    manners_.is_limited = true;
    manners_.is_slow = true;
    EXPECT_TRUE(eventually([this] {
        const auto reasons = service->status().degraded;
        return reasons.size() == 1 &&
               reasons[0].starts_with("no provider has told the chain's head for ") &&
               reasons[0].ends_with(
                   "(ready_age: 1s); node: error -32005 \"slow down\", HTTP 429: give node a "
                   "larger "
                   "plan, or wait until its limit is over, or add a second provider to [chain] "
                   "rpc");
    })) << ::testing::PrintToString(service->status().degraded);
}

TEST_F(ServiceTest, BeforeAHeadIsToldNoneIsShownAndNoLag) {
    manners_.is_mute = true;
    open();
    start();
    let_turn(20);
    EXPECT_FALSE(service->status().progress.head_block.has_value());
    EXPECT_FALSE(service->status().progress.lag.has_value());
    EXPECT_FALSE(service->status().is_ready());
    for (const char* name : {"plumbline_lag_blocks", "plumbline_chain_head_block"}) {
        EXPECT_THAT(service->metrics_text(),
                    ::testing::ContainsRegex(std::string{name} + " [Nn]a[Nn]"));
    }
}

TEST_F(ServiceTest, AHeadBelowOursIsTheReasonAndNoClockIsBlamed) {
    write_config("", "off", "head_age = \"2m\"\n");
    open();
    start();
    ASSERT_TRUE(is_degraded_by("the chain's head, block"));
    ASSERT_TRUE(eventually([this] { return service->status().progress.next_block == 61; }));
    manners_.head_max = 40;
    EXPECT_TRUE(eventually([this] {
        const auto reasons = service->status().degraded;
        return reasons.size() == 1 &&
               reasons[0].find(
                   ": the chain's head is at block 40, below our block 60: waiting for "
                   "the provider to catch up") != std::string::npos &&
               reasons[0].ends_with("; node: tells block 40");
    })) << ::testing::PrintToString(service->status().degraded);
    EXPECT_FALSE(service->status().is_ready());
    EXPECT_FALSE(service->status().progress.lag.has_value());
    // What is asked to tell whether it is another chain does not end the wait.
    for (int turns = 0; turns < 300; ++turns) {
        let_turn(1);
        EXPECT_FALSE(is_degraded_by_now("the chain's head, block"));
    }
    EXPECT_TRUE(is_degraded_by_now("the chain's head is at block 40"));
    manners_.head_max = UINT64_MAX;
    EXPECT_TRUE(eventually([this] { return !is_degraded_by_now("the chain's head is at block"); }));
}

TEST_F(ServiceTest, WhereTheHeadIsOldByItsTimestampTheServiceIsNotReady) {
    write_config("", "off", "head_age = \"2m\"\n");
    open();
    start();
    ASSERT_TRUE(is_degraded_by("the chain's head, block"));
    EXPECT_FALSE(service->status().is_ready());
    EXPECT_FALSE(service->status().progress.lag.has_value());
    EXPECT_THAT(service->metrics_text(), HasSubstr("plumbline_head_age_limit_seconds 120\n"));
}

/// The names after "plumbline_" that a text of rules or panels asks for.
std::set<std::string> metrics_in(const std::string& path) {
    std::ifstream file{path};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const std::regex name{"plumbline_[a-z_]+[a-z]"};
    return {std::sregex_token_iterator{text.begin(), text.end(), name}, {}};
}

TEST_F(ServiceTest, WhatRulesAndPanelsAskForIsThereBeforeAnythingHasHappened) {
    // Those of providers and of requests have the provider's or the route's name.
    const auto is_by_name = [](const std::string& name) {
        return name.starts_with("plumbline_provider_") || name.starts_with("plumbline_http_") ||
               name.starts_with("plumbline_webhook_") || name.starts_with("plumbline_sink_") ||
               name.starts_with("plumbline_task_seconds");
    };
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    const std::string shown = service->metrics_text();
    size_t count = 0;
    for (const char* file : {"/docs/alerts.yml", "/docs/grafana.json"}) {
        for (const std::string& name : metrics_in(source_dir() + file)) {
            if (!is_by_name(name)) {
                ++count;
                EXPECT_NE(shown.find("\n" + name), std::string::npos) << name << " of " << file;
            }
        }
    }
    EXPECT_GT(count, 20U);
    EXPECT_THAT(shown, HasSubstr("plumbline_findings_total{kind=\"row differs\"} 0"));
    EXPECT_THAT(shown, HasSubstr("plumbline_mismatches{proof=\"state\"} 0"));
    EXPECT_THAT(shown, ::testing::ContainsRegex("plumbline_backup_age_seconds .?[Ii]nf"));
    service->metrics().expect_webhook("app");
    service->metrics().count_webhook("app", false);
    service->metrics().count_webhook("app", false);
    EXPECT_THAT(service->metrics_text(),
                HasSubstr("plumbline_webhook_failures_in_a_row{webhook=\"app\"} 2"));
    service->metrics().count_webhook("app", true);
    EXPECT_THAT(service->metrics_text(),
                HasSubstr("plumbline_webhook_failures_in_a_row{webhook=\"app\"} 0"));
}

TEST_F(ServiceTest, ABackupsAgeIsHeldAgainstItsSchedule) {
    write_config("[backup]\npath = \"backups\"\n[schedule]\nbackup = \"1h\"\n");
    open();
    start();
    ASSERT_TRUE(eventually([this] {
        return service->queue() != nullptr &&
               !service->queue()->list(TaskState::kDone, "backup").empty();
    }));
    EXPECT_THAT(service->metrics_text(), HasSubstr("plumbline_backup_age_limit_seconds 7200"));
    EXPECT_THAT(service->metrics_text(),
                ::testing::ContainsRegex("plumbline_backup_age_seconds [0-9]"));
}

TEST_F(ServiceTest, WhereItListensIsBesideTheLockWhileItRunsAndNoLonger) {
    open();
    service->set_address("http://127.0.0.1:40123");
    start();
    ASSERT_TRUE(becomes_ready());
    EXPECT_EQ(storage::read_service_address(dir_.sub("db")), "http://127.0.0.1:40123");
    stop();
    EXPECT_EQ(storage::read_service_address(dir_.sub("db")), std::nullopt);
    // One that was killed left its own; who comes next and does not listen takes it away.
    ASSERT_TRUE(storage::write_service_address(dir_.sub("db"), "http://127.0.0.1:1").has_value());
    service.reset();
    open();
    start();
    ASSERT_TRUE(becomes_ready());
    EXPECT_EQ(storage::read_service_address(dir_.sub("db")), std::nullopt);
}

TEST_F(ServiceTest, PartsAreStoppedInReverseAndOneThatCannotStartEndsTheService) {
    struct Part final : ServiceModule {
        Part(std::vector<std::string>& out, std::string label, bool works)
            : log{out},
              name{std::move(label)},
              is_fine{works} {}
        Status start(Service&) override {
            log.push_back("start " + name);
            return is_fine ? ok() : Status{Error{ErrorCode::kUnavailable, "the port is taken"}};
        }
        void stop() override { log.push_back("stop " + name); }
        std::vector<std::string>& log;
        std::string name;
        bool is_fine;
    };
    std::vector<std::string> log;
    open();
    service->add_module(std::make_unique<Part>(log, "a", true));
    service->add_module(std::make_unique<Part>(log, "b", false));
    start();
    ASSERT_TRUE(eventually([this] { return has_ended.load(); }));
    EXPECT_ERROR(ended, ErrorCode::kUnavailable);
    EXPECT_THAT(log, ::testing::ElementsAre("start a", "start b", "stop a"));
}

TEST(SdNotifyTest, WritesToTheSocketThatTheEnvironmentNames) {
    const TempDir dir;
    const std::string path = dir.sub("notify");
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    ASSERT_GE(fd, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_FALSE(notify_service_manager("READY=1"));
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_TRUE(notify_service_manager("READY=1"));
    EXPECT_EQ(watchdog_interval_ms(), 15'000);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    EXPECT_EQ(watchdog_interval_ms(), 0);
    char text[32] = {};
    EXPECT_EQ(recv(fd, text, sizeof(text), 0), 7);
    EXPECT_STREQ(text, "READY=1");
    close(fd);
}

}  // namespace
}  // namespace plumbline::engine::service_test
