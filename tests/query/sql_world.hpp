// An index made up for SQL, the same rows in plain SQLite tables, and statements that both are
// asked. `Random` gives numbers as std::mt19937_64 does: a generator, or the bytes of a fuzzer.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "query/sql/connection.hpp"
#include "query/sql/session.hpp"
#include "query/sql/value_text.hpp"
#include "tests/query/row_world.hpp"

namespace plumbline::query::sql::test {

using query::test::RowWorld;
using query::test::TextRow;
using storage::EntityLayout;
using storage::Field;
using storage::FieldKind;
using storage::test::field;

inline EntityLayout vote_layout() {
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
    out.fields.push_back(field("rest", "uint256"));
    out.fields.push_back(field("paid", "decimal(6)"));
    for (size_t i = out.fields.size() - 2; i < out.fields.size(); ++i) {
        out.fields[i].type.optional = true;
    }
    out.indexes = {{1}, {2, 3}, {4}, {5}, {6, 7}, {12}};
    return out;
}

inline EntityLayout voter_layout() {
    EntityLayout out;
    out.name = "voter";
    out.key = {field("account", "address")};
    out.fields = {field("name", "string"), field("votes", "uint32"), field("power", "uint256")};
    out.indexes = {{2}, {3}};
    return out;
}

/// As SQL takes any name.
inline std::string quoted(const Field& column) {
    return '"' + column.name + '"';
}

inline bool is_uint64(storage::FieldType type) {
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
        std::string sql = "create table \"" + layout.name + "\"(";
        for (size_t i = 0; i < layout.column_count(); ++i) {
            const storage::FieldType type = layout.column(i).type;
            const bool is_integer =
                type.kind == FieldKind::kBool || (type.is_integer() && type.bits <= 64);
            const bool is_hex = type.kind == FieldKind::kAddress ||
                                type.kind == FieldKind::kFixedBytes ||
                                type.kind == FieldKind::kBytes;
            sql += (i == 0 ? "" : ", ") + quoted(layout.column(i)) +
                   (is_uint64(type) ? ""
                    : is_integer    ? " integer"
                                    : " text") +
                   (is_wide(type) || is_uint64(type) ? " collate u256"
                    : is_hex                         ? " collate nocase"
                                                     : "");
        }
        run(sql + ")");
        for (const TextRow& row : rows) {
            sql = "insert into \"" + layout.name + "\" values (";
            for (size_t i = 0; i < row.size(); ++i) {
                if (row[i] == query::test::kNull) {
                    sql += ", null";
                    continue;
                }
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

/// A uint64 from 2^63 on stands where SQLite makes a double of it: in an `or`.
inline bool is_refused_uint64(const Result<std::vector<std::string>>& answer,
                              const std::string& sql) {
    return !answer && sql.find(" or ") != std::string::npos &&
           answer.error().message.find("in floating point") != std::string::npos;
}

struct SqlWorld {
    explicit SqlWorld(uint64_t seed, size_t votes = 150)
        : SqlWorld{{vote_layout(), voter_layout()}, seed, {votes, 6}} {}
    /// Of each layout so many rows, as far as their keys differ.
    SqlWorld(std::vector<EntityLayout> layouts, uint64_t seed, const std::vector<size_t>& counts)
        : world{std::move(layouts)} {
        std::mt19937_64 random{seed};
        for (size_t i = 0; i < counts.size(); ++i) {
            world.fill(i, random, counts[i]);
        }
        view = world.database->read_view();
        session = Session::open(view, nullptr).value();
    }
    Result<std::vector<std::string>> ask(const std::string& sql, std::vector<Value> values = {},
                                         std::map<std::string, Value> named = {}) {
        Lines lines;
        RunOptions options;
        options.parameters = std::move(values);
        options.named = std::move(named);
        PLUMBLINE_TRY_VOID(session->run(view, sql, options, lines));
        return lines.lines;
    }
    RowWorld world;
    std::shared_ptr<const storage::ReadView> view;
    std::unique_ptr<Session> session;
};

template <typename Random>
std::string literal(Random& random, const Field& column) {
    return "'" + query::test::random_text(random, column.type) + "'";
}

/// A random condition on a column; literals in every shape that is right.
template <typename Random>
std::string random_condition(Random& random, const EntityLayout& layout) {
    const Field& column = layout.column(random() % layout.column_count());
    const std::string name = quoted(column);
    if (column.type.optional && random() % 4 == 0) {
        return name + (random() % 2 == 0 ? " is null" : " is not null");
    }
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
        case 0: return fmt::format("{} in ({}, {}, {})", name, value(), value(), value());
        case 1: return fmt::format("{} between {} and {}", name, value(), value());
        case 2: return fmt::format("({0} = {1} or {0} > {2})", name, value(), value());
        default: return fmt::format("{} {} {}", name, kCompares[random() % 6], value());
    }
}

/// Its answer is in one order.
template <typename Random>
std::string random_statement(Random& random, const EntityLayout& layout) {
    std::string where;
    for (size_t i = random() % 4; i > 0; --i) {
        where += (where.empty() ? " where " : " and ") + random_condition(random, layout);
    }
    const std::string table = '"' + layout.name + '"';
    const Field& first = layout.column(random() % layout.column_count());
    const std::string a = quoted(first);
    const std::string b = quoted(layout.column(random() % layout.column_count()));
    std::string keys;
    for (const Field& key : layout.key) {
        keys += ", " + quoted(key);
    }
    const char* down = random() % 2 == 0 ? " desc" : "";
    switch (random() % 7) {
        case 0:
            return fmt::format("select count(*), min({0}), max({0}) from {1}{2}", a, table, where);
        case 1:
            return fmt::format("select {0}, count(*) from {1}{2} group by {0} order by {0}{3}", a,
                               table, where, down);
        case 2:
            return fmt::format("select distinct {0} from {1}{2} order by 1{3}", a, table, where,
                               down);
        case 3:
            return fmt::format("select * from {0}{1} order by {2}{3}{4} limit {5} offset {6}",
                               table, where, a, down, keys, random() % 20, random() % 5);
        case 4:
            return fmt::format("select {2}, {3} from {0}{1} order by {2}{4}, {3}{4}{5}", table,
                               where, a, b, down, keys);
        case 5:
            return first.type.is_number()
                       ? fmt::format("select max({0}), sum({0}) from {1}{2}", a, table, where)
                       : fmt::format("select max({0}) from {1}{2}", a, table, where);
        default: return fmt::format("select * from {}{} order by {}", table, where, keys.substr(2));
    }
}

}  // namespace plumbline::query::sql::test
