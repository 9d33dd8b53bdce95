// Rows of an entity as a table.
#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "query/row_cursor.hpp"
#include "query/sql/table_parts.hpp"

namespace plumbline::query::sql {

namespace {

using storage::EntityLayout;
using storage::KeyValue;

std::vector<Column> entity_columns(const EntityLayout& layout, bool is_past) {
    std::vector<Column> out;
    Names names;
    for (size_t i = 0; i < layout.column_count(); ++i) {
        out.push_back({names.take(layout.column(i).name), layout.column(i).type});
    }
    // SQLite takes hidden columns in their order for what a function's arguments give.
    if (is_past) {
        out.push_back({names.take("_at"), uint_type(64), true, true, ColumnRole::kBlock});
    }
    out.push_back({names.take("_argument"), uint_type(64), true, false, ColumnRole::kNoArgument});
    out.push_back({names.take("_block"), uint_type(64), true, false});
    out.push_back({names.take("_log"), uint_type(32), true, false});
    return out;
}

std::vector<size_t> first_columns(size_t count) {
    std::vector<size_t> out;
    for (size_t i = 0; i < count; ++i) {
        out.push_back(i);
    }
    return out;
}

/// Which of the path's columns has it, or -1.
int place_in(const AccessPath& path, size_t column) {
    const auto found = std::ranges::find(path.columns, column);
    return found == path.columns.end() ? -1 : static_cast<int>(found - path.columns.begin());
}

/// The index alone has all that is read.
bool is_covered(const Access& access, size_t columns, uint64_t used) {
    if (access.path.index < 0 || !access.left.empty() || columns > 63) {
        return false;
    }
    for (size_t i = 0; i < 64; ++i) {
        if ((used >> i & 1U) != 0 && place_in(access.path, i) < 0) {
            return false;
        }
    }
    return true;
}

class EntityCursor final : public TableCursor {
  public:
    /// `at`: the block that the rows of `view` are of; empty: the newest.
    EntityCursor(Statement& statement, const storage::ReadView& view, std::optional<uint64_t> at,
                 const EntityLayout& layout, size_t entity, Access access, const Question& question,
                 bool is_covered)
        : statement_{statement},
          at_{at},
          layout_{layout},
          path_{access.path},
          is_covered_{is_covered},
          rows_{view,
                entity,
                std::move(access),
                question,
                {.after = {}, .keys_only = is_covered, .should_stop = statement.should_stop}} {
        if (is_covered_) {
            for (const uint16_t column : path_.columns) {
                place_fields_.push_back(layout.column(column));
            }
        }
        count();
    }
    [[nodiscard]] bool valid() const override { return rows_.valid(); }
    void next() override {
        rows_.next();
        has_key_ = false;
        count();
    }
    [[nodiscard]] Status status() const override {
        return rows_.is_stopped() ? Status{too_late()} : rows_.status();
    }
    [[nodiscard]] Result<Cell> read(size_t column) override {
        const size_t columns = layout_.column_count();
        if (column >= columns) {
            return read_hidden(column - columns);
        }
        const storage::FieldType type = layout_.column(column).type;
        if (column >= layout_.key.size() && !is_covered_) {
            const size_t field = column - layout_.key.size();
            if (rows_.codec().is_null(rows_.row(), field)) {
                return Cell{};
            }
            return type.is_dynamic() ? to_cell(type, {}, rows_.codec().raw(rows_.row(), field))
                                     : to_cell(type, rows_.codec().word(rows_.row(), field), {});
        }
        if (!has_key_) {
            auto key = is_covered_ ? storage::decode_key(rows_.position(), place_fields_)
                                   : storage::decode_key(rows_.key(), layout_.key);
            if (!key) {
                return key.error();
            }
            key_ = *std::move(key);
            has_key_ = true;
        }
        const KeyValue& value =
            key_[is_covered_ ? static_cast<size_t>(place_in(path_, column)) : column];
        return value.is_null ? Cell{} : to_cell(type, value.word, value.bytes);
    }

  private:
    [[nodiscard]] Cell read_hidden(size_t place) const {
        if (at_ && place-- == 0) {
            return Cell{static_cast<int64_t>(*at_)};
        }
        const storage::ChangedAt at = storage::RowCodec::changed_at(rows_.row());
        switch (place) {
            case 1: return Cell{static_cast<int64_t>(at.block_num)};
            case 2: return Cell{int64_t{at.log_index}};
            default: return Cell{};  // The argument that there is none of.
        }
    }

