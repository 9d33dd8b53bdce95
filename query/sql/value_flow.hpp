// Which kinds of values each register and each column of a cursor may hold at each place of a
// program: what flows through copies, records, sorts, intermediate tables, coroutines, aggregates
// and functions, to a fixed point over all ways through. Internal to query/sql.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/sql/program.hpp"
#include "query/sql/value_kind.hpp"

namespace plumbline::query::sql {

/// Where a number that SQL's own do not hold comes from.
struct Origin {
    enum class Kind : uint8_t { kColumn, kSum, kFunction };
    Kind kind = Kind::kColumn;
    std::string name;  ///< "vote.weight", "sum()"
    const Table* table = nullptr;
    size_t column = 0;
};

/// A whole number that is not negative, as far as shifts go.
struct Natural {
    static constexpr uint8_t kMore = 255;  ///< or more
    bool is_told = false;
    uint8_t least = 0;
    uint8_t most = kMore;

    friend bool operator==(const Natural&, const Natural&) = default;
};
[[nodiscard]] Natural natural_of(int64_t number) noexcept;

struct KnownValue {
    Kinds kinds = 0;
    uint16_t rows = 0;     ///< it is a record: which; 0: none
    uint32_t origins = 0;  ///< bits; the last one stands for all that are too many
    uint8_t bits = 0;      ///< its whole numbers lie between -2^bits and 2^bits
    uint16_t shape = 0;    ///< of JSON: which; 0: not told
    uint16_t text = 0;     ///< it is this text of the statement; 0: not told
    Natural natural{};

    friend bool operator==(const KnownValue&, const KnownValue&) = default;
};

/// What only the caller knows.
struct FlowSources {
    std::function<KnownValue(int parameter)> value_of_parameter;
    /// By SQLite's name of the virtual table ("vtab:0x..."): ours, else null.
    std::function<const Table*(std::string_view name)> table_of;
    size_t extreme_arguments = 0;     ///< `StatementWords`
    size_t list_arguments = 1;        ///< likewise
    bool has_json_tree = false;       ///< likewise
    bool sum_is_text = false;         ///< every sum() of whole numbers gives a text
    const WholeBits* bits = nullptr;  ///< of what is read; null: what the types hold
};

class ValueFlow {
  public:
    static constexpr size_t kOriginsMax = 32;

    ValueFlow(const Program& program, FlowSources sources);
    /// kTooLarge where that would take too long.
    [[nodiscard]] Status run();

    /// Every instruction that may be reached, with what the registers may hold before it.
    class Registers;
    void visit(const std::function<void(size_t at, const Registers&)>& look);

    [[nodiscard]] const std::vector<Origin>& origins() const noexcept { return origins_; }
    /// Whether a sum() may be of numbers and of texts, whichever rows come.
    [[nodiscard]] bool has_mixed_sum() const noexcept { return has_mixed_sum_; }
    /// Whether a sum() may be of numbers that are texts whatever their size.
    [[nodiscard]] bool has_wide_sum() const noexcept { return has_wide_sum_; }
    /// What a << or >> gives may be as large as 2 to that; above 63: SQLite may drop bits of it.
    [[nodiscard]] static unsigned bits_shifted(const Instruction& shift,
                                               const Registers& registers);
    /// Of a record, or of a cursor.
    [[nodiscard]] std::vector<KnownValue> columns_of_rows(uint16_t rows);
    [[nodiscard]] std::vector<KnownValue> columns_of_cursor(int cursor) const;
    /// The values that a function or aggregate is given.
    [[nodiscard]] std::vector<KnownValue> arguments(const Instruction& one,
                                                    const Registers& registers) const;

    class Registers {
      public:
        [[nodiscard]] KnownValue get(int place) const;
        void set(int place, KnownValue value);
        [[nodiscard]] bool join(const Registers& other, ValueFlow& flow);
        [[nodiscard]] size_t size() const noexcept { return values_.size(); }

      private:
        std::vector<KnownValue> values_;
    };

  private:
    /// A record's place in the program, or a cursor (negative: -1 - cursor).
    using Source = int;
    using Columns = std::vector<KnownValue>;

    [[nodiscard]] Status run_from(size_t leader, std::vector<size_t>& waiting);
    void apply(size_t at, Registers& registers);
    void apply_unknown(const Instruction& one, Registers& registers);
    [[nodiscard]] KnownValue read_column(const Instruction& one, const Registers& registers);
    [[nodiscard]] KnownValue read_virtual(const Instruction& one);
    [[nodiscard]] KnownValue calculated(const Instruction& one, const Registers& registers);
    [[nodiscard]] KnownValue whole_calculated(const Instruction& one, const Registers& registers);
    [[nodiscard]] KnownValue aggregated(const Instruction& one, const Registers& registers);
    [[nodiscard]] KnownValue result_of(std::string_view name, const std::vector<KnownValue>& given);
    [[nodiscard]] KnownValue sum_of(const KnownValue& given);
    [[nodiscard]] uint8_t bits_of_column(const Table& table, size_t place) const;
    [[nodiscard]] KnownValue made_of(std::string_view name, const KnownValue& all, Kinds kinds);
    [[nodiscard]] KnownValue json_part_of(std::string_view name,
                                          const std::vector<KnownValue>& given);
    [[nodiscard]] KnownValue json_value(Kinds kinds, const evm::AbiType* type,
                                        std::string_view name);
    [[nodiscard]] const evm::AbiType* shape_at(const KnownValue& json,
                                               const KnownValue& path) const;
    [[nodiscard]] KnownValue read_json_table(const Instruction& one);
    void filter_virtual(size_t at, const Registers& registers);
    [[nodiscard]] uint32_t origin(Origin origin);
    [[nodiscard]] uint32_t text_origins(const KnownValue& value) const;
    [[nodiscard]] KnownValue joined(KnownValue a, KnownValue b);
    [[nodiscard]] uint16_t rows_of(const std::vector<Source>& sources);
    void add_columns(Source to, const Columns& columns);
    [[nodiscard]] Source cursor_source(int cursor) const;

    const Program& program_;
    FlowSources sources_;
    std::vector<bool> is_leader_;
    std::map<size_t, Registers> states_;  ///< before each leader that was reached
    std::map<Source, Columns> columns_;
    std::vector<std::vector<Source>> rows_{{}};
    std::map<std::vector<Source>, uint16_t> row_numbers_;
    std::unordered_map<int, int> twins_;
    std::unordered_map<int, int> pseudo_;  ///< cursor to the register of its row
    std::unordered_map<int, const Table*> virtual_;
    std::unordered_map<int, bool> is_own_;  ///< cursors of intermediate tables
    /// What json_each() and json_tree() are given, by cursor.
    std::unordered_map<int, KnownValue> json_inputs_;
    std::vector<const evm::AbiType*> shapes_{nullptr};
    std::vector<std::string> texts_{""};
    std::vector<Origin> origins_;
    bool has_mixed_sum_ = false;
    bool has_wide_sum_ = false;
    bool has_new_columns_ = false;
    bool is_too_large_ = false;
    size_t spent_ = 0;
};

/// "max" of "max(-1)".
[[nodiscard]] std::string_view function_name(const Instruction& one);

}  // namespace plumbline::query::sql
