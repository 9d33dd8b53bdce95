// Short lists as tables, read whole when a statement begins with them: quarantine, journal, proofs.
#include "core/evm/hex.hpp"
#include "query/sql/table_parts.hpp"

namespace plumbline::query::sql {

namespace {

/// Rows that one statement reads of a list.
constexpr size_t kListMax = 100'000;

using Cells = std::vector<Cell>;
using LoadList = Result<std::vector<Cells>> (*)(const storage::ReadView& view);

Cell number(uint64_t value) {
    return Cell{static_cast<int64_t>(value)};
}

Column integer_column(const char* name) {
    return {name, uint_type(64), false, false};
}
Column text_column(const char* name) {
    return {name, storage::FieldType{storage::FieldKind::kString, 0}, false, false};
}

Result<std::vector<Cells>> load_quarantine(const storage::ReadView& view) {
    PLUMBLINE_TRY(const auto rows, view.list_quarantine(kListMax));
    std::vector<Cells> out;
    for (const storage::QuarantineRow& row : rows) {
        out.push_back({number(row.block_num), number(row.log_index), row.event, row.reason});
    }
    return out;
}

Result<std::vector<Cells>> load_journal(const storage::ReadView& view) {
    PLUMBLINE_TRY(const auto rows, view.list_journal(0, kListMax));
    std::vector<Cells> out;
    for (const storage::JournalRow& row : rows) {
        out.push_back({number(row.seq), number(row.time_s), row.kind, row.entity, row.key,
                       number(row.block_num), number(row.log_index), row.before, row.after,
                       row.reason, row.provider, row.evidence});
    }
    return out;
}

Result<std::vector<Cells>> load_proofs(const storage::ReadView& view) {
    PLUMBLINE_TRY(const auto rows, view.list_proofs());
    std::vector<Cells> out;
    for (const storage::ProofRecord& row : rows) {
        out.push_back({row.proof, row.entity, number(row.block_num), evm::to_hex(row.hash),
                       number(row.time_s), number(row.is_equal ? 1 : 0), number(row.checked),
                       number(row.mismatches), row.level, row.detail});
    }
    return out;
}

class ListCursor final : public TableCursor {
  public:
    explicit ListCursor(std::vector<Cells> rows) : rows_{std::move(rows)} {}
    [[nodiscard]] bool valid() const override { return at_ < rows_.size(); }
    void next() override { ++at_; }
    [[nodiscard]] Status status() const override { return ok(); }
    [[nodiscard]] Result<Cell> read(size_t column) override { return rows_[at_][column]; }

  private:
    std::vector<Cells> rows_;
    size_t at_ = 0;
};

class ListTable final : public Table {
  public:
    ListTable(std::string name, std::vector<Column> columns, std::vector<size_t> key, LoadList load)
        : Table{std::move(name), std::move(columns), std::move(key)},
          load_{load} {}
    [[nodiscard]] TablePlan plan(const storage::ReadView& /*view*/,
                                 const Question& question) const override {
        return {1'000, 1'000, question.order.empty(), false};
    }
    [[nodiscard]] Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                            const Question& /*question*/,
                                                            uint64_t /*used*/) const override {
        PLUMBLINE_TRY(std::vector<Cells> rows, load_(*statement.view));
        statement.visited += rows.size();
        return std::unique_ptr<TableCursor>(std::make_unique<ListCursor>(std::move(rows)));
    }

  private:
    LoadList load_;
};

}  // namespace

std::vector<std::unique_ptr<Table>> make_list_tables(Names& names) {
    std::vector<std::unique_ptr<Table>> out;
    out.push_back(std::make_unique<ListTable>(
        names.take("quarantine"),
        std::vector<Column>{integer_column("block"), integer_column("log_index"),
                            text_column("event"), text_column("reason")},
        std::vector<size_t>{0, 1}, load_quarantine));
    out.push_back(std::make_unique<ListTable>(
        names.take("journal"),
        std::vector<Column>{integer_column("seq"), integer_column("time"), text_column("kind"),
                            text_column("entity"), text_column("key"), integer_column("block"),
                            integer_column("log_index"), text_column("before"),
                            text_column("after"), text_column("reason"), text_column("provider"),
                            text_column("evidence")},
        std::vector<size_t>{0}, load_journal));
    out.push_back(std::make_unique<ListTable>(
        names.take("proofs"),
        std::vector<Column>{text_column("proof"), text_column("entity"), integer_column("block"),
                            text_column("hash"), integer_column("time"), integer_column("equal"),
                            integer_column("checked"), integer_column("mismatches"),
                            text_column("level"), text_column("detail")},
        std::vector<size_t>{0, 1}, load_proofs));
    return out;
}

}  // namespace plumbline::query::sql
