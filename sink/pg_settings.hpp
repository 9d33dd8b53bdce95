// The settings of a session that change what a sink writes, reads or waits for. A role, a database
// or a cluster may have any of them otherwise; the connection sets all of them in each transaction,
// in the same breath, for a pool in transaction mode keeps none from one to the next.
//
// Left as they are: what changes neither (no column is a float, a date, an interval or XML, and
// bytes are written and read as hex by cast and encode()), what libpq sets (client_encoding), and
// what is the owner's to say (default_transaction_read_only, default_tablespace,
// synchronous_commit). A trigger of a user's runs with these settings, too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace plumbline::sink {

struct PgSetting {
    std::string_view name;
    std::string_view value;
};

inline constexpr PgSetting kPgSettings[] = {
    {"array_nulls", "on"},                  // off: NULL in an array of cells is the text 'NULL'
    {"standard_conforming_strings", "on"},  // off: a backslash in a name's text is an escape
    {"quote_all_identifiers", "off"},       // on: types are named in quotes
    {"row_security", "off"},                // on: policies hide rows; off: PostgreSQL refuses
    {"exit_on_error", "off"},               // on: a fence that fails is a lost connection
    {"bytea_output", "hex"},                // for people who read what is compared
    {"statement_timeout", "0"},             // a key of a large table takes long
    {"transaction_timeout", "0"},           // from PostgreSQL 17 on
    {"idle_in_transaction_session_timeout", "300000"},  // and so does who has gone silent
};

/// And `lock_timeout`: who waits for ever stands in others' way.
inline constexpr int64_t kLockMs = 30'000;

/// The statement before: of a role's timeouts those that the next one may be too long for. Short,
/// because they hold for it; `has_transaction_timeout` from PostgreSQL 17 on.
[[nodiscard]] std::string pg_timeouts_sql(bool has_transaction_timeout);

/// A statement that sets them, `lock_timeout`, and `pg_catalog` before the role's search_path,
/// until the transaction ends. What a server does not know is passed over.
[[nodiscard]] std::string pg_settings_sql(int64_t lock_ms);

/// And what alters a table, because everybody who reads it stands behind who waits for that. Longer
/// than PostgreSQL takes to end an autovacuum that is in the way (deadlock_timeout).
inline constexpr int64_t kAlterMs = 2'000;

/// A statement that has locks waited for `most_ms` from there to the transaction's end, or less
/// where the role's own lock_timeout is less.
[[nodiscard]] std::string pg_short_locks_sql(int64_t most_ms);

/// How every transaction that writes begins: with the default of a role, a row that somebody else
/// has just changed would be a failure.
inline constexpr const char* kPgBegin = "begin isolation level read committed";

}  // namespace plumbline::sink
