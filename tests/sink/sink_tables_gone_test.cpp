// Tables and columns that somebody drops, renames or alters, and the cursor's row: whoever had rows
// there fills them again, whoever made the table anew, and whether or not anything is committed.
#include "sink/sink_check.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_tables_gone_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};

class SinkTablesGoneTest : public SinkTest {};

/// Two chains with fifteen rows each in tables of one schema.
struct TwoChains {
    TwoChains(const std::string& schema, const Mapping& mapping)
        : one{schema, mapping, kOneByOne},
          two{schema, mapping, kOneByOne} {
        two.config.name = "second";
        two.chain_id = 4242;
        for (SinkWorld* sink : {&one, &two}) {
            sink->config.has_chain_id = true;
            sink->config.has_history = true;
            sink->config.events = {"hub.Put"};
            std::vector<Emitted> rows;
            for (uint32_t id = 0; id < 15; ++id) {
                rows.push_back(sink->put(id, sink->chain_id + id, 1, id));
            }
            sink->world.block(1, rows);
        }
    }
    SinkWorld one;
    SinkWorld two;
};

TEST_F(SinkTablesGoneTest, ATableThatLeavesTheConfigIsNotCalledOfTheCursorsBlock) {
    TwoChains chains{"leaves", mapping_};
    auto& [one, two] = chains;
    for (SinkWorld* sink : {&one, &two}) {
        ASSERT_OK(sink->settle(*sink->make_writer()));
    }
    const std::string noted =
        "select table_name, chain_id from leaves.plumbline_tables where table_name in "
        "('item_history', 'hub_Put') order by 1, 2";
    const std::string all = one.sql(noted);
    one.config.has_history = false;
    one.config.events.clear();
    ASSERT_OK(one.settle(*one.make_writer()));
    const std::string others = one.sql(noted);
    EXPECT_NE(others, all);
    EXPECT_THAT(others, AllOf(HasSubstr("hub_Put"), HasSubstr("item_history"), HasSubstr("4242")));
    EXPECT_EQ(others.find(std::to_string(one.chain_id)), std::string::npos) << others;
    EXPECT_EQ(one.sql("select count(*) from leaves.\"hub_Put\""), "30") << "rows stay";
    one.config.has_history = true;
    one.config.events = {"hub.Put"};
    ASSERT_OK(one.settle(*one.make_writer()));
    EXPECT_EQ(one.sql(noted), all);
}

TEST_F(SinkTablesGoneTest, ATableMadeAnewByOneChainIsFilledByTheOthersToo) {
    TwoChains chains{"anew", mapping_};
    auto& [one, two] = chains;
    const auto first = one.make_writer();
    auto second = two.make_writer();
    ASSERT_OK(one.settle(*first));
    ASSERT_OK(two.settle(*second));
    uint64_t block = 1;
    for (const char* damage : {
             "drop table anew.item",
             "alter table anew.item rename column note to note_old",
             "alter table anew.item drop column amount",
             "drop table anew.\"hub_Put\"",
             "drop table anew.item_history",
             "alter table anew.item rename to item_old_one",
         }) {
        SCOPED_TRACE(damage);
        one.sql(damage);
        ++block;
        // The first to notice makes it anew; the second finds it whole.
        one.world.block(block, {one.put(1, block, block, 0)});
        EXPECT_THAT(failure(one, *first),
                    AllOf(HasSubstr("does not exist"), HasSubstr("somebody has ")));
        EXPECT_EQ(failure(one, *first), "");
        two.world.block(block, {two.put(2, block, block, 0)});
        EXPECT_THAT(failure(two, *second), HasSubstr("made anew by somebody else"));
        EXPECT_EQ(failure(two, *second), "");
        EXPECT_EQ(failure(one, *first), "");
        EXPECT_EQ(one.differences(), 0U);
        EXPECT_EQ(two.differences(), 0U);
        EXPECT_EQ(one.sql("select chain_id, count(note), count(amount) from anew.item group by 1 "
                          "order by 1"),
                  "4242|15|15\n31337|15|15");
    }
}

