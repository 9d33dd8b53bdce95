// What is calculated and then compared or ordered: right, or refused with what to write instead.
#include <fmt/format.h>

#include "query/sql/value_kind.hpp"
#include "tests/query/asked_session.hpp"
#include "tests/query/typed_world.hpp"

namespace plumbline::query::sql::comparison_test {

namespace {

using namespace plumbline::query::sql::test;
using testing::HasSubstr;

constexpr const char* kMost =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

/// Table a: w 9, 10, 2^64, 2^256-1 and null; t 5, 9, 2^63, 2^63+1, 2^64-1; d 1.5, 10, -0.1.
class ComparisonTest : public ::testing::Test {
  protected:
    ComparisonTest() {
        const std::string h = "0x" + std::string(39, 'a') + "1";
        world_.put(0, {"1", "9", "-1", "1.5", "5", "1", h, "x"});
        world_.put(0, {"2", "10", "-10", "10", "9", "-2", h, "9"});
        world_.put(
            0, {"3", "18446744073709551616", kNull, "-0.1", "9223372036854775808", "3", h, "10"});
        world_.put(0, {"4", kMost, "5", kNull, "9223372036854775809", "4", h, "z"});
        world_.put(0, {"5", kNull, "0", "0", "18446744073709551615", "5", h, ""});
        world_.commit();
        asked_.open(world_.database->read_view(), nullptr);
    }
    /// Rows "a,b;c,d;", or "refused: why".
    std::string ask(const std::string& sql, std::vector<Value> parameters = {}) {
        return asked_.ask(sql, std::move(parameters));
    }

