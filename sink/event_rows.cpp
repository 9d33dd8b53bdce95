#include "sink/event_rows.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::sink {

namespace {

constexpr uint64_t kLogsBetweenLooks = 1'024;

bool is_named(const engine::SinkConfig& config, const std::string& contract,
              const std::string& event) {
    return std::ranges::any_of(config.events, [&](const std::string& name) {
        return name == "*" || name == contract + ".*" || name == contract + "." + event;
    });
}

std::string table_name(const std::string& contract, const evm::Abi& abi,
                       const evm::AbiEvent& event) {
    std::string out = fmt::format("{}_{}", contract, event.name);
    if (std::ranges::count(abi.events, event.name, &evm::AbiEvent::name) > 1) {
        // Of the shape: the same signature may be there with other parameters indexed.
        out += "_" + evm::to_hex(evm::keccak256(as_bytes(event.shape()))).substr(2, 8);
    }
    return out;
}

}  // namespace

Result<std::vector<SinkTable>> make_event_tables(const engine::SinkConfig& config,
                                                 const engine::Plan& plan, uint64_t chain_id) {
    std::vector<SinkTable> out;
    for (size_t source = 0; source < plan.sources().size(); ++source) {
        const std::string& contract = plan.sources()[source].contract;
        for (const evm::AbiEvent& event : plan.abi(source).events) {
            if (is_named(config, contract, event.name)) {
                PLUMBLINE_TRY(SinkTable table,
                              SinkTable::make_event(table_name(contract, plan.abi(source), event),
                                                    event, config, chain_id));
                out.push_back(std::move(table));
            }
        }
    }
    if (out.empty() && !config.events.empty()) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format(
                "[sinks.{}] events: no contract has an event {}; write CONTRACT.EVENT as the "
                "ABI names it, CONTRACT.* or *",
                config.name, fmt::join(config.events, ", "))};
    }
    return out;
}

EventRows::EventRows(const engine::Plan& plan, const std::vector<SinkTable>& tables)
    : plan_{plan},
      tables_{tables},
      map_{plan.sources()} {
    if (std::ranges::none_of(tables, &SinkTable::is_event)) {
        return;
    }
    for (uint32_t source = 0; source < plan.sources().size(); ++source) {
        const evm::Abi& abi = plan.abi(source);
        for (const evm::AbiEvent& event : abi.events) {
            auto decoder = evm::EventDecoder::compile(event);
            const std::string name = table_name(plan.sources()[source].contract, abi, event);
            const auto table = std::ranges::find_if(
                tables, [&](const SinkTable& one) { return one.is_event() && one.name() == name; });
            if (decoder) {
                const int at =
                    table == tables.end() ? -1 : static_cast<int>(table - tables.begin());
                known_.push_back({source, at, *std::move(decoder)});
            }
        }
    }
}

/// As the API tells a log's event (engine/text/event_text): the first that decodes.
const EventRows::Known* EventRows::find(const storage::LogRecord& record) {
    const evm::Log& log = record.log;
    const Known* out = nullptr;
    map_.for_each_source(log, [&](uint32_t source) {
        for (const Known& known : known_) {
            if (out != nullptr || known.source != source ||
                known.decoder.topic_count() != log.topic_count) {
                continue;
            }
            const evm::AbiEvent& event = known.decoder.event();
            const bool is_it = event.anonymous
                                   ? plan_.is_anonymous_event(source, log, event)
                                   : log.topic_count > 0 && known.decoder.topic0() == log.topics[0];
            if (is_it && known.decoder.decode(log, record.data, event_) == evm::AbiError::kNone) {
                out = &known;
            }
        }
    });
    return out;
}

Result<uint64_t> EventRows::scan(const storage::ReadView& view, uint64_t from, uint64_t to,
                                 const std::function<bool()>& should_stop, const Take& take) {
    PLUMBLINE_TRY(const std::vector<storage::ChildRow> children, view.list_children());
    map_.reset_children(children);
    const auto scanner = view.scan_logs(from, to);
    Cells cells;
    uint64_t seen = 0;
    std::optional<storage::BlockRow> block;
    for (; scanner->valid(); scanner->next(), ++seen) {
        if (seen % kLogsBetweenLooks == 0 && should_stop && should_stop()) {
            return Error{ErrorCode::kCancelled, "stopped while reading logs"};
        }
        const storage::LogRecord& record = scanner->record();
        const Known* known = find(record);
        if (known == nullptr || known->table < 0) {
            continue;
        }
        if (!block || block->block_num != record.log.block_num) {
            PLUMBLINE_TRY(block, view.get_block(record.log.block_num));
        }
        const auto table = static_cast<size_t>(known->table);
        tables_[table].to_cells(record.log, block->timestamp, known->decoder, event_, cells);
        PLUMBLINE_TRY(const bool goes_on, take(table, cells));
        if (!goes_on) {
            return seen + 1;
        }
    }
    PLUMBLINE_TRY_VOID(scanner->status());
    return seen;
}

RowSource EventRows::rows_of(const storage::ReadView& view, size_t table,
                             std::function<bool()> should_stop) {
    return [this, &view, table, stop = std::move(should_stop)](const RowTaker& take) -> Status {
        const auto only = [&](size_t at, const Cells& cells) -> Result<bool> {
            if (at != table) {
                return true;
            }
            return take(cells);
        };
        PLUMBLINE_TRY(const uint64_t seen, scan(view, 0, UINT64_MAX, stop, only));
        static_cast<void>(seen);
        return ok();
    };
}

}  // namespace plumbline::sink
