// SQL over the index, held against the same rows in plain SQLite tables.
#include <algorithm>
#include <ctime>
#include <random>
#include <set>

#include <sqlite3.h>

#include "core/base/clock.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/session.hpp"
#include "query/sql/value_text.hpp"
#include "tests/query/sql_world.hpp"
#include "tests/support/property_test.hpp"

namespace plumbline::query::sql::sql_test {

namespace {

using namespace plumbline::query::sql::test;
using storage::test::message_of;
using testing::HasSubstr;

constexpr const char* kMost =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

class SqlProperty : public plumbline::test::PropertyTest {};

TEST_F(SqlProperty, EveryAnswerIsThatOfPlainTables) {
    for (const uint64_t seed : seeds(4)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SqlWorld world{seed};
        PlainTables plain{world.world};
        std::mt19937_64 random{seed};
        for (int i = 0; i < 400; ++i) {
            const std::string sql = random_statement(random, world.world.layouts()[i % 4 == 0]);
            const auto ours = world.ask(sql);
            const auto theirs = plain.ask(sql);
            if (is_refused_uint64(ours, sql)) {
                continue;
            }
            ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
            ASSERT_TRUE(theirs) << sql << ": " << message_of(theirs);
            ASSERT_EQ(*ours, *theirs) << sql;
        }
    }
}

/// instr() and replace() are ours, in linear time; SQLite's own are the oracle.
TEST_F(SqlProperty, TextsAreSearchedAsBySqlite) {
    for (const uint64_t seed : seeds(2)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SqlWorld world{seed, 1};
        PlainTables plain{world.world};
        std::mt19937_64 random{seed};
        const auto text = [&]() -> std::string {
            constexpr const char* kParts[] = {"a", "b", "ab", "\xc3\xa4", "''", "\xe2\x82\xac"};
            std::string out;
            for (size_t i = random() % 7; i > 0; --i) {
                out += kParts[random() % std::size(kParts)];
            }
            switch (random() % 12) {
                case 0: return "null";
                case 1: return std::to_string(random() % 200);
                case 2: return "1.5";
                case 3: return "x'" + std::string(2 * (random() % 3), '6') + "'";
                default: return "'" + out + "'";
            }
        };
        for (int i = 0; i < 2'000; ++i) {
            const bool is_search = random() % 2 == 0;
            std::string sql =
                is_search ? fmt::format("select instr({}, {})", text(), text())
                          : fmt::format("select replace({}, {}, {})", text(), text(), text());
            if (random() % 4 == 0) {
                // A constant beside values of all types is one and the same each time.
                sql = fmt::format("with v(x) as (values ({}), ({}), ({}), ({})) select {} from v",
                                  text(), text(), text(), text(),
                                  is_search ? fmt::format("instr(x, {0}), instr({0}, x)", text())
                                            : fmt::format("replace(x, {}, {})", text(), text()));
            }
            const auto ours = world.ask(sql);
            const auto theirs = plain.ask(sql);
            ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
            ASSERT_TRUE(theirs) << sql << ": " << message_of(theirs);
            ASSERT_EQ(*ours, *theirs) << sql;
        }
    }
}

/// printf() and format() are ours, with an end; SQLite's own are the oracle.
TEST_F(SqlProperty, TextsAreFormattedAsBySqlite) {
    for (const uint64_t seed : seeds(2)) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SqlWorld world{seed, 1};
        PlainTables plain{world.world};
        std::mt19937_64 random{seed};
        const auto pick = [&](std::span<const char* const> all) {
            return std::string{all[random() % all.size()]};
        };
        constexpr const char* kFlags[] = {"", "-", "+", "0", "#", "!", ",", " ", "-0"};
        constexpr const char* kWidths[] = {"", "", "1", "7", "12"};
        constexpr const char* kPrecisions[] = {"", "", ".0", ".3", ".9"};
        constexpr const char* kLetters[] = {"d", "i", "u", "x", "X", "o", "f", "e",
                                            "g", "s", "q", "Q", "w", "c", "%", "lld"};
        constexpr const char* kValues[] = {"1",   "-42",  "'it''s'",    "1.5", "null",
                                           "'a'", "'12'", "'\xc3\xa4'", "''"};
        constexpr const char* kSome[] = {"'a'", "'\xc3\xa4'", "'\xe2\x82\xac.'", "7"};
        for (int i = 0; i < 3'000; ++i) {
            std::string format;
            std::string values;
            for (size_t n = 1 + random() % 3; n > 0; --n) {
                const std::string letter = pick(kLetters);
                format +=
                    pick(kWidths) + "%" + pick(kFlags) + pick(kWidths) + pick(kPrecisions) + letter;
                // A %c of nothing is a zero byte there and nothing here.
                values += letter == "%"
                              ? ""
                              : ", " + pick(letter == "c" ? std::span<const char* const>{kSome}
                                                          : kValues);
            }
            const std::string sql = "select printf('" + format + "'" + values +
                                    "), format('%*d|%.*f" + format + "', 7, 42, 2, 1.005" + values +
                                    ")";
            const auto ours = world.ask(sql);
            const auto theirs = plain.ask(sql);
            ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
            ASSERT_TRUE(theirs) << sql << ": " << message_of(theirs);
            ASSERT_EQ(*ours, *theirs) << sql;
        }
        for (const std::string text :
             {"select printf('%.2147483647c', 'a')", "select format('%*d', 2000000000, 1)",
              "select format('%.*c', 100000000, 'a')"}) {
            EXPECT_THAT(message_of(world.ask(text)), HasSubstr("too large")) << text;
        }
    }
}

TEST(SqlTest, TextsThatRepeatThemselvesAreSearchedAtOnce) {
    SqlWorld world{1, 1};
    const std::string most = "printf('%.*c', 1000000, 'a')";
    const std::string half = "printf('%.*c', 500000, 'a') || 'b'";
    EXPECT_EQ(*world.ask("select instr(" + most + ", " + half + ")"),
              std::vector<std::string>{"0 "});
    EXPECT_EQ(*world.ask("select length(replace(" + most + ", " + half + ", ''))"),
              std::vector<std::string>{"1000000 "});
    EXPECT_THAT(message_of(world.ask("select replace(" + most + ", 'a', 'aa')")),
                HasSubstr("too large"));
    EXPECT_FALSE(world.ask("select json_patch('{}', '{}')"));
}

TEST(SqlTest, CalculatedNumbersAreOrderedAndComparedAsTheStatementSays) {
    SqlWorld world{1, 200};
    for (const std::string than : {"'99' collate u256", "'1000000000000000000' collate u256"}) {
        EXPECT_EQ(*world.ask("select voter from vote group by 1 having sum(weight) > " + than +
                             " order by 1"),
                  *world.ask("select voter from vote group by 1 having u256_cmp(sum(weight), " +
                             than + ") > 0 order by 1"));
        EXPECT_EQ(*world.ask("select count(*) from vote where coalesce(weight, '0') < " + than),
                  *world.ask("select count(*) from vote where weight < " + than));
    }
    const std::string sums = "(select voter, sum(weight) as s from vote group by voter)";
    EXPECT_EQ(world.ask("select max(s collate u256) from " + sums)->size(), 1U);
}

TEST(SqlTest, WhatIsCalculatedIsComparedAsTheStatementSaysOrNotAtAll) {
    SqlWorld world{1, 50};
    for (const auto& [sql, parameters] : std::vector<std::pair<std::string, std::vector<Value>>>{
             {"select voter from vote group by 1 having sum(weight) > 10", {}},
             {"select voter from vote group by 1 having 10 <= sum(weight)", {}},
             {"select voter from vote group by 1 having sum(weight) > '99'", {}},
             {"select voter from vote group by 1 having sum(weight) between '1' and '99'", {}},
             {"select voter from vote group by 1 having sum(weight) > sum(change)", {}},
             {"select * from (select voter, sum(weight) s from vote group by 1) where s > 10", {}},
             {"select voter, sum(weight) = 3 from vote group by 1", {}},
             {"select voter, sum(weight) s from vote group by 1 order by s desc", {}},
             {"select voter, sum(weight) s from vote group by 1 order by s desc limit 3", {}},
             {"select voter, sum(weight) from vote group by 1 order by 2", {}},
             {"select max(s) from (select sum(weight) s from vote group by voter)", {}},
             {"select rank() over (order by sum(weight)) from vote group by voter", {}},
             {"select voter from vote order by u256_mul(weight, 2)", {}},
             {"select voter from vote where u256_mul(weight, 2) > 10", {}},
             {"select voter from vote where u256_mul(weight, 2) > u256_add(weight, 7)", {}},
             {"select voter from vote where coalesce(weight, '0') > '9'", {}},
             {"select voter from vote where weight || '' > '9'", {}},
             {"select voter from vote where case when small > 0 then weight end > '9'", {}},
             {"select voter from vote where iif(small > 0, weight, '0') > '9'", {}},
             {"select voter from vote where decimal_add(price, '1') < 1.5 or small = 1", {}},
             {"select sum(weight) from vote having sum(weight) > ?", {int64_t{10}}},
             {"select sum(weight) from vote having sum(weight) > ?", {std::string{"10"}}},
         }) {
        EXPECT_THAT(message_of(world.ask(sql, parameters)), HasSubstr("collate u256")) << sql;
    }
    for (const std::string sql :
         {"select voter, sum(weight) s from vote group by 1 order by s collate u256 desc, 1",
          "select voter, sum(weight) s from vote group by 1 order by voter",
          "select support, sum(small) s from vote group by 1 order by s desc",
          "select distinct sum(weight) from vote group by voter",
          "select voter, count(*) n from vote group by 1 order by n desc, 1 limit 2",
          "select voter from vote group by 1 having sum(small) > 10 order by 1",
          "select voter from vote group by 1 having sum(small) > sum(support)",
          "select voter, sum(weight) from vote group by 1 having count(*) > 1",
          "select voter, u256_mul(weight, 2) from vote where small > 1 or support > 0",
          "select voter from vote where coalesce(small, 0) > 5 and coalesce(note, '') < 'b'",
          "select voter from vote where weight > '5' or price < '1.5'",
          "select voter from vote where u256_cmp(weight, '5') > 0"}) {
        EXPECT_TRUE(world.ask(sql)) << sql << ": " << message_of(world.ask(sql));
    }
}

TEST(SqlTest, StatementsAreTakenEachUpToItsSemicolon) {
    const auto taken = [](std::string text) {
        std::vector<std::string> out;
        while (auto one = take_statement(text)) {
            out.push_back(*std::move(one));
        }
        out.push_back(text);
        return out;
    };
    using All = std::vector<std::string>;
    EXPECT_EQ(taken("select 1; select 2;\n"), (All{"select 1;", " select 2;", ""}));
    EXPECT_EQ(taken("select ';' as \"a;b\", [c;d] -- e;f\n; select /* ; */ 2; s"),
              (All{"select ';' as \"a;b\", [c;d] -- e;f\n;", " select /* ; */ 2;", " s"}));
    EXPECT_EQ(taken("select 1;; ; -- done\n /* all */ "), (All{"select 1;", ""}));
    EXPECT_EQ(taken("-- first\nselect 1;\n"), (All{"-- first\nselect 1;", ""}));
    EXPECT_EQ(taken("select 'it''s;"), (All{"select 'it''s;"}));
    EXPECT_EQ(taken("/* ; "), (All{"/* ; "}));
    EXPECT_EQ(taken("/*/ ;"), (All{"/*/ ;"}));
    EXPECT_EQ(taken(""), (All{""}));
}

TEST(SqlTest, ParametersMayBeNumberedAsPostgresqlDoes) {
    SqlWorld world{1, 1};
    const std::vector<Value> two{std::string{"one"}, int64_t{2}};
    EXPECT_EQ(*world.ask("select $2, $1, $2", two), std::vector<std::string>{"2 \"one\" 2 "});
    EXPECT_EQ(*world.ask("select ?, ?", two), std::vector<std::string>{"\"one\" 2 "});
    EXPECT_THAT(message_of(world.ask("select $1, $3", two)), HasSubstr("from $1 to $2"));
    EXPECT_THAT(message_of(world.ask("select $1", two)), HasSubstr("has 1 parameters"));
}

TEST(SqlTest, ParametersMayBeNamed) {
    SqlWorld world{1, 1};
    const auto ask = [&world](const std::string& sql, std::map<std::string, Value> named) {
        return world.ask(sql, {}, std::move(named));
    };
    EXPECT_EQ(*ask("select :b, @a, $b", {{"a", std::string{"one"}}, {"b", int64_t{2}}}),
              std::vector<std::string>{"2 \"one\" 2 "});
    EXPECT_THAT(message_of(ask("select :a, :b", {{"a", int64_t{1}}})),
                HasSubstr("no value is given for the parameter :b"));
    EXPECT_THAT(message_of(ask("select :a", {{"a", int64_t{1}}, {"c", int64_t{1}}})),
                HasSubstr("the statement has no parameter :c"));
    EXPECT_THAT(message_of(ask("select :a, ?", {{"a", int64_t{1}}})),
                HasSubstr("are written :name, not ?"));
    // What a value is counts as it does without a name.
    EXPECT_TRUE(ask("select voter from vote where weight > :least", {{"least", std::string{"5"}}}));
    EXPECT_FALSE(ask("select voter from vote where weight > :least", {{"least", 1.5}}));
}

/// Joins, subqueries, windows, and all else that people write.
TEST(SqlTest, WrittenQuestionsAreAnsweredAsByPlainTables) {
    SqlWorld world{7};
    PlainTables plain{world.world};
    for (const std::string sql : {
             "select sum(weight), sum(at), sum(small), sum(price), total(small) from vote",
             "select support, sum(weight) as s from vote group by support order by s collate u256",
             "select v.name, count(*) from vote join voter v on v.account = vote.voter group by 1 "
             "order by 1",
             "select v.name, w.proposal from voter v left join vote w on w.voter = v.account "
             "order by 1, 2, w.support, w.weight",
             "select name from voter where account in (select voter from vote where support = 8) "
             "order by name, account",
             "select voter, weight, rank() over (order by weight desc, proposal, voter) from vote",
             "select voter, sum(weight) over (partition by voter order by proposal rows between 1 "
             "preceding and current row) from vote order by voter, proposal",
             "select count(*) from vote where weight > '1' || '000000000'",
             "select max(weight), min(change), max(price), min(price) from vote",
             "select upper(note) from vote where note like 'a%' order by note, proposal, voter",
             "select tag from vote where tag like '0x9%' order by proposal, voter",
             "select voter from vote where voter glob '0x*' order by proposal, voter limit 3",
             "select * from vote where voter = upper('0xnope') or support = 1 order by proposal, "
             "voter",
             "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select "
             "i, (select count(*) from vote where support = i) from n",
             "select case when weight > '100' then 'big' else 'small' end c, count(*) from vote "
             "group by c order by c",
             "select a.proposal, b.small from vote a, vote b where a.weight = b.weight and "
             "a.support < b.support order by 1, a.voter, b.proposal, b.voter, 2",
             "select w.proposal from vote w, voter v where w.weight = v.votes order by 1, w.voter",
             "select w.proposal from vote w join voter v on v.votes = w.weight order by 1, w.voter",
             "select u256_add(weight, '1'), u256_mul(weight, 2), u256_cmp(weight, '27') from vote "
             "order by proposal, voter",
             "select decimal_add(price, '0.1'), decimal_div(price, 3, 4) from vote order by "
             "proposal, voter",
             "select proposal from vote where small > 1.5 and small < 64.0 order by 1, voter",
             "select proposal from vote where price > '1.00001' order by 1, voter",
             "select proposal from vote where price is '8' order by 1, voter",
             "select proposal from vote where weight is null",
             "select count(*) from vote where weight is not null and at = null",
             "select state, count(*) from vote where state > 'b' group by state order by state",
             "select open, avg(small) from vote where open group by open",
             "select distinct support from vote order by support desc",
             "select count(*) from vote where at >= -5 and small >= -100000000000",
             "select count(*) from vote where support < 300 and support > -1 and weight > -1",
             "select count(*) from vote where support in (1, 8, 300, null)",
             "select note || '!' from vote where note >= 'a' and note < 'b' order by 1",
             "select data from vote where data between '0x01' and '0x04FF' order by 1",
             "select data from vote where data > '0x0' and data < '0x05' order by 1",
             "select (select max(weight) from vote v where v.voter = w.account) from voter w order "
             "by account",
             "select proposal from vote union select u256_add(votes, 0) from voter order by 1",
         }) {
        const auto ours = world.ask(sql);
        const auto theirs = plain.ask(sql);
        ASSERT_OK(theirs);
        if (sql.find("upper('0xnope')") != std::string::npos) {
            // An address that is none: refused, or compared as the text it is.
            EXPECT_TRUE(!ours || *ours == *theirs);
            continue;
        }
        ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
        EXPECT_EQ(*ours, *theirs) << sql;
    }
}

TEST(SqlTest, NumbersAtTheEndsOfTheirTypesAreExact) {
    RowWorld rows{{vote_layout(), voter_layout()}};
    const std::string a = evm::to_hex(storage::test::address_of(1));
    const std::string b = evm::to_hex(storage::test::address_of(2));
    rows.put(1, {a, "a", "1", kMost});
    rows.put(1, {b, "b", "2", "9"});
    rows.commit();
    const std::shared_ptr<const storage::ReadView> view = rows.database->read_view();
    const auto session = Session::open(view, nullptr).value();
    const auto one = [&](const std::string& sql) {
        Lines lines;
        const Status done = session->run(view, sql, {}, lines);
        return !done ? done.error().message : lines.lines.empty() ? "" : lines.lines.front();
    };
    const std::string most = '"' + std::string{kMost} + "\" ";
    EXPECT_EQ(one("select max(power) from voter"), most);
    EXPECT_EQ(one("select power from voter order by power desc"), most);
    EXPECT_EQ(one("select min(power) from voter"), "\"9\" ");
    EXPECT_EQ(
        one("select sum(power) from voter"),
        "\"115792089237316195423570985008687907853269984665640564039457584007913129639944\" ");
    EXPECT_EQ(one("select count(*) from voter where power > '1000000000000000000'"), "1 ");
    EXPECT_EQ(one("select count(*) from voter where power = '" + std::string{kMost} + "'"), "1 ");
    EXPECT_EQ(one("select count(*) from voter where power > '" + std::string{kMost} + "'"), "0 ");
    EXPECT_EQ(one("select count(*) from voter where power <= '1" + std::string{kMost} + "'"), "2 ");
    EXPECT_EQ(
        one("select u256_sub(power, '1') from voter where account = '" + a + "'"),
        "\"115792089237316195423570985008687907853269984665640564039457584007913129639934\" ");
    // Everything that SQL's own rules would compare wrongly in silence.
    for (const std::string wrong :
         {"power > 1e18", "power > 1.5", "power = '0x9'", "power = '09'", "power = 'nine'",
          "power = '1e18'", "power = 115792089237316195423570985008687907853269984665640564",
          "power > 9223372036854775808", "power = x'09'", "(power = 'x' or votes = 3)",
          "power between '1e3' and '9'", "power in ('9', '0x9')", "account = '0x12'",
          "account = 12", "votes > 1.00000000000000000001", "votes = 'x'"}) {
        Lines lines;
        const Status done =
            session->run(view, "select count(*) from voter where " + wrong, {}, lines);
        ASSERT_FALSE(done) << wrong << " gave " << lines.lines.front();
        EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument) << wrong;
        EXPECT_THAT(done.error().message, testing::AnyOf(HasSubstr("compared"), HasSubstr("text"),
                                                         HasSubstr("is not a value")))
            << wrong;
    }
}

