// The whole way of rows into a real PostgreSQL 15, and what psql then says of them.
#include <latch>
#include <thread>

#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_writer_test {
namespace {

class SinkWriterTest : public SinkTest {};

TEST_F(SinkWriterTest, TheFirstLoadMakesTablesWithTypesKeysAndIndexes) {
    SinkWorld sink{"first_load", mapping_};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1), sink.named("x", 5, 1, 2)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.items(), "1=10 2=20");
    EXPECT_EQ(sink.sql("select string_agg(column_name || ' ' || data_type, ',' order by "
                       "ordinal_position) from information_schema.columns where table_schema = "
                       "'first_load' and table_name = 'item'"),
              "id numeric,owner bytea,amount numeric,delta numeric,note text,data bytea,flag "
              "boolean,when numeric,kind text,_block bigint,_log bigint");
    EXPECT_EQ(sink.sql("select encode(owner, 'hex'), delta, note, flag, kind, _block, _log from "
                       "first_load.item where id = 2"),
              hex_of(2).substr(2) + "|-20|a note|f|open|1|1");
    EXPECT_EQ(sink.sql("select pg_get_constraintdef(oid) from pg_constraint where conrelid = "
                       "'first_load.item'::regclass and contype = 'p'"),
              "PRIMARY KEY (id)");
    EXPECT_EQ(sink.sql("select count(*) from pg_indexes where schemaname = 'first_load' and "
                       "indexname = 'item_owner_idx'"),
              "1");
    EXPECT_EQ(sink.sql("select block, chain_id, to_timestamp(epoch / 1000.0) between now() - "
                       "interval '1 hour' and now() from first_load.plumbline_cursor"),
              "1|31337|t");
    EXPECT_EQ(sink.sql("select table_name, row_count from first_load.plumbline_tables order by 1"),
              "item|2\nnamed|1");
    EXPECT_EQ(writer->figures().copied, 3U);
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkWriterTest, ACommitIsOneTransactionInOneRoundTrip) {
    SinkWorld sink{"one_trip", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (uint64_t block = 2; block < 12; ++block) {
        sink.world.block(block, {sink.put(1, block, block, 0), sink.put(block, 1, block, 1),
                                 sink.named("n", block, block, 2), sink.del(block - 1, block, 3)});
        const uint64_t before = writer->round_trips();
        const uint64_t transactions = writer->figures().transactions;
        ASSERT_OK(sink.settle(*writer));
        EXPECT_EQ(writer->round_trips() - before, 1U) << block;
        EXPECT_EQ(writer->figures().transactions - transactions, 1U) << block;
        EXPECT_EQ(sink.differences(), 0U) << block;
    }
    EXPECT_EQ(writer->figures().compared, 0U);
}

TEST_F(SinkWriterTest, ManyCommitsOfOneRowAreOneRow) {
    SinkWorld sink{"coalesced", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (uint64_t block = 2; block < 40; ++block) {
        sink.world.block(block, {sink.put(1, block, block, 0), sink.put(1, block + 1, block, 1)});
    }
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(writer->figures().upserted, 1U);
    EXPECT_EQ(sink.items(), "1=40");
}

TEST_F(SinkWriterTest, AReorgRestoresWhatTheTablesHad) {
    SinkWorld sink{"reorg", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.world.block(2, {sink.put(1, 11, 2, 0), sink.del(2, 2, 1), sink.put(3, 30, 2, 2)});
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.items(), "1=11 3=30");
    sink.rollback(1);
    sink.world.block(2, {sink.put(4, 40, 2, 0)}, 7);
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.items(), "1=10 2=20 4=40");
    EXPECT_EQ(sink.sql("select encode(block_hash, 'hex') from reorg.plumbline_cursor"),
              evm::to_hex(hash_of(2, 7)).substr(2));
    EXPECT_EQ(writer->figures().compared, 0U) << "what was touched is enough";
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkWriterTest, ARestartGoesOnFromUndoWithoutComparing) {
    SinkWorld sink{"restart", mapping_, {1, size_t{1} << 20, 0}};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    const auto told = std::exchange(sink.world.told, nullptr);
    sink.world.block(2, {sink.put(1, 11, 2, 0), sink.del(2, 2, 1), sink.put(3, 30, 2, 2)});
    const auto again = sink.make_writer();
    sink.world.told = told;
    sink.world.block(3, {sink.put(1, 12, 3, 0)});
    ASSERT_OK(sink.settle(*again));
    EXPECT_EQ(sink.items(), "1=12 3=30");
    EXPECT_EQ(again->figures().compared, 0U);
    EXPECT_EQ(again->figures().upserted, 2U);
    EXPECT_EQ(again->figures().deleted, 1U);
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkWriterTest, ARestartAfterAForkSendsOnlyDifferences) {
    SinkWorld sink{"fork_while_away", mapping_, {1, size_t{1} << 20, 0}};
    std::vector<Emitted> many;
    for (uint32_t id = 10; id < 400; ++id) {
        many.push_back(sink.put(id, id, 1, id));
    }
    sink.world.block(1, many);
    sink.world.block(2, {sink.put(1, 11, 2, 0), sink.put(3, 30, 2, 1)});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    sink.world.told = nullptr;
    sink.world.rollback(1);
    sink.world.block(2, {sink.put(4, 40, 2, 0), sink.del(10, 2, 1)}, 5);
    const auto again = sink.make_writer();
    ASSERT_OK(sink.settle(*again));
    EXPECT_GT(again->figures().compared, 0U);
    EXPECT_EQ(again->figures().upserted, 1U) << "row 4";
    EXPECT_EQ(again->figures().deleted, 3U) << "rows 1, 3 and 10";
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkWriterTest, AChangedMappingAddsColumnsSendsDifferencesAndLeavesTheUsersThings) {
    SinkWorld sink{"remapped", mapping_};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    sink.sql("create role reader_of_remapped");
    sink.sql("grant select on remapped.item to reader_of_remapped");
    sink.sql("create view remapped.rich as select id from remapped.item where amount > 15");
    sink.sql("create table remapped.seen (id numeric)");
    sink.sql(
        "create function remapped.note() returns trigger language plpgsql as $$ begin insert "
        "into remapped.seen values (new.id); return new; end $$");
    sink.sql(
        "create trigger told after insert or update on remapped.item for each row execute "
        "function remapped.note()");
    const std::string table = sink.sql("select 'remapped.item'::regclass::oid");

    const Mapping other{sink_toml(R"(, twice = "uint256")", R"(, twice = "amount * 2")"),
                        sink_abis()};
    SinkWorld again{"remapped", other};
    again.world.block(1, {again.put(1, 10, 1, 0), again.put(2, 21, 1, 1)});
    const auto writer = again.make_writer();
    ASSERT_OK(again.settle(*writer));
    EXPECT_EQ(sink.sql("select id, amount, twice from remapped.item order by 1"),
              "1|10|20\n2|21|42");
    EXPECT_EQ(sink.sql("select 'remapped.item'::regclass::oid"), table);
    EXPECT_EQ(sink.sql("select id from remapped.rich"), "2");
    EXPECT_EQ(sink.sql("select has_table_privilege('reader_of_remapped', 'remapped.item', "
                       "'select')"),
              "t");
    EXPECT_EQ(sink.sql("select count(*) from remapped.seen"), "2");
    EXPECT_EQ(writer->figures().upserted, 2U);

    // Without the field again: its column stays, rows go on.
    SinkWorld third{"remapped", mapping_};
    third.world.block(1, {third.put(1, 10, 1, 0), third.put(2, 20, 1, 1), third.put(3, 1, 1, 2)});
    ASSERT_OK(third.settle(*third.make_writer()));
    EXPECT_EQ(sink.sql("select id, amount, twice from remapped.item order by 1"),
              "1|10|20\n2|20|42\n3|1|");
}

TEST_F(SinkWriterTest, RandomReorgsAndRestartsEndEqual) {
    const uint64_t seed = test_seed(20261128);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    const Mapping mapping{
        sink_toml(R"(, maybe = "uint64?")", R"~(, maybe = "if(amount > 500, amount, null)")~"),
        sink_abis()};
    SinkWorld sink{"random_reorgs", mapping, {1, size_t{1} << 20, 1}};
    sink.config.events = {"*"};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    auto writer = sink.make_writer();
    uint64_t head = 1;
    uint64_t reorgs = 0;
    for (unsigned round = 0; reorgs < reorgs_wanted(60); ++round) {
        if (head > 2 && random() % 3 == 0) {
            head -= 1 + random() % std::min<uint64_t>(head - 1, 6);
            sink.rollback(head);
            ++reorgs;
        }
        for (uint64_t left = random() % 4; left > 0; --left) {
            ++head;
            sink.world.block(head, sink.some_events(random, 30, head), round);
        }
        if (random() % 3 != 0) {
            ASSERT_OK(sink.settle(*writer));
            ASSERT_EQ(sink.differences(), 0U) << "round " << round;
        }
        if (random() % 10 == 0) {
            writer = sink.make_writer();
        }
    }
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkWriterTest, EventsAreTablesThatGrowBlockByBlockAndFollowReorgs) {
    SinkWorld sink{"events", mapping_, {1, size_t{1} << 20, 0}};
    sink.config.entities = {};
    sink.config.events = {"hub.Put", "hub.Del"};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.named("x", 1, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(writer->figures().copied, 1U);
    const auto puts = [&] {
        return sink.sql(
            "select string_agg(_block || '/' || _log || ' ' || id || '=' || amount, "
            "', ' order by _block, _log) from events.\"hub_Put\"");
    };
    EXPECT_EQ(sink.sql("select count(*), count(row_count) from events.plumbline_tables"), "2|0")
        << "events are not counted";
    sink.world.block(2, {sink.put(2, 20, 2, 0), sink.del(1, 2, 1)});
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(puts(), "1/0 1=10, 2/0 2=20");
    EXPECT_EQ(sink.sql("select _time, encode(_address, 'hex'), id from events.\"hub_Del\""),
              fmt::format("{}|{}|1", time_of(2), hex_of(1).substr(2)));
    sink.rollback(1);
    sink.world.block(2, {sink.put(3, 30, 2, 5)}, 9);
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(puts(), "1/0 1=10, 2/5 3=30");
    EXPECT_EQ(sink.sql("select count(*) from events.\"hub_Del\""), "0");
    EXPECT_EQ(writer->figures().compared, 0U);

    // A restart on the same chain goes on; on another, the tables are compared.
    sink.world.block(3, {sink.put(4, 40, 3, 0)});
    const auto again = sink.make_writer();
    ASSERT_OK(sink.settle(*again));
    EXPECT_EQ(again->figures().compared, 0U);
    sink.rollback(2);
    sink.world.block(3, {sink.put(5, 50, 3, 0)}, 4);
    const auto third = sink.make_writer();
    ASSERT_OK(sink.settle(*third));
    EXPECT_EQ(third->figures().compared, 2U);
    EXPECT_EQ(puts(), "1/0 1=10, 2/5 3=30, 3/0 5=50");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkWriterTest, TwoChainsStandInOneSchemaAndAViewIsOverBoth) {
    SinkWorld one{"both_0", mapping_};
    SinkWorld two{"both_0", mapping_};
    one.world.block(1, {one.put(1, 10, 1, 0), one.named("x", 1, 1, 1)});
    two.world.block(1, {two.put(1, 32, 1, 0), two.named("x", 2, 1, 1)});
    one.config.has_chain_id = two.config.has_chain_id = true;
    two.config.name = "other";
    // Both find nothing there at the same moment, again and again.
    for (int round = 0; round < 6; ++round) {
        one.config.schema = two.config.schema = fmt::format("both_{}", round);
        one.config.has_history = two.config.has_history = round % 4 == 0;
        one.dirty.forget();
        two.dirty.forget();
        const auto first = one.make_writer(1);
        const auto second = two.make_writer(10);
        std::latch start{2};
        const auto stand = [&](SinkWorld& sink, SinkWriter& writer) {
            start.arrive_and_wait();
            Status settled = sink.settle(writer);
            for (int tries = 0; !settled && tries < 5; ++tries) {
                EXPECT_THAT(settled.error().message,
                            ::testing::HasSubstr("another sink has just made the table"));
                settled = sink.settle(writer);
            }
            EXPECT_OK(settled);
        };
        std::jthread other{[&] { stand(two, *second); }};
        stand(one, *first);
        other.join();
        ASSERT_EQ(
            one.sql("select chain_id, id, amount from " + one.config.schema + ".item order by 1"),
            "1|1|10\n10|1|32")
            << round;
    }
    one.sql(
        "create view both_5.total as select name, sum(value) as value, count(*) as chains from "
        "both_5.named group by name");
    EXPECT_EQ(one.sql("select * from both_5.total"), "x|3|2");
    EXPECT_EQ(one.sql("select name, chain_id, block from both_5.plumbline_cursor order by 2"),
              "main|1|1\nother|10|1");
    EXPECT_EQ(one.sql("select count(*) from pg_indexes where schemaname = 'both_5' and indexname = "
                      "'item_owner_idx'"),
              "1");
}

TEST_F(SinkWriterTest, SeveralIndexersShareTablesThatCarryTheChainId) {
    SinkWorld one{"shared", mapping_};
    one.config.has_chain_id = true;
    one.world.block(1, {one.put(1, 10, 1, 0)});
    const auto first = one.make_writer();
    ASSERT_OK(one.settle(*first));

    SinkWorld two{"shared", mapping_};
    two.config.has_chain_id = true;
    two.config.name = "other";
    two.world.block(1, {two.put(1, 99, 1, 0), two.named("y", 1, 1, 1)});
    SinkWriter::Options options;
    options.config = two.config;
    options.plan = mapping_.plan;
    options.chain_id = 10;
    const auto second = std::move(SinkWriter::make(std::move(options), two.dirty)).value();
    ASSERT_OK(two.settle(*second));
    EXPECT_EQ(one.sql("select chain_id, id, amount from shared.item order by 1"),
              "10|1|99\n31337|1|10");
    EXPECT_EQ(one.sql("select name, chain_id from shared.plumbline_cursor order by 1"),
              "main|31337\nother|10");

    // Without the column two of them would overwrite each other's rows.
    SinkWorld plain{"shared", mapping_};
    plain.config.name = "third";
    plain.world.block(1, {plain.put(1, 5, 1, 0)});
    const auto refused = plain.settle(*plain.make_writer());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, ::testing::HasSubstr("is written by the sink"));
}

}  // namespace
}  // namespace plumbline::sink::test::sink_writer_test
