// A chain that is waited for only so long: what waits is told after ten seconds, and once nothing
// has come for a while every question ends with an error that says why. For commands, which have
// an end; a service waits for as long as it takes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "engine/ingest/chain_wait.hpp"
#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// One thread, as its source. A question that is refused is no answer; a part of one that is
/// answered is.
class PatientSource final : public rpc::ChainSource {
  public:
    /// `timeout_ms` without any answer while questions are open: all of them, and all later ones,
    /// are answered kUnavailable; 0 = never. `clock` must outlive it.
    PatientSource(std::unique_ptr<rpc::ChainSource> source, int64_t timeout_ms, const Clock& clock)
        : source_{std::move(source)},
          timeout_ms_{timeout_ms},
          clock_{clock} {}

    void get_chain_id(Callback<uint64_t> done) override;
    void get_heads(Callback<rpc::Heads> done) override;
    void get_headers(std::vector<uint64_t> block_nums,
                     Callback<std::vector<evm::Header>> done) override;
    void get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                           Callback<std::vector<evm::Header>> done) override;
    void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) override;
    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                   Callback<rpc::RangeLogs> done) override;
    void get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<rpc::TxnInfo>> done) override;
    void get_txn_receipts(std::vector<rpc::TxnPlace> txns,
                          Callback<std::vector<rpc::TxnReceiptInfo>> done) override;
    void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) override;
    void call(std::vector<rpc::CallRequest> requests, rpc::StateBlock block,
              std::optional<size_t> provider, Callback<rpc::CallAnswers> done) override;
    void get_proof(evm::Address address, std::vector<evm::Hash> slots, rpc::StateBlock block,
                   std::optional<size_t> provider, Callback<rpc::AccountProof> done) override;
    void get_linked_headers(evm::BlockRange range, evm::Hash top_hash,
                            Callback<std::vector<evm::Header>> done) override;
    void get_proven_receipts(std::vector<evm::Header> headers, ReceiptsCallback done) override;

    [[nodiscard]] std::vector<std::string> provider_names() const override {
        return source_->provider_names();
    }
    [[nodiscard]] uint64_t suggest_range_size(const rpc::LogFilter& filter,
                                              uint64_t from) override {
        return source_->suggest_range_size(filter, from);
    }
    size_t poll(int64_t wait_ms) override;
    [[nodiscard]] size_t in_flight() const override { return open_.size(); }
    [[nodiscard]] bool has_given_up() const override { return given_up_.has_value(); }
    [[nodiscard]] std::vector<rpc::OpenWait> waits(int64_t waiting_ms) const override {
        return source_->waits(waiting_ms);
    }
    [[nodiscard]] std::vector<rpc::ProviderStats> stats() const override {
        return source_->stats();
    }

  private:
    using Fail = std::function<void(const Error&)>;

    /// Takes the question up; false: it is not to be asked any more.
    bool open(uint64_t id, Fail fail);
    /// False where it was answered already. `refusal`: null where this is an answer.
    bool close(uint64_t id, const Error* refusal);
    template <typename T, typename Ask>
    void ask(Callback<T> done, const Ask& ask_source);
    void tell_waits(int64_t now);
    void give_up_if_silent(int64_t now);
    size_t fail_all();

    std::unique_ptr<rpc::ChainSource> source_;
    int64_t timeout_ms_;
    const Clock& clock_;
    struct Question {
        Fail fail;
        int64_t since_ms = 0;
    };
    std::map<uint64_t, Question> open_;  ///< by id, so the oldest first
    uint64_t next_id_ = 1;
    int64_t silent_since_ms_ = 0;  ///< the last answer, or the first question after one
    bool is_answered_ = true;      ///< since `silent_since_ms_`
    std::string last_refusal_;     ///< since then
    std::optional<Error> given_up_;
    ReasonLog reasons_;
};

}  // namespace plumbline::engine
