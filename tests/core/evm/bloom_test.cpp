#include "core/evm/bloom.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/core/evm/block_files.hpp"

namespace plumbline::evm::bloom_test {
namespace {

/// Written from the Yellow Paper's text alone: bits counted from the most significant.
Bloom slow_bloom(ByteView item) {
    Bloom out;
    const Hash digest = keccak256(item);
    for (const size_t i : {0U, 2U, 4U}) {
        const size_t low_bits = (digest.bytes[i] % 8U) * 256U + digest.bytes[i + 1];
        const size_t position = 2047 - low_bits;
        out.bytes[position / 8] |= static_cast<uint8_t>(0x80U >> (position % 8));
    }
    return out;
}

TEST(BloomTest, SetsTheBitsOfTheYellowPaper) {
    for (int i = 0; i < 1000; ++i) {
        const std::string item = std::to_string(i);
        Bloom bloom;
        add(bloom, as_bytes(item));
        EXPECT_EQ(bloom, slow_bloom(as_bytes(item)));
        EXPECT_TRUE(may_contain(bloom, bloom_bits(as_bytes(item))));
    }
}

// The Transfer event of WETH: the bits are known from any mainnet block with such a log.
TEST(BloomTest, KnowsTheTransferSignature) {
    const Hash transfer = keccak256("Transfer(address,address,uint256)");
    EXPECT_EQ(to_hex(transfer),
              "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
    Bloom bloom;
    add(bloom, transfer.view());
    EXPECT_TRUE(may_contain(bloom, transfer));
    EXPECT_LE(count_bits(bloom), 3);
    EXPECT_GE(count_bits(bloom), 1);
}

TEST(BloomTest, EmptyContainsNothing) {
    const Bloom empty;
    EXPECT_EQ(count_bits(empty), 0);
    EXPECT_FALSE(may_contain(empty, Address{}));
    EXPECT_FALSE(may_contain(empty, Hash{}));
}

TEST(BloomTest, ContainsEveryThingAdded) {
    std::mt19937_64 random{7};
    Bloom bloom;
    Log log;
    log.topic_count = 3;
    for (uint8_t& byte : log.address.bytes) {
        byte = static_cast<uint8_t>(random());
    }
    for (Hash& topic : log.topics) {
        topic = keccak256(std::to_string(random()));
    }
    add(bloom, log);
    EXPECT_TRUE(may_contain(bloom, log.address));
    EXPECT_TRUE(may_contain(bloom, log.topics[0]));
    EXPECT_TRUE(may_contain(bloom, log.topics[1]));
    EXPECT_TRUE(may_contain(bloom, log.topics[2]));
    EXPECT_FALSE(may_contain(bloom, log.topics[3])) << "only topic_count topics count";
    EXPECT_LE(count_bits(bloom), 12);
}

TEST(BloomTest, LackingOneBitIsProofOfAbsence) {
    const BloomBits bits = bloom_bits(as_bytes("x"));
    Bloom full;
    full.bytes.fill(0xff);
    EXPECT_TRUE(may_contain(full, bits));
    for (const uint16_t bit : bits.bit) {
        Bloom lacking = full;
        lacking.bytes[255U - bit / 8U] ^= static_cast<uint8_t>(1U << (bit % 8U));
        EXPECT_FALSE(may_contain(lacking, bits));
    }
}

TEST(BloomTest, SubsetAndMerge) {
    Bloom a;
    Bloom b;
    add(a, as_bytes("a"));
    add(b, as_bytes("b"));
    EXPECT_FALSE(is_subset(a, b));
    EXPECT_TRUE(is_subset(a, a));
    EXPECT_TRUE(is_subset(Bloom{}, a));
    Bloom both = a;
    merge(both, b);
    EXPECT_TRUE(is_subset(a, both));
    EXPECT_TRUE(is_subset(b, both));
    EXPECT_FALSE(is_subset(both, a));
}

TEST(BloomTest, HeaderBloomsOfRealBlocksAreThoseOfTheirReceipts) {
    PLUMBLINE_REQUIRE_BLOCKS();
    for (const BlockFile& block : block_files()) {
        SCOPED_TRACE(block.name);
        Header header;
        ASSERT_EQ(decode_header(block.header_rlp, header), RlpError::kNone);
        EXPECT_EQ(compute_bloom(block.receipts), header.logs_bloom);
        EXPECT_EQ(find_wrong_bloom(block.receipts), std::nullopt);
        for (const Log& log : block.receipts.logs.logs) {
            EXPECT_TRUE(may_contain(header.logs_bloom, log.address));
            for (size_t i = 0; i < log.topic_count; ++i) {
                EXPECT_TRUE(may_contain(header.logs_bloom, log.topics.at(i)));
            }
        }
    }
}

TEST(BloomTest, NamesTheReceiptWithAWrongBloom) {
    ReceiptBatch batch;
    batch.receipts.resize(3);
    EXPECT_EQ(find_wrong_bloom(batch), std::nullopt) << "a bloom that is not claimed is not wrong";
    for (Receipt& receipt : batch.receipts) {
        receipt.bloom.emplace();
    }
    EXPECT_EQ(find_wrong_bloom(batch), std::nullopt);
    batch.receipts[1].bloom->bytes[17] = 4;
    EXPECT_EQ(find_wrong_bloom(batch), 1U);
}

}  // namespace
}  // namespace plumbline::evm::bloom_test
