// Null in the rows and in the question, held against plain SQLite tables.
#include <random>

#include "tests/query/sql_world.hpp"

namespace plumbline::query::sql::null_test {

namespace {

using namespace plumbline::query::sql::test;
using storage::test::message_of;

constexpr size_t npos = std::string::npos;

/// A column of every type that may be null, half of them in an index.
EntityLayout sparse_layout() {
    EntityLayout out;
    out.name = "sparse";
    out.key = {field("id", "uint32")};
    out.fields = {field("w", "uint256"), field("x", "int256"),  field("d", "decimal(4)"),
                  field("t", "uint64"),  field("i", "int64"),   field("s", "uint8"),
                  field("h", "address"), field("f", "bytes4"),  field("b", "bytes"),
                  field("n", "string"),  field("open", "bool"), field("w2", "uint256"),
                  field("t2", "uint64"), field("n2", "string")};
    out.fields.push_back(
        {"state", {FieldKind::kEnum, 8, 0, false, storage::intern_enum({"open", "closed", "a"})}});
    for (Field& column : out.fields) {
        column.type.optional = true;
    }
    out.indexes = {{1}, {3}, {4}, {7, 8}, {9}, {10}, {11}, {15, 1}};
    return out;
}

/// `text` with `place` for every "@".
std::string with(const std::string& text, const std::string& place) {
    std::string out;
    for (const char c : text) {
        out += c == '@' ? place : std::string{c};
    }
    return out;
}

class NullTest : public ::testing::Test {
  protected:
    void expect_same(const std::string& sql) { expect_same(sql, sql); }
    void expect_same(const std::string& sql, const std::string& plain_sql,
                     const std::vector<Value>& values = {}) {
        const auto ours = world_.ask(sql, values);
        const auto theirs = plain_.ask(plain_sql);
        ASSERT_TRUE(ours) << sql << ": " << message_of(ours);
        ASSERT_TRUE(theirs) << plain_sql << ": " << message_of(theirs);
        EXPECT_EQ(*ours, *theirs) << sql;
    }

