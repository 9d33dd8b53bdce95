#include "sink/pg_connection.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "core/base/clock.hpp"
#include "core/base/postgres_url.hpp"
#include "sink/pg_advice.hpp"
#include "sink/pg_dial.hpp"
#include "sink/pg_lock_holder.hpp"

namespace plumbline::sink {

namespace {

constexpr int kLookMs = 100;
constexpr size_t kMessageMax = 600;
/// A wait that is longer may be for a lock: looked at then, and whenever it has doubled.
constexpr int64_t kLockLookMs = 4'000;
/// A server that has just begun a session takes longer for its first statements.
constexpr int kSettingsTries = 10;
constexpr std::string_view kShortTimeout =
    "the role, the database or the server has a timeout that is over before the sink can set its "
    "own: alter role ... set statement_timeout = '1s' (or 0), and transaction_timeout the same";

/// Without blanks at its ends or two in a row, and without a full stop: something may follow.
std::string one_sentence(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool is_blank = c == '\t' || c == ' ';
        if (!is_blank || (!out.empty() && out.back() != ' ')) {
            out += is_blank ? ' ' : c;
        }
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '.')) {
        out.pop_back();
    }
    return out;
}

/// What the server says in several lines, as one.
std::string one_line(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (const std::string sentence = one_sentence(line); !sentence.empty()) {
            out += fmt::format("{}{}", out.empty() ? "" : "; ", sentence);
        }
    }
    return one_sentence(out.substr(0, kMessageMax));
}

/// Of a refused connection libpq has only a text, and with PQERRORS_VERBOSE the SQLSTATE in it:
/// "FATAL:  53300: sorry...", then a line "LOCATION:  ...". Both are taken out.
std::string take_sqlstate(std::string& text) {
    constexpr size_t kSize = 5;
    const auto is_state = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
    std::string out;
    for (size_t at = 0; (at = text.find(":  ", at)) != std::string::npos; at += 3) {
        const std::string state = text.substr(at + 3, kSize);
        if (text.substr(at + 3 + state.size(), 2) == ": " && state.size() == kSize &&
            std::ranges::all_of(state, is_state)) {
            out = state;
            text.erase(at + 3, kSize + 2);
        }
    }
    for (size_t at = 0; (at = text.find("\nLOCATION:  ", at)) != std::string::npos;) {
        text.erase(at, std::min(text.find('\n', at + 1), text.size()) - at);
    }
    return out;
}

}  // namespace

Redactor redactor_of(std::string_view url) {
    Redactor out;
    for (const std::string_view secret : postgres_secrets(url)) {
        out.add(secret);
    }
    return out;
}

// --- rows ----------------------------------------------------------------------------------------

PgRows::PgRows(pg_result* result) noexcept : result_{result, [](pg_result* r) { PQclear(r); }} {}
size_t PgRows::size() const noexcept {
    return static_cast<size_t>(PQntuples(result_.get()));
}
std::string_view PgRows::at(size_t row, size_t column) const noexcept {
    const int r = static_cast<int>(row);
    const int c = static_cast<int>(column);
    return {PQgetvalue(result_.get(), r, c), static_cast<size_t>(PQgetlength(result_.get(), r, c))};
}
bool PgRows::is_null(size_t row, size_t column) const noexcept {
    return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}
uint64_t PgRows::number(size_t row, size_t column) const noexcept {
    const std::string_view text = at(row, column);
    uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}
std::string_view PgRows::tag() const noexcept {
    return PQcmdStatus(result_.get());
}

// --- connecting ----------------------------------------------------------------------------------

PgConnection::PgConnection(PgOptions options)
    : options_{std::move(options)},
      redactor_{redactor_of(options_.url)} {
    if (!options_.wait) {
        options_.wait = std::make_shared<PgWait>();
    }
}

PgConnection::~PgConnection() {
    answered();
    PQfinish(connection_);
}

