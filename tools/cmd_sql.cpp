// plumbline sql: questions in SQL, over the database as it stands; beside its writer too.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "core/base/clock.hpp"
#include "core/base/json_text.hpp"
#include "core/base/visible_text.hpp"
#include "engine/fold/row_history.hpp"
#include "engine/fold/scratch_database.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/text/entity_text.hpp"
#include "query/sql/session.hpp"
#include "query/sql/value_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/stop_signal.hpp"

namespace plumbline::tools {

namespace {

using query::sql::Value;

/// What a statement's sorts may take together.
constexpr size_t kMemoryMax = size_t{1} << 30;
/// Rows that a table is held for, to align its columns; further ones follow as wide as they are.
constexpr size_t kAlignedRowsMax = 1'000;

/// A JSON object a row.
class JsonRows final : public query::sql::RowSink {
  public:
    Status on_columns(const std::vector<std::string>& names) override {
        names_ = names;
        return ok();
    }
    Status on_row(std::span<const Value> row) override {
        std::string line{'{'};
        for (size_t i = 0; i < row.size(); ++i) {
            line += i == 0 ? "" : ",";
            append_json_string(line, names_[i]);
            line += ':';
            query::sql::append_json(line, row[i]);
        }
        return print(line + "}\n");
    }

  private:
    std::vector<std::string> names_;
};

/// As PostgreSQL's COPY writes it: null is nothing, an empty text two quotes.
class CsvRows final : public query::sql::RowSink {
  public:
    Status on_columns(const std::vector<std::string>& names) override {
        return on_row(std::vector<Value>{names.begin(), names.end()});
    }
    Status on_row(std::span<const Value> row) override {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
            line += i == 0 ? "" : ",";
            const std::string text = query::sql::to_text(row[i]);
            if (text.empty() && !std::holds_alternative<std::monostate>(row[i])) {
                line += "\"\"";
            }
            append_csv_field(line, text);
        }
        return print(line + "\n");
    }
};

/// Columns under each other, for people.
class TableRows final : public query::sql::RowSink {
  public:
    Status on_columns(const std::vector<std::string>& names) override {
        held_ = {names};
        return ok();
    }
    Status on_row(std::span<const Value> row) override {
        std::vector<std::string> texts;
        for (const Value& value : row) {
            std::string text = visible_text(query::sql::to_text(value));
            std::ranges::replace(text, '\n', ' ');
            texts.push_back(std::move(text));
        }
        held_.push_back(std::move(texts));
        return held_.size() > kAlignedRowsMax ? flush() : ok();
    }
    Status flush() {
        for (const auto& row : held_) {
            widths_.resize(std::max(widths_.size(), row.size()));
            for (size_t i = 0; i < row.size(); ++i) {
                widths_[i] = std::max(widths_[i], row[i].size());
            }
        }
        for (const auto& row : held_) {
            std::string line;
            for (size_t i = 0; i < row.size(); ++i) {
                line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths_[i]);
            }
            PLUMBLINE_TRY_VOID(print(line + "\n"));
        }
        held_.clear();
        return ok();
    }

  private:
    std::vector<std::vector<std::string>> held_;
    std::vector<size_t> widths_;
};

/// What statements are asked of.
struct Asked {
    query::sql::Session& session;
    std::shared_ptr<const storage::ReadView> view;
    const storage::Database& database;
    std::shared_ptr<const engine::Plan> plan;  ///< null: no events, and no past
    const SqlArguments& options;
};

/// Folds the log up to a block beside the database, as long as the statement may take.
query::sql::ReadPast read_past(const Asked& asked, const std::function<bool()>& should_stop) {
    return [&asked, should_stop](
               const storage::ReadView& view,
               uint64_t block_num) -> Result<std::shared_ptr<const storage::ReadView>> {
        PLUMBLINE_TRY_VOID(engine::check_functions(asked.database, *asked.plan));
        engine::RowHistoryOptions past;
        past.scratch_parent = engine::directory_of(asked.database);
        past.events_max = UINT64_MAX;
        past.is_late = should_stop;
        return engine::rows_at(view, asked.plan, block_num, past);
    };
}

