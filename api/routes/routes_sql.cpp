// Questions in SQL: one SELECT over the newest block, within a time limit.
#include <charconv>

#include <nlohmann/json.hpp>

#include "api/routes/handlers.hpp"
#include "api/routes/past.hpp"
#include "api/routes/sql_question.hpp"
#include "core/base/ascii.hpp"
#include "query/sql/value_text.hpp"

namespace plumbline::api {

namespace {

using nlohmann::json;
using query::sql::Value;

Result<SqlQuestion> read_sql(const RequestContext& request) {
    const json body = json::parse(request.http.body, nullptr, false);
    if (!body.is_object() || !body.contains("sql") || !body["sql"].is_string()) {
        return Error{ErrorCode::kInvalidArgument,
                     R"(the body must be a JSON object: {"sql":"select ...","params":[]})"};
    }
    PLUMBLINE_TRY_VOID(check_whole_numbers(request.http.body));
    SqlQuestion out;
    for (const auto& [name, value] : body.items()) {
        if (name == "sql") {
            out.statement = value.get<std::string>();
        } else if (name == "params" && value.is_array()) {
            for (const json& one : value) {
                PLUMBLINE_TRY(Value parameter, read_parameter(one));
                out.parameters.push_back(std::move(parameter));
            }
        } else if (name == "params" && value.is_object()) {
            for (const auto& [param, one] : value.items()) {
                PLUMBLINE_TRY(Value parameter, read_parameter(one));
                out.named.emplace(param, std::move(parameter));
            }
        } else {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("no member '{}' of that kind here; there are: sql, a string, "
                                     "and params, an array, or an object by name",
                                     name)};
        }
    }
    return out;
}

/// Rows as arrays, up to the limits of an answer.
class JsonAnswer final : public query::sql::RowSink {
  public:
    JsonAnswer(JsonWriter& out, const std::string& body, const RouterOptions& options)
        : out_{out},
          body_{body},
          options_{options} {}
    Status on_columns(const std::vector<std::string>& names) override {
        out_.member("columns", names).key("rows").open_array();
        return ok();
    }
    Status on_row(std::span<const Value> row) override {
        if (rows_ == options_.sql_rows_max || body_.size() >= options_.page_bytes_max) {
            is_full_ = true;
            return Error{ErrorCode::kCancelled, "the answer is full"};
        }
        ++rows_;
        out_.open_array();
        for (const Value& value : row) {
            query::sql::append_json(out_.raw_value(), value);
        }
        out_.close_array();
        return ok();
    }
    [[nodiscard]] bool is_full() const noexcept { return is_full_; }

  private:
    JsonWriter& out_;
    const std::string& body_;
    const RouterOptions& options_;
    uint64_t rows_ = 0;
    bool is_full_ = false;
};

/// Behind the JSON string whose quote is at `at`.
size_t skip_string(std::string_view text, size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        at += text[at] == '\\' ? 1U : 0U;
    }
    return at + 1;
}

/// The question's parameters, the time that a statement may take from now on, and the past.
query::sql::RunOptions sql_limits(RequestContext& request, const SqlQuestion& asked) {
    const Clock& clock = request.context().clock();
    const auto end_ms =
        std::make_shared<int64_t>(clock.monotonic_ms() + request.options().sql_ms_max);
    return {[&clock, end_ms, &router = request.router] {
                return router.is_stopping() || clock.monotonic_ms() >= *end_ms;
            },
            asked.parameters, asked.named,
            read_past(request, [end_ms](int64_t fold_ms) { *end_ms += fold_ms; })};
}

}  // namespace

Status check_whole_numbers(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        if (text[at] == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (text[at] != '-' && !is_ascii_digit(text[at])) {
            ++at;
            continue;
        }
        const size_t end = std::min(text.find_first_not_of("0123456789+-.eE", at), text.size());
        const std::string_view number = text.substr(at, end - at);
        int64_t whole = 0;
        const auto read = std::from_chars(number.data(), number.data() + number.size(), whole);
        if (read.ec == std::errc::result_out_of_range &&
            number.find_first_of(".eE") == std::string_view::npos) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("params: {} is not from -2^63 to 2^63 - 1 and would be "
                                     "rounded: send it as a string",
                                     number.substr(0, 80))};
        }
        if (const Status held = query::sql::check_number(number); !held) {
            return Error{ErrorCode::kInvalidArgument, "params: " + held.error().message};
        }
        at = end;
    }
    return ok();
}