Result<std::unique_ptr<PgConnection>> PgConnection::open(PgOptions options) {
    if (Status checked = check_postgres_url(options.url); !checked) {
        return Error{ErrorCode::kInvalidArgument,
                     "the URL of PostgreSQL, which is not shown: " + checked.error().message};
    }
    std::unique_ptr<PgConnection> out{new PgConnection{std::move(options)}};
    char* mistake = nullptr;
    PQconninfoFree(PQconninfoParse(out->options_.url.c_str(), &mistake));
    if (mistake != nullptr) {
        const std::string said = one_line(out->redactor_.redact(mistake));
        PQfreemem(mistake);
        return Error{ErrorCode::kInvalidArgument,
                     "the URL of PostgreSQL, which is not shown: " + said};
    }
    PLUMBLINE_TRY_VOID(out->connect());
    return out;
}

Status PgConnection::connect() {
    options_.wait->begin(system_clock().monotonic_ms());
    PLUMBLINE_TRY(connection_,
                  dial_postgres(options_.url, options_.connect_ms, options_.should_stop));
    if (PQstatus(connection_) == CONNECTION_BAD) {
        return not_let_in();
    }
    if (PQstatus(connection_) != CONNECTION_OK) {
        return does_not_answer();
    }
    answered();
    ++round_trips_;
    PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
    if (PQsetnonblocking(connection_, 1) != 0) {
        return lost("connecting to");
    }
    return ok();
}

Error PgConnection::not_let_in() {
    is_lost_ = true;
    std::string text = redactor_.redact(PQerrorMessage(connection_));
    sqlstate_ = take_sqlstate(text);
    const std::string_view advice = pg_connect_advice(sqlstate_);
    return Error{ErrorCode::kUnavailable,
                 fmt::format("connecting to PostgreSQL: {}{}{}", one_line(text),
                             advice.empty() ? "" : "; ", advice)};
}

bool PgConnection::has_ended() {
    while (!is_lost_) {
        pollfd on{PQsocket(connection_), POLLIN, 0};
        if (poll(&on, 1, 0) <= 0) {
            return false;
        }
        is_lost_ = PQconsumeInput(connection_) == 0 || PQstatus(connection_) == CONNECTION_BAD;
    }
    return true;
}

std::string PgConnection::place() const {
    const char* host = PQhost(connection_);
    const char* port = PQport(connection_);
    const char* name = PQdb(connection_);
    const auto text = [](const char* word) { return word == nullptr ? "" : word; };
    return fmt::format("{}:{}/{}", text(host), text(port), text(name));
}

std::string PgConnection::tls() const {
    const char* version = PQsslAttribute(connection_, "protocol");
    return version == nullptr || *version == '\0' ? "none" : version;
}

int PgConnection::server_version() const {
    return PQserverVersion(connection_);
}

// --- waiting -------------------------------------------------------------------------------------

std::string long_wait_text(const PgWait& wait, int64_t now_ms) {
    const std::string holder = wait.lock_holder();
    return fmt::format(
        "PostgreSQL has not answered for {}s: {}", wait.waited_ms(now_ms) / 1'000,
        holder.empty() ? "it hangs, nothing comes through, somebody holds a lock, or it is at a "
                         "long statement (pg_stat_activity tells)"
                       : "it waits for a lock held by " + holder);
}

void PgConnection::answered() noexcept {
    options_.wait->end();
}

/// Early enough for a second look before the wait ends by itself.
int64_t PgConnection::first_look_ms() const {
    const int64_t limit = options_.silence_ms > 0 ? std::min(options_.silence_ms, options_.lock_ms)
                                                  : options_.lock_ms;
    return std::min(kLockLookMs, limit / 4);
}

Status PgConnection::wait_socket(bool for_write) {
    const int64_t began = system_clock().monotonic_ms();
    options_.wait->begin(began);
    int64_t look_ms = first_look_ms();
    for (;;) {
        if (options_.should_stop && options_.should_stop()) {
            is_lost_ = true;
            return Error{ErrorCode::kCancelled, "stopped before PostgreSQL had answered"};
        }
        pollfd on{PQsocket(connection_),
                  static_cast<int16_t>(for_write ? POLLIN | POLLOUT : POLLIN), 0};
        const int ready = poll(&on, 1, kLookMs);
        if (ready > 0) {
            answered();
            return ok();
        }
        const int64_t waited_ms = system_clock().monotonic_ms() - began;
        if (options_.silence_ms > 0 && waited_ms >= options_.silence_ms) {
            return does_not_answer();
        }
        if (options_.names_lock_holders && waited_ms >= look_ms) {
            look_ms = 2 * waited_ms;
            options_.wait->set_lock_holder(
                redactor_.redact(find_lock_holder(options_, PQbackendPID(connection_))));
        }
    }
}

