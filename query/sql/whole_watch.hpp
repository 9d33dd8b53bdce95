// How large the whole numbers are that a statement calculates with. SQLite makes a floating point
// number of a sum, difference or product that does not fit in 64 bits and says nothing, so what
// such numbers are made of is watched while the statement runs. Internal to query/sql.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace plumbline::query::sql {

class Table;

/// The smallest b with a magnitude below 2^b; 64 for -2^63 alone.
[[nodiscard]] unsigned bits_of(int64_t number) noexcept;

/// Below which power of two the numbers of each column lie, and those of all sum()s. What is not
/// named is 0.
struct WholeBits {
    std::map<std::pair<const Table*, size_t>, unsigned> columns;
    unsigned sum = 0;
};

/// Of one statement. One thread.
class WholeWatch {
  public:
    /// Whether what the statement calculates of such numbers fits in 64 bits.
    using StaysWhole = std::function<bool(const WholeBits&)>;

    WholeWatch() = default;  ///< watches nothing
    explicit WholeWatch(StaysWhole stays_whole) : stays_whole_{std::move(stays_whole)} {}

    [[nodiscard]] bool is_watching() const noexcept { return stays_whole_ != nullptr; }
    /// A number that the statement is given; false where it must not go on with it.
    [[nodiscard]] bool takes(const Table* table, size_t column, int64_t number);
    [[nodiscard]] bool takes_sum(int64_t number);

  private:
    using Place = unsigned& (*)(WholeBits& bits, const Table* table, size_t column);
    [[nodiscard]] bool takes(Place place, const Table* table, size_t column, int64_t number);

    StaysWhole stays_whole_;
    WholeBits seen_;
    WholeBits allowed_;  ///< no less: asked for ahead, so that it is not asked for every row
};

}  // namespace plumbline::query::sql
