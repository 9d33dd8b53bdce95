// SQL over calculated numbers of any size, held against PostgreSQL with `numeric` columns: every
// answer is the same or refused.
#include <cstdlib>
#include <fstream>
#include <map>

#include "query/sql/number.hpp"
#include "query/sql/session.hpp"
#include "tests/query/typed_statement.hpp"
#include "tests/query/typed_world.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/property_test.hpp"

namespace plumbline::query::sql::typed_sql_test {

namespace {

using namespace plumbline::query::sql::test;
using plumbline::test::Postgres;
using query::test::kNull;
using query::test::RowWorld;
using query::test::TextRow;

constexpr const char* kNothing = "(nothing)";

/// The one form of a number; another text as it is.
std::string in_one_form(std::string text) {
    const std::string_view digits{text};
    if (const size_t point = text.find('.');
        point != std::string::npos && is_canonical(digits.substr(0, point))) {
        text.erase(text.find_last_not_of('0') + 1);
        text.erase(text.find_last_not_of('.') + 1);
        return text == "-0" ? "0" : text;
    }
    return text;
}

std::string shown(const Value& value) {
    struct Show {
        std::string operator()(std::monostate /*null*/) const { return kNothing; }
        std::string operator()(int64_t number) const { return std::to_string(number); }
        std::string operator()(double number) const {
            const std::string text = fmt::format("{:.17g}", number);
            return text.find('e') == std::string::npos ? in_one_form(text) : text;
        }
        std::string operator()(const std::string& text) const { return in_one_form(text); }
        std::string operator()(const Blob& blob) const { return blob.bytes; }
    };
    return std::visit(Show{}, value);
}

class Rows final : public RowSink {
  public:
    Status on_columns(const std::vector<std::string>& /*names*/) override { return ok(); }
    Status on_row(std::span<const Value> row) override {
        std::string line;
        for (const Value& value : row) {
            line += (line.empty() ? "" : "|") + shown(value);
        }
        lines.push_back(std::move(line));
        return ok();
    }
    std::vector<std::string> lines;
};

struct Answer {
    bool is_error = false;
    std::vector<std::string> lines;
};

/// The same rows in PostgreSQL.
class TypedTables {
  public:
    TypedTables() {
        dir_ = std::make_unique<plumbline::test::TempDir>();
        plumbline::test::give_to_postgres(dir_->path());
    }
    void fill(const RowWorld& world) {
        std::string sql;
        for (size_t i = 0; i < world.rows.size(); ++i) {
            const std::string& name = world.layouts()[i].name;
            sql += "drop table if exists " + name + "; create table " + name +
                   "(id numeric, w numeric, x numeric, d numeric, t numeric, s numeric, h text, n "
                   "text);";
            for (const TextRow& row : world.rows[i]) {
                sql += "insert into " + name + " values (";
                for (size_t at = 0; at < row.size(); ++at) {
                    sql += at == 0 ? "" : ", ";
                    sql += row[at] == kNull ? "null" : "'" + row[at] + "'";
                }
                sql += ");";
            }
        }
        server_.sql(sql);
    }
    std::vector<Answer> ask(const std::vector<TypedStatement>& statements) {
        const std::string path = dir_->sub("script.sql");
        {
            std::ofstream script{path};
            for (const TypedStatement& one : statements) {
                script << one.text.theirs << ";\n\\echo == :ERROR\n";
            }
        }
        const auto done = plumbline::test::run_command({"psql", "-X", "-A", "-t", "-q", "-P",
                                                        std::string{"null="} + kNothing, "-d",
                                                        server_.url(), "-f", path});
        std::vector<Answer> out(1);
        std::istringstream lines{done.out};
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("== ")) {
                out.back().is_error = line != "== false";
                out.emplace_back();
                continue;
            }
            std::string normal;
            std::istringstream cells{line};
            for (std::string cell; std::getline(cells, cell, '|');) {
                normal += (normal.empty() ? "" : "|") + in_one_form(cell);
            }
            out.back().lines.push_back(normal);
        }
        out.pop_back();
        EXPECT_EQ(out.size(), statements.size()) << done.err;
        out.resize(statements.size());
        return out;
    }

  private:
    Postgres server_;
    std::unique_ptr<plumbline::test::TempDir> dir_;
};

struct Tally {
    size_t asked = 0;
    size_t equal = 0;
    size_t refused = 0;
};

