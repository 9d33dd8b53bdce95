// What a generated chain is about: the logs of one contract that tell a consistent story, so that a
// fold of them breaks no rule. The same seed tells the same story.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/evm/bytes.hpp"
#include "core/evm/log.hpp"

namespace plumbline::bench {

/// Where the contract of every story lives: the first that the first account of anvil deploys.
inline constexpr std::string_view kContractAddress = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
inline constexpr std::string_view kDeployerAddress = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
inline constexpr uint64_t kChainId = 31337;
inline constexpr uint64_t kGenesisTime = 1'700'000'000;

/// Makes one block's logs after the other. One thread.
class Story {
  public:
    Story() = default;
    Story(const Story&) = delete;
    Story& operator=(const Story&) = delete;
    virtual ~Story() = default;
    /// Appends `count` logs of block `block_num` to `batch` (block hash not filled in).
    virtual void append_block(uint64_t block_num, uint32_t count, evm::LogBatch& batch) = 0;
};

/// SplitMix64's finaliser.
inline uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

/// Bytes that look random and depend only on `a` and `b`.
template <size_t N>
evm::FixedBytes<N> made_up(uint64_t a, uint64_t b) {
    evm::FixedBytes<N> out;
    for (size_t i = 0; i < N; ++i) {
        out.bytes[i] = static_cast<uint8_t>(mix(a * 1'000'003 + b + (i / 8) * 7919) >> (i % 8 * 8));
    }
    return out;
}

}  // namespace plumbline::bench