Error PgConnection::does_not_answer() {
    is_lost_ = true;
    sqlstate_.clear();
    const std::string holder = options_.wait->lock_holder();
    return Error{ErrorCode::kUnavailable,
                 fmt::format("PostgreSQL at {} does not answer{}{}", place(),
                             holder.empty() ? "" : ": it waits for a lock held by ", holder)};
}

Error PgConnection::lost(std::string_view doing) {
    is_lost_ = true;
    sqlstate_.clear();
    const std::string said = one_line(redactor_.redact(PQerrorMessage(connection_)));
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{} PostgreSQL: {}", doing, said.empty() ? "no reason given" : said)};
}

Error PgConnection::refused(pg_result* result) {
    const PgRows owner{result};
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
        return lost("asking");
    }
    sqlstate_ = state;
    lock_holder_ = options_.wait->lock_holder();
    const auto field = [&](int code) {
        const char* text = PQresultErrorField(result, code);
        return one_line(redactor_.redact(text == nullptr ? "" : text));
    };
    // Texts may be in any language; where it was said is not.
    const std::string where = field(PG_DIAG_SOURCE_FUNCTION);
    is_row_security_ = where == "check_enable_rls" || where == "ExecWithCheckOptions";
    // "PL/pgSQL function", "SQL statement": names of languages stand in every language.
    const std::string context = field(PG_DIAG_CONTEXT);
    is_in_function_ =
        context.find("PL/") != std::string::npos || context.find("SQL") != std::string::npos;
    std::string message =
        fmt::format("PostgreSQL refuses ({}): {}", sqlstate_, field(PG_DIAG_MESSAGE_PRIMARY));
    for (const int more : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT}) {
        if (const std::string text = field(more); !text.empty()) {
            message += "; " + text;
        }
    }
    message.resize(std::min(message.size(), kMessageMax));
    // Class 57P: the server goes down; 08: the connection is gone; FATAL: it is going.
    is_lost_ = is_lost_ || sqlstate_.starts_with("57P") || sqlstate_.starts_with("08") ||
               field(PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL";
    return Error{ErrorCode::kUnavailable, std::move(message)};
}

/// Everything that waits to be sent, reading what comes meanwhile.
Status PgConnection::send_all() {
    for (;;) {
        const int left = PQflush(connection_);
        if (left < 0) {
            return lost("writing to");
        }
        if (left == 0) {
            return ok();
        }
        PLUMBLINE_TRY_VOID(wait_socket(true));
        if (PQconsumeInput(connection_) == 0) {
            return lost("writing to");
        }
    }
}

/// Null at the end of a statement's results.
Result<pg_result*> PgConnection::next_result() {
    while (PQisBusy(connection_) != 0) {
        PLUMBLINE_TRY_VOID(wait_socket(false));
        if (PQconsumeInput(connection_) == 0) {
            return lost("reading from");
        }
    }
    return PQgetResult(connection_);
}

// --- statements ----------------------------------------------------------------------------------

bool PgConnection::send(const std::string& sql, const std::vector<std::string>& params) {
    std::vector<const char*> values;
    for (const std::string& param : params) {
        values.push_back(param.c_str());
    }
    return PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0) != 0;
}

Result<std::vector<PgRows>> PgConnection::run(const std::vector<PgStatement>& statements) {
    for (int tries = 1;; ++tries) {
        Result<std::vector<PgRows>> rows = run_once(statements);
        if (rows || !is_short_timeout_) {
            return rows;
        }
        const bool can_go_on = rollback();
        if (!can_go_on || tries == kSettingsTries) {
            is_short_timeout_ = true;
            return Error{ErrorCode::kUnavailable,
                         fmt::format("{}; {}", rows.error().message, kShortTimeout)};
        }
    }
}

