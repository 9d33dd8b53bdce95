// Whose the cursor is: a second writer, a second chain, and a PostgreSQL that comes back older.
#include <latch>
#include <thread>

#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_cursor_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};

class SinkCursorTest : public SinkTest {
  protected:
    static void add_block(SinkWorld& sink) {
        const auto cursor = sink.world.database->cursor();
        const uint64_t block = cursor ? cursor->block_num + 1 : 1;
        sink.world.block(block, {sink.put(1, block, block, 0), sink.put(block, 7, block, 1)});
    }
};

TEST_F(SinkCursorTest, APostgresqlThatComesBackOlderIsBroughtUpByTheSameProcess) {
    Postgres server;
    SinkWorld sink{"older", mapping_, kOneByOne};
    sink.config.url = server.url();
    sink.config.has_history = true;
    sink.config.events = {"hub.Put"};
    add_block(sink);
    ASSERT_OK(sink.settle(*sink.make_writer()));
    server.stop();
    server.keep_copy();
    server.start();
    // A restart raises the epoch, so that of the copy is lower, and of another process.
    const auto writer = sink.make_writer();
    for (int i = 0; i < 3; ++i) {
        add_block(sink);
        ASSERT_OK(sink.settle(*writer));
    }
    server.stop();
    server.take_copy();
    server.start();
    EXPECT_EQ(server.sql("select block from older.plumbline_cursor"), "1");
    add_block(sink);
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(server.sql("select block from older.plumbline_cursor"), "5");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkCursorTest, BehindAnOpenConnectionItIsToldOnceAndThenBroughtUp) {
    SinkWorld sink{"switched", mapping_, kOneByOne};
    add_block(sink);
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (const char* damage : {
             "update switched.plumbline_cursor set epoch = 5, writer = 'of before', block = null, "
             "block_hash = null; delete from switched.plumbline_tables; delete from switched.item",
             "update switched.plumbline_cursor set epoch = epoch - 1",
             "update switched.plumbline_cursor set epoch = epoch + 1",
         }) {
        SCOPED_TRACE(damage);
        sink.sql(damage);
        add_block(sink);
        EXPECT_THAT(failure(sink, *writer),
                    AllOf(HasSubstr("PostgreSQL has come back with an older state of the cursor "
                                    "main of schema switched"),
                          HasSubstr("goes on from what it holds")));
        EXPECT_FALSE(writer->is_fenced());
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
}

TEST_F(SinkCursorTest, ASchemaThatIsRenamedAwayAndBackIsNoTakeover) {
    SinkWorld sink{"renamed", mapping_, kOneByOne};
    add_block(sink);
    std::unique_ptr<SinkWriter> writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    // What was made anew may be by this process, or by one that was started since.
    for (const bool is_restarted : {false, true}) {
        SCOPED_TRACE(is_restarted);
        sink.sql("alter schema renamed rename to renamed_away");
        add_block(sink);
        EXPECT_NE(failure(sink, *writer), "");
        writer = is_restarted ? sink.make_writer() : std::move(writer);
        ASSERT_EQ(failure(sink, *writer), "");
        sink.sql("drop schema renamed cascade; alter schema renamed_away rename to renamed");
        add_block(sink);
        EXPECT_NE(failure(sink, *writer), "");
        EXPECT_FALSE(writer->is_fenced());
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
}

TEST_F(SinkCursorTest, OnAnOlderCopyOfTheRowTheWriterThatCameLaterHasItToo) {
    SinkWorld one{"later", mapping_, kOneByOne};
    SinkWorld two{"later", mapping_, kOneByOne};
    add_block(one);
    const auto first = one.make_writer();
    ASSERT_OK(one.settle(*first));
    one.sql("update later.plumbline_cursor set epoch = 5, writer = 'of before'");
    add_block(two);
    add_block(two);
    const auto second = two.make_writer();
    ASSERT_OK(two.settle(*second));
    const std::string rows = two.items();
    add_block(one);
    EXPECT_THAT(failure(one, *first),
                AllOf(HasSubstr("another plumbline has taken over the cursor main"),
                      HasSubstr("stop the other one first, and then restart this one")));
    EXPECT_TRUE(first->is_fenced());
    EXPECT_THAT(failure(one, *first), HasSubstr("stop the other one first")) << "for good";
    EXPECT_EQ(two.items(), rows);
    add_block(two);
    EXPECT_EQ(failure(two, *second), "");
    EXPECT_EQ(two.differences(), 0U);
}

TEST_F(SinkCursorTest, AWriterThatCannotStartLeavesTheCursorToTheOneThatWrites) {
    std::string other_type = sink_toml();
    const std::string kind = R"(kind = { enum = ["open", "closed"] })";
    other_type.replace(other_type.find(kind), kind.size(), R"(kind = "uint32")");
    const Mapping retyped{other_type, sink_abis()};
    SinkWorld one{"kept", mapping_, kOneByOne};
    one.config.entities = {"item"};
    one.sql("create role tenant login");
    const std::string owner = shared_postgres().url();
    struct Case {
        const Mapping& mapping;
        std::vector<std::string> entities;
        std::string url;
        const char* done;
        const char* told;
        const char* undone;
    };
    for (const Case& it : {
             Case{retyped,
                  {"item"},
                  owner,
                  "select",
                  "the column kind of \"kept\".\"item\" is text, and the mapping needs bigint",
                  "alter table kept.item rename column kind to kind_before"},
             Case{mapping_,
                  {"item", "named"},
                  owner,
                  "create view kept.named as select 1 as x",
                  "\"kept\".\"named\" is no table",
                  "drop view kept.named"},
             Case{mapping_,
                  {"item", "named"},
                  owner,
                  "create table kept.named (email text)",
                  "\"kept\".\"named\" is there and is not the sink's own",
                  "drop table kept.named"},
             Case{mapping_,
                  {"item"},
                  shared_postgres().url("user=tenant"),
                  "grant usage on schema kept to tenant",
                  "the role tenant may not write to kept.plumbline_cursor",
                  "grant all on all tables in schema kept to tenant"},
         }) {
        SCOPED_TRACE(it.told);
        add_block(one);
        const auto old = one.make_writer();
        ASSERT_EQ(failure(one, *old), "");
        one.sql(it.done);
        const std::string cursor = one.sql("select * from kept.plumbline_cursor");
        SinkWorld two{"kept", it.mapping, kOneByOne};
        two.config.entities = it.entities;
        two.config.url = it.url;
        add_block(two);
        const auto later = two.make_writer();
        for (int tries = 0; tries < 3; ++tries) {
            EXPECT_THAT(failure(two, *later), HasSubstr(it.told));
        }
        EXPECT_EQ(one.sql("select * from kept.plumbline_cursor"), cursor);
        add_block(one);
        EXPECT_EQ(failure(one, *old), "");
        EXPECT_EQ(one.differences(), 0U);

        // Once it can write it is the one that came later.
        one.sql(it.undone);
        EXPECT_EQ(failure(two, *later), "");
        add_block(one);
        EXPECT_THAT(failure(one, *old), HasSubstr("another plumbline has taken over"));
        EXPECT_TRUE(old->is_fenced());
        EXPECT_EQ(failure(two, *later), "");
        EXPECT_FALSE(later->is_fenced());
        one.sql("drop schema kept cascade");
    }
}

TEST_F(SinkCursorTest, WhoIsFencedOutSaysThatWhateverElseIsInTheWayByThen) {
    SinkWorld one{"away", mapping_, kOneByOne};
    SinkWorld two{"away", mapping_, kOneByOne};
    for (SinkWorld* world : {&one, &two}) {
        add_block(*world);
    }
    const auto first = one.make_writer();
    ASSERT_OK(one.settle(*first));
    ASSERT_OK(two.settle(*two.make_writer()));
    one.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and "
        "backend_type = 'client backend'");
    one.sql("alter table away.item alter column note type integer using 7");
    // Its connection's end may be told first.
    EXPECT_TRUE(plumbline::test::eventually([&] {
        return failure(one, *first).find("another plumbline has taken over") != std::string::npos;
    }));
    EXPECT_TRUE(first->is_fenced());
}

TEST_F(SinkCursorTest, AnotherChainsCursorIsLeftAsItIs) {
    SinkWorld sink{"other_chain", mapping_, kOneByOne};
    add_block(sink);
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    const char* row = "select epoch, writer, chain_id from other_chain.plumbline_cursor";
    const std::string before = sink.sql(row);
    const auto other = sink.make_writer(5);
    EXPECT_THAT(failure(sink, *other), HasSubstr("is of chain 31337, and this index of chain 5"));
    EXPECT_EQ(sink.sql(row), before);
    add_block(sink);
    EXPECT_EQ(failure(sink, *writer), "");

    // One that comes in the place of a row that was deleted is no other writer of this cursor.
    sink.sql("update other_chain.plumbline_cursor set chain_id = 5, writer = 'its', epoch = 5");
    add_block(sink);
    EXPECT_THAT(failure(sink, *writer), HasSubstr("is of chain 5, and this index of chain 31337"));
    EXPECT_FALSE(writer->is_fenced());
    sink.sql("delete from other_chain.plumbline_cursor");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkCursorTest, OfTwoChainsThatStartTogetherUnderOneNameOneFollows) {
    for (int round = 0; round < 10; ++round) {
        SCOPED_TRACE(round);
        const std::string schema = fmt::format("together_{}", round);
        SinkWorld one{schema, mapping_, kOneByOne};
        SinkWorld two{schema, mapping_, kOneByOne};
        one.config.has_chain_id = two.config.has_chain_id = true;
        two.chain_id = 10;
        std::latch start{2};
        std::string said[2];
        const auto stand = [&](SinkWorld& sink, std::string& out) {
            add_block(sink);
            const auto writer = sink.make_writer();
            start.arrive_and_wait();
            out = failure(sink, *writer);
            EXPECT_FALSE(writer->is_fenced());
        };
        std::jthread other{[&] { stand(two, said[1]); }};
        stand(one, said[0]);
        other.join();
        const bool is_one = said[0].empty();
        EXPECT_EQ(said[is_one ? 0 : 1], "");
        EXPECT_THAT(said[is_one ? 1 : 0],
                    HasSubstr(fmt::format("is of chain {}, and this index of chain {}",
                                          is_one ? 31337 : 10, is_one ? 10 : 31337)));
        EXPECT_EQ((is_one ? one : two).differences(), 0U);
    }
}

}  // namespace
}  // namespace plumbline::sink::test::sink_cursor_test
