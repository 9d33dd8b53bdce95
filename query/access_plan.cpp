#include "query/access_plan.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace plumbline::query {

namespace {

using storage::EntityLayout;

/// What the conditions on one column leave of it.
struct ColumnPart {
    bool is_pinned = false;           ///< `values` are all there can be
    std::vector<std::string> values;  ///< sorted
    std::vector<Span> bounds;         ///< in place of values: parts of the column, in order
    std::vector<size_t> answered;     ///< places in `where`
};

bool is_pin(const Condition& condition) noexcept {
    return condition.compare == Compare::kEq || condition.compare == Compare::kIn;
}

/// Cuts what is below `from` and from `to` on off the parts.
void clip(std::vector<Span>& parts, const std::string& from, const std::string& to) {
    std::vector<Span> out;
    for (Span& part : parts) {
        part.from = std::max(part.from, from);
        if (!to.empty() && (part.to.empty() || to < part.to)) {
            part.to = to;
        }
        if (part.to.empty() || part.from < part.to) {
            out.push_back(std::move(part));
        }
    }
    parts = std::move(out);
}

/// Takes the places that start with `value` out of the parts.
void exclude(std::vector<Span>& parts, const std::string& value) {
    const std::string behind = storage::prefix_end(value);
    std::vector<Span> below = parts;
    clip(below, {}, value);
    if (!behind.empty()) {
        clip(parts, behind, {});
        below.insert(below.end(), parts.begin(), parts.end());
    }
    parts = std::move(below);
}

void bound(std::vector<Span>& parts, const Condition& condition) {
    const std::string& value = condition.values.front();
    const std::string behind = storage::prefix_end(value);
    switch (condition.compare) {
        case Compare::kNe:
            for (const std::string& one : condition.values) {
                exclude(parts, one);
            }
            return;
        case Compare::kLt:
            if (value.empty()) {
                parts.clear();  // As the end of a part it would stand for no end.
            } else {
                clip(parts, {}, value);
            }
            return;
        case Compare::kLe: clip(parts, {}, behind); return;
        case Compare::kGe: clip(parts, value, {}); return;
        case Compare::kGt:
            if (behind.empty()) {
                parts.clear();  // Nothing is above a value of nothing but ff.
            } else {
                clip(parts, behind, {});
            }
            return;
        case Compare::kEq:
        case Compare::kIn: return;
    }
}

ColumnPart part_of(uint16_t column, const std::vector<Condition>& where, bool is_optional) {
    ColumnPart out;
    const bool is_bounded = std::ranges::any_of(where, [column](const Condition& condition) {
        return condition.column == column && !is_pin(condition);
    });
    // No bound holds of null, which comes before all values.
    out.bounds.push_back({is_optional && is_bounded ? std::string{"\x01"} : std::string{}, {}});
    for (size_t i = 0; i < where.size(); ++i) {
        if (where[i].column != column || !is_pin(where[i])) {
            continue;
        }
        std::vector<std::string> values = where[i].values;
        std::ranges::sort(values);
        values.erase(std::unique(values.begin(), values.end()), values.end());
        if (out.is_pinned) {
            std::erase_if(out.values, [&](const std::string& value) {
                return !std::ranges::binary_search(values, value);
            });
        } else {
            out.values = std::move(values);
        }
        out.is_pinned = true;
        out.answered.push_back(i);
    }
    for (size_t i = 0; i < where.size(); ++i) {
        if (where[i].column != column || is_pin(where[i])) {
            continue;
        }
        if (out.is_pinned) {
            std::erase_if(out.values, [&](const std::string& value) {
                return !holds(where[i], value, is_optional);
            });
        } else {
            bound(out.bounds, where[i]);
        }
        out.answered.push_back(i);
    }
    return out;
}

/// Puts `part` behind each of the prefixes.
std::vector<Span> spans_of(const std::vector<std::string>& prefixes,
                           const std::vector<Span>& parts) {
    std::vector<Span> out;
    out.reserve(prefixes.size() * parts.size());
    for (const std::string& prefix : prefixes) {
        for (const Span& part : parts) {
            out.push_back({prefix + part.from,
                           part.to.empty() ? storage::prefix_end(prefix) : prefix + part.to});
        }
    }
    return out;
}

/// Whether rows by `access` can come in the order asked; sets its direction.
bool match_order(Access& access, const std::vector<bool>& is_constant,
                 const std::vector<OrderColumn>& order) {
    std::vector<uint16_t> seen;
    size_t at = 0;
    bool is_first = true;
    const std::vector<uint16_t>& columns = access.path.columns;
    for (const OrderColumn& asked : order) {
        if (std::ranges::find(seen, asked.column) != seen.end()) {
            continue;
        }
        seen.push_back(asked.column);
        const auto found = std::ranges::find(columns, asked.column);
        if (found != columns.end() && is_constant[static_cast<size_t>(found - columns.begin())]) {
            if (is_first) {
                access.descending = asked.descending;  // Those that are equal come by key.
            }
            continue;
        }
        while (at < columns.size() && is_constant[at]) {
            ++at;
        }
        if (at == columns.size()) {
            return true;  // A path ends with the whole key: nothing is left that could differ.
        }
        if (columns[at] != asked.column || (!is_first && asked.descending != access.descending)) {
            return false;
        }
        access.descending = asked.descending;
        is_first = false;
        ++at;
    }
    return true;
}

std::string join_columns(const EntityLayout& layout, const std::vector<uint16_t>& columns,
                         std::string_view between = ", ", std::string_view quote = "") {
    std::string out;
    for (const uint16_t column : columns) {
        out += fmt::format("{}{}{}{}", out.empty() ? "" : between, quote,
                           layout.column(column).name, quote);
    }
    return out;
}

void add_once(std::vector<uint16_t>& columns, uint16_t column) {
    if (std::ranges::find(columns, column) == columns.end()) {
        columns.push_back(column);
    }
}

/// The columns of an index that would answer: what is equal first, then bounds or the order.
std::vector<uint16_t> index_that_serves(const Question& question) {
    std::vector<uint16_t> out;
    for (const Condition& condition : question.where) {
        if (is_pin(condition)) {
            add_once(out, condition.column);
        }
    }
    const size_t pinned = out.size();
    for (const Condition& condition : question.where) {
        if (!is_pin(condition) && out.size() == pinned) {
            add_once(out, condition.column);
        }
    }
    for (const OrderColumn& asked : question.order) {
        add_once(out, asked.column);
    }
    return out;
}

Error refusal(const EntityLayout& layout, const Question& question) {
    std::string asked;
    for (const Condition& condition : question.where) {
        asked += (asked.empty() ? "" : ", ") + describe(layout, condition) + " ...";
    }
    for (size_t i = 0; i < question.order.size(); ++i) {
        asked += i > 0 ? ", " : asked.empty() ? "the order " : " in the order ";
        asked += (question.order[i].descending ? "-" : "") +
                 layout.column(question.order[i].column).name;
    }
    std::string known;
    for (const AccessPath& path : paths_of(layout)) {
        known += path.index < 0
                     ? fmt::format("the key ({})", join_columns(layout, path.columns))
                     : fmt::format(
                           ", an index ({})",
                           join_columns(layout, layout.indexes[static_cast<size_t>(path.index)]));
    }
    const std::vector<uint16_t> index = index_that_serves(question);
    EntityLayout wider = layout;
    wider.indexes.push_back(index);
    const Access access = plan_path(layout, paths_of(wider).back(), question);
    std::string help =
        access.left.empty() && access.is_ordered
            ? fmt::format("index = [[{}]] in [entities.{}] would serve it",
                          join_columns(layout, index, ", ", "\""), layout.name)
            : "no index can: values that are equal come first in one, then bounds on one column, "
              "which is then also the order, and all columns of an order go one way";
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no key or index of {} answers {}; it has {}. {}", layout.name, asked,
                             known, help)};
}

}  // namespace

