#include "core/evm/trie.hpp"

#include <array>
#include <bit>
#include <limits>
#include <vector>

#include "core/base/check.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/rlp.hpp"

namespace plumbline::evm {
namespace {

/// Nodes whose encoding is shorter than a hash stand in their parent as they are.
constexpr size_t kEmbeddedSizeMax = Hash::size() - 1;
constexpr uint8_t kHashStringHeader = 0x80 + Hash::size();
constexpr uint8_t kEmptyString = 0x80;
/// rlp of an index below 2^32.
constexpr size_t kKeyNibblesMax = 10;
constexpr size_t kBranchWidth = 16;
/// Indices below this are their own RLP, except 0.
constexpr size_t kOneByteIndices = 128;

struct Key {
    std::array<uint8_t, kKeyNibblesMax> nibble;
    size_t size;
};

[[nodiscard]] Key make_key(size_t index) noexcept {
    std::array<uint8_t, kKeyNibblesMax / 2> bytes{};
    size_t size = 1;
    if (index == 0) {
        bytes[0] = kEmptyString;
    } else if (index < kOneByteIndices) {
        bytes[0] = static_cast<uint8_t>(index);
    } else {
        const size_t digits = (static_cast<size_t>(std::bit_width(index)) + 7) / 8;
        bytes[0] = static_cast<uint8_t>(kEmptyString + digits);
        for (size_t i = 0; i < digits; ++i) {
            bytes[1 + i] = static_cast<uint8_t>(index >> (8 * (digits - 1 - i)));
        }
        size = 1 + digits;
    }
    Key key{};
    key.size = 2 * size;
    for (size_t i = 0; i < size; ++i) {
        key.nibble[2 * i] = bytes[i] >> 4;
        key.nibble[2 * i + 1] = bytes[i] & 0x0f;
    }
    return key;
}

/// What a parent holds of a child: the child's hash as an RLP string, or the child itself.
struct NodeRef {
    std::array<uint8_t, 1 + Hash::size()> bytes;
    uint8_t size;

    [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes}.first(size); }
};

class RootFold {
  public:
    RootFold(std::span<const ByteView> values, Bytes& node) : values_{values}, node_{node} {}

    /// The node over the keys with ranks `first` to `last` (both included), which agree in their
    /// first `depth` nibbles. With `is_root` the reference is always a hash.
    [[nodiscard]] NodeRef fold(size_t first, size_t last, size_t depth, bool is_root) {
        const Key first_key = key_at(first);
        if (first == last) {
            begin_node(first_key, depth, first_key.size, true);
            append_rlp(node_, values_[index_at(first)]);
            return end_node(is_root);
        }
        const Key last_key = key_at(last);
        size_t fork = depth;
        while (first_key.nibble[fork] == last_key.nibble[fork]) {
            ++fork;
        }
        if (fork == depth) {
            return fold_branch(first, last, depth, is_root);
        }
        const NodeRef branch = fold_branch(first, last, fork, false);
        begin_node(first_key, depth, fork, false);
        append_raw(branch.view());
        return end_node(is_root);
    }

  private:
    /// Sorted by key, index 0 comes after the other indices below 128.
    [[nodiscard]] size_t index_at(size_t rank) const noexcept {
        const size_t zero_rank = std::min(values_.size(), kOneByteIndices) - 1;
        if (rank == zero_rank) {
            return 0;
        }
        return rank < zero_rank ? rank + 1 : rank;
    }
    [[nodiscard]] Key key_at(size_t rank) const noexcept { return make_key(index_at(rank)); }

    [[nodiscard]] NodeRef fold_branch(size_t first, size_t last, size_t depth, bool is_root) {
        std::array<NodeRef, kBranchWidth> children{};
        while (first <= last) {
            const uint8_t nibble = key_at(first).nibble[depth];
            size_t end = first + 1;
            while (end <= last && key_at(end).nibble[depth] == nibble) {
                ++end;
            }
            children[nibble] = fold(first, end - 1, depth + 1, false);
            first = end;
        }
        node_.clear();
        for (const NodeRef& child : children) {
            if (child.size == 0) {
                node_.push_back(kEmptyString);
            } else {
                append_raw(child.view());
            }
        }
        node_.push_back(kEmptyString);
        return end_node(is_root);
    }

    void append_raw(ByteView bytes) { node_.insert(node_.end(), bytes.begin(), bytes.end()); }

    /// Starts a leaf or extension with nibbles `from` to `to` in hex-prefix form (Yellow Paper
    /// appendix C): the first byte's bit 5 says leaf, bit 4 says odd count.
    void begin_node(const Key& key, size_t from, size_t to, bool is_leaf) {
        std::array<uint8_t, 1 + kKeyNibblesMax / 2> path{};
        path[0] = is_leaf ? 0x20 : 0x00;
        if ((to - from) % 2 == 1) {
            path[0] = static_cast<uint8_t>(path[0] | 0x10U | key.nibble[from]);
            ++from;
        }
        size_t size = 1;
        for (; from < to; from += 2) {
            path[size] = static_cast<uint8_t>(key.nibble[from] << 4 | key.nibble[from + 1]);
            ++size;
        }
        node_.clear();
        append_rlp(node_, ByteView{path}.first(size));
    }

    /// Puts the list header in front of the node's content and makes the reference to it.
    [[nodiscard]] NodeRef end_node(bool is_root) {
        end_rlp_list(node_, 0);
        NodeRef ref{};
        if (node_.size() <= kEmbeddedSizeMax && !is_root) {
            std::ranges::copy(node_, ref.bytes.begin());
            ref.size = static_cast<uint8_t>(node_.size());
            return ref;
        }
        const Hash hash = keccak256(node_);
        ref.bytes[0] = kHashStringHeader;
        std::ranges::copy(hash.bytes, ref.bytes.begin() + 1);
        ref.size = static_cast<uint8_t>(ref.bytes.size());
        return ref;
    }

    std::span<const ByteView> values_;
    Bytes& node_;
};

}  // namespace

Hash OrderedTrie::root(std::span<const ByteView> values) {
    PLUMBLINE_CHECK(values.size() <= std::numeric_limits<uint32_t>::max());
    if (values.empty()) {
        return kEmptyTrieRoot;
    }
    for (const ByteView value : values) {
        PLUMBLINE_CHECK(!value.empty());
    }
    return Hash::from(
        RootFold{values, node_}.fold(0, values.size() - 1, 0, true).view().subspan(1));
}

Hash ordered_trie_root(std::span<const ByteView> values) {
    return OrderedTrie{}.root(values);
}

Hash ordered_trie_root(std::span<const Bytes> values) {
    return ordered_trie_root(std::vector<ByteView>{values.begin(), values.end()});
}

}  // namespace plumbline::evm
