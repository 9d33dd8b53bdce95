// The block rows that the database keeps, as a table.
#include <algorithm>

#include "core/evm/hex.hpp"
#include "query/sql/table_parts.hpp"

namespace plumbline::query::sql {

namespace {

enum BlockPlace : uint16_t { kNumber, kHash, kParent, kTimestamp, kEvents, kLevel };

/// Block numbers that are read at once.
constexpr uint64_t kBlocksAtOnce = 10'000;

std::vector<Column> block_columns() {
    return {{"number", uint_type(64)},
            {"hash", bytes_type(32), false, false},
            {"parent_hash", bytes_type(32), false, false},
            {"timestamp", uint_type(64), false, false},
            {"events", uint_type(32), false, false},
            {"level", storage::FieldType{storage::FieldKind::kString, 0}, false, false}};
}

class BlockCursor final : public TableCursor {
  public:
    BlockCursor(Statement& statement, const Question& question)
        : statement_{statement},
          where_{question.where},
          span_{block_span(question, kNumber)},
          is_backwards_{!question.order.empty() && question.order.front().descending} {
        const auto cursor = statement.view->cursor();
        span_.is_empty |= !cursor;
        if (cursor) {
            span_.last = std::min(span_.last, cursor->block_num);
            span_.is_empty |= span_.first > span_.last;
        }
        settle();
    }
    [[nodiscard]] bool valid() const override { return at_ < rows_.size(); }
    void next() override {
        ++at_;
        settle();
    }
    [[nodiscard]] Status status() const override { return status_; }
    [[nodiscard]] Result<Cell> read(size_t column) override {
        const storage::BlockRow& row = rows_[at_];
        switch (column) {
            case kNumber: return Cell{static_cast<int64_t>(row.block_num)};
            case kHash: return Cell{evm::to_hex(row.hash)};
            case kParent: return Cell{evm::to_hex(row.parent_hash)};
            case kTimestamp: return Cell{static_cast<int64_t>(row.timestamp)};
            case kEvents: return Cell{int64_t{row.event_count}};
            case kLevel: return Cell{std::string{storage::to_string(row.level)}};
            default: return Cell{};
        }
    }

  private:
    void settle() {
        while (true) {
            for (; at_ < rows_.size(); ++at_) {
                if (is_wanted(rows_[at_].block_num)) {
                    return;
                }
            }
            rows_.clear();
            at_ = 0;
            if (span_.is_empty || !status_) {
                return;
            }
            read_more();
        }
    }
    void read_more() {
        if (statement_.should_stop && statement_.should_stop()) {
            status_ = too_late();
            return;
        }
        const uint64_t width = std::min(span_.last - span_.first, kBlocksAtOnce - 1);
        const uint64_t from = is_backwards_ ? span_.last - width : span_.first;
        auto rows = statement_.view->list_blocks(from, from + width);
        if (!rows) {
            status_ = rows.error();
            return;
        }
        rows_ = *std::move(rows);
        statement_.visited += rows_.size();
        if (is_backwards_) {
            std::ranges::reverse(rows_);
        }
        span_.is_empty = width == span_.last - span_.first;
        (is_backwards_ ? span_.last : span_.first) = is_backwards_ ? from - 1 : from + width + 1;
    }
    bool is_wanted(uint64_t block_num) {
        std::string number;
        storage::append_key_word(number, uint_type(64), block_num);
        return std::ranges::all_of(where_,
                                   [&](const Condition& asked) { return holds(asked, number); });
    }

    Statement& statement_;
    std::vector<Condition> where_;
    BlockSpan span_;  ///< what is still to be read
    bool is_backwards_;
    std::vector<storage::BlockRow> rows_;
    size_t at_ = 0;
    Status status_;
};

class BlockTable final : public Table {
  public:
    explicit BlockTable(std::string name) : Table{std::move(name), block_columns(), {kNumber}} {}
    [[nodiscard]] TablePlan plan(const storage::ReadView& view,
                                 const Question& question) const override {
        return plan_by_block(question, kNumber, kNumber, view.block_row_count());
    }
    [[nodiscard]] Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                            const Question& question,
                                                            uint64_t /*used*/) const override {
        return std::unique_ptr<TableCursor>(std::make_unique<BlockCursor>(statement, question));
    }
};

}  // namespace

std::unique_ptr<Table> make_block_table(std::string name) {
    return std::make_unique<BlockTable>(std::move(name));
}

}  // namespace plumbline::query::sql
