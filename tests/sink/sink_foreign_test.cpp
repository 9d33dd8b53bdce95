// Tables that are somebody else's: never altered, never written; and what proves that one is ours.
#include "sink/sink_check.hpp"
#include "sink/sink_refusals.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_foreign_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};

class SinkForeignTest : public SinkTest {
  protected:
    [[nodiscard]] std::vector<std::string> refusals(const SinkWorld& sink) const {
        auto found = find_refusals(sink.config, *mapping_.plan, sink.chain_id, 10'000);
        EXPECT_TRUE(found.has_value()) << found.error().message;
        return found ? *std::move(found) : std::vector<std::string>{};
    }
    /// What `verify --sink --repair` says of tables that it leaves as they are.
    [[nodiscard]] std::vector<std::string> problems_after_repair(const SinkWorld& sink) const {
        SinkCheckOptions options = sink.check_options(true);
        options.patience_ms = 1;
        const auto checked = sink.check(options);
        EXPECT_TRUE(checked.has_value()) << checked.error().message;
        std::vector<std::string> out;
        for (const TableProblem& problem :
             checked ? checked->problems : std::vector<TableProblem>{}) {
            EXPECT_FALSE(problem.is_mended);
            out.push_back(problem.what);
        }
        return out;
    }
};

/// What `table` is: columns, rows, comment.
std::string all_of(const SinkWorld& sink, const std::string& table) {
    return sink.sql(
               "select string_agg(attname || ' ' || atttypid::regtype, ',' order by attnum) "
               "from pg_attribute where attnum > 0 and attrelid = '" +
               table + "'::regclass") +
           sink.sql("select string_agg(t::text, ' ' order by t::text) from " + table + " t") +
           sink.sql("select obj_description('" + table + "'::regclass, 'pg_class')");
}

TEST_F(SinkForeignTest, AUsersTableWithAnEntitysNameIsNotTouched) {
    for (const char* made :
         {"create table theirs.item (id numeric(78,0) primary key, email text)",
          "create table theirs.item (email text)",
          "create table theirs.item (id numeric(78,0) primary key, owner bytea, amount "
          "numeric(78,0), delta numeric(78,0), note text, data bytea, flag boolean, \"when\" "
          "numeric(78,0), kind text)",
          "create table theirs.item (id bigint primary key, _block bigint, _log bigint)"}) {
        SCOPED_TRACE(made);
        SinkWorld sink{"theirs", mapping_, kOneByOne};
        sink.sql("create schema theirs");
        sink.sql(made);
        const bool has_id = std::string_view{made}.find("(id ") != std::string_view::npos;
        sink.sql(has_id ? "insert into theirs.item (id) values (777777), (1)"
                        : "insert into theirs.item values ('alice')");
        const std::string before = all_of(sink, "theirs.item");
        const auto is_told =
            AllOf(HasSubstr("\"theirs\".\"item\" is there and is not the sink's own"),
                  HasSubstr("use another schema, rename it"),
                  HasSubstr("comment on table \"theirs\".\"item\" is 'plumbline sink'"));
        EXPECT_THAT(refusals(sink), ElementsAre(is_told)) << "before anything was made";
        sink.world.block(1, {sink.put(1, 10, 1, 0)});
        const auto writer = sink.make_writer();
        EXPECT_THAT(failure(sink, *writer), is_told);
        sink.world.block(2, {sink.put(1, 11, 2, 0)});
        EXPECT_THAT(failure(sink, *writer), is_told);
        EXPECT_EQ(all_of(sink, "theirs.item"), before);
        EXPECT_THAT(refusals(sink), ElementsAre(is_told));

        sink.sql("alter table theirs.item rename to item_of_mine");
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(all_of(sink, "theirs.item_of_mine"), before);
        EXPECT_EQ(sink.items(), "1=11");
        EXPECT_THAT(refusals(sink), IsEmpty());
        sink.sql("drop schema theirs cascade");
    }
}

TEST_F(SinkForeignTest, AUsersTableInThePlaceOfADroppedOneIsNotTouched) {
    SinkWorld sink{"swapped", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "drop table swapped.item; create table swapped.item (id numeric(78,0) primary key, email "
        "text); insert into swapped.item values (1, 'alice')");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    const auto is_told = HasSubstr("is not the sink's own, so it is left as it is");
    EXPECT_THAT(failure(sink, *writer), is_told);
    EXPECT_THAT(failure(sink, *writer), is_told);
    EXPECT_THAT(failure(sink), is_told);
    EXPECT_EQ(sink.sql("select * from swapped.item"), "1|alice");
}

TEST_F(SinkForeignTest, RowsOfATableThatInheritsAreNotTouched) {
    SinkWorld sink{"heirs", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.put(2, 10, 1, 1)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "create table heirs.mine () inherits (heirs.item); insert into heirs.mine (id) values (1), "
        "(9)");
    const auto is_told = AllOf(HasSubstr("the table heirs.mine inherits from \"heirs\".\"item\""),
                               HasSubstr("alter table heirs.mine no inherit \"heirs\".\"item\""));
    EXPECT_THAT(problems_after_repair(sink), ElementsAre(is_told));
    sink.world.block(2, {sink.del(1, 2, 0)});
    EXPECT_THAT(failure(sink, *writer), is_told) << "before the first row goes";
    EXPECT_EQ(sink.sql("select string_agg(id::text, ' ' order by id) from heirs.mine"), "1 9");

    sink.sql("alter table heirs.mine no inherit heirs.item");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "2=10");
    EXPECT_EQ(sink.sql("select string_agg(id::text, ' ' order by id) from heirs.mine"), "1 9");
}

