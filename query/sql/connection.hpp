// Tables, collation and functions put into an SQLite connection. Internal to query/sql.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/sql/sqlite.hpp"
#include "query/sql/table.hpp"

namespace plumbline::query::sql {

/// The name of the collation that orders numbers of any size.
inline constexpr const char* kNumberCollation = "u256";

/// Of what a statement calculates beyond 64 bits.
inline constexpr const char* kPastWords =
    "where SQL goes on in floating point, and then compares, sorts or changes that: use "
    "u256_add(a, b), u256_mul and the others, or say cast(.. as real)";
/// Of what it shifts beyond them.
inline constexpr const char* kDropWords =
    "where SQL drops bits of a << b: use u256_mul(a, '16') for a << 4";
/// Behind a number that does not fit in 64 bits, or what gives it.
inline constexpr const char* kKeptWords =
    "and the rows of the subquery or WITH keep a floating point number of it: write a + before "
    "that column in each SELECT there, as +total, and all digits are kept";
/// For those who order or compare a number that is a text.
inline constexpr const char* kHowToCompare =
    "say that it is meant as a number: order by .. collate u256, max(.. collate u256), "
    ".. > '1000' collate u256";

struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// What the tables of one SQLite connection share. It must outlive the connection. One thread at a
/// time, as SQLite sees to.
struct Connection {
    sqlite3* db = nullptr;
    std::vector<std::unique_ptr<Table>> tables;
    /// The state that the next statement works on. A statement is over when no cursor is open.
    std::function<Result<std::shared_ptr<const storage::ReadView>>()> newest;
    std::string module = "plumbline";  ///< the name of its virtual table module
    std::string prefix;                ///< of the tables' names
    Statement statement;
    int open_cursors = 0;
    /// What the statement is refused for, where SQLite itself has no words for it.
    std::optional<Error> refused;
    /// What SQLite has for each table, while it has it.
    std::vector<std::pair<const sqlite3_vtab*, const Table*>> virtual_tables;

    /// The state of the running statement; of the next where none runs.
    [[nodiscard]] Result<const storage::ReadView*> view();
    [[nodiscard]] Status on_open();
    void on_close() noexcept { --open_cursors; }
    /// Ends the running statement with that error.
    void refuse(Error error);
    /// By SQLite's name of it in EXPLAIN; null: it is not one of ours.
    [[nodiscard]] const Table* table_named(std::string_view explained) const;
};

/// Every table as a virtual one of `schema`: "main", or "temp" in a connection of somebody else's.
[[nodiscard]] Status add_tables(Connection& connection, std::string_view schema);

/// The collation u256; what `add_sums` adds; u256_add... and decimal_add...
[[nodiscard]] Status add_functions(Connection& connection);
/// sum(), avg() and total() of numbers of any size.
[[nodiscard]] Status add_sums(Connection& connection);

/// kIo with SQLite's words.
[[nodiscard]] Error sqlite_error(sqlite3* db, std::string_view doing);

}  // namespace plumbline::query::sql
