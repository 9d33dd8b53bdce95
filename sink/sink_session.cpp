#include "sink/sink_session.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "sink/pg_advice.hpp"
#include "sink/pg_settings.hpp"

namespace plumbline::sink {

namespace {

constexpr std::string_view kDivisionByZero = "22012";

constexpr std::string_view kStandby =
    "this is a standby: let the URL lead to the primary (target_session_attrs=primary)";
constexpr std::string_view kReadOnly =
    "this is no standby: the role, the database or the server is read only by default "
    "(default_transaction_read_only): alter role ... set default_transaction_read_only = off";
/// Names this process to itself: an epoch whose COMMIT was never answered may be its own.
std::string make_writer_name() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

/// With the table's tag and identity: rows of other types, shown in another way, or in a table that
/// is no more are not these.
std::string to_prefix(const SinkTable& table, const TableLook& look) {
    return fmt::format("{}:{}:", table.tag(), look.identity);
}

std::string to_text(const SinkTable& table, const TableLook& look,
                    const storage::DigestNode& node) {
    return fmt::format("{}{}:{}", to_prefix(table, look), node.count, storage::to_string(node.sum));
}

std::optional<storage::DigestNode> parse_node(const SinkTable& table, const TableLook& look,
                                              std::string_view text) {
    storage::DigestNode out;
    const std::string prefix = to_prefix(table, look);
    if (!look.exists || !text.starts_with(prefix)) {
        return std::nullopt;
    }
    text.remove_prefix(prefix.size());
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || text.size() != colon + 33) {
        return std::nullopt;
    }
    const auto hex = [&](size_t at, uint64_t& value) {
        const char* from = text.data() + colon + 1 + at;
        return std::from_chars(from, from + 16, value, 16).ptr == from + 16;
    };
    std::from_chars(text.data(), text.data() + colon, out.count);
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

struct OwnTable {
    std::string_view name;
    std::string_view columns;  ///< as `make_own_tables` makes them
};
constexpr OwnTable kOwnTables[] = {
    {"plumbline_cursor",
     "name,epoch,writer,chain_id,block,block_hash,block_time,finalized,updated_at"},
    {"plumbline_tables",
     "table_name,chain_id,cursor_name,row_count,digest,proven_block,proven_level"},
};

}  // namespace

std::string SinkSession::own(std::string_view table) const {
    return quote_name(config_.schema) + "." + quote_name(table);
}

uint64_t SinkSession::round_trips() const noexcept {
    return closed_round_trips_ + (connection_ ? connection_->round_trips() : 0);
}

Result<std::vector<PgRows>> SinkSession::run(const std::vector<PgStatement>& statements) {
    Result<std::vector<PgRows>> rows = connection_->run(statements);
    if (!rows && epoch_ != 0 && connection_->sqlstate() == kDivisionByZero) {
        return explain_fence(std::move(rows).error());
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

Status SinkSession::explain(Status done) const {
    return done ? std::move(done) : Status{explain(std::move(done).error())};
}

/// With what to do about it, where PostgreSQL says only what it is.
Error SinkSession::explain(Error error) const {
    std::string told;
    if (const size_t at = error.message.find(kTriggerKeeps); at != std::string::npos) {
        // Said by a cast that fails, between quotes; more may follow.
        const size_t end = std::min(error.message.find("\";", at), error.message.rfind('"'));
        error.message = error.message.substr(at, end - at);
        return error;
    }
    if (connection_->is_short_timeout()) {
        return error;
    }
    if (connection_->sqlstate() == "25006") {
        told = is_standby_ ? kStandby : kReadOnly;
    } else {
        told = pg_advice(*connection_, error.message, denied_tablespace_);
    }
    if (!told.empty() && !error.message.ends_with(told)) {
        error.message += fmt::format("; {}", told);
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

void SinkSession::close() {
    closed_round_trips_ = round_trips();
    connection_.reset();
}

Status SinkSession::connect(PgOptions options) {
    close();
    PLUMBLINE_TRY(connection_, PgConnection::open(std::move(options)));
    PLUMBLINE_TRY(const PgRows found, ask(fmt::format("select current_setting('server_encoding'), "
                                                      "current_setting('in_hot_standby', true), {}",
                                                      kDeniedTablespaceSql)));
    if (found.at(0, 0) != "UTF8") {
        return refusal(
            fmt::format("the database {} has the encoding {}: a sink needs UTF8; create "
                        "one with encoding 'UTF8'",
                        connection_->place(), found.at(0, 0)));
    }
    is_standby_ = found.at(0, 1) == "on";
    denied_tablespace_ = {std::string{found.at(0, 2)}, std::string{found.at(0, 3)}};
    return ok();
}

Status SinkSession::open(PgOptions options) {
    if (is_fenced_) {
        return fenced();
    }
    PLUMBLINE_TRY_VOID(connect(std::move(options)));
    PLUMBLINE_TRY_VOID(check_start());
    if (!has_own_tables_) {
        PLUMBLINE_TRY_VOID(make_own_tables());
    } else if (!has_columns_) {
        PLUMBLINE_TRY_VOID(add_columns_note());
    }
    PLUMBLINE_TRY_VOID(take_over());
    PLUMBLINE_TRY_VOID(look());
    PLUMBLINE_TRY_VOID(read_states());
    PLUMBLINE_TRY_VOID(leave_tables());
    PLUMBLINE_TRY_VOID(mend_tables());
    return mark_tables();
}

/// What the config no longer names is not written any more: with its place in plumbline_tables it
/// would look as if it were of the cursor's block. Its rows are the user's to drop.
Status SinkSession::leave_tables() {
    std::vector<std::string> names;
    for (const SinkTable& table : tables_) {
        names.push_back(table.name());
    }
    PLUMBLINE_TRY(
        const PgRows left,
        ask(fmt::format("delete from {} where cursor_name = $1::text and chain_id = $2::bigint and "
                        "table_name <> all($3::text[]) returning table_name",
                        own("plumbline_tables")),
            {config_.name, fmt::format("{}", chain_id_), to_array(names)}));
    for (size_t row = 0; row < left.size(); ++row) {
        logging::warning("a table of a sink is no longer in the config: its rows stay as they are",
                         {{"sink", config_.name},
                          {"table", fmt::format("{}.{}", config_.schema, left.at(row, 0))}});
    }
    return ok();
}

Status SinkSession::open_to_read(PgOptions options) {
    PLUMBLINE_TRY_VOID(connect(std::move(options)));
    PLUMBLINE_TRY(const std::vector<std::string> refused, find_own_tables());
    if (!refused.empty()) {
        return refusal(fmt::format("{}", fmt::join(refused, "; ")));
    }
    if (!has_own_tables_) {
        return Error{ErrorCode::kNotFound, fmt::format("no sink has written to schema {} of {}",
                                                       config_.schema, connection_->place())};
    }
    return refresh();
}

Status SinkSession::refresh() {
    PLUMBLINE_TRY_VOID(read_position());
    PLUMBLINE_TRY_VOID(look());
    return read_states();
}

/// What has the name of one of the sink's own tables is one of them, with all columns, or refused:
/// with these sentences.
Result<std::vector<std::string>> SinkSession::find_own_tables() {
    std::vector<PgStatement> questions;
    for (const OwnTable& table : kOwnTables) {
        questions.push_back(
            {fmt::format(
                 "select c.relkind in ('r', 'p'), (select count(*) from pg_attribute a where "
                 "a.attrelid = c.oid and a.attname = any($2::text[]) and not a.attisdropped) = "
                 "cardinality($2::text[]) from pg_class c where c.oid = to_regclass($1::text) "
                 "union all select false, false from pg_type t join pg_namespace n on n.oid = "
                 "t.typnamespace where n.nspname = $3::text and t.typname = $4::text and {}",
                 kIsInTablesPlace),
             {own(table.name), fmt::format("{{{}}}", table.columns), config_.schema,
              std::string{table.name}}});
    }
    questions.push_back(
        {"select 1 from pg_attribute where attrelid = to_regclass($1::text) and "
         "attname = 'columns' and not attisdropped",
         {own("plumbline_tables")}});
    PLUMBLINE_TRY(const std::vector<PgRows> found, run(questions));
    std::vector<std::string> refused;
    has_own_tables_ = true;
    has_columns_ = found.back().size() > 0;
    for (size_t at = 0; at < std::size(kOwnTables); ++at) {
        const bool is_there = found[at].size() > 0;
        const bool is_own = is_there && found[at].at(0, 0) == "t" && found[at].at(0, 1) == "t";
        has_own_tables_ = has_own_tables_ && is_own;
        has_notes_ = is_own;  // Of plumbline_tables, which is the last.
        if (is_there && !is_own) {
            refused.push_back(
                fmt::format("{} is there and is not the sink's own, which is a table with the "
                            "columns {}: use another schema, or rename it",
                            own(kOwnTables[at].name), kOwnTables[at].columns));
        }
    }
    return refused;
}

Status SinkSession::make_own_tables() {
    PLUMBLINE_TRY(
        const PgRows schema,
        ask("select count(*) from pg_namespace where nspname = $1::text", {config_.schema}));
    // Even where it is there, CREATE SCHEMA wants a right on the database that many roles lack.
    std::vector<PgStatement> statements{{kPgBegin, {}}, lock_schema()};
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
                     "proven_block bigint, proven_level text, columns text, primary key "
                     "(table_name, chain_id))",
                     own("plumbline_tables")),
         {}});
    statements.push_back({"commit", {}});
    PLUMBLINE_TRY(const auto made, run(statements));
    has_own_tables_ = true;
    has_notes_ = true;
    has_columns_ = true;
    return ok();
}

Status SinkSession::read_states() {
    PLUMBLINE_TRY(const PgRows rows,
                  ask(fmt::format("select table_name, chain_id, cursor_name, digest "
                                  "from {}",
                                  own("plumbline_tables"))));
    states_.assign(tables_.size(), {});
    for (size_t at = 0; at < states_.size(); ++at) {
        states_[at].exists = looks_[at].exists;
    }
    for (size_t row = 0; row < rows.size(); ++row) {
        const auto table = std::ranges::find(tables_, rows.at(row, 0), &SinkTable::name);
        if (table == tables_.end()) {
            continue;
        }
        const bool is_this_chain = rows.number(row, 1) == chain_id_;
        if (rows.at(row, 2) != config_.name && (is_this_chain || !config_.has_chain_id)) {
            return refusal(
                fmt::format("the table {} of schema {} is written by the sink {} of chain {}: use "
                            "another schema{}; where that sink is no more: delete from {} where "
                            "cursor_name = {}",
                            rows.at(row, 0), config_.schema, rows.at(row, 2), rows.at(row, 1),
                            is_this_chain ? "" : ", or distribute = \"chain_id\" in both",
                            own("plumbline_tables"), quote_text(rows.at(row, 2))));
        }
        if (is_this_chain) {
            // What came of an unlogged table since, nobody tells: a crash ends the connection.
            const auto at = static_cast<size_t>(table - tables_.begin());
            if (!looks_[at].is_unlogged) {
                states_[at].held = parse_node(*table, looks_[at], rows.at(row, 3));
            }
        }
    }
    return ok();
}

// --- transactions --------------------------------------------------------------------------------

std::vector<PgStatement> SinkSession::begin(const storage::Cursor& cursor) const {
    std::vector<std::string> params = fence_params();
    params.push_back(fmt::format("{}", cursor.block_num));
    params.push_back(bytea(cursor.block_hash));
    params.push_back(fmt::format("{}", cursor.timestamp));
    params.push_back(fmt::format("{}", cursor.finalized));
    return {{kPgBegin, {}},
            {fmt::format("with u as (update {} set block = $7::bigint, block_hash = $8::bytea, "
                         "block_time = $9::bigint, finalized = $10::bigint, updated_at = now() "
                         "where {} returning 1) select 1/count(*) from u",
                         own("plumbline_cursor"), fence_condition()),
             std::move(params)}};
}

std::vector<PgStatement> SinkSession::begin_beside_writer() const {
    return {
        {kPgBegin, {}},
        {kStaySilent, {}},
        {fmt::format("select 1 from {} where name = $1::text for update", own("plumbline_cursor")),
         {config_.name}}};
}

PgStatement SinkSession::note_tables(const std::vector<size_t>& tables,
                                     const std::vector<TableState>& states,
                                     const ProvenMark& proven) const {
    std::vector<std::string> names;
    std::vector<std::string> counts;
    std::vector<std::string> digests;
    std::vector<std::string> columns;
    for (const size_t at : tables) {
        const storage::DigestNode held = states[at].held.value_or(storage::DigestNode{});
        names.push_back(tables_[at].name());
        counts.push_back(states[at].rows ? fmt::format("{}", *states[at].rows) : "");
        digests.push_back(to_text(tables_[at], looks_[at], held));
        columns.push_back(fmt::format("{}", fmt::join(looks_[at].own_columns, ",")));
    }
    const std::string_view name = has_columns_ ? ", columns" : "";
    return {fmt::format(
                "insert into {} (table_name, chain_id, cursor_name, row_count, digest, "
                "proven_block, proven_level{}) select t.n, $1::bigint, $2::text, t.c, t.d, "
                "nullif($6::text, '')::bigint, nullif($7::text, ''){} from unnest("
                "$3::text[], $4::bigint[], $5::text[], $8::text[]) as t(n, c, d, k) on conflict "
                "(table_name, chain_id) do update set cursor_name = excluded.cursor_name, "
                "row_count = excluded.row_count, digest = excluded.digest, proven_block = "
                "excluded.proven_block, proven_level = excluded.proven_level{}",
                own("plumbline_tables"), name, has_columns_ ? ", t.k" : "",
                has_columns_ ? ", columns = excluded.columns" : ""),
            {fmt::format("{}", chain_id_), config_.name, to_array(names), to_array(counts),
             to_array(digests), proven.level.empty() ? "" : fmt::format("{}", proven.block_num),
             proven.level, to_array(columns)}};
}

Status SinkSession::commit(std::vector<PgStatement> statements) {
    statements.push_back({"commit", {}});
    PLUMBLINE_TRY(const std::vector<PgRows> rows, run(statements));
    if (rows.empty() || rows.back().tag() != "COMMIT") {
        return Error{ErrorCode::kUnavailable, "PostgreSQL rolled the transaction back"};
    }
    return ok();
}

Status SinkSession::commit_altering(std::vector<PgStatement> changes) {
    const int64_t lock_ms = connection_->lock_ms();
    const int64_t silence_ms = connection_->silence_ms();
    const int64_t most_ms = std::min(lock_ms, kAlterMs);
    changes.insert(changes.begin(), {pg_short_locks_sql(most_ms), {}});
    connection_->set_lock_ms(most_ms);  // So that who holds it is looked up in time.
    connection_->set_silence_ms(0);     // Building an index may take long.
    Status done = commit(std::move(changes));
    connection_->set_lock_ms(lock_ms);
    connection_->set_silence_ms(silence_ms);
    return done;
}

}  // namespace plumbline::sink
