#include "rpc/range_piece.hpp"

#include <map>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/rpc/fake_network.hpp"

namespace plumbline::rpc::range_piece_test {
namespace {

// A log whose data is its block's number, so that joining arenas shows.
void add_log(RangePiece& piece, uint64_t block_num, uint32_t log_index = 0) {
    evm::Log log;
    log.block_num = block_num;
    log.log_index = log_index;
    piece.logs.push(log, Bytes{static_cast<uint8_t>(block_num), static_cast<uint8_t>(log_index)});
}

evm::Hash hash_of(uint64_t block_num) {
    return test::make_topic(static_cast<uint8_t>(block_num));
}

void add_header(RangePiece& piece, uint64_t block_num) {
    evm::Header header;
    header.block_num = block_num;
    header.hash = hash_of(block_num);
    header.parent_hash = hash_of(block_num - 1);
    piece.headers.emplace(block_num, header);
}

std::vector<uint64_t> header_nums(const RangeLogs& logs) {
    std::vector<uint64_t> out;
    for (const evm::Header& header : logs.headers) {
        out.push_back(header.block_num);
    }
    return out;
}

TEST(PieceMapTest, CutsInAnyOrderCoverEachBlockOnce) {
    std::mt19937 random{7};  // NOLINT(cert-msc51-cpp): the same cuts every time
    for (int round = 0; round < 200; ++round) {
        const uint64_t first = random() % 100;
        const evm::BlockRange whole{first, first + random() % 40};
        PieceMap pieces{whole};
        std::map<uint64_t, const RangePiece*> known = {{whole.from, &pieces.at(whole.from)}};
        for (int i = 0; i < 20; ++i) {
            const auto picked = std::next(known.begin(), static_cast<int>(random() % known.size()));
            const uint64_t size = picked->second->range.size();
            if (size > 1) {
                const RangePiece& rest = pieces.cut(picked->first, 1 + random() % (size - 1));
                known.emplace(rest.range.from, &rest);
            }
        }
        pieces.check_cover();
        std::map<uint64_t, int> covered;
        for (const auto& [from, piece] : known) {
            for (uint64_t num = piece->range.from; num <= piece->range.to; ++num) {
                ++covered[num];
            }
        }
        ASSERT_EQ(covered.size(), whole.size());
        for (const auto& [num, count] : covered) {
            EXPECT_TRUE(num >= whole.from && num <= whole.to && count == 1) << num;
        }
        EXPECT_EQ(pieces.size(), known.size());
    }
}

TEST(PieceMapTest, JoinsInBlockOrderWhateverWasSettledFirst) {
    PieceMap pieces{{10, 19}};
    RangePiece& middle = pieces.cut(10, 3);
    RangePiece& last = pieces.cut(middle.range.from, 4);
    RangePiece& first = pieces.at(10);
    EXPECT_EQ(last.range, (evm::BlockRange{17, 19}));
    first.provider = 2;
    middle.provider = 0;
    last.provider = 2;
    first.received_bytes = 100;
    middle.received_bytes = 10;
    last.received_bytes = 1;
    add_log(first, 11);
    add_log(last, 18, 0);
    add_log(last, 18, 5);
    for (const uint64_t num : {10U, 11U, 12U}) {
        add_header(first, num);
    }
    for (const uint64_t num : {13U, 16U}) {
        add_header(middle, num);
    }
    for (const uint64_t num : {17U, 18U, 19U}) {
        add_header(last, num);
    }
    pieces.settle(17);
    pieces.settle(10);
    EXPECT_FALSE(pieces.all_settled());
    pieces.settle(13);
    ASSERT_TRUE(pieces.all_settled());
    EXPECT_TRUE(pieces.is_linked());
    using Teller = std::pair<evm::BlockRange, size_t>;
    EXPECT_EQ(pieces.tellers(), (std::vector<Teller>{{{10, 12}, 2}, {{13, 16}, 0}, {{17, 19}, 2}}));
    const auto joined = std::move(pieces).join(false);
    ASSERT_TRUE(joined);
    EXPECT_EQ(joined->range, (evm::BlockRange{10, 19}));
    EXPECT_EQ(joined->received_bytes, 111U);
    ASSERT_EQ(joined->logs.logs.size(), 3U);
    const std::vector<Bytes> data = {{11, 0}, {18, 0}, {18, 5}};
    for (size_t i = 0; i < data.size(); ++i) {
        EXPECT_EQ(joined->logs.logs[i].block_num, data[i][0]);
        EXPECT_TRUE(equal(joined->logs.data(joined->logs.logs[i]), data[i]));
    }
    // Pieces' own ends are dropped, the range's are not.
    EXPECT_EQ(header_nums(*joined), (std::vector<uint64_t>{10, 11, 18, 19}));
}

TEST(PieceMapTest, AllHeadersAreKeptWhereAllAreWanted) {
    PieceMap pieces{{10, 12}};
    for (const uint64_t num : {10U, 11U, 12U}) {
        add_header(pieces.at(10), num);
    }
    pieces.settle(10);
    const auto joined = std::move(pieces).join(true);
    ASSERT_TRUE(joined);
    EXPECT_EQ(header_nums(*joined), (std::vector<uint64_t>{10, 11, 12}));
}

TEST(PieceMapTest, PiecesOfTwoBranchesAreNotLinked) {
    PieceMap pieces{{10, 15}};
    RangePiece& second = pieces.cut(10, 3);
    add_header(pieces.at(10), 12);
    add_header(second, 13);
    EXPECT_TRUE(pieces.is_linked());
    second.headers.at(13).parent_hash = hash_of(99);
    EXPECT_FALSE(pieces.is_linked());
    // Headers that are no neighbours say nothing.
    pieces.at(10).headers.clear();
    add_header(pieces.at(10), 11);
    EXPECT_TRUE(pieces.is_linked());
    // Started over, nothing is left of either.
    pieces.start_over();
    EXPECT_EQ(pieces.size(), 1U);
    EXPECT_EQ(pieces.at(10).range, (evm::BlockRange{10, 15}));
    EXPECT_TRUE(pieces.at(10).headers.empty());
}

TEST(PieceMapTest, ABlocksLogsAreReplacedInPlace) {
    PieceMap pieces{{10, 12}};
    RangePiece& piece = pieces.at(10);
    for (const uint64_t num : {10U, 11U, 12U}) {
        add_log(piece, num);
    }
    RangePiece better;
    better.range = {11, 11};
    add_log(better, 11, 3);
    add_log(better, 11, 4);
    for (const uint64_t num : {10U, 11U, 12U}) {
        if (num == 11) {
            piece.replace_logs_of(11, better.logs, 7);
        }
        ASSERT_EQ(piece.logs_of(num).logs.size(), num == 11 ? 2U : 1U);
    }
    piece.replace_logs_of(10, {}, 0);
    piece.replace_logs_of(12, {}, 0);
    ASSERT_EQ(piece.logs.logs.size(), 2U);
    EXPECT_EQ(piece.logs.logs[1].log_index, 4U);
    EXPECT_TRUE(equal(piece.logs.data(piece.logs.logs[1]), Bytes{11, 4}));
}

// What must never happen, made to happen.

TEST(PieceMapDeathTest, APieceThatGrewOrShrankIsNoticed) {
    PieceMap pieces{{10, 19}};
    pieces.cut(10, 5);
    pieces.at(10).range.to = 15;
    EXPECT_DEATH(pieces.check_cover(), "exactly once and in order");
    pieces.at(10).range.to = 13;
    EXPECT_DEATH(pieces.check_cover(), "exactly once and in order");
    pieces.at(10).range.to = 14;
    pieces.check_cover();
    pieces.at(15).range.to = 18;
    EXPECT_DEATH(pieces.check_cover(), "exactly once and in order");
    pieces.at(15).range = {16, 19};
    EXPECT_DEATH(pieces.check_cover(), "has moved");
}

TEST(PieceMapDeathTest, ASettledPieceIsNotHandedOutCutOrSettledAgain) {
    PieceMap pieces{{10, 19}};
    pieces.settle(10);
    EXPECT_DEATH(static_cast<void>(pieces.at(10)), "settled");
    EXPECT_DEATH(pieces.cut(10, 5), "settled");
    EXPECT_DEATH(pieces.settle(10), "settled");
}

TEST(PieceMapDeathTest, ASettledPieceThatChangedIsNotJoined) {
    PieceMap pieces{{10, 19}};
    RangePiece& piece = pieces.at(10);
    add_log(piece, 11);
    pieces.settle(10);
    add_log(piece, 12);
    EXPECT_DEATH(static_cast<void>(std::move(pieces).join(false)), "settled piece has changed");
}

TEST(PieceMapDeathTest, CutsLeaveBlocksOnBothSides) {
    PieceMap pieces{{10, 19}};
    EXPECT_DEATH(pieces.cut(10, 0), "must have blocks");
    EXPECT_DEATH(pieces.cut(10, 10), "must have blocks");
    EXPECT_DEATH(pieces.cut(11, 1), "no piece starts there");
}

TEST(PieceMapDeathTest, AnOpenPieceIsNotJoined) {
    PieceMap pieces{{10, 19}};
    EXPECT_DEATH(static_cast<void>(std::move(pieces).join(false)), "all_settled");
}

}  // namespace
}  // namespace plumbline::rpc::range_piece_test
