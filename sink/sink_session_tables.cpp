// What PostgreSQL's catalog says of a sink's tables, and the fence that watches it.
#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/base/md5.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "sink/sink_session.hpp"

namespace plumbline::sink {

namespace {

/// Of a column `a` of a table `c`: all that must stay as it is. TRUNCATE leaves the table and gives
/// it another file.
constexpr std::string_view kColumnMark =
    "concat_ws(' ', c.oid, c.relfilenode, c.relnamespace, c.relname, a.attnum, a.attname, "
    "a.atttypid, a.atttypmod)";

/// As look() reads a column.
enum LookColumn : uint8_t {
    kName,
    kType,
    kIsKey,
    kTableKind,
    kPersistence,
    kTable,
    kFile,
    kNumber,
    kMark
};

size_t find_row(const PgRows& rows, std::string_view name) {
    size_t row = 0;
    while (row < rows.size() && rows.at(row, kName) != name) {
        ++row;
    }
    return row;
}

/// To make one that is there already would wait for everybody who writes to the table.
std::vector<PgStatement> find_missing_indexes(const SinkTable& table, const PgRows& known) {
    std::vector<PgStatement> out;
    for (SinkTable::Index& index : table.indexes()) {
        if (find_row(known, index.name) == known.size()) {
            out.push_back({std::move(index.sql), {}});
        }
    }
    return out;
}

std::vector<PgStatement> to_make(const SinkTable& table) {
    std::vector<PgStatement> out{{table.create_sql(), {}}, {table.primary_key_sql(), {}}};
    for (SinkTable::Index& index : table.indexes()) {
        out.push_back({std::move(index.sql), {}});
    }
    return out;
}

/// What is wrong with a column as it is there, and nobody but its owner can mend; mostly nothing.
std::string misfit(const SinkTable& table, const SinkColumn& column, const PgRows& columns,
                   size_t row) {
    if (row == columns.size()) {
        return !column.is_key ? std::string{}
                              : fmt::format(
                                    "the table {} has no column {}, which its key needs: drop or "
                                    "rename the table, and it is made anew",
                                    table.full_name(), column.name);
    }
    const bool is_key = columns.at(row, kIsKey) == "t";
    if (columns.at(row, kType) == column.type && is_key == column.is_key) {
        return {};
    }
    return fmt::format(
        "the column {} of {} is {}{}, and the mapping needs {}{}: rename or drop the {}, and it is "
        "made anew",
        column.name, table.full_name(), columns.at(row, kType), is_key ? " in the primary key" : "",
        column.type, column.is_key ? " in the primary key" : "",
        is_key != column.is_key ? "table" : "column");
}

TableLook to_look(const SinkTable& table, const PgRows& columns) {
    TableLook out;
    out.exists = columns.size() > 0;
    if (!out.exists) {
        out.problem = fmt::format("the table {} does not exist", table.full_name());
        out.cure = to_make(table);
        return out;
    }
    std::string refused;
    if (columns.at(0, kTableKind) != "r" && columns.at(0, kTableKind) != "p") {
        refused = fmt::format("{} is no table: drop or rename it, or use another schema",
                              table.full_name());
    }
    out.is_unlogged = columns.at(0, kPersistence) == "u";
    std::string identity = fmt::format("{} {}", columns.at(0, kTable), columns.at(0, kFile));
    for (const SinkColumn& column : table.columns()) {
        const size_t row = find_row(columns, column.name);
        identity += row < columns.size() ? fmt::format(" {}", columns.at(row, kNumber)) : " -";
        if (refused.empty()) {
            refused = misfit(table, column, columns, row);
        }
        if (row == columns.size()) {
            out.problem = fmt::format("the column \"{}\" of {} does not exist", column.name,
                                      table.full_name());
            out.cure.push_back(
                {fmt::format("alter table {} add column if not exists {} {}", table.full_name(),
                             quote_name(column.name), column.type),
                 {}});
        }
    }
    if (!refused.empty()) {
        out.problem = std::move(refused);
        out.cure.clear();
    }
    out.identity = evm::to_hex(evm::keccak256(as_bytes(identity))).substr(2, 16);
    return out;
}

}  // namespace

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

// --- looking -------------------------------------------------------------------------------------

/// All tables in one round trip.
Status SinkSession::look() {
    std::vector<PgStatement> questions;
    for (const SinkTable& table : tables_) {
        questions.push_back(
            {fmt::format(
                 "select a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = "
                 "any(i.indkey), false), c.relkind, c.relpersistence, c.oid, c.relfilenode, "
                 "a.attnum, {} from pg_class c join pg_attribute a on a.attrelid = c.oid left join "
                 "pg_index i on i.indrelid = c.oid and i.indisprimary where c.oid = "
                 "to_regclass($1::text) and a.attnum > 0 and not a.attisdropped",
                 kColumnMark),
             {table.full_name()}});
    }
    questions.push_back(
        {"select c.relname from pg_class c join pg_namespace n on n.oid = "
         "c.relnamespace where n.nspname = $1::text and c.relkind in ('i', 'I')",
         {config_.schema}});
    Result<std::vector<PgRows>> answers = connection_->run(questions);
    if (!answers) {
        return explain(std::move(answers).error());
    }
    looks_.clear();
    std::string marks;
    std::string tables;
    std::string numbers;
    for (size_t at = 0; at < tables_.size(); ++at) {
        const PgRows& columns = (*answers)[at];
        TableLook look = to_look(tables_[at], columns);
        if (look.exists) {
            look.missing_indexes = find_missing_indexes(tables_[at], answers->back());
        }
        looks_.push_back(std::move(look));
        for (const SinkColumn& column : tables_[at].columns()) {
            if (const size_t row = find_row(columns, column.name); row < columns.size()) {
                const std::string_view comma = marks.empty() ? "" : ",";
                marks += fmt::format("{}{}", comma, columns.at(row, kMark));
                tables += fmt::format("{}{}", comma, columns.at(row, kTable));
                numbers += fmt::format("{}{}", comma, columns.at(row, kNumber));
            }
        }
    }
    column_tables_ = "{" + tables + "}";
    column_numbers_ = "{" + numbers + "}";
    catalog_mark_.clear();
    evm::append_hex(catalog_mark_, as_bytes(md5(marks)));
    return ok();
}

Status SinkSession::look_at_made() {
    std::vector<TableLook> before = looks_;
    PLUMBLINE_TRY_VOID(look());
    for (size_t at = 0; at < tables_.size(); ++at) {
        if (!before[at].exists) {
            before[at] = looks_[at];
        }
    }
    std::string changed = what_changed(before);
    if (!changed.empty()) {
        return Error{ErrorCode::kUnavailable, std::move(changed)};
    }
    return ok();
}

/// Columns and indexes that are missing are made; tables are made where they are loaded.
Status SinkSession::mend_tables() {
    std::vector<PgStatement> changes;
    for (const TableLook& look : looks_) {
        if (!look.exists) {
            continue;
        }
        if (!look.problem.empty() && look.cure.empty()) {
            return Error{ErrorCode::kInvalidArgument, look.problem};
        }
        changes.insert(changes.end(), look.cure.begin(), look.cure.end());
        changes.insert(changes.end(), look.missing_indexes.begin(), look.missing_indexes.end());
    }
    if (changes.empty()) {
        return ok();
    }
    changes.insert(changes.begin(), {{"begin", {}}, {kSettings, {}}, lock_schema()});
    changes.push_back({"commit", {}});
    PLUMBLINE_TRY(const auto changed, run(changes));
    PLUMBLINE_TRY_VOID(look());
    return read_states();
}

// --- the fence -----------------------------------------------------------------------------------

/// With `fence_params`: of the cursor's row, that it is ours and the tables are as we know them.
std::string SinkSession::fence_condition() const {
    return fmt::format(
        "name = $1::text and epoch = $2::bigint and writer = $3::text and (select "
        "md5(coalesce(string_agg({}, ',' order by t.i), '')) from unnest($4::oid[], "
        "$5::smallint[]) with ordinality as t(o, n, i) join pg_attribute a on a.attrelid = t.o and "
        "a.attnum = t.n join pg_class c on c.oid = t.o) = $6::text",
        kColumnMark);
}

std::vector<std::string> SinkSession::fence_params() const {
    return {config_.name,   fmt::format("{}", epoch_), writer_,
            column_tables_, column_numbers_,           catalog_mark_};
}

Status SinkSession::check_fence() {
    PLUMBLINE_TRY(const PgRows found, ask(fmt::format("select count(*) from {} where {}",
                                                      own("plumbline_cursor"), fence_condition()),
                                          fence_params()));
    if (found.at(0, 0) != "1") {
        return explain_fence({ErrorCode::kUnavailable, "the sink's tables changed"});
    }
    return ok();
}

/// Why it failed; where that is another writer, it is for good.
Error SinkSession::explain_fence(Error said) {
    said = explain(std::move(said));
    connection_->rollback();
    const Result<PgRows> row = ask(
        fmt::format("select epoch, writer from {} where name = $1::text", own("plumbline_cursor")),
        {config_.name});
    if (!row) {
        return row.error();
    }
    if (row->size() == 0) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("somebody has deleted the row {} of {}: the sink makes it again "
                                 "and goes on as at its first start",
                                 config_.name, own("plumbline_cursor"))};
    }
    if (row->at(0, 1) != writer_ || row->at(0, 0) != fmt::format("{}", epoch_)) {
        is_fenced_ = true;
        return Error{ErrorCode::kIncompatible,
                     fmt::format("another plumbline has taken over the cursor {} of schema {}: "
                                 "this one has stopped writing; give one of them another name, or "
                                 "stop it and start this one again",
                                 config_.name, config_.schema)};
    }
    const std::vector<TableLook> before = looks_;
    if (Status looked = look(); !looked) {
        return std::move(looked).error();
    }
    std::string changed = what_changed(before);
    return changed.empty() ? said : Error{ErrorCode::kUnavailable, std::move(changed)};
}

std::string SinkSession::what_changed(const std::vector<TableLook>& before) const {
    for (size_t at = 0; at < looks_.size(); ++at) {
        const TableLook& now = looks_[at];
        if (now.identity == before[at].identity && now.problem == before[at].problem) {
            continue;
        }
        if (!now.exists) {
            return now.problem +
                   "; somebody has dropped or renamed the table: the sink makes it anew";
        }
        if (!now.problem.empty()) {
            const bool is_curable = !now.cure.empty();
            return now.problem +
                   (is_curable ? "; somebody has altered the table: the sink mends it" : "");
        }
        return fmt::format(
            "the table {}, or a column of it, was emptied, rewritten or made anew by somebody "
            "else: the sink compares it",
            tables_[at].full_name());
    }
    return {};
}

}  // namespace plumbline::sink
