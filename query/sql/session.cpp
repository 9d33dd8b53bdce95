#include "query/sql/session.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/base/near_name.hpp"
#include "query/sql/comparison_check.hpp"
#include "query/sql/connection.hpp"
#include "query/sql/safety.hpp"
#include "query/sql/statement_words.hpp"

namespace plumbline::query::sql {

namespace {

Value value_at(sqlite3_stmt* statement, int column) {
    const auto bytes = [&](const void* data) {
        const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
        return data == nullptr ? std::string{} : std::string{static_cast<const char*>(data), size};
    };
    switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER: return int64_t{sqlite3_column_int64(statement, column)};
        case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
        case SQLITE_TEXT: return bytes(sqlite3_column_text(statement, column));
        case SQLITE_BLOB: return Blob{bytes(sqlite3_column_blob(statement, column))};
        default: return std::monostate{};
    }
}

struct Bind {
    sqlite3_stmt* statement;
    int place;
    int operator()(std::monostate /*null*/) const { return sqlite3_bind_null(statement, place); }
    int operator()(int64_t number) const { return sqlite3_bind_int64(statement, place, number); }
    int operator()(double number) const { return sqlite3_bind_double(statement, place, number); }
    int operator()(const std::string& text) const {
        return sqlite3_bind_text64(statement, place, text.data(), text.size(), SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    }
    int operator()(const Blob& blob) const {
        return sqlite3_bind_blob64(statement, place, blob.bytes.data(), blob.bytes.size(),
                                   SQLITE_TRANSIENT);
    }
};

/// Which of the given ones "$2" means; `place` where it is not named so.
size_t number_of(const char* name, size_t place) {
    const std::string_view text = name == nullptr ? "" : name;
    size_t number = 0;
    const char* end = text.data() + text.size();
    if (!text.starts_with('$') || std::from_chars(text.data() + 1, end, number).ptr != end ||
        number == 0) {
        return place;
    }
    return number - 1;
}

/// What is given for the parameter at `place`; null: nothing.
const Value* given_for(const RunOptions& options, const char* name, size_t place) {
    if (options.named.empty()) {
        const size_t number = number_of(name, place);
        return number < options.parameters.size() ? &options.parameters[number] : nullptr;
    }
    const auto found = options.named.find(name == nullptr ? "" : name + 1);
    return found == options.named.end() ? nullptr : &found->second;
}

bool has_column(const Table& table, std::string_view name) {
    return std::ranges::any_of(table.columns(), [&](const Column& column) {
        return column.role != ColumnRole::kNoArgument && column.name.size() == name.size() &&
               starts_with_ignoring_case(column.name, name);
    });
}

/// What to put behind SQLite's `words` where they say that there is no such table or column.
std::string what_was_meant(const Connection& connection, std::string_view words) {
    constexpr std::string_view kTable = "no such table: ";
    constexpr std::string_view kColumn = "no such column: ";
    const bool is_table = words.starts_with(kTable);
    if (!is_table && !words.starts_with(kColumn)) {
        return {};
    }
    words.remove_prefix(is_table ? kTable.size() : kColumn.size());
    words.remove_prefix(words.rfind('.') + 1);  // npos + 1 is 0: no schema, no alias before it
    std::vector<std::string> known;
    for (const std::unique_ptr<Table>& table : connection.tables) {
        if (is_table) {
            known.push_back(table->name());
            continue;
        }
        for (const Column& column : table->columns()) {
            if (!column.is_hidden) {
                known.push_back(column.name);
            }
        }
    }
    if (is_table) {
        return suggest(words, known);
    }
    // Which tables the statement asks is not told: all columns would be a list without an end.
    if (const auto owner = std::ranges::find_if(
            connection.tables, [&](const auto& table) { return has_column(*table, words); });
        owner != connection.tables.end()) {
        return fmt::format(
            "; {} has such a column, but it cannot be named there: LIMIT and OFFSET "
            "take no columns, and others only those of the tables in their FROM",
            (*owner)->name());
    }
    const std::string_view near = nearest(words, known);
    return near.empty() ? std::string{} : fmt::format("; did you mean '{}'?", near);
}

/// Where the answer would show what JSON has no number for.
Error infinite(std::string_view column) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("{} is beyond the floating point numbers, which end at 1.8e308: SQL's "
                        "infinity is no number; use decimal_mul(a, b) and the others",
                        column)};
}