Result<std::map<std::string, Value>> read_params(const std::vector<std::string>& texts) {
    std::map<std::string, Value> out;
    for (const std::string_view text : texts) {
        const size_t equals = text.find('=');
        if (equals == 0 || equals == std::string_view::npos) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("--param {}: it is NAME=VALUE", text)};
        }
        if (!out.emplace(text.substr(0, equals), query::sql::parameter_of(text.substr(equals + 1)))
                 .second) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("--param {} is given twice", text.substr(0, equals))};
        }
    }
    return out;
}

Status run_statement(const Asked& asked, const std::string& statement) {
    const SqlArguments& options = asked.options;
    query::sql::Session& session = asked.session;
    const std::shared_ptr<const storage::ReadView>& view = asked.view;
    query::sql::RunOptions run;
    PLUMBLINE_TRY(run.named, read_params(options.params));
    if (options.timeout_s > 0) {
        const int64_t end_ms = system_clock().monotonic_ms() + options.timeout_s * 1'000;
        run.should_stop = [end_ms] { return system_clock().monotonic_ms() >= end_ms; };
    }
    run.read_past = read_past(asked, run.should_stop);
    Status done;
    if (options.format == "json") {
        JsonRows rows;
        done = session.run(view, statement, run, rows);
    } else if (options.format == "csv") {
        CsvRows rows;
        done = session.run(view, statement, run, rows);
    } else {
        TableRows rows;
        done = session.run(view, statement, run, rows);
        if (done) {
            done = rows.flush();
        }
    }
    if (done && options.stats) {
        const auto cursor = view->cursor();
        print_error(fmt::format("read {} rows at block {}\n", session.visited(),
                                cursor ? cursor->block_num : 0));
    }
    return done;
}

Status describe(const query::sql::Session& session) {
    for (const query::sql::TableInfo& table : session.tables()) {
        std::string columns;
        for (const auto& column : table.columns) {
            columns +=
                fmt::format("{}{} {}", columns.empty() ? "" : ", ", column.name, column.type);
        }
        PLUMBLINE_TRY_VOID(print(fmt::format("{}({})\n", table.name, columns)));
    }
    return ok();
}

/// Statements from standard input, each up to its semicolon; the first that fails ends it unless
/// somebody types.
Status run_input(const Asked& asked) {
    const bool is_typed = isatty(STDIN_FILENO) == 1;
    if (is_typed) {
        print_error("SQL, ended by ; .tables shows what there is, .quit ends\n");
    }
    std::string statement;
    const auto prompt = [&] {
        if (is_typed) {
            print_error(fmt::format("{}", statement.empty() ? "plumbline> " : "      ...> "));
        }
    };
    prompt();
    for (std::string line; std::getline(std::cin, line); prompt()) {
        if (statement.empty() && (line == ".quit" || line == ".exit")) {
            return ok();
        }
        if (statement.empty() && (line == ".tables" || line == ".schema")) {
            PLUMBLINE_TRY_VOID(describe(asked.session));
            continue;
        }
        statement += line + "\n";
        while (const auto one = query::sql::take_statement(statement)) {
            const Status done = run_statement(asked, *one);
            if (!done && !is_typed) {
                return done;
            }
            if (!done) {
                static_cast<void>(fail(done.error()));
            }
        }
    }
    return statement.empty() ? ok() : run_statement(asked, statement);
}

}  // namespace

Status run_sql(const SqlArguments& options) {
    const StopSignal signal{
        {.clear_away = engine::ScratchDatabase::clear_away, .ends_at_first = true}};
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    query::sql::limit_sqlite_memory(kMemoryMax);
    // Events need their ABIs; rows are there without.
    std::shared_ptr<const engine::Plan> plan;
    if (auto stored = engine::stored_plan(*database)) {
        plan = *std::move(stored);
    } else {
        print_error(fmt::format("plumbline: no tables of events: {}\n", stored.error().message));
    }
    const std::shared_ptr<const storage::ReadView> view = database->read_view();
    PLUMBLINE_TRY(const auto session, query::sql::Session::open(view, plan));
    if (options.tables) {
        return describe(*session);
    }
    const Asked asked{*session, view, *database, plan, options};
    return options.statement.empty() ? run_input(asked) : run_statement(asked, options.statement);
}

}  // namespace plumbline::tools
