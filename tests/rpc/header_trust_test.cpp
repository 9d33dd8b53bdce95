#include "rpc/header_trust.hpp"

#include <gtest/gtest.h>

namespace plumbline::rpc::header_trust_test {
namespace {

using Verdict = HeaderTrust::Verdict;

constexpr uint64_t kLondon = 1;
constexpr uint64_t kFork = 2;        ///< as one client names its fields
constexpr uint64_t kForkAsWell = 3;  ///< as another does

evm::Header honest(uint64_t block_num) {
    evm::Header header;
    header.block_num = block_num;
    header.timestamp = 1'700'000'000 + block_num;
    header.hash = evm::compute_hash(header);
    return header;
}

/// Its hash is that of the honest one.
evm::Header with_time(uint64_t block_num, uint64_t timestamp) {
    evm::Header header = honest(block_num);
    header.timestamp = timestamp;
    return header;
}

class HeaderTrustTest : public testing::Test {
  protected:
    Verdict judge(size_t provider, const evm::Header& header, uint64_t layout,
                  bool others_can_tell = true) {
        return trust_.judge({provider, header, layout, others_can_tell});
    }
    HeaderTrust trust_;
};

TEST_F(HeaderTrustTest, AChainWhoseHeadersNeverHashedIsBelieved) {
    for (uint64_t num = 1; num < 10; ++num) {
        EXPECT_EQ(judge(num % 2, with_time(num, 5), kLondon), Verdict::kBelieved);
    }
}

TEST_F(HeaderTrustTest, OnceOneHasHashedAllWithItsFieldsMust) {
    EXPECT_EQ(judge(0, honest(1), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, honest(2), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(3, UINT64_MAX), kLondon), Verdict::kLie);
    EXPECT_EQ(judge(0, with_time(3, UINT64_MAX), kLondon, false), Verdict::kLie)
        << "nor where nobody else can be asked, however often it says so";
    evm::Header moved = honest(4);
    moved.block_num = 5;
    EXPECT_EQ(judge(1, moved, kLondon), Verdict::kLie);
    evm::Header other_root = honest(6);
    other_root.receipts_root.bytes[0] = 1;
    EXPECT_EQ(judge(1, other_root, kLondon), Verdict::kLie);
    EXPECT_EQ(judge(1, honest(6), kLondon), Verdict::kBelieved);
}

TEST_F(HeaderTrustTest, WhatWasBelievedBeforeAnyHadHashedIsALieOnceOneWithItsFieldsDoes) {
    EXPECT_EQ(judge(0, with_time(1, 5), kLondon), Verdict::kBelieved) << "nothing to go by yet";
    EXPECT_EQ(judge(1, with_time(2, 5), kFork), Verdict::kBelieved);
    EXPECT_TRUE(trust_.take_exposed().empty());
    EXPECT_EQ(judge(1, honest(3), kLondon), Verdict::kBelieved);
    EXPECT_EQ(trust_.take_exposed(), std::vector<size_t>{0});
    EXPECT_EQ(judge(0, honest(4), kLondon), Verdict::kBelieved);
    EXPECT_TRUE(trust_.take_exposed().empty()) << "once";
}

TEST_F(HeaderTrustTest, WhatTwoToldBeforeAnyHadHashedIsNoLie) {
    EXPECT_EQ(judge(0, with_time(1, 5), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(1, with_time(1, 5), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(1, honest(3), kLondon), Verdict::kBelieved);
    EXPECT_TRUE(trust_.take_exposed().empty());
}

TEST_F(HeaderTrustTest, ABlockZeroThatDoesNotHashIsALieOnceOneOfItsHashDid) {
    EXPECT_EQ(judge(0, honest(1), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(0, 7), kLondon), Verdict::kDoubted) << "another one can tell";
    EXPECT_EQ(judge(1, honest(0), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(0, 7), kLondon), Verdict::kLie);
    EXPECT_EQ(judge(0, with_time(0, 7), kLondon, false), Verdict::kLie);
    EXPECT_EQ(judge(0, with_time(2, 7), kLondon), Verdict::kLie) << "others are as they were";
}

TEST_F(HeaderTrustTest, BlockZeroIsMadeByNoRuleAndBelievedOfTheOnlyOneAndOfTwo) {
    EXPECT_EQ(judge(0, honest(1), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(0, 7), kLondon, false), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(0, 7), kLondon), Verdict::kDoubted);
    EXPECT_EQ(judge(1, with_time(0, 8), kLondon), Verdict::kDoubted) << "otherwise";
    EXPECT_EQ(judge(1, with_time(0, 7), kLondon), Verdict::kBelieved) << "the same";
    EXPECT_EQ(judge(0, with_time(0, 7), kLondon), Verdict::kBelieved);
}

TEST_F(HeaderTrustTest, AForkThatAddsFieldsIsBelievedOfTheOnlyProviderAndDoubtedOfOneOfMany) {
    EXPECT_EQ(judge(0, honest(1), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(2, 5), kFork, false), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(3, 5), kFork, true), Verdict::kDoubted);
    EXPECT_EQ(judge(0, with_time(3, 5), kFork, true), Verdict::kDoubted) << "the same one again";
}

TEST_F(HeaderTrustTest, ASecondProviderConfirmsAFork) {
    EXPECT_EQ(judge(0, honest(1), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(2, 5), kFork), Verdict::kDoubted);
    EXPECT_EQ(judge(1, with_time(2, 6), kForkAsWell), Verdict::kBelieved)
        << "clients name what they add as they like";
    EXPECT_EQ(judge(0, with_time(3, 5), kFork), Verdict::kBelieved);
    EXPECT_EQ(judge(1, with_time(4, 5), kForkAsWell), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(5, 9), kLondon), Verdict::kLie) << "those of before must hash";
}

TEST_F(HeaderTrustTest, TwoThatTellTheSameOfABlockDoNotBothLie) {
    EXPECT_EQ(judge(0, honest(1), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(0, with_time(2, 5), kLondon), Verdict::kLie);
    EXPECT_EQ(judge(1, with_time(2, 6), kLondon), Verdict::kLie) << "they differ";
    EXPECT_EQ(judge(0, with_time(2, 6), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(1, with_time(2, 6), kLondon), Verdict::kBelieved);
    EXPECT_EQ(judge(1, with_time(2, 7), kLondon), Verdict::kLie);
    EXPECT_EQ(judge(1, with_time(3, 6), kLondon), Verdict::kLie) << "another block";
}

}  // namespace
}  // namespace plumbline::rpc::header_trust_test
