// Every version that rows have had, block by block: made by folding the log again, for the index
// keeps the newest only. What a fold of the whole log costs (docs/postgres.md), so it is for tables
// that are made or compared; from commit to commit undo tells the same (sink_writer_history.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/memory_plan.hpp"
#include "engine/mapping/plan.hpp"
#include "sink/sink_table.hpp"
#include "sink/table_compare.hpp"
#include "storage/read_view.hpp"

namespace plumbline::sink {

/// One thread. Versions that have ended wait in files without a name.
class HistoryRows {
  public:
    /// Of those of `tables` that are histories, at the view's block. The scratch database and the
    /// files are in the directory `scratch_parent`; all that is given must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<HistoryRows>> fold(
        const storage::ReadView& view, std::shared_ptr<const engine::Plan> plan,
        const std::vector<SinkTable>& tables, const std::string& scratch_parent,
        const engine::MemoryPlan& memory, std::function<bool()> should_stop = {});
    HistoryRows(const HistoryRows&) = delete;
    HistoryRows& operator=(const HistoryRows&) = delete;
    ~HistoryRows();

    /// All versions of one table, those that stand still last.
    [[nodiscard]] RowSource rows_of(const SinkTable& table);

  private:
    class Spool;

    HistoryRows(const storage::ReadView& view, std::shared_ptr<const engine::Plan> plan,
                std::function<bool()> should_stop);
    [[nodiscard]] Status give_ended(Spool& spool, const SinkTable& table, const RowTaker& take,
                                    bool& goes_on);
    [[nodiscard]] Status give_standing(const SinkTable& table, const RowTaker& take);

    const storage::ReadView& view_;
    std::shared_ptr<const engine::Plan> plan_;
    std::function<bool()> should_stop_;
    std::vector<std::unique_ptr<Spool>> spools_;  ///< by entity; null: no history
};

/// What the history in PostgreSQL must be noted as to be the view's: by which fold it came, and how
/// far. `block_num` is the block that it is of.
[[nodiscard]] Result<storage::DigestNode> history_mark(const storage::ReadView& view,
                                                       uint64_t block_num);

}  // namespace plumbline::sink