/// The message without what it names.
std::string reason_of(const std::string& message) {
    std::string out;
    for (const char c : message.substr(0, 150)) {
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit) {
            out += c;
        }
    }
    for (const char* name : {"a.", "b."}) {
        if (out.starts_with(name)) {
            out.replace(0, 3, "COLUMN");
        }
    }
    return out;
}

class TypedSqlTest : public plumbline::test::PropertyTest {
  protected:
    static void run(uint64_t seed, size_t statements) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random{seed};
        RowWorld world{{typed_layout("a"), typed_layout("b")}};
        for (size_t table = 0; table < 2; ++table) {
            for (size_t id = 1; id <= 14; ++id) {
                world.put(table, typed_row(random, id, seed % 2 == 0));
            }
            world.commit();
        }
        postgres().fill(world);
        const std::shared_ptr<const storage::ReadView> view = world.database->read_view();
        const auto session = Session::open(view, nullptr).value();
        TypedStatements source{seed};
        std::vector<TypedStatement> asked;
        for (size_t i = 0; i < statements; ++i) {
            asked.push_back(source.next());
        }
        const std::vector<Answer> expected = postgres().ask(asked);
        for (size_t i = 0; i < statements; ++i) {
            compare(*session, view, asked[i], expected[i]);
        }
    }
    static void compare(Session& session, const std::shared_ptr<const storage::ReadView>& view,
                        const TypedStatement& one, Answer expected) {
        if (expected.is_error) {
            ++invalid();
            return;
        }
        Rows rows;
        RunOptions options;
        options.parameters = one.parameters;
        const Status done = session.run(view, one.text.ours, options, rows);
        for (Tally* tally : {&all()[one.is_careful ? "careful" : "careless"],
                             &all()[std::string{one.form} + (one.is_careful ? ", careful" : "")]}) {
            ++tally->asked;
            ++(done ? tally->equal : tally->refused);
        }
        if (!done) {
            ++reasons()[(one.is_careful ? "careful: " : "careless: ") +
                        reason_of(done.error().message)];
            EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument) << done.error().message;
            for (const char* mistake : {"near \"", "no such", "ambiguous", "misuse"}) {
                EXPECT_EQ(done.error().message.find(mistake), std::string::npos)
                    << one.text.ours << ": " << done.error().message;
            }
            if (std::getenv("PLUMBLINE_SHOW") != nullptr && one.is_careful) {
                std::cerr << one.text.ours << "\n    " << done.error().message << "\n";
            }
            return;
        }
        if (!one.is_ordered) {
            std::ranges::sort(rows.lines);
            std::ranges::sort(expected.lines);
        }
        std::string given;
        for (const Value& value : one.parameters) {
            given += " [" + shown(value) + "]";
        }
        EXPECT_EQ(rows.lines, expected.lines)
            << "ours:   " << one.text.ours << given << "\ntheirs: " << one.text.theirs;
    }
    static void report() {
        for (const auto& [name, tally] : all()) {
            std::cout << fmt::format(
                "{:24} asked {:6}, equal {:6}, refused {:6} ({:.1f} %)\n", name, tally.asked,
                tally.equal, tally.refused,
                100.0 * static_cast<double>(tally.refused) / static_cast<double>(tally.asked));
        }
        std::cout << invalid() << " that PostgreSQL refused\n";
        for (const auto& [reason, count] : reasons()) {
            std::cout << fmt::format("{:6} {}\n", count, reason);
        }
    }
    static TypedTables& postgres() {
        static const auto kOne = std::make_unique<TypedTables>();
        return *kOne;
    }
    static std::map<std::string, Tally>& all() {
        static std::map<std::string, Tally> all;
        return all;
    }
    static std::map<std::string, size_t>& reasons() {
        static std::map<std::string, size_t> all;
        return all;
    }
    static size_t& invalid() {
        static size_t count = 0;
        return count;
    }
};

TEST_F(TypedSqlTest, EveryAnswerIsPostgresqlsOrRefused) {
    if (!plumbline::test::has_postgres()) {
        GTEST_SKIP() << "needs PostgreSQL (tools/setup)";
    }
    for (const uint64_t seed : seeds(4)) {
        run(seed, 150);
    }
    report();
    // Who writes as docs/sql.md says is answered.
    const Tally& careful = all()["careful"];
    EXPECT_LT(careful.refused * 100, careful.asked * 20);
}

}  // namespace

}  // namespace plumbline::query::sql::typed_sql_test
