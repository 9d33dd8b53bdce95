// What is ingested: ranges of logs made complete by the fetcher, and the work that comes of them
// for the writer, in the order it must be done.
//
//   ChainSource -> Fetcher -> Follower -> IngestChannel -> Writer -> Database
//   `---------- network thread -------'                    `- writer thread -'
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/fold_needs.hpp"
#include "rpc/chain_source.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// A block as the log's index needs it.
struct BlockInfo {
    uint64_t block_num = 0;
    evm::Hash hash;
    evm::Hash parent_hash;
    uint64_t timestamp = 0;
    friend bool operator==(const BlockInfo&, const BlockInfo&) = default;
};

constexpr uint32_t kNoTxn = UINT32_MAX;
/// Of a range's blocks: the headers of the last ones are kept.
constexpr uint64_t kHeadersKept = 64;

/// Everything the sources of one range of blocks want from the chain, complete and in order.
struct FetchedRange {
    evm::BlockRange range;
    evm::LogBatch logs;             ///< each wanted by at least one source
    std::vector<BlockInfo> blocks;  ///< ascending: those with logs and the last; `tail`: all
    /// Of its last `kHeadersKept` blocks, as far as they came; goes no further than the follower.
    std::vector<evm::Header> headers;
    std::vector<storage::ChildRow> children;  ///< announced in this range, in order
    std::vector<storage::TxnFields> txns;
    std::vector<uint32_t> txn_of_log;  ///< into `txns` or kNoTxn; empty where no log needs one
    std::vector<uint32_t> sources;     ///< of the plan, for which the range is now complete
    std::shared_ptr<CallSet> calls;    ///< what its logs need; null where they need none
    /// Who answered for which part: ascending, without gaps, all of the range; where several were
    /// asked about a block their names are joined by ", ".
    std::vector<rpc::ToldBy> told_by;
    evm::Hash parent_hash;   ///< of the block before the range; zero = not known
    bool tail = false;       ///< not final: one commit a block, with undo
    uint64_t finalized = 0;  ///< as known when the range was asked for

    [[nodiscard]] const storage::TxnFields* txn(size_t log) const noexcept {
        return txn_of_log.empty() || txn_of_log[log] == kNoTxn ? nullptr : &txns[txn_of_log[log]];
    }
    /// Memory it takes, roughly.
    [[nodiscard]] size_t size_bytes() const noexcept {
        size_t inputs = 0;
        for (const storage::TxnFields& txn : txns) {
            inputs += txn.body ? txn.body->input.capacity() : 0;
        }
        return logs.arena.capacity() + logs.logs.capacity() * sizeof(evm::Log) +
               blocks.size() * sizeof(BlockInfo) + children.size() * sizeof(storage::ChildRow) +
               txns.size() * sizeof(storage::TxnFields) + inputs +
               (calls ? calls->size_bytes() : 0) + sizeof(FetchedRange);
    }
};

/// The next blocks of the index.
struct AppendWork {
    FetchedRange fetched;
    bool sync = false;  ///< on disk before the next: at the head
};
/// Blocks at or below the cursor, for sources that the database has not covered yet.
struct GapWork {
    FetchedRange fetched;
    /// Where set, the range is covered, by what these providers told, which were proven to lie:
    /// `fetched`, which others told, takes its place.
    std::string liar = {};
};
/// Blocks up to here became final while no block came.
struct FinalizeWork {
    uint64_t finalized = 0;
};
/// The chain left us above `target`; its hash is zero where that does not matter, below the first
/// block of the index.
struct RollbackWork {
    BlockInfo target;
};
/// Fold the log again: the mapping changed, or logs were filled in.
struct RefoldWork {
    std::string reason;
};
/// Facts of contract calls that the log does not name any more; a fold is owed afterwards.
struct DropCallsWork {
    std::vector<UnneededCall> calls;
};
/// These blocks, which calls with `state = "head"` were asked of, are on the index's own chain: a
/// reorg that takes one takes blocks of the index as well.
struct ComePastWork {
    std::vector<evm::BlockId> blocks;
};
/// The chain has left block `from`, which such calls were asked of, without any block of the index.
struct DoubtHeadWork {
    uint64_t from = 0;
};
/// Make everything so far durable.
struct SyncWork {};

using Work = std::variant<AppendWork, GapWork, FinalizeWork, RollbackWork, RefoldWork,
                          DropCallsWork, ComePastWork, DoubtHeadWork, SyncWork>;

struct WorkItem {
    uint64_t seq = 0;    ///< counts items
    uint64_t epoch = 0;  ///< items of an epoch that the writer refused are dropped
    Work work;

    [[nodiscard]] size_t size_bytes() const noexcept;
};

}  // namespace plumbline::engine
