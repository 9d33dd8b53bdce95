// SQL over one state of the index, for strangers: reading only, with limits on all that a statement
// can take. One session is one SQLite connection in memory whose tables read the database in place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "query/sql/read_past.hpp"
#include "storage/read_view.hpp"

namespace plumbline::query::sql {

/// Bytes that are neither text nor number.
struct Blob {
    std::string bytes;
    friend bool operator==(const Blob&, const Blob&) = default;
};
/// As SQLite has values.
using Value = std::variant<std::monostate, int64_t, double, std::string, Blob>;

struct SqlLimits {
    size_t statement_bytes_max = 100'000;
    /// Of one text, blob or row.
    size_t value_bytes_max = size_t{1} << 20;
};

struct RunOptions {
    /// Asked again and again: true ends the statement with kTimeout. May be empty. Any thread.
    std::function<bool()> should_stop{};
    std::vector<Value> parameters{};  ///< of `?`, `?1` and `$1`, in order
    /// Of `:name`, `@name` and `$name`, in their place: all that a statement has are named then.
    std::map<std::string, Value> named{};
    ReadPast read_past{};  ///< empty: the tables NAME_at are refused
};

/// Takes what a statement gives. kCancelled-like errors of its own end the statement and are given
/// back.
class RowSink {
  public:
    virtual ~RowSink() = default;
    /// Before all else: of each column the type that a table declares it with (INTEGER, TEXT,
    /// BOOLEAN); "" for what is calculated.
    virtual void on_declared(const std::vector<std::string>& /*types*/) {}
    [[nodiscard]] virtual Status on_columns(const std::vector<std::string>& names) = 0;
    /// Values point into SQLite until the call returns.
    [[nodiscard]] virtual Status on_row(std::span<const Value> row) = 0;
};

struct TableInfo {
    struct ColumnInfo {
        std::string name;
        std::string type;  ///< Solidity's; "json" for lists and tuples
        bool is_hidden = false;
    };
    std::string name;
    std::vector<ColumnInfo> columns;
};

/// One thread at a time.
class Session {
  public:
    /// Tables of what `view` and `plan` have; `plan` may be null, then there are no events.
    [[nodiscard]] static Result<std::unique_ptr<Session>> open(
        std::shared_ptr<const storage::ReadView> view, std::shared_ptr<const engine::Plan> plan,
        SqlLimits limits = {});
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Runs the one statement in `sql` over `view`, which must have the tables that the session was
    /// opened with (`fits`). kInvalidArgument: the statement is wrong, writes, or compares what
    /// cannot be compared; kTimeout: it was stopped; kTooLarge: it wanted more than it may have.
    [[nodiscard]] Status run(std::shared_ptr<const storage::ReadView> view, std::string_view sql,
                             const RunOptions& options, RowSink& sink);
    /// Whether a view and plan have this session's tables.
    [[nodiscard]] bool fits(const storage::ReadView& view,
                            const std::shared_ptr<const engine::Plan>& plan) const;
    /// Rows, index places and logs that the last statement read.
    [[nodiscard]] uint64_t visited() const noexcept;

    /// What SQL sees, in the order of the config.
    [[nodiscard]] std::vector<TableInfo> tables() const;

  private:
    struct Impl;
    explicit Session(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Takes the first statement off, up to its semicolon, which stands in no text or comment; empty
/// where none has ended yet. What says nothing, blanks and comments, goes too.
[[nodiscard]] std::optional<std::string> take_statement(std::string& sql);

/// kInvalidArgument for a number that SQL would read as another one: an integer of 2^63 or more, or
/// a fraction of more than 15 digits, that is not written as text.
[[nodiscard]] Status check_literals(std::string_view sql);
/// The same of one number.
[[nodiscard]] Status check_number(std::string_view written);

/// Bounds what all SQLite connections of this process take together. For our own processes only.
void limit_sqlite_memory(size_t bytes);

}  // namespace plumbline::query::sql
