// What a server may refuse, each on a real one: one sentence that says what it is and what to do,
// nothing lost, and the index goes on.
#include "sink/sink_refusals.hpp"

#include <sys/mount.h>

#include <random>
#include <thread>

#include <sched.h>

#include "sink/sink_check.hpp"
#include "sink/sink_doctor.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_refusals_test {
namespace {

using plumbline::test::PgBouncer;
using plumbline::test::run_command;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};

class SinkRefusalsTest : public SinkTest {};

/// Those that start a server of their own.
class SlowSinkRefusalsTest : public SinkRefusalsTest {};

/// Certificates of two authorities, and the server's from the first: for 127.0.0.1.
class Certificates {
  public:
    Certificates() {
        for (const char* name : {"right", "wrong"}) {
            openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", std::string{"/CN="} + name, "-keyout",
                     dir_.sub(std::string{name} + ".key"), "-out",
                     dir_.sub(std::string{name} + ".crt")});
        }
        openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                 dir_.sub("server.key"), "-out", dir_.sub("server.csr")});
        openssl({"x509", "-req", "-in", dir_.sub("server.csr"), "-CA", dir_.sub("right.crt"),
                 "-CAkey", dir_.sub("right.key"), "-CAcreateserial", "-days", "2",
                 "-copy_extensions", "copy", "-out", dir_.sub("server.crt")});
        plumbline::test::give_to_postgres(dir_.path());
        plumbline::test::give_to_postgres(dir_.sub("server.key"));
        plumbline::test::give_to_postgres(dir_.sub("server.crt"));
    }
    [[nodiscard]] std::string path(const std::string& name) const { return dir_.sub(name); }

  private:
    static void openssl(std::vector<std::string> command) {
        command.insert(command.begin(), "openssl");
        const auto done = run_command(command);
        EXPECT_EQ(done.code, 0) << done.err;
    }
    TempDir dir_;
};

