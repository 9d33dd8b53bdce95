#include "engine/mapping/coverage_gaps.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace plumbline::engine {

SourceParents find_parents(const Config& config, const std::vector<Source>& sources) {
    SourceParents parents(sources.size());
    for (size_t i = 0; i < sources.size(); ++i) {
        const auto contract =
            std::ranges::find(config.contracts, sources[i].contract, &ContractConfig::name);
        if (contract == config.contracts.end() || !contract->factory) {
            continue;
        }
        for (uint32_t parent = 0; parent < sources.size(); ++parent) {
            if (sources[parent].contract == contract->factory->contract) {
                parents[i].push_back(parent);
            }
        }
    }
    return parents;
}

std::vector<uint64_t> first_blocks(const std::vector<Source>& sources,
                                   const SourceParents& parents) {
    std::vector<uint64_t> first;
    first.reserve(sources.size());
    for (const Source& source : sources) {
        first.push_back(source.start_block);
    }
    // Factories may be children themselves; a chain of them is no longer than there are sources.
    for (size_t round = 0; round < sources.size(); ++round) {
        for (size_t i = 0; i < sources.size(); ++i) {
            if (!sources[i].addresses.empty() || parents[i].empty()) {
                continue;
            }
            uint64_t earliest = UINT64_MAX;
            for (const uint32_t parent : parents[i]) {
                earliest = std::min(earliest, first[parent]);
            }
            first[i] = std::max(sources[i].start_block, earliest);
        }
    }
    return first;
}

namespace {

/// Ranges of `within` that `covered` lacks.
std::vector<evm::BlockRange> subtract(evm::BlockRange within,
                                      std::vector<evm::BlockRange> covered) {
    std::ranges::sort(covered, {}, &evm::BlockRange::from);
    std::vector<evm::BlockRange> out;
    uint64_t next = within.from;
    for (const evm::BlockRange& range : covered) {
        if (range.to < next) {
            continue;
        }
        if (range.from > within.to) {
            break;
        }
        if (range.from > next) {
            out.push_back({next, range.from - 1});
        }
        next = range.to + 1;
        if (next > within.to) {
            return out;
        }
    }
    out.push_back({next, within.to});
    return out;
}

}  // namespace

void add_families(std::vector<bool>& member, const SourceParents& parents) {
    for (bool has_grown = true; has_grown;) {
        has_grown = false;
        for (size_t child = 0; child < parents.size(); ++child) {
            for (const uint32_t parent : parents[child]) {
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
                                      const SourceParents& parents,
                                      const std::vector<storage::CoverageRow>& coverage,
                                      uint64_t cursor) {
    const std::vector<uint64_t> first = first_blocks(sources, parents);
    std::vector<std::vector<evm::BlockRange>> missing(sources.size());
    std::set<uint64_t> edges;
    for (size_t i = 0; i < sources.size(); ++i) {
        if (first[i] > cursor) {
            continue;
        }
        std::vector<evm::BlockRange> covered;
        for (const storage::CoverageRow& row : coverage) {
            if (row.source == sources[i].fingerprint) {
                covered.push_back(row.range);
            }
        }
        missing[i] = subtract({first[i], cursor}, std::move(covered));
        for (const evm::BlockRange& range : missing[i]) {
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
        add_families(member, parents);
        CoverageGap span{range, {}};
        for (uint32_t i = 0; i < sources.size(); ++i) {
            if (member[i] && first[i] <= range.to) {
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

}  // namespace plumbline::engine