/// Where the answer would show a floating point number in the place of a whole one.
Error rounded(std::string_view column, Floating how) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("{} does not fit in 64 bits, {}", column,
                        how == Floating::kKept
                            ? kKeptWords
                            : "where SQL calculates in floating point: use u256_add(a, b), "
                              "u256_mul and the others, or say cast(.. as real)")};
}

int stop_asked(void* user) {
    const auto& statement = static_cast<const Connection*>(user)->statement;
    return statement.should_stop && statement.should_stop() ? 1 : 0;
}

}  // namespace

struct Session::Impl {
    struct CloseConnection {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    Connection connection;  // Before the connection, which uses it up to its end.
    std::unique_ptr<sqlite3, CloseConnection> db;
    std::shared_ptr<const engine::Plan> plan;
    std::vector<storage::EntityLayout> entities;
    SqlLimits limits;
    std::shared_ptr<const storage::ReadView> view;  ///< of the running statement
    std::vector<Floating> answer;                   ///< its columns: `WatchedValues`
    std::vector<std::string> names;                 ///< of them

    /// Why SQLite gave `code`.
    [[nodiscard]] Error why(int code) {
        if (connection.refused) {
            return *std::exchange(connection.refused, std::nullopt);
        }
        const std::string words = sqlite3_errmsg(db.get());
        switch (code & 0xff) {
            case SQLITE_INTERRUPT:
                return {ErrorCode::kTimeout, "the statement took too long and was ended"};
            case SQLITE_TOOBIG:
                return {ErrorCode::kTooLarge,
                        fmt::format("a value or the statement is too large: at most {} bytes",
                                    limits.value_bytes_max)};
            case SQLITE_NOMEM:
                return {ErrorCode::kTooLarge,
                        "the statement wanted more memory than statements may take together"};
            case SQLITE_AUTH:
                return {ErrorCode::kInvalidArgument,
                        fmt::format("{}: only SELECT is taken here, with SQLite's own functions "
                                    "and those of docs/sql.md",
                                    words)};
            default:
                return {ErrorCode::kInvalidArgument, words + what_was_meant(connection, words)};
        }
    }
    [[nodiscard]] Result<Prepared> prepare(std::string_view sql, std::string_view& rest) {
        sqlite3_stmt* made = nullptr;
        const char* tail = nullptr;
        const int code =
            sqlite3_prepare_v2(db.get(), sql.data(), static_cast<int>(sql.size()), &made, &tail);
        Prepared out{made};
        if (code != SQLITE_OK) {
            return why(code);
        }
        rest = sql.substr(static_cast<size_t>(tail - sql.data()));
        return out;
    }
    [[nodiscard]] Result<Prepared> prepare_one(std::string_view sql, const RunOptions& options);
    /// Refuses what would be compared wrongly, and has the rest watched.
    [[nodiscard]] Status watch(sqlite3_stmt* statement, std::string_view sql,
                               const StatementWords& words, const RunOptions& options);
    [[nodiscard]] Status step_all(sqlite3_stmt* statement, RowSink& sink);
};

Session::Session(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(std::shared_ptr<const storage::ReadView> view,
                                               std::shared_ptr<const engine::Plan> plan,
                                               SqlLimits limits) {
    auto impl = std::make_unique<Impl>();
    impl->limits = limits;
    impl->entities = view->bundle().entities;
    impl->plan = plan;
    sqlite3* made = nullptr;
    const int code =
        sqlite3_open_v2(":memory:", &made,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    impl->db.reset(made);
    if (code != SQLITE_OK) {
        return Error{ErrorCode::kIo, "SQLite could not be opened"};
    }
    Connection& connection = impl->connection;
    connection.db = made;
    connection.tables = make_tables(*view, plan, PastTables::kEntities);
    connection.newest = [state = impl.get()] { return Result{state->view}; };
    PLUMBLINE_TRY_VOID(add_functions(connection));
    PLUMBLINE_TRY_VOID(add_exact_functions(made));
    PLUMBLINE_TRY_VOID(add_tables(connection, "main"));
    PLUMBLINE_TRY_VOID(make_safe(made, limits));
    sqlite3_progress_handler(made, 1'000, stop_asked, &connection);
    return std::unique_ptr<Session>(new Session(std::move(impl)));
}

namespace {

/// Where values are given by name, each belongs to a parameter and each parameter has one.
Status check_names(sqlite3_stmt* statement, const RunOptions& options) {
    std::set<std::string_view> used;
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement) && !options.named.empty(); ++i) {
        const char* name = sqlite3_bind_parameter_name(statement, i);
        const auto found = options.named.find(name == nullptr ? "" : name + 1);
        if (found == options.named.end()) {
            return Error{ErrorCode::kInvalidArgument,
                         name == nullptr
                             ? "parameters that are given by name are written :name, not ?"
                             : fmt::format("no value is given for the parameter {}", name)};
        }
        used.insert(found->first);
    }
    for (const auto& [name, value] : options.named) {
        if (!used.contains(name)) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("the statement has no parameter :{}", name)};
        }
    }
    return ok();
}

}  // namespace

