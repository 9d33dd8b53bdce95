// The work queue over a real database: order, retries, dead letters, restarts, crashes. Time is the
// test's; nothing here waits.
#include "engine/task/work_queue.hpp"

#include <chrono>
#include <future>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "engine/task/schedule.hpp"
#include "storage/commit_batch.hpp"
#include "tests/storage/fault_fs.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::engine::work_queue_test {
namespace {

using storage::test::create_options;
using storage::test::message_of;
using storage::test::open_options;
using storage::test::TempDir;
using storage::test::test_seed;

using Kind = TaskOutcome::Kind;

/// A queue that can be shut and opened again, as by a restart.
class Desk {
  public:
    explicit Desk(WorkQueueOptions options = {}, rocksdb::Env* env = nullptr) : options_{options} {
        storage::OpenOptions create = create_options();
        create.env = env;
        open(std::move(create));
    }

    void restart() {
        queue_.reset();
        store_.reset();
        database_.reset();
        open(open_options());
    }
    /// The process dies: whatever runs stays marked as running.
    void crash() { restart(); }

    WorkQueue& queue() { return *queue_; }
    storage::Database& database() { return *database_; }
    ManualClock& clock() { return clock_; }
    uint64_t add(const std::string& name, uint8_t priority = task_priority::kNormal,
                 int64_t delay_ms = 0) {
        TaskSpec spec;
        spec.kind = "kind";
        spec.name = name;
        spec.priority = priority;
        spec.delay_ms = delay_ms;
        const auto added = queue_->add(spec);
        PLUMBLINE_CHECK(added.has_value());
        return added->id;
    }
    /// The name of the task that was taken; empty where none is due.
    std::string take() {
        const auto row = queue_->take();
        PLUMBLINE_CHECK(row.has_value());
        taken_ = *row ? (*row)->id : 0;
        return *row ? (*row)->name : "";
    }
    void finish(Kind kind, const std::string& text = "") {
        PLUMBLINE_CHECK(queue_->finish(taken_, {kind, text, "", 0}).has_value());
    }
    /// As the metrics have it.
    uint64_t count(TaskState state) const {
        uint64_t out = 0;
        for (const QueueCount& one : queue_->counts()) {
            out += one.state == state ? one.count : 0;
        }
        return out;
    }
    TaskRow row(uint64_t id) {
        const auto row = queue_->get(id);
        PLUMBLINE_CHECK(row.has_value());
        return *row;
    }

  private:
    void open(storage::OpenOptions options) {
        auto database = storage::Database::open(dir_.sub("db"), std::move(options));
        PLUMBLINE_CHECK_MSG(database.has_value(), message_of(database).c_str());
        database_ = *std::move(database);
        store_ = std::make_unique<storage::TaskStore>(*database_);
        auto queue = WorkQueue::open(*store_, clock_, options_);
        PLUMBLINE_CHECK(queue.has_value());
        queue_ = *std::move(queue);
    }

