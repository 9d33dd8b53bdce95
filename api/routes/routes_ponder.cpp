// What @ponder/client asks: a statement in the words of PostgreSQL that its query builder writes,
// as a parameter of a GET. It runs as /v1/sql runs one; what SQLite would silently take otherwise
// than PostgreSQL is refused.
#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "api/routes/handlers.hpp"
#include "api/routes/sql_question.hpp"
#include "core/base/ascii.hpp"
#include "query/sql/value_text.hpp"

namespace plumbline::api {

namespace {

using query::sql::Value;
using PonderJson = nlohmann::json;

/// PostgreSQL takes a statement in brackets, and a live `$count` is one.
std::string_view without_brackets(std::string_view sql) {
    size_t depth = 0;
    char quote = '\0';
    for (size_t i = 0; sql.starts_with('(') && i < sql.size(); ++i) {
        if (quote != '\0') {
            quote = sql[i] == quote ? '\0' : quote;
        } else if (sql[i] == '\'' || sql[i] == '"') {
            quote = sql[i];
        } else if (sql[i] == '(') {
            ++depth;
        } else if (sql[i] == ')' && --depth == 0) {
            return i + 1 == sql.size() ? sql.substr(1, i - 1) : sql;
        }
    }
    return sql;
}

/// superjson's: {"json":{"sql":..,"params":[..]},"meta":..}. What it calls a bigint or a Date is a
/// text.
Result<SqlQuestion> read_ponder(const Target& target) {
    const std::string* text = target.find("sql");
    const PonderJson whole =
        text == nullptr ? PonderJson{} : PonderJson::parse(*text, nullptr, false);
    const auto query = whole.is_object() ? whole.find("json") : whole.end();
    if (query == whole.end() || !query->is_object() || !query->contains("sql") ||
        !(*query)["sql"].is_string()) {
        return Error{ErrorCode::kInvalidArgument,
                     "the parameter sql must be what @ponder/client sends: superjson of "
                     R"({"sql":"select ...","params":[]})"};
    }
    PLUMBLINE_TRY_VOID(check_whole_numbers(*text));
    SqlQuestion out;
    out.statement = without_brackets((*query)["sql"].get_ref<const std::string&>());
    if (const auto params = query->find("params"); params != query->end() && params->is_array()) {
        for (const PonderJson& one : *params) {
            PLUMBLINE_TRY(Value value, read_parameter(one));
            out.parameters.push_back(std::move(value));
        }
    }
    return out;
}

/// As PostgreSQL names what a function gives: "count" for count(*).
std::string column_name(const std::string& name) {
    const size_t bracket = name.find('(');
    const bool is_call = bracket != std::string::npos && bracket > 0 && name.ends_with(')') &&
                         std::all_of(name.begin(), name.begin() + static_cast<ptrdiff_t>(bracket),
                                     [](char c) { return is_ascii_letter(c) || c == '_'; });
    return is_call ? name.substr(0, bracket) : name;
}

/// A word outside of quotes.
bool has_word(std::string_view sql, std::string_view wanted) {
    char quote = '\0';
    std::string word;
    for (size_t i = 0; i <= sql.size(); ++i) {
        const char c = i < sql.size() ? sql[i] : ' ';
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (is_ascii_letter(c) || c == '_') {
            word += ascii_lower(c);
            continue;
        } else if (c == '\'' || c == '"') {
            quote = c;
        }
        if (word == wanted) {
            return true;
        }
        word.clear();
    }
    return false;
}

/// Both databases would answer, and not the same.
Status check_dialect(std::string_view sql) {
    if (has_word(sql, "like")) {
        return Error{ErrorCode::kInvalidArgument,
                     "LIKE is not taken here: it minds the case in PostgreSQL and not in SQLite; "
                     "sql`... glob ${'*text*'}` minds it"};
    }
    if (has_word(sql, "lateral")) {
        return Error{ErrorCode::kInvalidArgument,
                     "relations (`with`) are not taken here: write the join"};
    }
    return ok();
}

/// Rows as objects; a column's name that is there already gets a number behind it, so that none is
/// lost.
class PonderRows final : public query::sql::RowSink {
  public:
    PonderRows(JsonWriter& out, const std::string& body, const RouterOptions& options)
        : out_{out},
          body_{body},
          options_{options} {}
    void on_declared(const std::vector<std::string>& types) override { types_ = types; }
    Status on_columns(const std::vector<std::string>& names) override {
        std::map<std::string, size_t> seen;
        for (const std::string& given : names) {
            const std::string name = column_name(given);
            const size_t before = seen[name]++;
            names_.push_back(before == 0 ? name : fmt::format("{}:{}", name, before));
        }
        out_.key("rows").open_array();
        return ok();
    }
    Status on_row(std::span<const Value> row) override {
        if (rows_++ == options_.sql_rows_max || body_.size() >= options_.page_bytes_max) {
            return Error{ErrorCode::kTooLarge,
                         fmt::format("the answer has more than {} rows or {} MiB: ask for less, "
                                     "with limit",
                                     options_.sql_rows_max, options_.page_bytes_max >> 20U)};
        }
        out_.open_object();
        for (size_t i = 0; i < row.size(); ++i) {
            out_.key(names_[i]);
            const auto* number = std::get_if<int64_t>(&row[i]);
            if (number != nullptr && types_[i] == "BOOLEAN") {
                out_.value(*number != 0);
            } else {
                query::sql::append_json(out_.raw_value(), row[i]);
            }
        }
        out_.close_object();
        return ok();
    }

