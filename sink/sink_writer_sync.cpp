// The parts of a sink's writer that read whole logs and whole tables.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/fold/scratch_database.hpp"
#include "sink/sink_writer.hpp"
#include "sink/table_compare.hpp"

namespace plumbline::sink {

namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;

}  // namespace

// --- events --------------------------------------------------------------------------------------

/// The block up to which what the event tables hold is the log's; empty where nobody can tell.
Result<std::optional<uint64_t>> SinkWriter::find_common(const storage::ReadView& view,
                                                        std::optional<uint64_t> rollback_to) const {
    const std::optional<SinkPosition>& position = session_.position();
    const storage::Cursor cursor = *view.cursor();
    if (!position || (rollback_to && !is_own_position_)) {
        return std::optional<uint64_t>{};
    }
    if (rollback_to) {
        return std::optional{std::min(*rollback_to, position->block_num)};
    }
    if (position->block_num >= cursor.block_num) {
        const bool is_same = *position == SinkPosition{cursor.block_num, cursor.block_hash};
        return is_same ? std::optional{position->block_num} : std::nullopt;
    }
    const Result<storage::BlockRow> block = view.get_block(position->block_num);
    if (block) {
        return block->hash == position->block_hash ? std::optional{position->block_num}
                                                   : std::nullopt;
    }
    if (block.error().code != ErrorCode::kNotFound) {
        return block.error();
    }
    // Final and without events: its row has gone.
    return position->block_num <= cursor.finalized ? std::optional{position->block_num}
                                                   : std::nullopt;
}

/// False where the event tables may hold others than the log.
Result<bool> SinkWriter::fill_events(const storage::ReadView& view,
                                     std::optional<uint64_t> rollback_to, Unanswered& result,
                                     Filling& filling) {
    if (events_.empty()) {
        return true;
    }
    PLUMBLINE_TRY(const std::optional<uint64_t> common, find_common(view, rollback_to));
    if (!common || has_other_log_) {
        return false;
    }
    const storage::Cursor cursor = *view.cursor();
    std::vector<RowArrays> rows;
    for (const SinkTable& table : tables_) {
        rows.emplace_back(table.columns(), false);
        if (table.is_event() && rollback_to) {
            PLUMBLINE_TRY_VOID(
                add(filling, {table.delete_above_sql(), {fmt::format("{}", *common)}}));
        }
    }
    RowArrays nothing{{}, true};
    const auto take = [&](size_t at, const Cells& cells) -> Result<bool> {
        rows[at].add(cells);
        PLUMBLINE_TRY_VOID(add_rows(filling, tables_[at], rows[at], nothing, kSinkStatementRows));
        return true;
    };
    PLUMBLINE_TRY(const uint64_t seen,
                  events_.scan(view, *common + 1, cursor.block_num, options_.should_stop, take));
    for (size_t at = 0; at < tables_.size(); ++at) {
        if (!tables_[at].is_event()) {
            continue;
        }
        PLUMBLINE_TRY_VOID(add_rows(filling, tables_[at], rows[at], nothing, 1));
        storage::DigestNode& held = *result.states[at].held;
        if (!rollback_to && held.sum.low + seen != cursor.event_count) {
            return false;
        }
        held = {0, {0, cursor.event_count}};
    }
    return true;
}

// --- whole tables --------------------------------------------------------------------------------

RowSource SinkWriter::rows_of(const storage::ReadView& view, size_t at, HistoryRows* history) {
    const SinkTable& table = tables_[at];
    if (table.is_history()) {
        return history->rows_of(table);
    }
    return table.is_event() ? events_.rows_of(view, at, options_.should_stop)
                            : entity_rows(view, table, options_.plan->codec(table.entity()),
                                          options_.should_stop);
}

void SinkWriter::tell_once(std::string_view what, const SinkTable& table) {
    if (told_.insert(fmt::format("{} {}", what, table.full_name())).second) {
        logging::info(what, {{"sink", options_.config.name}, {"table", table.full_name()}});
    }
}

/// The table is then what the view is.
Status SinkWriter::sync_table(size_t at, const RowSource& rows) {
    if (!session_.tables()[at].exists) {
        return load(at, rows);
    }
    ++pending_.compared;
    tell_once("comparing a table of a sink", tables_[at]);
    return send_differences(tables_[at], rows);
}

/// Alone in the schema where tables are to be made.
Status SinkWriter::begin_sync(const storage::Cursor& cursor) {
    std::vector<PgStatement> statements = session_.begin(cursor);
    if (std::ranges::all_of(session_.tables(), &TableState::exists)) {
        PLUMBLINE_TRY(const auto begun, session_.run(statements));
        return ok();
    }
    statements.push_back(session_.lock_schema());
    PLUMBLINE_TRY(const auto begun, session_.run(statements));
    return session_.check_missing_tables();
}

