// How a question is answered with as few rows as can be: by the key or by an index, which part of
// it, and which way.
//
// A path is the columns that the key or an index is ordered by; behind an index's own columns come
// those of the key. Conditions on the first columns, equal or in, then bounds on the next one, are
// spans of the path: what lies in them is the answer, and nothing else is read. Other conditions
// are left to whoever reads the rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/condition.hpp"
#include "storage/layout.hpp"

namespace plumbline::query {

/// Values of `in` conditions, multiplied with each other, that one question may look for.
inline constexpr size_t kSpansMax = 10'000;

/// Places of a path, half open, as the stored bytes are ordered; an empty `to` is its end.
struct Span {
    std::string from;
    std::string to;
    friend bool operator==(const Span&, const Span&) = default;
};

struct AccessPath {
    int index = -1;                 ///< a secondary index, or -1 for the key
    std::vector<uint16_t> columns;  ///< what it is ordered by
};

/// How one path serves a question.
struct Access {
    AccessPath path;
    std::vector<Span> spans;  ///< in the path's order, apart from each other; none: no row
    bool descending = false;
    bool is_ordered = true;    ///< rows come in the order asked for
    size_t pinned = 0;         ///< first columns that are equal to a value, or to one of several
    bool is_bounded = false;   ///< bounds on the column behind them
    bool is_single = false;    ///< every column of the key has one value: at most one row
    std::vector<size_t> left;  ///< places in `where` that the spans do not answer
};

/// The key's path, then those of the indexes.
[[nodiscard]] std::vector<AccessPath> paths_of(const storage::EntityLayout& layout);

/// How `path` serves `question`.
[[nodiscard]] Access plan_path(const storage::EntityLayout& layout, AccessPath path,
                               const Question& question);

/// The first path that answers every condition and gives the order, the key before the indexes;
/// without one kInvalidArgument, which names what can be asked and the index that would serve.
/// `only`: this index (-1: the key) and no other.
[[nodiscard]] Result<Access> plan_served(const storage::EntityLayout& layout,
                                         const Question& question,
                                         std::optional<int> only = std::nullopt);

/// A guess of what the rows cost; 1 is a row by its key.
struct Estimate {
    double rows = 0;
    double cost = 0;
};
[[nodiscard]] Estimate estimate(const Access& access, uint64_t entity_rows) noexcept;

/// The cheapest path, whatever is left; one that gives the order where the costs are alike.
[[nodiscard]] Access plan_cheapest(const storage::EntityLayout& layout, const Question& question,
                                   uint64_t entity_rows);

/// The cheapest path that gives the order; kInvalidArgument as `plan_served` where none does.
[[nodiscard]] Result<Access> plan_scan(const storage::EntityLayout& layout,
                                       const Question& question, uint64_t entity_rows);

/// The columns of a path with commas between; "key" for the key.
[[nodiscard]] std::string path_name(const storage::EntityLayout& layout, int index);

}  // namespace plumbline::query