TEST_F(SinkTablesGoneTest, ATableThatSomebodyEmptiesIsFilledByEveryChain) {
    TwoChains chains{"emptied", mapping_};
    auto& [one, two] = chains;
    two.look_ms = 0;  // Nothing is committed there.
    const auto first = one.make_writer();
    const auto second = two.make_writer();
    ASSERT_OK(one.settle(*first));
    ASSERT_OK(two.settle(*second));
    uint64_t block = 1;
    for (const char* table : {"item", "item_history", "\"hub_Put\""}) {
        SCOPED_TRACE(table);
        one.sql(fmt::format("truncate emptied.{}", table));
        ++block;
        one.world.block(block, {one.put(1, block, block, 0)});
        const auto is_told =
            HasSubstr("was emptied, rewritten or made anew by somebody else: the sink compares it");
        EXPECT_THAT(failure(one, *first), is_told);
        EXPECT_THAT(failure(two, *second), is_told);
        EXPECT_EQ(failure(one, *first), "");
        EXPECT_EQ(failure(two, *second), "");
        EXPECT_EQ(one.differences(), 0U);
        EXPECT_EQ(two.differences(), 0U);
    }
    // While nobody is there; and what only moves the rows costs a comparison and sends none.
    one.sql("truncate emptied.item");
    const auto again = two.make_writer();
    EXPECT_EQ(failure(two, *again), "");
    EXPECT_EQ(two.differences(), 0U);
    const uint64_t sent = again->figures().upserted;
    EXPECT_EQ(sent, 15U);
    one.sql("vacuum full emptied.item");
    EXPECT_NE(failure(two, *again), "");
    EXPECT_EQ(failure(two, *again), "");
    EXPECT_EQ(again->figures().upserted, sent);
}

TEST_F(SinkTablesGoneTest, APartitionedTableThatSomebodyEmptiesIsFilled) {
    SinkWorld sink{"parted", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    ASSERT_EQ(failure(sink), "");
    sink.sql(
        "create table parted.p (like parted.item including all) partition by hash (id); create "
        "table parted.p0 partition of parted.p for values with (modulus 1, remainder 0); drop "
        "table parted.item; alter table parted.p rename to item");
    const auto writer = sink.make_writer();
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);
    uint64_t block = 1;
    for (const char* emptied : {"parted.item", "parted.p0"}) {
        sink.sql(fmt::format("truncate {}", emptied));
        ++block;
        sink.world.block(block, {sink.put(1, block, block, 0)});
        EXPECT_THAT(failure(sink, *writer), HasSubstr("was emptied, rewritten or made anew"));
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
}

TEST_F(SinkTablesGoneTest, ARestartFindsThatItsTableIsAnotherOne) {
    TwoChains chains{"anew_restart", mapping_};
    auto& [one, two] = chains;
    const auto first = one.make_writer();
    ASSERT_OK(one.settle(*first));
    ASSERT_OK(two.settle(*two.make_writer()));
    one.sql("drop table anew_restart.item");
    one.world.block(2, {one.put(1, 2, 2, 0)});
    EXPECT_NE(failure(one, *first), "");
    EXPECT_EQ(failure(one, *first), "");
    EXPECT_EQ(one.sql("select count(*) from anew_restart.item where chain_id = 4242"), "0");
    const auto again = two.make_writer();
    EXPECT_EQ(failure(two, *again), "");
    EXPECT_EQ(two.differences(), 0U);
    const auto third = two.make_writer();
    EXPECT_EQ(failure(two, *third), "");
    EXPECT_EQ(third->figures().compared, 0U) << "once is enough";
}

TEST_F(SinkTablesGoneTest, WithoutAnyCommitItIsMissedAndMadeAnewAllTheSame) {
    SinkWorld sink{"idle", mapping_, kOneByOne};
    sink.look_ms = 0;
    sink.config.events = {"hub.Del"};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1), sink.del(2, 1, 2)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (const char* damage : {"drop table idle.item", "drop table idle.\"hub_Del\"",
                               "alter table idle.item drop column delta"}) {
        SCOPED_TRACE(damage);
        sink.sql(damage);
        EXPECT_THAT(failure(sink, *writer), HasSubstr("does not exist; somebody has "));
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
    sink.sql("alter table idle.item alter column delta type smallint using 5");
    const auto is_named = HasSubstr(
        "the column delta of \"idle\".\"item\" is smallint, and the mapping needs "
        "numeric(78,0): rename or drop the column");
    EXPECT_THAT(failure(sink, *writer), is_named);
    EXPECT_THAT(failure(sink, *writer), is_named);
    sink.sql("alter table idle.item rename column delta to delta_old");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.sql("select delta from idle.item"), "-10");

    // What is not ours is nobody's business.
    sink.sql(
        "alter table idle.item add column mine text; create index on idle.item (mine); "
        "create table idle.other (id int)");
    const uint64_t compared = writer->figures().compared;
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(writer->figures().compared, compared);
}

