#include "sink/sink_session.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::sink {

namespace {

constexpr std::string_view kDivisionByZero = "22012";

/// For a transaction only, so that a pool in transaction mode may stand between. What waits for a
/// lock or has gone silent must not stand in another writer's way for ever.
constexpr const char* kSettings =
    "select set_config('statement_timeout', '0', true), set_config('lock_timeout', '30000', true), "
    "set_config('idle_in_transaction_session_timeout', '300000', true)";

/// By SQLSTATE.
constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
    {"42501", "the sink's role needs usage and create on its schema, and its tables to be its own"},
    {"25006", "this is a standby: let the URL lead to the primary (target_session_attrs=primary)"},
    {"40001", "the same transaction is tried again"},
    {"40P01", "the same transaction is tried again"},
    {"53100", "the disk of the PostgreSQL server is full: once there is room, the sink goes on"},
    {"53200", "the PostgreSQL server has no memory left: the sink tries again"},
    {"53300",
     "PostgreSQL takes no more connections: raise max_connections, or put PgBouncer between"},
    {"55P03", "somebody else holds the table or makes tables of this schema: it is tried again"},
    {"23503",
     "a foreign key of a table that is not the sink's forbids it: drop it, or declare it "
     "deferrable initially deferred"},
    {"42703", "somebody has altered the table: the sink looks at it anew"},
    {"42P01", "somebody has dropped or renamed the table: the sink makes it anew"},
};

/// Names this process to itself: an epoch whose COMMIT was never answered may be its own.
std::string make_writer_name() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

uint64_t to_number(std::string_view text) {
    uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

/// With the table's tag: rows of other types, or shown in another way, are not these.
std::string to_text(const SinkTable& table, const storage::DigestNode& node) {
    return fmt::format("{}:{}:{}", table.tag(), node.count, storage::to_string(node.sum));
}

std::optional<storage::DigestNode> parse_node(const SinkTable& table, std::string_view text) {
    storage::DigestNode out;
    if (!text.starts_with(table.tag() + ":")) {
        return std::nullopt;
    }
    text.remove_prefix(table.tag().size() + 1);
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || text.size() != colon + 33) {
        return std::nullopt;
    }
    const auto hex = [&](size_t at, uint64_t& value) {
        const char* from = text.data() + colon + 1 + at;
        return std::from_chars(from, from + 16, value, 16).ptr == from + 16;
    };
    out.count = to_number(text.substr(0, colon));
    if (!hex(0, out.sum.high) || !hex(16, out.sum.low)) {
        return std::nullopt;
    }
    return out;
}

std::string bytea(const evm::Hash& hash) {
    return "\\x" + evm::to_hex(hash).substr(2);
}

Error refusal(std::string message) {
    return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

/// To make one that is there already would wait for everybody who writes to the table.
void add_missing_indexes(const SinkTable& table, const PgRows& known,
                         std::vector<PgStatement>& changes) {
    for (SinkTable::Index& index : table.indexes()) {
        bool is_there = false;
        for (size_t row = 0; row < known.size(); ++row) {
            is_there = is_there || known.at(row, 0) == index.name;
        }
        if (!is_there) {
            changes.push_back({std::move(index.sql), {}});
        }
    }
}

/// An array of words that need no escapes; an empty one is null.
std::string to_array(const std::vector<std::string>& words) {
    std::string out = "{";
    for (const std::string& word : words) {
        out += fmt::format("{}{}", out.size() == 1 ? "" : ",",
                           word.empty() ? "NULL" : "\"" + word + "\"");
    }
    return out + "}";
}

}  // namespace

std::string SinkSession::own(std::string_view table) const {
    return quote_name(config_.schema) + "." + quote_name(table);
}

uint64_t SinkSession::round_trips() const noexcept {
    return closed_round_trips_ + (connection_ ? connection_->round_trips() : 0);
}