  private:
    JsonWriter& out_;
    const std::string& body_;
    const RouterOptions& options_;
    std::vector<std::string> names_;
    std::vector<std::string> types_;
    uint64_t rows_ = 0;
};

Result<std::string> ponder_answer(RequestContext& request) {
    PLUMBLINE_TRY_VOID(check_sql_taken(request));
    PLUMBLINE_TRY(const SqlQuestion asked, read_ponder(request.target));
    PLUMBLINE_TRY_VOID(check_dialect(asked.statement));
    PLUMBLINE_TRY(IndexSnapshot snapshot, open_snapshot(request));
    const std::shared_ptr<const storage::ReadView> view = std::move(snapshot.view);
    PLUMBLINE_TRY(SqlSessions::Held session, open_session(request, view));
    std::string body;
    JsonWriter out{body};
    out.open_object();
    PonderRows rows{out, body, request.options()};
    const Status done = run_statement(request, *session, view, asked, rows);
    request.router.caches().sql.give_back(std::move(session));
    PLUMBLINE_TRY_VOID(done);
    out.close_array().close_object();
    return body;
}

/// The client shows a refusal's body as it is.
Response plain(const Error& error) {
    Response answer = with_retry_after(fail(error), error);
    answer.content_type = "text/plain";
    answer.body = error.message;
    return answer;
}

}  // namespace

Response get_ponder_db(RequestContext& request) {
    Result<std::string> body = ponder_answer(request);
    return body ? reply(*std::move(body)) : plain(body.error());
}

/// One event; the server goes on from there (live_query.cpp).
Response get_ponder_live(RequestContext& request) {
    Result<std::string> body = ponder_answer(request);
    if (!body) {
        return plain(body.error());
    }
    Response out;
    out.content_type = "text/event-stream";
    out.body = "data: " + *body + "\n\n";
    return out;
}

Response get_ponder_status(RequestContext& request) {
    return answer([&]() -> Result<std::string> {
        PLUMBLINE_TRY(const IndexSnapshot snapshot, open_snapshot(request));
        const uint64_t chain = snapshot.database->identity().chain_id;
        std::string body;
        JsonWriter out{body};
        out.open_object();
        if (snapshot.cursor) {
            out.key(std::to_string(chain)).open_object().member("id", chain).key("block");
            out.open_object()
                .member("number", snapshot.cursor->block_num)
                .member("timestamp", snapshot.cursor->timestamp)
                .close_object()
                .close_object();
        }
        out.close_object();
        return body;
    });
}

}  // namespace plumbline::api
