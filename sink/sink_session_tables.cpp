// What PostgreSQL's catalog says of a sink's tables, and the fence that watches it.
#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/md5.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "sink/pg_settings.hpp"
#include "sink/sink_session.hpp"

namespace plumbline::sink {

namespace {

constexpr int64_t kNoteMs = 500;  ///< for what can be left undone

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
        questions.push_back(look_question(table));
    }
    questions.push_back(relations_question(config_.schema));
    if (has_notes_) {
        questions.push_back(notes_question(own("plumbline_tables")));
    }
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
        const PgRows& relations = (*answers)[tables_.size()];
        const TableNote note =
            has_notes_ ? to_note(answers->back(), tables_[at].name()) : TableNote{};
        looks_.push_back(to_look(tables_[at], columns, relations, note));
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

/// Columns and indexes that are missing are made; tables are made where they are loaded. Nothing of
/// one table is held while another is waited for, or while an index is built.
Status SinkSession::mend_tables() {
    std::vector<std::vector<PgStatement>> changes;
    for (size_t at = 0; at < looks_.size(); ++at) {
        const TableLook& look = looks_[at];
        if (!look.exists) {
            continue;
        }
        if (!look.problem.empty() && look.cure.empty()) {
            return Error{ErrorCode::kInvalidArgument, look.problem};
        }
        if (!look.cure.empty()) {
            changes.push_back(look.cure);
            changes.back().push_back(note_columns(at));
        }
        for (const PgStatement& index : look.missing_indexes) {
            changes.push_back({index});
        }
    }
    if (changes.empty()) {
        return ok();
    }
    for (std::vector<PgStatement>& one : changes) {
        PLUMBLINE_TRY(const auto begun, run({{kPgBegin, {}}, lock_schema()}));
        PLUMBLINE_TRY_VOID(commit_altering(std::move(one)));
    }
    PLUMBLINE_TRY_VOID(look());
    return read_states();
}

/// For every chain of it, so that it holds also where ours has no row yet.
PgStatement SinkSession::note_columns(size_t table) const {
    if (!has_columns_) {
        return {"select 1", {}};
    }
    return {fmt::format("update {} set columns = $2::text where table_name = $1::text and columns "
                        "is not null",
                        own("plumbline_tables")),
            {tables_[table].name(), fmt::format("{}", fmt::join(looks_[table].own_columns, ","))}};
}

/// plumbline_tables of an older version gets the column, where this role may add one; without it
/// nobody knows whose a column is.
Status SinkSession::add_columns_note() {
    const Result<std::vector<PgRows>> added =
        connection_->run({{kPgBegin, {}},
                          {pg_short_locks_sql(kNoteMs), {}},
                          lock_schema(),
                          {fmt::format("alter table {} add column if not exists columns text",
                                       own("plumbline_tables")),
                           {}},
                          {"commit", {}}});
    if (!added && !connection_->rollback()) {
        return added.error();
    }
    has_columns_ = added.has_value();
    return ok();
}

/// Tables of an older version get the mark; one who holds them is not waited for.
Status SinkSession::mark_tables() {
    std::vector<PgStatement> marks;
    for (size_t at = 0; at < tables_.size(); ++at) {
        if (looks_[at].wants_mark) {
            marks.push_back({tables_[at].mark_sql(), {}});
        }
    }
    if (marks.empty()) {
        return ok();
    }
    marks.insert(marks.begin(), {{kPgBegin, {}}, {pg_short_locks_sql(kNoteMs), {}}});
    marks.push_back({"commit", {}});
    const Result<std::vector<PgRows>> marked = connection_->run(marks);
    if (!marked && !connection_->rollback()) {
        return marked.error();
    }
    return ok();
}

// --- the fence -----------------------------------------------------------------------------------

/// With `fence_params`: of the cursor's row, that it is ours and the tables are as we know them.
std::string SinkSession::fence_condition() const {
    return fmt::format(
        "name = $1::text and epoch = $2::bigint and writer = $3::text and (select "
        "md5(coalesce(string_agg({}, ',' order by t.i), '')) from unnest($4::oid[], "
        "$5::smallint[]) with ordinality as t(o, n, i) join pg_attribute a on a.attrelid = t.o and "
        "a.attnum = t.n join pg_class c on c.oid = t.o) = $6::text",
        column_mark());
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

/// Why it failed.
Error SinkSession::explain_fence(Error said) {
    said = explain(std::move(said));
    connection_->rollback();
    if (Status held = check_cursor(); !held) {
        return std::move(held).error();
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
