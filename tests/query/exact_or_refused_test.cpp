// What SQLite would do in silence with numbers in texts, shifts and casts: right, or refused with
// what to write instead, which is taken.
#include "query/sql/number_prefix.hpp"
#include "query/sql/statement_words.hpp"
#include "query/sql/value_kind.hpp"
#include "query/sql/value_text.hpp"
#include "tests/query/asked_session.hpp"
#include "tests/query/row_world.hpp"

namespace plumbline::query::sql::exact_or_refused_test {

namespace {

using query::test::kNull;
using query::test::RowWorld;
using storage::test::field;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kMost =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

storage::EntityLayout layout() {
    storage::EntityLayout out;
    out.name = "e";
    out.key = {field("id", "uint32")};
    out.fields = {field("w", "uint256"), field("x", "int128"), field("d", "decimal(18)"),
                  field("u", "uint64"),  field("m", "uint48"), field("i", "int64"),
                  field("s", "string")};
    return out;
}

/// Rows 1 to 3 are small; row 4 is beyond SQL's numbers.
class ExactOrRefusedTest : public ::testing::Test {
  protected:
    ExactOrRefusedTest() {
        world_.put(0, {"1", "9", "-9", "1.5", "5", "7", "-3", "12"});
        world_.put(0, {"2", "10", "5", "10", "9", "256", "9007199254740993", "abc"});
        world_.put(0, {"3", "100", "-10", "-0.1", "4611686018427387904", "281474976710655", "4",
                       " 7.5 apples"});
        world_.put(0, {"4", kMost, "170141183460469231731687303715884105727",
                       "123456789012345678.123456789012345678", "18446744073709551615", "1",
                       "9223372036854775807", "9223372036854775808"});
        world_.commit();
        asked_.open(world_.database->read_view(), nullptr);
    }
    std::string ask(const std::string& sql, std::vector<Value> parameters = {}) {
        return asked_.ask(sql, std::move(parameters));
    }
    /// What is refused with these words, and what they say to write, with its answer.
    struct Advice {
        std::string wrong;
        std::string words;
        std::string right;
        std::string answer;
    };
    void expect_advice(const std::vector<Advice>& all) {
        for (const Advice& one : all) {
            EXPECT_THAT(ask(one.wrong), AllOf(HasSubstr("refused: "), HasSubstr(one.words)))
                << one.wrong;
            EXPECT_EQ(ask(one.right), one.answer) << one.right;
        }
    }

