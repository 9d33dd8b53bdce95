// Numbers at the ends of SQL's own and beyond, where SQL makes floating point numbers of them:
// right to the last digit, or refused with what to write instead.
#include "query/sql/session.hpp"
#include "query/sql/value_text.hpp"
#include "tests/query/row_world.hpp"

namespace plumbline::query::sql::sixty_four_bits_test {

namespace {

using query::test::kNull;
using query::test::RowWorld;
using storage::test::field;
using testing::AllOf;
using testing::HasSubstr;

storage::EntityLayout layout() {
    storage::EntityLayout out;
    out.name = "e";
    out.key = {field("id", "uint32")};
    out.fields = {field("u", "uint64"), field("i", "int64"), field("x", "int256"),
                  field("w", "uint256")};
    out.fields[2].type.optional = true;
    out.fields[3].type.optional = true;
    return out;
}

class Rows final : public RowSink {
  public:
    Status on_columns(const std::vector<std::string>& /*names*/) override { return ok(); }
    Status on_row(std::span<const Value> row) override {
        for (const Value& value : row) {
            text += to_text(value) + (&value == &row.back() ? ";" : ",");
        }
        return ok();
    }
    std::string text;
};

class SixtyFourBitsTest : public ::testing::Test {
  protected:
    SixtyFourBitsTest() {
        world_.put(0, {"1", "5", "-9223372036854775808", "-9223372036854775809", "9"});
        world_.put(0, {"2", "9", "-1", "-9223372036854775808", "10"});
        world_.put(0, {"3", "9223372036854775808", "9223372036854775807", "9",
                       "115792089237316195423570985008687907853269984665640564039457584007913129639"
                       "935"});
        world_.put(0, {"4", "9223372036854775809", "7", "-1", "18446744073709551616"});
        world_.put(0, {"5", "18446744073709551615", "0", kNull, kNull});
        world_.commit();
        view_ = world_.database->read_view();
        session_ = Session::open(view_, nullptr).value();
    }
    /// Rows "a,b;c,d;", or "refused: why".
    std::string ask(const std::string& sql, std::vector<Value> parameters = {}) {
        Rows rows;
        RunOptions options;
        options.parameters = std::move(parameters);
        const Status done = session_->run(view_, sql, options, rows);
        return done ? rows.text : "refused: " + done.error().message;
    }

    RowWorld world_{{layout()}};
    std::shared_ptr<const storage::ReadView> view_;
    std::unique_ptr<Session> session_;
};

constexpr const char* kAllOfU = "5;9;9223372036854775808;9223372036854775809;18446744073709551615;";

TEST_F(SixtyFourBitsTest, ASubqueryThatKeepsItsRowsLosesNoDigitInSilence) {
    for (const char* wrong : {
             "with t as materialized (select u from e) select u from t",
             "with t as materialized (select u from e union all select +u from e) select u from t",
             "with t as materialized (select i as u from e union all select w from e) select u "
             "from t",
             "with t as materialized (select i as u from e union all select u256_add(u, 0) from e) "
             "select u from t",
             "with t as materialized (select i as u from e union all select sum(u) from e) select "
             "u from t",
             "with t as materialized (select u, row_number() over (order by u) from e) select u "
             "from t",
             "select y.u from e left join (select distinct u from e) y on e.id > 0",
             "with t as materialized (select u from e) select u || '' from t",
             "with t as materialized (select u from e) select group_concat(u) from t",
             "with t as materialized (select u from e) select json_group_array(u) from t",
             "with t as materialized (select u from e) select cast(u as text) from t",
             "with t as materialized (select u from e) select coalesce(u, 'none') from t",
             "with t as materialized (select u from e) select sum(u) from t",
             "with t as materialized (select u from e) select sum(u) > 5 from t",
         }) {
        EXPECT_THAT(ask(wrong),
                    AllOf(HasSubstr("refused: "), HasSubstr("write a + before that column")))
            << wrong;
    }
}

/// What the refusal says to write, and what never was wrong.
TEST_F(SixtyFourBitsTest, WithAPlusBeforeItASubqueryKeepsAllDigits) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"with t as materialized (select +u as u from e) select u from t", kAllOfU},
        {"with t as materialized (select +u as u from e) select u from t order by u desc limit 2",
         "18446744073709551615;9223372036854775809;"},
        {"with t as materialized (select +u as u from e) select sum(u), max(u) from t",
         "36893488147419103246,18446744073709551615;"},
        {"with t as materialized (select +i as u from e where id = 4 union all select +w from e "
         "where id = 4) select u from t",
         "7;18446744073709551616;"},
        {"select y.u from e left join (select distinct +u as u from e) y on e.id = 1 where e.id = "
         "1",
         kAllOfU},
        {"select u from (select distinct u from e)", kAllOfU},
        {"select u from e union select u from e", kAllOfU},
        {"select u from (select u, count(*) from e group by u)", kAllOfU},
        {"with t as materialized (select u from e) select u from t where u < 10", "5;9;"},
        {"with t as materialized (select u from e) select count(*) from t where u > 5", "4;"},
        {"with t as materialized (select u from e where id < 3) select sum(u) from t", "14;"},
        {"with t as materialized (select u from e) select cast(u as real) from t where u < 9",
         "5;"},
    };
    for (const auto& [sql, wanted] : cases) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
}

}  // namespace

}  // namespace plumbline::query::sql::sixty_four_bits_test
