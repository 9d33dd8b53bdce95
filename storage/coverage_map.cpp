#include "storage/coverage_map.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/check.hpp"

namespace plumbline::storage {

namespace {

/// Whether `right`, which begins after `left` ends, begins in the very next block.
bool touches(const evm::BlockRange& left, const evm::BlockRange& right) noexcept {
    return right.from - left.to == 1;
}

bool says_the_same(const CoverageRow& a, const CoverageRow& b) noexcept {
    return a.provider == b.provider && a.level == b.level;
}

/// The first range that may overlap or touch `range`: the one that begins at or before it, or the
/// one before that, which may end right where `range` begins.
CoverageRanges::iterator first_near(CoverageRanges& ranges, const evm::BlockRange& range) {
    auto at = ranges.upper_bound(range.from);
    for (int i = 0; i < 2 && at != ranges.begin(); ++i) {
        --at;
    }
    return at;
}

}  // namespace

void lay_coverage(CoverageRanges& ranges, const CoverageRow& row) {
    PLUMBLINE_CHECK_MSG(row.range.from <= row.range.to, "a range of coverage holds a block");
    CoverageRow laid = row;
    for (auto at = first_near(ranges, row.range); at != ranges.end();) {
        const CoverageRow old = at->second;
        if (old.range.from > laid.range.to && !touches(laid.range, old.range)) {
            break;
        }
        if (old.range.to < laid.range.from && !touches(old.range, laid.range)) {
            ++at;
            continue;
        }
        at = ranges.erase(at);
        if (says_the_same(old, laid)) {
            laid.range.from = std::min(laid.range.from, old.range.from);
            laid.range.to = std::max(laid.range.to, old.range.to);
            continue;
        }
        if (old.range.from < laid.range.from) {
            CoverageRow left = old;
            left.range.to = std::min(old.range.to, laid.range.from - 1);
            ranges.insert_or_assign(left.range.from, left);
        }
        if (old.range.to > laid.range.to) {
            CoverageRow right = old;
            right.range.from = std::max(old.range.from, laid.range.to + 1);
            ranges.insert_or_assign(right.range.from, right);
            break;
        }
    }
    const auto at = ranges.insert_or_assign(laid.range.from, laid).first;
    PLUMBLINE_CHECK(at == ranges.begin() || std::prev(at)->second.range.to < laid.range.from);
    PLUMBLINE_CHECK(std::next(at) == ranges.end() || std::next(at)->first > laid.range.to);
}

void lift_coverage(CoverageRanges& ranges, const evm::BlockRange& range) {
    PLUMBLINE_CHECK_MSG(range.from <= range.to, "a range of coverage holds a block");
    CoverageRanges left;
    for (const auto& [from, row] : ranges) {
        if (row.range.from < range.from) {
            CoverageRow& below = left.emplace(from, row).first->second;
            below.range.to = std::min(row.range.to, range.from - 1);
        }
        if (row.range.to > range.to) {
            CoverageRow above = row;
            above.range.from = std::max(row.range.from, range.to + 1);
            left.emplace(above.range.from, above);
        }
    }
    ranges = std::move(left);
}

CoverageRanges cut_coverage(const CoverageRanges& ranges, uint64_t first) {
    CoverageRanges kept;
    for (const auto& [from, row] : ranges) {
        if (from >= first) {
            break;
        }
        CoverageRow& cut = kept.emplace(from, row).first->second;
        cut.range.to = std::min(cut.range.to, first - 1);
    }
    return kept;
}

CoverageChanges coverage_changes(const CoverageRanges& before, const CoverageRanges& after) {
    CoverageChanges changes;
    for (const auto& [from, row] : before) {
        if (!after.contains(from)) {
            changes.removed.push_back(from);
        }
    }
    for (const auto& [from, row] : after) {
        const auto old = before.find(from);
        if (old == before.end() || old->second != row) {
            changes.put.push_back(row);
        }
    }
    return changes;
}

}  // namespace plumbline::storage
