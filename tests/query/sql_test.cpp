// SQL over the index, held against the same rows in plain SQLite tables.
#include <algorithm>
#include <random>
#include <set>

#include <sqlite3.h>

#include "core/base/clock.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/session.hpp"
#include "query/sql/value_text.hpp"
#include "tests/query/row_world.hpp"
#include "tests/support/property_test.hpp"

namespace plumbline::query::sql::sql_test {

namespace {

using query::test::RowWorld;
using query::test::TextRow;
using storage::EntityLayout;
using storage::Field;
using storage::FieldKind;
using storage::test::field;
using storage::test::message_of;
using testing::HasSubstr;

constexpr const char* kMost =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

EntityLayout vote_layout() {
    EntityLayout out;
    out.name = "vote";
    out.key = {field("proposal", "uint256"), field("voter", "address")};
    out.fields = {field("support", "uint8"),    field("weight", "uint256"),
                  field("at", "uint64"),        field("note", "string"),
                  field("price", "decimal(4)"), field("change", "int128"),
                  field("small", "int32"),      field("open", "bool"),
                  field("tag", "bytes4"),       field("data", "bytes")};
    out.fields.push_back(
        {"state", {FieldKind::kEnum, 8, 0, false, storage::intern_enum({"open", "closed", "a"})}});
    out.indexes = {{1}, {2, 3}, {4}, {5}, {6, 7}, {12}};
    return out;
}

EntityLayout voter_layout() {
    EntityLayout out;
    out.name = "voter";
    out.key = {field("account", "address")};
    out.fields = {field("name", "string"), field("votes", "uint32"), field("power", "uint256")};
    out.indexes = {{2}, {3}};
    return out;
}

bool is_uint64(storage::FieldType type) {
    return type.kind == FieldKind::kUint && type.bits == 64;
}

/// All rows of an answer as text, a line each.
class Lines final : public RowSink {
  public:
    Status on_columns(const std::vector<std::string>& names) override {
        columns = names;
        return ok();
    }
    Status on_row(std::span<const Value> row) override {
        std::string line;
        for (const Value& value : row) {
            append_json(line, value);
            line += ' ';
        }
        lines.push_back(std::move(line));
        return ok();
    }
    std::vector<std::string> columns;
    std::vector<std::string> lines;
};

/// The same rows in tables of SQLite's own, with our collation and functions.
class PlainTables {
  public:
    explicit PlainTables(const RowWorld& world) {
        EXPECT_EQ(sqlite3_open(":memory:", &connection_.db), SQLITE_OK);
        EXPECT_OK(add_functions(connection_));
        for (size_t i = 0; i < world.layouts().size(); ++i) {
            fill(world.layouts()[i], world.rows[i]);
        }
    }
    PlainTables(const PlainTables&) = delete;
    PlainTables& operator=(const PlainTables&) = delete;
    ~PlainTables() { sqlite3_close_v2(connection_.db); }

    Result<std::vector<std::string>> ask(const std::string& sql) {
        sqlite3_stmt* statement = nullptr;
        connection_.refused.reset();
        if (sqlite3_prepare_v2(connection_.db, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
            return sqlite_error(connection_.db, sql);
        }
        std::vector<std::string> out;
        int code = 0;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            std::string line;
            for (int i = 0; i < sqlite3_column_count(statement); ++i) {
                const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
                switch (sqlite3_column_type(statement, i)) {
                    case SQLITE_INTEGER:
                        append_json(line, int64_t{sqlite3_column_int64(statement, i)});
                        break;
                    case SQLITE_FLOAT:
                        append_json(line, sqlite3_column_double(statement, i));
                        break;
                    case SQLITE_NULL: append_json(line, std::monostate{}); break;
                    default: append_json(line, std::string{text}); break;
                }
                line += ' ';
            }
            out.push_back(std::move(line));
        }
        const bool is_done = code == SQLITE_DONE && !connection_.refused;
        const Error error = sqlite_error(connection_.db, sql);
        sqlite3_finalize(statement);
        return is_done ? Result<std::vector<std::string>>{std::move(out)} : error;
    }

