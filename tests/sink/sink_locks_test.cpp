// A lock that somebody holds on what the sink writes or `verify --sink` reads: who that is, and
// that nobody waits longer than told.
#include <atomic>
#include <thread>
#include <utility>

#include "core/base/clock.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_locks_test {
namespace {

using plumbline::test::Child;
using plumbline::test::eventually;
using plumbline::test::PgBouncer;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};
constexpr int64_t kShortMs = 2'000;

/// Somebody with a transaction open.
class User {
  public:
    User(const Postgres& server, const std::string& statement)
        : connection_{open(server)},
          pid_{connection_->query("select pg_backend_pid()")->number(0, 0)} {
        EXPECT_OK(connection_->run({{"begin", {}}, {statement, {}}}));
    }
    [[nodiscard]] uint64_t pid() const noexcept { return pid_; }

  private:
    static std::unique_ptr<PgConnection> open(const Postgres& server) {
        PgOptions options;
        options.url = server.url("application_name=holder");
        return std::move(PgConnection::open(options)).value();
    }
    std::unique_ptr<PgConnection> connection_;
    uint64_t pid_ = 0;
};

class SinkLocksTest : public SinkTest {
  protected:
    /// What a comparison says that waits no longer.
    [[nodiscard]] static std::string check_failure(const SinkWorld& sink, int64_t patience_ms,
                                                   bool repair = false) {
        SinkCheckOptions options = sink.check_options(repair);
        options.patience_ms = patience_ms;
        const auto checked = sink.check(options);
        return checked ? "" : checked.error().message;
    }
    /// A sink with one row.
    static void fill(SinkWorld& sink) {
        sink.world.block(1, {sink.put(1, 10, 1, 0)});
        ASSERT_EQ(failure(sink), "");
    }
    /// Whom somebody who connects to `url` and reads the sink's table is told to wait for.
    [[nodiscard]] static std::string holder(const SinkWorld& sink, const std::string& url) {
        PgOptions options;
        options.url = url;
        options.silence_ms = 0;
        options.lock_ms = int64_t{10} * 60 * 1'000;
        options.wait = std::make_shared<PgWait>();
        std::atomic<bool> is_over{false};
        options.should_stop = [&] { return is_over.load(); };
        std::jthread reader{[&] {
            const auto connection = PgConnection::open(options).value();
            const auto asked =
                connection->query("select count(*) from " + sink.config.schema + ".item");
            EXPECT_FALSE(asked.has_value()) << "somebody holds it";
        }};
        EXPECT_TRUE(eventually([&] { return !options.wait->lock_holder().empty(); }));
        is_over = true;
        return options.wait->lock_holder();
    }
    [[nodiscard]] static std::string naming(const User& user) {
        return fmt::format(
            "pid {0} [(]role postgres, holder, idle in transaction, its transaction began [0-9]+s "
            "ago[)]; select pg_terminate_backend[(]{0}[)] ends that session$",
            user.pid());
    }
};

