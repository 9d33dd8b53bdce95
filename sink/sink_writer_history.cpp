// The part of a sink's writer that brings histories on by undo.
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sink/sink_writer.hpp"
#include "storage/raw_scan.hpp"
#include "storage/record_codec.hpp"

namespace plumbline::sink {

namespace {

constexpr size_t kUndoBytes = size_t{128} << 20;

/// What a row was before each block that changed it, oldest first.
using Befores = std::vector<std::pair<uint64_t, std::string>>;

/// Empty where there is more than fits.
Result<std::optional<std::map<RowName, Befores>>> read_undo(const storage::ReadView& view,
                                                            uint64_t above,
                                                            const std::vector<int>& wanted) {
    std::map<RowName, Befores> out;
    size_t bytes = 0;
    const auto scanner = storage::scan_raw_undo_from(view, above + 1);
    for (; scanner->valid(); scanner->next()) {
        PLUMBLINE_TRY(storage::UndoRow row, storage::decode_undo(scanner->key(), scanner->value()));
        if (row.entity >= wanted.size() || wanted[row.entity] < 0) {
            continue;
        }
        bytes += row.key.size() + row.before.size();
        if (bytes > kUndoBytes) {
            return std::optional<std::map<RowName, Befores>>{};
        }
        out[{row.entity, std::move(row.key)}].emplace_back(row.block_num, std::move(row.before));
    }
    PLUMBLINE_TRY_VOID(scanner->status());
    return std::optional{std::move(out)};
}

/// Each began in a block of its own, after the one before: blocks that were folded anew while the
/// chain went on may have undo of both folds.
bool are_versions(const Befores& befores, const std::string& now) {
    std::optional<uint64_t> last;
    const auto follows = [&last](const std::string& row) {
        if (!storage::RowCodec::is_live(row)) {
            return true;
        }
        const uint64_t began = storage::RowCodec::changed_at(row).block_num;
        const std::optional<uint64_t> before = std::exchange(last, began);
        return !before || began > *before;
    };
    return std::ranges::all_of(befores, [&](const auto& one) { return follows(one.second); }) &&
           follows(now);
}

}  // namespace

/// False where undo does not tell how the histories came to be what the view makes of them.
Result<bool> SinkWriter::fill_history(const storage::ReadView& view,
                                      std::optional<uint64_t> rollback_to, Unanswered& result,
                                      Filling& filling) {
    if (std::ranges::none_of(tables_, &SinkTable::is_history)) {
        return true;
    }
    PLUMBLINE_TRY(const std::optional<uint64_t> common, find_common(view, rollback_to));
    const storage::Cursor cursor = *view.cursor();
    if (!common || has_other_log_ || *common < cursor.finalized) {
        return false;
    }
    PLUMBLINE_TRY(const storage::DigestNode held,
                  history_mark(view, session_.position()->block_num));
    PLUMBLINE_TRY(const storage::DigestNode now, history_mark(view, cursor.block_num));
    PLUMBLINE_TRY(const auto undo, read_undo(view, *common, table_of_));
    if (!undo) {
        return false;
    }
    auto row = undo->begin();
    for (size_t at = 0; at < tables_.size(); ++at) {
        const SinkTable& table = tables_[at];
        if (!table.is_history()) {
            continue;
        }
        if (!(*result.states[at].held == held)) {
            return false;
        }
        result.states[at].held = now;
        if (rollback_to) {
            for (const std::string& sql : {table.delete_above_sql(), table.reopen_above_sql()}) {
                PLUMBLINE_TRY_VOID(add(filling, {sql, {fmt::format("{}", *common)}}));
            }
        }
        const storage::RowCodec& codec = options_.plan->codec(table.entity());
        RowArrays versions{table.columns(), false};
        RowArrays nothing{{}, true};
        Cells cells;
        const auto put = [&](std::string_view key, std::string_view stored,
                             std::optional<uint64_t> end) -> Status {
            if (!storage::RowCodec::is_live(stored)) {
                return ok();
            }
            PLUMBLINE_TRY_VOID(table.to_cells(codec, key, stored, end, cells));
            versions.add(cells);
            return add_rows(filling, table, versions, nothing, kSinkStatementRows);
        };
        for (; row != undo->end() && row->first.first <= table.entity(); ++row) {
            const auto& [name, befores] = *row;
            if (name.first < table.entity()) {
                continue;
            }
            PLUMBLINE_TRY(const std::string stored, stored_row(view, table, name.second));
            if (!are_versions(befores, stored)) {
                return false;
            }
            for (const auto& [ended_by, before] : befores) {
                PLUMBLINE_TRY_VOID(put(name.second, before, ended_by));
            }
            PLUMBLINE_TRY_VOID(put(name.second, stored, std::nullopt));
        }
        PLUMBLINE_TRY_VOID(add_rows(filling, table, versions, nothing, 1));
    }
    return true;
}

}  // namespace plumbline::sink