    RowWorld world_{{typed_layout("a")}};
    test::AskedSession asked_;
};

TEST_F(ComparisonTest, WideNumbersAreOrderedByTheCollationOrNotAtAll) {
    for (const char* wrong : {
             "select id from a order by case when id > 0 then w end",
             "select id from a order by coalesce(w, '0')",
             "select id from a order by iif(id > 0, w, '0'), id",
             "select id from a order by nullif(w, '0')",
             "select id from a order by max(w, '5')",
             "select id from a order by (select b.w from a b where b.id = a.id)",
             "select max(coalesce(w, '0')) from a",
             "select max(e) from (select iif(id > 0, w, '0') as e from a)",
             "with c as materialized (select coalesce(w, '0') k from a) select k from c order by k",
             "select lag(w) over (order by id) l from a order by l",
             "select nth_value(w, 2) over (order by id) v from a order by v",
             "select sum(w) over (order by id) v from a order by v",
             "select max(coalesce(w, '0')) over (order by id rows 1 preceding) from a",
             "select rank() over (order by coalesce(w, '0')) from a",
             "select id, max(w) m from a group by id order by m",
             "select id, max(w) m from a group by id order by m limit 3",
             "select coalesce(w, '0') k, count(*) from a group by k order by k",
             "select coalesce(w, '0') from a union select coalesce(x, '0') from a order by 1",
             "select id from a where coalesce(w, '0') > '9'",
             "select q.id from (select id, abs(x) e from a) q where q.e > '9'",
             "select a.id from a join a b on coalesce(a.w, '0') > coalesce(b.w, '0')",
             "select (select w from a limit 1) < (select w from a limit 1)",
         }) {
        EXPECT_THAT(ask(wrong), testing::AllOf(HasSubstr("refused"), HasSubstr("collate u256")))
            << wrong;
    }
    EXPECT_EQ(ask("select id from a order by coalesce(w, '0') collate u256 desc"), "4;3;2;1;5;");
    EXPECT_EQ(ask("select id, max(w) m from a group by id order by m collate u256 desc limit 1"),
              std::string{"4,"} + kMost + ";");
    EXPECT_EQ(ask("with c as materialized (select w k from a union all select x from a) select k "
                  "from c where k is not null order by k limit 3"),
              "-10;-1;0;");
    EXPECT_EQ(ask("select max(coalesce(w, '0') collate u256) from a"), kMost + std::string{";"});
    EXPECT_EQ(ask("select coalesce(w, '0') k, count(*) n from a group by k order by n, k collate "
                  "u256 limit 2"),
              "0,1;9,1;");
    EXPECT_EQ(ask("select max(w) over (order by id rows 1 preceding) from a where id < 3"),
              "9;10;");
    EXPECT_EQ(ask("select id from a order by abs(x) collate u256 desc limit 1"), "2;");
}

TEST_F(ComparisonTest, TextsThatAreNumbersMeetNoNumbers) {
    for (const char* wrong : {
             "select id from a where coalesce(w, '0') > 9",
             "select id from a where coalesce(w, '0') = 9",
             "select id from a where coalesce(w, '0') in (9, 10, 11)",
             "select id from a where case when id > 0 then w end between 1 and 9",
             "select nullif(w, 0) = w from a where nullif(w, 0) is null",
             "select case coalesce(w, '0') when 9 then 1 end from a",
             "select max(w, 5) from a",
             "select id from a order by coalesce(w, 0) collate u256",
             "select distinct coalesce(w, 0) from a",
             "select count(distinct coalesce(w, 0)) from a",
             "select coalesce(w, 0), count(*) from a group by 1",
             "select w from a union select t from a",
             "select w from a union all select s from a order by 1",
             "select abs(s) from a except select w from a",
             "select w from a intersect select id from a",
             "select id from a group by id having max(w) > 5",
             "select sum(w) from a having sum(w) = 5",
             "select id from a where s + 1 = '2'",
         }) {
        EXPECT_THAT(ask(wrong), HasSubstr("refused")) << wrong;
        EXPECT_THAT(ask(wrong), HasSubstr("text")) << wrong;
    }
    EXPECT_THAT(ask("select id from a where coalesce(w, '0') > ?", {int64_t{9}}),
                HasSubstr("a.w is a text"));
    EXPECT_EQ(ask("select id from a where coalesce(w, '0') > ? collate u256 order by id",
                  {std::string{"9"}}),
              "2;3;4;");
    EXPECT_EQ(ask("select id from a where coalesce(w, '0') in ('9', '10', '11') order by id"),
              "1;2;");
    EXPECT_EQ(ask("select count(*) from a where not w between 10 and 11"), "3;");
    EXPECT_EQ(ask("select w not in (9, 10) from a where id = 3"), "1;");
    EXPECT_EQ(ask("select sum(case when id < 3 then w else 0 end) v from a group by id order by v "
                  "collate u256 desc, id"),
              "10;9;0;0;0;");
}

TEST_F(ComparisonTest, AUint64FromTwoTo63OnIsNeverComparedAsADouble) {
    for (const char* wrong : {
             "select a.id from a join a b on a.t = b.t + 0 and b.id > 2",
             "select id from a where t = t + 0",
             "select id from a where t = '9223372036854775809' or id = 1",
             "select id from a where not t between '5' and '9223372036854775808'",
             "select id from a order by coalesce(t, 0)",
             "select t + 1 from a",
             "select t % 2 from a",
             "select cast(t as integer) from a",
             "select count(*) over (order by t range 5 preceding) from a",
         }) {
        EXPECT_THAT(ask(wrong),
                    testing::AllOf(HasSubstr("refused: a.t is 9223372036854775808 in a row"),
                                   HasSubstr("u256_")))
            << wrong;
    }
    for (const char* wrong : {"select id from a where t in ('9223372036854775808', '5')",
                              "select id from a where t = '9223372036854775808' or t = '5'"}) {
        EXPECT_THAT(
            ask(wrong),
            testing::AllOf(HasSubstr("also where they stand in quotes"),
                           HasSubstr("u256_add(column, 0) in ('5', '9223372036854775808')")))
            << wrong;
    }
    EXPECT_EQ(ask("select id from a where u256_cmp(t, '9223372036854775808') = 0 or t in (5, '9') "
                  "order by id"),
              "1;2;3;");
    EXPECT_EQ(ask("select id from a where u256_add(t, 0) in ('5', '9223372036854775808', "
                  "'9223372036854775809') order by id"),
              "1;3;4;");
    EXPECT_EQ(ask("select id from a where u256_add(t, 0) in (?, ?, ?) order by id",
                  {std::string{"9223372036854775809"}, std::string{"9223372036854775810"},
                   std::string{"18446744073709551615"}}),
              "4;5;");
    EXPECT_EQ(ask("select t + 1 from a where t < 10 order by id"), "6;10;");
    EXPECT_EQ(ask("select id from a where t > 5 or id = 1 order by id"), "1;2;3;4;5;");
    EXPECT_EQ(ask("select id from a where t = '9223372036854775809'"), "4;");
    EXPECT_EQ(ask("select t from a order by t desc limit 2"),
              "18446744073709551615;9223372036854775809;");
    EXPECT_EQ(ask("select count(*) from a join a b on a.t = b.t"), "5;");
}

TEST_F(ComparisonTest, ANumberIsFormattedWithAllItsDigitsOrRefused) {
    EXPECT_THAT(ask("select printf('%d', w) from a where id = 3"),
                testing::AllOf(HasSubstr("does not fit in 64 bits"), HasSubstr("%s")));
    EXPECT_EQ(ask("select printf('%d|%s', w, w) from a where id = 1"), "9|9;");
    EXPECT_THAT(ask("select printf('%d', d) from a where id = 1"),
                HasSubstr("1.5 is not whole: write %s"));
    EXPECT_THAT(ask("select format('%d', '9.223372036854775807')"), HasSubstr("is not whole"));
    EXPECT_EQ(
        ask("select printf('%.2f|%g|%.0f|%e', d, w, t, 9007199254740992) from a where id = 2"),
        "10.00|10|9|9.007199e+15;");
    for (const char* wrong :
         {"select printf('%.0f', t) from a where id = 3", "select printf('%g', w) from a",
          "select format('%e', w) from a where id = 4", "select printf('%f', 9007199254740993)",
          "select printf('%.2f', '12345678901234.5678')"}) {
        EXPECT_THAT(ask(wrong), testing::AllOf(HasSubstr("write %s for it"),
                                               HasSubstr("decimal_div(.., '1', 2)"),
                                               HasSubstr("cast(.. as real)")))
            << wrong;
    }
    EXPECT_EQ(ask("select printf('%.2e', cast(w as real)), printf('%s', w) from a where id = 3"),
              "1.84e+19,18446744073709551616;");
    EXPECT_EQ(ask("select printf('%s', decimal_div('12345678901234.5678', '1', 2))"),
              "12345678901234.56;");
}

TEST_F(ComparisonTest, ANumberBeyondAllOfAColumnEqualsNoneInAListToo) {
    for (const char* beyond :
         {"9223372036854775808", "9223372036854775809", "340282366920938463463374607431768211455",
          "-340282366920938463463374607431768211456"}) {
        EXPECT_EQ(ask(fmt::format("select id from a where s in ('5', '{}')", beyond)), "5;");
        EXPECT_EQ(
            ask("select id from a where s in (?, ?)", {std::string{"-2"}, std::string{beyond}}),
            "2;");
        EXPECT_EQ(ask(fmt::format("select id from a where s = '{}' or s = '3'", beyond)), "3;");
        EXPECT_EQ(ask(fmt::format("select id from a where s = '{}'", beyond)), "");
        EXPECT_EQ(ask(fmt::format("select count(*) from a where s not in ('5', '{}')", beyond)),
                  "4;");
    }
    EXPECT_EQ(ask("select id from a where t in ('5', '36893488147419103232')"), "1;");
    EXPECT_EQ(ask("select count(*) from a where s < 1e30 and s > -1e30 and s <> 1e30"), "5;");
    EXPECT_EQ(ask("select count(*) from a where s > 1e30 or s < -1e30 or s = 1e30"), "0;");
    // 2^64 as a floating point number may stand for 2^64 - 1.
    EXPECT_THAT(ask("select id from a where t in ('5', '18446744073709551616')"),
                HasSubstr("u256_add(column, 0) in ('5', '9223372036854775808')"));
}

TEST_F(ComparisonTest, WhatIsCalculatedIsExactOrSaidToBeFloating) {
    EXPECT_THAT(ask("select w + 1 from a"), HasSubstr("refused: a.w is 18446744073709551616"));
    EXPECT_EQ(ask("select w + 1 from a where id < 3 order by id"), "10;11;");
    EXPECT_THAT(ask("select w % 2 from a"), HasSubstr("refused"));
    EXPECT_THAT(ask("select cast(w as integer) from a"), HasSubstr("refused"));
    EXPECT_THAT(ask("select d * 2 from a"), HasSubstr("refused"));
    EXPECT_THAT(ask("select sum(w) / 2 from a"), HasSubstr("refused"));
    EXPECT_THAT(ask("select u256_mul(w, 2) + 1 from a"), HasSubstr("refused"));
    EXPECT_THAT(ask("select s * 9223372036854775807 from a where id = 3"), HasSubstr("64 bits"));
    EXPECT_EQ(ask("select cast(w as real) / 4 from a where id = 2"), "2.5;");
    EXPECT_EQ(ask("select abs(x) from a where id < 3 order by id"), "1;10;");
    EXPECT_EQ(ask("select sum(abs(d)) from a"), "11.6;");
    EXPECT_THAT(ask("select count(*) over (order by w range 5 preceding) from a"),
                HasSubstr("RANGE with numbers is for columns of up to 64 bits"));
}

/// SQLite makes a floating point number of it, and equal ones of numbers that differ.
TEST_F(ComparisonTest, WhatMayBeCalculatedBeyond64BitsIsNotComparedSortedOrChanged) {
    for (const char* wrong : {
             "select id from a where id < 3 and t * 9223372036854775807 > 5",
             "select id from a where id < 3 and 5 < t * 9223372036854775807",
             "select id from a where id < 3 order by s * 9223372036854775807",
             "select count(*) from a where id < 3 group by t * 4611686018427387904",
             "select count(distinct s * 9223372036854775807) from a where id > 2",
             "select distinct s * 9223372036854775807 from a where id = 3",
             "select 1 from a where id = 3 union select s * 9223372036854775807 from a where id = "
             "3",
             "select 1 in (select s * 9223372036854775807 from a where id = 3) from a",
             "select cast(s * 9223372036854775807 as integer) from a where id = 3",
             "select cast(s * 9223372036854775807 as text) from a where id = 3",
             "select (s * 9223372036854775807) % 10 from a where id = 3",
             "select ~(s * 9223372036854775807) from a where id = 3",
             "select (s * 9223372036854775807) || '' from a where id = 3",
             "select printf('%d', s * 9223372036854775807) from a where id = 3",
             "select max(s * 9223372036854775807, 5) from a where id = 3",
             "select max(s * 9223372036854775807) from a where id > 2",
             "select round(s * 9223372036854775807) from a where id = 3",
             "select id from a where id < 3 and t - (-9223372036854775807) > 5",
             "select id from a where 9223372036854775807 + 1 > s + 0",
             "select id from a group by id having sum(s) * 9223372036854775807 > 5",
             "select id from (select id, t * t * t as c from a where id < 3) where c * c * c * c * "
             "c * c * c * c > id",
             "with recursive n(i) as (select 1 union all select i * 2 from n limit 100) "
             "select count(*) from n where i > 5",
             "select rank() over (order by s * 9223372036854775807) from a where id = 3",
         }) {
        EXPECT_THAT(ask(wrong), testing::AllOf(HasSubstr("refused: "), HasSubstr("64 bits"),
                                               HasSubstr("u256_mul")))
            << wrong;
    }
    EXPECT_THAT(ask("select id from a where id < 3 and s * ? > 5", {int64_t{INT64_MAX}}),
                HasSubstr("refused: a.s is 1 in a row"));
    EXPECT_THAT(ask("select id from a group by 1 having sum(t) * 4611686018427387904 > 5"),
                HasSubstr("refused"));
}

TEST_F(ComparisonTest, WhatIsCalculatedWithin64BitsIsComparedAsBefore) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"select id from a where id < 3 and t * 1000000007 > 6000000000", "2;"},
        {"select id from a where id < 3 order by t * t desc", "2;1;"},
        {"select id from a order by -s", "5;4;3;1;2;"},
        {"select id from a where s + 4000000000000000000 > 0 and id > 2", "3;4;5;"},
        {"select id from a where id < 3 and w * 1000000000000 > 9500000000000", "2;"},
        {"select id from a group by id having sum(s) - count(*) > 2 order by id", "4;5;"},
        {"select id from a where id < 3 and cast(strftime('%Y', t, 'unixepoch') as integer) + 1 > "
         "1970 order by id",
         "1;2;"},
        {"with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) "
         "select count(*) from n",
         "1000;"},
        {"with recursive n(i, j) as (select 1, 1 union all select i + 1, i + j from n where i < 5) "
         "select j from n",
         "1;2;4;7;11;"},
        {"select s from a where u256_mul(s, '9223372036854775807') > '5' collate u256 order by id",
         "1;3;4;5;"},
        {"select id from a where cast(s as real) * 9223372036854775807 > 5 order by id",
         "1;3;4;5;"},
        {"select sum(s) over (order by id) + 1 > 3 from a", "0;0;0;1;1;"},
        {"select (id - 3) * (id - 3) as c from a group by c order by c", "0;1;4;"},
    };
    for (const auto& [sql, wanted] : cases) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
}