std::vector<AccessPath> paths_of(const EntityLayout& layout) {
    AccessPath key;
    for (uint16_t i = 0; i < layout.key.size(); ++i) {
        key.columns.push_back(i);
    }
    std::vector<AccessPath> out{key};
    for (size_t i = 0; i < layout.indexes.size(); ++i) {
        AccessPath path{static_cast<int>(i), layout.indexes[i]};
        path.columns.insert(path.columns.end(), key.columns.begin(), key.columns.end());
        out.push_back(std::move(path));
    }
    return out;
}

Access plan_path(const EntityLayout& layout, AccessPath path, const Question& question) {
    Access out;
    out.path = std::move(path);
    std::vector<std::string> prefixes{""};
    std::vector<bool> is_constant(out.path.columns.size());
    std::vector<bool> is_answered(question.where.size());
    size_t at = 0;
    for (; at < out.path.columns.size(); ++at) {
        ColumnPart part = part_of(out.path.columns[at], question.where,
                                  layout.column(out.path.columns[at]).type.optional);
        if (!part.is_pinned || part.values.size() * prefixes.size() > kSpansMax) {
            break;
        }
        std::vector<std::string> longer;
        for (const std::string& prefix : prefixes) {
            for (const std::string& value : part.values) {
                longer.push_back(prefix + value);
            }
        }
        prefixes = std::move(longer);
        is_constant[at] = part.values.size() <= 1;
        for (const size_t place : part.answered) {
            is_answered[place] = true;
        }
    }
    out.pinned = at;
    std::vector<Span> bounds{{}};
    if (at < out.path.columns.size()) {
        ColumnPart part = part_of(out.path.columns[at], question.where,
                                  layout.column(out.path.columns[at]).type.optional);
        if (!part.is_pinned && !part.answered.empty() &&
            part.bounds.size() * prefixes.size() <= kSpansMax) {
            out.is_bounded = true;
            bounds = std::move(part.bounds);
            for (const size_t place : part.answered) {
                is_answered[place] = true;
            }
        }
    }
    out.spans = spans_of(prefixes, bounds);
    for (size_t i = 0; i < is_answered.size(); ++i) {
        if (!is_answered[i]) {
            out.left.push_back(i);
        }
    }
    // A column that stands twice in a path says nothing new the second time.
    for (size_t i = 0; i < out.path.columns.size(); ++i) {
        const auto first = std::ranges::find(out.path.columns, out.path.columns[i]);
        if (static_cast<size_t>(first - out.path.columns.begin()) < i) {
            is_constant[i] = true;
        }
    }
    out.is_single = prefixes.size() <= 1 && out.pinned == out.path.columns.size();
    out.is_ordered = match_order(out, is_constant, question.order);
    return out;
}

