// Settings of a role that change what a session writes or reads change nothing of a sink.
#include "sink/pg_settings.hpp"
#include "sink/sink_check.hpp"
#include "sink/sink_doctor.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_settings_test {
namespace {

using plumbline::test::PgBouncer;

/// All at once: what they do to a sink is told by its rows.
const std::vector<std::string> kHostile = {
    "array_nulls = off",
    "quote_all_identifiers = on",
    "standard_conforming_strings = off",
    "backslash_quote = off",
    "escape_string_warning = on",
    "transform_null_equals = on",
    "row_security = on",
    "exit_on_error = on",
    "bytea_output = escape",
    "xmlbinary = hex",
    "xmloption = document",
    "extra_float_digits = -15",
    "\"DateStyle\" = 'SQL, DMY'",
    "\"IntervalStyle\" = sql_standard",
    "\"TimeZone\" = 'Asia/Kathmandu'",
    "client_encoding = latin1",
    "search_path = shadow, pg_catalog",
    "default_transaction_isolation = serializable",
    "default_transaction_deferrable = on",
    "statement_timeout = '200ms'",
    "idle_in_transaction_session_timeout = '200ms'",
    "check_function_bodies = off",
    "default_text_search_config = 'pg_catalog.german'",
    "lc_numeric = 'C'",
    "synchronous_commit = off",
};

class SinkSettingsTest : public SinkTest {
  protected:
    /// A role with all of them, and functions of its own before those of PostgreSQL.
    static void make_role(const Postgres& server) {
        server.sql(
            "create role odd login; grant create on database postgres to odd; create schema "
            "shadow authorization odd; create function shadow.md5(text) returns text language sql "
            "as $$ select 'x' $$; create function shadow.encode(bytea, text) returns text language "
            "sql as $$ select 'x' $$; create function shadow.set_config(text, text, boolean) "
            "returns text language sql as $$ select 'x' $$; create table shadow.pg_class (oid "
            "oid); create domain shadow.text as pg_catalog.text check (value <> 'a note')");
        for (const std::string& setting : kHostile) {
            server.sql("alter role odd set " + setting);
        }
    }
    /// As a sink does it: what milliseconds were too short for is tried again.
    [[nodiscard]] static std::string failure(SinkWorld& sink, SinkWriter& writer) {
        std::string said;
        for (int tries = 0; tries < 20; ++tries) {
            said = SinkTest::failure(sink, writer);
            if (said.find("has a timeout that is over before the sink") == std::string::npos) {
                break;
            }
        }
        return said;
    }
    void expect_equal_rows(SinkWorld& sink) const {
        sink.config.has_history = true;
        sink.config.events = {"*"};
        const auto writer = sink.make_writer();
        sink.world.block(1, {sink.put(1, 10, 1, 0), sink.named("NULL \\ ' \" \xc3\xbc", 1, 1, 1)});
        ASSERT_EQ(failure(sink, *writer), "");
        for (uint64_t block = 2; block < 6; ++block) {
            sink.world.block(
                block, {sink.put(1, block, block, 0), sink.put(block, 7, block, 1),
                        sink.del(block - 1, block, 2), sink.named("null\\n\xff", block, block, 3)});
            ASSERT_EQ(failure(sink, *writer), "");
        }
        EXPECT_EQ(sink.differences(), 0U);
        EXPECT_EQ(failure(sink, *sink.make_writer()), "")
            << "another connection finds its tables as it made them";
        const auto drifted = sink.check(sink.check_options());
        ASSERT_TRUE(drifted.has_value()) << drifted.error().message;
        EXPECT_TRUE(drifted->is_equal());
        EXPECT_EQ(drifted->problems.size(), 0U);
    }
};

TEST_F(SinkSettingsTest, TheRolesSettingsChangeNothing) {
    const Postgres server;
    make_role(server);
    SinkWorld sink{"odd", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = server.url("user=odd");
    sink.look_url = server.url();
    expect_equal_rows(sink);
    EXPECT_EQ(server.sql("select count(*) from odd.item where \"when\" is null"), "0");
    const auto looked = examine_database(server.url("user=odd"), 10'000);
    ASSERT_TRUE(looked.has_value()) << looked.error().message;
    std::string bad;
    for (const engine::DoctorCheck& one : looked->checks) {
        bad += one.result == engine::CheckResult::kBad ? one.name + ": " + one.found + "\n" : "";
    }
    EXPECT_EQ(bad, "");
}

/// A field that is not set is null, whatever array_nulls says.
TEST_F(SinkSettingsTest, WhatIsNotSetIsNullAndNoText) {
    shared_postgres().sql(
        "create role nuller login; create schema nulls authorization nuller; alter role nuller set "
        "array_nulls = off");
    const Mapping optional{sink_toml(R"(, extra = "string?")"), sink_abis()};
    SinkWorld sink{"nulls", optional, {1, size_t{1} << 20, 0}};
    sink.config.url = shared_postgres().url("user=nuller");
    const auto writer = sink.make_writer();
    for (uint64_t block = 1; block < 4; ++block) {
        sink.world.block(block, {sink.put(block, 5, block, 0)});
        ASSERT_EQ(failure(sink, *writer), "");
    }
    EXPECT_EQ(sink.sql("select count(*), count(extra) from nulls.item"), "3|0");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkSettingsTest, ThroughPgBouncerNeither) {
    const Postgres server;
    for (const std::string& setting : kHostile) {
        if (!setting.starts_with("search_path") && !setting.starts_with("client_encoding")) {
            server.sql("alter database postgres set " + setting);
        }
    }
    const PgBouncer pool{server};
    SinkWorld sink{"pooled_odd", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = pool.url();
    sink.look_url = server.url();
    expect_equal_rows(sink);
}

/// They hold for the first statement of each transaction, whatever it is. Of one millisecond a busy
/// machine may take more ten times in a row, which is told then (the next test) and tried again.
TEST_F(SinkSettingsTest, TimeoutsOfMillisecondsStopNothing) {
    const Postgres server;
    make_role(server);
    for (const char* timeout :
         {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}) {
        server.sql(fmt::format("alter role odd set {} = '10ms'", timeout));
    }
    // Of PostgreSQL 17 on, and it ends the connection.
    (void)server.try_sql("alter role odd set transaction_timeout = '200ms'");
    SinkWorld sink{"hasty", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = server.url("user=odd");
    sink.look_url = server.url();
    expect_equal_rows(sink);
}

/// Here because somebody holds what the very first of them is looked up in.
TEST_F(SinkSettingsTest, ATimeoutThatIsOverBeforeTheSettingsAreMadeSaysWhatToDo) {
    const Postgres server;
    server.sql("create role hasty login; alter role hasty set statement_timeout = '10ms'");
    PgOptions options;
    options.url = server.url();
    const auto holder = PgConnection::open(options).value();
    ASSERT_OK(holder->run(
        {{"begin", {}}, {"lock table pg_catalog.pg_proc in access exclusive mode", {}}}));
    options.url = server.url("user=hasty");
    const auto hasty = PgConnection::open(options).value();
    for (const char* first : {"select", "begin"}) {
        const auto refused = hasty->query(first);
        ASSERT_FALSE(refused.has_value());
        EXPECT_TRUE(hasty->is_short_timeout());
        EXPECT_TRUE(refused.error().message.ends_with(
            "(57014): canceling statement due to statement timeout; the role, the database or the "
            "server has a timeout that is over before the sink can set its own: alter role ... set "
            "statement_timeout = '1s' (or 0), and transaction_timeout the same"))
            << refused.error().message;
    }
    EXPECT_TRUE(holder->rollback());
    EXPECT_OK(hasty->query("select"));
    EXPECT_FALSE(hasty->is_short_timeout());
}

TEST_F(SinkSettingsTest, AllOfTheListAreSetInATransactionAndGoneAfterIt) {
    PgOptions options;
    options.url = shared_postgres().url();
    const auto connection = PgConnection::open(options).value();
    for (const PgSetting& one : kPgSettings) {
        const std::string ask = fmt::format("select current_setting('{}', true)", one.name);
        const auto alone = connection->query(ask);
        const auto within = connection->run({{"begin", {}}, {ask, {}}, {"commit", {}}});
        if (!alone || alone->is_null(0, 0)) {
            continue;  // Of a newer PostgreSQL.
        }
        ASSERT_TRUE(within.has_value()) << within.error().message;
        EXPECT_EQ((*within)[1].at(0, 0), alone->at(0, 0)) << one.name;
        const std::string_view shown = alone->at(0, 0);
        EXPECT_TRUE(shown == one.value || (one.value == "300000" && shown == "5min"))
            << one.name << " is " << shown;
    }
    const std::string lock_timeout = "select current_setting('lock_timeout')";
    EXPECT_EQ(connection->query(lock_timeout)->at(0, 0), "30s");
    connection->set_lock_ms(1'500);
    EXPECT_EQ(connection->query(lock_timeout)->at(0, 0), "1500ms");
}

}  // namespace
}  // namespace plumbline::sink::test::sink_settings_test