TEST(WholeWatchTest, ItAsksWithWhatWasSeenAndSomeAhead) {
    // The product of two columns.
    std::vector<unsigned> asked;
    WholeWatch watch{[&](const WholeBits& bits) {
        unsigned sum = 0;
        for (const auto& [column, of] : bits.columns) {
            sum += of;
        }
        asked.push_back(sum);
        return sum <= 63;
    }};
    EXPECT_TRUE(watch.takes(nullptr, 0, 5));
    EXPECT_TRUE(watch.takes(nullptr, 0, 255));
    EXPECT_TRUE(watch.takes(nullptr, 1, int64_t{1} << 50)) << "51 bits are 56 ahead, 64 in all";
    EXPECT_THAT(asked, testing::ElementsAre(8U, 64U, 59U));
    EXPECT_TRUE(watch.takes(nullptr, 0, -255));
    EXPECT_FALSE(watch.takes(nullptr, 0, 1 << 20));
    EXPECT_EQ(bits_of(0), 0U);
    EXPECT_EQ(bits_of(-1), 1U);
    EXPECT_EQ(bits_of(INT64_MAX), 63U);
    EXPECT_EQ(bits_of(INT64_MIN), 64U);
    EXPECT_TRUE(WholeWatch{}.takes_sum(INT64_MIN)) << "watches nothing";
}

