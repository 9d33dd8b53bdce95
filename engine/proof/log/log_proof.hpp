// What the log proof is asked and what it tells. The proof: that the stored log is what the chain's
// own headers commit to, no event more, no event less. It works downwards from the block hash that
// the index follows, range by range:
//
//   linked    each header hashes to what its child says, down from the anchor
//   bloom     every stored log is in its block's bloom; a bloom that excludes all that is wanted
//             proves the block empty
//   receipts  what the bloom leaves open is settled by all receipts of the block: their trie root
//             is the header's, so their logs are the block's logs
//
// An answer that does not prove itself is somebody's lie, or a chain that we cannot recompute: it
// is asked of others, and where nobody has better the block stays below `receipts` with a reason.
// It is never a finding about the stored data.
//
//   log_prover     asks the chain, phase by phase
//   proof_piece    what is known of the blocks of one range; asks nobody
//   log_judge      one block's stored logs against its proven receipts
//   log_proof_run  drives a prover to its end
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/config/config.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/chain_profile.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// One consistent state of what is to be proven.
struct LogProofInput {
    std::shared_ptr<const storage::ReadView> view;
    std::vector<storage::CoverageRow> coverage;
    std::vector<storage::ChildRow> children;
    uint64_t chain_id = 0;
};
[[nodiscard]] Result<LogProofInput> read_log_proof_input(const storage::Database& database);

struct LogProofOptions {
    evm::BlockRange range;
    storage::ProofLevel level = storage::ProofLevel::kReceipts;  ///< how far to go
    double sample = 1.0;  ///< share of the blocks that need receipts whose receipts are fetched
    uint64_t requests_per_second = 0;  ///< a header or a block's receipts each; 0 = no bound
    uint64_t range_blocks = 1'000;     ///< proven and handed over at a time
    unsigned in_flight_max = 4;        ///< questions for receipts at once
    /// Blocks of each range that blooms alone would settle, checked by receipts all the same:
    /// they keep the trust in blooms honest.
    unsigned spot_checks = 2;
    uint64_t seed = 1;                    ///< of the sampling
    std::optional<ChainProfile> profile;  ///< as an earlier proof found it; empty: a self-test
    /// At or above the range's end, hash known to be the chain's (an earlier piece's `below`).
    /// Empty: the lowest block at or above the range's end whose hash the database knows well.
    std::optional<evm::BlockId> anchor;  ///< its hash is believed: headers must lead to it
    bool needs_receipts = false;         ///< without receipts to be had it ends at once
    unsigned failures_max = 5;           ///< in a row, of one question, before the proof gives up
};

/// What [proof] says; the range is the caller's.
[[nodiscard]] LogProofOptions log_proof_options(const ProofConfig& config);

/// A block with findings, as the chain proves it.
struct ProvenBlock {
    evm::Header header;
    evm::LogBatch logs;         ///< what the database must hold of it
    bool has_receipts = false;  ///< `logs` is known; else only the header is
    /// Of the row that was judged; empty where there was none. Another row by now: the chain was
    /// reorganised meanwhile.
    std::optional<evm::Hash> stored_hash;
};

/// Blocks that reached the same level.
struct LevelSpan {
    evm::BlockRange range;
    storage::ProofLevel level = storage::ProofLevel::kNone;
    friend bool operator==(const LevelSpan&, const LevelSpan&) = default;
};

/// How many blocks ended how.
struct LogProofCounts {
    uint64_t blocks = 0;
    uint64_t by_bloom = 0;     ///< proven empty by their bloom
    uint64_t by_receipts = 0;  ///< settled by receipts, or by having none at all
    uint64_t unsettled = 0;    ///< need receipts, which were not asked for (level, sample)
    uint64_t unprovable = 0;   ///< need receipts, which nobody has or which do not recompute
    uint64_t bad = 0;          ///< blocks with findings
    uint64_t logs = 0;         ///< stored logs compared with receipts and found equal
    uint64_t ticks = 0;        ///< our own of `every`, in no receipt: there where they must be
    /// Stored logs that no receipts root commits to (core/evm/state_sync.hpp): the word of who told
    /// them. Their blocks stay at `linked`.
    uint64_t outside = 0;
    uint64_t header_calls = 0;
    uint64_t receipts_calls = 0;
    LogProofCounts& operator+=(const LogProofCounts& other) noexcept;
};

/// One range, done.
struct LogProofPiece {
    evm::BlockRange range;
    evm::BlockId top;    ///< the range's last block
    evm::BlockId below;  ///< the block before the range: where the next proof downwards starts
    /// Ascending, without gaps. Blocks with findings have kFetched, those with logs that no root
    /// commits to at most kLinked; all others share one level: that which the least proven of them
    /// has reached. Settled by bloom counts as settled.
    std::vector<LevelSpan> spans;
    /// Levels of single blocks that hold logs, ascending, by their own evidence.
    std::vector<std::pair<uint64_t, storage::ProofLevel>> blocks;
    std::vector<Finding> findings;
    std::vector<ProvenBlock> proven;  ///< blocks with findings
    /// Contracts that a factory announced by logs that the database lacks: their logs are missing
    /// too, also above this range.
    std::vector<storage::ChildRow> new_children;
    LogProofCounts counts;
    uint64_t basis = 0;  ///< of the range, when it was read (proof_basis.hpp)
};

struct LogProofOutcome {
    storage::ProofLevel level = storage::ProofLevel::kNone;  ///< what every block has reached
    std::optional<evm::BlockRange> range;  ///< what is done, from the range's end downwards
    std::optional<evm::BlockId> below;     ///< where to go on
    bool is_complete = false;              ///< the whole range was gone through
    bool has_ended = false;                ///< by itself, not because somebody stopped it
    ChainProfile profile;
    std::string reason;  ///< why the level is not the one asked for; empty where it is
    LogProofCounts counts;
    Findings findings;
    std::vector<ProvenBlock> proven;
    std::vector<storage::ChildRow> new_children;
};

}  // namespace plumbline::engine
