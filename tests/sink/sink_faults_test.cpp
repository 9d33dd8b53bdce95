// What goes wrong between an index and its PostgreSQL: nothing is lost, nothing doubled, and each
// says what it is.
#include <thread>

#include "sink/sink_check.hpp"
#include "tests/sink/cutting_proxy.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_faults_test {
namespace {

using plumbline::test::CuttingProxy;
using plumbline::test::PgBouncer;
using ::testing::HasSubstr;

class SinkFaultsTest : public SinkTest {};

std::vector<Emitted> some_events(SinkWorld& sink, uint64_t block, std::mt19937_64& random) {
    std::vector<Emitted> events;
    for (uint32_t i = 0; i < 20; ++i) {
        const uint64_t id = random() % 40;
        events.push_back(random() % 4 == 0 ? sink.del(id, block, i)
                                           : sink.put(id, random() % 500, block, i));
    }
    return events;
}

TEST_F(SinkFaultsTest, AConnectionCutAnywhereLosesAndDoublesNothing) {
    const uint64_t seed = test_seed(7);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    CuttingProxy proxy{shared_postgres().socket_dir() + "/.s.PGSQL.5432"};
    SinkWorld sink{"cut", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = proxy.url();
    sink.config.has_history = true;
    sink.look_url = shared_postgres().url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    // What a first load takes.
    constexpr size_t kMany = size_t{1} << 30;
    proxy.cut_after(kMany);
    sink.config.schema = "cut_before";
    ASSERT_OK(sink.settle(*sink.make_writer()));
    const size_t all = kMany - proxy.left();
    sink.config.schema = "cut";
    sink.dirty.forget();
    proxy.cut_after(SIZE_MAX);
    const auto writer = sink.make_writer();
    unsigned cuts = 0;
    for (uint64_t block = 2; cuts < 40; ++block) {
        sink.world.block(block, some_events(sink, block, random));
        // From the greeting to the last answer.
        proxy.cut_after(1 + random() % all);
        if (!sink.settle(*writer)) {
            ++cuts;
        }
        if (random() % 4 == 0) {
            proxy.cut_after(SIZE_MAX);
            while (!sink.settle(*writer)) {
            }
            ASSERT_EQ(sink.differences(), 0U) << "block " << block;
        }
    }
    proxy.cut_after(SIZE_MAX);
    while (!sink.settle(*writer)) {
    }
    EXPECT_FALSE(writer->is_fenced()) << "an unanswered COMMIT of its own is no other writer";
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkFaultsTest, ARowCountsOnceItsTransactionIsCommittedAlsoWhereNobodySaidThatItWas) {
    const uint64_t seed = test_seed(8);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    CuttingProxy proxy{shared_postgres().socket_dir() + "/.s.PGSQL.5432"};
    SinkWorld sink{"counted", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = proxy.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    // Counted by PostgreSQL itself, in the transactions that do it.
    sink.sql(
        "create table counted.done (what text); create function counted.count() returns trigger "
        "language plpgsql as $$ begin insert into counted.done values (case tg_op when 'DELETE' "
        "then 'deleted' else 'upserted' end); return null; end $$; create trigger count after "
        "insert or update or delete on counted.item for each row execute function "
        "counted.count()");
    const uint64_t before = writer->figures().upserted;
    unsigned cuts = 0;
    for (uint64_t block = 2; cuts < 40; ++block) {
        sink.world.block(block, some_events(sink, block, random));
        proxy.cut_after(1 + random() % 5'000);
        if (!sink.settle(*writer)) {
            ++cuts;
        }
        proxy.cut_after(SIZE_MAX);
        while (!sink.settle(*writer)) {
        }
        for (const auto& [what, counted] :
             {std::pair{"upserted", writer->figures().upserted - before},
              std::pair{"deleted", writer->figures().deleted}}) {
            ASSERT_EQ(
                sink.sql(fmt::format("select count(*) from counted.done where what = '{}'", what)),
                fmt::format("{}", counted))
                << what << " by block " << block;
        }
    }
}

TEST_F(SinkFaultsTest, WhatIsUndoneCountsAsNothingAndIsTriedAgainWithoutALine) {
    SinkWorld sink{"undone", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto tables = [](const SinkFigures& figures) {
        return fmt::format("{} {} {} {} {}", figures.transactions, figures.upserted,
                           figures.deleted, figures.copied, figures.compared);
    };
    const auto writer = sink.make_writer();
    const auto fails_always = [&](const char* line, unsigned lines) {
        const std::string before = tables(writer->figures());
        testing::internal::CaptureStderr();
        for (int tries = 0; tries < 3; ++tries) {
            EXPECT_THAT(failure(sink, *writer), HasSubstr("not yet"));
            EXPECT_EQ(tables(writer->figures()), before);
        }
        const std::string log = testing::internal::GetCapturedStderr();
        unsigned told = 0;
        for (size_t at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) {
            ++told;
        }
        EXPECT_EQ(told, lines) << log;
    };
    // A first load: one line a table.
    sink.sql(
        "create function public.not_yet() returns event_trigger language plpgsql as $$ begin raise "
        "'not yet'; end $$; create event trigger not_yet on ddl_command_end when tag in ('ALTER "
        "TABLE') execute function public.not_yet()");
    fails_always("loading a table of a sink", 1);
    sink.sql("drop event trigger not_yet; drop function public.not_yet");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(tables(writer->figures()), "1 0 0 1 0");

    // A commit, and a comparison.
    sink.sql(
        "create function undone.not_yet() returns trigger language plpgsql as $$ begin raise 'not "
        "yet'; end $$; create trigger not_yet before insert or delete on undone.item for each row "
        "execute function undone.not_yet()");
    sink.world.block(2, {sink.put(2, 20, 2, 0), sink.put(3, 20, 2, 1)});
    fails_always("comparing a table of a sink", 0);
    sink.dirty.forget();
    fails_always("comparing a table of a sink", 1);
    sink.sql("drop trigger not_yet on undone.item");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(tables(writer->figures()), "2 2 0 1 1");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkFaultsTest, OfTwoWritersTheOldOneLeavesNothingBehind) {
    SinkWorld one{"fenced", mapping_, {1, size_t{1} << 20, 0}};
    SinkWorld two{"fenced", mapping_, {1, size_t{1} << 20, 0}};
    one.world.block(1, {one.put(1, 10, 1, 0)});
    two.world.block(1, {two.put(1, 77, 1, 0)});
    auto old_writer = one.make_writer();
    ASSERT_OK(one.settle(*old_writer));
    const uint64_t rounds = number_wanted("PLUMBLINE_ROUNDS", 20);
    for (uint64_t round = 0; round < rounds; ++round) {
        SinkWorld& old_one = round % 2 == 0 ? one : two;
        SinkWorld& new_one = round % 2 == 0 ? two : one;
        auto new_writer = new_one.make_writer();
        ASSERT_OK(new_one.settle(*new_writer));
        const std::string rows = new_one.items();

        const uint64_t block = round + 2;
        old_one.world.block(
            block, {old_one.put(1, 600 + round, block, 0), old_one.put(block, 6, block, 1)});
        const Status refused = old_one.settle(*old_writer);
        ASSERT_FALSE(refused) << round;
        EXPECT_THAT(refused.error().message, HasSubstr("another plumbline has taken over"));
        EXPECT_TRUE(old_writer->is_fenced());
        EXPECT_FALSE(old_one.settle(*old_writer)) << "for good";
        ASSERT_EQ(new_one.items(), rows) << round;
        ASSERT_EQ(new_one.differences(), 0U) << round;
        old_writer = std::move(new_writer);
    }
}

TEST_F(SinkFaultsTest, AServerThatIsKilledComesBackToTheSameRows) {
    Postgres server;
    SinkWorld sink{"killed", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = server.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (uint64_t block = 2; block < 5; ++block) {
        sink.world.block(block, {sink.put(1, block, block, 0), sink.put(block, 1, block, 1)});
        server.kill();
        const Status away = sink.settle(*writer);
        ASSERT_FALSE(away);
        EXPECT_EQ(away.error().code, ErrorCode::kUnavailable) << away.error().message;
        server.start();
        ASSERT_OK(sink.settle(*writer));
        EXPECT_EQ(sink.differences(), 0U);
    }
}

TEST_F(SinkFaultsTest, ATableThatSomebodyMakesUnloggedIsFilledAgainAfterACrash) {
    Postgres server;
    SinkWorld sink{"unlogged", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = server.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    server.sql("alter table unlogged.item set unlogged");
    sink.world.block(2, {sink.put(3, 30, 2, 0)});
    EXPECT_NE(failure(sink, *writer), "") << "the table was rewritten";
    ASSERT_OK(sink.settle(*writer));
    server.kill();
    server.start();
    EXPECT_EQ(server.sql("select count(*) from unlogged.item"), "0");
    sink.world.block(3, {sink.put(3, 31, 3, 0)});
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(server.sql("select count(*) from unlogged.item"), "3");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkFaultsTest, ThroughPgBouncerInTransactionModeItIsTheSame) {
    const PgBouncer pool{shared_postgres()};
    SinkWorld sink{"pooled", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.url = pool.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (uint64_t block = 2; block < 20; ++block) {
        sink.world.block(block, {sink.put(1, block, block, 0), sink.del(block - 2, block, 1),
                                 sink.put(block, 1, block, 2)});
        ASSERT_OK(sink.settle(*writer));
    }
    EXPECT_EQ(sink.differences(), 0U);
    EXPECT_EQ(writer->figures().compared, 0U);
}

TEST_F(SinkFaultsTest, EachRefusalSaysWhatItIs) {
    SinkWorld sink{"refusals", mapping_};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    sink.sql("create role poor login password 'a-very-secret-word'");
    sink.config.url = shared_postgres().url("user=poor&password=a-very-secret-word");
    EXPECT_THAT(failure(sink), HasSubstr("the schema refusals is not there and the role poor may "
                                         "not make it: create schema refusals"));
    sink.sql("create schema refusals");
    EXPECT_THAT(failure(sink), HasSubstr("the role poor may not use the schema refusals: grant all "
                                         "on schema refusals to poor"));
    sink.sql("grant all on schema refusals to poor");
    EXPECT_EQ(failure(sink), "") << "rights on the one schema are enough";

    sink.config.url = shared_postgres().url("user=nobody&password=a-very-secret-word");
    EXPECT_THAT(failure(sink), HasSubstr("role \"nobody\" does not exist"));
    sink.config.url = "postgresql://bob:a-very-secret-word@127.0.0.1:1/x";
    EXPECT_THAT(failure(sink), HasSubstr("refused"));
    EXPECT_THAT(failure(sink), ::testing::Not(HasSubstr("a-very-secret-word")));

    sink.config.url = shared_postgres().url();
    sink.sql("alter table refusals.item alter column \"when\" type text");
    EXPECT_THAT(failure(sink), HasSubstr("the column when of \"refusals\".\"item\" is text, and "
                                         "the mapping needs numeric(78,0)"));
    sink.sql("alter table refusals.item drop column \"when\"");
    EXPECT_EQ(failure(sink), "") << "a dropped column is made and filled again";
    EXPECT_EQ(sink.sql("select \"when\" from refusals.item"), "10");
    sink.sql("drop table refusals.item");
    EXPECT_EQ(failure(sink), "") << "and so is a table";
    EXPECT_EQ(sink.items(), "1=10");
    sink.sql("drop table refusals.item; create view refusals.item as select 1 as id");
    EXPECT_THAT(failure(sink), HasSubstr("is no table"));
}

TEST_F(SinkFaultsTest, ASerializationFailureIsTriedAgain) {
    SinkWorld sink{"serialized", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create function serialized.fails() returns trigger language plpgsql as $$ begin raise "
        "exception using errcode = '40001'; end $$; create trigger fails before update on "
        "serialized.item for each row execute function serialized.fails()");
    sink.world.block(2, {sink.put(1, 11, 2, 0)});
    EXPECT_THAT(failure(sink, *writer), HasSubstr("40001"));
    EXPECT_THAT(failure(sink, *writer), HasSubstr("the same transaction is tried again"));
    sink.sql("drop trigger fails on serialized.item");
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkFaultsTest, AComparisonThatIsWaitedForSaysWhatFor) {
    SinkWorld sink{"waited_for", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    ASSERT_EQ(failure(sink), "");
    sink.world.block(2, {sink.put(1, 11, 2, 0)});
    SinkCheckOptions options = sink.check_options();
    options.patience_ms = 6'000;
    std::vector<std::string> told;
    options.on_wait = [&](const std::string& what) { told.push_back(what); };
    EXPECT_FALSE(sink.check(options).has_value());
    EXPECT_THAT(told, ::testing::ElementsAre(HasSubstr(
                          "the sink main stands at block 1 and the index at block 2: they are "
                          "compared once they stand at the same")));

    // The same of a server that does not answer, here for a lock.
    ASSERT_EQ(failure(sink), "");
    PgOptions pg;
    pg.url = shared_postgres().url();
    const auto user = PgConnection::open(pg).value();
    ASSERT_OK(user->run({{"begin", {}}, {"lock table waited_for.item", {}}}));
    told.clear();
    options.on_wait = [&](const std::string& what) {
        told.push_back(what);
        EXPECT_OK(user->query("rollback"));
    };
    const auto checked = sink.check(options);
    ASSERT_TRUE(checked.has_value()) << checked.error().message;
    EXPECT_TRUE(checked->is_equal());
    EXPECT_THAT(told, ::testing::ElementsAre(HasSubstr("PostgreSQL has not answered for 5s")));
}

TEST_F(SinkFaultsTest, AConnectionThatTheServerEndsWhileNothingIsUnderWayIsNoFailure) {
    SinkWorld sink{"idle", mapping_, {1, size_t{1} << 20, 0}};
    const auto writer = sink.make_writer();
    uint64_t round_trips = 0;
    for (uint64_t block = 1; block < 4; ++block) {
        sink.world.block(block, {sink.put(block, 10, block, 0)});
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_GT(writer->round_trips(), round_trips) << "those of all connections";
        round_trips = writer->round_trips();
        // As idle_session_timeout does.
        sink.sql(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name "
            "= 'plumbline' and state = 'idle'");
    }
    EXPECT_EQ(sink.items(), "1=10 2=10 3=10");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkFaultsTest, ADatabaseOfAnotherEncodingIsRefused) {
    const Postgres latin{{}, "LATIN1"};
    SinkWorld sink{"latin", mapping_};
    sink.config.url = latin.url();
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    EXPECT_THAT(failure(sink), HasSubstr("has the encoding LATIN1: a sink needs UTF8"));
}

TEST_F(SinkFaultsTest, AnotherChainsCursorIsRefused) {
    SinkWorld sink{"other_chain", mapping_};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    EXPECT_EQ(failure(sink), "");
    sink.sql("update other_chain.plumbline_cursor set chain_id = 5");
    EXPECT_THAT(failure(sink), HasSubstr("is of chain 5, and this index of chain 31337"));
}

TEST_F(SinkFaultsTest, KeysAndCellsAreToldAsTheIndexShowsThem) {
    SinkWorld sink{"shown", mapping_};
    sink.world.block(1,
                     {sink.named("line\n9 rows: equal", 1, 1, 0), sink.put(1, 1, 1, 1, "\x1b[2J")});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    sink.sql("update shown.named set value = 7; update shown.item set note = null");
    const auto found = sink.check(sink.check_options());
    ASSERT_TRUE(found.has_value()) << found.error().message;
    ASSERT_EQ(found->findings.size(), 2U);
    EXPECT_EQ(found->findings[0].key, "id=1");
    EXPECT_EQ(found->findings[0].cells[0].index, "hex:1b5b324a");
    EXPECT_EQ(found->findings[0].cells[0].postgresql, std::nullopt);
    EXPECT_EQ(found->findings[1].key, "name=hex:6c696e650a3920726f77733a20657175616c");
}

TEST_F(SinkFaultsTest, DriftIsFoundCellByCellAndOnlyThatIsMended) {
    SinkWorld sink{"drift", mapping_};
    std::vector<Emitted> many;
    for (uint32_t id = 0; id < 3'000; ++id) {
        many.push_back(sink.put(id, id, 1, id));
    }
    sink.world.block(1, many);
    ASSERT_OK(sink.settle(*sink.make_writer()));
    sink.sql("update drift.item set amount = amount + 1 where id % 3 = 0");
    sink.sql("delete from drift.item where id in (7, 10)");
    sink.sql("insert into drift.item (id, amount) values (99999, 1), (-1, 2)");
    EXPECT_EQ(sink.differences(), 1'000U + 2 + 2);
    const auto found = sink.check(sink.check_options());
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_EQ(found->differing, 1'004U);
    std::map<std::string, std::string> cells;
    for (const RowFinding& row : found->findings) {
        for (const CellFinding& cell : row.cells) {
            cells[row.key + " " + cell.column] = *cell.index + " " + *cell.postgresql;
        }
    }
    EXPECT_EQ(cells.size(), 1'000U);
    EXPECT_EQ(cells["id=2997 amount"], "2997 2998");
    const auto mended = sink.check(sink.check_options(true));
    ASSERT_TRUE(mended.has_value()) << mended.error().message;
    EXPECT_EQ(mended->mended, 1'004U);
    EXPECT_EQ(sink.differences(), 0U);
    sink.sql("update drift.item set amount = amount + 1 where id % 3 = 0");
    sink.sql("delete from drift.item where id in (7, 10)");
    sink.sql("insert into drift.item (id, amount) values (99999, 1), (-1, 2)");
    // What is noted says nothing any more: then all is compared.
    sink.sql("update drift.plumbline_tables set digest = null");
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(writer->figures().upserted, 1'002U);
    EXPECT_EQ(writer->figures().deleted, 2U);
    EXPECT_EQ(sink.differences(), 0U);
}

}  // namespace
}  // namespace plumbline::sink::test::sink_faults_test