Result<std::vector<PgRows>> SinkSession::run(const std::vector<PgStatement>& statements) {
    Result<std::vector<PgRows>> rows = connection_->run(statements);
    if (!rows && connection_->sqlstate() == kDivisionByZero) {
        is_fenced_ = true;
        return Error{ErrorCode::kIncompatible,
                     fmt::format("another plumbline has taken over the cursor {} of schema {}: "
                                 "this one has stopped writing; give one of them another name, or "
                                 "stop it and start this one again",
                                 config_.name, config_.schema)};
    }
    if (!rows) {
        return explain(std::move(rows).error());
    }
    return rows;
}

Result<PgRows> SinkSession::ask(std::string sql, std::vector<std::string> params) {
    Result<PgRows> rows = connection_->query(std::move(sql), std::move(params));
    return rows ? std::move(rows) : Result<PgRows>{explain(std::move(rows).error())};
}

Status SinkSession::copy_in(const std::string& sql,
                            const std::function<Status(const PgConnection::CopyPut&)>& produce) {
    Status copied = connection_->copy_in(sql, produce);
    return copied ? ok() : Status{explain(std::move(copied).error())};
}

/// With what to do about it, where PostgreSQL says only what it is.
Error SinkSession::explain(Error error) const {
    for (const auto& [state, advice] : kAdvice) {
        if (connection_->sqlstate() == state) {
            error.message += fmt::format("; {}", advice);
        }
    }
    return error;
}

SinkSession::SinkSession(const engine::SinkConfig& config, const std::vector<SinkTable>& tables,
                         uint64_t chain_id)
    : config_{config},
      tables_{tables},
      chain_id_{chain_id},
      writer_{make_writer_name()} {}

// --- opening -------------------------------------------------------------------------------------

Status SinkSession::connect(PgOptions options) {
    closed_round_trips_ = round_trips();
    connection_.reset();
    PLUMBLINE_TRY(connection_, PgConnection::open(std::move(options)));
    PLUMBLINE_TRY(const PgRows encoding, ask("show server_encoding"));
    if (encoding.size() != 1 || encoding.at(0, 0) != "UTF8") {
        return refusal(
            fmt::format("the database {} has the encoding {}: a sink needs UTF8; create "
                        "one with encoding 'UTF8'",
                        connection_->place(), encoding.size() == 1 ? encoding.at(0, 0) : "?"));
    }
    return ok();
}

Status SinkSession::open(PgOptions options) {
    PLUMBLINE_TRY_VOID(connect(std::move(options)));
    PLUMBLINE_TRY(const bool is_there, has_own_tables());
    if (!is_there) {
        PLUMBLINE_TRY_VOID(make_own_tables());
    }
    PLUMBLINE_TRY_VOID(take_over());
    PLUMBLINE_TRY_VOID(read_states());
    return look_at_tables(true);
}

Status SinkSession::open_to_read(PgOptions options) {
    PLUMBLINE_TRY_VOID(connect(std::move(options)));
    PLUMBLINE_TRY(const bool is_there, has_own_tables());
    if (!is_there) {
        return Error{ErrorCode::kNotFound, fmt::format("no sink has written to schema {} of {}",
                                                       config_.schema, connection_->place())};
    }
    PLUMBLINE_TRY_VOID(read_position());
    PLUMBLINE_TRY_VOID(read_states());
    return look_at_tables(false);
}

Status SinkSession::refresh() {
    PLUMBLINE_TRY_VOID(read_position());
    std::vector<TableState> before = states_;
    PLUMBLINE_TRY_VOID(read_states());
    for (size_t at = 0; at < states_.size(); ++at) {
        states_[at].exists = before[at].exists;
    }
    return ok();
}

Result<bool> SinkSession::has_own_tables() {
    PLUMBLINE_TRY(const PgRows found, ask("select to_regclass($1::text) is not null and "
                                          "to_regclass($2::text) is not null",
                                          {own("plumbline_cursor"), own("plumbline_tables")}));
    return found.at(0, 0) == "t";
}