    RowWorld world_{{layout()}};
    test::AskedSession asked_;
};

TEST_F(ExactOrRefusedTest, AParameterInWordsIsANumberOnlyInItsOneForm) {
    for (const char* number : {"0", "7", "-7", "9223372036854775807", "-9223372036854775808"}) {
        EXPECT_EQ(parameter_of(number), Value{std::int64_t{std::stoll(number)}}) << number;
    }
    for (const char* text : {"007", "-0", "00", "+7", " 7", "7 ", "", "1.5", "1e3", "0x10",
                             "9223372036854775808", "-9223372036854775809"}) {
        EXPECT_EQ(parameter_of(text), Value{std::string{text}}) << text;
    }
    EXPECT_EQ(ask("select count(*) from e where w = ?", {parameter_of("05")}),
              ask("select count(*) from e where w = '05'"));
    EXPECT_EQ(ask("select count(*) from e where s = ?", {parameter_of("012")}), "0;");
}

TEST_F(ExactOrRefusedTest, AShiftThatDropsBitsIsRefused) {
    expect_advice({
        {"select 1 << 64", "u256_mul(a, '16') for a << 4",
         "select u256_mul(1, '18446744073709551616')", "18446744073709551616;"},
        {"select w << 60 from e where id = 1", "e.w is 9 in a row",
         "select u256_mul(w, '1152921504606846976') from e where id = 1", "10376293541461622784;"},
        {"select m << 16 from e", "e.m is 281474976710655 in a row",
         "select u256_mul(m, '65536') from e where id = 3", "18446744073709486080;"},
        {"select max(u << 1) from e where id = 3", "e.u is 4611686018427387904 in a row",
         "select max(u256_mul(u, '2') collate u256) from e", "36893488147419103230;"},
        {"select i >> -60 from e where id = 3", "e.i is 4 in a row",
         "select u256_mul(i, '1152921504606846976') from e where id = 3", "4611686018427387904;"},
        {"select sum(m) << 20 from e", "sum() is", "select u256_mul(sum(m), '2') from e",
         "562949953421838;"},
        {"select (i + 1) << 60 > 5 from e where id = 3", "u256_mul(a, '16') for a << 4",
         "select u256_mul(i + 1, 2) > '5' collate u256 from e where id = 3", "1;"},
        {"select w & 255 from e", "u256_mod(a, '16') for a & 15",
         "select u256_mod(w, '256') from e order by id", "9;10;100;255;"},
        {"select u >> 60 from e", "u256_div(a, '16') for a >> 4",
         "select u256_div(u, '1152921504606846976') from e order by id", "0;0;4;15;"},
        {"select ~x from e", "e.x is 170141183460469231731687303715884105727",
         "select u256_sub('-1', x) from e where id = 1", "8;"},
        {"select u | 1 from e", "e.u is 18446744073709551615", "select u | 1 from e where id < 3",
         "5;9;"},
    });
    EXPECT_THAT(ask("select 1 << ?", {std::int64_t{63}}), HasSubstr("refused: "));
    for (const auto& [sql, wanted] : std::vector<std::pair<std::string, std::string>>{
             {"select 1 << 62, 1 << 0, -1 << 3, 0 << 100, 5 >> 1, -5 >> 1, 1 >> 64",
              "4611686018427387904,1,-8,0,2,-3,0;"},
             {"select m << 14 from e order by id", "114688;4194304;4611686018427371520;16384;"},
             {"select m << id from e where id < 3 order by id", "14;1024;"},
             {"select (u >> 8) << 8 from e where id < 4 order by id", "0;0;4611686018427387904;"},
             {"select (m & 255) << 40 from e where id = 3", "280375465082880;"},
             {"select w << 4 from e where id < 4 order by id", "144;160;1600;"},
             {"select i >> 2, i & 3, i | 8, ~i from e where id = 1", "-1,1,-3,2;"}}) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
    EXPECT_EQ(ask("select 1 << ?", {std::int64_t{4}}), "16;");
}

TEST_F(ExactOrRefusedTest, WhatIsCastToTextIsAText) {
    for (const auto& [sql, wanted] : std::vector<std::pair<std::string, std::string>>{
             {"select cast(w as text) t from e where id < 4 order by t", "10;100;9;"},
             {"select cast(x as VARCHAR(9)) from e where id < 4 order by 1", "-10;-9;5;"},
             {"select id from e where cast(w as text) > '9'", ""},
             {"select count(*) from e where cast(w as text) = '05'", "0;"},
             {"select count(*) from e where cast(w as text) in ('05', '9')", "1;"},
             {"select max(cast(w as text)) from e where id < 4", "9;"},
             {"select t from (select cast(w as text) t from e) where t < '2' order by t",
              std::string{"10;100;"} + kMost + ";"},
             {"select cast(w as text), count(*) from e where id < 4 group by 1 order by 1",
              "10,1;100,1;9,1;"},
             {"select id from e order by cast(w as text) collate u256", "1;2;3;4;"},
             {"select id from e order by cast(w || '' as text) desc limit 1", "1;"},
             {"select cast(cast(u as text) as text) from e where id < 3 order by 1 desc", "9;5;"},
             {"select cast(w as integer) from e where id = 1", "9;"},
             {"select cast(s as text) from e where cast(s as text) > '9' ",
              "abc;9223372036854775808;"},
             {"select w from e order by w", std::string{"9;10;100;"} + kMost + ";"},
             {"select id from e where w > '9' order by id", "2;3;4;"},
             {"select id from e order by +w desc limit 1", "4;"}}) {
        EXPECT_EQ(ask(sql), wanted) << sql;
    }
    for (const char* wrong :
         {"select cast(w as text) + 1 from e", "select cast(cast(w as text) as integer) from e",
          "select count(*) from e where i = cast(u as text)"}) {
        EXPECT_THAT(ask(wrong),
                    AllOf(HasSubstr("refused: "), HasSubstr("in a row"), HasSubstr("u256_")))
            << wrong;
    }
    EXPECT_EQ(with_casts_to_text(
                  "select cast(/* as */ 'as' || (select 1 as b) as \n text), cast(a as int)"),
              "select cast(likely(/* as */ 'as' || (select 1 as b) ) as \n text), cast(a as int)");
}

TEST_F(ExactOrRefusedTest, ATextThatIsNoNumberOfSqlsMakesNone) {
    for (const char* wrong :
         {"select cast(s as integer) from e", "select s + 0 from e", "select -s from e",
          "select s % 2 from e where id = 4", "select s & 1 from e", "select ~s from e",
          "select round(s) from e", "select cast(s as numeric) from e",
          "select cast(trim(s) as integer) from e", "select cast(substr(s, 1) as integer) from e",
          "select t + 0 from (select s t from e)",
          "with t as materialized (select i from e union all select s from e) select i from t",
          "select count(*) from e a, e b where a.i + 0 = b.s or a.i = b.s"}) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused: e.s is '9223372036854775808' in a row"),
                                      HasSubstr("u256_add(s, 0)"), HasSubstr("cast(s as real)")))
            << wrong;
    }
    EXPECT_EQ(ask("select u256_add(s, 0) from e where id in (1, 4) order by id"),
              "12;9223372036854775808;");
    EXPECT_EQ(ask("select cast(s as real) from e where id < 3 order by id"), "12;0;");
    EXPECT_EQ(ask("select cast(s as integer), s + 0 from e where id < 4 order by id"),
              "12,12;0,0;7,7.5;");
    for (const char* wrong :
         {"select cast('9223372036854775808' as integer)", "select '0009223372036854775808' + 0",
          "select '9223372036854775808 wei' + 0"}) {
        EXPECT_THAT(ask(wrong), AllOf(HasSubstr("refused: "), HasSubstr("u256_add"))) << wrong;
    }
    EXPECT_EQ(ask("select cast(substr(s, 1, 4) as integer) from e where id = 4"), "9223;");
    EXPECT_EQ(ask("select cast('12 wei' as integer), '1e3' + 0"), "12,1000;");
}