TEST_F(SinkTablesGoneTest, BetweenLooksAnIdleSinkAsksNothing) {
    SinkWorld sink{"idle_long", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    const uint64_t trips = writer->round_trips();
    for (int turn = 0; turn < 20; ++turn) {
        ASSERT_OK(sink.settle(*writer));
    }
    EXPECT_EQ(writer->round_trips(), trips);
}

TEST_F(SinkTablesGoneTest, VerifyComparesTheOtherTablesAndRepairMakesWhatIsMissing) {
    SinkWorld sink{"verified", mapping_, kOneByOne};
    sink.config.has_history = true;
    sink.config.events = {"hub.Put", "hub.Named"};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.named("x", 5, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "drop table verified.item; drop table verified.\"hub_Put\"; "
        "alter table verified.item_history drop column note; "
        "update verified.named set value = 6");
    const auto found = sink.check(sink.check_options());
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_FALSE(found->is_equal());
    EXPECT_EQ(found->tables, 3U);
    EXPECT_EQ(found->differing, 1U) << "the one row of the tables that are whole";
    std::vector<std::string> told;
    for (const TableProblem& problem : found->problems) {
        told.push_back(problem.what);
    }
    EXPECT_THAT(told,
                ElementsAre(AllOf(HasSubstr("\"item\" does not exist"), HasSubstr("--repair")),
                            HasSubstr("the column \"note\" of"), HasSubstr("\"hub_Put\"")));
    const auto mended = sink.check(sink.check_options(true));
    ASSERT_TRUE(mended.has_value()) << mended.error().message;
    EXPECT_TRUE(mended->is_equal());
    EXPECT_EQ(mended->problems.size(), 3U);
    EXPECT_EQ(sink.differences(), 0U);
    EXPECT_TRUE(sink.check(sink.check_options())->is_equal());

    // Its writer finds other tables than it knew, compares and has nothing to send.
    sink.world.block(2, {sink.put(1, 11, 2, 0)});
    EXPECT_THAT(failure(sink, *writer), HasSubstr("made anew by somebody else"));
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.differences(), 0U);

    // What only its owner can mend is said, and the others are compared.
    sink.sql("alter table verified.item alter column note type integer using 5");
    const auto refused = sink.check(sink.check_options(true));
    ASSERT_TRUE(refused.has_value()) << refused.error().message;
    EXPECT_FALSE(refused->is_equal());
    EXPECT_EQ(refused->tables, 5U);
    ASSERT_EQ(refused->problems.size(), 1U);
    EXPECT_THAT(refused->problems[0].what, HasSubstr("rename or drop the column"));
}

TEST_F(SinkTablesGoneTest, ATriggerThatDividesByZeroIsNoOtherWriter) {
    SinkWorld sink{"divided", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create function divided.half() returns trigger language plpgsql as $$ begin perform 1 / "
        "(new.amount - new.amount); return new; end $$; create trigger half before insert or "
        "update on divided.item for each row execute function divided.half()");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_THAT(failure(sink, *writer),
                AllOf(HasSubstr("division by zero"), HasSubstr("divided.half()"),
                      HasSubstr("a trigger of yours divides by zero")));
    EXPECT_FALSE(writer->is_fenced());
    sink.sql("drop trigger half on divided.item");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "1=20");
}

TEST_F(SinkTablesGoneTest, ATriggerThatKeepsRowsOutIsNamed) {
    SinkWorld sink{"kept_out", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create function kept_out.forgets() returns trigger language plpgsql as $$ begin if new.id "
        "= 2 then return null; end if; return new; end $$; create trigger forgets before insert or "
        "update on kept_out.item for each row execute function kept_out.forgets()");
    sink.world.block(2, {sink.put(1, 11, 2, 0), sink.put(2, 20, 2, 1), sink.put(3, 30, 2, 2)});
    const auto is_named = ::testing::StrEq(
        "a trigger or a rule of \"kept_out\".\"item\" keeps rows out, takes 2 of 3: let a trigger "
        "return new");
    EXPECT_THAT(failure(sink, *writer), is_named);
    EXPECT_THAT(failure(sink, *sink.make_writer()), is_named) << "also where rows are compared";
    EXPECT_EQ(sink.items(), "1=10") << "nothing of the transaction stays";
    sink.sql("drop trigger forgets on kept_out.item");
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.items(), "1=11 2=20 3=30");
}

TEST_F(SinkTablesGoneTest, ATriggerThatKeepsRowsInIsNamed) {
    SinkWorld sink{"kept_in", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create function kept_in.keeps() returns trigger language plpgsql as $$ begin return null; "
        "end $$; create trigger keeps before delete on kept_in.item for each row execute function "
        "kept_in.keeps()");
    sink.world.block(2, {sink.del(1, 2, 0)});
    const auto is_named = ::testing::StrEq(
        "a trigger or a rule of \"kept_in\".\"item\" does not let rows go, takes 0 of 1: let a "
        "trigger return old");
    EXPECT_THAT(failure(sink, *writer), is_named);
    EXPECT_THAT(failure(sink, *writer), is_named);
    sink.sql("drop trigger keeps on kept_in.item");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "2=20");
}