Status SinkSession::make_own_tables() {
    PLUMBLINE_TRY(
        const PgRows schema,
        ask("select count(*) from pg_namespace where nspname = $1::text", {config_.schema}));
    // Even where it is there, CREATE SCHEMA wants a right on the database that many roles lack.
    std::vector<PgStatement> statements{{"begin", {}}, {kSettings, {}}, lock_schema()};
    if (schema.at(0, 0) == "0") {
        statements.push_back({"create schema if not exists " + quote_name(config_.schema), {}});
    }
    statements.push_back(
        {fmt::format("create table if not exists {} (name text primary key, epoch bigint not null, "
                     "writer text not null, chain_id bigint not null, block bigint, block_hash "
                     "bytea, block_time bigint, "
                     "finalized bigint, updated_at timestamptz not null default now())",
                     own("plumbline_cursor")),
         {}});
    statements.push_back(
        {fmt::format("create table if not exists {} (table_name text not null, chain_id bigint not "
                     "null, cursor_name text not null, row_count bigint, digest text, "
                     "proven_block bigint, proven_level text, primary key (table_name, chain_id))",
                     own("plumbline_tables")),
         {}});
    statements.push_back({"commit", {}});
    PLUMBLINE_TRY(const auto made, run(statements));
    return ok();
}

PgStatement SinkSession::lock_schema() const {
    const evm::Hash hash = evm::keccak256(as_bytes("plumbline schema " + config_.schema));
    int64_t number = 0;
    std::memcpy(&number, hash.data(), sizeof(number));
    return {fmt::format("select pg_advisory_xact_lock({})", number), {}};
}

Status SinkSession::check_missing_tables() {
    // Read from the table: to_regclass may answer from a cache that waiting has not refreshed.
    PLUMBLINE_TRY(const PgRows found,
                  ask("select c.relname from pg_class c join pg_namespace n on n.oid = "
                      "c.relnamespace where n.nspname = $1::text",
                      {config_.schema}));
    for (size_t at = 0; at < tables_.size(); ++at) {
        for (size_t row = 0; row < found.size(); ++row) {
            if (!states_[at].exists && found.at(row, 0) == tables_[at].name()) {
                return Error{
                    ErrorCode::kUnavailable,
                    fmt::format("another sink has just made the table {}: it is looked at anew",
                                tables_[at].full_name())};
            }
        }
    }
    return ok();
}

Status SinkSession::take_over() {
    if (is_fenced_) {
        return Error{ErrorCode::kIncompatible, "another plumbline has taken over the cursor"};
    }
    PLUMBLINE_TRY_VOID(read_position());
    const std::string id = fmt::format("{}", chain_id_);
    // Whoever has a transaction under way holds the row: this waits for its end, so what is read
    // afterwards is all there will be of it.
    const std::string condition =
        epoch_ == 0 ? std::string{}
                    : fmt::format(" where c.epoch = {} or c.writer = excluded.writer", epoch_);
    PLUMBLINE_TRY(
        const std::vector<PgRows> rows,
        run({{"begin", {}},
             {kSettings, {}},
             {fmt::format("insert into {} as c (name, epoch, writer, chain_id) values "
                          "($1::text, 1, $3::text, $2::bigint) on conflict (name) do update set "
                          "epoch = c.epoch + 1, writer = excluded.writer{} returning c.epoch",
                          own("plumbline_cursor"), condition),
              {config_.name, id, writer_}},
             {"commit", {}}}));
    if (rows.size() != 4 || rows[2].size() != 1) {
        is_fenced_ = true;
        return Error{ErrorCode::kIncompatible,
                     fmt::format("another plumbline has taken over the cursor {} of schema {}",
                                 config_.name, config_.schema)};
    }
    epoch_ = to_number(rows[2].at(0, 0));
    return read_position();
}

