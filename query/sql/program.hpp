// The program that SQLite makes of a statement, as EXPLAIN tells it, and the ways through it.
// Internal to query/sql.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "query/sql/sqlite.hpp"

namespace plumbline::query::sql {

/// What an instruction does to values; those that do the same to kinds of values are one. What is
/// written where is said with each in program.cpp.
enum class Effect : uint8_t {
    kNothing,
    kIntegerToP1,
    kIntegerToP2,
    kIntegerToP3,
    kNull,
    kReal,
    kString,
    kBlob,
    kVariable,
    kCopy,
    kShallowCopy,
    kMove,
    kArithmetic,
    kWholeArithmetic,
    kConcat,
    kBitNot,
    kCast,
    kAffinity,
    kMakeRecord,
    kInsert,
    kColumn,
    kVirtualColumn,
    kRowData,
    kFunction,
    kAggregateStep,
    kAggregateValue,
    kAggregateFinal,
    kOpen,
    kOpenIndex,
    kOpenPseudo,
    kOpenTwin,
    kOpenVirtual,
    kFilterVirtual,
    kSort,
    kLast,
    kEqual,
    kLess,
    kCompare,
    kFind,
    kFindToDelete,
    kSeek,
    kResult,
    kUnknown,
};

enum class Flow : uint8_t {
    kNext,
    kBranch,  ///< to p2 or on
    kGoto,    ///< to p2, or on where that is 0
    kEnd,
    kJump,  ///< to p1, p2 or p3
    kGosub,
    kReturn,
    kYield,
    kEndCoroutine,
};

struct Instruction {
    std::string name;
    Effect effect = Effect::kUnknown;
    Flow flow = Flow::kNext;
    int p1 = 0;
    int p2 = 0;
    int p3 = 0;
    std::string p4;
    int p5 = 0;
};

class Program {
  public:
    /// EXPLAIN of `sql`, which must be one statement; not run, parameters need no values.
    [[nodiscard]] static Result<Program> read(sqlite3* db, std::string_view sql);

    [[nodiscard]] const std::vector<Instruction>& instructions() const noexcept {
        return instructions_;
    }
    /// Where `at` may go on, apart from the next one...
    [[nodiscard]] std::vector<size_t> targets(size_t at) const;
    /// ... and whether it may go on there.
    [[nodiscard]] bool goes_on(size_t at) const;

  private:
    explicit Program(std::vector<Instruction> instructions);
    [[nodiscard]] bool is_inner(size_t at) const;

    struct Coroutine {
        std::vector<std::pair<int, int>> bodies;
        std::vector<size_t> outer;  ///< yields that go into it
        std::vector<size_t> inner;  ///< its own
    };
    std::vector<Instruction> instructions_;
    std::unordered_map<int, std::vector<size_t>> calls_;  ///< Gosub, by register
    std::unordered_map<int, Coroutine> coroutines_;       ///< by register
};

}  // namespace plumbline::query::sql