/// Rows read for an answer are hardly more than its rows, where a key or index serves.
TEST(SqlTest, OnlyRowsOfTheAnswerAreReadWhereAKeyOrIndexServes) {
    SqlWorld world{11, 250};
    const std::string voter =
        "'" +
        engine::value_to_text(
            field("x", "address").type,
            engine::parse_value(field("x", "address").type, world.world.rows[0][5][1]).value()) +
        "'";
    const std::string proposal = "'" + world.world.rows[0][5][0] + "'";
    for (const std::string& sql : {
             "select * from vote where proposal = " + proposal,
             "select * from vote where proposal = " + proposal + " and voter = " + voter,
             "select * from vote where voter = " + voter,
             "select * from vote where voter = upper(" + voter + ") limit 2",
             std::string{"select * from vote where proposal > '8' and proposal <= '64'"},
             std::string{"select * from vote where proposal in ('8', '1', '27')"},
             std::string{"select * from vote order by proposal desc limit 3"},
             std::string{"select * from vote order by at limit 3"},
             std::string{"select * from vote where support = 8 order by weight desc limit 2"},
             std::string{"select * from vote where support = 8 and weight >= '27'"},
             std::string{"select * from vote where note = 'ab'"},
             std::string{"select * from vote where price < '1'"},
             std::string{"select * from vote where state = 'closed'"},
         }) {
        const auto answer = world.ask(sql);
        ASSERT_TRUE(answer) << sql << ": " << message_of(answer);
        EXPECT_LE(world.session->visited(), answer->size() * 11 / 10 + 1) << sql;
    }
    ASSERT_OK(world.ask("select max(proposal) from vote"));
    EXPECT_LE(world.session->visited(), 2U);
}

