// What `check` and the doctor say of a config's sink before it starts is what it says at its start.
#include "sink/sink_refusals.hpp"
#include "tests/sink/sink_world.hpp"

namespace plumbline::sink::test::sink_before_start_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Pace kOneByOne{1, size_t{1} << 20, 0};

class SinkBeforeStartTest : public SinkTest {
  protected:
    [[nodiscard]] std::vector<std::string> refusals(const SinkWorld& sink) const {
        auto found = find_refusals(sink.config, *mapping_.plan, sink.chain_id, 10'000);
        EXPECT_TRUE(found.has_value()) << found.error().message;
        return found ? *std::move(found) : std::vector<std::string>{};
    }
};

TEST_F(SinkBeforeStartTest, WhatStopsTheStartIsToldBeforeAndChangesNothing) {
    SinkWorld sink{"before", mapping_, kOneByOne};
    EXPECT_THAT(refusals(sink), IsEmpty());
    EXPECT_EQ(sink.sql("select count(*) from pg_namespace where nspname = 'before'"), "0");
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    ASSERT_EQ(failure(sink), "");
    EXPECT_THAT(refusals(sink), IsEmpty());
    struct Case {
        const char* done;
        const char* undone;
        const char* told;
    };
    for (const Case& one : {
             Case{"alter table before.item alter column amount type text",
                  "alter table before.item drop column amount",
                  "the column amount of \"before\".\"item\" is text, and the mapping needs "
                  "numeric(78,0): rename or drop the column"},
             Case{"update before.plumbline_cursor set chain_id = 10",
                  "update before.plumbline_cursor set chain_id = 31337",
                  "the cursor main of schema before is of chain 10, and this index of chain 31337"},
             Case{
                 "update before.plumbline_tables set cursor_name = 'its' where table_name = 'item'",
                 "update before.plumbline_tables set cursor_name = 'main'",
                 "the table item of schema before is written by the sink its of chain 31337"},
             Case{"alter table before.item drop constraint item_pkey",
                  "alter table before.item add primary key (id)", "has lost its primary key"},
             Case{"alter table before.named rename to n; create view before.named as select 1 as x",
                  "drop view before.named; alter table before.n rename to named", "is no table"},
         }) {
        SCOPED_TRACE(one.done);
        sink.sql(one.done);
        const std::string cursor = sink.sql("select * from before.plumbline_cursor");
        EXPECT_THAT(refusals(sink), ElementsAre(HasSubstr(one.told)));
        EXPECT_EQ(sink.sql("select * from before.plumbline_cursor"), cursor);
        EXPECT_THAT(failure(sink), HasSubstr(one.told));
        sink.sql(one.undone);
        EXPECT_THAT(refusals(sink), IsEmpty());
        EXPECT_EQ(failure(sink), "");
        EXPECT_EQ(sink.differences(), 0U);
    }
    // What the sink mends by itself is in nobody's way.
    sink.sql("alter table before.item drop column note; drop table before.named");
    EXPECT_THAT(refusals(sink), IsEmpty());
    EXPECT_EQ(failure(sink), "");
}

TEST_F(SinkBeforeStartTest, RightsThatItsRoleLacksAreToldBefore) {
    SinkWorld sink{"lacks", mapping_, kOneByOne};
    sink.world.block(1, {sink.put(1, 10, 1, 0)});
    sink.sql("create role novice login");
    const std::string owner = std::exchange(sink.config.url, shared_postgres().url("user=novice"));
    for (const auto& [told, done] : std::vector<std::pair<const char*, const char*>>{
             {"create schema lacks authorization novice, or grant create on database",
              "create schema lacks"},
             {"the role novice may not use the schema lacks: grant all on schema lacks to novice",
              "grant usage on schema lacks to novice"},
             {"the role novice may make no tables in the schema lacks: grant all on schema",
              "grant create on schema lacks to novice"}}) {
        EXPECT_THAT(refusals(sink), ElementsAre(HasSubstr(told)));
        EXPECT_NE(failure(sink), "");
        sink.sql(done);
    }
    EXPECT_THAT(refusals(sink), IsEmpty());
    EXPECT_EQ(failure(sink), "");
    sink.sql("alter table lacks.item owner to postgres");
    EXPECT_THAT(refusals(sink), ElementsAre(HasSubstr("novice may not write to lacks.item: make it "
                                                      "their owner, or grant select, insert")));
    sink.sql("grant all on lacks.item to novice");
    EXPECT_THAT(refusals(sink), IsEmpty());
    sink.sql("alter table lacks.item drop column note");
    EXPECT_THAT(refusals(sink),
                ElementsAre(HasSubstr("alter table \"lacks\".\"item\" owner to the sink's role")));
    sink.sql("alter table lacks.item owner to novice");
    sink.world.block(2, {sink.put(1, 20, 2, 0)});
    EXPECT_EQ(failure(sink), "");
    EXPECT_EQ(sink.differences(), 0U);
}

}  // namespace
}  // namespace plumbline::sink::test::sink_before_start_test