TEST_F(SinkForeignTest, WhatHasTheNameOfTheSinksOwnTablesStopsItWithASentence) {
    for (const char* made : {"create sequence own.plumbline_cursor",
                             "create table own.plumbline_cursor (name text primary key, x int)",
                             "create view own.plumbline_tables as select 1 as table_name"}) {
        SCOPED_TRACE(made);
        SinkWorld sink{"own", mapping_, kOneByOne};
        sink.sql("create schema own");
        sink.sql(made);
        sink.world.block(1, {sink.put(1, 10, 1, 0)});
        const std::string name =
            std::string{made}.substr(std::string_view{made}.find("plumbline"), 16);
        const auto is_told =
            HasSubstr("\"own\".\"" + name + "\" is there and is not the sink's own");
        EXPECT_THAT(failure(sink), is_told);
        EXPECT_THAT(refusals(sink), ElementsAre(is_told));
        sink.sql("drop schema own cascade");
    }
}

TEST_F(SinkForeignTest, WhateverStandsInTheWayOfATableIsToldAtOnceByWhoLooksAndByTheSink) {
    for (const char* made :
         {"create domain {} as int", "create type {} as enum ('a')",
          "create type {} as range (subtype = int8)", "create type {} as (a int)",
          "create type {} as ()", "create sequence {}", "create view {} as select 1 as a",
          "create view {} as select", "create materialized view {} as select 1 as a",
          "create table {} ()"}) {
        SCOPED_TRACE(made);
        SinkWorld sink{"way", mapping_, kOneByOne};
        sink.config.events = {"hub.Put"};
        sink.sql("create schema way");
        for (const char* name : {"way.item", "way.\"hub_Put\"", "way.plumbline_cursor"}) {
            sink.sql(fmt::format(fmt::runtime(made), name));
            EXPECT_NE(shared_postgres().try_sql(fmt::format("create table {} (a int)", name)).code,
                      0);
        }
        sink.world.block(1, {sink.put(1, 10, 1, 0)});
        const bool is_table = std::string_view{made}.starts_with("create table");
        const auto is_told = [&](const std::string& name) {
            return HasSubstr(
                fmt::format("\"way\".\"{}\" is {}: drop or rename it, or use another "
                            "schema",
                            name, is_table ? "a table without columns" : "no table"));
        };
        const auto is_own_told =
            HasSubstr("\"way\".\"plumbline_cursor\" is there and is not the sink's own");
        EXPECT_THAT(refusals(sink), ElementsAre(is_own_told, is_told("item"), is_told("hub_Put")));
        EXPECT_THAT(failure(sink), AllOf(is_own_told, is_told("item"), is_told("hub_Put")));
        EXPECT_EQ(sink.sql("select count(*) from pg_class where relname = 'plumbline_tables' and "
                           "relnamespace = 'way'::regnamespace"),
                  "0")
            << "nothing is made before";
        sink.sql("drop schema way cascade");
        EXPECT_EQ(failure(sink), "");
        EXPECT_EQ(sink.differences(), 0U);

        // In the place of one that a running sink writes.
        const auto writer = sink.make_writer();
        ASSERT_EQ(failure(sink, *writer), "");
        sink.sql("drop table way.item");
        sink.sql(fmt::format(fmt::runtime(made), "way.item"));
        EXPECT_THAT(problems_after_repair(sink), ElementsAre(is_told("item")));
        sink.world.block(2, {sink.put(1, 20, 2, 0)});
        EXPECT_THAT(failure(sink, *writer), is_told("item"));
        EXPECT_THAT(failure(sink, *writer), is_told("item"));
        sink.sql("drop schema way cascade");
    }
}