TEST_F(ComparisonTest, TheLeastIntegerIsANumber) {
    EXPECT_EQ(ask("select -9223372036854775808"), "-9223372036854775808;");
    EXPECT_EQ(
        ask("select count(*) from a where x = -9223372036854775808 and s > - 9223372036854775808"),
        ask("select count(*) from a where x = '-9223372036854775808'"));
    EXPECT_EQ(ask("select s between -9223372036854775808 and 9 from a where id = 1"), "1;");
    for (const char* wrong : {"select 9223372036854775808", "select s -9223372036854775808 from a",
                              "select 1 -9223372036854775808", "select (1) -9223372036854775808"}) {
        EXPECT_THAT(ask(wrong), HasSubstr("write it as text, '9223372036854775808'")) << wrong;
    }
    EXPECT_THAT(ask("select id from a where s = -9223372036854775809"),
                HasSubstr("write it as text, '-9223372036854775809'"));
    EXPECT_THAT(ask("select abs(-9223372036854775808)"), HasSubstr("abs(u256_add(.., 0))"));
    EXPECT_EQ(ask("select abs(u256_add(-9223372036854775808, 0))"), "9223372036854775808;");
}

TEST_F(ComparisonTest, AddressesThatAreCalculatedAreComparedInTheirCase) {
    const std::string upper = "'0x" + std::string(39, 'A') + "1'";
    EXPECT_EQ(ask("select count(*) from a where h = " + upper), "5;");
    EXPECT_THAT(ask("select count(*) from a where coalesce(h, '') = " + upper),
                HasSubstr("a.h is in lower case"));
    EXPECT_THAT(ask("select count(*) from a where iif(id > 0, h, '') in ('x', 'y', " + upper + ")"),
                HasSubstr("collate nocase"));
    EXPECT_EQ(ask("select count(*) from a where coalesce(h, '') = " + upper + " collate nocase"),
              "5;");
}

