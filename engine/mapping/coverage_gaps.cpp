#include "engine/mapping/coverage_gaps.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "engine/mapping/block_ranges.hpp"

namespace plumbline::engine {

void set_first_blocks(std::vector<Source>& sources) {
    for (Source& source : sources) {
        source.first_block = source.start_block;
    }
    // Factories may be children themselves; a chain of them is no longer than there are sources.
    for (size_t round = 0; round < sources.size(); ++round) {
        for (Source& source : sources) {
            if (source.parents.empty()) {
                continue;
            }
            uint64_t earliest = UINT64_MAX;
            for (const uint32_t parent : source.parents) {
                earliest = std::min(earliest, sources[parent].first_block);
            }
            source.first_block = source.counts_from({earliest, 0}).block_num;
            if (!source.addresses.empty()) {
                source.first_block = source.start_block;
            }
        }
    }
}

uint64_t first_block_of(const std::vector<Source>& sources) {
    uint64_t first = sources.empty() ? 0 : UINT64_MAX;
    for (const Source& source : sources) {
        first = std::min(first, source.first_block);
    }
    return first;
}

bool has_history(const std::vector<Source>& sources) {
    return std::ranges::any_of(sources, [](const Source& one) { return one.has_history(); });
}

namespace {

bool is_covered_somewhere(const Source& source, const std::vector<storage::CoverageRow>& coverage) {
    return std::ranges::any_of(
        coverage, [&source](const storage::CoverageRow& row) { return source.is_key(row.source); });
}

/// Blocks from `from` to `to` that may hold logs of `source`, or say whose logs they are, and are
/// not covered.
std::vector<evm::BlockRange> missing_of(const Source& source,
                                        const std::vector<storage::CoverageRow>& coverage,
                                        uint64_t from, uint64_t to) {
    const evm::BlockRange within{std::max(from, source.first_block),
                                 std::min(to, source.covered_to())};
    if (within.from > within.to) {
        return {};
    }
    std::vector<evm::BlockRange> covered;
    for (const storage::CoverageRow& row : coverage) {
        if (source.is_key(row.source)) {
            covered.push_back(row.range);
        }
    }
    return subtract(within, joined(std::move(covered)));
}

/// Where nothing of a factory's children is covered, nobody has looked who they are: their
/// factories are asked from their own first block on, even if the children's logs count only later.
/// Contracts with a history lose the coverage of it with each one that is announced; who they are
/// is known while any of it is left.
void add_announcements(const std::vector<Source>& sources, const std::vector<bool>& is_known,
                       uint64_t cursor, std::vector<std::vector<evm::BlockRange>>& missing) {
    const auto lacks_start = [&](size_t i) {
        return !missing[i].empty() && missing[i].front().from == sources[i].first_block &&
               !(sources[i].has_history() && is_known[i]);
    };
    // A chain of factories is no longer than there are sources.
    for (size_t round = 0; round < sources.size(); ++round) {
        for (size_t i = 0; i < sources.size(); ++i) {
            for (const uint32_t parent : sources[i].parents) {
                if (lacks_start(i) && !lacks_start(parent) &&
                    sources[parent].is_within(0, cursor)) {
                    missing[parent] = {
                        {sources[parent].first_block, std::min(cursor, sources[parent].end_block)}};
                }
            }
        }
    }
}

}  // namespace

void add_families(std::vector<bool>& member, const std::vector<Source>& sources) {
    for (bool has_grown = true; has_grown;) {
        has_grown = false;
        for (size_t child = 0; child < sources.size(); ++child) {
            for (const uint32_t parent : sources[child].parents) {
                if (member[child] != member[parent]) {
                    member[child] = true;
                    member[parent] = true;
                    has_grown = true;
                }
            }
        }
    }
}

std::vector<CoverageGap> find_missing(const std::vector<Source>& sources,
                                      const std::vector<storage::CoverageRow>& coverage,
                                      uint64_t cursor) {
    std::vector<std::vector<evm::BlockRange>> missing(sources.size());
    std::vector<bool> is_known(sources.size(), false);
    std::set<uint64_t> edges;
    for (size_t i = 0; i < sources.size(); ++i) {
        is_known[i] = is_covered_somewhere(sources[i], coverage);
        missing[i] = missing_of(sources[i], coverage, 0, cursor);
    }
    add_announcements(sources, is_known, cursor, missing);
    for (const std::vector<evm::BlockRange>& ranges : missing) {
        for (const evm::BlockRange& range : ranges) {
            edges.insert(range.from);
            edges.insert(range.to + 1);
        }
    }
    std::vector<CoverageGap> spans;
    for (auto edge = edges.begin(); edge != edges.end() && std::next(edge) != edges.end(); ++edge) {
        const evm::BlockRange range{*edge, *std::next(edge) - 1};
        std::vector<bool> member(sources.size(), false);
        for (size_t i = 0; i < sources.size(); ++i) {
            member[i] = std::ranges::any_of(missing[i], [&](const evm::BlockRange& gap) {
                return gap.from <= range.from && range.to <= gap.to;
            });
        }
        if (std::ranges::find(member, true) == member.end()) {
            continue;
        }
        add_families(member, sources);
        CoverageGap span{range, {}};
        for (uint32_t i = 0; i < sources.size(); ++i) {
            if (member[i]) {
                span.sources.push_back(i);
            }
        }
        if (!spans.empty() && spans.back().sources == span.sources &&
            spans.back().range.to + 1 == range.from) {
            spans.back().range.to = range.to;
        } else {
            spans.push_back(std::move(span));
        }
    }
    return spans;
}

std::vector<bool> find_unsure(const std::vector<Source>& sources,
                              const std::vector<storage::CoverageRow>& coverage, uint64_t block,
                              uint64_t cursor) {
    std::vector<bool> is_missing(sources.size(), false);    // somewhere above `block`
    std::vector<bool> is_known(sources.size(), false);      // some of it is covered
    std::vector<bool> reaches_back(sources.size(), false);  // before its announcements
    for (size_t i = 0; i < sources.size() && block < cursor; ++i) {
        is_missing[i] = !missing_of(sources[i], coverage, block + 1, cursor).empty();
        is_known[i] = is_covered_somewhere(sources[i], coverage);
        reaches_back[i] = sources[i].has_history();
    }
    std::vector<bool> is_open(sources.size(), false);  // who its contracts are
    // A chain of factories is no longer than there are sources.
    for (size_t round = 0; round < sources.size(); ++round) {
        for (size_t i = 0; i < sources.size(); ++i) {
            for (const uint32_t parent : sources[i].parents) {
                // Of one that ends below the cursor nothing can be covered up there.
                const bool is_unread = !is_known[i] && sources[i].covered_to() >= cursor &&
                                       sources[parent].is_within(block + 1, cursor);
                is_open[i] = is_open[i] || is_missing[parent] || is_unread || is_open[parent];
                reaches_back[i] = reaches_back[i] || reaches_back[parent];
            }
        }
    }
    for (size_t i = 0; i < sources.size(); ++i) {
        is_open[i] = is_open[i] && reaches_back[i];
    }
    return is_open;
}

}  // namespace plumbline::engine