TEST_F(SinkLocksTest, WhoHoldsALockThatAComparisonWaitsForIsNamedWithWhatEndsIt) {
    SinkWorld sink{"held", mapping_, kOneByOne};
    fill(sink);
    const User user{shared_postgres(), "lock table held.item in access exclusive mode"};
    // For so long that it is looked at three times: a busy server may tell nothing in time.
    EXPECT_THAT(check_failure(sink, 20'000),
                AllOf(HasSubstr("(55P03)"),
                      ContainsRegex("; it waited for a lock held by " + naming(user))));
    sink.sql(fmt::format("select pg_terminate_backend({}, 60000)", user.pid()));
    EXPECT_EQ(check_failure(sink, kShortMs), "");
}

TEST_F(SinkLocksTest, AComparisonEndsByItsTimeoutAndNotByTheLocks) {
    SinkWorld sink{"timely", mapping_, kOneByOne};
    fill(sink);
    const auto waiting = [&] {
        return sink.sql("select count(*) from pg_locks where not granted");
    };
    const std::pair<const char*, bool> kHeld[] = {
        {"lock table timely.item in access exclusive mode", false},
        {"lock table timely.item in access exclusive mode", true},
        {"lock table timely.plumbline_cursor in access exclusive mode", true}};
    for (const auto& [statement, repair] : kHeld) {
        const User user{shared_postgres(), statement};
        // Half a minute, as the sink itself, and from before the comparison on.
        const std::jthread patient{[] {
            PgOptions options;
            options.url = shared_postgres().url();
            const auto connection = PgConnection::open(options).value();
            EXPECT_OK(connection->run({{"begin", {}},
                                       {"select count(*) from timely.item", {}},
                                       {"select count(*) from timely.plumbline_cursor", {}},
                                       {"commit", {}}}));
        }};
        ASSERT_TRUE(eventually([&] { return waiting() == "1"; }));
        EXPECT_THAT(check_failure(sink, kShortMs, repair), HasSubstr("(55P03)"));
        EXPECT_EQ(waiting(), "1") << "the other one waits on";
        sink.sql(fmt::format("select pg_terminate_backend({}, 60000)", user.pid()));
    }
}

TEST_F(SinkLocksTest, WhoHoldsALockThatTheSinkWaitsForIsToldMeanwhileAndAfterwards) {
    SinkWorld sink{"awaited", mapping_, kOneByOne};
    fill(sink);
    SinkWriter::Options options;
    options.config = sink.config;
    options.plan = mapping_.plan;
    options.chain_id = sink.chain_id;
    options.wait = std::make_shared<PgWait>();
    const auto writer = SinkWriter::make(options, sink.dirty).value();
    ASSERT_EQ(failure(sink, *writer), "");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    std::string said;
    {
        const User user{shared_postgres(), "lock table awaited.item in exclusive mode"};
        std::jthread waits{[&] { said = failure(sink, *writer); }};
        EXPECT_TRUE(eventually([&] { return !options.wait->lock_holder().empty(); }));
        EXPECT_THAT(
            long_wait_text(*options.wait, system_clock().monotonic_ms()),
            ContainsRegex(fmt::format("^PostgreSQL has not answered for [0-9]+s: it waits "
                                      "for a lock held by pid {} [(]role postgres, holder, ",
                                      user.pid())));
        // As a pool's timeout does, or the server's own after half a minute.
        sink.sql("select pg_cancel_backend(pid) from pg_locks where not granted");
        waits.join();
        EXPECT_THAT(said, AllOf(HasSubstr("(57014)"),
                                HasSubstr(fmt::format("; it waited for a lock held by pid {} (role "
                                                      "postgres, holder, idle in transaction, ",
                                                      user.pid()))));
    }
    EXPECT_EQ(failure(sink, *writer), "");
    // One that somebody cancels waited for nobody.
    sink.sql(
        "create function awaited.slow() returns trigger language plpgsql as $$ begin perform "
        "pg_sleep(600); return new; end $$; create trigger slow before insert on awaited.item for "
        "each row execute function awaited.slow()");
    sink.world.block(3, {sink.put(3, 30, 3, 0)});
    std::jthread waits{[&] { said = failure(sink, *writer); }};
    const std::string sleeps = " from pg_stat_activity where wait_event = 'PgSleep'";
    EXPECT_TRUE(eventually([&] { return sink.sql("select count(*)" + sleeps) == "1"; }));
    sink.sql("select pg_cancel_backend(pid)" + sleeps);
    waits.join();
    EXPECT_THAT(said, AllOf(HasSubstr("(57014)"), Not(HasSubstr("lock held by"))));
}

/// PostgreSQL says that it refuses, and a moment later that the transaction has failed.
TEST_F(SinkLocksTest, ARefusalKeepsWhoWasInTheWayWhileMoreIsAskedAndAnswered) {
    SinkWorld sink{"kept", mapping_, kOneByOne};
    fill(sink);
    const User user{shared_postgres(), "lock table kept.item in access exclusive mode"};
    PgOptions options;
    options.url = sink.config.url;
    options.wait = std::make_shared<PgWait>();
    const auto connection = PgConnection::open(options).value();
    std::jthread reader{[&] {
        EXPECT_FALSE(connection->run({{"begin", {}}, {"select count(*) from kept.item", {}}}));
    }};
    EXPECT_TRUE(eventually([&] { return !options.wait->lock_holder().empty(); }));
    sink.sql("select pg_cancel_backend(pid) from pg_locks where not granted");
    reader.join();
    EXPECT_TRUE(connection->rollback());
    EXPECT_THAT(connection->lock_holder(), ContainsRegex("^" + naming(user)));
    EXPECT_FALSE(connection->query("select 1/0"));
    EXPECT_EQ(connection->lock_holder(), "") << "that one waited for nobody";
}

TEST_F(SinkLocksTest, OfAQueueTheOneAtItsHeadIsNamed) {
    SinkWorld sink{"queue", mapping_, kOneByOne};
    fill(sink);
    const User reader{shared_postgres(), "select count(*) from queue.item"};
    // What alters the table waits for the reader, and who reads after it waits for that.
    const Child alters{{"psql", "-X", "-q", "-d", shared_postgres().url(), "-c",
                        "begin; lock table queue.item in access exclusive mode"}};
    ASSERT_TRUE(eventually(
        [&] { return sink.sql("select count(*) from pg_locks where not granted") == "1"; }));
    EXPECT_THAT(holder(sink, sink.config.url), ContainsRegex("^" + naming(reader)));
}

TEST_F(SinkLocksTest, ARoleThatIsShownLittleIsToldThatMuch) {
    SinkWorld sink{"plain", mapping_, kOneByOne};
    fill(sink);
    sink.sql(
        "create role plain login; grant usage on schema plain to plain; grant select on all tables "
        "in schema plain to plain");
    sink.config.url = shared_postgres().url("user=plain");
    EXPECT_EQ(check_failure(sink, kShortMs), "");
    const User user{shared_postgres(), "lock table plain.item in access exclusive mode"};
    EXPECT_EQ(holder(sink, sink.config.url),
              fmt::format("pid {0} (role postgres, holder, what it does is shown to members of "
                          "pg_read_all_stats); select pg_terminate_backend({0}) ends that session",
                          user.pid()));
}

TEST_F(SinkLocksTest, APreparedTransactionAndWhoStandsBehindAPoolAreNamedToo) {
    const Postgres server{{"max_prepared_transactions=2"}};
    const PgBouncer pool{server};
    SinkWorld sink{"prepared", mapping_, kOneByOne};
    sink.config.url = pool.url();
    fill(sink);
    {
        const User user{server, "lock table prepared.item in access exclusive mode"};
        EXPECT_THAT(holder(sink, pool.url()), ContainsRegex("^" + naming(user)));
    }
    server.sql("begin; lock table prepared.item in access exclusive mode; prepare transaction 'x'");
    EXPECT_EQ(
        holder(sink, pool.url()),
        "a prepared transaction (pg_prepared_xacts); rollback prepared ends that transaction");
    server.sql("rollback prepared 'x'");
    EXPECT_EQ(check_failure(sink, kShortMs), "");
}

}  // namespace
}  // namespace plumbline::sink::test::sink_locks_test
