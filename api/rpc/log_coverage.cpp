#include "api/rpc/log_coverage.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

using engine::Source;

/// All logs that the filter can match of an address of `source` are ones that the source keeps.
bool keeps_topics(const Source& source, const LogFilter& filter) {
    const std::vector<evm::Hash>* wanted =
        filter.topics.empty() || filter.topics[0].empty() ? nullptr : &filter.topics[0];
    const std::vector<evm::Hash>& kept =
        source.wants_abi_of_children() ? source.abi_topics0 : source.topics0;
    if (kept.empty()) {
        return true;
    }
    return wanted != nullptr && std::ranges::all_of(*wanted, [&](const evm::Hash& topic) {
               return std::ranges::find(kept, topic) != kept.end() && !source.is_filtered(topic);
           });
}

std::string why_not_kept(const Source& source, const evm::Address& address) {
    const std::string of = fmt::format("of {} ({})", evm::to_hex(address), source.contract);
    if (!source.filters.empty()) {
        return of +
               " some events are kept only where they pass the config's `filter`: ask for its "
               "other events by topics[0]";
    }
    return of + (source.topics0.empty()
                     ? ", which a factory announced, only the ABI's events are kept: ask "
                       "for some of those by topics[0]"
                     : " only some events are kept: ask for those by topics[0], or take `events` "
                       "out of its config");
}

/// From which block on the source has the address's logs; empty where it is none of its contracts.
std::optional<uint64_t> first_block_of(const CoveredBy& by, const Source& source,
                                       const evm::Address& address) {
    std::optional<uint64_t> first;
    if (std::ranges::find(source.addresses, address) != source.addresses.end()) {
        first = source.start_block;
    }
    if (source.has_factory) {
        for (const storage::ChildRow& child : by.children) {
            if (child.address == address && child.contract == source.contract) {
                const engine::LogPosition from =
                    source.counts_from({child.block_num, child.log_index});
                // A part of a block is no block.
                const uint64_t whole = from.block_num + (from.log_index > 0 ? 1 : 0);
                first = std::min(first.value_or(whole), whole);
            }
        }
    }
    return first;
}

/// The blocks above `from` that are covered without a gap, the last of them; empty where not even
/// `from` is.
std::optional<uint64_t> covered_through(const CoveredBy& by, const Source& source, uint64_t from) {
    std::vector<evm::BlockRange> ranges;
    for (const storage::CoverageRow& row : by.coverage) {
        if (row.source == source.fingerprint) {
            ranges.push_back(row.range);
        }
    }
    std::ranges::sort(ranges, {}, &evm::BlockRange::from);
    std::optional<uint64_t> through;
    for (const evm::BlockRange& range : ranges) {
        const uint64_t next = through ? *through + 1 : from;
        if (range.from <= next && range.to >= next) {
            through = range.to;
        }
    }
    return through;
}

std::optional<std::string> find_uncovered_of(const CoveredBy& by, const LogFilter& filter,
                                             const evm::Address& address, uint64_t from,
                                             uint64_t to) {
    std::string reason;
    for (const Source& source : by.plan.sources()) {
        const std::optional<uint64_t> first = first_block_of(by, source, address);
        if (!first) {
            continue;
        }
        if (!keeps_topics(source, filter)) {
            reason = why_not_kept(source, address);
            continue;
        }
        if (from < *first || to > source.end_block) {
            reason = fmt::format(
                "{} ({}) is indexed from block {}{}", evm::to_hex(address), source.contract, *first,
                source.end_block == UINT64_MAX ? std::string{" on"}
                                               : fmt::format(" to {}", source.end_block));
            continue;
        }
        const std::optional<uint64_t> through = covered_through(by, source, from);
        if (through && *through >= to) {
            return std::nullopt;
        }
        reason = fmt::format("of {} ({}) blocks {} to {} are not fetched yet", evm::to_hex(address),
                             source.contract, through ? *through + 1 : from, to);
    }
    return reason.empty() ? fmt::format("{} is no contract of this index", evm::to_hex(address))
                          : reason;
}

}  // namespace

std::optional<std::string> find_uncovered(const CoveredBy& by, const LogFilter& filter,
                                          uint64_t from, uint64_t to) {
    if (from > to) {
        return std::nullopt;
    }
    if (filter.addresses.empty()) {
        return "a filter without an address asks for every contract of the chain, and the index "
               "has "
               "those of its config";
    }
    for (const evm::Address& address : filter.addresses) {
        if (auto reason = find_uncovered_of(by, filter, address, from, to)) {
            return reason;
        }
    }
    return std::nullopt;
}

}  // namespace plumbline::api
