// ChainSource over any number of JSON-RPC endpoints.
#pragma once

#include <memory>
#include <vector>

#include "core/base/clock.hpp"
#include "rpc/chain_source.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

/// One thread. Deterministic given the clock, the transport and the seed. Destroying it drops open
/// questions without calling back.
class ProviderPool final : public ChainSource {
  public:
    /// All references must outlive the pool; `observer` may be null.
    ProviderPool(PoolOptions options, Transport& transport, const Clock& clock,
                 PoolObserver* observer = nullptr);
    /// The same with a transport of its own, never null.
    ProviderPool(PoolOptions options, std::unique_ptr<Transport> transport, const Clock& clock,
                 PoolObserver* observer = nullptr);
    ProviderPool(const ProviderPool&) = delete;
    ProviderPool& operator=(const ProviderPool&) = delete;
    ~ProviderPool() override;

    /// From here on providers are looked at before they are asked for contract calls: none goes to
    /// one that answers from another block than it is asked about (call_block_watch.hpp), and one
    /// that names it ends as kIncompatible.
    void watch_call_blocks();

    void get_chain_id(Callback<uint64_t> done) override;
    void get_heads(Callback<Heads> done) override;
    void get_headers(std::vector<uint64_t> block_nums,
                     Callback<std::vector<evm::Header>> done) override;
    void get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                           Callback<std::vector<evm::Header>> done) override;
    void get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) override;
    void get_block_words(uint64_t block_num, Callback<std::vector<BlockWord>> done) override;
    void set_apart(const std::set<std::string>& names) override;
    void get_range(LogFilter filter, evm::BlockRange range, bool all_headers,
                   Callback<RangeLogs> done) override;
    void get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<TxnInfo>> done) override;
    void get_txn_receipts(std::vector<TxnPlace> txns,
                          Callback<std::vector<TxnReceiptInfo>> done) override;
    void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) override;
    [[nodiscard]] std::vector<std::string> provider_names() const override;
    void call(std::vector<CallRequest> requests, StateBlock block, std::optional<size_t> provider,
              Callback<CallAnswers> done) override;
    void get_proof(evm::Address address, std::vector<evm::Hash> slots, StateBlock block,
                   std::optional<size_t> provider, Callback<AccountProof> done) override;
    void get_linked_headers(evm::BlockRange range, evm::Hash top_hash,
                            Callback<std::vector<evm::Header>> done) override;
    void get_proven_receipts(std::vector<evm::Header> headers, ReceiptsCallback done) override;
    [[nodiscard]] uint64_t suggest_range_size(const LogFilter& filter, uint64_t from) override;
    size_t poll(int64_t wait_ms) override;
    [[nodiscard]] size_t in_flight() const override;

    [[nodiscard]] std::vector<std::string> take_convicted() override;
    /// One entry for each endpoint, in the configured order.
    [[nodiscard]] std::vector<ProviderStats> stats() const override;
    [[nodiscard]] std::vector<OpenWait> waits(int64_t waiting_ms) const override;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A pool over its own curl transport and the machine's clock: what a program uses.
[[nodiscard]] std::unique_ptr<ChainSource> make_chain_source(PoolOptions options,
                                                             PoolObserver* observer = nullptr);

}  // namespace plumbline::rpc
