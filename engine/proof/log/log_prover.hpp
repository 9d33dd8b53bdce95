// Asks the chain for what the log proof needs, a phase after the other:
//
//   1. anchor   the block whose hash is believed: the chain must still have it
//   2. profile  a self-test on some blocks: which of headers, receipts and blooms recompute here
//   3. gap      headers from the anchor down to the range's end
//   4. work     pieces of the range from the top downwards, a few open at once: their headers,
//               then the receipts that their blooms leave open (ProofPiece)
//
// What a piece is short of is said once, in `reason`; what fails is asked again a while later.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/backoff.hpp"
#include "core/base/callback_guard.hpp"
#include "core/base/clock.hpp"
#include "core/base/rate_budget.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/log/chain_profile.hpp"
#include "engine/proof/log/log_judge.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "engine/proof/log/mistold.hpp"
#include "engine/proof/log/proof_piece.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// One thread: that which polls the source, which nobody else may poll. Deterministic given the
/// source, the input and the clock. Callbacks still open when it is gone are dropped.
class LogProver {
  public:
    LogProver(rpc::ChainSource& source, LogProofInput input, std::shared_ptr<const Plan> plan,
              const Clock& clock, LogProofOptions options);
    LogProver(const LogProver&) = delete;
    LogProver& operator=(const LogProver&) = delete;
    ~LogProver() = default;

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
    enum class Phase : uint8_t { kStart, kAnchor, kProfile, kGap, kWork, kDone };
    /// A piece, and what is asked for it.
    struct OpenPiece {
        uint64_t id = 0;
        ProofPiece proof;
        bool is_asking_headers = false;
        unsigned receipts_in_flight = 0;
        LogProofCounts calls;  ///< only header_calls and receipts_calls
        uint64_t basis = 0;    ///< as the piece's
    };

    bool start();
    bool ask_anchor();
    void on_anchor(const Status& is_there);
    bool step_profile();
    bool start_profile();
    bool end_profile();
    bool step_gap();
    bool step_work();
    bool open_piece();
    bool ask_headers(OpenPiece& piece);
    void on_headers(uint64_t id, evm::BlockRange asked, Result<std::vector<evm::Header>> headers);
    void on_header_failure(evm::BlockRange asked, const Error& error);
    bool examine(OpenPiece& piece);
    [[nodiscard]] Result<StoredRange> read_stored(const evm::BlockRange& range) const;
    [[nodiscard]] MistoldLogs read_mistold_logs() const;
    bool ask_receipts(OpenPiece& piece);
    [[nodiscard]] uint64_t receipts_at_once(const OpenPiece& piece) const noexcept;
    void on_receipts(uint64_t id, const std::vector<size_t>& asked,
                     std::vector<Result<rpc::BlockReceipts>> results);
    void take_receipts(OpenPiece& piece, size_t index, const rpc::BlockReceipts& receipts);
    void take_refusal(OpenPiece& piece, size_t index, const Error& error);
    void distrust_blooms();
    void finish_front();
    [[nodiscard]] OpenPiece* find_piece(uint64_t id) noexcept;
    [[nodiscard]] bool may_ask(uint64_t calls);
    void note_failure(const Error& error, std::string_view doing);
    void note_success();
    void fall_short(std::string why);
    void fail(Error error);
    void end_unprovable(std::string why);

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
    bool is_waiting_ = false;              ///< for an answer in kAnchor or kGap
    bool settled_by_bloom_above_ = false;  ///< a range that rests on blooms was handed over
    std::optional<evm::BlockId> next_;     ///< the last block that no piece holds yet
    std::deque<std::unique_ptr<OpenPiece>> pieces_;
    std::deque<LogProofPiece> pieces_out_;
    uint64_t last_piece_id_ = 0;
    uint64_t blocks_done_ = 0;
    uint64_t blocks_total_ = 0;
    size_t bytes_a_block_ = 20'000;  ///< of receipts, a moving guess
    RateBudget budget_;
    int64_t retry_at_ms_ = -1;  ///< after a failure: nothing is asked before
    unsigned failures_ = 0;     ///< in a row
    Backoff backoff_{500, 15'000};
    CallbackGuard guard_;  ///< last: goes first
};

}  // namespace plumbline::engine
