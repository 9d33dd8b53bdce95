// history = true: every version of every row, with the blocks that it stood.
#include "sink/sink_check.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_history_test {
namespace {

constexpr Pace kNothingFinal{1, size_t{1} << 20, 0};

class SinkHistoryTest : public SinkTest {
  protected:
    /// Of "item": "id=amount from-to", the last without an end.
    [[nodiscard]] static std::string versions(const SinkWorld& sink) {
        return sink.sql(
            "select string_agg(id || '=' || amount || ' ' || _block || '-' || "
            "coalesce(_to::text, ''), ', ' order by id, _block) from " +
            sink.config.schema + ".item_history");
    }
    /// What holds of every history, whatever made it.
    static void expect_seamless(const SinkWorld& sink) {
        const std::string of = sink.config.schema + ".item_history";
        EXPECT_EQ(sink.sql("select count(*) from " + of + " a join " + of +
                           " b on a.id = b.id and a._block < b._block and (a._to is null or a._to "
                           "> b._block)"),
                  "0")
            << "two versions of one row at one block";
        EXPECT_EQ(
            sink.sql("select count(*) from (select id, amount, note, _block, _log from " + of +
                     " where _to is null except select id, amount, note, _block, _log "
                     "from " +
                     sink.config.schema + ".item) as d"),
            "0");
        EXPECT_EQ(sink.sql("select count(*) from " + sink.config.schema + ".item"),
                  sink.sql("select count(*) from " + of + " where _to is null"));
    }
};

TEST_F(SinkHistoryTest, EveryVersionOfARowIsThereWithTheBlocksThatItStood) {
    SinkWorld sink{"versions", mapping_, kNothingFinal};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    sink.world.block(2, {sink.put(1, 99, 2, 0), sink.put(1, 11, 2, 1), sink.put(3, 5, 2, 2),
                         sink.del(3, 2, 3), sink.named("x", 1, 2, 4)});
    sink.world.block(3, {sink.del(1, 3, 0), sink.named("x", 2, 3, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(versions(sink), "1=10 1-2, 1=11 2-3, 2=20 1-")
        << "within a block only what it left counts";
    EXPECT_EQ(sink.sql("select string_agg(value || ' ' || _block || '-' || coalesce(_to::text, "
                       "''), ', ' order by _block) from versions.named_history"),
              "1 2-3, 2 3-");

    sink.world.block(5, {sink.put(1, 12, 5, 0)});
    sink.world.block(6, {sink.put(1, 13, 6, 0), sink.put(2, 21, 6, 1)});
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(versions(sink), "1=10 1-2, 1=11 2-3, 1=12 5-6, 1=13 6-, 2=20 1-6, 2=21 6-");
    const auto at = [&](uint64_t block) {
        return sink.sql(
            fmt::format("select string_agg(id || '=' || amount, ' ' order by id) from "
                        "versions.item_history where _block <= {0} and (_to > {0} or "
                        "_to is null)",
                        block));
    };
    EXPECT_EQ(at(2), "1=11 2=20");
    EXPECT_EQ(at(4), "2=20");
    EXPECT_EQ(at(5), "1=12 2=20");

    // Versions of dead blocks vanish, and those that they ended stand again.
    sink.rollback(4);
    sink.world.block(5, {sink.put(2, 22, 5, 0)}, 7);
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(versions(sink), "1=10 1-2, 1=11 2-3, 2=20 1-5, 2=22 5-");
    EXPECT_EQ(writer->figures().compared, 0U) << "undo is enough";
    // Below where this process began.
    sink.rollback(2);
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(versions(sink), "1=10 1-2, 1=11 2-, 2=20 1-");
    EXPECT_EQ(sink.differences(), 0U);
    expect_seamless(sink);
}

TEST_F(SinkHistoryTest, ACommitIsStillOneRoundTripAndARestartGoesOnFromUndo) {
    SinkWorld sink{"history_restart", mapping_, kNothingFinal};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (uint64_t block = 2; block < 6; ++block) {
        sink.world.block(block, {sink.put(1, block, block, 0), sink.named("n", block, block, 1)});
        const uint64_t before = writer->round_trips();
        ASSERT_OK(sink.settle(*writer));
        EXPECT_EQ(writer->round_trips() - before, 1U) << block;
    }
    const auto told = std::exchange(sink.world.told, nullptr);
    sink.world.block(6, {sink.put(1, 60, 6, 0)});
    sink.world.block(7, {sink.put(1, 70, 7, 0), sink.del(1, 7, 1)});
    writer = sink.make_writer();
    sink.world.told = told;
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(versions(sink), "1=10 1-2, 1=2 2-3, 1=3 3-4, 1=4 4-5, 1=5 5-6, 1=60 6-7");
    EXPECT_EQ(writer->figures().compared, 0U);
    EXPECT_EQ(sink.differences(), 0U);

    // Turned off for a while: what it missed is found.
    SinkWriter::Options off;
    off.config = sink.config;
    off.config.has_history = false;
    off.plan = mapping_.plan;
    off.chain_id = 31337;
    writer = std::move(SinkWriter::make(std::move(off), sink.dirty)).value();
    sink.world.block(8, {sink.put(1, 80, 8, 0)});
    ASSERT_OK(sink.settle(*writer));
    writer = sink.make_writer();
    sink.world.block(9, {sink.put(1, 90, 9, 0)});
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.differences(), 0U);
    expect_seamless(sink);
}

TEST_F(SinkHistoryTest, BlocksThatAreFinalAtOnceAreFoldedFromTheLog) {
    SinkWorld sink{"history_final", mapping_};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.world.block(2, {sink.put(1, 2, 2, 0)});
    sink.world.block(12, {sink.put(1, 12, 12, 0)});
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.differences(), 0U);
    EXPECT_GT(writer->figures().compared, 0U);
    EXPECT_EQ(versions(sink), "1=10 1-2, 1=2 2-12, 1=12 12-");
}

TEST_F(SinkHistoryTest, AChangedMappingChangesWhatRowsOnceWere) {
    SinkWorld sink{"history_remapped", mapping_, kNothingFinal};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    sink.world.block(2, {sink.put(1, 20, 2, 0), sink.put(2, 5, 2, 1)});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    sink.sql(
        "create view history_remapped.old as select * from history_remapped.item_history where "
        "_to is not null");
    const Mapping other{sink_toml(R"(, twice = "uint256")", R"(, twice = "amount * 2")"),
                        sink_abis()};
    SinkWorld again{"history_remapped", other, kNothingFinal};
    again.config.has_history = true;
    again.world.block(1, {again.put(1, 10, 1, 0)});
    again.world.block(2, {again.put(1, 20, 2, 0), again.put(2, 5, 2, 1)});
    again.world.block(3, {again.del(2, 3, 0)});
    ASSERT_OK(again.settle(*again.make_writer()));
    EXPECT_EQ(again.sql("select string_agg(id || '=' || twice || ' ' || _block || '-' || "
                        "coalesce(_to::text, ''), ', ' order by id, _block) from "
                        "history_remapped.item_history"),
              "1=20 1-2, 1=40 2-, 2=10 2-3");
    EXPECT_EQ(again.sql("select count(*) from history_remapped.old"), "2") << "the view lives on";
    EXPECT_EQ(again.differences(), 0U);
}

TEST_F(SinkHistoryTest, RandomReorgsAndRestartsLeaveNoVersionTooManyAndNoneTooFew) {
    const uint64_t seed = test_seed(20261129);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    std::mt19937_64 random{seed};
    SinkWorld sink{"history_reorgs", mapping_, {1, size_t{1} << 20, 1}};
    sink.config.has_history = true;
    sink.config.has_chain_id = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    auto writer = sink.make_writer();
    uint64_t head = 1;
    uint64_t reorgs = 0;
    uint64_t compared = 0;
    for (unsigned round = 0; reorgs < reorgs_wanted(6); ++round) {
        if (head > 2 && random() % 3 == 0) {
            head -= 1 + random() % std::min<uint64_t>(head - 2, 6);
            sink.rollback(head);
            ++reorgs;
        }
        for (uint64_t left = random() % 4; left > 0; --left) {
            ++head;
            sink.world.block(head, sink.some_events(random, 12, head), round);
        }
        if (random() % 3 != 0) {
            ASSERT_OK(sink.settle(*writer));
            ASSERT_EQ(sink.differences(), 0U) << "round " << round;
            expect_seamless(sink);
        }
        if (random() % 10 == 0) {
            compared += writer->figures().compared;
            writer = sink.make_writer();
        }
    }
    ASSERT_OK(sink.settle(*writer));
    EXPECT_EQ(sink.differences(), 0U);
    RecordProperty("tables_compared", static_cast<int>(compared));
}

TEST_F(SinkHistoryTest, ADriftedVersionIsNamedAndMended) {
    SinkWorld sink{"history_drift", mapping_, kNothingFinal};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.named("x", 1, 1, 1)});
    sink.world.block(2, {sink.put(1, 20, 2, 0), sink.named("x", 2, 2, 1)});
    ASSERT_OK(sink.settle(*sink.make_writer()));
    sink.sql("update history_drift.item_history set amount = 11 where _block = 1");
    sink.sql("delete from history_drift.named_history where _to is null");
    sink.sql("insert into history_drift.item_history (id, _block) values (7, 1)");
    const auto found = sink.check(sink.check_options(true));
    ASSERT_TRUE(found.has_value()) << found.error().message;
    std::vector<std::string> told;
    for (const RowFinding& row : found->findings) {
        told.push_back(row.table + " " + row.key);
        for (const CellFinding& cell : row.cells) {
            told.back() += fmt::format(" {}: {} not {}", cell.column, *cell.index,
                                       cell.postgresql.value_or("null"));
        }
    }
    EXPECT_THAT(told, ::testing::UnorderedElementsAre(
                          "item_history id=1,_block=1 amount: 10 not 11",
                          "item_history id=7,_block=1", "named_history name=x,_block=2"));
    EXPECT_EQ(found->mended, 3U);
    EXPECT_EQ(sink.differences(), 0U);
}

}  // namespace
}  // namespace plumbline::sink::test::sink_history_test
