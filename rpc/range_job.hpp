// One get_range question on its way:
//
//   1. Ask for a piece, as long as the chosen provider takes: its headers and its logs. The rest of
//      the range becomes a piece of its own and is asked for at the same time (range_job.cpp).
//   2. Numbers without a block are proven to be gaps of the chain (range_job_gaps.cpp), or the
//      provider lacks them and another one is asked.
//      Where it is known to refuse logs, receipts take their place at once.
//   3. A refusal makes ranges shorter, cuts the piece, sends it elsewhere, or makes receipts take
//      the place of logs (piece_cutter.hpp, range_job_refusals.cpp). So does an answer that cannot
//      be right and comes again.
//   4. Fetch the headers of blocks with logs; hold logs and headers against each other.
//   5. Settle blocks whose bloom casts doubt on their logs (range_job_disputes.cpp,
//      disputed_block.hpp).
//   6. All pieces settled: if their headers link, join them in order; else start over.
//
// An answer that cannot be used sends its piece back to 1, to another provider if there is one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/evm/block_gap.hpp"
#include "rpc/answer_check.hpp"
#include "rpc/block_receipts.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/disputed_block.hpp"
#include "rpc/piece_cutter.hpp"
#include "rpc/range_piece.hpp"

namespace plumbline::rpc {

/// What the pool's range jobs share: how far this chain's blooms can be believed.
struct BloomTrust {
    bool trusted = true;
    uint32_t quirks = 0;  ///< blocks whose bloom honest answers contradict
};

/// Keeps itself alive through the callbacks it hands out; all references must outlive them. `done`
/// is called exactly once. One thread.
class RangeJob final : public std::enable_shared_from_this<RangeJob> {
  public:
    using Done = std::function<void(Result<RangeLogs>)>;
    RangeJob(Dispatcher& dispatcher, BloomTrust& bloom, ProofMemory& proof, LogQuery query,
             Done done);
    void start() { ask(query_.range.from); }

  private:
    /// Whether an answer that is not used counts against who gave it.
    enum class Blame : uint8_t {
        kProvider,  ///< it is wrong
        kNobody,    ///< refused, or the chain moved under it
    };

    using Step = void (RangeJob::*)(RangePiece&, GroupResult);

    // ---- Asking
    void ask(uint64_t from);
    [[nodiscard]] CallGroup make_group(const RangePiece& piece) const;
    [[nodiscard]] uint64_t last_needed(const RangePiece& piece) const;
    void prepare(uint64_t from, size_t provider, CallGroup& group);
    [[nodiscard]] bool take_failure(RangePiece& piece, const GroupResult& result);
    void on_answer(RangePiece& piece, GroupResult result);
    void on_whole_answer(RangePiece& piece, GroupResult result);
    void ask_by_hash(RangePiece& piece);
    void on_logs_by_hash(RangePiece& piece, GroupResult result);
    void take_logs(RangePiece& piece, GroupResult result);
    void ask_headers(RangePiece& piece);
    void on_headers(RangePiece& piece, GroupResult result);
    void check_piece(RangePiece& piece);

    // ---- Refusals and wrong answers (range_job_refusals.cpp)
    void on_refusal(RangePiece& piece, size_t provider, const Refusal& refusal, const Error& error);
    [[nodiscard]] bool others_left(const RangePiece& piece, size_t refuser) const;
    void ask_first_part(RangePiece& piece, uint64_t first_size);
    void take_fault(RangePiece& piece, size_t provider, const std::string& fault);
    void take_odd_logs(const RangePiece& piece, size_t provider, const std::string& fault);
    void ask_dense(RangePiece& piece);
    void on_dense_header(RangePiece& piece, GroupResult result);
    void ask_all_receipts(RangePiece& piece);
    void on_all_receipts(RangePiece& piece, std::vector<Result<CheckedAnswer>> receipts);
    void on_no_receipts(RangePiece& piece, uint64_t block_num, const Error& error);

    // ---- Numbers without a block (range_job_gaps.cpp)
    [[nodiscard]] std::vector<uint64_t> asked_nums(const RangePiece& piece) const;
    void prove_gaps(RangePiece& piece, GroupResult result, Step next);
    void on_gap(RangePiece& piece, uint64_t block_num, const std::optional<evm::BlockGap>& gap,
                GroupResult result, Step next);
    void on_dense_gap(RangePiece& piece, GroupResult result);

    // ---- Settling disputes (range_job_disputes.cpp)
    void settle_disputes(RangePiece& piece);
    [[nodiscard]] bool others_may_know(const RangePiece& piece) const;
    void ask_second_opinion(RangePiece& piece);
    void on_second_opinion(RangePiece& piece, GroupResult result);
    void ask_receipts(RangePiece& piece);
    void on_receipts(RangePiece& piece, std::vector<Result<CheckedAnswer>> receipts);
    [[nodiscard]] bool settle_dispute(RangePiece& piece, const DisputedBlock& dispute,
                                      const Result<CheckedAnswer>& answer);
    void note_quirk(uint64_t block);

    // ---- Ending
    void try_again(RangePiece& piece, size_t provider, const std::string& why, Blame blame);
    void note_fault(const RangePiece& piece, size_t provider, const std::string& why);
    void settle(RangePiece& piece);
    void finish();
    void fail(Error error);

    [[nodiscard]] std::string provider_name(size_t provider) const {
        return dispatcher_.providers()[provider].name();
    }
    /// Sends `group`; its result goes to `step` with the piece that starts at `from`, unless the
    /// job is over by then.
    void send(CallGroup group, uint64_t from, Step step);
    using ReceiptsStep =
        std::function<void(RangeJob&, RangePiece&, std::vector<Result<CheckedAnswer>>)>;
    /// The same for receipts.
    void send_for_receipts(std::vector<evm::Header> headers, ProviderSet avoid, uint64_t from,
                           ReceiptsStep step);

    Dispatcher& dispatcher_;
    BloomTrust& bloom_;
    ProofMemory& proof_;
    LogQuery query_;
    std::shared_ptr<const LogFilter> filter_;  ///< the query's; calls share it
    FilterCheck check_;
    PieceCutter cutter_;
    BlockJudge judge_;
    Done done_;
    std::shared_ptr<WaitTicket> ticket_;  ///< closed once the job is over
    PieceMap pieces_;
    /// First blocks of pieces that are asked for once what was cut off before them is settled:
    /// where a refusal says nothing of sizes, it is first seen whether cutting helps at all.
    std::set<uint64_t> deferred_;
    uint32_t restarts_ = 0;
    bool over_ = false;
};

}  // namespace plumbline::rpc