Result<Prepared> Session::Impl::prepare_one(std::string_view sql, const RunOptions& options) {
    if (sql.size() > limits.statement_bytes_max) {
        return Error{ErrorCode::kTooLarge,
                     fmt::format("a statement has at most {} bytes", limits.statement_bytes_max)};
    }
    if (const size_t nul = sql.find('\0'); nul != std::string_view::npos) {
        // SQLite would take it for the end.
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("the statement has a NUL at byte {}: where one is asked for, write "
                        "char(0)",
                        nul)};
    }
    PLUMBLINE_TRY_VOID(check_literals(sql));
    const StatementWords words = read_words(sql);
    connection.statement.has_outer_join = words.has_outer_join;
    std::string_view rest;
    PLUMBLINE_TRY(Prepared statement, prepare(sql, rest));
    if (statement == nullptr) {
        return Error{ErrorCode::kInvalidArgument, "there is no statement"};
    }
    PLUMBLINE_TRY(const Prepared second, prepare(rest, rest));
    if (second != nullptr) {
        return Error{ErrorCode::kInvalidArgument, "one statement at a time"};
    }
    if (sqlite3_stmt_readonly(statement.get()) == 0 || sqlite3_column_count(statement.get()) == 0 ||
        sqlite3_stmt_isexplain(statement.get()) != 0) {
        return Error{ErrorCode::kInvalidArgument, "only SELECT is taken here"};
    }
    names.clear();
    for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) {
        const char* name = sqlite3_column_name(statement.get(), i);
        names.emplace_back(name == nullptr ? "" : name);
    }
    const std::string run = with_casts_to_text(sql);
    if (run != sql) {
        PLUMBLINE_TRY(statement, prepare(run, rest));
    }
    const auto wanted = static_cast<size_t>(sqlite3_bind_parameter_count(statement.get()));
    PLUMBLINE_TRY_VOID(check_names(statement.get(), options));
    if (options.named.empty() && wanted != options.parameters.size()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the statement has {} parameters, {} were given", wanted,
                                 options.parameters.size())};
    }
    for (size_t i = 0; i < wanted; ++i) {
        const int place = static_cast<int>(i) + 1;
        const Value* given =
            given_for(options, sqlite3_bind_parameter_name(statement.get(), place), i);
        if (given == nullptr) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("parameters are numbered from $1 to ${}", wanted)};
        }
        const int code = std::visit(Bind{statement.get(), place}, *given);
        if (code != SQLITE_OK) {
            return why(code);
        }
    }
    PLUMBLINE_TRY_VOID(watch(statement.get(), run, words, options));
    return statement;
}

