// The log proof: that the stored log is what the chain's own headers commit to, no event more, no
// event less. Works downwards from the block hash that the index follows, range by range:
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
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/chain_profile.hpp"
#include "engine/proof/log/log_judge.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// One consistent state of what is to be proven.
struct LogProofInput {
    std::shared_ptr<const storage::ReadView> view;
    std::vector<storage::CoverageRow> coverage;
    std::vector<storage::ChildRow> children;
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
    unsigned failures_max = 5;           ///< in a row, of one question, before the proof gives up
};

/// What [proof] says; the range is the caller's.
[[nodiscard]] LogProofOptions log_proof_options(const ProofConfig& config);

/// A block with findings, as the chain proves it.
struct ProvenBlock {
    evm::Header header;
    evm::LogBatch logs;         ///< what the database must hold of it
    bool has_receipts = false;  ///< `logs` is known; else only the header is
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
    uint64_t header_calls = 0;
    uint64_t receipts_calls = 0;
    LogProofCounts& operator+=(const LogProofCounts& other) noexcept;
};

/// One range, done.
struct LogProofPiece {
    evm::BlockRange range;
    evm::BlockId top;    ///< the range's last block
    evm::BlockId below;  ///< the block before the range: where the next proof downwards starts
    /// Ascending, without gaps. Blocks with findings have kFetched, all others share one level:
    /// that which the least proven of them has reached. Settled by bloom counts as settled.
    std::vector<LevelSpan> spans;
    /// Levels of single blocks that hold logs, ascending, by their own evidence.
    std::vector<std::pair<uint64_t, storage::ProofLevel>> blocks;
    std::vector<Finding> findings;
    std::vector<ProvenBlock> proven;  ///< blocks with findings
    /// Contracts that a factory announced by logs that the database lacks: their logs are missing
    /// too, also above this range.
    std::vector<storage::ChildRow> new_children;
    LogProofCounts counts;
};

struct LogProofOutcome {
    storage::ProofLevel level = storage::ProofLevel::kNone;  ///< what every block has reached
    std::optional<evm::BlockRange> range;  ///< what is done, from the range's end downwards
    std::optional<evm::BlockId> below;     ///< where to go on
    bool is_complete = false;              ///< the whole range was gone through
    ChainProfile profile;
    std::string reason;  ///< why the level is not the one asked for; empty where it is
    LogProofCounts counts;
    Findings findings;
    std::vector<ProvenBlock> proven;
    std::vector<storage::ChildRow> new_children;
};

/// One thread: that which polls the source, which nobody else may poll. Deterministic given the
/// source, the input and the clock. Callbacks still open when it is gone are dropped.
class LogProver {
  public:
    LogProver(rpc::ChainSource& source, LogProofInput input, std::shared_ptr<const Plan> plan,
              const Clock& clock, LogProofOptions options);
    LogProver(const LogProver&) = delete;
    LogProver& operator=(const LogProver&) = delete;
    ~LogProver();

    /// Does what can be done now without waiting. True where something changed.
    bool step();
    /// When `step` has something to do though no answer came; -1 = only after an answer.
    [[nodiscard]] int64_t wake_at_ms() const noexcept;
    /// The next range that is done, from the top downwards.
    [[nodiscard]] std::optional<LogProofPiece> take();
    /// Nothing more will come: all done, or `failure`.
    [[nodiscard]] bool is_done() const noexcept {
        return phase_ == Phase::kDone && pieces_out_.empty();
    }
    /// kReorg: the database and the chain are not on the same branch now. kInvalidArgument: the
    /// range. kCorruption: stored bytes. Others: the chain could not be asked. What was done
    /// before stays good.
    [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }
    /// Why the proof fell short of what was asked for, though nothing failed; empty if it did not.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    [[nodiscard]] const ChainProfile& profile() const noexcept { return profile_; }
    /// Blocks gone through so far, those on the way down to the range counted.
    [[nodiscard]] uint64_t blocks_done() const noexcept { return blocks_done_; }
    [[nodiscard]] uint64_t blocks_total() const noexcept { return blocks_total_; }

