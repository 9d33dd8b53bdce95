#include "engine/mapping/block_ranges.hpp"

#include <algorithm>

namespace plumbline::engine {

std::optional<evm::BlockRange> common_of(const evm::BlockRange& a,
                                         const evm::BlockRange& b) noexcept {
    const evm::BlockRange common{std::max(a.from, b.from), std::min(a.to, b.to)};
    return common.from <= common.to ? std::optional{common} : std::nullopt;
}

std::vector<evm::BlockRange> joined(std::vector<evm::BlockRange> ranges) {
    std::ranges::sort(ranges, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> out;
    for (const evm::BlockRange& range : ranges) {
        if (!out.empty() && (range.from <= out.back().to || range.from - 1 == out.back().to)) {
            out.back().to = std::max(out.back().to, range.to);
        } else {
            out.push_back(range);
        }
    }
    return out;
}

std::vector<evm::BlockRange>::const_iterator first_from(const std::vector<evm::BlockRange>& ranges,
                                                        uint64_t block_num) {
    return std::ranges::lower_bound(ranges, block_num, {}, &evm::BlockRange::to);
}

std::vector<evm::BlockRange> subtract(evm::BlockRange range,
                                      const std::vector<evm::BlockRange>& others) {
    std::vector<evm::BlockRange> out;
    for (auto at = first_from(others, range.from); at != others.end() && at->from <= range.to;
         ++at) {
        if (at->from > range.from) {
            out.push_back({range.from, at->from - 1});
        }
        if (at->to >= range.to) {
            return out;
        }
        range.from = at->to + 1;
    }
    out.push_back(range);
    return out;
}

}  // namespace plumbline::engine
