#include "query/sql/mixed_comparison.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "query/sql/connection.hpp"
#include "query/sql/number.hpp"

namespace plumbline::query::sql {

namespace {

/// On the way from a function or constant to a comparison; more is no statement's.
constexpr size_t kCopiesMax = 100;

struct Instruction {
    std::string name;
    int p1 = 0;
    int p2 = 0;
    int p3 = 0;
    std::string p4;
};

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

struct Registers {
    int first = 0;
    int count = 0;
};

/// Of the operations of SQLite 3.38 to 3.46 that give registers a value; others that do are none of
/// functions, numbers, copies and records.
Registers written_by(const Instruction& one) {
    if (is_one_of(one.name, {"Integer", "Int64", "Real", "String", "String8", "Variable", "SCopy",
                             "Rowid"})) {
        return {one.p2, 1};
    }
    if (is_one_of(one.name,
                  {"Function", "PureFunc", "AggValue", "Column", "VColumn", "Add", "Subtract",
                   "Multiply", "Divide", "Remainder", "Concat", "MakeRecord"})) {
        return {one.p3, 1};
    }
    if (is_one_of(one.name, {"AggFinal", "Cast"})) {
        return {one.p1, 1};
    }
    if (one.name == "Copy") {
        return {one.p2, one.p3 + 1};
    }
    if (one.name == "Move") {
        return {one.p2, one.p3};
    }
    if (one.name == "Null") {
        return {one.p2, std::max(1, one.p3 - one.p2 + 1)};
    }
    return {};
}

class Program {
  public:
    Program(std::vector<Instruction> instructions, const std::function<ParameterKind(int)>& kind_of)
        : instructions_{std::move(instructions)},
          kind_of_{kind_of} {
        for (size_t at = 0; at < instructions_.size(); ++at) {
            const Registers written = written_by(instructions_[at]);
            for (int i = 0; i < written.count; ++i) {
                writers_[written.first + i].push_back(at);
            }
        }
    }

    [[nodiscard]] MixedComparisons comparisons() const {
        MixedComparisons out;
        find_sorted(out);
        for (size_t at = 0; at < instructions_.size(); ++at) {
            const Instruction& one = instructions_[at];
            const bool is_order = is_one_of(one.name, {"Lt", "Le", "Gt", "Ge"});
            if (!is_order && !is_one_of(one.name, {"Eq", "Ne"})) {
                continue;
            }
            const Instruction* left = origin_of(one.p3, at);
            const Instruction* right = origin_of(one.p1, at);
            if (left != nullptr && right != nullptr) {
                judge(*left, *right, is_order && one.p4.empty(), out);
                judge(*right, *left, is_order && one.p4.empty(), out);
            }
        }
        return out;
    }

  private:
    /// What is sorted, or is the argument of max() and min(), by bytes.
    void find_sorted(MixedComparisons& out) const {
        std::set<int> sorters;
        for (const Instruction& one : instructions_) {
            if (one.name == "Sort" || one.name == "SorterSort") {
                sorters.insert(one.p1);
            }
        }
        std::map<int, std::vector<bool>> keys;  // of each sorter: which columns go by bytes
        for (const Instruction& one : instructions_) {
            if ((one.name == "SorterOpen" || one.name == "OpenEphemeral") &&
                sorters.contains(one.p1)) {
                keys[one.p1] = columns_by_bytes(one.p4);
            }
        }
        for (size_t at = 0; at < instructions_.size(); ++at) {
            const Instruction& one = instructions_[at];
            const auto key = keys.find(one.p1);
            if ((one.name == "SorterInsert" || one.name == "IdxInsert") && key != keys.end()) {
                const Instruction* record = origin_of(one.p2, at);
                const size_t columns =
                    record != nullptr && record->name == "MakeRecord" ? key->second.size() : 0;
                for (size_t i = 0; i < columns; ++i) {
                    if (key->second[i]) {
                        note_ordered(origin_of(record->p1 + static_cast<int>(i), at), out);
                    }
                }
            }
            const bool is_extreme = one.p4.starts_with("max(") || one.p4.starts_with("min(");
            if (one.name == "AggStep" && is_extreme && at > 0 &&
                instructions_[at - 1].name == "CollSeq" &&
                instructions_[at - 1].p4.starts_with("BINARY")) {
                note_ordered(origin_of(one.p2, at), out);
            }
        }
    }
    /// "k(3,-B,u256,)": descending by bytes, by number, by bytes.
    static std::vector<bool> columns_by_bytes(std::string_view key) {
        std::vector<bool> out;
        const size_t first = key.find(',');
        if (!key.starts_with("k(") || first == std::string_view::npos) {
            return out;
        }
        key = key.substr(first + 1, key.rfind(')') - first - 1);
        while (true) {
            const size_t end = std::min(key.find(','), key.size());
            const std::string_view name = key.substr(0, end);
            out.push_back(name.empty() || name.ends_with('B'));
            if (end == key.size()) {
                return out;
            }
            key.remove_prefix(end + 1);
        }
    }
    static void note_ordered(const Instruction* one, MixedComparisons& out) {
        if (one != nullptr && is_function(*one)) {
            out.by_bytes.insert(one->p4.substr(0, one->p4.find('(')));
        }
    }
    static bool is_function(const Instruction& one) {
        return is_one_of(one.name, {"Function", "PureFunc", "AggFinal", "AggValue"});
    }