TEST_F(SinkRefusalsTest, WhoMayConnectAndHowEncrypted) {
    const Certificates certificates;
    const uint16_t port = plumbline::test::free_port();
    const TempDir rules;
    plumbline::test::give_to_postgres(rules.path());
    const auto allow = [&](const std::string& lines) {
        plumbline::test::write_file(rules.sub("hba"), "local all all trust\n" + lines);
        plumbline::test::give_to_postgres(rules.sub("hba"));
    };
    allow("");
    Postgres server{{"listen_addresses=127.0.0.1", fmt::format("port={}", port),
                     "hba_file=" + rules.sub("hba"), "password_encryption=scram-sha-256"}};
    const auto settle_on = [&](const std::string& host, const std::string& options) {
        SinkWorld sink{"tls", mapping_};
        sink.world.block(1, {sink.put(1, 10, 1, 0)});
        sink.config.url =
            fmt::format("postgresql://bob:a-very-secret-word@{}:{}/postgres?gssencmode=disable&{}",
                        host, port, options);
        const std::string said = failure(sink);
        EXPECT_THAT(said, ::testing::Not(HasSubstr("a-very-secret-word")));
        return said;
    };
    const auto settle_by = [&](const std::string& options) {
        return settle_on("127.0.0.1", options);
    };
    server.sql(
        "create role bob login password 'a-very-secret-word'; create schema tls; grant all "
        "on schema tls to bob");
    const auto reload = [&](const std::string& lines) {
        allow(lines);
        server.sql("select pg_reload_conf()");
        // The postmaster has read it once a new connection tells so.
        EXPECT_TRUE(plumbline::test::eventually([&] {
            return server.sql("select count(*) from pg_hba_file_rules where error is not null") ==
                   "0";
        }));
    };

    EXPECT_THAT(
        settle_by("sslmode=disable"),
        AllOf(HasSubstr("connecting to PostgreSQL"), HasSubstr("no pg_hba.conf entry"),
              HasSubstr("\"127.0.0.1\""), HasSubstr("no encryption; pg_hba.conf does not let"),
              ::testing::Not(HasSubstr("LOCATION")), ::testing::Not(HasSubstr("28000"))));
    reload("host all bob 127.0.0.1/32 scram-sha-256\n");
    EXPECT_TRUE(plumbline::test::eventually([&] { return settle_by("sslmode=disable").empty(); }));
    EXPECT_THAT(settle_by("sslmode=disable&password=wrong-word"),
                AllOf(HasSubstr("FATAL: password authentication failed for user \"bob\"; the URL's "
                                "user or password"),
                      ::testing::Not(HasSubstr("wrong-word"))));

    // The server has no certificate.
    EXPECT_THAT(settle_by("sslmode=require"), HasSubstr("does not support SSL"));
    const std::string right = "&sslrootcert=" + certificates.path("right.crt");
    EXPECT_THAT(settle_by("sslmode=verify-full" + right), HasSubstr("does not support SSL"));

    server.sql("alter system set ssl_cert_file = '" + certificates.path("server.crt") + "'");
    server.sql("alter system set ssl_key_file = '" + certificates.path("server.key") + "'");
    server.sql("alter system set ssl = on");
    reload("hostssl all bob 127.0.0.1/32 scram-sha-256\n");
    EXPECT_TRUE(plumbline::test::eventually([&] { return settle_by("sslmode=require").empty(); }));
    EXPECT_THAT(settle_by("sslmode=disable"),
                AllOf(HasSubstr("no pg_hba.conf entry"), HasSubstr("no encryption")));
    EXPECT_EQ(settle_by("sslmode=verify-full" + right), "");
    EXPECT_THAT(settle_by("sslmode=verify-full&sslrootcert=" + certificates.path("wrong.crt")),
                HasSubstr("certificate verify failed"));
    EXPECT_THAT(settle_by("sslmode=verify-full&sslrootcert=/nowhere/root.crt"),
                HasSubstr("root certificate file \"/nowhere/root.crt\" does not exist"));
    EXPECT_THAT(settle_on("localhost", "hostaddr=127.0.0.1&sslmode=verify-full" + right),
                HasSubstr("does not match host name \"localhost\""));
    EXPECT_EQ(settle_on("localhost", "hostaddr=127.0.0.1&sslmode=verify-ca" + right), "");
}

