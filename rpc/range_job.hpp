// One get_range question on its way: cut into pieces that providers will answer, each piece checked
// against its headers and their blooms, doubts settled, the whole joined in order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rpc/answer_check.hpp"
#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// What the pool's range jobs share: how far this chain's blooms can be believed.
struct BloomTrust {
    bool trusted = true;
    uint32_t quirks = 0;  ///< blocks whose bloom honest answers contradict
};

/// Keeps itself alive through the callbacks it hands out. One thread.
class RangeJob final : public std::enable_shared_from_this<RangeJob> {
  public:
    using Done = std::function<void(Result<RangeLogs>)>;
    RangeJob(Dispatcher& dispatcher, BloomTrust& bloom, LogFilter filter, evm::BlockRange range,
             bool all_headers, Done done);
    void start();

  private:
    struct Piece {
        evm::BlockRange range;
        bool split = false;  // cut by a refusal, not by the controller
        bool ready = false;
        bool by_hash = false;  // the logs are asked for once the header is there
        uint32_t attempts = 0;
        ProviderSet avoid;  // providers whose answer to this piece was refused
        size_t provider = 0;
        size_t received_bytes = 0;
        evm::LogBatch logs;
        std::map<uint64_t, evm::Header> headers;
        std::map<size_t, std::string> reasons;
        std::vector<uint64_t> doubts;  // blocks to be settled
        std::set<uint64_t> weak;       // doubts not worth receipts while history is read
        std::map<uint64_t, evm::LogBatch> second;  // another provider's logs of a doubtful block
        std::optional<size_t> second_provider;
        uint32_t receipts_failures = 0;
    };

    void add_piece(evm::BlockRange range, bool split);
    [[nodiscard]] uint64_t last_needed(const Piece& piece) const;
    void ask(uint64_t from);
    void prepare(uint64_t from, size_t provider, CallGroup& group);
    void on_answer(uint64_t from, GroupResult result);
    void ask_by_hash(Piece& piece);
    [[nodiscard]] bool take_logs(Piece& piece, GroupResult& result);
    void on_refusal(Piece& piece, size_t provider, const Refusal& refusal, const Error& error);
    void split_piece(Piece& piece, const Refusal& refusal);
    void ask_dense(uint64_t from);
    void ask_headers(Piece& piece);
    void check_piece(Piece& piece);
    void find_doubts(Piece& piece);
    void settle_doubts(Piece& piece);
    void ask_second_opinion(Piece& piece);
    void on_second_opinion(Piece& piece, GroupResult result);
    void ask_receipts(Piece& piece);
    void on_receipts(Piece& piece, GroupResult result);
    void judge(Piece& piece, uint64_t block, const evm::ReceiptBatch& receipts);
    void judge_by_proof(Piece& piece, uint64_t block, const evm::LogBatch& truth);
    void judge_without_receipts(Piece& piece, uint64_t block);
    void blame_lie(size_t provider, uint64_t block, const std::string& what);
    void replace_block(Piece& piece, uint64_t block, const evm::LogBatch& logs);
    [[nodiscard]] evm::LogBatch block_logs(const Piece& piece, uint64_t block) const;
    [[nodiscard]] bool bloom_covers(const evm::Header& header, const evm::LogBatch& logs);
    void note_quirk(uint64_t block);
    void try_again(Piece& piece, size_t provider, const std::string& why, bool malformed);
    void accept(Piece& piece);
    void join_if_ready();
    void fail(Error error);
    [[nodiscard]] std::string provider_name(size_t provider) const {
        return dispatcher_.providers()[provider].name();
    }
    /// Wraps a member call so that it finds its piece again and does nothing once the job is over.
    template <typename Step>
    [[nodiscard]] std::function<void(GroupResult)> then(uint64_t from, Step step);

    Dispatcher& dispatcher_;
    BloomTrust& bloom_;
    std::shared_ptr<const LogFilter> filter_;
    FilterCheck check_;
    evm::BlockRange range_;
    bool all_headers_;
    Done done_;
    std::map<uint64_t, Piece> pieces_;
    evm::ReceiptsProver prover_;
    uint32_t restarts_ = 0;
    bool over_ = false;
};

}  // namespace plumbline::rpc