TEST_F(ExactOrRefusedTest, WhatARefusalAdvisesIsTaken) {
    expect_advice({
        {"select count(*) from e where i > 9007199254740992.0", "in quotes, '9007199254740992'",
         "select count(*) from e where i > '9007199254740992'", "2;"},
        {"select count(*) from e where i > 9007199254740993.0",
         "would be rounded: write it as text, '9007199254740993'",
         "select count(*) from e where i > '9007199254740993'", "1;"},
        {"select count(*) from e where d > 12345678901234567.50e1",
         "write it as text, '123456789012345675'",
         "select count(*) from e where d > '123456789012345675'", "1;"},
        {"select count(*) from e where i > 1e18", "in quotes, '1000000000000000000'",
         "select count(*) from e where i > '1000000000000000000'", "1;"},
        {"select 1 from (select max(u) m from e) where m = '18446744073709551615'",
         "say u256_cmp(a, b) = 0 for a = b",
         "select 1 from (select max(u) m from e) where u256_cmp(m, '18446744073709551615') = 0",
         "1;"},
        {"select 1 from (select max(u) m from e) where m > '18446744073709551614'",
         "say u256_cmp(a, b) < 0 for a < b",
         "select 1 from (select max(u) m from e) where u256_cmp('18446744073709551614', m) < 0",
         "1;"},
        {"select 1 from (select max(u) m from e) where m > '18446744073709551614'",
         "or u256_add(.., 0) > '1000' collate u256",
         "select 1 from (select max(u) m from e) where u256_add(m, 0) > '18446744073709551614' "
         "collate u256",
         "1;"},
        {"select id from e where m + 1 = '8'", "write it without quotes",
         "select id from e where m + 1 = 8", "1;"},
        {"select sum(w < u) from e", "use u256_cmp(a, b) < 0 for a < b",
         "select sum(u256_cmp(w, u) < 0) from e", "1;"},
        {"select sum(w between i and u) from e", "use u256_cmp(a, b) < 0 for a < b",
         "select sum(u256_cmp(w, i) >= 0 and u256_cmp(w, u) <= 0) from e", "1;"},
        {"select sum(w = u) from e", "use u256_cmp(a, b) = 0 for a = b",
         "select sum(u256_cmp(w, u) = 0) from e", "0;"},
        {"select sum(d < m) from e", "use decimal_cmp(a, b) < 0 for a < b",
         "select sum(decimal_cmp(d, m) < 0) from e", "3;"},
        {"select id from e order by coalesce(u, 0)", "order by u256_add(.., 0) collate u256",
         "select id from e order by u256_add(coalesce(u, 0), 0) collate u256", "1;2;3;4;"},
        {"select sum(i = '-9223372036854775809') from e", "say u256_cmp(a, b) = 0 for a = b",
         "select sum(u256_cmp(i, '-9223372036854775809') = 0) from e", "0;"},
        {"select sum(i < '-9223372036854775809') from e", "say u256_cmp(a, b) < 0 for a < b",
         "select sum(u256_cmp(i, '-9223372036854775809') < 0) from e", "0;"},
        {"select w + 1 from e", "use u256_add(a, b)", "select u256_add(w, 1) from e where id = 1",
         "10;"},
        {"select decimal_add(1.5, 1)", "a floating point number: write it in quotes, '1.5'",
         "select decimal_add('1.5', 1)", "2.5;"},
        {"select count(*) from e where d = '01.50'", "the one form of that number is '1.5'",
         "select count(*) from e where d = '1.5'", "1;"},
        {std::string{"select 1\0 where 0", 18}, "has a NUL at byte 8", "select 1", "1;"},
        {"select 1 from e where i > 1e999", "is beyond SQL's numbers", "select 1", "1;"},
    });
    EXPECT_EQ(ask("select 9007199254740992.0 > 1, 1.50000000000000000000"), "1,1.5;");
}

