// A general Merkle-Patricia trie for tests: slow, insert by insert as the Yellow Paper's appendix D
// reads, with its own RLP and its own everything but Keccak, to hold the fast code against.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/evm/bytes.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::evm {

class ReferenceTrie {
  public:
    /// Binary text, unlike everywhere else, so that nothing is shared with the code under test.
    void put(const std::string& key, const std::string& value) {
        insert(root_, nibbles(key), value);
    }

    [[nodiscard]] Hash root() const { return keccak256(encode(root_.get())); }

    /// The nodes from the root to `key`, without those that stand inside their parent.
    [[nodiscard]] std::vector<Bytes> prove(const std::string& key) const {
        std::vector<Bytes> out;
        std::string path = nibbles(key);
        const Node* node = root_.get();
        while (node != nullptr) {
            const std::string encoded = encode(node);
            if (out.empty() || encoded.size() >= 32) {
                out.emplace_back(encoded.begin(), encoded.end());
            }
            if (node->kind == Kind::kLeaf || !path.starts_with(node->path)) {
                break;
            }
            path.erase(0, node->path.size());
            if (node->kind == Kind::kExtension) {
                node = node->child[0].get();
            } else {
                node = node->child[static_cast<uint8_t>(path.at(0))].get();
                path.erase(0, 1);
            }
        }
        return out;
    }

    [[nodiscard]] static std::string rlp_string(const std::string& text) {
        if (text.size() == 1 && static_cast<uint8_t>(text[0]) < 0x80) {
            return text;
        }
        return rlp_header(0x80, text.size()) + text;
    }
    [[nodiscard]] static std::string rlp_list(const std::string& content) {
        return rlp_header(0xc0, content.size()) + content;
    }
    [[nodiscard]] static std::string rlp_number(uint64_t value) {
        return rlp_string(digits(value));
    }

  private:
    enum class Kind : uint8_t { kLeaf, kExtension, kBranch };
    struct Node {
        Kind kind = Kind::kBranch;
        std::string path;
        std::string value;
        std::array<std::unique_ptr<Node>, 16> child;  // an extension uses the first
        mutable std::string encoded;                  // kept until something below changes
    };
    using NodePtr = std::unique_ptr<Node>;

    [[nodiscard]] static std::string digits(uint64_t value) {
        std::string out;
        for (; value != 0; value /= 256) {
            out.insert(out.begin(), static_cast<char>(value % 256));
        }
        return out;
    }
    [[nodiscard]] static std::string rlp_header(int base, size_t size) {
        std::string out = size <= 55 ? std::string{} : digits(size);
        const size_t first = size <= 55 ? size : 55 + out.size();
        out.insert(out.begin(), static_cast<char>(base + static_cast<int>(first)));
        return out;
    }
    [[nodiscard]] static std::string nibbles(const std::string& key) {
        std::string out;
        for (const char c : key) {
            out += static_cast<char>(static_cast<uint8_t>(c) / 16);
            out += static_cast<char>(static_cast<uint8_t>(c) % 16);
        }
        return out;
    }
    [[nodiscard]] static std::string hex_prefix(const std::string& path, bool is_leaf) {
        std::string padded(1, static_cast<char>((is_leaf ? 2 : 0) + path.size() % 2));
        if (path.size() % 2 == 0) {
            padded += '\0';
        }
        padded += path;
        std::string out;
        for (size_t i = 0; i < padded.size(); i += 2) {
            out += static_cast<char>(padded[i] * 16 + padded[i + 1]);
        }
        return out;
    }

    static NodePtr make_leaf(std::string path, std::string value) {
        auto leaf = std::make_unique<Node>();
        leaf->kind = Kind::kLeaf;
        leaf->path = std::move(path);
        leaf->value = std::move(value);
        return leaf;
    }
    static NodePtr make_extension(std::string path, NodePtr child) {
        if (path.empty()) {
            return child;
        }
        auto extension = std::make_unique<Node>();
        extension->kind = Kind::kExtension;
        extension->path = std::move(path);
        extension->child[0] = std::move(child);
        return extension;
    }
    /// Hangs what is left of an old leaf or extension below a new branch.
    static void hang(Node& branch, const std::string& path, NodePtr old) {
        if (path.empty()) {
            branch.value = old->value;
            return;
        }
        auto& slot = branch.child[static_cast<uint8_t>(path[0])];
        slot = old->kind == Kind::kLeaf ? make_leaf(path.substr(1), old->value)
                                        : make_extension(path.substr(1), std::move(old->child[0]));
    }
    static void insert(NodePtr& node, const std::string& path, const std::string& value) {
        if (node == nullptr) {
            node = make_leaf(path, value);
            return;
        }
        node->encoded.clear();
        if (node->kind == Kind::kBranch) {
            if (path.empty()) {
                node->value = value;
            } else {
                insert(node->child[static_cast<uint8_t>(path[0])], path.substr(1), value);
            }
            return;
        }
        size_t shared = 0;
        while (shared < path.size() && shared < node->path.size() &&
               path[shared] == node->path[shared]) {
            ++shared;
        }
        if (node->kind == Kind::kLeaf && shared == path.size() && shared == node->path.size()) {
            node->value = value;
            return;
        }
        if (node->kind == Kind::kExtension && shared == node->path.size()) {
            insert(node->child[0], path.substr(shared), value);
            return;
        }
        auto branch = std::make_unique<Node>();
        const std::string rest = node->path.substr(shared);
        hang(*branch, rest, std::move(node));
        NodePtr below = std::move(branch);
        insert(below, path.substr(shared), value);
        node = make_extension(path.substr(0, shared), std::move(below));
    }

    [[nodiscard]] static std::string encode(const Node* node) {
        if (node == nullptr) {
            return rlp_string("");
        }
        if (node->encoded.empty()) {
            node->encoded = encode_anew(node);
        }
        return node->encoded;
    }
    [[nodiscard]] static std::string encode_anew(const Node* node) {
        switch (node->kind) {
            case Kind::kLeaf:
                return rlp_list(rlp_string(hex_prefix(node->path, true)) + rlp_string(node->value));
            case Kind::kExtension:
                return rlp_list(rlp_string(hex_prefix(node->path, false)) +
                                reference(node->child[0].get()));
            case Kind::kBranch: break;
        }
        std::string content;
        for (const NodePtr& child : node->child) {
            content += reference(child.get());
        }
        return rlp_list(content + rlp_string(node->value));
    }
    [[nodiscard]] static std::string reference(const Node* node) {
        std::string encoded = encode(node);
        if (encoded.size() < 32) {
            return encoded;
        }
        return rlp_string(std::string{as_chars(keccak256(encoded).view())});
    }

    NodePtr root_;
};

}  // namespace plumbline::evm