  private:
    enum class Phase : uint8_t {
        kStart,
        kAnchor,   ///< the anchor is asked for
        kProfile,  ///< the self-test is under way
        kGap,      ///< headers between the anchor and the range
        kWork,
        kDone
    };
    struct Piece;
    struct BlockState;

    bool start();
    [[nodiscard]] Result<evm::BlockId> find_anchor() const;
    void on_anchor(Result<std::vector<evm::Header>> headers);
    bool start_profile();
    bool end_profile();
    bool step_gap();
    bool step_work();
    bool open_piece();
    bool ask_headers(Piece& piece);
    void on_headers(uint64_t id, evm::BlockRange asked, Result<std::vector<evm::Header>> headers);
    bool examine(Piece& piece);
    [[nodiscard]] Status load_stored(Piece& piece) const;
    void examine_block(Piece& piece, size_t index);
    void want_receipts(Piece& piece, size_t index);
    void add_spot_checks(Piece& piece);
    bool ask_receipts(Piece& piece);
    void on_receipts(uint64_t id, const std::vector<size_t>& asked,
                     std::vector<Result<rpc::BlockReceipts>> results);
    void take_refusal(Piece& piece, size_t index, const Error& error);
    void take_receipts(Piece& piece, size_t index, rpc::BlockReceipts receipts);
    void settle(Piece& piece, size_t index, BlockVerdict verdict, bool has_truth);
    void recheck_for_child(Piece& piece, const storage::ChildRow& child);
    void distrust_blooms();
    void distrust_blooms(Piece& piece);
    void finish_front();
    [[nodiscard]] LogProofPiece make_piece(Piece& piece);
    [[nodiscard]] bool is_sampled(const evm::Header& header) const noexcept;
    [[nodiscard]] bool may_ask(uint64_t calls);
    bool note_failure(const Error& error, std::string_view doing);
    void note_success();
    void fall_short(std::string why);
    void fail(Error error);
    void end_unprovable(std::string why);
    [[nodiscard]] Piece* find_piece(uint64_t id) noexcept;
    template <typename Handle>
    auto guarded(Handle handle);

    rpc::ChainSource& source_;
    LogProofInput input_;
    std::shared_ptr<const Plan> plan_;
    const Clock& clock_;
    LogProofOptions options_;
    LogJudge judge_;

    Phase phase_ = Phase::kStart;
    std::optional<Error> failure_;
    std::string reason_;
    ChainProfile profile_;
    std::unique_ptr<ProfileTest> test_;
    evm::BlockId anchor_;
    bool waiting_ = false;                 ///< for an answer in kAnchor or kGap
    bool settled_by_bloom_above_ = false;  ///< a range that rests on blooms was handed over
    uint64_t next_to_ = 0;                 ///< the last block that no piece holds yet
    evm::Hash next_hash_;                  ///< its hash
    bool has_next_ = true;
    std::deque<std::unique_ptr<Piece>> pieces_;
    std::deque<LogProofPiece> pieces_out_;
    uint64_t piece_id_ = 0;
    uint64_t blocks_done_ = 0;
    uint64_t blocks_total_ = 0;
    size_t bytes_a_block_ = 20'000;  ///< of receipts, a moving guess
    double tokens_at_ms_ = 0;        ///< when the budget allows the next call
    int64_t retry_at_ms_ = -1;
    unsigned failures_ = 0;
    Backoff backoff_{500, 15'000};
    std::shared_ptr<const int> alive_;
};

/// Proves and waits: for commands. `on_piece` is told of each range as it is done, with what there
/// was of progress (blocks done, of all). Being stopped is no error: the outcome is not complete.
using PieceCallback = std::function<void(const LogProofPiece&, uint64_t done, uint64_t total)>;
[[nodiscard]] Result<LogProofOutcome> prove_range(rpc::ChainSource& source, LogProofInput input,
                                                  std::shared_ptr<const Plan> plan,
                                                  const Clock& clock, LogProofOptions options,
                                                  const std::stop_token& stop = {},
                                                  const PieceCallback& on_piece = {});

/// Adds a piece to an outcome, as `prove_range` does: for hosts that drive the prover themselves.
void add_piece(LogProofOutcome& outcome, LogProofPiece piece);

}  // namespace plumbline::engine
