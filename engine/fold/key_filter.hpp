// A growing Bloom filter over 64-bit hashes: says for certain that a key was never added.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace plumbline::engine {

/// One thread. Keeps about 1% false positives by adding layers of twice the size; where it may not
/// grow any more it is saturated and answers "maybe" to everything.
class KeyFilter {
  public:
    /// `growth_max`: bytes it may take on top of those it has.
    void add(uint64_t hash, size_t growth_max);
    /// False: `hash` was never added.
    [[nodiscard]] bool may_contain(uint64_t hash) const noexcept;
    /// A hint that `may_contain` will be asked soon.
    void prefetch(uint64_t hash) const noexcept;
    [[nodiscard]] size_t size_bytes() const noexcept { return bytes_; }
    void clear();

  private:
    /// One cache line; a key sets all its bits in one block.
    struct alignas(64) Block {
        std::array<uint64_t, 8> words{};
    };
    struct Layer {
        std::vector<Block> blocks;
        size_t room = 0;  ///< keys that still fit
    };
    static Block mask_of(uint64_t hash) noexcept;
    static bool covers(const Block& block, const Block& mask) noexcept;

    size_t bytes_ = 0;
    bool saturated_ = false;
    std::vector<Layer> layers_;
};

}  // namespace plumbline::engine