/// In processor time of this thread, so that other work of the machine does not count.
TEST(SqlTest, APointQuestionTakesLessThanAMillisecond) {
    SqlWorld world{12, 250};
    constexpr int kQuestions = 300;
    const auto spent_ns = [] {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return now.tv_sec * 1'000'000'000 + now.tv_nsec;
    };
    const int64_t before = spent_ns();
    for (int i = 0; i < kQuestions; ++i) {
        const auto& row = world.world.rows[0][static_cast<size_t>(i) % world.world.rows[0].size()];
        const auto answer = world.ask("select * from vote where proposal = '" + row[0] +
                                      "' and voter = '" + row[1] + "'");
        ASSERT_TRUE(answer) << message_of(answer);
        ASSERT_EQ(answer->size(), 1U);
    }
    EXPECT_LT((spent_ns() - before) / kQuestions, 1'000'000);
}

TEST(SqlTest, WhatIsNoSelectIsRefused) {
    SqlWorld world{1, 5};
    for (const std::string wrong : {
             "insert into vote(proposal) values (1)",
             "delete from vote",
             "update vote set note = 1",
             "create table x(a)",
             "create view x as select 1",
             "drop table vote",
             "attach 'x.db' as x",
             "attach ':memory:' as x",
             "detach main",
             "vacuum",
             "vacuum into '/tmp/x.db'",
             "pragma user_version",
             "pragma writable_schema = on",
             "pragma temp_store_directory = '/'",
             "begin",
             "commit",
             "rollback",
             "savepoint x",
             "reindex",
             "analyze",
             "select load_extension('x.so')",
             "select * from pragma_table_list",
             "select fts3_tokenizer('x')",
             "select randomblob(10)",
             "select zeroblob(10)",
             "create virtual table x using fts5(a)",
             "create temp table x(a)",
             "alter table vote "
             "rename to x",
             "select 1; select 2",
             "select 1; drop table vote",
             "",
             ";",
             "nonsense",
             "select * from nowhere",
             "select \"x\" from vote",
             "select nope(1)",
             "select * from vote where voter match 'x'",
             "explain",
             "explain select 1",
             "explain query plan select voter from vote",
             "values",
         }) {
        const auto answer = world.ask(wrong);
        ASSERT_FALSE(answer) << wrong;
        EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument) << wrong;
    }
    EXPECT_OK(world.ask("select 1;  -- and nothing more"));
}