TEST_F(SinkRefusalsTest, ARoleWithoutRightsIsToldWhichItNeeds) {
    SinkWorld sink{"rights", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    EXPECT_EQ(failure(sink), "");
    sink.sql("create role clerk login");
    sink.sql("grant usage on schema rights to clerk");
    const std::string owner = std::exchange(sink.config.url, shared_postgres().url("user=clerk"));
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_THAT(failure(sink), AllOf(HasSubstr("the role clerk may not write to "
                                               "rights.plumbline_cursor, rights.plumbline_tables"),
                                     HasSubstr("make it their owner, or grant select, insert")));
    sink.sql("grant all on rights.plumbline_cursor, rights.plumbline_tables to clerk");
    sink.sql("grant select on rights.item, rights.named to clerk");
    EXPECT_THAT(failure(sink), HasSubstr("may not write to rights.item, rights.named"));
    EXPECT_EQ(sink.items(), "1=10");
    sink.sql("grant insert, update, delete on rights.item, rights.named to clerk");
    const auto writer = sink.make_writer();
    EXPECT_EQ(failure(sink, *writer), "") << "with these it goes on by itself";
    EXPECT_EQ(sink.items(), "1=20");

    // Taken away while it runs.
    sink.sql("revoke insert on rights.item from clerk");
    sink.world.block(3, {sink.put(1, 25, 3, 0)});
    EXPECT_THAT(failure(sink, *writer), AllOf(HasSubstr("permission denied for table item"),
                                              HasSubstr("needs usage and create on its schema")));
    EXPECT_EQ(sink.items(), "1=20") << "nothing of the transaction stays";
    sink.sql("grant insert on rights.item to clerk");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "1=25");

    sink.sql("alter role clerk set default_transaction_read_only = on");
    sink.world.block(4, {sink.put(1, 30, 4, 0)});
    EXPECT_THAT(failure(sink), AllOf(HasSubstr("read-only transaction"),
                                     HasSubstr("this is no standby: the role, the "
                                               "database or the server is read only by default")));
    EXPECT_EQ(sink.items(), "1=25");
    sink.config.url = owner;
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkRefusalsTest, TheDoctorCallsADatabaseFineOnlyWhereItCouldWrite) {
    const Postgres& server = shared_postgres();
    server.sql("create role patient login");
    const auto examine = [&] {
        auto report = examine_database(server.url("user=patient"), 10'000);
        EXPECT_TRUE(report.has_value()) << report.error().message;
        std::string all;
        for (const engine::DoctorCheck& check : report->checks) {
            all += check.name + ": " + check.found + "; " + check.advice + "\n";
        }
        return std::pair{report->is_fine(), all};
    };
    const auto without = examine();
    EXPECT_FALSE(without.first);
    EXPECT_THAT(without.second,
                AllOf(HasSubstr("nothing could be tried: grant create on database postgres to "
                                "patient, or create schema chain and grant all on schema chain to "
                                "patient"),
                      ::testing::Not(HasSubstr("fence"))));

    // What docs/postgres.md says is enough, is.
    server.sql("create schema ward; grant all on schema ward to patient");
    const auto granted = examine();
    EXPECT_TRUE(granted.first) << granted.second;
    EXPECT_THAT(granted.second,
                AllOf(HasSubstr("tried in ward"), HasSubstr("fence: a writer that")));
    EXPECT_EQ(server.sql("select count(*) from pg_class where relnamespace = 'ward'::regnamespace"),
              "0");
    server.sql("grant create on database postgres to patient");
    const auto owner = examine();
    EXPECT_TRUE(owner.first) << owner.second;
    EXPECT_THAT(owner.second, HasSubstr("schema: may be made"));
    server.sql(
        "revoke create on database postgres from patient; drop schema ward; drop role patient");
}

TEST_F(SinkRefusalsTest, OfAnotherEncodingTheDoctorSaysThatAndNothingThatFollowsFromIt) {
    const Postgres& server = shared_postgres();
    server.sql("create database latin encoding 'LATIN1' locale 'C' template template0");
    const auto report = examine_database(server.url("dbname=latin"), 10'000);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_FALSE(report->is_fine());
    std::vector<std::string> bad;
    std::vector<std::string> left_out;
    for (const engine::DoctorCheck& check : report->checks) {
        if (check.result == engine::CheckResult::kBad) {
            bad.push_back(check.name + ": " + check.found + "; " + check.advice);
        } else if (check.found == "not tried") {
            left_out.push_back(check.name + "; " + check.advice);
        }
    }
    EXPECT_THAT(bad,
                ::testing::ElementsAre("encoding: LATIN1; create a database with encoding UTF8"));
    EXPECT_THAT(left_out, ::testing::ElementsAre(HasSubstr("copy, rows, digest")));
    SinkWorld sink{"public", mapping_, kOneByOne};
    sink.config.url = server.url("dbname=latin");
    EXPECT_THAT(find_refusals(sink.config, *mapping_.plan, sink.chain_id, 10'000).value(),
                ::testing::ElementsAre(HasSubstr("has the encoding LATIN1: a sink needs UTF8")));
    server.sql("drop database latin");
}

TEST_F(SinkRefusalsTest, WhatSomebodyAltersIsNamedWhileItRuns) {
    SinkWorld sink{"altered", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    uint64_t block = 1;
    const auto next = [&] {
        ++block;
        sink.world.block(block, {sink.put(1, block, block, 0)});
        return failure(sink, *writer);
    };
    // A column dropped or renamed: told once, then made and filled anew.
    sink.sql("alter table altered.item drop column note");
    EXPECT_THAT(next(), AllOf(HasSubstr("column \"note\""), HasSubstr("does not exist"),
                              HasSubstr("somebody has altered the table")));
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.sql("select note from altered.item"), "a note");
    sink.sql("alter table altered.item rename column flag to banner");
    EXPECT_THAT(next(), HasSubstr("column \"flag\""));
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);
    EXPECT_EQ(sink.sql("select count(banner) from altered.item"), "1") << "theirs is left alone";

    // A type that takes no such value; then one that takes it and is none of ours.
    sink.sql("alter table altered.item alter column note type integer using 7");
    const auto is_named = HasSubstr(
        "the column note of \"altered\".\"item\" is integer, and the mapping needs text: "
        "rename or drop the column, and it is made anew");
    EXPECT_THAT(next(), is_named);
    EXPECT_THAT(failure(sink, *writer), is_named);
    sink.sql("alter table altered.item drop column note");
    EXPECT_EQ(failure(sink, *writer), "");

    sink.sql("alter table altered.item rename to moved");
    EXPECT_THAT(next(), AllOf(HasSubstr("does not exist"),
                              HasSubstr("somebody has dropped or renamed the table")));
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), fmt::format("1={}", block));
    EXPECT_EQ(sink.sql("select count(*) from altered.moved"), "1");

    sink.sql("alter table altered.item drop column id");
    const auto needs_id =
        HasSubstr("has no column id, which its key needs: drop or rename the table");
    EXPECT_THAT(next(), needs_id);
    EXPECT_THAT(failure(sink, *writer), needs_id);
    sink.sql("drop table altered.item");
    EXPECT_EQ(failure(sink, *writer), "");
    sink.sql("create table altered.mine (id numeric references altered.item (id))");
    sink.sql("insert into altered.mine values (1)");
    ++block;
    sink.world.block(block, {sink.del(1, block, 0)});
    EXPECT_THAT(failure(sink, *writer), AllOf(HasSubstr("23503"), HasSubstr("mine"),
                                              HasSubstr("deferrable initially deferred")));
    sink.sql("drop table altered.mine");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkRefusalsTest, WhatAUsersOwnObjectsForbidSaysWhatToDo) {
    SinkWorld sink{"forbidden", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    struct Case {
        const char* done;
        const char* undone;
        const char* state;
        const char* advice;
    };
    uint64_t block = 1;
    for (const Case& one : {
             Case{"alter table forbidden.item add column mine int; update forbidden.item set mine "
                  "= 1; alter table forbidden.item alter column mine set not null",
                  "alter table forbidden.item drop column mine", "(23502)",
                  "give it a default, or drop its not null"},
             Case{"alter table forbidden.item add constraint low check (amount < 12) not "
                  "valid",
                  "alter table forbidden.item drop constraint low", "(23514)",
                  "a check constraint that is not the sink's forbids it"},
             Case{"create unique index one_owner on forbidden.item ((1)) where id >= 40",
                  "drop index forbidden.one_owner", "(23505)",
                  "a unique index that is not the sink's forbids it"},
             Case{"create rule away as on insert to forbidden.item do instead nothing",
                  "drop rule away on forbidden.item", "(0A000)", "a rule of yours"},
         }) {
        SCOPED_TRACE(one.done);
        sink.sql(one.done);
        ++block;
        std::vector<Emitted> events;
        for (uint32_t i = 0; i < 4; ++i) {
            events.push_back(sink.put(block * 10 + i, 20 + i, block, i));
        }
        sink.world.block(block, events);
        EXPECT_THAT(failure(sink, *writer), AllOf(HasSubstr(one.state), HasSubstr(one.advice)));
        sink.sql(one.undone);
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
    sink.sql("alter table forbidden.item drop constraint item_pkey");
    sink.world.block(90, {sink.put(1, 90, 90, 0)});
    EXPECT_THAT(failure(sink, *writer), HasSubstr("(42P10)"));
    EXPECT_THAT(failure(sink, *writer),
                HasSubstr("has lost its primary key: alter table \"forbidden\".\"item\" add "
                          "primary key (\"id\")"));
    sink.sql("alter table forbidden.item add primary key (id)");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkRefusalsTest, ADeferredForeignKeyIsToldAsOneThatIsCheckedAtTheCommit) {
    SinkWorld sink{"deferred", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 10, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create table deferred.mine (id numeric references deferred.item (id) deferrable initially "
        "deferred); insert into deferred.mine values (1)");
    sink.world.block(2, {sink.del(1, 2, 0)});
    EXPECT_THAT(failure(sink, *writer),
                AllOf(HasSubstr("Key (id)=(1) is still referenced from table"),
                      HasSubstr("is checked at the commit, and a row still points to one that is "
                                "not there: delete or change that row"),
                      ::testing::Not(HasSubstr("declare it deferrable"))));
    sink.sql("delete from deferred.mine");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "2=10");
}

TEST_F(SinkRefusalsTest, ADeniedTablespaceIsToldWithTheGrantThatHelps) {
    Postgres server;
    const TempDir place;
    plumbline::test::give_to_postgres(place.path());
    server.sql("create role \"Sinker\" login; grant create on database postgres to \"Sinker\"");
    server.sql("create tablespace mine location '" + place.path() + "'");
    server.sql("alter database postgres set default_tablespace = mine");
    SinkWorld sink{"spaced", mapping_, kOneByOne};
    sink.config.url = server.url("user=Sinker");
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto is_told = AllOf(HasSubstr("default_tablespace"),
                               HasSubstr("grant create on tablespace mine to \"Sinker\""));
    EXPECT_THAT(failure(sink),
                AllOf(is_told, ::testing::Not(HasSubstr("usage and create on its schema"))));
    EXPECT_THAT(find_refusals(sink.config, *mapping_.plan, sink.chain_id, 10'000).value(),
                ::testing::ElementsAre(is_told));
    const auto report = examine_database(sink.config.url, 10'000);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_FALSE(report->is_fine());
    for (const engine::DoctorCheck& check : report->checks) {
        if (check.result == engine::CheckResult::kBad) {
            EXPECT_THAT(check.advice, is_told) << check.name;
        }
    }
    server.sql("grant create on tablespace mine to \"Sinker\"");
    EXPECT_TRUE(examine_database(sink.config.url, 10'000)->is_fine());
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(server.sql("select tablespace from pg_tables where tablename = 'item'"), "mine");
}

TEST_F(SinkRefusalsTest, WhatATriggersFunctionMayNotDoIsNotTheSchemasFault) {
    SinkWorld sink{"audited", mapping_, kOneByOne};
    sink.sql("create role audited login; create schema authorization audited");
    sink.config.url = shared_postgres().url("user=audited");
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create table public.audit (id numeric); create function public.note() returns trigger "
        "language plpgsql as $$ begin insert into public.audit values (new.id); return new; end "
        "$$; "
        "create trigger note before insert or update on audited.item for each row execute function "
        "public.note()");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    const auto is_told = AllOf(HasSubstr("permission denied for table audit"),
                               HasSubstr("a function of yours, of a trigger perhaps, may not do "
                                         "that as the sink's role"),
                               ::testing::Not(HasSubstr("usage and create")));
    EXPECT_THAT(failure(sink, *writer), is_told);
    sink.sql("grant insert on public.audit to audited");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "1=20");
    sink.sql(
        "drop trigger note on audited.item; drop function public.note; drop table public.audit");
}

TEST_F(SinkRefusalsTest, RowsThatRowLevelSecurityWouldHideAreRefusedAndNotPassedOver) {
    SinkWorld sink{"hidden", mapping_, kOneByOne};
    shared_postgres().sql("create role keeper login; create schema hidden authorization keeper");
    sink.config.url = shared_postgres().url("user=keeper");
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "alter table hidden.item enable row level security, force row level security; "
        "create policy p1 on hidden.item for select using (id <> 2); create policy p2 on "
        "hidden.item for insert with check (true); create policy p3 on hidden.item for update "
        "using (true); create policy p4 on hidden.item for delete using (true)");
    sink.world.block(2, {sink.del(2, 2, 0)});
    const auto is_told =
        AllOf(HasSubstr("(42501)"), HasSubstr("row level security would hide rows"),
              HasSubstr("no force row level security"), HasSubstr("bypassrls"));
    EXPECT_THAT(failure(sink, *writer), is_told);
    EXPECT_THAT(failure(sink, *writer), is_told);
    SinkCheckOptions options = sink.check_options();
    options.patience_ms = 0;
    sink.sql("alter table hidden.item no force row level security");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "1=10");
    const auto check = [&] { return sink.check(options); };
    const auto equal = check();
    ASSERT_TRUE(equal.has_value()) << equal.error().message;
    EXPECT_TRUE(equal->is_equal());
    sink.sql("alter table hidden.item force row level security");
    const auto refused = check();
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, is_told);
    sink.sql("alter role keeper bypassrls");
    const auto again = check();
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_TRUE(again->is_equal());
    EXPECT_EQ(failure(sink, *writer), "");
}

TEST_F(SlowSinkRefusalsTest, AStandbyIsToldAsOne) {
    Postgres server;
    SinkWorld sink{"standby", mapping_, kOneByOne};
    sink.config.url = server.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    ASSERT_EQ(failure(sink), "");
    server.stop();
    const std::string signal = server.socket_dir() + "/data/standby.signal";
    plumbline::test::write_file(signal, "");
    plumbline::test::give_to_postgres(signal);
    server.start();
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_THAT(failure(sink), AllOf(HasSubstr("(25006)"), HasSubstr("this is a standby: let the "
                                                                     "URL lead to the primary")));
    server.sql("select pg_promote()");
    ASSERT_TRUE(plumbline::test::eventually(
        [&] { return server.sql("select pg_is_in_recovery()") == "f"; }));
    EXPECT_EQ(failure(sink), "");
}

TEST_F(SlowSinkRefusalsTest, ALockThatSomebodyHoldsIsWaitedForAndThenNamed) {
    const Postgres server;
    SinkWorld sink{"locked", mapping_, kOneByOne};
    sink.config.url = server.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    PgOptions options;
    options.url = server.url();
    const auto user = PgConnection::open(options).value();
    ASSERT_OK(user->run({{"begin", {}}, {"lock table locked.item in exclusive mode", {}}}));
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    Status refused = ok();
    std::jthread waits{[&] { refused = sink.settle(*writer); }};
    ASSERT_TRUE(plumbline::test::eventually(
        [&] { return server.sql("select count(*) from pg_locks where not granted") == "1"; }));
    // As the server does by itself after half a minute.
    server.sql("select pg_cancel_backend(pid) from pg_locks where not granted");
    waits.join();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("57014"));
    ASSERT_OK(user->query("rollback"));
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(server.sql("select amount from locked.item"), "20");
}