/// The collation of a comparison is that of the column on the left.
TEST_F(ComparisonTest, AWideColumnIsANumberOnEitherSide) {
    EXPECT_EQ(ask("select count(*) from a where '9' < w"), "3;");
    EXPECT_EQ(ask("select count(*) from a join a b on b.s < a.w"),
              ask("select count(*) from a join a b on a.w > b.s"));
    EXPECT_EQ(ask("select count(*) from a join a b on b.id = 2 and b.n < a.w"), "3;");
}

/// SQLite makes bounds of a pattern that begins as no number does, and these are no numbers.
TEST_F(ComparisonTest, APatternIsAskedOfTheDigitsOfANumber) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"select id from a where w like '1%' order by id", "2;3;4;"},
        {"select id from a where x like '-%' order by id", "1;2;"},
        {"select id from a where w like 'abc%'", ""},
        {"select id from a where w glob 'abc*'", ""},
        {"select id from a where d like '0x%'", ""},
        {"select id from a where s like 'x%' or s glob 'x*'", ""},
        {"select id from a where t like 'x%'", ""},
        {"select count(*) from a where w not like 'abc%'", "4;"},
        {"select id from a where w like '1%' and w > 10 order by id", "3;4;"},
        {"select n from a where n like 'X%'", "x;"},
    };
    for (const auto& [sql, wanted] : cases) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
    EXPECT_EQ(ask("select id from a where w like ?", {std::string{"abc%"}}), "");
    EXPECT_THAT(ask("select id from a where w like 'abc%' and w > 'abc'"),
                HasSubstr("cannot be compared with a column of type uint256"));
}

