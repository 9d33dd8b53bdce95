#include "core/evm/proof.hpp"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/trie.hpp"
#include "tests/core/evm/reference_trie.hpp"

namespace plumbline::evm::proof_test {
namespace {

using R = ReferenceTrie;

std::string text(ByteView bytes) {
    return std::string{as_chars(bytes)};
}
Bytes to_bytes(const std::string& value) {
    return Bytes{value.begin(), value.end()};
}
Hash slot(uint64_t number) {
    Hash out;
    U256{number}.to_be(out.data());
    return out;
}
std::string slot_key(uint64_t number) {
    return text(keccak256(slot(number).view()).view());
}

/// A contract's storage with slots 0 to `count` - 1 set to 1000 and on.
R make_storage(uint64_t count) {
    R trie;
    for (uint64_t i = 0; i < count; ++i) {
        trie.put(slot_key(i), R::rlp_number(1000 + i));
    }
    return trie;
}

TEST(ProofTest, ShowsEverySetSlot) {
    for (const uint64_t count : {1U, 2U, 3U, 17U, 300U}) {
        const R storage = make_storage(count);
        for (uint64_t i = 0; i < count; ++i) {
            U256 word;
            ASSERT_EQ(
                verify_storage_proof(storage.root(), slot(i), storage.prove(slot_key(i)), word),
                ProofError::kNone);
            EXPECT_EQ(word, U256{1000 + i});
        }
    }
}

TEST(ProofTest, ShowsThatASlotIsNotSet) {
    for (const uint64_t count : {0U, 1U, 2U, 17U, 300U}) {
        const R storage = make_storage(count);
        for (uint64_t i = count; i < count + 300; ++i) {
            U256 word{7};
            const auto nodes = count == 0 ? std::vector<Bytes>{} : storage.prove(slot_key(i));
            ASSERT_EQ(verify_storage_proof(storage.root(), slot(i), nodes, word),
                      ProofError::kNone);
            EXPECT_EQ(word, U256{});
        }
    }
}

// A single leaf under an extension: a key that leaves the extension's path is proven absent there.
TEST(ProofTest, ShowsAbsenceAtAnExtension) {
    R trie;
    std::string key(32, 'k');
    key.back() = '\x01';
    trie.put(key, "first value, longer than a hash is");
    key.back() = '\x02';
    trie.put(key, "second value, longer than a hash is");
    std::string absent = key;
    absent[5] = 'x';
    ProofValue found{true, {}};
    const auto nodes = trie.prove(absent);
    EXPECT_EQ(nodes.size(), 1U);
    ASSERT_EQ(verify_proof(trie.root(), Hash::from(as_bytes(absent)), nodes, found),
              ProofError::kNone);
    EXPECT_FALSE(found.is_present);
    const auto present = trie.prove(key);
    ASSERT_EQ(verify_proof(trie.root(), Hash::from(as_bytes(key)), present, found),
              ProofError::kNone);
    EXPECT_EQ(as_chars(found.value), "second value, longer than a hash is");
}

// Leaves with a few nibbles left and a short value stand inside their branch.
TEST(ProofTest, FollowsEmbeddedNodesShownOrNot) {
    R trie;
    std::string key(32, 'k');
    for (const char last : {'\x01', '\x02', '\x13'}) {
        key.back() = last;
        trie.put(key, std::string(1, last));
    }
    const auto nodes = trie.prove(key);
    ProofValue found;
    ASSERT_EQ(verify_proof(trie.root(), Hash::from(as_bytes(key)), nodes, found),
              ProofError::kNone);
    EXPECT_TRUE(found.is_present);
    EXPECT_EQ(as_chars(found.value), "\x13");
    // The leaf itself: one nibble of path left, value 0x13.
    auto repeated = nodes;
    repeated.push_back(to_bytes(R::rlp_list("\x33\x13")));
    EXPECT_EQ(verify_proof(trie.root(), Hash::from(as_bytes(key)), repeated, found),
              ProofError::kNone);
    repeated.back() = to_bytes(R::rlp_list("\x33\x14"));
    EXPECT_EQ(verify_proof(trie.root(), Hash::from(as_bytes(key)), repeated, found),
              ProofError::kUnusedNode);
}

TEST(ProofTest, EmptyTrieTakesAnEmptyProofOrItsLoneNode) {
    ProofValue found{true, {}};
    EXPECT_EQ(verify_proof(kEmptyTrieRoot, Hash{}, {}, found), ProofError::kNone);
    EXPECT_FALSE(found.is_present);
    const std::vector<Bytes> lone{Bytes{0x80}};
    EXPECT_EQ(verify_proof(kEmptyTrieRoot, Hash{}, lone, found), ProofError::kNone);
    const std::vector<Bytes> wrong{Bytes{0xc0}};
    EXPECT_EQ(verify_proof(kEmptyTrieRoot, Hash{}, wrong, found), ProofError::kHashMismatch);
    const std::vector<Bytes> two{Bytes{0x80}, Bytes{0x80}};
    EXPECT_EQ(verify_proof(kEmptyTrieRoot, Hash{}, two, found), ProofError::kUnusedNode);
    EXPECT_EQ(verify_proof(keccak256("other"), Hash{}, {}, found), ProofError::kMissingNode);
    EXPECT_EQ(verify_proof(keccak256("other"), Hash{}, lone, found), ProofError::kHashMismatch);
}

TEST(ProofTest, RejectsMissingAddedAndReorderedNodes) {
    const R storage = make_storage(300);
    const Hash root = storage.root();
    const auto nodes = storage.prove(slot_key(5));
    ASSERT_GE(nodes.size(), 3U);
    U256 word{7};
    auto fewer = nodes;
    fewer.pop_back();
    EXPECT_EQ(verify_storage_proof(root, slot(5), fewer, word), ProofError::kMissingNode);
    EXPECT_EQ(verify_storage_proof(root, slot(5), {}, word), ProofError::kMissingNode);
    auto more = nodes;
    more.push_back(nodes.back());
    EXPECT_EQ(verify_storage_proof(root, slot(5), more, word), ProofError::kUnusedNode);
    auto swapped = nodes;
    std::swap(swapped[1], swapped[2]);
    EXPECT_EQ(verify_storage_proof(root, slot(5), swapped, word), ProofError::kHashMismatch);
    EXPECT_NE(verify_storage_proof(root, slot(6), nodes, word), ProofError::kNone)
        << "another key's";
    EXPECT_EQ(verify_storage_proof(keccak256("x"), slot(5), nodes, word),
              ProofError::kHashMismatch);
    EXPECT_EQ(word, U256{7}) << "unchanged on an error";
}

TEST(ProofTest, RejectsEveryFlippedBit) {
    const R storage = make_storage(40);
    const Hash root = storage.root();
    for (const uint64_t number : {3U, 99U}) {
        auto nodes = storage.prove(slot_key(number));
        for (Bytes& node : nodes) {
            for (uint8_t& byte : node) {
                for (unsigned bit = 0; bit < 8; ++bit) {
                    byte ^= static_cast<uint8_t>(1U << bit);
                    U256 word;
                    EXPECT_EQ(verify_storage_proof(root, slot(number), nodes, word),
                              ProofError::kHashMismatch);
                    byte ^= static_cast<uint8_t>(1U << bit);
                }
            }
        }
    }
}

/// A forger who picks the root: nodes that hash well but that no trie would have.
TEST(ProofTest, RejectsNodesThatNoTrieHas) {
    const std::string path32 = text(slot(0).view());
    const std::string leaf_path = '\x20' + path32;
    const std::string long_value(40, 'v');
    const std::string hash_ref = R::rlp_string(std::string(32, 'h'));
    const auto branch = [](const std::string& child, int children, const std::string& value) {
        std::string content;
        for (int i = 0; i < 16; ++i) {
            content += i < children ? child : R::rlp_string("");
        }
        return R::rlp_list(content + R::rlp_string(value));
    };
    const std::vector<std::string> bad = {
        "",
        R::rlp_string("not a list"),
        R::rlp_list(""),
        R::rlp_list(R::rlp_string(leaf_path)),
        R::rlp_list(R::rlp_string(leaf_path) + R::rlp_string("")),
        R::rlp_list(R::rlp_string(leaf_path) + R::rlp_list("")),
        R::rlp_list(R::rlp_string("") + R::rlp_string(long_value)),
        R::rlp_list(R::rlp_list("") + R::rlp_string(long_value)),
        R::rlp_list(R::rlp_string('\x21' + path32) + R::rlp_string(long_value)),
        R::rlp_list(R::rlp_string('\x40' + path32) + R::rlp_string(long_value)),
        R::rlp_list(R::rlp_string(leaf_path + 'x') + R::rlp_string(long_value)),
        R::rlp_list(R::rlp_string(leaf_path.substr(0, 30)) + R::rlp_string(long_value)),
        R::rlp_list(R::rlp_string(leaf_path) + R::rlp_string(long_value)) + 'x',
        R::rlp_list(R::rlp_string(leaf_path) + R::rlp_string(long_value) + R::rlp_string("")),
        R::rlp_list(R::rlp_string(std::string(1, '\0')) + hash_ref),
        R::rlp_list(R::rlp_string(std::string("\0\0", 2)) + R::rlp_string("short")),
        branch(hash_ref, 1, ""),
        branch(hash_ref, 0, ""),
        branch(hash_ref, 2, "value"),
        branch(R::rlp_string("short"), 2, ""),
        branch(R::rlp_list(std::string(40, 'e')), 2, ""),
    };
    for (const std::string& node : bad) {
        const std::vector<Bytes> nodes{to_bytes(node)};
        ProofValue found;
        EXPECT_EQ(verify_proof(keccak256(node), slot(0), nodes, found), ProofError::kBadNode)
            << to_hex(as_bytes(node));
    }
    const std::string good = R::rlp_list(R::rlp_string(leaf_path) + R::rlp_string(long_value));
    ProofValue found;
    EXPECT_EQ(verify_proof(keccak256(good), slot(0), std::vector<Bytes>{to_bytes(good)}, found),
              ProofError::kNone);
}

// The way from the root to a value is unique: an extension must be followed by a branch, and a
// short node must stand inside its parent.
TEST(ProofTest, RejectsChainsThatNoTrieHas) {
    const std::string path = text(slot(0).view());
    const std::string leaf = R::rlp_list(R::rlp_string('\x30' + path.substr(1)) +
                                         R::rlp_string("a value that is long enough"));
    const auto reference = [](const std::string& node) {
        return R::rlp_string(text(keccak256(node).view()));
    };
    const std::string extension =
        R::rlp_list(R::rlp_string(std::string(1, '\x10')) + reference(leaf));
    ProofValue found;
    EXPECT_EQ(verify_proof(keccak256(extension), slot(0),
                           std::vector<Bytes>{to_bytes(extension), to_bytes(leaf)}, found),
              ProofError::kBadNode);

    std::string short_path(1, '\x20');
    const std::string short_leaf = R::rlp_list(R::rlp_string(short_path) + R::rlp_string("v"));
    std::string content;
    for (int i = 0; i < 16; ++i) {
        content += reference(short_leaf);
    }
    const std::string branch = R::rlp_list(content + R::rlp_string(""));
    std::string odd_path = '\x10' + path.substr(1);
    const std::string long_extension = R::rlp_list(R::rlp_string(odd_path) + reference(branch));
    EXPECT_EQ(verify_proof(keccak256(long_extension), slot(0),
                           std::vector<Bytes>{to_bytes(long_extension), to_bytes(branch),
                                              to_bytes(short_leaf)},
                           found),
              ProofError::kBadNode);
}

TEST(ProofTest, RejectsValuesThatStorageCannotHold) {
    for (const std::string& value :
         {std::string(1, '\0'), R::rlp_string(""), R::rlp_string(std::string(33, 'x')),
          R::rlp_string(std::string("\0\x01", 2)), R::rlp_list(""), R::rlp_number(5) + 'x'}) {
        R storage;
        storage.put(slot_key(0), value);
        U256 word;
        EXPECT_EQ(verify_storage_proof(storage.root(), slot(0), storage.prove(slot_key(0)), word),
                  ProofError::kBadValue)
            << to_hex(as_bytes(value));
    }
}

TEST(ProofTest, ShowsAccounts) {
    const R storage = make_storage(3);
    const Hash code_hash = keccak256("code");
    R state;
    std::vector<Address> addresses;
    for (uint64_t i = 0; i < 200; ++i) {
        const Address address = Address::from(keccak256(std::to_string(i)).view());
        addresses.push_back(address);
        state.put(text(keccak256(address.view()).view()),
                  R::rlp_list(R::rlp_number(i) + R::rlp_number(i * 1'000'000'007) +
                              R::rlp_string(text(storage.root().view())) +
                              R::rlp_string(text(code_hash.view()))));
    }
    for (uint64_t i = 0; i < addresses.size(); ++i) {
        Account account;
        const auto nodes = state.prove(text(keccak256(addresses[i].view()).view()));
        ASSERT_EQ(verify_account_proof(state.root(), addresses[i], nodes, account),
                  ProofError::kNone);
        EXPECT_EQ(account, (Account{i, U256{i * 1'000'000'007}, storage.root(), code_hash}));
    }
    const Address stranger = Address::from(keccak256("stranger").view());
    Account account;
    ASSERT_EQ(verify_account_proof(state.root(), stranger,
                                   state.prove(text(keccak256(stranger.view()).view())), account),
              ProofError::kNone);
    EXPECT_EQ(account, empty_account());
    EXPECT_EQ(account.code_hash, keccak256(""));
}

TEST(ProofTest, RejectsAccountsWithOtherFields) {
    const Address address;
    const std::string key = text(keccak256(address.view()).view());
    const std::string hash_ref = R::rlp_string(std::string(32, 'h'));
    const std::string numbers = R::rlp_number(1) + R::rlp_number(1);
    for (const std::string& value :
         {R::rlp_string("no list, but longer than thirty-two bytes"),
          R::rlp_list(numbers + hash_ref), R::rlp_list(numbers + hash_ref + R::rlp_string("short")),
          R::rlp_list(numbers + std::string{hash_ref}.append(hash_ref).append(hash_ref))}) {
        R state;
        state.put(key, value);
        Account account{9, {}, {}, {}};
        EXPECT_EQ(verify_account_proof(state.root(), address, state.prove(key), account),
                  ProofError::kBadValue);
        EXPECT_EQ(account.nonce, 9U) << "unchanged on an error";
    }
}

TEST(ProofTest, EveryErrorHasAText) {
    std::map<std::string_view, int> seen;
    for (int i = 0; i <= static_cast<int>(ProofError::kBadValue); ++i) {
        const std::string_view message = to_string(static_cast<ProofError>(i));
        EXPECT_NE(message, "unknown error");
        EXPECT_EQ(seen[message]++, 0);
    }
}

}  // namespace
}  // namespace plumbline::evm::proof_test