/// A small file system of this thread and those that it starts; gone with them.
class SmallDisk {
  public:
    SmallDisk() {
        plumbline::test::give_to_postgres(dir_.path());
        is_there_ = unshare(CLONE_NEWNS) == 0 &&
                    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    mount("none", dir_.path().c_str(), "tmpfs", 0, "size=48m,mode=0777") == 0;
        if (is_there_) {
            plumbline::test::give_to_postgres(dir_.path());
        }
    }
    ~SmallDisk() {
        if (is_there_) {
            umount2(dir_.path().c_str(), MNT_DETACH);
        }
    }
    [[nodiscard]] bool is_there() const { return is_there_; }
    [[nodiscard]] const std::string& path() const { return dir_.path(); }

  private:
    TempDir dir_;
    bool is_there_ = false;
};

TEST_F(SlowSinkRefusalsTest, AFullDiskAtTheServerIsWaitedFor) {
    const SmallDisk disk;
    if (!disk.is_there()) {
        GTEST_SKIP() << "no right to mount a small file system";
    }
    Postgres server;
    server.sql("create tablespace small location '" + disk.path() + "'");
    server.sql("alter database postgres set default_tablespace = small");
    server.sql("create table filler (data text)");
    server.sql("alter table filler alter column data set storage external");
    SinkWorld sink{"full_disk", mapping_, kOneByOne};
    sink.config.url = server.url();
    sink.look_url = server.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    server.sql("insert into filler select repeat('x', 1000000) from generate_series(1, 36)");
    // What does not let itself be packed: 60 times 300 kB.
    std::mt19937_64 random{4};
    std::vector<Emitted> large;
    for (uint32_t i = 0; i < 60; ++i) {
        Bytes data(300'000);
        for (uint8_t& byte : data) {
            byte = static_cast<uint8_t>(random());
        }
        large.push_back(mapping_.emit("hub.Put",
                                      {num(100 + i), acc(1), num(1), num(1), text("large"),
                                       AbiValue::blob(data), num(1), num(1), num(0)},
                                      2, i));
    }
    sink.world.block(2, large);
    const std::string refused = failure(sink, *writer);
    EXPECT_THAT(refused, AllOf(HasSubstr("53100"), HasSubstr("No space left on device"),
                               HasSubstr("the disk of the PostgreSQL server is full: once there is "
                                         "room, the sink goes on")));
    EXPECT_EQ(server.sql("select count(*) from full_disk.item"), "1");
    sink.world.block(3, {sink.put(1, 11, 3, 0)});
    EXPECT_NE(failure(sink, *writer), "") << "it stands where it stood";
    server.sql("drop table filler");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SlowSinkRefusalsTest, WithoutConnectionsLeftItWaitsForOne) {
    const Postgres server{{"max_connections=6", "superuser_reserved_connections=0"}};
    SinkWorld sink{"crowded", mapping_};
    sink.config.url = server.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    PgOptions options;
    options.url = server.url();
    std::vector<std::unique_ptr<PgConnection>> others;
    for (auto other = PgConnection::open(options); other; other = PgConnection::open(options)) {
        others.push_back(*std::move(other));
    }
    EXPECT_THAT(failure(sink), HasSubstr("too many clients already; PostgreSQL takes no more "
                                         "connections: raise max_connections"));
    others.clear();
    const auto writer = sink.make_writer();
    EXPECT_TRUE(plumbline::test::eventually([&] { return sink.settle(*writer).has_value(); }));
}

TEST_F(SlowSinkRefusalsTest, ThroughPgBouncerRefusalsSayTheSame) {
    Postgres server;
    const PgBouncer pool{server};
    SinkWorld sink{"pooled_refusals", mapping_, kOneByOne};
    sink.config.url = pool.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    server.sql("alter table pooled_refusals.item drop column note");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_THAT(failure(sink, *writer), HasSubstr("somebody has altered the table"));
    EXPECT_EQ(failure(sink, *writer), "");
    server.kill();
    sink.world.block(3, {sink.put(1, 30, 3, 0)});
    EXPECT_THAT(failure(sink, *writer), HasSubstr("PostgreSQL"));
    server.start();
    EXPECT_TRUE(plumbline::test::eventually([&] { return sink.settle(*writer).has_value(); }));
    EXPECT_EQ(server.sql("select amount, note from pooled_refusals.item"), "30|a note");
}

}  // namespace
}  // namespace plumbline::sink::test::sink_refusals_test