TEST(SqlTest, WholeNumbersAreExactUpToTheirRangeAndAnErrorSaysWhichItLeft) {
    SqlWorld world{1, 5};
    const std::string max256 =
        "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    const std::string max255 =
        "57896044618658097711785492504343953926634992332820282019728792003956564819967";
    EXPECT_OK(world.ask(fmt::format("select u256_mul('{}', '{}')", max255, max256)));
    const auto why = [&](const std::string& call) {
        const auto answer = world.ask("select " + call);
        return answer ? "" : answer.error().message;
    };
    EXPECT_THAT(why(fmt::format("u256_mul('{0}', '{0}')", max256)),
                testing::HasSubstr("not from -2^511 to 2^511 - 1"));
    EXPECT_THAT(why("u256_div(5, 0)"), testing::EndsWith("divided by zero"));
    EXPECT_THAT(why("u256_mod(5, 0)"), testing::EndsWith("divided by zero"));
}

TEST(SqlTest, AStatementThatTakesTooLongOrTooMuchIsEnded) {
    SqlWorld world{1, 200};
    limit_sqlite_memory(size_t{64} << 20);
    for (const std::string bomb : {
             "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from "
             "n",
             "select count(*) from vote a, vote b, vote c, vote d, vote e",
             "select * from vote a, vote b, vote c order by a.note || b.note || c.note",
             "with recursive n(s) as (select 'x' union all select s || s from n) select length(s) "
             "from n",
             "select group_concat(a.note || b.note || c.note) from vote a, vote b, vote c",
             "with recursive n(i) as (select 1 union select i + 1 from n) select * from n order by "
             "i",
         }) {
        const int64_t end_ms = system_clock().monotonic_ms() + 300;
        RunOptions options;
        options.should_stop = [end_ms] { return system_clock().monotonic_ms() >= end_ms; };
        Lines lines;
        const Status done = world.session->run(world.view, bomb, options, lines);
        ASSERT_FALSE(done) << bomb;
        EXPECT_TRUE(done.error().code == ErrorCode::kTimeout ||
                    done.error().code == ErrorCode::kTooLarge)
            << bomb << ": " << done.error().message;
    }
    const auto deep = [](size_t depth) {
        return "select " + std::string(depth, '(') + "1" + std::string(depth, ')');
    };
    EXPECT_FALSE(world.ask(deep(5'000)));
    EXPECT_ERROR(world.ask("select '" + std::string(200'000, 'x') + "'"), ErrorCode::kTooLarge);
    EXPECT_FALSE(world.ask("select 'x' like '" + std::string(500, '%') + "'"));
    // And it goes on.
    EXPECT_OK(world.ask("select count(*) from vote"));
    limit_sqlite_memory(0);
}

/// It is planned more than once, and each time asks whether to go on.
TEST(SqlTest, WhereverAStatementIsStoppedItIsToldAsOneThatTookTooLong) {
    SqlWorld world{1, 20};
    for (size_t last = 1;; ++last) {
        ASSERT_LT(last, 100'000U);
        size_t asked = 0;
        RunOptions options;
        options.should_stop = [&] { return ++asked >= last; };
        Lines lines;
        const Status done = world.session->run(
            world.view,
            "select a.note, count(*) from vote a, vote b where a.note <> b.note group by a.note "
            "order by 2",
            options, lines);
        if (done) {
            EXPECT_GT(last, 4U);
            break;
        }
        ASSERT_EQ(done.error().code, ErrorCode::kTimeout) << last << ": " << done.error().message;
    }
}

TEST(SqlTest, ParametersAreValuesAndNeverText) {
    SqlWorld world{1, 40};
    const auto answer = world.ask("select count(*) from vote where weight >= ? and note <> ?2",
                                  {std::string{"0"}, std::string{"' or 1 = 1"}});
    ASSERT_OK(answer);
    EXPECT_EQ(answer->front(), "40 ");
    EXPECT_ERROR(world.ask("select ?", {}), ErrorCode::kInvalidArgument);
    EXPECT_ERROR(world.ask("select count(*) from vote where weight > ?", {1.5}),
                 ErrorCode::kInvalidArgument);
}

TEST(SqlTest, WhereANameIsNotKnownTheNearOneIsNamed) {
    SqlWorld world{1, 4};
    const auto refusal = [&](const std::string& sql) {
        const auto answer = world.ask(sql);
        return answer ? std::string{"taken"} : answer.error().message;
    };
    EXPECT_THAT(refusal("select * from votes"),
                testing::StartsWith("no such table: votes; did you mean 'vote'? known: vote, "));
    EXPECT_THAT(refusal("select * from main.nobody"),
                testing::StartsWith("no such table: main.nobody; known: vote, "));
    EXPECT_EQ(refusal("select v.wieght from vote v"),
              "no such column: v.wieght; did you mean 'weight'?");
    EXPECT_EQ(refusal("select zzzzzz from vote"), "no such column: zzzzzz");
}

TEST(SqlTest, LiteralsThatWouldBeRoundedAreFoundWhereverTheyStand) {
    for (const std::string right :
         {"select 9223372036854775807", "select '9223372036854775808'", "select 1.5, .5, 1e18",
          "select \"9223372036854775808\"", "select [9223372036854775808]",
          "select 1 -- 9223372036854775808", "select 1 /* 9223372036854775808 */",
          "select a9223372036854775808", "select 0x7fffffffffffffff", "select 1.23456789012345",
          "select 'it''s 9223372036854775808'", "select 000000000000000000000000001"}) {
        EXPECT_OK(check_literals(right));
    }
    for (const std::string wrong :
         {"select 9223372036854775808", "select 1,99999999999999999999",
          "select 1.0000000000000001", "select .12345678901234567", "select a=18446744073709551615",
          "select 12345678901234567e3", "select 1e999", "select 1e-999"}) {
        EXPECT_FALSE(check_literals(wrong)) << wrong;
    }
}

}  // namespace

}  // namespace plumbline::query::sql::sql_test