  private:
    void run(const std::string& sql) {
        char* message = nullptr;
        ASSERT_EQ(sqlite3_exec(connection_.db, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
            << sql << ": " << message;
    }
    void fill(const EntityLayout& layout, const std::vector<TextRow>& rows) {
        std::string sql = "create table " + layout.name + "(";
        for (size_t i = 0; i < layout.column_count(); ++i) {
            const storage::FieldType type = layout.column(i).type;
            const bool is_integer =
                type.kind == FieldKind::kBool || (type.is_integer() && type.bits <= 64);
            const bool is_hex = type.kind == FieldKind::kAddress ||
                                type.kind == FieldKind::kFixedBytes ||
                                type.kind == FieldKind::kBytes;
            sql += (i == 0 ? "" : ", ") + layout.column(i).name +
                   (is_uint64(type) ? ""
                    : is_integer    ? " integer"
                                    : " text") +
                   (is_wide(type) || is_uint64(type) ? " collate u256"
                    : is_hex                         ? " collate nocase"
                                                     : "");
        }
        run(sql + ")");
        for (const TextRow& row : rows) {
            sql = "insert into " + layout.name + " values (";
            for (size_t i = 0; i < row.size(); ++i) {
                const storage::FieldType type = layout.column(i).type;
                std::string text =
                    engine::value_to_text(type, engine::parse_value(type, row[i]).value());
                if (type.kind == FieldKind::kBool) {
                    text = text == "true" ? "1" : "0";
                }
                // Numbers from 2^63 on would become floats.
                const bool is_bare = is_uint64(type) && text.size() < 19;
                sql += (i == 0 ? "" : ", ") + (is_bare ? text : "'" + text + "'");
            }
            run(sql + ")");
        }
    }

    Connection connection_;
};

struct SqlWorld {
    explicit SqlWorld(uint64_t seed, size_t votes = 150) : world{{vote_layout(), voter_layout()}} {
        std::mt19937_64 random{seed};
        world.fill(0, random, votes);
        world.fill(1, random, 6);
        view = world.database->read_view();
        session = Session::open(view, nullptr).value();
    }
    Result<std::vector<std::string>> ask(const std::string& sql, std::vector<Value> values = {}) {
        Lines lines;
        RunOptions options;
        options.parameters = std::move(values);
        PLUMBLINE_TRY_VOID(session->run(view, sql, options, lines));
        return lines.lines;
    }
    RowWorld world;
    std::shared_ptr<const storage::ReadView> view;
    std::unique_ptr<Session> session;
};

std::string literal(std::mt19937_64& random, const Field& column) {
    return "'" + query::test::random_text(random, column.type) + "'";
}

/// A random condition on a column; literals in every shape that is right.
std::string random_condition(std::mt19937_64& random, const EntityLayout& layout) {
    const Field& column = layout.column(random() % layout.column_count());
    const auto value = [&]() -> std::string {
        if (column.type.kind == FieldKind::kBool) {
            return random() % 2 == 0 ? "1" : "0";
        }
        std::string text = literal(random, column);
        if (column.type.is_integer() && text.size() < 18 &&
            (is_uint64(column.type) || random() % 2 == 0)) {
            return text.substr(1, text.size() - 2);
        }
        return text;
    };
    constexpr const char* kCompares[] = {"=", "<>", "<", "<=", ">", ">="};
    // SQLite itself makes a float of a number from 2^63 on in the list of an integer column, which
    // is then refused.
    switch (is_uint64(column.type) ? 1 + random() % 5 : random() % 6) {
        case 0: return fmt::format("{} in ({}, {}, {})", column.name, value(), value(), value());
        case 1: return fmt::format("{} between {} and {}", column.name, value(), value());
        case 2: return fmt::format("({0} = {1} or {0} > {2})", column.name, value(), value());
        default: return fmt::format("{} {} {}", column.name, kCompares[random() % 6], value());
    }
}

std::string random_statement(std::mt19937_64& random, const EntityLayout& layout) {
    std::string where;
    for (size_t i = random() % 4; i > 0; --i) {
        where += (where.empty() ? " where " : " and ") + random_condition(random, layout);
    }
    const Field& a = layout.column(random() % layout.column_count());
    const Field& b = layout.column(random() % layout.column_count());
    std::string keys;
    for (const Field& key : layout.key) {
        keys += ", " + key.name;
    }
    const char* down = random() % 2 == 0 ? " desc" : "";
    switch (random() % 7) {
        case 0:
            return fmt::format("select count(*), min({0}), max({0}) from {1}{2}", a.name,
                               layout.name, where);
        case 1:
            return fmt::format("select {0}, count(*) from {1}{2} group by {0} order by {0}{3}",
                               a.name, layout.name, where, down);
        case 2:
            return fmt::format("select distinct {0} from {1}{2} order by 1{3}", a.name, layout.name,
                               where, down);
        case 3:
            return fmt::format("select * from {0}{1} order by {2}{3}{4} limit {5} offset {6}",
                               layout.name, where, a.name, down, keys, random() % 20, random() % 5);
        case 4:
            return fmt::format("select {2}, {3} from {0}{1} order by {2}{4}, {3}{4}{5}",
                               layout.name, where, a.name, b.name, down, keys);
        case 5: return fmt::format("select max({0}) from {1}{2}", a.name, layout.name, where);
        default:
            return fmt::format("select * from {}{} order by {}", layout.name, where,
                               keys.substr(2));
    }
}

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
            ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
            ASSERT_TRUE(theirs) << sql << ": " << message_of(theirs);
            ASSERT_EQ(*ours, *theirs) << sql;
        }
    }
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
             "select proposal from vote union select votes from voter order by 1",
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
             "values",
         }) {
        const auto answer = world.ask(wrong);
        ASSERT_FALSE(answer) << wrong;
        EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument) << wrong;
    }
    EXPECT_OK(world.ask("select 1;  -- and nothing more"));
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
          "select 12345678901234567e3"}) {
        EXPECT_FALSE(check_literals(wrong)) << wrong;
    }
}

}  // namespace

}  // namespace plumbline::query::sql::sql_test
