// Events of one kind as a table: a walk along the log, bounded by blocks.
#include <algorithm>

#include "core/evm/abi_text.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/source_map.hpp"
#include "query/sql/table_parts.hpp"

namespace plumbline::query::sql {

namespace {

/// Columns before those of the parameters.
enum Place : uint16_t { kBlock, kLog, kTime, kTxn, kAddress, kParams };

std::vector<Column> event_columns(const evm::EventDecoder& decoder) {
    std::vector<Column> out = {{"_block", uint_type(64)},
                               {"_log", uint_type(32)},
                               {"_time", uint_type(64), false, false},
                               {"_txn", bytes_type(32)},
                               {"_address", storage::FieldType{storage::FieldKind::kAddress, 160}}};
    Names names;
    for (Column& column : out) {
        column.name = names.take(std::move(column.name));
    }
    const auto& inputs = decoder.event().inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
        Column column{names.take(evm::param_name(decoder.event(), i)), {}};
        const auto type = storage::parse_field_type(evm::to_string(inputs[i].type));
        if (decoder.is_hashed(i)) {
            column.type = bytes_type(32);
        } else if (type) {
            column.type = *type;
        } else {
            column.shape = std::make_shared<const evm::AbiType>(inputs[i].type);
        }
        out.push_back(std::move(column));
    }
    return out;
}

class EventCursor final : public TableCursor {
  public:
    EventCursor(Statement& statement, const Table& table, const engine::Plan& plan, uint32_t source,
                const evm::EventDecoder& decoder, const Question& question)
        : statement_{statement},
          table_{table},
          plan_{plan},
          source_{source},
          decoder_{decoder},
          where_{question.where},
          map_{plan.sources()} {
        const BlockSpan span = block_span(question, kBlock);
        auto children = statement.view->list_children();
        if (!children) {
            status_ = children.error();
            return;
        }
        map_.reset_children(*children);
        if (span.is_empty) {
            return;
        }
        const bool backwards = !question.order.empty() && question.order.front().descending;
        logs_ = statement.view->scan_logs(
            span.first, span.last, storage::OnDamage::kStop,
            backwards ? storage::ScanOrder::kBackward : storage::ScanOrder::kForward);
        settle();
    }
    [[nodiscard]] bool valid() const override { return logs_ != nullptr; }
    void next() override {
        logs_->next();
        settle();
    }
    [[nodiscard]] Status status() const override { return status_; }
    [[nodiscard]] Result<Cell> read(size_t column) override {
        const evm::Log& log = logs_->record().log;
        switch (column) {
            case kBlock: return Cell{static_cast<int64_t>(log.block_num)};
            case kLog: return Cell{int64_t{log.log_index}};
            case kTime: return time_of_block(log.block_num);
            case kTxn: return Cell{evm::to_hex(log.txn_hash)};
            case kAddress: return Cell{evm::to_hex(log.address)};
            default: break;
        }
        const size_t param = column - kParams;
        const evm::Value& value = event_.params()[param];
        if (const auto& type = table_.columns()[column].type) {
            return to_cell(*type, value.word,
                           value.kind == evm::ValueKind::kBytes ? as_chars(value.bytes())
                                                                : std::string_view{});
        }
        std::string json;
        evm::append_json(json, decoder_.event().inputs[param].type, event_, value);
        return Cell{std::move(json)};
    }

  private:
    Result<Cell> time_of_block(uint64_t block_num) {
        if (block_num != time_block_) {
            PLUMBLINE_TRY(const storage::BlockRow block, statement_.view->get_block(block_num));
            time_block_ = block_num;
            time_ = block.timestamp;
        }
        return Cell{static_cast<int64_t>(time_)};
    }
    /// Goes on to the next log that is the event and is wanted.
    void settle() {
        for (; logs_->valid(); logs_->next()) {
            if (++visited_ % 256 == 0 && statement_.should_stop && statement_.should_stop()) {
                status_ = too_late();
                break;
            }
            ++statement_.visited;
            if (is_event(logs_->record()) && is_wanted(logs_->record().log)) {
                return;
            }
        }
        if (status_) {
            status_ = logs_->status();
        }
        logs_.reset();
    }
    bool is_event(const storage::LogRecord& record) {
        const evm::Log& log = record.log;
        const bool anonymous = decoder_.event().anonymous;
        if (decoder_.topic_count() != log.topic_count ||
            (anonymous ? !plan_.is_anonymous_event(source_, log, decoder_.event())
                       : log.topic_count == 0 || log.topics[0] != decoder_.topic0())) {
            return false;
        }
        bool is_ours = false;
        map_.for_each_source(log, [&](uint32_t source) { is_ours |= source == source_; });
        return is_ours && decoder_.decode(log, record.data, event_) == evm::AbiError::kNone;
    }
    bool is_wanted(const evm::Log& log) {
        return std::ranges::all_of(where_, [&](const Condition& asked) {
            scratch_.clear();
            append(asked.column, log);
            return holds(asked, scratch_);
        });
    }
    void append(uint16_t column, const evm::Log& log) {
        const storage::FieldType type = *table_.columns()[column].type;
        switch (column) {
            case kBlock: storage::append_key_word(scratch_, type, log.block_num); return;
            case kLog: storage::append_key_word(scratch_, type, log.log_index); return;
            case kTxn: scratch_.append(as_chars(log.txn_hash.view())); return;
            case kAddress: scratch_.append(as_chars(log.address.view())); return;
            default: break;
        }
        const evm::Value& value = event_.params()[column - kParams];
        if (value.kind == evm::ValueKind::kBytes) {
            storage::append_key_dynamic(scratch_, as_chars(value.bytes()));
        } else {
            storage::append_key_word(scratch_, type, value.word);
        }
    }