TEST_F(SinkForeignTest, ATypeInNoTablesWayIsInNobodysWay) {
    SinkWorld sink{"types", mapping_, kOneByOne};
    // Announced only; an index's name; and in another schema.
    sink.sql(
        "create schema types; create type types.item; create domain types.item_owner_idx as int; "
        "create schema types_of_mine; create domain types_of_mine.named as int");
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    EXPECT_THAT(refusals(sink), IsEmpty());
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkForeignTest, AColumnThatIsGeneratedAlwaysIsNamedWithWhatToDo) {
    SinkWorld sink{"generated", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql(
        "alter table generated.item drop column note, add column note text generated always as "
        "('n') stored");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_THAT(
        failure(sink, *writer),
        AllOf(HasSubstr("the column \"note\" of \"generated\".\"item\" is generated always"),
              HasSubstr("alter column \"note\" drop expression")));
    sink.sql("alter table generated.item alter column note drop expression");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "1=20");
}

/// With a field more than `mapping_` has.
const std::string kTwice = R"(, twice = "uint256")";
const std::string kSetTwice = R"(, twice = "amount * 2")";

/// One schema under two mappings, the second with that field; both with the first row.
struct TwoMappings {
    TwoMappings(const char* schema, const Mapping& mapping)
        : sink{schema, mapping, kOneByOne},
          with{schema, other, kOneByOne} {
        for (SinkWorld* one : {&sink, &with}) {
            one->world.block(1, {one->put(1, 10, 1, 0)});
        }
    }
    const Mapping other{sink_toml(kTwice, kSetTwice), sink_abis()};
    SinkWorld sink;
    SinkWorld with;
};

TEST_F(SinkForeignTest, AUsersColumnInASinksTableIsNotTouched) {
    TwoMappings two{"column", mapping_};
    auto& [other, sink, again] = two;
    ASSERT_EQ(failure(sink), "");
    sink.sql("alter table \"column\".item add column twice numeric(78,0) not null default 5");
    ASSERT_EQ(failure(sink), "");
    const auto is_told = AllOf(
        HasSubstr("the column \"twice\" of \"column\".\"item\" is there and is not the sink's "
                  "own, and the mapping has a field of that name"),
        HasSubstr("alter table \"column\".\"item\" rename column \"twice\" to"),
        HasSubstr("comment on column \"column\".\"item\".\"twice\" is 'plumbline sink'"));
    EXPECT_THAT(find_refusals(again.config, *other.plan, again.chain_id, 10'000).value(),
                ElementsAre(is_told));
    const auto writer = again.make_writer();
    EXPECT_THAT(failure(again, *writer), is_told);
    EXPECT_THAT(failure(again, *writer), is_told) << "and again";
    EXPECT_EQ(sink.sql("select twice from \"column\".item"), "5");

    sink.sql("comment on column \"column\".item.twice is 'plumbline sink'");
    EXPECT_EQ(failure(again, *writer), "");
    EXPECT_EQ(sink.sql("select twice from \"column\".item"), "20");
    sink.sql("comment on column \"column\".item.twice is 'what is mine now'");
    EXPECT_EQ(failure(again), "") << "it is the sink's now, whatever is said of it";
}

TEST_F(SinkForeignTest, AColumnThatTheSinkMadeIsItsOwnWheneverTheMappingHasItAgain) {
    TwoMappings two{"again", mapping_};
    auto& [other, sink, with] = two;
    ASSERT_EQ(failure(sink), "");
    // It is made, and nothing comes of it at first.
    sink.sql(
        "create function again.no() returns trigger language plpgsql as $$ begin raise 'no'; end "
        "$$; create trigger no before insert or update on again.item for each row execute function "
        "again.no()");
    EXPECT_THAT(failure(with), HasSubstr("no"));
    EXPECT_EQ(sink.sql("select count(*) from pg_attribute where attrelid = 'again.item'::regclass "
                       "and attname = 'twice'"),
              "1");
    sink.sql("drop trigger no on again.item");
    EXPECT_EQ(failure(with), "");
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(failure(with), "");
    EXPECT_EQ(sink.sql("select twice from again.item"), "20");
}

TEST_F(SinkForeignTest, TablesOfAnOlderVersionThatNameNoColumnsGoOn) {
    TwoMappings two{"unnamed", mapping_};
    auto& [other, sink, with] = two;
    ASSERT_EQ(failure(sink), "");
    sink.sql("alter table unnamed.plumbline_tables drop column columns");
    EXPECT_TRUE(sink.check(sink.check_options())->is_equal());
    EXPECT_THAT(refusals(sink), IsEmpty());
    EXPECT_EQ(failure(with), "");
    EXPECT_EQ(sink.sql("select columns from unnamed.plumbline_tables where table_name = 'item'"),
              "_block,_log,amount,data,delta,flag,id,kind,note,owner,twice,when");

    // Where its role may add none, too.
    sink.sql("alter table unnamed.plumbline_tables drop column columns");
    sink.sql(
        "create role guest login; grant all on schema unnamed to guest; grant all on all tables in "
        "schema unnamed to guest");
    sink.config.url = shared_postgres().url("user=guest");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.items(), "1=20");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkForeignTest, TheUsersWordGivesATableAway) {
    SinkWorld sink{"given", mapping_, kOneByOne};
    sink.sql(
        "create schema given; create table given.item (id numeric(78,0) primary key); insert into "
        "given.item values (5)");
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    EXPECT_NE(failure(sink), "");
    sink.sql("comment on table \"given\".\"item\" is 'plumbline sink'");
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.differences(), 0U);
}

