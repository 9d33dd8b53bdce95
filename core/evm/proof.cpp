#include "core/evm/proof.hpp"

#include <array>

#include "core/evm/keccak.hpp"
#include "core/evm/rlp.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::evm {
namespace {

constexpr size_t kBranchWidth = 16;
constexpr size_t kKeyNibbles = 2 * Hash::size();
/// Hex-prefix flags (Yellow Paper appendix C).
constexpr uint8_t kFlagOdd = 1;
constexpr uint8_t kFlagLeaf = 2;

/// keccak256(""): the code hash of an account without code.
constexpr Hash kEmptyCodeHash{{0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d,
                               0xb2, 0xdc, 0xc7, 0x03, 0xc0, 0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82,
                               0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70}};

[[nodiscard]] uint8_t nibble_of(const Hash& key, size_t i) noexcept {
    const uint8_t byte = key.bytes[i / 2];
    return i % 2 == 0 ? byte >> 4 : byte & 0x0f;
}

/// A node taken apart; `count` is 17 for a branch, 2 for a leaf or extension.
struct Node {
    std::array<RlpItem, kBranchWidth + 1> item;
    size_t count = 0;
};

[[nodiscard]] bool parse_node(ByteView encoded, Node& node) noexcept {
    ByteView in;
    if (read_rlp_list(encoded, in) != RlpError::kNone || !encoded.empty()) {
        return false;
    }
    while (!in.empty()) {
        if (node.count == node.item.size() ||
            read_rlp(in, node.item[node.count]) != RlpError::kNone) {
            return false;
        }
        ++node.count;
    }
    return node.count == 2 || node.count == node.item.size();
}

/// The compressed path of a leaf or extension.
struct Path {
    ByteView bytes;
    bool is_leaf = false;
    bool is_odd = false;

    [[nodiscard]] size_t size() const noexcept { return 2 * (bytes.size() - 1) + (is_odd ? 1 : 0); }
    [[nodiscard]] uint8_t nibble(size_t i) const noexcept {
        const size_t at = i + (is_odd ? 1 : 2);
        return at % 2 == 0 ? bytes[at / 2] >> 4 : bytes[at / 2] & 0x0f;
    }
};

[[nodiscard]] bool parse_path(const RlpItem& item, Path& path) noexcept {
    if (item.is_list || item.payload.empty()) {
        return false;
    }
    const uint8_t flags = item.payload[0] >> 4;
    const uint8_t padding = item.payload[0] & 0x0f;
    path.bytes = item.payload;
    path.is_leaf = (flags & kFlagLeaf) != 0;
    path.is_odd = (flags & kFlagOdd) != 0;
    return flags <= (kFlagLeaf | kFlagOdd) && (path.is_odd || padding == 0);
}

/// Walks from the root down, one node a step.
class Walk {
  public:
    Walk(const Hash& key, std::span<const Bytes> nodes) : key_{key}, nodes_{nodes} {}

    [[nodiscard]] ProofError run(const Hash& root, ProofValue& out) noexcept {
        if (root == kEmptyTrieRoot) {
            return check_empty(out);
        }
        if (nodes_.empty()) {
            return ProofError::kMissingNode;
        }
        if (keccak256(nodes_.front()) != root) {
            return ProofError::kHashMismatch;
        }
        ByteView node = nodes_.front();
        nodes_ = nodes_.subspan(1);
        ProofValue found;
        // Every branch and every (non-empty) extension uses up nibbles, so the walk ends.
        while (!is_done_) {
            if (const ProofError error = step(node, found); error != ProofError::kNone) {
                return error;
            }
        }
        if (!nodes_.empty()) {
            return ProofError::kUnusedNode;
        }
        out = found;
        return ProofError::kNone;
    }

  private:
    [[nodiscard]] ProofError check_empty(ProofValue& out) const noexcept {
        constexpr uint8_t kEmptyString = 0x80;
        if (nodes_.size() > 1) {
            return ProofError::kUnusedNode;
        }
        if (nodes_.size() == 1 && !equal(nodes_.front(), {&kEmptyString, 1})) {
            return ProofError::kHashMismatch;
        }
        out = {};
        return ProofError::kNone;
    }

    /// Reads `node` and replaces it by the next one, or sets `is_done_`.
    [[nodiscard]] ProofError step(ByteView& node, ProofValue& found) noexcept {
        Node parsed;
        if (!parse_node(node, parsed)) {
            return ProofError::kBadNode;
        }
        return parsed.count == 2 ? step_path(parsed, node, found) : step_branch(parsed, node);
    }

    [[nodiscard]] ProofError step_branch(const Node& branch, ByteView& node) noexcept {
        // Keys all have one length, so no key ends at a branch and no branch has a value.
        const RlpItem& value = branch.item[kBranchWidth];
        must_be_branch_ = false;
        if (depth_ == kKeyNibbles || value.is_list || !value.payload.empty()) {
            return ProofError::kBadNode;
        }
        size_t child_count = 0;
        for (size_t i = 0; i < kBranchWidth; ++i) {
            child_count += branch.item[i].payload.empty() ? 0U : 1U;
        }
        if (child_count < 2) {
            return ProofError::kBadNode;
        }
        const RlpItem& child = branch.item[nibble_of(key_, depth_)];
        ++depth_;
        if (!child.is_list && child.payload.empty()) {
            is_done_ = true;
            return ProofError::kNone;
        }
        return descend(child, node);
    }

