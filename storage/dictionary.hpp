// Addresses and first topics that repeat are stored once and named by a small id: one dictionary
// for each, ids in order of first appearance. The newest state lives in memory.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/evm/bytes.hpp"

namespace plumbline::storage {

/// Stored in keys: DO NOT CHANGE THESE VALUES.
enum class DictKind : uint8_t {
    kAddress = 0,
    kTopic = 1,
};
constexpr size_t kDictKinds = 2;
/// Entries of one kind at most; later values are stored in full in each log. Part of the format,
/// because it decides which values get an id. Bounds memory at about 8 MiB a kind.
constexpr uint32_t kDictSizeMax = 65536;

/// Addresses sit in the first 20 bytes, the rest is zero.
using DictValue = evm::Hash;

[[nodiscard]] inline DictValue dict_value(const evm::Address& address) noexcept {
    DictValue value;
    std::memcpy(value.data(), address.data(), evm::Address::size());
    return value;
}

/// Hashes all 32 bytes: the tail alone would not do for addresses.
struct DictValueHash {
    size_t operator()(const DictValue& value) const noexcept {
        uint64_t words[4];
        std::memcpy(words, value.data(), sizeof(words));
        uint64_t mixed = words[0] ^ (words[1] * 0x9E3779B97F4A7C15ULL) ^ (words[2] << 1) ^ words[3];
        mixed ^= mixed >> 29;
        return static_cast<size_t>(mixed * 0xBF58476D1CE4E5B9ULL);
    }
};

/// What a reader sees: the entries as they were when it was taken. Copies are cheap. Thread-safe.
class DictView {
  public:
    static constexpr size_t kChunk = 256;
    using Chunk = std::array<DictValue, kChunk>;
    using Chunks = std::vector<std::shared_ptr<Chunk>>;

    /// nullptr where no such id was given out.
    [[nodiscard]] const DictValue* find(uint32_t id) const noexcept {
        return id < size_ ? &(*(*chunks_)[id / kChunk])[id % kChunk] : nullptr;
    }
    [[nodiscard]] uint32_t size() const noexcept { return size_; }

  private:
    friend class Dictionary;
    std::shared_ptr<const Chunks> chunks_;
    uint32_t size_ = 0;
};

/// One kind's dictionary. One writer; views taken under the owner's lock stay as they were.
class Dictionary {
  public:
    struct Entry {
        uint32_t id = 0;
        uint64_t block_num = 0;  ///< the lowest block with a log that names it
    };

    Dictionary();
    [[nodiscard]] std::optional<Entry> find(const DictValue& value) const {
        const auto at = entries_.find(value);
        return at == entries_.end() ? std::nullopt : std::optional{at->second};
    }
    [[nodiscard]] uint32_t size() const noexcept { return view_.size_; }
    [[nodiscard]] const DictView& view() const noexcept { return view_; }
    /// Gives `value` the next id.
    void push(const DictValue& value, uint64_t block_num);
    /// A log of an older block names `value`, which is there.
    void lower(const DictValue& value, uint64_t block_num);
    /// Takes back every id from `size` on. Views taken before keep them.
    void truncate(uint32_t size);

  private:
    DictView view_;
    std::unordered_map<DictValue, Entry, DictValueHash> entries_;
};

}  // namespace plumbline::storage