Status SinkSession::read_position() {
    PLUMBLINE_TRY(const PgRows rows, ask(fmt::format("select chain_id, block, encode(block_hash, "
                                                     "'hex') from {} where name = $1::text",
                                                     own("plumbline_cursor")),
                                         {config_.name}));
    position_.reset();
    if (rows.size() == 0) {
        return ok();
    }
    if (to_number(rows.at(0, 0)) != chain_id_) {
        return refusal(
            fmt::format("the cursor {} of schema {} is of chain {}, and this index of "
                        "chain {}: give the sink another name, [sinks.NAME]",
                        config_.name, config_.schema, rows.at(0, 0), chain_id_));
    }
    if (!rows.is_null(0, 1)) {
        const auto hash = evm::parse_hash("0x" + std::string{rows.at(0, 2)});
        position_ = SinkPosition{to_number(rows.at(0, 1)), hash.value_or(evm::Hash{})};
    }
    return ok();
}

Status SinkSession::read_states() {
    PLUMBLINE_TRY(const PgRows rows,
                  ask(fmt::format("select table_name, chain_id, cursor_name, digest "
                                  "from {}",
                                  own("plumbline_tables"))));
    states_.assign(tables_.size(), {});
    for (size_t row = 0; row < rows.size(); ++row) {
        const auto table = std::ranges::find(tables_, rows.at(row, 0), &SinkTable::name);
        if (table == tables_.end()) {
            continue;
        }
        const bool is_this_chain = to_number(rows.at(row, 1)) == chain_id_;
        if (rows.at(row, 2) != config_.name && (is_this_chain || !config_.has_chain_id)) {
            return refusal(
                fmt::format("the table {} of schema {} is written by the sink {} of chain {}: use "
                            "another schema{}",
                            rows.at(row, 0), config_.schema, rows.at(row, 2), rows.at(row, 1),
                            is_this_chain ? "" : ", or distribute = \"chain_id\" in both"));
        }
        if (is_this_chain) {
            states_[static_cast<size_t>(table - tables_.begin())].held =
                parse_node(*table, rows.at(row, 3));
        }
    }
    return ok();
}

// --- the tables ----------------------------------------------------------------------------------

/// All tables in one round trip; what is missing in them, in one more.
Status SinkSession::look_at_tables(bool may_change) {
    std::vector<PgStatement> questions;
    for (const SinkTable& table : tables_) {
        questions.push_back(
            {"select a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = "
             "any(i.indkey), false), c.relkind from pg_class c join pg_attribute a on a.attrelid = "
             "c.oid left join pg_index i on i.indrelid = c.oid and i.indisprimary where c.oid = "
             "to_regclass($1::text) and a.attnum > 0 and not a.attisdropped",
             {table.full_name()}});
    }
    questions.push_back(
        {"select c.relname from pg_class c join pg_namespace n on n.oid = "
         "c.relnamespace where n.nspname = $1::text and c.relkind in ('i', 'I')",
         {config_.schema}});
    PLUMBLINE_TRY(const std::vector<PgRows> answers, run(questions));
    std::vector<PgStatement> changes;
    for (size_t at = 0; at < tables_.size(); ++at) {
        PLUMBLINE_TRY_VOID(look_at_table(at, answers[at], may_change, changes));
        if (may_change && states_[at].exists) {
            add_missing_indexes(tables_[at], answers.back(), changes);
        }
    }
    if (!changes.empty()) {
        changes.insert(changes.begin(), {{"begin", {}}, {kSettings, {}}, lock_schema()});
        changes.push_back({"commit", {}});
        PLUMBLINE_TRY(const auto changed, run(changes));
    }
    return ok();
}