    TempDir dir_;
    WorkQueueOptions options_;
    ManualClock clock_;
    std::unique_ptr<storage::Database> database_;
    std::unique_ptr<storage::TaskStore> store_;
    std::unique_ptr<WorkQueue> queue_;
    uint64_t taken_ = 0;
};

TEST(WorkQueueTest, MostUrgentFirstThenLongestDue) {
    Desk desk;
    desk.add("background", task_priority::kBackground);
    desk.add("later", task_priority::kNormal, 2);
    desk.add("sooner", task_priority::kNormal, 1);
    desk.add("forced", task_priority::kForced);
    desk.add("not yet", task_priority::kForced, 10'000);
    desk.clock().advance(5);
    for (const char* name : {"forced", "sooner", "later", "background", ""}) {
        EXPECT_EQ(desk.take(), name);
        if (*name != '\0') {
            desk.finish(Kind::kDone);
        }
    }
    EXPECT_EQ(desk.queue().next_due_ms(), desk.clock().unix_ms() + 9'995);
}

TEST(WorkQueueTest, HowFarATaskIsIsOfItsRunAndGoesWithIt) {
    Desk desk;
    const uint64_t id = desk.add("long");
    desk.queue().tell_progress(id, "before it runs");
    EXPECT_TRUE(desk.queue().progress().empty());
    EXPECT_EQ(desk.take(), "long");
    desk.queue().tell_progress(id, "log: blocks 5 of 10");
    EXPECT_EQ(desk.queue().progress(),
              (std::map<uint64_t, std::string>{{id, "log: blocks 5 of 10"}}));
    desk.finish(Kind::kMore);
    EXPECT_TRUE(desk.queue().progress().empty());
    desk.take();
    desk.queue().tell_progress(id, "log: blocks 6 of 10");
    desk.crash();
    EXPECT_TRUE(desk.queue().progress().empty());
}

/// The disk under a queue, and what it does on a thread of its own while that disk hangs.
class HeldDisk {
  public:
    ~HeldDisk() { files_->release_syncs(); }
    rocksdb::Env* env() { return env_.get(); }
    template <typename Work>
    [[nodiscard]] std::future<void> begin(Work work) {
        files_->hang_syncs();
        std::future<void> out = std::async(std::launch::async, std::move(work));
        files_->await_hanging_sync();
        return out;
    }
    void release() { files_->release_syncs(); }

  private:
    std::shared_ptr<storage::test::FaultFileSystem> files_ =
        std::make_shared<storage::test::FaultFileSystem>();
    std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
};

constexpr std::chrono::minutes kHang{1};  ///< a guard, and no expectation

TEST(WorkQueueTest, WhoOnlyReadsDoesNotWaitForTheDisk) {
    HeldDisk disk;
    Desk desk{{}, disk.env()};
    const uint64_t running = desk.add("running");
    desk.take();
    Scheduler scheduler{desk.queue(), desk.clock()};
    scheduler.set({{"compact", 1'000}});
    const std::future<void> held = disk.begin([&] { scheduler.tick(); });
    const std::future<void> read = std::async(std::launch::async, [&] {
        const WorkQueue& queue = desk.queue();
        // What is not on disk yet is not told.
        EXPECT_EQ(queue.list().size(), 1U);
        EXPECT_EQ(queue.newest("compact"), std::nullopt);
        EXPECT_EQ(queue.unfinished(), 1U);
        EXPECT_EQ(queue.counts().size(), 1U);
        EXPECT_EQ(queue.given_up(TaskState::kDead).count, 0U);
        EXPECT_OK(queue.get(running));
        desk.queue().tell_progress(running, "half");
        EXPECT_EQ(queue.progress().at(running), "half");
        EXPECT_FALSE(queue.is_cancelled(running));
        EXPECT_FALSE(queue.should_yield(running));
        EXPECT_EQ(queue.next_due_ms(), -1);
        EXPECT_EQ(scheduler.entries().size(), 1U);
        scheduler.set({});
    });
    EXPECT_EQ(read.wait_for(kHang), std::future_status::ready);
    disk.release();
    held.wait();
    read.wait();
    EXPECT_TRUE(desk.queue().newest("compact"));
}

TEST(WorkQueueTest, WhoChangesATaskWhileTheDiskWritesSeesWhatWasWritten) {
    HeldDisk disk;
    Desk desk{{}, disk.env()};
    uint64_t first = 0;
    const std::future<void> held = disk.begin([&] { first = desk.add("same"); });
    uint64_t second = 0;
    const std::future<void> other =
        std::async(std::launch::async, [&] { second = desk.add("same"); });
    disk.release();
    held.wait();
    other.wait();
    EXPECT_EQ(first, second);
    EXPECT_EQ(desk.queue().list().size(), 1U);
}

TEST(WorkQueueTest, OneUnfinishedTaskANameAndTheMoreUrgentWishWins) {
    Desk desk;
    const uint64_t first = desk.add("same", task_priority::kBackground, 60'000);
    EXPECT_EQ(desk.add("same", task_priority::kForced), first);
    EXPECT_EQ(desk.queue().unfinished(), 1U);
    EXPECT_EQ(desk.take(), "same");
    EXPECT_EQ(desk.add("same"), first) << "it runs already";
    desk.finish(Kind::kDone);
    EXPECT_NE(desk.add("same"), first) << "a finished one is no reason not to run again";
}

TEST(WorkQueueTest, FailureWaitsLongerAndLongerThenDiesWithItsReason) {
    Desk desk;
    TaskSpec spec;
    spec.kind = "kind";
    spec.attempts_max = 4;
    const auto added = desk.queue().add(spec);
    ASSERT_OK(added);
    for (uint32_t attempt = 1; attempt <= 4; ++attempt) {
        ASSERT_EQ(desk.take(), "kind");
        desk.finish(Kind::kFailed, "no answer " + std::to_string(attempt));
        const TaskRow row = desk.row(added->id);
        EXPECT_EQ(row.attempts, attempt);
        EXPECT_EQ(row.error, "no answer " + std::to_string(attempt));
        if (attempt == 4) {
            EXPECT_EQ(row.state, TaskState::kDead);
            break;
        }
        const int64_t wait = row.due_ms - desk.clock().unix_ms();
        const int64_t whole = 1'000LL << (attempt - 1);
        EXPECT_GE(wait, whole / 2);
        EXPECT_LE(wait, whole);
        EXPECT_EQ(desk.take(), "") << "not before it is due";
        desk.clock().advance(wait);
    }
    EXPECT_EQ(desk.take(), "");
    desk.restart();
    EXPECT_EQ(desk.row(added->id).state, TaskState::kDead);
    ASSERT_OK(desk.queue().retry(added->id));
    EXPECT_EQ(desk.take(), "kind");
    EXPECT_EQ(desk.row(added->id).attempts, 1U);
}

TEST(WorkQueueTest, ADeadTaskNeedsAttentionUntilOneOfItsNameIsDone) {
    Desk desk;
    for (const char* name : {"proof", "other"}) {
        desk.add(name);
        EXPECT_EQ(desk.take(), name);
        desk.finish(Kind::kHopeless, "the chain is another");
    }
    EXPECT_EQ(desk.queue().given_up(TaskState::kDead).count, 2U);
    const uint64_t again = desk.add("proof");
    EXPECT_EQ(desk.queue().given_up(TaskState::kDead).count, 2U)
        << "one that waits has mended nothing";
    EXPECT_EQ(desk.count(TaskState::kDead), 2U);
    EXPECT_EQ(desk.take(), "proof");
    desk.finish(Kind::kDone);
    EXPECT_EQ(desk.row(again).state, TaskState::kDone);
    EXPECT_EQ(desk.queue().given_up(TaskState::kDead).count, 1U) << "the other stays";
    EXPECT_EQ(desk.count(TaskState::kDead), 1U) << "the metrics say what the health says";
    EXPECT_EQ(desk.count(TaskState::kDone), 1U);
    desk.add("proof");
    desk.take();
    desk.finish(Kind::kHopeless, "once more");
    EXPECT_EQ(desk.queue().given_up(TaskState::kDead).count, 2U);
}

TEST(WorkQueueTest, HopelessDiesAtOnceAndRefusalsOfTheMomentDoNot) {
    EXPECT_EQ(TaskOutcome::from({ErrorCode::kInvalidArgument, "x"}).kind, Kind::kHopeless);
    EXPECT_EQ(TaskOutcome::from({ErrorCode::kUnavailable, "x"}).kind, Kind::kFailed);
    EXPECT_EQ(TaskOutcome::from({ErrorCode::kCancelled, "x"}).kind, Kind::kInterrupted);
    Desk desk;
    const uint64_t id = desk.add("bad");
    desk.take();
    desk.finish(Kind::kHopeless, "there is no entity 'x'");
    EXPECT_EQ(desk.row(id).state, TaskState::kDead);
}

TEST(WorkQueueTest, CrashingTwiceParksUntilRetried) {
    Desk desk;
    const uint64_t bad = desk.add("bad", task_priority::kForced);
    const uint64_t good = desk.add("good", task_priority::kBackground);
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(desk.take(), "bad");
        desk.crash();
        desk.clock().advance(3'600'000);
    }
    EXPECT_EQ(desk.row(bad).state, TaskState::kParked);
    EXPECT_NE(desk.row(bad).error.find("2 times"), std::string::npos);
    EXPECT_EQ(desk.take(), "good");
    desk.finish(Kind::kDone);
    EXPECT_EQ(desk.row(good).state, TaskState::kDone);
    TaskSpec again;
    again.kind = "kind";
    again.name = "bad";
    EXPECT_ERROR(desk.queue().add(again), ErrorCode::kUnavailable);
    ASSERT_OK(desk.queue().retry(bad));
    EXPECT_EQ(desk.take(), "bad");
    EXPECT_EQ(desk.row(bad).crashes, 0U);
}

TEST(WorkQueueTest, StoppingIsNoAttemptAndNoCrash) {
    Desk desk;
    const uint64_t id = desk.add("long");
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(desk.take(), "long");
        desk.finish(Kind::kInterrupted);
        desk.restart();
    }
    EXPECT_EQ(desk.row(id).state, TaskState::kWaiting);
    EXPECT_EQ(desk.row(id).attempts, 0U);
    EXPECT_EQ(desk.row(id).crashes, 0U);
}

TEST(WorkQueueTest, CancelForceAndClear) {
    Desk desk;
    const uint64_t waiting = desk.add("waiting");
    const uint64_t late = desk.add("late", task_priority::kBackground, 3'600'000);
    ASSERT_OK(desk.queue().cancel(waiting));
    EXPECT_EQ(desk.row(waiting).state, TaskState::kCancelled);
    EXPECT_ERROR(desk.queue().cancel(waiting), ErrorCode::kInvalidArgument);
    EXPECT_ERROR(desk.queue().cancel(99), ErrorCode::kNotFound);
    ASSERT_OK(desk.queue().force(late));
    EXPECT_EQ(desk.take(), "late");
    ASSERT_OK(desk.queue().cancel(late));
    EXPECT_TRUE(desk.queue().is_cancelled(late));
    desk.finish(Kind::kInterrupted);
    EXPECT_EQ(desk.row(late).state, TaskState::kCancelled);
    EXPECT_ERROR(desk.queue().clear(TaskState::kWaiting), ErrorCode::kInvalidArgument);
    const uint64_t kept = desk.add("kept");
    EXPECT_EQ(*desk.queue().clear(std::nullopt), 2U);
    desk.restart();
    ASSERT_EQ(desk.queue().list().size(), 1U);
    EXPECT_EQ(desk.queue().list()[0].id, kept);
}

TEST(WorkQueueTest, WhatNobodyWantsAnyMoreIsCancelledInAnyStateButRunning) {
    Desk desk;
    const uint64_t dead = desk.add("gone 1");
    desk.take();
    desk.finish(Kind::kHopeless, "there is no such task");
    const uint64_t done = desk.add("gone 2");
    desk.take();
    desk.finish(Kind::kDone);
    const uint64_t running = desk.add("gone 3");
    desk.take();
    const uint64_t waiting = desk.add("gone 4");
    const uint64_t other = desk.add("other");
    const auto is_gone = [](const TaskRow& row) { return row.name.starts_with("gone"); };
    EXPECT_EQ(desk.queue().cancel_all(is_gone).value(), 2U);
    EXPECT_EQ(desk.queue().cancel_all(is_gone).value(), 0U);
    EXPECT_EQ(desk.row(dead).state, TaskState::kCancelled);
    EXPECT_EQ(desk.row(done).state, TaskState::kDone);
    EXPECT_EQ(desk.row(running).state, TaskState::kRunning);
    EXPECT_EQ(desk.row(waiting).state, TaskState::kCancelled);
    EXPECT_EQ(desk.row(other).state, TaskState::kWaiting);
    EXPECT_EQ(desk.queue().given_up(TaskState::kDead).count, 0U);
}

TEST(WorkQueueTest, GoesOnInParts) {
    Desk desk;
    const uint64_t id = desk.add("parts", task_priority::kBackground);
    ASSERT_EQ(desk.take(), "parts");
    EXPECT_FALSE(desk.queue().should_yield(id));
    desk.add("urgent", task_priority::kForced);
    EXPECT_TRUE(desk.queue().should_yield(id));
    ASSERT_OK(desk.queue().finish(id, {Kind::kMore, "half", "from=50", 0}));
    EXPECT_EQ(desk.take(), "urgent");
    desk.finish(Kind::kDone);
    desk.restart();
    EXPECT_EQ(desk.take(), "parts");
    EXPECT_EQ(desk.row(id).args, "from=50");
    EXPECT_EQ(desk.row(id).attempts, 1U);
}

TEST(WorkQueueTest, SizeIsBounded) {
    WorkQueueOptions options;
    options.unfinished_max = 3;
    options.kept_per_kind = 2;
    Desk desk{options};
    for (const char* name : {"a", "b", "c"}) {
        desk.add(name);
    }
    TaskSpec spec;
    spec.kind = "kind";
    spec.name = "d";
    EXPECT_ERROR(desk.queue().add(spec), ErrorCode::kTooLarge);
    std::vector<uint64_t> done;
    for (int i = 0; i < 3; ++i) {
        desk.take();
        desk.finish(Kind::kDone, "report");
        desk.clock().advance(1);
    }
    const auto kept = desk.queue().list(TaskState::kDone);
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_EQ(kept[0].name, "c");
    EXPECT_EQ(kept[1].name, "b");
    desk.restart();
    EXPECT_EQ(desk.queue().list().size(), 2U);
}

TEST(WorkQueueTest, CommitsAndRollbacksLeaveTasksAlone) {
    Desk desk;
    const uint64_t id = desk.add("kept");
    for (uint64_t block = 1; block <= 3; ++block) {
        const auto batch = desk.database().make_batch();
        batch->append_block({block, storage::test::hash_of(block),
                             storage::test::hash_of(block - 1), block, 0,
                             storage::ProofLevel::kFetched});
        batch->set_cursor(block, storage::test::hash_of(block), block);
        ASSERT_OK(desk.database().commit(*batch, storage::Durability::kSync));
    }
    ASSERT_OK(desk.database().rollback(1));
    desk.restart();
    EXPECT_FALSE(desk.database().needs_refold());
    EXPECT_EQ(desk.database().cursor()->block_num, 1U);
    EXPECT_EQ(desk.row(id).name, "kept");
}

/// Any order of adding, running, failing, cancelling, restarting and crashing: the queue and the
/// disk agree, no task is lost, none runs twice at a time, and all come to an end.
TEST(WorkQueueTest, RandomLivesComeToAnEnd) {
    const uint64_t seed = test_seed(std::random_device{}());
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    WorkQueueOptions options;
    options.seed = seed;
    Desk desk{options};
    std::set<uint64_t> known;
    for (int i = 0; i < 150; ++i) {
        switch (random() % 6) {
            case 0:
            case 1: {
                TaskSpec spec;
                spec.kind = "kind";
                spec.name = std::to_string(random() % 12);
                spec.priority = static_cast<uint8_t>(random() % 3);
                spec.delay_ms = static_cast<int64_t>(random() % 5'000);
                if (const auto added = desk.queue().add(spec)) {
                    EXPECT_EQ(known.contains(added->id), !added->is_new);
                    known.insert(added->id);
                }
                break;
            }
            case 2:
            case 3: {
                if (desk.take().empty()) {
                    break;
                }
                EXPECT_EQ(desk.queue().list(TaskState::kRunning).size(), 1U);
                const Kind kinds[] = {Kind::kDone, Kind::kFailed, Kind::kHopeless, Kind::kMore,
                                      Kind::kInterrupted};
                const size_t pick = random() % 7;
                if (pick >= 5) {
                    desk.crash();
                } else {
                    desk.finish(kinds[pick], "text");
                }
                break;
            }
            case 4:
                if (!known.empty()) {
                    static_cast<void>(
                        desk.queue().cancel(*known.begin() + random() % known.size()));
                }
                break;
            default:
                if (random() % 4 == 0) {
                    const auto before = desk.queue().list();
                    desk.restart();
                    EXPECT_EQ(desk.queue().list(), before);
                }
        }
        desk.clock().advance(static_cast<int64_t>(random() % 4'000));
    }
    for (int i = 0; i < 1'000 && desk.queue().unfinished() > 0; ++i) {
        if (!desk.take().empty()) {
            desk.finish(Kind::kDone);
        }
        desk.clock().advance(600'000);
    }
    EXPECT_EQ(desk.queue().unfinished(), 0U);
}

TEST(SchedulerTest, IntervalsCountFromTheEndOfTheLastRunAcrossRestarts) {
    Desk desk;
    const auto tick = [&desk] {
        Scheduler scheduler{desk.queue(), desk.clock()};
        scheduler.set({{"prove", 600'000}, {"never", 0}});
        scheduler.tick();
        scheduler.tick();
    };
    tick();
    ASSERT_EQ(desk.queue().unfinished(), 1U) << "at once, and only once";
    EXPECT_EQ(desk.take(), "prove");
    tick();
    EXPECT_EQ(desk.queue().unfinished(), 1U) << "not while it runs";
    desk.finish(Kind::kDone);
    desk.clock().advance(599'999);
    desk.restart();
    tick();
    EXPECT_EQ(desk.queue().unfinished(), 0U);
    desk.clock().advance(1);
    tick();
    EXPECT_EQ(desk.queue().unfinished(), 1U);
}

TEST(SchedulerTest, WhatIsParkedIsTriedAgainAfterAnHour) {
    Desk desk;
    const auto tick = [&desk] {
        Scheduler scheduler{desk.queue(), desk.clock()};
        scheduler.set({{"prove", 1'000}});
        scheduler.tick();
    };
    tick();
    const uint64_t id = desk.queue().newest("prove")->id;
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(desk.take(), "prove");
        desk.crash();
        desk.clock().advance(600'000);
    }
    ASSERT_EQ(desk.row(id).state, TaskState::kParked);
    const GivenUp parked = desk.queue().given_up(TaskState::kParked);
    ASSERT_EQ(parked.count, 1U);
    EXPECT_EQ(parked.newest->id, id);
    EXPECT_EQ(desk.queue().given_up(TaskState::kDead).count, 0U);
    tick();
    EXPECT_EQ(desk.queue().unfinished(), 0U) << "not yet";
    desk.clock().advance(3'600'000);
    tick();
    ASSERT_EQ(desk.take(), "prove");
    desk.finish(Kind::kDone);
    EXPECT_EQ(desk.row(id).state, TaskState::kDone);
    EXPECT_EQ(desk.queue().given_up(TaskState::kParked).count, 0U);
}

TEST(WorkQueueTest, ALaneIsTakenFromAndYieldedToByItsOwnTasksAlone) {
    Desk desk;
    const TaskFilter posts = [](const TaskRow& row) { return row.name.starts_with("post"); };
    const TaskFilter others = [](const TaskRow& row) { return !row.name.starts_with("post"); };
    const uint64_t proof = desk.add("proof");
    ASSERT_EQ(desk.take(), "proof");
    const uint64_t post = desk.add("post", task_priority::kForced);
    EXPECT_TRUE(desk.queue().should_yield(proof));
    EXPECT_FALSE(desk.queue().should_yield(proof, others));
    EXPECT_EQ(desk.queue().next_due_ms(others), -1);
    EXPECT_GE(desk.queue().next_due_ms(posts), 0);
    EXPECT_FALSE(desk.queue().take(others)->has_value());
    const auto taken = desk.queue().take(posts);
    ASSERT_TRUE(taken.has_value() && taken->has_value());
    EXPECT_EQ((*taken)->id, post);
    // Both run at one time, and end by themselves.
    ASSERT_TRUE(desk.queue().finish(post, {Kind::kDone, "", "known", 0}).has_value());
    EXPECT_EQ(desk.row(post).args, "known") << "the next of its name goes on from there";
    EXPECT_EQ(desk.row(proof).state, TaskState::kRunning);
}

}  // namespace
}  // namespace plumbline::engine::work_queue_test