    SqlWorld world_{{sparse_layout()}, 5, {80}};
    PlainTables plain_{world_.world};
};

TEST_F(NullTest, IsOfANullFindsWhatIsNullHoweverTheNullIsWritten) {
    const EntityLayout layout = sparse_layout();
    for (const Field& column : layout.fields) {
        for (const char* question :
             {"select id from sparse where @ is # order by id",
              "select id from sparse where @ is not distinct from # order by id",
              "select id from sparse where # is @ and id < 40 order by id",
              "select id from sparse where (@, s) is (#, 3) order by id",
              "select id from sparse where (id, @) is (7, #) order by id",
              "select count(*) from sparse where @ is #", "select count(*) from sparse where @ = #",
              "select id from sparse where @ is not # order by id",
              "select id from sparse where @ is distinct from # order by id",
              "select count(*) from (select # as v) q left join sparse on @ is q.v"}) {
            std::string sql = with(question, column.name);
            const size_t gap = sql.find('#');
            for (const char* null : {"null", "(select null)", "nullif(1, 1)"}) {
                expect_same(std::string{sql}.replace(gap, 1, null));
            }
            expect_same(std::string{sql}.replace(gap, 1, "?"),
                        std::string{sql}.replace(gap, 1, "null"), {std::monostate{}});
        }
    }
}

TEST_F(NullTest, AColumnThatMayBeNullIsComparedWithAnyValueAsOneThatMayNot) {
    std::mt19937_64 random{11};
    const EntityLayout layout = sparse_layout();
    for (const Field& column : layout.fields) {
        for (int i = 0; i < 8; ++i) {
            std::string low = literal(random, column);
            if (column.type.kind == FieldKind::kBool) {
                low = low == "'true'" ? "1" : "0";
            } else if (is_uint64(column.type) && low.size() < 18) {
                low = low.substr(1, low.size() - 2);  // The plain column has no affinity.
            }
            for (const char* compare : {"< #", "<= #", "> #", ">= #", "= #", "<> #",
                                        "between # and #", "not between # and #"}) {
                std::string sql = with("select id from sparse where @ ", column.name) + compare;
                for (size_t at = sql.find('#'); at != npos; at = sql.find('#')) {
                    sql.replace(at, 1, low);
                }
                expect_same(sql + " order by id");
            }
        }
    }
    // No value of the column, but with a place among them.
    for (const char* text : {"", "0", "0x", "0x0", "0x00", "0x7", "0x7F", "0x80000000",
                             "0x8000000000", "0xff", "0xffffffffff", "0xg", "0x1!", "1x", "~"}) {
        for (const char* name : {"h", "f", "b"}) {
            for (const char* compare : {"<", "<=", ">", ">="}) {
                expect_same(fmt::format("select id from sparse where {} {} '{}' order by id", name,
                                        compare, text),
                            fmt::format("select id from sparse where {} {} lower('{}') order by id",
                                        name, compare, text));
            }
        }
    }
}

TEST_F(NullTest, NullsComeFirstOrLastAsTheOrderSays) {
    const EntityLayout layout = sparse_layout();
    for (const Field& column : layout.fields) {
        for (const char* order : {"@ nulls last", "@ nulls first", "@ desc nulls first",
                                  "@ desc nulls last", "s desc nulls first, @ nulls last"}) {
            expect_same(with(std::string{"select id, @ from sparse order by "} + order + ", id",
                             column.name));
        }
        expect_same(with("select id, rank() over (order by @ nulls last) from sparse order by id",
                         column.name));
    }
    expect_same("select id from sparse order by w collate u256 nulls last, id");
    expect_same("select id from sparse order by coalesce(w, x) collate u256 desc nulls first, id");
    EXPECT_FALSE(world_.ask("select id from sparse order by coalesce(w, x) nulls last"));
}

TEST_F(NullTest, RowsAreJoinedByIsWithNullsAndWithoutThem) {
    const EntityLayout layout = sparse_layout();
    for (const Field& column : layout.fields) {
        for (const char* question :
             {"select a.id, b.id from sparse a join sparse b on a.@ is b.@ order by 1, 2",
              "select a.id, b.id from sparse a left join sparse b on b.@ is a.@ and b.id <> a.id "
              "order by 1, 2",
              "select a.id from sparse a where exists (select 1 from sparse b where b.@ is a.@ and "
              "b.id <> a.id) order by 1",
              "select a.id from sparse a left join sparse b on a.id = b.id and b.@ is a.@ where "
              "b.id is null",
              "select a.id, (select count(*) from sparse b where b.@ is a.@) from sparse a order "
              "by 1",
              "select count(*) from sparse where @ in (null)",
              "select count(*) from sparse where @ in (select @ from sparse)",
              "select count(*) from sparse where @ not in (select @ from sparse)",
              "select count(*) from sparse a left join sparse b on b.@ is null and b.id = a.id"}) {
            // A uint64 from 2^63 on in an `in` is refused.
            if (!is_uint64(column.type) || std::string{question}.find(" in (select") == npos) {
                expect_same(with(question, column.name));
            }
        }
    }
    expect_same("select a.id, b.id from sparse a join sparse b on a.w is b.w2 order by 1, 2");
    // What an outer join's ON says of the left table leaves none of its rows out.
    for (const char* left : {"a.id <> 3", "a.w <> '1'", "a.id not in (3)", "a.w is not null",
                             "a.id <> 3 and b.id <> 4"}) {
        expect_same(
            fmt::format("select a.id, b.id from sparse a left join sparse b on a.id = b.id "
                        "and {} order by 1, 2",
                        left));
    }
    expect_same("select a.id, b.id from sparse a join sparse b on a.n is b.n2 order by 1, 2");
}

}  // namespace

}  // namespace plumbline::query::sql::null_test
