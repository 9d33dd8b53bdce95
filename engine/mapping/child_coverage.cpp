#include "engine/mapping/child_coverage.hpp"

#include <algorithm>

#include "engine/mapping/descendants.hpp"

namespace plumbline::engine {

void withdraw_coverage(storage::CommitBatch& batch, const std::vector<Source>& sources,
                       const storage::ChildRow& child, uint64_t unasked_from, uint64_t last_block) {
    const auto source = std::ranges::find(sources, child.contract, &Source::contract);
    if (source == sources.end()) {
        return;
    }
    const uint64_t first = source->counts_from({child.block_num, child.log_index}).block_num;
    if (first < child.block_num) {
        batch.remove_coverage(source->fingerprint, {first, child.block_num - 1});
        for (const uint32_t i :
             descendants_of(static_cast<uint32_t>(source - sources.begin()), sources)) {
            const uint64_t from = sources[i].counts_from({first, 0}).block_num;
            if (from <= last_block) {
                batch.remove_coverage(sources[i].fingerprint, {from, last_block});
            }
        }
    }
    if (const uint64_t from = std::max(first, unasked_from); from <= last_block) {
        batch.remove_coverage(source->fingerprint, {from, last_block});
    }
}

}  // namespace plumbline::engine
