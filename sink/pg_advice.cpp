#include "sink/pg_advice.hpp"

#include <span>
#include <utility>

#include <fmt/format.h>

namespace plumbline::sink {

namespace {

using Advice = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kPool =
    "a pool before PostgreSQL says so: its log tells why, and PgBouncer's query_timeout, "
    "query_wait_timeout and server_login_retry how long it waits";

constexpr std::string_view kRowSecurity =
    "row level security would hide rows from the sink, which then could neither write nor compare "
    "them: alter table ... no force row level security where the sink's role owns the table, or "
    "alter role ... bypassrls";

constexpr std::string_view kDeniedInFunction =
    "a function of yours, of a trigger perhaps, may not do that as the sink's role: grant it to "
    "the role, or let the function be one with security definer";
constexpr std::string_view kCheckedAtCommit =
    "a foreign key that is not the sink's is checked at the commit, and a row still points to one "
    "that is not there: delete or change that row, let the key do so (on delete cascade, on delete "
    "set null), or drop the key";

constexpr Advice kOfStatements[] = {
    {"08P01", kPool},
    {"42501", "the sink's role needs usage and create on its schema, and its tables to be its own"},
    {"40001", "the same transaction is tried again"},
    {"40P01", "the same transaction is tried again"},
    {"53100", "the disk of the PostgreSQL server is full: once there is room, the sink goes on"},
    {"53200", "the PostgreSQL server has no memory left: the sink tries again"},
    {"55P03",
     "somebody else holds a table of the sink's, or makes tables of its schema: pg_locks and "
     "pg_stat_activity tell who"},
    {"23503",
     "a foreign key of a table that is not the sink's forbids it: drop it, or declare it "
     "deferrable initially deferred"},
    {"22012",
     "a trigger of yours divides by zero, or the tables changed and changed back: it is tried "
     "again"},
    {"23502",
     "a column that is not the sink's takes no null and has no default: give it a default, or "
     "drop its not null"},
    {"23505", "a unique index that is not the sink's forbids it, or two rows are one: drop it"},
    {"23514", "a check constraint that is not the sink's forbids it: drop it, or widen it"},
    {"23P01", "an exclusion constraint that is not the sink's forbids it: drop it, or narrow it"},
    {"55000", "somebody has made the table's primary key deferrable: the sink looks at it anew"},
    {"0A000",
     "PostgreSQL does not do that with such a table: a rule of yours on it is to be dropped, and a "
     "trigger may take its place"},
    {"57014", "somebody cancelled it, or a timeout of what stands between did: it is tried again"},
    {"57P05",
     "the idle_session_timeout of the role, the database or the server is shorter than the sink "
     "takes between two statements: alter role ... set idle_session_timeout = 0"},
    {"42P07", "a table, a view or an index of that name is there and is not the sink's: rename it"},
    {"42701",
     "this server keeps that name for a column of its own: call the field something else, or leave "
     "it out of the sink"},
    {"42710", "a type of that name is there and is not the sink's: drop or rename it"},
    {"42P10", "somebody has changed the table's primary key: the sink looks at it anew"},
    {"P0001", "a function of yours says so, of a trigger of the table: it is tried again"},
    {"42703", "somebody has altered the table: the sink looks at it anew"},
    {"42P01", "somebody has dropped or renamed the table: the sink makes it anew"},
};

constexpr Advice kOfConnections[] = {
    {"08P01", kPool},
    {"28000",
     "pg_hba.conf does not let the URL's user in from here, or there is no such role, or it may "
     "not log in: alter role ... login"},
    {"28P01", "the URL's user or password is not the server's"},
    {"3D000", "create the database that the URL names"},
    {"42501", "grant connect on database ... to the sink's role"},
    {"53300",
     "PostgreSQL takes no more connections: raise max_connections, or the role's connection "
     "limit, or put PgBouncer between"},
    {"57P03", "it is tried again until the server is up"},
};

std::string_view find_advice(std::span<const Advice> all, std::string_view sqlstate) {
    for (const auto& [of, advice] : all) {
        if (of == sqlstate) {
            return advice;
        }
    }
    return {};
}

}  // namespace

std::string_view pg_advice(std::string_view sqlstate) {
    return find_advice(kOfStatements, sqlstate);
}

std::string pg_advice(const PgConnection& connection, std::string_view message,
                      const DeniedTablespace& denied) {
    const std::string& state = connection.sqlstate();
    if (state == "42501" && connection.is_in_function()) {
        return std::string{kDeniedInFunction};
    }
    if (state == "42501" && connection.is_row_security()) {
        return std::string{kRowSecurity};
    }
    if (state == "42501" && !denied.name.empty() &&
        message.find(denied.name) != std::string_view::npos) {
        return fmt::format(
            "the default_tablespace of the role, the database or the server is one "
            "that the role may not use: {}",
            denied.grant);
    }
    // A lock's own timeout, or another that was over before it; of a pool too.
    if (state == "55P03" || state == "57014" || state == "08P01") {
        if (const std::string holder = connection.lock_holder(); !holder.empty()) {
            return "it waited for a lock held by " + holder;
        }
    }
    return std::string{state == "23503" && connection.is_at_commit() ? kCheckedAtCommit
                                                                     : pg_advice(state)};
}

std::string_view pg_connect_advice(std::string_view sqlstate) {
    return find_advice(kOfConnections, sqlstate);
}

}  // namespace plumbline::sink
