#include "engine/fold/key_filter.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kFirstBlocks = 64;
constexpr size_t kKeysPerBlock = 48;  // 10.7 bits a key
constexpr int kBitsPerKey = 6;

size_t block_of(uint64_t hash, size_t count) noexcept {
    // The high half picks the block (count is at most 2^32), the low half the bits.
    return static_cast<size_t>(((hash >> 32) * count) >> 32);
}

}  // namespace

KeyFilter::Block KeyFilter::mask_of(uint64_t hash) noexcept {
    Block mask;
    uint64_t bits = hash * 0x9E3779B97F4A7C15ULL;
    for (int i = 0; i < kBitsPerKey; ++i) {
        mask.words[(bits >> 6) & 7] |= uint64_t{1} << (bits & 63);
        bits >>= 9;
    }
    return mask;
}

bool KeyFilter::covers(const Block& block, const Block& mask) noexcept {
    uint64_t missing = 0;
    for (size_t i = 0; i < block.words.size(); ++i) {
        missing |= mask.words[i] & ~block.words[i];
    }
    return missing == 0;
}

bool KeyFilter::may_contain(uint64_t hash) const noexcept {
    if (saturated_) {
        return true;
    }
    const Block mask = mask_of(hash);
    for (const Layer& layer : layers_) {
        if (covers(layer.blocks[block_of(hash, layer.blocks.size())], mask)) {
            return true;
        }
    }
    return false;
}

void KeyFilter::prefetch(uint64_t hash) const noexcept {
    for (const Layer& layer : layers_) {
        __builtin_prefetch(&layer.blocks[block_of(hash, layer.blocks.size())]);
    }
}

void KeyFilter::add(uint64_t hash, size_t growth_max) {
    if (may_contain(hash)) {
        return;
    }
    if (layers_.empty() || layers_.back().room == 0) {
        const size_t count = layers_.empty() ? kFirstBlocks : layers_.back().blocks.size() * 2;
        if (count * sizeof(Block) > growth_max) {
            clear();
            saturated_ = true;
            return;
        }
        Layer layer;
        layer.blocks.resize(count);
        layer.room = count * kKeysPerBlock;
        bytes_ += count * sizeof(Block);
        layers_.push_back(std::move(layer));
    }
    Layer& layer = layers_.back();
    Block& block = layer.blocks[block_of(hash, layer.blocks.size())];
    const Block mask = mask_of(hash);
    for (size_t i = 0; i < block.words.size(); ++i) {
        block.words[i] |= mask.words[i];
    }
    --layer.room;
}

void KeyFilter::clear() {
    layers_.clear();
    layers_.shrink_to_fit();
    bytes_ = 0;
    saturated_ = false;
}

}  // namespace plumbline::engine