Status SinkWriter::sync_all(const storage::Database& database) {
    has_other_log_ = !dirty_.begin() || has_other_log_;
    const std::unique_ptr<storage::ReadView> view = database.read_view();
    if (!view->cursor() || !shows_plan(*view)) {
        return Error{ErrorCode::kUnavailable, "the index is just folded again"};
    }
    const storage::Cursor cursor = *view->cursor();
    std::unique_ptr<HistoryRows> history;
    if (std::ranges::any_of(tables_, &SinkTable::is_history)) {
        // Before the transaction, which nothing should wait for.
        PLUMBLINE_TRY(history, HistoryRows::fold(*view, options_.plan, tables_,
                                                 engine::directory_of(database), options_.memory,
                                                 options_.should_stop));
    }
    session_.connection().set_silence_ms(0);  // Building a key may take long.
    PLUMBLINE_TRY_VOID(begin_sync(cursor));
    if (options_.on_sync) {
        options_.on_sync(*this);
    }
    pending_ = figures_;
    Unanswered result{session_.tables(), {}, cursor.commit_num, {}, {}};
    for (size_t at = 0; at < tables_.size(); ++at) {
        TableState& state = result.states[at];
        if (tables_[at].is_event()) {
            // Read again from the beginning: this is for once in a while.
            state.held = storage::DigestNode{0, {0, cursor.event_count}};
        } else if (tables_[at].is_history()) {
            PLUMBLINE_TRY(state.held, history_mark(*view, cursor.block_num));
        } else {
            PLUMBLINE_TRY(state.held, view->digest_root({static_cast<int>(tables_[at].entity())}));
            state.rows = view->entity_count(tables_[at].entity());
        }
        const TableState& before = session_.tables()[at];
        if (!tables_[at].is_entity() || !before.exists || before.held != state.held) {
            PLUMBLINE_TRY_VOID(sync_table(at, rows_of(*view, at, history.get())));
        }
        state.exists = true;
    }
    if (!std::ranges::all_of(session_.tables(), &TableState::exists)) {
        PLUMBLINE_TRY_VOID(session_.look_at_made());
    }
    for (const RowName& name : dirty_.touched()) {
        if (const int table = table_of_[name.first]; table >= 0) {
            PLUMBLINE_TRY(const std::string row,
                          stored_row(*view, tables_[static_cast<size_t>(table)], name.second));
            result.sent.emplace(name, row_digest(name.second, row));
        }
    }
    PLUMBLINE_TRY_VOID(settle(cursor, std::move(result), {}));
    has_other_log_ = false;
    session_.connection().set_silence_ms(options_.silence_ms);
    return ok();
}

/// Into a table without a key, which is made afterwards: five times as fast.
Status SinkWriter::load(size_t at, const RowSource& rows) {
    const SinkTable& table = tables_[at];
    tell_once("loading a table of a sink", table);
    PLUMBLINE_TRY(const auto made,
                  session_.run({{table.create_sql(), {}}, {table.mark_sql(), {}}}));
    uint64_t count = 0;
    std::string lines;
    const auto produce = [&](const PgConnection::CopyPut& put) -> Status {
        const auto take = [&](const Cells& cells) -> Result<bool> {
            append_copy_line(lines, table.columns(), cells);
            ++count;
            if (lines.size() >= kCopyBytes) {
                PLUMBLINE_TRY_VOID(put(lines));
                lines.clear();
            }
            return true;
        };
        PLUMBLINE_TRY_VOID(rows(take));
        return put(lines);
    };
    PLUMBLINE_TRY_VOID(session_.copy_in(table.copy_in_sql(), produce));
    std::vector<PgStatement> keys{{table.primary_key_sql(), {}}};
    const std::vector<PgStatement>& indexes = session_.looks()[at].missing_indexes;
    keys.insert(keys.end(), indexes.begin(), indexes.end());
    PLUMBLINE_TRY(const auto keyed, session_.run(keys));
    pending_.copied += count;
    return ok();
}

Status SinkWriter::send_differences(const SinkTable& table, const RowSource& rows) {
    Filling filling;
    filling.are_there = true;
    RowArrays upserts{table.columns(), false};
    RowArrays deletes{table.columns(), true};
    PLUMBLINE_TRY_VOID(session_.explain(
        compare_table(session_.connection(), table, rows, [&](const RowDifference& difference) {
            const bool is_extra = difference.kind == RowDifference::Kind::kExtra;
            (is_extra ? deletes : upserts).add(*difference.cells);
            return add_rows(filling, table, upserts, deletes, kSinkStatementRows);
        })));
    PLUMBLINE_TRY_VOID(add_rows(filling, table, upserts, deletes, 1));
    if (!filling.statements.empty()) {
        PLUMBLINE_TRY(const auto sent, session_.run(filling.statements));
    }
    return ok();
}

}  // namespace plumbline::sink
