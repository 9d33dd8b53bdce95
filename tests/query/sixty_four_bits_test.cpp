// Numbers at the ends of SQL's own and beyond, where SQL makes floating point numbers of them:
// right to the last digit, or refused with what to write instead.
#include "tests/query/asked_session.hpp"
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
        asked_.open(world_.database->read_view(), nullptr);
    }
    /// Rows "a,b;c,d;", or "refused: why".
    std::string ask(const std::string& sql, std::vector<Value> parameters = {}) {
        return asked_.ask(sql, std::move(parameters));
    }

    RowWorld world_{{layout()}};
    test::AskedSession asked_;
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

/// Of i: -2^63 - 1 in rows 1 and 2, 2^63 + 6 in the others.
TEST_F(SixtyFourBitsTest, ASumPast64BitsIsComparedAsANumberOrRefused) {
    for (const char* wrong : {
             "select id < 3 from e group by 1 having sum(i) > 5",
             "select id < 3 from e group by 1 having sum(i) < 5",
             "select case when sum(i) > 5 then 'yes' end from e where id < 3",
             "select s from (select sum(i) s from e where id < 3) where s > 5",
             "select sum(i) between 1 and 5 from e where id < 3",
             "select id from e where (select sum(i) from e where id < 3) > 5",
             "select sum(i) over (order by id) > 5 from e",
             "select id < 3 from e group by 1 order by sum(i)",
             "select id < 3 from e group by 1 order by sum(i) collate u256",
             "select max(s) from (select sum(i) s from e group by id < 3)",
             "select max(s collate u256) from (select sum(i) s from e group by id < 3)",
             "select max(sum(i), 5) from e where id < 3",
             "select count(*) from (select sum(i) s from e where id < 3) y join e on y.s = e.i + 0 "
             "and y.s > e.i",
             "select id < 3 from e group by 1 having sum(i) > '5'",
             "select id < 3 from e group by 1 having sum(i) > '5' collate u256",
         }) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused: "), HasSubstr("u256_add("),
                                      HasSubstr(", 0)"), HasSubstr("collate u256")))
            << wrong;
    }
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"select id < 3 from e group by 1 having u256_add(sum(i), 0) > '5' collate u256", "0;"},
        {"select id < 3 from e group by 1 having u256_add(sum(i), 0) < '5' collate u256", "1;"},
        {"select sum(i) from e group by id < 3 order by u256_add(sum(i), 0) collate u256",
         "-9223372036854775809;9223372036854775814;"},
        {"select max(u256_add(s, 0) collate u256) from (select sum(i) s from e group by id < 3)",
         "9223372036854775814;"},
        {"select id < 3 from e where id > 2 group by 1 having sum(i) > 5", "0;"},
        {"select case when sum(i) > 5 then 'yes' end from e where id > 2", "yes;"},
        {"select sum(i) in (1, 2), sum(i) = 5 from e where id < 3", "0,0;"},
        {"select distinct s from (select sum(i) s from e group by id < 3)",
         "9223372036854775814;-9223372036854775809;"},
        {"select sum(u) > 5, sum(u) from e", "1,36893488147419103246;"},
        // 2^63 - 2^63.
        {"select sum(iif(id = 3, u, i)) = 0, sum(iif(id = 3, u, i)) > 5 from e where id in (1, 3)",
         "1,0;"},
        {"select sum(w) > '5' collate u256, sum(w) from e where id < 3", "1,19;"},
    };
    for (const auto& [sql, wanted] : cases) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
}

/// As a floating point number -2^63 - 1 is -2^63.
TEST_F(SixtyFourBitsTest, ANumberBelow64BitsIsNoneOfThem) {
    for (const char* wrong : {
             "select sum(i = '-9223372036854775809') from e",
             "select sum(i > '-9223372036854775809') from e",
             "select count(*) from e where i in ('-9223372036854775809', '5')",
             "select id from e where case i when '-9223372036854775809' then 1 end",
             "select max(i, '-9223372036854775809') from e",
             "select sum(i = x) from e",
             "select count(*) from e where i = x",
             "select count(*) from e where i in (select x from e)",
         }) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused: "), HasSubstr("u256_"))) << wrong;
    }
    EXPECT_THAT(ask("select sum(i = ?) from e", {std::string{"-9223372036854775809"}}),
                HasSubstr("refused: "));
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"select sum(u256_cmp(i, '-9223372036854775809') = 0), sum(u256_cmp(i, x) = 0) from e",
         "0,0;"},
        {"select count(*) from e where i = '-9223372036854775809'", "0;"},
        {"select count(*) from e where i > '-9223372036854775809'", "5;"},
        {"select sum(i = '-9223372036854775808') from e", "1;"},
        {"select sum(i > '-9223372036854785809') from e", "5;"},
        {"select sum(i < '9223372036854775808') from e", "5;"},
        {"select sum(x = '-9223372036854775809') from e", "1;"},
        {"select sum(i < x) from e where id > 1", "0;"},
        {"select sum(i < w) from e", "4;"},
    };
    for (const auto& [sql, wanted] : cases) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
}

/// Of what is in the frame alone: a number that leaves it takes all its digits along.
TEST_F(SixtyFourBitsTest, AnAverageIsOfItsOwnRows) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"select avg(w) over (order by id desc rows 1 preceding) from e where id < 4",
         "1.157920892373162e+77;5.78960446186581e+76;9.5;"},
        {"select total(w) over (order by id desc rows 1 preceding) from e where id < 4",
         "1.157920892373162e+77;1.157920892373162e+77;19;"},
        {"select avg(u) over (order by id desc rows 1 preceding) from e where id <> 3",
         "1.8446744073709552e+19;1.3835058055282164e+19;4.611686018427388e+18;7;"},
        {"select avg(x) over (order by id rows 1 preceding) from e where id in (1, 3, 4)",
         "-9.223372036854776e+18;-4.611686018427388e+18;4;"},
        // (2^63 - 1 - 2^63) / 2
        {"select avg(i) from e where id in (1, 3)", "-0.5;"},
        {"select avg(u), total(u), avg(w) from e where id < 3", "7,14,9.5;"},
        {"select avg(w), total(w) from e where id > 4", ",0;"},
        {"select avg(distinct u % 2) from e where id < 3", "1;"},
        {"select avg(iif(id = 1, 'abc', '1e1')) from e where id < 3", "5;"},
    };
    for (const auto& [sql, wanted] : cases) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
}

}  // namespace

}  // namespace plumbline::query::sql::sixty_four_bits_test
