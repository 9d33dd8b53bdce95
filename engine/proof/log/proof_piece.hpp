// One range of the log proof on its way: what its headers, its stored logs and the receipts that
// have come so far tell of each block. Asks nobody anything and knows no clock: LogProver asks, and
// hands over what came.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"
#include "engine/proof/log/log_judge.hpp"
#include "engine/proof/log/log_proof.hpp"

namespace plumbline::engine {

/// What the database holds of a range, ascending.
struct StoredRange {
    std::vector<storage::BlockRow> rows;
    evm::LogBatch logs;
};

/// One thread. The steps: `add_headers` until `has_headers`, `examine`, then `take_due` and for
/// each of those blocks `accept`, `refuse` or `put_back`; when nothing is due or asked for,
/// `finish`. Block 0 is made by no rule, and may have a header that does not hash: the piece does
/// without it then.
class ProofPiece {
  public:
    /// `top` is the range's last block, its hash known. All references must outlive the piece;
    /// `profile` is read anew at each step, for trust in blooms may be lost on the way.
    ProofPiece(evm::BlockRange range, evm::BlockId top, const LogProofOptions& options,
               LogJudge& judge, const ChainProfile& profile);

    [[nodiscard]] const evm::BlockRange& range() const noexcept { return range_; }

    // --- headers, from the top downwards

    [[nodiscard]] bool has_headers() const noexcept { return !missing_; }
    /// The highest block whose header is missing, with the hash that it must have.
    [[nodiscard]] const std::optional<evm::BlockId>& missing() const noexcept { return missing_; }
    /// How many headers are missing.
    [[nodiscard]] uint64_t missing_count() const noexcept;
    /// How many of them to ask for in one go at most: block 0 alone.
    [[nodiscard]] uint64_t missing_at_once() const noexcept;
    /// Nobody's header of block 0, which is all that is missing, hashes, or nobody has it. What is
    /// stored of it is proven by nothing but that its hash is what block 1 says.
    void do_without_block_zero();
    /// The database holds something of block 0 and nothing proves it. Once examined.
    [[nodiscard]] bool leaves_block_zero_open() const;
    /// Linked headers, ascending, of which the last is `missing()`.
    void add_headers(std::vector<evm::Header> headers);
    /// The block before the range; zero where the piece is block 0 alone. Once `has_headers`.
    [[nodiscard]] evm::BlockId below() const noexcept;

    // --- what headers alone tell

    [[nodiscard]] bool is_examined() const noexcept { return is_examined_; }
    /// Once, with all headers there: each block against the database, and which ones need receipts.
    void examine(StoredRange stored);

    // --- receipts; blocks are named by their header's place in the piece

    [[nodiscard]] size_t due_count() const noexcept { return due_.size(); }
    /// Up to `count` blocks whose receipts are to be asked for.
    [[nodiscard]] std::vector<size_t> take_due(size_t count);
    [[nodiscard]] const evm::Header& header(size_t index) const { return headers_[index]; }
    /// Proven receipts. What they announce that nobody knew of must be told to all open pieces by
    /// `recheck`.
    [[nodiscard]] std::vector<storage::ChildRow> accept(size_t index,
                                                        const evm::ReceiptBatch& receipts);
    /// Nobody has the receipts (kNotFound), or nobody's recompute (kIncompatible). False where the
    /// block loses nothing by it: its bloom has settled it.
    [[nodiscard]] bool refuse(size_t index, ErrorCode code);
    /// The question failed: the block is due again.
    void put_back(size_t index) { due_.push_back(index); }
    /// A contract that nobody knew of: what was said of the blocks behind its announcement is open
    /// again where they may have its logs.
    void recheck(const storage::ChildRow& child);
    /// The chain's blooms are worth nothing: what they alone have settled is open again.
    void distrust_blooms();

    /// What is proven, moved out. Calls for headers and receipts are the caller's to count.
    [[nodiscard]] LogProofPiece finish();

  private:
    /// What became of a block so far.
    enum class Outcome : uint8_t {
        kOpen,        ///< nothing has settled it
        kByBloom,     ///< empty by its bloom
        kByReceipts,  ///< by its receipts, or by having none
        kUnprovable   ///< receipts are needed, and nobody has right ones
    };
    enum class Receipts : uint8_t {
        kNotAsked,
        kWanted,  ///< due or on their way
        kTold     ///< they came, or nobody has them
    };
    struct Block {
        Outcome outcome = Outcome::kOpen;
        Receipts receipts = Receipts::kNotAsked;
        /// By its own evidence: a block that blooms leave open has kBloom all the same.
        storage::ProofLevel level = storage::ProofLevel::kLinked;
        bool has_truth = false;  ///< its logs are known
        std::optional<evm::Hash> stored_hash;
        size_t outside = 0;  ///< of its stored logs, those that no root commits to
        std::vector<Finding> row_findings;
        std::vector<Finding> log_findings;
        evm::LogBatch truth;  ///< its logs; only with findings, it would fill the memory
        [[nodiscard]] bool is_bad() const { return !row_findings.empty() || !log_findings.empty(); }
        [[nodiscard]] bool is_settled() const {
            return outcome == Outcome::kByBloom || outcome == Outcome::kByReceipts;
        }
        /// Takes back that it was settled; what is unprovable stays so until receipts come.
        void reopen() { outcome = is_settled() ? Outcome::kOpen : outcome; }
    };

    /// The lowest block with a header.
    [[nodiscard]] uint64_t first() const noexcept { return first_; }
    [[nodiscard]] size_t stored_count(size_t index) const;
    /// How many of them are ours, and no receipt's (engine/mapping/block_tick.hpp).
    [[nodiscard]] size_t tick_count(size_t index) const;
    [[nodiscard]] evm::LogBatch stored_of(size_t index) const;
    void find_log_begins();
    void examine_block(size_t index);
    void want_receipts(size_t index);
    [[nodiscard]] bool is_sampled(const evm::Header& header) const noexcept;
    void add_spot_checks();
    void settle(size_t index, BlockVerdict verdict);
    void finish_block_zero(LogProofPiece& out) const;
    void finish_good(size_t index, LogProofPiece& out) const;
    void finish_bad(size_t index, LogProofPiece& out);

    evm::BlockRange range_;
    evm::BlockId top_;
    const LogProofOptions& options_;
    LogJudge& judge_;
    const ChainProfile& profile_;

    uint64_t first_;
    std::optional<evm::BlockId> missing_;
    std::vector<evm::Header> headers_;  ///< of blocks `first()` to the range's end once complete
    bool is_examined_ = false;
    evm::LogBatch stored_;
    std::vector<size_t> log_begin_;  ///< by header: its first log in `stored_`; one more at the end
    std::vector<Block> blocks_;      ///< by header
    std::deque<size_t> due_;
    std::vector<storage::ChildRow> new_children_;
};

}  // namespace plumbline::engine