    void count() {
        statement_.visited += rows_.visited() - counted_;
        counted_ = rows_.visited();
    }

    Statement& statement_;
    std::optional<uint64_t> at_;
    const EntityLayout& layout_;
    AccessPath path_;
    bool is_covered_;
    std::vector<storage::Field> place_fields_;
    RowCursor rows_;
    std::vector<KeyValue> key_;  ///< of the row, or of its place
    bool has_key_ = false;
    uint64_t counted_ = 0;
};

Result<std::unique_ptr<TableCursor>> open_rows(Statement& statement, const storage::ReadView& view,
                                               std::optional<uint64_t> at,
                                               const EntityLayout& layout, size_t entity,
                                               const Question& question, uint64_t used) {
    PLUMBLINE_TRY(Access access, plan_scan(layout, question, view.entity_count(entity)));
    const bool covered = is_covered(access, layout.column_count(), used);
    return std::unique_ptr<TableCursor>(std::make_unique<EntityCursor>(
        statement, view, at, layout, entity, std::move(access), question, covered));
}

TablePlan plan_rows(const storage::ReadView& view, const EntityLayout& layout, size_t entity,
                    const Question& question) {
    const uint64_t rows = view.entity_count(entity);
    const Access access = plan_cheapest(layout, question, rows);
    const Estimate guess = estimate(access, rows);
    return {guess.rows, guess.cost, access.is_ordered, access.is_single};
}

class EntityTable final : public Table {
  public:
    EntityTable(const EntityLayout& layout, size_t entity)
        : Table{layout.name, entity_columns(layout, false), first_columns(layout.key.size())},
          layout_{layout},
          entity_{entity} {}
    [[nodiscard]] TablePlan plan(const storage::ReadView& view,
                                 const Question& question) const override {
        return plan_rows(view, layout_, entity_, question);
    }
    [[nodiscard]] Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                            const Question& question,
                                                            uint64_t used) const override {
        return open_rows(statement, *statement.view, {}, layout_, entity_, question, used);
    }

  private:
    EntityLayout layout_;
    size_t entity_;
};

class PastTable final : public Table {
  public:
    PastTable(const EntityLayout& layout, size_t entity)
        : Table{layout.name, entity_columns(layout, true), first_columns(layout.key.size())},
          layout_{layout},
          entity_{entity} {}
    /// Costs as if there had been as many rows as now; a plan that does not give the block is the
    /// last resort.
    [[nodiscard]] TablePlan plan(const storage::ReadView& view,
                                 const Question& question) const override {
        const Question rest = without_block(question);
        TablePlan out = plan_rows(view, layout_, entity_, rest);
        const bool has_block = rest.where.size() < question.where.size();
        out.cost += has_block ? kFoldCost : kNoBlockCost;
        out.is_ordered = out.is_ordered && rest.order.size() == question.order.size();
        return out;
    }
    [[nodiscard]] Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                            const Question& question,
                                                            uint64_t used) const override {
        PLUMBLINE_TRY(const uint64_t at, block_of(question));
        PLUMBLINE_TRY(const storage::ReadView* const past, statement.view_at(at));
        return open_rows(statement, *past, at, layout_, entity_, without_block(question), used);
    }

  private:
    static constexpr double kFoldCost = 1e6;
    static constexpr double kNoBlockCost = 1e15;

    [[nodiscard]] size_t block_column() const noexcept { return layout_.column_count(); }
    [[nodiscard]] Question without_block(Question question) const {
        std::erase_if(question.where,
                      [&](const Condition& one) { return one.column == block_column(); });
        if (std::ranges::any_of(question.order, [&](const OrderColumn& one) {
                return one.column == block_column();
            })) {
            question.order.clear();
        }
        return question;
    }
    [[nodiscard]] Result<uint64_t> block_of(const Question& question) const {
        const BlockSpan span = block_span(question, static_cast<uint16_t>(block_column()));
        if (span.is_empty || span.first != span.last) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{0} is read at one block: {0}(BLOCK); on the right of a "
                                     "RIGHT JOIN (select * from {0}(BLOCK))",
                                     name())};
        }
        return span.first;
    }

    EntityLayout layout_;
    size_t entity_;
};

}  // namespace

std::unique_ptr<Table> make_entity_table(const EntityLayout& layout, size_t entity) {
    return std::make_unique<EntityTable>(layout, entity);
}

std::unique_ptr<Table> make_past_table(const EntityLayout& layout, size_t entity) {
    return std::make_unique<PastTable>(layout, entity);
}

}  // namespace plumbline::query::sql
