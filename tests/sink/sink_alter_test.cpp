// What a sink alters of its tables, and keys that somebody has altered: readers are never shut out
// for long, and what stops the sink says the statement that mends it.
#include <atomic>
#include <thread>

#include "sink/sink_refusals.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_alter_test {
namespace {

using plumbline::test::eventually;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};

/// Somebody with a transaction open in which `statement` was said.
std::unique_ptr<PgConnection> begin_user(const std::string& statement) {
    PgOptions options;
    options.url = shared_postgres().url("application_name=holder");
    auto out = std::move(PgConnection::open(options)).value();
    EXPECT_OK(out->run({{"begin", {}}, {statement, {}}}));
    return out;
}

/// A schema under two mappings, the second with a field and an index more; both with a row of
/// each table.
struct Altered {
    Altered(const char* schema, const Mapping& mapping)
        : before{schema, mapping, kOneByOne},
          after{schema, other, kOneByOne} {
        for (SinkWorld* one : {&before, &after}) {
            one->config.has_history = true;
            one->world.block(1, {one->put(1, 10, 1, 0), one->named("x", 1, 1, 1)});
        }
    }
    const Mapping other{sink_toml(R"(, twice = "uint256")", R"(, twice = "amount * 2")"),
                        sink_abis()};
    SinkWorld before;
    SinkWorld after;
};

class SinkAlterTest : public SinkTest {
  protected:
    [[nodiscard]] std::vector<std::string> refusals(const SinkWorld& sink) const {
        auto found = find_refusals(sink.config, *mapping_.plan, sink.chain_id, 10'000);
        EXPECT_TRUE(found.has_value()) << found.error().message;
        return found ? *std::move(found) : std::vector<std::string>{};
    }
};

TEST_F(SinkAlterTest, ReadersOfATableThatCannotBeAlteredYetGetThroughBetweenTheTries) {
    Altered altered{"between", mapping_};
    SinkWorld& before = altered.before;
    SinkWorld& after = altered.after;
    ASSERT_EQ(failure(before), "");
    auto user = begin_user("select count(*) from between.item_history");
    // Who reads it again and again, and waits for less long than the sink does for rows.
    std::atomic<uint64_t> reads{0};
    std::atomic<bool> is_over{false};
    std::jthread reader{[&] {
        PgOptions options;
        options.url = shared_postgres().url();
        options.lock_ms = kLockMs / 2;
        const auto connection = PgConnection::open(options).value();
        while (!is_over) {
            EXPECT_OK(connection->query("select count(*) from between.item_history"));
            EXPECT_OK(connection->query("select count(*) from between.item"));
            ++reads;
        }
    }};
    const auto writer = after.make_writer();
    const auto is_told = AllOf(HasSubstr("(55P03)"), HasSubstr("it waited for a lock held by pid "),
                               HasSubstr("holder, idle in transaction, its transaction began "));
    std::string said;
    EXPECT_TRUE(eventually([&] {
        said = failure(after, *writer);  // Who holds it a busy server may tell too late.
        return said.find("held by") != std::string::npos;
    }));
    EXPECT_THAT(said, is_told);
    const uint64_t read = reads;
    EXPECT_NE(failure(after, *writer), "") << "it is still held";
    EXPECT_TRUE(eventually([&] { return reads > read; }));
    is_over = true;
    reader.join();
    EXPECT_EQ(before.sql("select count(*) from pg_attribute where attrelid = "
                         "'between.item'::regclass and attname = 'twice'"),
              "1")
        << "what nobody holds was altered meanwhile, and is let go";
    EXPECT_TRUE(user->rollback());
    EXPECT_EQ(failure(after, *writer), "");
    EXPECT_EQ(after.differences(), 0U);
}

TEST_F(SinkAlterTest, WhatAltersATableWaitsNoLongerThanItsRolesOwnLockTimeout) {
    for (const auto& [own, told] :
         {std::pair{"0", "2s"}, std::pair{"700", "700ms"}, std::pair{"20000", "2s"}}) {
        PgOptions options;
        options.url = shared_postgres().url(std::string{"options=-c%20lock_timeout%3D"} + own);
        const auto connection = PgConnection::open(options).value();
        const auto said = connection->run({{kPgBegin, {}},
                                           {"select current_setting('lock_timeout')", {}},
                                           {pg_short_locks_sql(kAlterMs), {}},
                                           {"select current_setting('lock_timeout')", {}},
                                           {"commit", {}}});
        ASSERT_TRUE(said.has_value()) << said.error().message;
        EXPECT_EQ((*said)[1].at(0, 0), "30s") << "rows are waited for with the sink's patience";
        EXPECT_EQ((*said)[3].at(0, 0), told) << own;
    }
}

TEST_F(SinkAlterTest, ARepairAltersATableInATransactionOfItsOwnAndAsShortly) {
    SinkWorld sink{"mended", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0), sink.named("x", 1, 1, 1)});
    ASSERT_EQ(failure(sink), "");
    sink.sql("alter table mended.item drop column note; drop table mended.named");
    SinkCheckOptions options = sink.check_options(true);
    {
        const auto user = begin_user("select count(*) from mended.item");
        options.patience_ms = 1;
        const auto checked = sink.check(options);
        ASSERT_FALSE(checked.has_value());
        EXPECT_THAT(checked.error().message, HasSubstr("(55P03)"));
    }
    options.patience_ms = 60'000;
    const auto checked = sink.check(options);
    ASSERT_TRUE(checked.has_value()) << checked.error().message;
    EXPECT_TRUE(checked->is_equal());
    EXPECT_THAT(checked->problems, ElementsAre(::testing::Field(&TableProblem::is_mended, true),
                                               ::testing::Field(&TableProblem::is_mended, true)));
    EXPECT_EQ(sink.differences(), 0U);
    EXPECT_NE(sink.sql("select xmin from pg_attribute where attrelid = 'mended.item'::regclass and "
                       "attname = 'note'"),
              sink.sql("select xmin from pg_class where oid = 'mended.named'::regclass"))
        << "one transaction each";
}

