// The life of a token that nobody here wrote: Uniswap's ERC20 (@uniswap/v2-core, which its pairs
// are, too). bench/peers/real_contract.mjs holds the story against the contract itself on a node.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/story.hpp"

namespace plumbline::bench {

/// The deployer is minted all there is; then 17 of 20 logs are transfers between holders, one in 16
/// of them to somebody new, the rest approvals. Amounts have up to 90 bits. Few holders move much:
/// the first ones are drawn more often. Four logs a transaction, as a swap has. One thread.
class TokenStory final : public Story {
  public:
    explicit TokenStory(uint64_t seed);
    void append_block(uint64_t block_num, uint32_t count, evm::LogBatch& batch) override;

  private:
    __extension__ using Amount = unsigned __int128;

    uint64_t random();
    uint64_t below(uint64_t bound) { return random() % bound; }
    uint32_t draw_holder();
    void transfer();
    void approve();
    void emit(const evm::Hash& topic0, const evm::Address& first, const evm::Address& second,
              Amount value);

    uint64_t state_;
    std::vector<Amount> balances_;  ///< by holder; 0 is the deployer; empty before the deployment
    evm::Log log_;
    Bytes data_;
    evm::LogBatch* batch_ = nullptr;  ///< of the call of `append_block` that runs
};

}  // namespace plumbline::bench