Status SinkSession::look_at_table(size_t at, const PgRows& columns, bool may_change,
                                  std::vector<PgStatement>& changes) {
    const SinkTable& table = tables_[at];
    TableState& state = states_[at];
    state.exists = columns.size() > 0;
    if (!state.exists) {
        state.held.reset();
        return ok();
    }
    if (columns.at(0, 3) != "r" && columns.at(0, 3) != "p") {
        return refusal(fmt::format("{} is no table: drop or rename it, or use another schema",
                                   table.full_name()));
    }
    for (const SinkColumn& column : table.columns()) {
        size_t row = 0;
        while (row < columns.size() && columns.at(row, 0) != column.name) {
            ++row;
        }
        if (row == columns.size()) {
            if (column.is_key) {
                return refusal(
                    fmt::format("the table {} has no column {}, which its key needs: drop or "
                                "rename the table, and it is made anew",
                                table.full_name(), column.name));
            }
            if (!may_change) {
                return refusal(
                    fmt::format("the table {} has no column {}: somebody dropped it, or "
                                "the mapping is newer; plumbline run adds it",
                                table.full_name(), column.name));
            }
            changes.push_back({fmt::format("alter table {} add column if not exists {} {}",
                                           table.full_name(), quote_name(column.name), column.type),
                               {}});
            state.held.reset();
            continue;
        }
        const bool is_key = columns.at(row, 2) == "t";
        if (columns.at(row, 1) != column.type || is_key != column.is_key) {
            return refusal(fmt::format(
                "the column {} of {} is {}{}, and the mapping needs {}{}: rename or drop the {}, "
                "and it is made anew",
                column.name, table.full_name(), columns.at(row, 1),
                is_key ? " in the primary key" : "", column.type,
                column.is_key ? " in the primary key" : "",
                is_key != column.is_key ? "table" : "column"));
        }
    }
    return ok();
}

// --- transactions --------------------------------------------------------------------------------

std::vector<PgStatement> SinkSession::begin(const storage::Cursor& cursor) const {
    return {
        {"begin", {}},
        {kSettings, {}},
        {fmt::format("with u as (update {} set block = $3::bigint, block_hash = $4::bytea, "
                     "block_time = $5::bigint, finalized = $6::bigint, updated_at = now() where "
                     "name = $1::text and epoch = $2::bigint returning 1) select 1/count(*) "
                     "from u",
                     own("plumbline_cursor")),
         {config_.name, fmt::format("{}", epoch_), fmt::format("{}", cursor.block_num),
          bytea(cursor.block_hash), fmt::format("{}", cursor.timestamp),
          fmt::format("{}", cursor.finalized)}}};
}

std::vector<PgStatement> SinkSession::begin_beside_writer() const {
    return {
        {"begin", {}},
        {kSettings, {}},
        // While the log is folded for a history nothing is said.
        {"select set_config('idle_in_transaction_session_timeout', '0', true)", {}},
        {fmt::format("select 1 from {} where name = $1::text for update", own("plumbline_cursor")),
         {config_.name}}};
}

PgStatement SinkSession::note_tables(const std::vector<size_t>& tables,
                                     const std::vector<TableState>& states,
                                     const ProvenMark& proven) const {
    std::vector<std::string> names;
    std::vector<std::string> counts;
    std::vector<std::string> digests;
    for (const size_t at : tables) {
        const storage::DigestNode held = states[at].held.value_or(storage::DigestNode{});
        names.push_back(tables_[at].name());
        counts.push_back(states[at].rows ? fmt::format("{}", *states[at].rows) : "");
        digests.push_back(to_text(tables_[at], held));
    }
    return {fmt::format("insert into {} (table_name, chain_id, cursor_name, row_count, digest, "
                        "proven_block, proven_level) select t.n, $1::bigint, $2::text, t.c, t.d, "
                        "nullif($6::text, '')::bigint, nullif($7::text, '') from "
                        "unnest($3::text[], $4::bigint[], $5::text[]) as t(n, c, d) on conflict "
                        "(table_name, chain_id) do update set cursor_name = excluded.cursor_name, "
                        "row_count = excluded.row_count, digest = excluded.digest, proven_block = "
                        "excluded.proven_block, proven_level = excluded.proven_level",
                        own("plumbline_tables")),
            {fmt::format("{}", chain_id_), config_.name, to_array(names), to_array(counts),
             to_array(digests), proven.level.empty() ? "" : fmt::format("{}", proven.block_num),
             proven.level}};
}

Status SinkSession::commit(std::vector<PgStatement> statements) {
    statements.push_back({"commit", {}});
    PLUMBLINE_TRY(const std::vector<PgRows> rows, run(statements));
    if (rows.empty() || rows.back().tag() != "COMMIT") {
        return Error{ErrorCode::kUnavailable, "PostgreSQL rolled the transaction back"};
    }
    return ok();
}

}  // namespace plumbline::sink
