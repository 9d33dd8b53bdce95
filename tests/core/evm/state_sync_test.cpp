#include "core/evm/state_sync.hpp"

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::evm::state_sync_test {
namespace {

constexpr uint64_t kBlock = 0x2faf080;

/// Bytes written out by hand: prefix, number, hash.
TEST(StateSyncTest, TheTransactionsHashFollowsFromTheBlock) {
    const Hash block = *parse_hash("0x" + std::string(62, '0') + "2a");
    const std::string text =
        "6d617469632d626f722d726563656970742d"  // "matic-bor-receipt-"
        "0000000002faf080" +
        std::string(62, '0') + "2a";
    const auto bytes = parse_hex("0x" + text);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(state_sync_txn_hash(kBlock, block), keccak256(*bytes));
    Log log;
    log.block_num = kBlock;
    log.block_hash = block;
    log.txn_hash = state_sync_txn_hash(kBlock, block);
    EXPECT_TRUE(is_state_sync(log));
    log.block_num = kBlock + 16;
    EXPECT_FALSE(is_state_sync(log));
}

TEST(StateSyncTest, OnlyTheLastReceiptIsTakenOut) {
    const Hash block = keccak256("block");
    ReceiptBatch batch;
    for (uint32_t i = 0; i < 3; ++i) {
        Receipt receipt;
        receipt.txn_hash = i == 2 ? state_sync_txn_hash(kBlock, block) : keccak256("txn");
        receipt.log_begin = i;
        receipt.log_count = 1;
        batch.receipts.push_back(receipt);
        Log log;
        log.log_index = i;
        batch.logs.push(log, Bytes(1, static_cast<uint8_t>(i)));
    }
    ReceiptBatch other = batch;
    EXPECT_TRUE(take_state_sync(kBlock + 1, block, other).logs.empty());
    EXPECT_EQ(other.receipts.size(), 3U);
    const LogBatch taken = take_state_sync(kBlock, block, batch);
    ASSERT_EQ(taken.logs.size(), 1U);
    EXPECT_EQ(taken.logs[0].log_index, 2U);
    EXPECT_TRUE(equal(taken.data(taken.logs[0]), Bytes{2}));
    EXPECT_EQ(batch.receipts.size(), 2U);
    EXPECT_EQ(batch.logs.logs.size(), 2U);
    EXPECT_TRUE(take_state_sync(kBlock, block, batch).logs.empty());
}

TEST(StateSyncTest, OnlyPolygonHasThem) {
    EXPECT_TRUE(has_state_syncs(137));
    EXPECT_TRUE(has_state_syncs(80'002));
    EXPECT_FALSE(has_state_syncs(1));
    EXPECT_FALSE(has_state_syncs(0));
}

}  // namespace
}  // namespace plumbline::evm::state_sync_test