Result<Access> plan_served(const EntityLayout& layout, const Question& question,
                           std::optional<int> only) {
    for (AccessPath& path : paths_of(layout)) {
        if (only && *only != path.index) {
            continue;
        }
        Access access = plan_path(layout, std::move(path), question);
        if (access.left.empty() && access.is_ordered) {
            return access;
        }
    }
    return refusal(layout, question);
}

Estimate estimate(const Access& access, uint64_t entity_rows) noexcept {
    const auto all = static_cast<double>(std::max<uint64_t>(entity_rows, 1));
    const auto spans = static_cast<double>(std::max<size_t>(access.spans.size(), 1));
    // Each equal column leaves the same part of what is there, and all of them one row.
    const auto columns = static_cast<double>(access.path.columns.size());
    double rows = std::pow(all, 1.0 - static_cast<double>(access.pinned) / columns) * spans;
    if (access.is_bounded) {
        rows /= 4;
    }
    rows = std::clamp(rows, access.spans.empty() ? 0.0 : 1.0, all);
    // A row by an index is a look-up of its own.
    return {rows, spans + rows * (access.path.index < 0 ? 1.0 : 3.0)};
}

namespace {

std::optional<Access> cheapest(const EntityLayout& layout, const Question& question,
                               uint64_t entity_rows, bool must_be_ordered) {
    std::optional<Access> best;
    double best_cost = 0;
    for (AccessPath& path : paths_of(layout)) {
        Access access = plan_path(layout, std::move(path), question);
        if (must_be_ordered && !access.is_ordered) {
            continue;
        }
        const Estimate guess = estimate(access, entity_rows);
        const double sort = access.is_ordered ? 0 : guess.rows * std::log2(guess.rows + 2);
        if (!best || guess.cost + sort < best_cost) {
            best = std::move(access);
            best_cost = guess.cost + sort;
        }
    }
    return best;
}

}  // namespace

Access plan_cheapest(const EntityLayout& layout, const Question& question, uint64_t entity_rows) {
    return *cheapest(layout, question, entity_rows, false);
}

Result<Access> plan_scan(const EntityLayout& layout, const Question& question,
                         uint64_t entity_rows) {
    std::optional<Access> best = cheapest(layout, question, entity_rows, true);
    return best ? Result<Access>{*std::move(best)} : refusal(layout, question);
}

std::string path_name(const EntityLayout& layout, int index) {
    return index < 0 ? "key"
                     : join_columns(layout, layout.indexes[static_cast<size_t>(index)], ",");
}

}  // namespace plumbline::query