    Statement& statement_;
    const Table& table_;
    const engine::Plan& plan_;
    uint32_t source_;
    const evm::EventDecoder& decoder_;
    std::vector<Condition> where_;
    engine::SourceMap map_;
    std::unique_ptr<storage::LogScanner> logs_;  ///< null: at the end
    evm::DecodedEvent event_;
    Status status_;
    std::string scratch_;
    uint64_t visited_ = 0;
    uint64_t time_block_ = UINT64_MAX;
    uint64_t time_ = 0;
};

class EventTable final : public Table {
  public:
    EventTable(std::string name, std::shared_ptr<const engine::Plan> plan, uint32_t source,
               evm::EventDecoder decoder)
        : Table{std::move(name), event_columns(decoder), {kBlock, kLog}},
          plan_{std::move(plan)},
          source_{source},
          decoder_{std::move(decoder)} {}
    [[nodiscard]] TablePlan plan(const storage::ReadView& view,
                                 const Question& question) const override {
        const auto cursor = view.cursor();
        return plan_by_block(question, kBlock, kLog, cursor ? cursor->event_count : 0);
    }
    [[nodiscard]] Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                            const Question& question,
                                                            uint64_t /*used*/) const override {
        auto cursor =
            std::make_unique<EventCursor>(statement, *this, *plan_, source_, decoder_, question);
        PLUMBLINE_TRY_VOID(cursor->status());
        return std::unique_ptr<TableCursor>(std::move(cursor));
    }

  private:
    std::shared_ptr<const engine::Plan> plan_;
    uint32_t source_;
    evm::EventDecoder decoder_;
};

}  // namespace

std::unique_ptr<Table> make_event_table(std::string name, std::shared_ptr<const engine::Plan> plan,
                                        uint32_t source, evm::EventDecoder decoder) {
    return std::make_unique<EventTable>(std::move(name), std::move(plan), source,
                                        std::move(decoder));
}

BlockSpan block_span(const Question& question, uint16_t column) {
    BlockSpan out;
    const auto at_least = [&](uint64_t block) { out.first = std::max(out.first, block); };
    const auto at_most = [&](uint64_t block) { out.last = std::min(out.last, block); };
    for (const Condition& asked : question.where) {
        if (asked.column != column || asked.compare == Compare::kNe) {
            continue;
        }
        if (asked.values.empty()) {
            out.is_empty = true;
            return out;
        }
        const auto [low, high] = std::ranges::minmax(asked.values);
        const auto block = [](const std::string& value) {
            return evm::U256::from_be(as_bytes(value)).limb[0];
        };
        switch (asked.compare) {
            case Compare::kEq:
            case Compare::kIn:
                at_least(block(low));
                at_most(block(high));
                break;
            case Compare::kGe: at_least(block(low)); break;
            case Compare::kLe: at_most(block(low)); break;
            case Compare::kGt:
                out.is_empty |= block(low) == UINT64_MAX;
                at_least(block(low) + 1);
                break;
            case Compare::kLt:
                out.is_empty |= block(low) == 0;
                at_most(block(low) - 1);
                break;
            case Compare::kNe: break;
        }
    }
    out.is_empty |= out.first > out.last;
    return out;
}

TablePlan plan_by_block(const Question& question, uint16_t block, uint16_t place, uint64_t rows) {
    TablePlan out;
    const auto all = static_cast<double>(std::max<uint64_t>(rows, 1));
    double part = 1;
    for (const Condition& asked : question.where) {
        if (asked.column == block) {
            part = std::min(part, asked.compare == Compare::kEq ? 0.001 : 0.3);
        }
    }
    out.cost = std::max(1.0, all * part);
    out.rows = std::max(1.0, out.cost / 4);
    const std::vector<OrderColumn>& order = question.order;
    out.is_ordered = order.empty();
    if (!order.empty() && order[0].column == block) {
        out.is_ordered = order.size() == 1 || (order.size() == 2 && order[1].column == place &&
                                               order[1].descending == order[0].descending);
    }
    return out;
}

}  // namespace plumbline::query::sql
