// Coverage as ranges against the plainest statement of it: what each single block was told last.
#include "storage/coverage_map.hpp"

#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::coverage_map_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

constexpr uint64_t kBlocks = 24;

/// Provider and level of every block; none = not covered.
using ByBlock = std::vector<std::optional<std::pair<std::string, ProofLevel>>>;

CoverageRow row(uint64_t from, uint64_t to, std::string provider = "a",
                ProofLevel level = ProofLevel::kFetched) {
    return {"src", {from, to}, std::move(provider), level};
}

/// The longest runs of equal blocks: the one way to write `blocks` as ranges.
CoverageRanges runs_of(const ByBlock& blocks) {
    CoverageRanges ranges;
    for (uint64_t block = 0; block < blocks.size(); ++block) {
        if (!blocks[block]) {
            continue;
        }
        if (block > 0 && blocks[block - 1] == blocks[block]) {
            std::prev(ranges.end())->second.range.to = block;
        } else {
            ranges[block] = row(block, block, blocks[block]->first, blocks[block]->second);
        }
    }
    return ranges;
}

CoverageRanges laid(const std::vector<CoverageRow>& rows) {
    CoverageRanges ranges;
    for (const CoverageRow& each : rows) {
        lay_coverage(ranges, each);
    }
    return ranges;
}

CoverageRanges ranges_of(const std::vector<CoverageRow>& rows) {
    CoverageRanges ranges;
    for (const CoverageRow& each : rows) {
        ranges[each.range.from] = each;
    }
    return ranges;
}

TEST(CoverageMapTest, RangesAreWhatEachBlockWasToldLast) {
    struct Case {
        const char* name;
        std::vector<CoverageRow> laid;
        std::vector<CoverageRow> expected;
    };
    const Case cases[] = {
        {"apart", {row(1, 2), row(5, 6)}, {row(1, 2), row(5, 6)}},
        {"touching equals join", {row(1, 2), row(3, 6)}, {row(1, 6)}},
        {"touching equals join downwards", {row(3, 6), row(1, 2)}, {row(1, 6)}},
        {"a gap filled joins both sides", {row(1, 2), row(5, 6), row(3, 4)}, {row(1, 6)}},
        {"touching others stay apart", {row(1, 2), row(3, 4, "b")}, {row(1, 2), row(3, 4, "b")}},
        {"another level is another range",
         {row(1, 4), row(2, 3, "a", ProofLevel::kBloom)},
         {row(1, 1), row(2, 3, "a", ProofLevel::kBloom), row(4, 4)}},
        {"the middle of one is replaced",
         {row(1, 9), row(4, 6, "b")},
         {row(1, 3), row(4, 6, "b"), row(7, 9)}},
        {"its start is replaced", {row(3, 9), row(1, 5, "b")}, {row(1, 5, "b"), row(6, 9)}},
        {"its end is replaced", {row(1, 5), row(3, 9, "b")}, {row(1, 2), row(3, 9, "b")}},
        {"several are swallowed",
         {row(1, 2), row(4, 5, "b"), row(7, 8), row(0, 9, "c")},
         {row(0, 9, "c")}},
        {"the same once more", {row(1, 5), row(2, 3)}, {row(1, 5)}},
        {"block 0", {row(0, 0), row(1, 1)}, {row(0, 1)}},
        {"the last block there can be",
         {row(UINT64_MAX - 1, UINT64_MAX), row(UINT64_MAX, UINT64_MAX, "b")},
         {row(UINT64_MAX - 1, UINT64_MAX - 1), row(UINT64_MAX, UINT64_MAX, "b")}},
        {"everything there can be",
         {row(5, 6), row(0, UINT64_MAX, "b")},
         {row(0, UINT64_MAX, "b")}},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        EXPECT_EQ(laid(each.laid), ranges_of(each.expected));
    }
}

class RandomCoverageTest : public testing::Test {
  protected:
    uint64_t seed_ = test_seed(5);
    std::mt19937_64 random_{seed_};

