// SQL over the entities of three examples, a hundred questions each, held against the same rows in
// plain SQLite tables. Their names are SQL's own words, too ("index", "option", "user").
#include <random>
#include <set>

#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "tests/query/sql_world.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/property_test.hpp"

namespace plumbline::query::sql::examples_sql_test {

namespace {

using namespace plumbline::query::sql::test;
using storage::test::message_of;

constexpr size_t kQuestions = 100;

std::vector<EntityLayout> layouts_of(const std::string& example) {
    const std::string path = source_dir() + "/examples/" + example + "/plumbline.toml";
    const auto config = engine::load_config(path);
    EXPECT_TRUE(config) << message_of(config);
    const auto plan = engine::Plan::compile(*config);
    EXPECT_TRUE(plan) << message_of(plan);
    return (*plan)->entities();
}

/// A comparison that SQL's own rules would get wrong in silence; empty where there is no wide
/// column.
std::string wrong_condition(std::mt19937_64& random, const EntityLayout& layout) {
    constexpr const char* kWrong[] = {"1e18",      "1.5",   "'0x9'", "'09'",
                                      "'1e18'",    "'-0'",  "''",    "9223372036854775808",
                                      "'1.50000'", "x'09'", "' 1'",  "'nine'"};
    std::vector<std::string> wide;
    for (size_t i = 0; i < layout.column_count(); ++i) {
        if (is_wide(layout.column(i).type)) {
            wide.push_back(quoted(layout.column(i)));
        }
    }
    return wide.empty() ? ""
                        : wide[random() % wide.size()] + (random() % 2 == 0 ? " > " : " = ") +
                              kWrong[random() % std::size(kWrong)];
}

class ExamplesSqlTest : public plumbline::test::PropertyTest,
                        public testing::WithParamInterface<const char*> {};

TEST_P(ExamplesSqlTest, AHundredQuestionsAreAnsweredAsByPlainTables) {
    const std::vector<EntityLayout> layouts = layouts_of(GetParam());
    for (const uint64_t seed : seeds(1)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SqlWorld world{layouts, seed, std::vector<size_t>(layouts.size(), 60)};
        PlainTables plain{world.world};
        std::mt19937_64 random{seed};
        std::set<std::string> asked;
        size_t with_rows = 0;
        while (asked.size() < kQuestions) {
            const EntityLayout& layout = layouts[asked.size() % layouts.size()];
            const std::string sql = random_statement(random, layout);
            if (!asked.insert(sql).second) {
                continue;
            }
            const auto ours = world.ask(sql);
            const auto theirs = plain.ask(sql);
            if (is_refused_uint64(ours, sql)) {
                continue;
            }
            ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
            ASSERT_TRUE(theirs) << sql << ": " << message_of(theirs);
            ASSERT_EQ(*ours, *theirs) << sql;
            with_rows += ours->empty() ? 0U : 1U;
        }
        EXPECT_GT(with_rows, kQuestions / 2) << "questions that find nothing prove little";
    }
}

TEST_P(ExamplesSqlTest, WhatSqlWouldCompareWronglyIsRefused) {
    const std::vector<EntityLayout> layouts = layouts_of(GetParam());
    SqlWorld world{layouts, 3, std::vector<size_t>(layouts.size(), 20)};
    std::mt19937_64 random{3};
    size_t refused = 0;
    for (int i = 0; i < 100; ++i) {
        const EntityLayout& layout = layouts[random() % layouts.size()];
        const std::string wrong = wrong_condition(random, layout);
        if (wrong.empty()) {
            continue;
        }
        const auto answer =
            world.ask("select count(*) from \"" + layout.name + "\" where " + wrong);
        ASSERT_FALSE(answer) << layout.name << ": " << wrong << " gave " << answer->front();
        EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument) << wrong;
        ++refused;
    }
    EXPECT_GT(refused, 50U);
}

INSTANTIATE_TEST_SUITE_P(Examples, ExamplesSqlTest,
                         testing::Values("community", "uniswap_v2", "governor"),
                         [](const auto& example) { return std::string{example.param}; });

}  // namespace

}  // namespace plumbline::query::sql::examples_sql_test