/// A bound that no value of the type passes held for null too.
TEST_F(ComparisonTest, NullPassesNoBound) {
    EXPECT_EQ(ask("select count(*) from a where w >= -1"), "4;");
    EXPECT_EQ(ask("select count(*) from a where w <> '-1'"), "4;");
    EXPECT_EQ(ask(std::string{"select count(*) from a where x < '"} + kMost + "'"), "4;");
    EXPECT_EQ(ask("select count(*) from a where w is null"), "1;");
}

/// Statements of which much is made, up to what a statement may be: told or refused, soon.
TEST_F(ComparisonTest, LongStatementsAreToldInTime) {
    const auto repeated = [](const std::string& part, const std::string& between, size_t count) {
        std::string out = part;
        for (size_t i = 1; i < count; ++i) {
            out += between + part;
        }
        return out;
    };
    for (const std::string& sql :
         {"select " + repeated("case when w > '1' then coalesce(w, '0') else x end", ", ", 400) +
              " from a",
          repeated("select coalesce(w, '0') from a", " union ", 45),
          "select 1 from a where coalesce(w, '0') in ('1'" + repeated(", '2'", "", 9'000) + ")",
          "select 1 from a where " + repeated("(id = 1 or w = '5')", " and ", 90),
          "select " + repeated("sum(w) over (order by id rows 3 preceding)", ", ", 40) +
              " from a"}) {
        timespec before{};
        timespec after{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        const std::string answer = ask(sql);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        const double spent_s = static_cast<double>(after.tv_sec - before.tv_sec) +
                               static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e9;
        EXPECT_LT(spent_s, 1.0) << sql.substr(0, 80);
        EXPECT_TRUE(answer.find("refused") != 0 || answer.find("too long") != answer.npos)
            << answer;
    }
}

TEST(ValueKindTest, PairsOfKindsAreJudgedByAffinityAndCollation) {
    struct Row {
        Kinds a;
        Kinds b;
        Comparing how;
        Verdict verdict;
    };
    constexpr auto kNo = Affinity::kNone;
    constexpr auto kTo = Affinity::kText;
    constexpr auto kNum = Affinity::kNumeric;
    for (const Row& row : std::initializer_list<Row>{
             {kInteger, kReal, {true, kNo, ""}, Verdict::kRight},
             {kInteger, kWide, {false, kNo, ""}, Verdict::kNumberAndText},
             {kInteger, kWide, {true, kTo, "u256"}, Verdict::kRight},
             {kInteger, kWide, {false, kTo, ""}, Verdict::kRight},
             {kInteger, kWide, {true, kTo, "BINARY"}, Verdict::kBytesOrder},
             {kInteger, kWide, {false, kNum, ""}, Verdict::kWatchLeast},
             {kInteger, kBigText, {false, kNum, ""}, Verdict::kRight},
             {kInteger, kBigText | kLeastText, {false, kNum, ""}, Verdict::kLeast},
             {kWide, kBigText | kLeastText, {false, kNo, "u256"}, Verdict::kRight},
             {kInteger, kNumberText, {false, kNo, "u256"}, Verdict::kNumberAndText},
             {kInteger, kUint64, {true, kNum, ""}, Verdict::kWatchLeast},
             {kUint64, kUint64, {false, kNum, ""}, Verdict::kWatchWhole},
             {kUint64, kUint64, {false, kNo, ""}, Verdict::kRight},
             {kUint64, kUint64, {true, kNo, "u256"}, Verdict::kRight},
             {kUint64, kUint64, {true, kNo, "BINARY"}, Verdict::kWatchWhole},
             {kUint64, kWide, {false, kNum, ""}, Verdict::kWatchWhole},
             {kUint64, kReal, {true, kNum, ""}, Verdict::kWatchWhole},
             {kInteger, kDecimal, {true, kNum, ""}, Verdict::kWatchDigits},
             {kWide, kWide, {false, kNo, ""}, Verdict::kRight},
             {kWide, kWide, {true, kNo, ""}, Verdict::kBytesOrder},
             {kWide, kDecimal, {true, kNo, "u256"}, Verdict::kRight},
             {kWide, kNumberText, {true, kNo, ""}, Verdict::kBytesOrder},
             {kWide, kNumberText, {true, kNo, "BINARY"}, Verdict::kBytesOrder},
             {kWide, kLooseText, {false, kNo, ""}, Verdict::kLoose},
             {kWide, kText, {false, kNo, ""}, Verdict::kRight},
             {kHex, kUpperHex, {false, kNo, ""}, Verdict::kCase},
             {kHex, kUpperHex, {false, kNo, "NOCASE"}, Verdict::kRight},
             {kText, kNumberText, {true, kNo, ""}, Verdict::kTextOrder},
             {kText, kText, {true, kNo, ""}, Verdict::kRight},
             {kSaidText, kNumberText, {true, kNo, ""}, Verdict::kRight},
             {kSaidText, kLooseText, {false, kNo, ""}, Verdict::kRight},
             {kSaidText, kWide, {true, kNo, ""}, Verdict::kBytesOrder},
             {kSaidText, kInteger, {false, kNum, ""}, Verdict::kWatchWhole},
             {kText, kUint64, {false, kNum, ""}, Verdict::kWatchWhole},
             {kText, kInteger, {false, kNum, ""}, Verdict::kRight},
             {kInteger | kText, kWide | kHex, {false, kNo, ""}, Verdict::kNumberAndText},
             {0, kWide, {true, kNo, ""}, Verdict::kRight},
         }) {
        EXPECT_EQ(judge(row.a, row.b, row.how), row.verdict) << row.a << " " << row.b;
        EXPECT_EQ(judge(row.b, row.a, row.how), row.verdict) << row.b << " " << row.a;
    }
    EXPECT_EQ(kinds_of_text("9223372036854775807"), kNumberText);
    EXPECT_EQ(kinds_of_text("9223372036854775808"), kBigText);
    EXPECT_EQ(kinds_of_text("-9223372036854775808"), kNumberText);
    EXPECT_EQ(kinds_of_text("-9223372036854775809"), kBigText | kLeastText);
    EXPECT_EQ(kinds_of_text("-92233720368547758080"), kBigText);
    EXPECT_EQ(kinds_of_text("1.5"), kBigText);
    EXPECT_EQ(kinds_of_text("1.0000000000000000001"), kLooseText | kPastNumber);
    EXPECT_EQ(kinds_of_text("007"), kLooseText);
    EXPECT_EQ(kinds_of_text("0xAb"), kUpperHex);
    EXPECT_EQ(kinds_of_text("none"), kText);
}

}  // namespace

}  // namespace plumbline::query::sql::comparison_test
