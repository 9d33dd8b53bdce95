// Addresses that may be children of factories: what ranges are asked about before it is known who
// really is one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/base/check.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::engine {

/// An address that some log seems to announce. Whether it does shows when all blocks before are
/// there: the log may belong to nobody.
struct ChildCandidate {
    evm::Address address;
    uint64_t block_num = 0;  ///< the first that may hold its logs, by what was seen so far
};

/// One list a source that only grows, so that "the first n" says what a range was asked about.
class ChildCandidates {
  public:
    void reset(size_t source_count) { sources_.assign(source_count, {}); }

    [[nodiscard]] std::span<const ChildCandidate> of(uint32_t source) const {
        return sources_[source].list;
    }
    [[nodiscard]] size_t source_count() const noexcept { return sources_.size(); }
    [[nodiscard]] bool contains(uint32_t source, const evm::Address& address) const {
        return sources_[source].index.contains(address);
    }

    /// Index of the candidate in its source's list: an old one where it was known from that block
    /// or before, else a new one, because the ranges between the two blocks must ask for it.
    size_t add(uint32_t source, const evm::Address& address, uint64_t block_num) {
        PerSource& at = sources_[source];
        const auto [place, is_new] = at.index.try_emplace(address, at.list.size());
        if (!is_new && at.list[place->second].block_num <= block_num) {
            return place->second;
        }
        place->second = at.list.size();
        at.list.push_back({address, block_num});
        return place->second;
    }

    /// It is a child indeed: a range is whole only once it was asked about it.
    void confirm(uint32_t source, const evm::Address& address) {
        PerSource& at = sources_[source];
        const auto place = at.index.find(address);
        PLUMBLINE_CHECK(place != at.index.end());
        at.confirmed_end = std::max(at.confirmed_end, place->second + 1);
    }
    /// How many of the list a range must have been asked about: all up to the last confirmed.
    [[nodiscard]] size_t confirmed_end(uint32_t source) const {
        return sources_[source].confirmed_end;
    }

  private:
    struct PerSource {
        std::vector<ChildCandidate> list;
        /// Address to its newest place in `list`.
        std::unordered_map<evm::Address, size_t, evm::FixedBytesHash> index;
        size_t confirmed_end = 0;
    };
    std::vector<PerSource> sources_;
};

}  // namespace plumbline::engine