    [[nodiscard]] ProofError step_path(const Node& parsed, ByteView& node,
                                       ProofValue& found) noexcept {
        Path path;
        if (must_be_branch_ || !parse_path(parsed.item[0], path) ||
            path.size() > kKeyNibbles - depth_) {
            return ProofError::kBadNode;
        }
        bool agrees = true;
        for (size_t i = 0; i < path.size(); ++i) {
            agrees = agrees && path.nibble(i) == nibble_of(key_, depth_ + i);
        }
        const RlpItem& second = parsed.item[1];
        if (path.is_leaf) {
            if (path.size() != kKeyNibbles - depth_ || second.is_list || second.payload.empty()) {
                return ProofError::kBadNode;
            }
            is_done_ = true;
            found = agrees ? ProofValue{true, second.payload} : ProofValue{};
            return ProofError::kNone;
        }
        if (path.size() == 0 || (!second.is_list && second.payload.size() != Hash::size())) {
            return ProofError::kBadNode;
        }
        if (!agrees) {
            is_done_ = true;
            return ProofError::kNone;
        }
        depth_ += path.size();
        must_be_branch_ = true;
        return descend(second, node);
    }

    /// Goes to the node that `reference` names by hash or holds itself.
    [[nodiscard]] ProofError descend(const RlpItem& reference, ByteView& node) noexcept {
        if (reference.is_list) {
            if (reference.whole.size() >= Hash::size()) {
                return ProofError::kBadNode;
            }
            node = reference.whole;
            if (!nodes_.empty() && equal(nodes_.front(), node)) {
                nodes_ = nodes_.subspan(1);
            }
            return ProofError::kNone;
        }
        if (reference.payload.size() != Hash::size()) {
            return ProofError::kBadNode;
        }
        if (nodes_.empty()) {
            return ProofError::kMissingNode;
        }
        const Bytes& next = nodes_.front();
        if (keccak256(next) != Hash::from(reference.payload)) {
            return ProofError::kHashMismatch;
        }
        // Shorter ones are held by their parent, so no trie names them by hash.
        if (next.size() < Hash::size()) {
            return ProofError::kBadNode;
        }
        node = next;
        nodes_ = nodes_.subspan(1);
        return ProofError::kNone;
    }

    const Hash& key_;
    std::span<const Bytes> nodes_;
    size_t depth_ = 0;
    bool must_be_branch_ = false;
    bool is_done_ = false;
};

[[nodiscard]] RlpError read_account(ByteView encoded, Account& out) noexcept {
    ByteView in;
    PLUMBLINE_TRY_RLP(read_rlp_list(encoded, in));
    PLUMBLINE_TRY_RLP(expect_rlp_end(encoded));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.nonce));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.balance));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.storage_root));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.code_hash));
    return expect_rlp_end(in);
}

}  // namespace

std::string_view to_string(ProofError error) noexcept {
    switch (error) {
        case ProofError::kNone: return "no error";
        case ProofError::kMissingNode: return "the proof ends before the key is settled";
        case ProofError::kUnusedNode:
            return "the proof has nodes that are not on the way to the key";
        case ProofError::kHashMismatch:
            return "a node of the proof does not have the hash that it should";
        case ProofError::kBadNode: return "a node of the proof is malformed";
        case ProofError::kBadValue: return "the proven value is malformed";
    }
    return "unknown error";
}

ProofError verify_proof(const Hash& root, const Hash& key, std::span<const Bytes> nodes,
                        ProofValue& out) noexcept {
    return Walk{key, nodes}.run(root, out);
}

const Account& empty_account() noexcept {
    static const Account kEmpty{0, {}, kEmptyTrieRoot, kEmptyCodeHash};
    return kEmpty;
}

ProofError verify_account_proof(const Hash& state_root, const Address& address,
                                std::span<const Bytes> nodes, Account& out) noexcept {
    ProofValue found;
    if (const ProofError error = verify_proof(state_root, keccak256(address.view()), nodes, found);
        error != ProofError::kNone) {
        return error;
    }
    Account account = empty_account();
    if (found.is_present && read_account(found.value, account) != RlpError::kNone) {
        return ProofError::kBadValue;
    }
    out = account;
    return ProofError::kNone;
}

ProofError verify_storage_proof(const Hash& storage_root, const Hash& slot,
                                std::span<const Bytes> nodes, U256& out) noexcept {
    ProofValue found;
    if (const ProofError error = verify_proof(storage_root, keccak256(slot.view()), nodes, found);
        error != ProofError::kNone) {
        return error;
    }
    U256 word;
    // Zero is not stored: a slot set to zero leaves the trie.
    if (found.is_present && (read_rlp(found.value, word) != RlpError::kNone ||
                             !found.value.empty() || word.is_zero())) {
        return ProofError::kBadValue;
    }
    out = word;
    return ProofError::kNone;
}

}  // namespace plumbline::evm
