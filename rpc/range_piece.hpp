// The parts a range is read in, and what keeps them a range: they cover it exactly once and in
// order, and one that is settled does not change. No network here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "rpc/chain_source.hpp"
#include "rpc/disputed_block.hpp"
#include "rpc/provider_set.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::rpc {

/// A question for the logs of a range.
struct LogQuery {
    LogFilter filter;
    evm::BlockRange range;
    /// Headers of all blocks; else of those with logs and of the range's first and last.
    bool all_headers = false;
};

/// One part: how it is asked for and what has come.
struct RangePiece {
    evm::BlockRange range;
    /// Cut by a refusal: its size says nothing about the sizes that the provider likes.
    bool cut_by_refusal = false;
    /// Its logs are asked for once the header is there (PieceCutter::asks_by_hash).
    bool by_hash = false;
    /// Its logs are taken from the receipts of its blocks, whose headers are asked for.
    bool by_receipts = false;
    uint32_t attempts = 0;           ///< answers that could not be used; a limit ends the job
    uint32_t receipts_attempts = 0;  ///< as `attempts`, of receipts in place of its logs
    /// A larger piece around it was refused as this for good: such a refusal is not waited out.
    std::optional<RefusalClass> suspect;
    /// A larger piece around it was answered wrongly for good: one more such answer is enough.
    bool is_doubted = false;
    /// What is cut off behind it is asked for after it and not beside it.
    bool one_at_a_time = false;
    ErrorCode refused_code = ErrorCode::kUnavailable;  ///< what its last refusal was
    ProviderSet avoid;                                 ///< those whose answer was not used
    std::map<size_t, std::string> reasons;             ///< why not, by provider

    size_t provider = 0;  ///< who answered
    /// Who told the logs of single blocks in place of it.
    std::map<uint64_t, size_t> told_by_others;
    size_t received_bytes = 0;
    evm::LogBatch logs;
    std::map<uint64_t, evm::Header> headers;  ///< by block number

    std::vector<DisputedBlock> disputes;  ///< not yet settled, in block order
    std::optional<size_t> second_provider;
    /// How often the receipts to settle a dispute could not be had, over all attempts.
    uint32_t receipts_failures = 0;

    /// Forgets the answer, and keeps how it went so far.
    void clear_answer();
    [[nodiscard]] evm::LogBatch logs_of(uint64_t block_num) const;
    /// `logs` take the place of the block's. They must all be of that block.
    void replace_logs_of(uint64_t block_num, const evm::LogBatch& replacement, size_t told_by);
};

/// All pieces of one range, by their first block. Addresses of pieces stay valid while others come
/// and go. One thread.
class PieceMap {
  public:
    /// One piece, all of `whole`, which must not be empty.
    explicit PieceMap(evm::BlockRange whole);

    /// One piece again: nothing that came is used.
    void start_over();
    /// The open piece that starts at `from`; there must be one, and it must not be settled.
    [[nodiscard]] RangePiece& at(uint64_t from);
    /// Ends the open piece at `from` after its first `first_size` blocks (at least 1, and fewer
    /// than it has) and returns the rest, a new piece.
    RangePiece& cut(uint64_t from, uint64_t first_size);
    /// The piece at `from` has its last form.
    void settle(uint64_t from);
    [[nodiscard]] bool all_settled() const { return settled_ == pieces_.size(); }
    [[nodiscard]] size_t size() const { return pieces_.size(); }

    /// Aborts where the pieces do not cover the range exactly once and in order.
    void check_cover() const;
    /// False where two headers of neighbouring blocks are of two branches: the chain changed
    /// between two answers. Also looks at headers that nobody asked for: a piece without logs may
    /// be of another branch as well.
    [[nodiscard]] bool is_linked() const;
    /// Who told which part, ascending; neighbours differ.
    [[nodiscard]] std::vector<std::pair<evm::BlockRange, size_t>> tellers() const;
    /// Everything as one answer, without `RangeLogs::told_by`. All pieces must be settled; their
    /// contents are moved away. kTooLarge above 4 GB of event data.
    [[nodiscard]] Result<RangeLogs> join(bool all_headers) &&;

  private:
    /// What a piece was when it was settled.
    struct Seal {
        evm::BlockRange range;
        size_t logs = 0;
        size_t headers = 0;
        friend bool operator==(const Seal&, const Seal&) = default;
    };
    struct Entry {
        RangePiece piece;
        std::optional<Seal> seal;  ///< set once it is settled
    };
    [[nodiscard]] static Seal seal_of(const RangePiece& piece);

    evm::BlockRange whole_;
    std::map<uint64_t, Entry> pieces_;
    size_t settled_ = 0;
};

}  // namespace plumbline::rpc
