// What contract calls answered, as a table.
#include <algorithm>

#include "core/evm/hex.hpp"
#include "engine/text/pin_name.hpp"
#include "query/sql/table_parts.hpp"
#include "storage/call_fact.hpp"

namespace plumbline::query::sql {

namespace {

enum FactPlace : uint16_t {
    kFactBlock,
    kFactAddress,
    kFactInput,
    kFactOutcome,
    kFactAnswer,
    kFactProvider,
    kFactOnce,
    kFactPinnedBy,
    kFactAskedAt
};

/// A guess: nobody counts them.
constexpr uint64_t kFactsExpected = 100'000;
constexpr uint64_t kFactsBetweenLooks = 256;

std::vector<Column> fact_columns() {
    const storage::FieldType text{storage::FieldKind::kString, 0};
    const storage::FieldType bytes{storage::FieldKind::kBytes, 0};
    return {{"block", uint_type(64)},
            {"address", storage::FieldType{storage::FieldKind::kAddress, 160}, false, false},
            {"input", bytes, false, false},
            {"outcome", text, false, false},
            {"answer", bytes, false, false},
            {"provider", text, false, false},
            {"once", storage::FieldType{storage::FieldKind::kBool, 8}, false, false},
            {"pinned_by", text, false, false},
            {"asked_at", uint_type(64), false, false}};
}

/// In the order of blocks; what lies behind the blocks asked for is not read.
class FactCursor final : public TableCursor {
  public:
    FactCursor(Statement& statement, const Question& question)
        : statement_{statement},
          where_{question.where} {
        const BlockSpan span = block_span(question, kFactBlock);
        if (!span.is_empty) {
            facts_ = statement.view->scan_calls(span.first, span.last);
        }
        settle();
    }
    [[nodiscard]] bool valid() const override { return status_ && facts_ && facts_->valid(); }
    void next() override {
        facts_->next();
        settle();
    }
    [[nodiscard]] Status status() const override {
        return status_ && facts_ ? facts_->status() : status_;
    }
    [[nodiscard]] Result<Cell> read(size_t column) override {
        const storage::CallFact& fact = facts_->fact();
        switch (column) {
            case kFactBlock: return Cell{static_cast<int64_t>(fact.block_num)};
            case kFactAddress: return Cell{evm::to_hex(fact.call.to)};
            case kFactInput: return Cell{evm::to_hex(as_bytes(fact.call.input))};
            case kFactOutcome: return Cell{std::string{storage::to_string(fact.outcome)}};
            case kFactAnswer:
                return fact.outcome == storage::CallOutcome::kAnswered
                           ? Cell{evm::to_hex(as_bytes(fact.data))}
                           : Cell{};
            case kFactProvider: return Cell{fact.provider};
            case kFactOnce: return Cell{int64_t{fact.is_once ? 1 : 0}};
            case kFactPinnedBy: return Cell{std::string{engine::pin_name(fact.pin)}};
            case kFactAskedAt:
                return fact.pin == storage::CallPin::kHead
                           ? Cell{static_cast<int64_t>(fact.asked.block_num)}
                           : Cell{};
            default: return Cell{};
        }
    }

  private:
    /// To the next fact that is wanted.
    void settle() {
        for (; valid(); facts_->next()) {
            if (++statement_.visited % kFactsBetweenLooks == 0 && statement_.should_stop &&
                statement_.should_stop()) {
                status_ = too_late();
                return;
            }
            std::string number;
            storage::append_key_word(number, uint_type(64), facts_->fact().block_num);
            if (std::ranges::all_of(where_,
                                    [&](const Condition& asked) { return holds(asked, number); })) {
                return;
            }
        }
    }

    Statement& statement_;
    std::vector<Condition> where_;
    std::unique_ptr<storage::CallScanner> facts_;  ///< null: no block is asked for
    Status status_;
};

class FactTable final : public Table {
  public:
    explicit FactTable(std::string name)
        : Table{std::move(name), fact_columns(), {kFactBlock, kFactAddress, kFactInput}} {}
    [[nodiscard]] TablePlan plan(const storage::ReadView& /*view*/,
                                 const Question& question) const override {
        TablePlan out = plan_by_block(question, kFactBlock, kFactBlock, kFactsExpected);
        out.is_single = false;
        out.is_ordered = question.order.empty() || (question.order.size() == 1 &&
                                                    question.order.front().column == kFactBlock &&
                                                    !question.order.front().descending);
        return out;
    }
    [[nodiscard]] Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                            const Question& question,
                                                            uint64_t /*used*/) const override {
        return std::unique_ptr<TableCursor>(std::make_unique<FactCursor>(statement, question));
    }
};

}  // namespace

std::unique_ptr<Table> make_fact_table(std::string name) {
    return std::make_unique<FactTable>(std::move(name));
}

}  // namespace plumbline::query::sql
