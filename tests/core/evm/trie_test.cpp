#include "core/evm/trie.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "tests/core/evm/block_files.hpp"
#include "tests/core/evm/reference_trie.hpp"

namespace plumbline::evm::trie_test {
namespace {

Hash slow_root(const std::vector<Bytes>& values) {
    ReferenceTrie trie;
    for (size_t i = 0; i < values.size(); ++i) {
        trie.put(ReferenceTrie::rlp_number(i), std::string{as_chars(values[i])});
    }
    return trie.root();
}

std::vector<Bytes> random_values(std::mt19937_64& random, size_t count, size_t size_max) {
    std::vector<Bytes> values(count);
    for (Bytes& value : values) {
        value.resize(1 + random() % size_max);
        for (uint8_t& byte : value) {
            byte = static_cast<uint8_t>(random());
        }
    }
    return values;
}

TEST(ReferenceTrieTest, AgreesWithKnownRoots) {
    EXPECT_EQ(ReferenceTrie{}.root(), kEmptyTrieRoot);
    // From ethereum/tests, trietest.json and trieanyorder.json.
    ReferenceTrie dogs;
    dogs.put("doe", "reindeer");
    dogs.put("dog", "puppy");
    dogs.put("dogglesworth", "cat");
    EXPECT_EQ(to_hex(dogs.root()),
              "0x8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3");
    ReferenceTrie puppy;
    puppy.put("do", "verb");
    puppy.put("horse", "stallion");
    puppy.put("doge", "coin");
    puppy.put("dog", "puppy");
    EXPECT_EQ(to_hex(puppy.root()),
              "0x5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84");
}

TEST(TrieTest, EmptyRootIsTheKnownOne) {
    EXPECT_EQ(ordered_trie_root(std::span<const ByteView>{}), kEmptyTrieRoot);
    EXPECT_EQ(to_hex(kEmptyTrieRoot),
              "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    constexpr uint8_t kEmptyString = 0x80;
    EXPECT_EQ(keccak256(ByteView{&kEmptyString, 1}), kEmptyTrieRoot);
}

// Small values are embedded in their parents, large ones hashed; both at every count.
TEST(TrieTest, AgreesWithAGeneralTrieAtEveryCount) {
    const uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    OrderedTrie trie;
    for (size_t count = 0; count <= 300; ++count) {
        for (const size_t size_max : {2U, 60U}) {
            const std::vector<Bytes> values = random_values(random, count, size_max);
            const std::vector<ByteView> views{values.begin(), values.end()};
            ASSERT_EQ(trie.root(views), slow_root(values)) << count << " values";
        }
    }
}

TEST(TrieTest, AgreesWhereKeysGrowToTwoAndThreeDigits) {
    std::mt19937_64 random{3};
    for (const size_t count : {256U, 257U, 4097U, 65537U}) {
        const std::vector<Bytes> values = random_values(random, count, 8);
        EXPECT_EQ(ordered_trie_root(values), slow_root(values)) << count;
    }
}

TEST(TrieTest, LargeValues) {
    std::mt19937_64 random{5};
    const std::vector<Bytes> values = random_values(random, 40, 100'000);
    EXPECT_EQ(ordered_trie_root(values), slow_root(values));
}

TEST(TrieTest, AnyChangedByteChangesTheRoot) {
    std::mt19937_64 random{9};
    for (const size_t count : {1U, 2U, 127U, 128U, 129U, 200U}) {
        std::vector<Bytes> values = random_values(random, count, 40);
        const Hash root = ordered_trie_root(values);
        for (size_t i = 0; i < count; ++i) {
            const size_t at = random() % values[i].size();
            const uint8_t before = values[i][at];
            values[i][at] ^= static_cast<uint8_t>(1U << random() % 8);
            EXPECT_NE(ordered_trie_root(values), root) << count << " values, value " << i;
            values[i][at] = before;
        }
        EXPECT_EQ(ordered_trie_root(values), root);
    }
}

TEST(TrieTest, OrderAndCountAreInTheRoot) {
    std::mt19937_64 random{11};
    std::vector<Bytes> values = random_values(random, 150, 40);
    const Hash root = ordered_trie_root(values);
    for (const size_t i : {0U, 1U, 126U, 127U, 128U, 148U}) {
        std::swap(values[i], values[i + 1]);
        EXPECT_NE(ordered_trie_root(values), root) << i;
        std::swap(values[i], values[i + 1]);
    }
    EXPECT_EQ(ordered_trie_root(values), root);
    values.pop_back();
    EXPECT_NE(ordered_trie_root(values), root);
}

TEST(TrieDeathTest, AnEmptyValueIsTheCallersMistake) {
    const std::vector<Bytes> values{Bytes{1}, Bytes{}};
    EXPECT_DEATH(static_cast<void>(ordered_trie_root(values)), "empty");
}

TEST(TrieTest, ReceiptsRootsOfRealBlocksFromRawReceipts) {
    PLUMBLINE_REQUIRE_BLOCKS();
    size_t count = 0;
    for (const BlockFile& block : block_files()) {
        if (!block.receipts_rlp.empty()) {
            ++count;
            EXPECT_EQ(ordered_trie_root(block.receipts_rlp), block.receipts_root) << block.name;
            EXPECT_EQ(slow_root(block.receipts_rlp), block.receipts_root) << block.name;
        }
    }
    EXPECT_GT(count, 0U);
}

}  // namespace
}  // namespace plumbline::evm::trie_test