TEST_F(SinkAlterTest, APrimaryKeyOfAnotherShapeIsToldBeforeAndAfterTheStartWithWhatMendsIt) {
    SinkWorld sink{"shape", mapping_, kOneByOne};
    sink.config.has_history = true;
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    uint64_t block = 1;
    struct Case {
        const char* table;
        const char* key;
        const char* told;
        const char* mends;
    };
    for (const auto& [table, key, told, mends] : {
             Case{"item", "add primary key (id, amount)",
                  "the column amount of \"shape\".\"item\" stands in the primary key, and should "
                  "not: alter table \"shape\".\"item\" drop constraint item_pkey, add primary key "
                  "(\"id\"); or drop the table",
                  "(id)"},
             Case{"item", "add mine int default 5, add constraint \"Mine\" primary key (id, mine)",
                  "the column mine of \"shape\".\"item\" stands in the primary key, and should "
                  "not: alter table \"shape\".\"item\" drop constraint \"Mine\", add primary key",
                  "(id)"},
             Case{"item_history", "add primary key (_block)",
                  "the column id of \"shape\".\"item_history\" is missing in the primary key, and "
                  "should be there: alter table \"shape\".\"item_history\" drop constraint "
                  "item_history_pkey, add primary key (\"id\", \"_block\")",
                  "(id, _block)"},
             Case{"item", "add primary key (id) deferrable",
                  "the primary key of \"shape\".\"item\" is deferrable, and no row can be written "
                  "by such a one: alter table \"shape\".\"item\" drop constraint item_pkey, add "
                  "primary key (\"id\")",
                  "(id)"},
         }) {
        SCOPED_TRACE(key);
        const std::string full = std::string{"shape."} + table;
        sink.sql(fmt::format("alter table {0} drop constraint {1}_pkey; alter table {0} {2}", full,
                             table, key));
        EXPECT_THAT(refusals(sink), ElementsAre(HasSubstr(told)));
        ++block;
        sink.world.block(block, {sink.put(block, 10, block, 0)});
        EXPECT_THAT(failure(sink, *writer), HasSubstr("the sink looks at it anew"));
        const std::string said = failure(sink, *writer);
        EXPECT_THAT(said, HasSubstr(told));
        // The statement as it is told.
        const size_t from = said.find("alter table");
        ASSERT_NE(from, std::string::npos);
        sink.sql(said.substr(from, said.find(';', from) - from));
        EXPECT_THAT(refusals(sink), IsEmpty());
        EXPECT_EQ(failure(sink, *writer), "");
        EXPECT_EQ(sink.differences(), 0U);
        EXPECT_THAT(
            sink.sql(fmt::format("select pg_get_constraintdef(oid) from pg_constraint where "
                                 "conrelid = '{}'::regclass and contype = 'p'",
                                 full)),
            ::testing::EndsWith(mends));
    }
}

TEST_F(SinkAlterTest, AnExclusionConstraintOfAUsersSaysWhatToDo) {
    SinkWorld sink{"excluded", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    const auto writer = sink.make_writer();
    ASSERT_OK(sink.settle(*writer));
    sink.sql("alter table excluded.item add constraint apart exclude (amount with =)");
    sink.world.block(2, {sink.put(2, 10, 2, 0)});
    EXPECT_THAT(failure(sink, *writer),
                AllOf(HasSubstr("(23P01)"), HasSubstr("an exclusion constraint that is not the "
                                                      "sink's forbids it: drop it")));
    sink.sql("alter table excluded.item drop constraint apart");
    EXPECT_EQ(failure(sink, *writer), "");
    EXPECT_EQ(sink.items(), "1=10 2=10");
}

}  // namespace
}  // namespace plumbline::sink::test::sink_alter_test