TEST_F(SinkTablesGoneTest, ATriggerThatKeepsRowsOfAReorgInIsNamedOnEventsAndHistoriesToo) {
    struct Case {
        const char* table;
        const char* when;
        const char* told;
    };
    for (const auto& [table, when, told] :
         {Case{"hub_Put", "delete", "does not let rows go, takes 0 of 1: let a trigger return old"},
          Case{"item_history", "delete",
               "does not let rows go, takes 0 of 2: let a trigger return old"},
          Case{"item_history", "update",
               "keeps rows out, takes 1 of 2: let a trigger return new"}}) {
        SCOPED_TRACE(fmt::format("{} of {}", when, table));
        SinkWorld sink{"kept_back", mapping_, kOneByOne};
        sink.config.events = {"hub.Put"};
        sink.config.has_history = true;
        sink.world.block(1, {sink.put(1, 10, 1, 0)});
        const auto writer = sink.make_writer();
        ASSERT_OK(sink.settle(*writer));
        sink.world.block(2, {sink.put(1, 20, 2, 0), sink.put(2, 20, 2, 1)});
        ASSERT_OK(sink.settle(*writer));
        sink.sql(fmt::format(
            "create function kept_back.keeps() returns trigger language plpgsql as $$ begin return "
            "null; end $$; create trigger keeps before {} on kept_back.\"{}\" for each row execute "
            "function kept_back.keeps()",
            when, table));
        sink.rollback(1);
        sink.world.block(2, {sink.put(3, 30, 2, 0)});
        const std::string where =
            fmt::format("a trigger or a rule of \"kept_back\".\"{}\" ", table);
        EXPECT_THAT(failure(sink, *writer), AllOf(HasSubstr(where), HasSubstr(told)));
        EXPECT_THAT(failure(sink, *writer), HasSubstr(where)) << "until it is let";
        sink.sql(fmt::format("drop trigger keeps on kept_back.\"{}\"", table));
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
        sink.sql("drop schema kept_back cascade");
    }
}

TEST_F(SinkTablesGoneTest, ARowThatSomebodyDeletedBeforeTheContractDidIsNoFailure) {
    SinkWorld sink{"gone_before", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 20, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql("delete from gone_before.item");
    sink.world.block(2, {sink.del(1, 2, 0)});
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "2=20") << "the other row was missed, too";
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkTablesGoneTest, ACursorThatSomebodyDeletesIsMadeAgainByOneWriterOnly) {
    SinkWorld sink{"cursor_gone", mapping_, kOneByOne};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    for (const char* damage :
         {"delete from cursor_gone.plumbline_cursor", "drop table cursor_gone.plumbline_cursor",
          "delete from cursor_gone.plumbline_cursor; "
          "delete from cursor_gone.plumbline_tables"}) {
        SCOPED_TRACE(damage);
        sink.sql(damage);
        const uint64_t block = sink.world.database->cursor()->block_num + 1;
        sink.world.block(block, {sink.put(1, block, block, 0)});
        EXPECT_NE(failure(sink, *writer), "");
        EXPECT_FALSE(writer->is_fenced());
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
        EXPECT_EQ(sink.sql("select block from cursor_gone.plumbline_cursor"),
                  fmt::format("{}", block));
    }
    sink.sql("delete from cursor_gone.plumbline_cursor");
    sink.world.block(90, {sink.put(1, 90, 90, 0)});
    EXPECT_THAT(failure(sink, *writer),
                HasSubstr("somebody has deleted the row main of \"cursor_gone\""));
    ASSERT_EQ(failure(sink, *writer), "");

    // Of two writers only the first to come has it then; the other stops for good.
    SinkWorld other{"cursor_gone", mapping_, kOneByOne};
    other.config.has_history = true;
    other.world.block(1, {other.put(1, 77, 1, 0)});
    const auto newer = other.make_writer();
    ASSERT_OK(other.settle(*newer));
    other.sql("delete from cursor_gone.plumbline_cursor");
    other.world.block(2, {other.put(1, 78, 2, 0)});
    EXPECT_NE(failure(other, *newer), "");
    ASSERT_EQ(failure(other, *newer), "");
    sink.world.block(91, {sink.put(1, 91, 91, 0)});
    EXPECT_THAT(failure(sink, *writer), HasSubstr("another plumbline has taken over"));
    EXPECT_TRUE(writer->is_fenced());
    EXPECT_EQ(other.items(), "1=78");
    EXPECT_EQ(other.differences(), 0U);
}

}  // namespace
}  // namespace plumbline::sink::test::sink_tables_gone_test
