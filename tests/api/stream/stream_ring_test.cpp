// The ring alone: numbers, its bound, and where a client that comes back goes on.
#include "api/stream/stream_ring.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::api::stream_ring_test {
namespace {

using Kind = StreamRecord::Kind;
using testing::Optional;

evm::Hash hash_of(uint8_t byte) {
    evm::Hash out;
    out.bytes.fill(byte);
    return out;
}

/// Block `block` with a hash of its number and `fork`.
evm::BlockId id_of(uint64_t block, uint8_t fork = 0) {
    return {block, hash_of(static_cast<uint8_t>(block * 16 + fork))};
}

constexpr StreamBasis kBasis{7, 70};

StreamRing::State state_at(const evm::BlockId& block, uint64_t commit_num,
                           const StreamBasis& basis = kBasis) {
    StreamRing::State out;
    out.cursor.block_num = block.block_num;
    out.cursor.block_hash = block.hash;
    out.cursor.commit_num = commit_num;
    out.basis = basis;
    return out;
}

std::optional<StreamRing::Place> rows_after(const StreamRing& ring, const evm::BlockId& block,
                                            const StreamRing::State& now) {
    return ring.place_after({block, kBasis.rows}, true, now);
}

StreamRecord record_of(Kind kind, uint64_t commit_num, const evm::BlockId& block = {}) {
    StreamRecord out;
    out.kind = kind;
    out.commit_num = commit_num;
    out.from = out.to = block.block_num;
    out.hash = block.hash;
    out.basis = kBasis;
    return out;
}

TEST(StreamRingTest, RecordsAreNumberedFromOneAndFoundByNumber) {
    StreamRing ring{1'000'000};
    EXPECT_EQ(ring.newest_seq(), 0U);
    EXPECT_EQ(ring.find(1).found, StreamRing::Found::kNothing);
    EXPECT_EQ(ring.append(record_of(Kind::kCommit, 1, id_of(5)))->seq, 1U);
    EXPECT_EQ(ring.append(record_of(Kind::kCommit, 2, id_of(6)))->seq, 2U);
    EXPECT_EQ(ring.newest_seq(), 2U);
    EXPECT_EQ(ring.oldest_seq(), 1U);
    const StreamRing::Lookup second = ring.find(2);
    ASSERT_EQ(second.found, StreamRing::Found::kRecord);
    EXPECT_EQ(second.record->to, 6U);
    EXPECT_EQ(ring.find(3).found, StreamRing::Found::kNothing);
}

TEST(StreamRingTest, WhatIsTooMuchFallsOutOldestFirstAndNeverTheNewest) {
    StreamRecord large = record_of(Kind::kCommit, 1, id_of(1));
    large.text = std::string(1'000, 'x');
    StreamRing ring{2 * large.size_bytes()};
    for (int i = 0; i < 4; ++i) {
        ring.append(large);
    }
    EXPECT_EQ(ring.oldest_seq(), 3U);
    EXPECT_EQ(ring.find(2).found, StreamRing::Found::kGone);
    EXPECT_EQ(ring.find(3).found, StreamRing::Found::kRecord);
    StreamRecord huge = large;
    huge.text = std::string(100'000, 'x');
    ring.append(huge);
    EXPECT_EQ(ring.oldest_seq(), 5U);
    EXPECT_EQ(ring.find(5).found, StreamRing::Found::kRecord);
}

TEST(StreamRingTest, AStateIsFollowedByTheFirstRecordItDoesNotHold) {
    StreamRing ring{1'000'000};
    EXPECT_EQ(ring.seq_after(7), 1U);
    ring.append(record_of(Kind::kCommit, 10, id_of(1)));  // 1
    ring.append(record_of(Kind::kProof, 0));              // 2
    ring.append(record_of(Kind::kCommit, 11, id_of(2)));  // 3
    ring.append(record_of(Kind::kReset, 11));             // 4
    EXPECT_EQ(ring.seq_after(9), 1U) << "all of them are new";
    EXPECT_EQ(ring.seq_after(10), 2U) << "a proof holds no commit";
    EXPECT_EQ(ring.seq_after(11), 5U) << "the last one of a commit counts";
}

TEST(StreamRingTest, AClientGoesOnBehindTheRecordThatLedToItsBlock) {
    StreamRing ring{1'000'000};
    ring.append(record_of(Kind::kCommit, 10, id_of(1)));
    ring.append(record_of(Kind::kCommit, 11, id_of(2)));
    ring.append(record_of(Kind::kRetract, 12, id_of(1)));
    ring.append(record_of(Kind::kCommit, 13, id_of(2, 1)));
    const auto now = state_at(id_of(2, 1), 13);
    EXPECT_THAT(rows_after(ring, id_of(2), now), Optional(StreamRing::Place{3, 11}))
        << "the retraction comes next";
    EXPECT_THAT(rows_after(ring, id_of(1), now), Optional(StreamRing::Place{4, 12}))
        << "the newest record that led there counts";
    EXPECT_THAT(rows_after(ring, id_of(2, 1), now), Optional(StreamRing::Place{5, 13}));
    EXPECT_EQ(rows_after(ring, id_of(2, 2), now), std::nullopt) << "another fork";
    EXPECT_EQ(rows_after(ring, id_of(7), now), std::nullopt);
}

TEST(StreamRingTest, AClientAtTheCursorGoesOnThoughTheRingDoesNotKnowItsBlock) {
    StreamRing ring{1'000'000};
    EXPECT_THAT(rows_after(ring, id_of(5), state_at(id_of(5), 20)),
                Optional(StreamRing::Place{1, 20}));
    // Committed between the look at the cursor and the look into the ring: not passed over.
    ring.append(record_of(Kind::kCommit, 21, id_of(6)));
    EXPECT_THAT(rows_after(ring, id_of(5), state_at(id_of(5), 20)),
                Optional(StreamRing::Place{1, 20}));
    EXPECT_EQ(rows_after(ring, id_of(5), state_at(id_of(6), 21)), std::nullopt);
}

TEST(StreamRingTest, TheBaseIsResumedFromUntilTheFirstRecordFallsOut) {
    StreamRecord large = record_of(Kind::kCommit, 21, id_of(6));
    large.text = std::string(1'000, 'x');
    StreamRing ring{2 * large.size_bytes()};
    ring.set_base(state_at(id_of(5), 20));
    ring.append(large);
    EXPECT_THAT(rows_after(ring, id_of(5), state_at(id_of(6), 21)),
                Optional(StreamRing::Place{1, 20}));
    ring.append(large);
    ring.append(large);
    EXPECT_EQ(rows_after(ring, id_of(5), state_at(id_of(6), 21)), std::nullopt)
        << "nobody knows what was in the first one";
}

TEST(StreamRingTest, NobodyGoesOnFromABlockWhoseRowsWereMadeOfSomethingElse) {
    StreamRing ring{1'000'000};
    const evm::BlockId base = id_of(5);
    ring.set_base(state_at(base, 20));
    ring.append(record_of(Kind::kCommit, 21, id_of(6)));
    const StreamRing::State now = state_at(id_of(7), 22);
    for (const evm::BlockId& block : {base, id_of(6), id_of(7)}) {
        EXPECT_TRUE(ring.place_after({block, kBasis.rows}, true, now));
        EXPECT_TRUE(ring.place_after({block, kBasis.log}, false, now));
        EXPECT_FALSE(ring.place_after({block, kBasis.log}, true, now)) << "not of rows";
        EXPECT_FALSE(ring.place_after({block, 71}, true, now));
        EXPECT_FALSE(ring.place_after({block, 8}, false, now));
        EXPECT_FALSE(ring.place_after({block, 0}, true, now)) << "a block alone says too little";
    }
}

TEST(StreamRingTest, AStateWhoseBasisCannotBeReadIsEqualToNothing) {
    const StreamRing ring{1'000'000};
    EXPECT_FALSE(ring.place_after({id_of(5), 0}, true, state_at(id_of(5), 20, {})));
}

}  // namespace
}  // namespace plumbline::api::stream_ring_test