TEST_F(SinkForeignTest, OwnTablesAreKnownWhateverIsLeftOfThem) {
    SinkWorld sink{"ours", mapping_, kOneByOne};
    sink.config.has_history = true;
    sink.config.events = {"hub.Put"};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.named("x", 1, 1, 1)});
    ASSERT_EQ(failure(sink), "");
    const std::string marked =
        "select count(*) from pg_class where relnamespace = 'ours'::regnamespace and "
        "obj_description(oid, 'pg_class') like 'plumbline sink%'";
    EXPECT_EQ(sink.sql(marked), "5");
    uint64_t block = 1;
    for (const char* damage : {
             // A dump without plumbline's own tables; one without comments; tables of a version
             // that wrote no comments.
             "drop table ours.plumbline_cursor, ours.plumbline_tables",
             "comment on table ours.item is null; comment on table ours.\"hub_Put\" is null; "
             "drop table ours.plumbline_cursor, ours.plumbline_tables",
             "comment on table ours.item is null",
             // And altered.
             "comment on table ours.item is null; alter table ours.item drop column note",
             "alter table ours.item drop column note, drop column _log; drop table "
             "ours.plumbline_cursor, ours.plumbline_tables",
         }) {
        SCOPED_TRACE(damage);
        sink.sql(damage);
        ++block;
        sink.world.block(block, {sink.put(1, block, block, 0)});
        EXPECT_EQ(failure(sink), "");
        EXPECT_EQ(sink.differences(), 0U);
        EXPECT_EQ(sink.sql(marked), "5");
    }
    // A comment of the user's stays.
    sink.sql("comment on table ours.item is 'rows of mine'");
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.sql("select obj_description('ours.item'::regclass, 'pg_class')"),
              "rows of mine");
}

TEST_F(SinkForeignTest, ARestoredDumpGoesOn) {
    SinkWorld sink{"dumped", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    ASSERT_EQ(failure(sink), "");
    for (const std::vector<std::string>& options :
         {std::vector<std::string>{}, {"--no-comments"}, {"-T", "dumped.plumbline_*"}}) {
        const TempDir dir;
        std::vector<std::string> dump{"pg_dump", "-Fc",        "-n", "dumped",
                                      "-f",      dir.sub("d"), "-d", shared_postgres().url()};
        dump.insert(dump.end(), options.begin(), options.end());
        plumbline::test::give_to_postgres(dir.path());
        const auto dumped = plumbline::test::run_command(plumbline::test::as_postgres_user(dump));
        ASSERT_EQ(dumped.code, 0) << dumped.err;
        const uint64_t block = sink.world.database->cursor()->block_num + 1;
        sink.world.block(block, {sink.put(2, block, block, 0)});
        ASSERT_EQ(failure(sink), "");
        if (!options.empty() && options[0] == "-T") {
            sink.sql("drop table dumped.plumbline_cursor, dumped.plumbline_tables");
        }
        const auto restored = plumbline::test::run_command(plumbline::test::as_postgres_user(
            {"pg_restore", "--clean", "-d", shared_postgres().url(), dir.sub("d")}));
        ASSERT_EQ(restored.code, 0) << restored.err;
        EXPECT_EQ(failure(sink), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
}

}  // namespace
}  // namespace plumbline::sink::test::sink_foreign_test
