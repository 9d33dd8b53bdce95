// Stored logs as rows of the sink's event tables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_decode.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "sink/sink_table.hpp"
#include "sink/table_compare.hpp"
#include "storage/read_view.hpp"

namespace plumbline::sink {

/// A table for each event of the plan's ABIs that the config's `events` name: "hub_VoteCast", with
/// the first digits of its topic behind where an ABI has several of that name.
[[nodiscard]] Result<std::vector<SinkTable>> make_event_tables(const engine::SinkConfig& config,
                                                               const engine::Plan& plan,
                                                               uint64_t chain_id);

/// Knows which table a log belongs to. One thread; the plan must outlive it.
class EventRows {
  public:
    /// `tables` are the sink's, entities' among them; those of events are looked for.
    EventRows(const engine::Plan& plan, const std::vector<SinkTable>& tables);

    [[nodiscard]] bool empty() const noexcept { return known_.empty(); }
    /// Each log of blocks `from` to `to`, both included, that has a table: the table's place and
    /// the row. False from `take` ends it. Gives how many logs there were, with a table or without.
    using Take = std::function<Result<bool>(size_t table, const Cells&)>;
    [[nodiscard]] Result<uint64_t> scan(const storage::ReadView& view, uint64_t from, uint64_t to,
                                        const std::function<bool()>& should_stop, const Take& take);
    /// All rows of one table.
    [[nodiscard]] RowSource rows_of(const storage::ReadView& view, size_t table,
                                    std::function<bool()> should_stop = {});

  private:
    struct Known {
        uint32_t source = 0;
        int table = -1;  ///< of the sink; -1 = none
        evm::EventDecoder decoder;
    };
    [[nodiscard]] const Known* find(const storage::LogRecord& record);

    const engine::Plan& plan_;
    const std::vector<SinkTable>& tables_;
    engine::SourceMap map_;
    std::vector<Known> known_;
    evm::DecodedEvent event_;
};

}  // namespace plumbline::sink
