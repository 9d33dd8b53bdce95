#include "engine/ingest/log_rows.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "engine/mapping/block_ranges.hpp"
#include "engine/mapping/child_coverage.hpp"
#include "engine/mapping/descendants.hpp"

namespace plumbline::engine {

namespace {

/// Whom the history of a contract of `child`'s may announce.
void add_blind(BlindSources& blind, const std::vector<Source>& sources,
               const storage::ChildRow& child) {
    const auto source = std::ranges::find(sources, child.contract, &Source::contract);
    if (source == sources.end() || !source->has_history({child.block_num, child.log_index})) {
        return;
    }
    for (const uint32_t i :
         descendants_of(static_cast<uint32_t>(source - sources.begin()), sources)) {
        blind.resize(sources.size(), false);
        blind[i] = true;
    }
}

}  // namespace

storage::BlockRow to_row(const BlockInfo& block, size_t events) {
    return {block.block_num,
            block.hash,
            block.parent_hash,
            block.timestamp,
            static_cast<uint32_t>(events),
            storage::ProofLevel::kFetched};
}

void extend_coverage(storage::CommitBatch& batch, const std::vector<Source>& sources,
                     const FetchedRange& fetched, evm::BlockRange range,
                     const BlindSources& blind) {
    if (range.from > range.to) {
        return;
    }
    const std::vector<rpc::ToldBy> nobody{{range, ""}};
    for (const rpc::ToldBy& part : fetched.told_by.empty() ? nobody : fetched.told_by) {
        const std::optional<evm::BlockRange> told = common_of(range, part.range);
        for (const uint32_t i : fetched.sources) {
            if (told && (blind.empty() || !blind[i])) {
                batch.extend_coverage(
                    {sources[i].fingerprint, *told, part.provider, storage::ProofLevel::kFetched});
            }
        }
    }
}

void put_calls(storage::CommitBatch& batch, const FetchedRange& fetched, uint64_t block_num) {
    if (fetched.calls) {
        for (const storage::CallFact* fact : fetched.calls->new_of(block_num)) {
            batch.put_call(*fact);
        }
    }
}

bool is_same_log(const evm::Log& a, ByteView a_data, const evm::Log& b, ByteView b_data) {
    return a.log_index == b.log_index && a.txn_index == b.txn_index && a.txn_hash == b.txn_hash &&
           a.address == b.address && a.topic_count == b.topic_count &&
           std::equal(a.topics.begin(), a.topics.begin() + a.topic_count, b.topics.begin()) &&
           equal(a_data, b_data);
}

void append_part(storage::CommitBatch& batch, const std::vector<Source>& sources,
                 const CommitPart& part, BlindSources& blind) {
    const FetchedRange& fetched = *part.fetched;
    RangePos at = part.from;
    for (; at.block < part.to.block; ++at.block) {
        const BlockInfo& block = fetched.blocks[at.block];
        const size_t first = at.log;
        for (; at.log < part.to.log && fetched.logs.logs[at.log].block_num == block.block_num;
             ++at.log) {
            const evm::Log& log = fetched.logs.logs[at.log];
            batch.append_log(log, fetched.logs.data(log), fetched.txn(at.log));
        }
        put_calls(batch, fetched, block.block_num);
        // The row of the newest final block stays until finality moves on: it is what a rollback to
        // there goes back to. So the last block of a range always has one.
        const size_t events = at.log - first;
        const bool is_last = at.block + 1 == fetched.blocks.size();
        if (events > 0 || block.block_num > fetched.finalized || is_last) {
            batch.append_block(to_row(block, events));
        }
    }
    PLUMBLINE_CHECK_MSG(at.log == part.to.log, "a log of a block that the range does not have");
    for (size_t i = at.child; i < part.to.child; ++i) {
        add_blind(blind, sources, fetched.children[i]);
    }
    extend_coverage(batch, sources, fetched, part.coverage, blind);
    for (; at.child < part.to.child; ++at.child) {
        batch.append_child(fetched.children[at.child]);
        withdraw_coverage(batch, sources, fetched.children[at.child], fetched.range.to + 1,
                          fetched.range.to);
    }
}

}  // namespace plumbline::engine