    void judge(const Instruction& one, const Instruction& other, bool is_by_bytes,
               MixedComparisons& out) const {
        if (is_function(one) && is_number(other)) {
            out.with_number.insert(one.p4.substr(0, one.p4.find('(')));
        } else if (is_function(one) && is_by_bytes) {
            out.by_bytes.insert(one.p4.substr(0, one.p4.find('(')));
        }
        if (is_by_bytes && is_number_as_text(one)) {
            out.literal = one.name == "Variable" ? "a parameter" : "'" + one.p4 + "'";
        }
    }
    /// Who gave the register its value, through copies: the nearest one before, else (constants are
    /// made once, at the end) the first one behind.
    [[nodiscard]] const Instruction* origin_of(int place, size_t at) const {
        for (size_t copies = 0; copies < kCopiesMax; ++copies) {
            const std::optional<size_t> from = writer_of(place, at);
            if (!from) {
                return nullptr;
            }
            const Instruction& one = instructions_[*from];
            if (!is_one_of(one.name, {"SCopy", "Copy", "Move"})) {
                return &one;
            }
            place = one.p1 + place - one.p2;
            at = *from;
        }
        return nullptr;
    }
    [[nodiscard]] std::optional<size_t> writer_of(int place, size_t at) const {
        const auto found = writers_.find(place);
        if (found == writers_.end()) {
            return std::nullopt;
        }
        const auto behind = std::ranges::lower_bound(found->second, at);
        return behind == found->second.begin() ? *behind : *std::prev(behind);
    }
    [[nodiscard]] bool is_number(const Instruction& one) const {
        return is_one_of(one.name, {"Integer", "Int64", "Real"}) ||
               (one.name == "Variable" && kind_of_(one.p1) == ParameterKind::kNumber);
    }
    [[nodiscard]] bool is_number_as_text(const Instruction& one) const {
        return (is_one_of(one.name, {"String", "String8"}) && is_canonical(one.p4)) ||
               (one.name == "Variable" && kind_of_(one.p1) == ParameterKind::kNumberAsText);
    }
    std::vector<Instruction> instructions_;
    std::unordered_map<int, std::vector<size_t>> writers_;  ///< by register, ascending
    const std::function<ParameterKind(int)>& kind_of_;
};

struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

Result<MixedComparisons> find_mixed_comparisons(sqlite3* db, std::string_view sql,
                                                const std::function<ParameterKind(int)>& kind_of) {
    const std::string asked = "EXPLAIN " + std::string{sql};
    sqlite3_stmt* made = nullptr;
    int code = sqlite3_prepare_v2(db, asked.data(), static_cast<int>(asked.size()), &made, nullptr);
    const std::unique_ptr<sqlite3_stmt, Finalize> statement{made};
    std::vector<Instruction> instructions;
    const auto text_of = [&](int column) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(made, column));
        return std::string{text == nullptr ? "" : text};
    };
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(made);
        if (code == SQLITE_ROW) {
            instructions.push_back({text_of(1), sqlite3_column_int(made, 2),
                                    sqlite3_column_int(made, 3), sqlite3_column_int(made, 4),
                                    text_of(5)});
        }
    }
    if (code != SQLITE_DONE) {
        return sqlite_error(db, "reading what SQLite makes of the statement");
    }
    return Program{std::move(instructions), kind_of}.comparisons();
}

}  // namespace plumbline::query::sql