Status Session::Impl::watch(sqlite3_stmt* statement, std::string_view sql,
                            const StatementWords& words, const RunOptions& options) {
    CheckSources sources;
    sources.table_of = [this](std::string_view name) { return connection.table_named(name); };
    sources.value_of_parameter = [this, statement, &options](int parameter) -> KnownValue {
        const Value& value = *given_for(options, sqlite3_bind_parameter_name(statement, parameter),
                                        static_cast<size_t>(parameter) - 1);
        const auto* text = std::get_if<std::string>(&value);
        const auto* number = std::get_if<int64_t>(&value);
        const Kinds kinds = std::holds_alternative<std::monostate>(value) ? Kinds{0}
                            : number != nullptr                           ? Kinds{kInteger}
                            : std::holds_alternative<double>(value)       ? Kinds{kReal}
                            : text != nullptr                             ? kinds_of_text(*text)
                                                                          : Kinds{kText};
        const unsigned bits = number != nullptr ? bits_of(*number) : 63;
        return {kinds,
                0,
                0,
                static_cast<uint8_t>(bits),
                0,
                0,
                number != nullptr ? natural_of(*number) : Natural{}};
    };
    Result<WatchedValues> checked = check_comparisons(db.get(), sql, words, sources);
    if (!checked) {
        // The statement is planned once more for it, which may take too long as the first time may.
        return connection.refused || checked.error().code == ErrorCode::kIo
                   ? Status{why(sqlite3_errcode(db.get()))}
                   : Status{std::move(checked).error()};
    }
    WatchedValues found = *std::move(checked);
    connection.statement.watched = std::move(found.columns);
    connection.statement.whole = WholeWatch{std::move(found.stays_whole)};
    connection.statement.whole_words = std::move(found.whole_words);
    connection.statement.watches_sum = found.has_sum;
    connection.statement.watches_low_sum = found.has_low_sum;
    connection.statement.sums_are_narrow = found.has_narrow_sums;
    connection.statement.sum_is_text = found.sum_is_text;
    answer = std::move(found.answer);
    return ok();
}

Status Session::Impl::step_all(sqlite3_stmt* statement, RowSink& sink) {
    const int columns = sqlite3_column_count(statement);
    std::vector<std::string> types;
    for (int i = 0; i < columns; ++i) {
        const char* type = sqlite3_column_decltype(statement, i);
        types.emplace_back(type == nullptr ? "" : type);
    }
    sink.on_declared(types);
    PLUMBLINE_TRY_VOID(sink.on_columns(names));
    std::vector<Value> row(names.size());
    while (true) {
        const int code = sqlite3_step(statement);
        if (connection.refused || (code != SQLITE_ROW && code != SQLITE_DONE)) {
            return why(code);
        }
        if (code == SQLITE_DONE) {
            return ok();
        }
        for (int i = 0; i < columns; ++i) {
            const auto place = static_cast<size_t>(i);
            row[place] = value_at(statement, i);
            if (const auto* number = std::get_if<double>(&row[place]);
                number != nullptr && !std::isfinite(*number)) {
                return infinite(names[place]);
            }
            if (place < answer.size() && answer[place] != Floating::kItself &&
                std::holds_alternative<double>(row[place])) {
                return rounded(names[place], answer[place]);
            }
        }
        PLUMBLINE_TRY_VOID(sink.on_row(row));
    }
}

Status Session::run(std::shared_ptr<const storage::ReadView> view, std::string_view sql,
                    const RunOptions& options, RowSink& sink) {
    Connection& connection = impl_->connection;
    impl_->view = std::move(view);
    connection.statement = {impl_->view, options.should_stop, 0, options.read_past};
    connection.refused.reset();
    const auto answer = [&]() -> Status {
        PLUMBLINE_TRY(const Prepared statement, impl_->prepare_one(sql, options));
        return impl_->step_all(statement.get(), sink);
    }();
    const uint64_t visited = connection.statement.visited;
    connection.statement = {};  // The view and all that was read of the past go.
    connection.statement.visited = visited;
    impl_->view.reset();
    return answer;
}

bool Session::fits(const storage::ReadView& view,
                   const std::shared_ptr<const engine::Plan>& plan) const {
    return plan == impl_->plan && view.bundle().entities == impl_->entities;
}

uint64_t Session::visited() const noexcept {
    return impl_->connection.statement.visited;
}

std::vector<TableInfo> Session::tables() const {
    std::vector<TableInfo> out;
    for (const auto& table : impl_->connection.tables) {
        TableInfo info{table->name(), {}};
        for (const Column& column : table->columns()) {
            if (column.role == ColumnRole::kNoArgument) {
                continue;
            }
            info.columns.push_back({column.name,
                                    column.type ? storage::to_string(*column.type) : "json",
                                    column.is_hidden});
        }
        out.push_back(std::move(info));
    }
    return out;
}

}  // namespace plumbline::query::sql