TEST_F(ExactOrRefusedTest, AColumnThatCannotBeNamedThereIsNotAskedBack) {
    EXPECT_THAT(
        ask("select id from e limit id"),
        AllOf(HasSubstr("no such column: id; e has such a column"),
              HasSubstr("LIMIT and OFFSET take no columns"), Not(HasSubstr("did you mean"))));
    EXPECT_THAT(ask("select idd from e"), HasSubstr("did you mean 'id'?"));
}

TEST(NumberPrefixTest, ATextIsReadAsSqliteReadsIt) {
    const auto held = [](std::string_view text) {
        const auto number = number_prefix(text);
        return !number ? std::string{"none"} : is_held(*number) ? "held" : "not";
    };
    for (const char* none : {"", "abc", "-", ".", "e5", "0x"}) {
        EXPECT_EQ(held(none), std::string_view{none} == "0x" ? "held" : "none") << none;
    }
    for (const char* text : {"9223372036854775807", "-9223372036854775808", " +12abc", "1e18",
                             "00000000000000000000000000005", "9007199254740992.0", "0.5", "1.5e",
                             "1.10000000000000000000", "123456789012345e290"}) {
        EXPECT_EQ(held(text), "held") << text;
    }
    for (const char* text : {"9223372036854775808", "-9223372036854775809wei", "9007199254740993.0",
                             "1.0000000000000001", "1e999", "12345678901234567e3"}) {
        EXPECT_EQ(held(text), "not") << text;
    }
    EXPECT_EQ(canonical_text(*number_prefix("-00.50")), "-0.5");
    EXPECT_EQ(canonical_text(*number_prefix("1.25e+3")), "1250");
    EXPECT_EQ(canonical_text(*number_prefix("125e-4")), "0.0125");
    EXPECT_EQ(canonical_text(*number_prefix("-0.0")), "0");
    EXPECT_EQ(canonical_text(*number_prefix("1e9999")), std::nullopt);
    EXPECT_TRUE(number_prefix("12 ")->is_all);
    EXPECT_FALSE(number_prefix("12 wei")->is_all);
}

}  // namespace

}  // namespace plumbline::query::sql::exact_or_refused_test
