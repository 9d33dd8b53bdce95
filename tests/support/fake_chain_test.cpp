// A chain of the tests is true to whoever recomputes it, unless a test spoils it.
#include "tests/engine/fake_chain.hpp"

#include <gtest/gtest.h>

namespace plumbline::test::fake_chain_test {
namespace {

class FakeChainTest : public testing::Test {
  protected:
    /// What proving the receipts of all blocks comes to.
    static std::vector<Result<rpc::BlockReceipts>> prove(const FakeChain& chain) {
        ManualClock clock;
        FakeNode node{chain, clock, {}};
        std::vector<evm::Header> headers;
        for (const auto& block : chain.blocks()) {
            headers.push_back(block->header);
        }
        std::vector<Result<rpc::BlockReceipts>> out;
        node.get_proven_receipts(headers, [&](auto results) { out = std::move(results); });
        while (node.in_flight() > 0) {
            node.poll(1);
        }
        EXPECT_EQ(out.size(), headers.size());
        return out;
    }
};

TEST_F(FakeChainTest, HeadersHashAndLink) {
    FakeChain chain{1};
    chain.mine(40);
    chain.reorg(5, 9);
    for (uint64_t n = 0; n <= chain.head(); ++n) {
        const evm::Header& header = chain.blocks()[n]->header;
        EXPECT_EQ(evm::check_hash(header), evm::HeaderCheck::kMatches) << n;
        EXPECT_EQ(header.block_num, n);
        if (n > 0) {
            EXPECT_EQ(header.parent_hash, chain.blocks()[n - 1]->header.hash) << n;
        }
    }
}

TEST_F(FakeChainTest, ReceiptsAndBloomsAreThoseOfTheLogs) {
    FakeChain chain{1};
    chain.mine(40);
    uint64_t logs = 0;
    const auto proven = prove(chain);
    for (uint64_t n = 0; n < proven.size(); ++n) {
        const FakeBlock& block = *chain.blocks()[n];
        ASSERT_TRUE(proven[n].has_value()) << n << ": " << proven[n].error().message;
        EXPECT_EQ(proven[n]->bloom, block.header.logs_bloom) << n;
        EXPECT_EQ(proven[n]->batch.logs.logs.size(), block.logs.logs.size()) << n;
        logs += block.logs.logs.size();
    }
    EXPECT_GT(logs, 40U);
}

TEST_F(FakeChainTest, LogsHaveThePlaceThatTheirBlockGivesThem) {
    FakeChain chain{1};
    chain.mine_logs({ping(make_address(2, 1), 5), noise(make_address(9, 1), 6),
                     deposited(hub_address(), make_address(5, 1), 7)});
    const FakeBlock& block = *chain.blocks().back();
    ASSERT_EQ(block.logs.logs.size(), 3U);
    for (uint32_t i = 0; i < 3; ++i) {
        const evm::Log& log = block.logs.logs[i];
        EXPECT_EQ(log.block_num, 1U);
        EXPECT_EQ(log.block_hash, block.header.hash);
        EXPECT_EQ(log.log_index, i);
        EXPECT_EQ(log.txn_index, i / 2);
        EXPECT_EQ(evm::Hash::from(block.logs.data(log)), to_word(5 + i));
    }
}

TEST_F(FakeChainTest, ASpoiledRootIsNotProven) {
    FakeChain chain{1, [](evm::Header& header) {
                        header.receipts_root = to_word(1);
                        header.hash = evm::compute_hash(header);
                    }};
    chain.mine(10);
    EXPECT_EQ(evm::check_hash(chain.blocks().back()->header), evm::HeaderCheck::kMatches);
    for (const auto& result : prove(chain)) {
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(result.error().code, ErrorCode::kIncompatible);
    }
}

}  // namespace
}  // namespace plumbline::test::fake_chain_test