Result<Value> read_parameter(const json& value) {
    switch (value.type()) {
        case json::value_t::null: return Value{};
        case json::value_t::boolean: return Value{int64_t{value.get<bool>() ? 1 : 0}};
        case json::value_t::number_integer:
        case json::value_t::number_unsigned: return Value{value.get<int64_t>()};
        case json::value_t::number_float: return Value{value.get<double>()};
        case json::value_t::string: return Value{value.get<std::string>()};
        default:
            return Error{ErrorCode::kInvalidArgument,
                         "params are strings, numbers, true, false and null"};
    }
}

Status check_sql_taken(const RequestContext& request) {
    return request.options().sql_ms_max > 0
               ? ok()
               : Status{Error{ErrorCode::kUnavailable,
                              "this server takes no SQL: sql_ms_max in [http] is 0"}};
}

Result<SqlSessions::Held> open_session(RequestContext& request,
                                       const std::shared_ptr<const storage::ReadView>& view) {
    const auto plan = request.context().plan();
    SqlSessions::Held idle = request.router.caches().sql.take(*view, plan);
    if (idle != nullptr) {
        return idle;
    }
    return query::sql::Session::open(view, plan);
}

Status run_statement(RequestContext& request, query::sql::Session& session,
                     const std::shared_ptr<const storage::ReadView>& view, const SqlQuestion& asked,
                     query::sql::RowSink& rows) {
    const query::sql::RunOptions limits = sql_limits(request, asked);
    Status done = session.run(view, asked.statement, limits, rows);
    // A fold of the log has a time of its own, and says so.
    const bool is_over = !done && done.error().code == ErrorCode::kTimeout && limits.should_stop();
    return is_over ? Status{Error{ErrorCode::kTimeout,
                                  fmt::format("{}: a statement has {} ms here (sql_ms_max in "
                                              "[http])",
                                              done.error().message, request.options().sql_ms_max)}}
                   : done;
}

Response list_sql_tables(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY_VOID(check_sql_taken(request));
        PLUMBLINE_TRY(IndexSnapshot snapshot, open_snapshot(request));
        std::string body;
        JsonWriter out{body};
        out.open_object();
        write_snapshot(out, snapshot);
        PLUMBLINE_TRY(SqlSessions::Held session, open_session(request, snapshot.view));
        out.key("tables").open_array();
        for (const query::sql::TableInfo& table : session->tables()) {
            out.open_object().member("name", table.name).key("columns").open_array();
            for (const auto& column : table.columns) {
                out.open_object()
                    .member("name", column.name)
                    .member("type", column.type)
                    .member("hidden", column.is_hidden)
                    .close_object();
            }
            out.close_array().close_object();
        }
        out.close_array().close_object();
        request.router.caches().sql.give_back(std::move(session));
        return body;
    });
}

Response run_sql(RequestContext& request) {
    Result<std::string> answered = [&]() -> Result<std::string> {
        PLUMBLINE_TRY_VOID(check_sql_taken(request));
        PLUMBLINE_TRY(const SqlQuestion asked, read_sql(request));
        PLUMBLINE_TRY(IndexSnapshot snapshot, open_snapshot(request));
        std::string body;
        JsonWriter out{body};
        out.open_object();
        write_snapshot(out, snapshot);
        const std::shared_ptr<const storage::ReadView> view = std::move(snapshot.view);
        PLUMBLINE_TRY(SqlSessions::Held session, open_session(request, view));
        JsonAnswer rows{out, body, request.options()};
        const Status done = run_statement(request, *session, view, asked, rows);
        const uint64_t visited = session->visited();
        request.router.caches().sql.give_back(std::move(session));
        if (!done && !rows.is_full()) {
            return done.error();
        }
        out.close_array()
            .member("is_whole", !rows.is_full())
            .member("visited", visited)
            .close_object();
        return body;
    }();
    return answered ? reply(*std::move(answered))
                    : with_retry_after(fail(answered.error()), answered.error());
}

}  // namespace plumbline::api