    CoverageRow random_row() {
        const uint64_t from = random_() % kBlocks;
        const uint64_t to = from + random_() % (kBlocks - from);
        return row(from, to, random_() % 2 == 0 ? "a" : "b",
                   random_() % 2 == 0 ? ProofLevel::kFetched : ProofLevel::kBloom);
    }
    ByBlock random_blocks(CoverageRanges& ranges) {
        ByBlock blocks(kBlocks);
        for (uint64_t left = random_() % 8; left > 0; --left) {
            const CoverageRow each = random_row();
            lay_coverage(ranges, each);
            for (uint64_t block = each.range.from; block <= each.range.to; ++block) {
                blocks[block] = {each.provider, each.level};
            }
        }
        return blocks;
    }
};

TEST_F(RandomCoverageTest, LiftingLeavesAllOtherBlocksAsTheyWere) {
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed_));
    for (int round = 0; round < 3000; ++round) {
        CoverageRanges ranges;
        ByBlock blocks = random_blocks(ranges);
        const evm::BlockRange lifted = random_row().range;
        lift_coverage(ranges, lifted);
        for (uint64_t block = lifted.from; block <= lifted.to; ++block) {
            blocks[block].reset();
        }
        ASSERT_EQ(ranges, runs_of(blocks)) << "round " << round;
    }
}

TEST(CoverageMapTest, AllThatThereCanBeIsLifted) {
    CoverageRanges ranges = laid({row(0, 3), row(7, UINT64_MAX, "b")});
    lift_coverage(ranges, {2, 9});
    EXPECT_EQ(ranges, ranges_of({row(0, 1), row(10, UINT64_MAX, "b")}));
    lift_coverage(ranges, {0, UINT64_MAX});
    EXPECT_TRUE(ranges.empty());
}

TEST_F(RandomCoverageTest, LayingEqualsTellingEveryBlock) {
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed_));
    for (int round = 0; round < 3000; ++round) {
        CoverageRanges ranges;
        const ByBlock blocks = random_blocks(ranges);
        ASSERT_EQ(ranges, runs_of(blocks)) << "round " << round;
    }
}

TEST_F(RandomCoverageTest, CuttingEqualsForgettingEveryBlockFromThere) {
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed_));
    for (int round = 0; round < 1000; ++round) {
        CoverageRanges ranges;
        ByBlock blocks = random_blocks(ranges);
        const uint64_t first = random_() % (kBlocks + 1);
        for (uint64_t block = first; block < kBlocks; ++block) {
            blocks[block].reset();
        }
        ASSERT_EQ(cut_coverage(ranges, first), runs_of(blocks)) << "round " << round;
    }
}

TEST_F(RandomCoverageTest, ChangesMakeTheStoredRecordsTheNewOnesAndTouchNoOther) {
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed_));
    for (int round = 0; round < 1000; ++round) {
        CoverageRanges before;
        CoverageRanges after;
        random_blocks(before);
        random_blocks(after);
        const CoverageChanges changes = coverage_changes(before, after);
        CoverageRanges stored = before;
        for (const uint64_t from : changes.removed) {
            ASSERT_EQ(stored.erase(from), 1U);
        }
        std::set<uint64_t> written;
        for (const CoverageRow& put : changes.put) {
            ASSERT_TRUE(written.insert(put.range.from).second);
            const auto old = stored.find(put.range.from);
            ASSERT_FALSE(old != stored.end() && old->second == put) << "nothing changed there";
            stored[put.range.from] = put;
        }
        ASSERT_EQ(stored, after) << "round " << round;
    }
}

TEST(CoverageMapDeathTest, AnEmptyRangeIsABrokenInvariant) {
    CoverageRanges ranges;
    EXPECT_DEATH(lay_coverage(ranges, row(5, 4)), "holds a block");
}

}  // namespace
}  // namespace plumbline::storage::coverage_map_test