Result<std::vector<PgRows>> PgConnection::run_once(const std::vector<PgStatement>& statements) {
    sqlstate_.clear();
    is_short_timeout_ = false;
    is_at_commit_ = false;
    // A batch outside of a transaction is one by itself. BEGIN comes before its settings.
    const bool is_new = !is_lost_ && PQtransactionStatus(connection_) == PQTRANS_IDLE;
    const bool has_begin = !statements.empty() && statements.front().sql.starts_with("begin");
    const size_t settings_at = has_begin ? 1 : 0;
    const size_t settings = is_new ? 2 : 0;
    const bool has_transaction_timeout = server_version() >= 170'000;
    if (is_lost_ || PQenterPipelineMode(connection_) == 0) {
        return lost("asking");
    }
    for (size_t at = 0; at <= statements.size(); ++at) {
        if ((is_new && at == settings_at &&
             !(send(pg_timeouts_sql(has_transaction_timeout), {}) &&
               send(pg_settings_sql(options_.lock_ms), {}))) ||
            (at < statements.size() && !send(statements[at].sql, statements[at].params))) {
            return lost("asking");
        }
    }
    if (PQpipelineSync(connection_) == 0) {
        return lost("asking");
    }
    PLUMBLINE_TRY_VOID(send_all());
    ++round_trips_;
    std::vector<PgRows> out;
    Status read = read_commands(statements.size() + settings, out);
    is_at_commit_ = !read && !statements.empty() && statements.back().sql == "commit" &&
                    out.size() + 1 == statements.size() + settings;
    // What a role has for timeouts holds until the settings are made.
    is_short_timeout_ = !read && is_new && out.size() < settings_at + settings &&
                        (sqlstate_ == "57014" || sqlstate_ == "25P04");
    if (is_lost_) {
        return std::move(read).error();
    }
    if (PQexitPipelineMode(connection_) == 0) {
        return lost("asking");
    }
    if (!read) {
        return std::move(read).error();
    }
    const auto from = out.begin() + static_cast<std::ptrdiff_t>(std::min(settings_at, out.size()));
    out.erase(from, from + std::min(static_cast<std::ptrdiff_t>(settings), out.end() - from));
    return out;
}

Status PgConnection::read_commands(size_t count, std::vector<PgRows>& out) {
    Status first = ok();
    for (size_t at = 0; at < count; ++at) {
        for (;;) {
            PLUMBLINE_TRY(pg_result* const result, next_result());
            if (result == nullptr) {
                break;
            }
            const ExecStatusType status = PQresultStatus(result);
            if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
                out.emplace_back(result);
            } else if (status == PGRES_PIPELINE_ABORTED) {
                PQclear(result);
            } else {
                Error error = refused(result);
                if (first) {
                    first = std::move(error);
                }
                if (is_lost_) {
                    return first;
                }
            }
        }
    }
    for (;;) {
        PLUMBLINE_TRY(pg_result* const result, next_result());
        if (result == nullptr) {
            if (PQstatus(connection_) == CONNECTION_BAD) {
                return lost("reading from");
            }
            continue;
        }
        const PgRows owner{result};
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            return first;
        }
        if (PQstatus(connection_) == CONNECTION_BAD) {
            return lost("reading from");
        }
    }
}

Result<PgRows> PgConnection::query(std::string sql, std::vector<std::string> params) {
    PLUMBLINE_TRY(std::vector<PgRows> rows, run({{std::move(sql), std::move(params)}}));
    if (rows.size() != 1) {
        return Error{ErrorCode::kUnavailable, "PostgreSQL gave no result"};
    }
    return std::move(rows.front());
}

bool PgConnection::rollback() {
    const std::string kept = sqlstate_;
    if (!is_lost_ && PQtransactionStatus(connection_) != PQTRANS_IDLE) {
        if (const auto rolled = query("rollback"); !rolled) {
            is_lost_ = true;
        }
    }
    sqlstate_ = kept;
    return !is_lost_;
}

}  // namespace plumbline::sink
