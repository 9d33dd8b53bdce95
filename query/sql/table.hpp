// What SQL sees, without SQLite: tables with columns, that can be asked a `Question` and walked.
// One state of the database a statement.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/evm/abi_type.hpp"
#include "engine/mapping/plan.hpp"
#include "query/access_plan.hpp"
#include "query/sql/read_past.hpp"
#include "query/sql/whole_watch.hpp"
#include "storage/read_view.hpp"

namespace plumbline::query::sql {

class Table;

/// A column with which the statement does what SQLite does rightly only while the values are small.
struct WatchedColumn {
    const Table* table = nullptr;
    size_t column = 0;
    enum class For : uint8_t {
        kWhole,   ///< they must be whole and fit in 64 bits
        kDigits,  ///< they have 15 digits at most
        kLeast,   ///< none becomes -2^63 as a floating point number, unless it is that
        // Of columns of texts, as far as these are numbers to SQL:
        kTextWhole,   ///< the whole part of each fits in 64 bits
        kTextNumber,  ///< SQL's numbers hold it
        kTextCut,     ///< no part of it is more than they hold
        kTextKept,    ///< the same where all of the text is a number
    };
    For what = For::kWhole;
    /// What the statement does with it, for the words of a refusal.
    enum class Use : uint8_t { kCalculated, kBits, kEqual, kOrder, kSort, kKept };
    Use use = Use::kCalculated;
};

/// What one statement works on. One thread.
struct Statement {
    /// Earlier blocks that one statement may ask about; each costs a fold of the log.
    static constexpr size_t kPastMax = 4;

    std::shared_ptr<const storage::ReadView> view;
    /// Asked every 256 rows: true ends the statement with kTimeout. May be empty.
    std::function<bool()> should_stop{};
    uint64_t visited = 0;  ///< rows, index places and logs that were read
    ReadPast read_past{};  ///< empty: there is no past here
    /// Those that were asked for, by block.
    std::map<uint64_t, std::shared_ptr<const storage::ReadView>> past{};
    std::vector<WatchedColumn> watched{};
    WholeWatch whole{};
    std::string whole_words{};     ///< behind a number of which `whole` says no
    bool watches_sum = false;      ///< no sum() may be more than fits in 64 bits
    bool watches_low_sum = false;  ///< none may be below -2^63
    /// Every sum() is of numbers of up to 64 bits, and so a text only where it does not fit.
    bool sums_are_narrow = false;
    bool sum_is_text = false;  ///< sum() of whole numbers gives a text, however small
    /// SQLite 3.40 asks the left table for `<>` of an outer join's ON, which leaves none of its
    /// rows out.
    bool has_outer_join = false;

    /// The rows after `block_num`, read once a statement.
    [[nodiscard]] Result<const storage::ReadView*> view_at(uint64_t block_num);
};

/// What a column is for besides its values.
enum class ColumnRole : uint8_t {
    kValue,
    kBlock,       ///< the argument of a NAME_at: exactly one block must be asked for
    kNoArgument,  ///< stands where SQLite would take a (further) argument, so that it is refused
};

struct Column {
    std::string name;
    /// Empty: a list or tuple, shown as JSON.
    std::optional<storage::FieldType> type;
    bool is_hidden = false;  ///< `select *` leaves it out
    bool is_asked = true;    ///< conditions on it reach `Table::open`
    ColumnRole role = ColumnRole::kValue;
    /// Of a list or tuple.
    std::shared_ptr<const evm::AbiType> shape{};
};

/// An integer, a text, or null.
using Cell = std::variant<std::monostate, int64_t, std::string>;

/// A value of a column of that type: an integer where it fits in one, else canonical text; hex for
/// addresses and bytes; a text's own bytes.
[[nodiscard]] Cell to_cell(storage::FieldType type, const evm::U256& word, std::string_view bytes);

/// Whether SQL holds the type as canonical text in the order `u256`; such types are compared as
/// numbers.
[[nodiscard]] bool is_wide(storage::FieldType type) noexcept;

/// How a question would be answered.
struct TablePlan {
    double rows = 0;
    double cost = 0;
    bool is_ordered = false;
    bool is_single = false;  ///< at most one row
};

/// One thread.
class TableCursor {
  public:
    virtual ~TableCursor() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    [[nodiscard]] virtual Status status() const = 0;
    [[nodiscard]] virtual Result<Cell> read(size_t column) = 0;
};

/// Immutable, so thread-safe. Columns of questions count the table's.
class Table {
  public:
    Table(std::string name, std::vector<Column> columns, std::vector<size_t> key)
        : name_{std::move(name)},
          columns_{std::move(columns)},
          key_{std::move(key)} {}
    virtual ~Table() = default;
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }
    /// The columns that no two rows have alike.
    [[nodiscard]] const std::vector<size_t>& key() const noexcept { return key_; }

    [[nodiscard]] virtual TablePlan plan(const storage::ReadView& view,
                                         const Question& question) const = 0;
    /// Rows for which all conditions hold, in the question's order: only one that `plan` gave. Bit
    /// i of `used`: column i will be read, bit 63: any from 63 on. Statement and table must outlive
    /// the cursor.
    [[nodiscard]] virtual Result<std::unique_ptr<TableCursor>> open(Statement& statement,
                                                                    const Question& question,
                                                                    uint64_t used) const = 0;

  private:
    std::string name_;
    std::vector<Column> columns_;
    std::vector<size_t> key_;
};

/// Whether there are tables of rows at earlier blocks, `NAME_at`: they need a `ReadPast`.
enum class PastTables : uint8_t { kNone, kEntities };

/// A table an entity, a table an event, `blocks`, `facts`,
/// `quarantine`, `journal` and `proofs`: all that `view` and `plan` know. Names that are taken, in
/// any case, get "_2" and so on.
[[nodiscard]] std::vector<std::unique_ptr<Table>> make_tables(
    const storage::ReadView& view, const std::shared_ptr<const engine::Plan>& plan,
    PastTables past);

}  // namespace plumbline::query::sql
