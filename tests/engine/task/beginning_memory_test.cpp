#include "engine/task/beginning_memory.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::beginning_memory_test {
namespace {

Finding differs(const std::string& key, uint64_t changed_in, const std::string& field = "points") {
    Finding out;
    out.kind = FindingKind::kStateDiffers;
    out.entity = "user";
    out.key = out.raw_key = key;
    out.field = field;
    out.block_num = changed_in;
    return out;
}

class BeginningMemoryTest : public ::testing::Test {
  protected:
    std::vector<std::string> tell(std::vector<Finding> findings) {
        Findings all;
        for (Finding& finding : findings) {
            all.add(std::move(finding));
        }
        memory_.tell(all, [this](const Finding& finding) {
            ++asked_;
            return finding.key == "forgotten"
                       ? std::nullopt
                       : std::optional{"since block " + std::to_string(finding.block_num + 1)};
        });
        std::vector<std::string> out;
        for (const Finding& finding : all.kept) {
            out.push_back(finding.detail);
        }
        return out;
    }
    BeginningMemory memory_;
    int asked_ = 0;
};

TEST_F(BeginningMemoryTest, EachMismatchIsLookedUpOnceAndToldEveryTime) {
    for (int run = 0; run < 3; ++run) {
        EXPECT_EQ(tell({differs("a", 9), differs("a", 9, "name")}),
                  (std::vector<std::string>{"since block 10", "since block 10"}));
    }
    EXPECT_EQ(asked_, 1);
    EXPECT_EQ(tell({differs("a", 12)}), std::vector<std::string>{"since block 13"});
    EXPECT_EQ(asked_, 2) << "the row has changed, so it may be another mismatch";
}

TEST_F(BeginningMemoryTest, WhatTheNodeHasForgottenIsNotAskedAgain) {
    EXPECT_EQ(tell({differs("forgotten", 9)}), std::vector<std::string>{""});
    EXPECT_EQ(tell({differs("forgotten", 9)}), std::vector<std::string>{""});
    EXPECT_EQ(asked_, 1);
}

TEST_F(BeginningMemoryTest, ThreeAreLookedUpInARunAndTheOthersInTheNext) {
    const std::vector<Finding> five{differs("a", 1), differs("b", 2), differs("c", 3),
                                    differs("d", 4), differs("e", 5)};
    EXPECT_EQ(tell(five)[3], "");
    EXPECT_EQ(asked_, 3);
    EXPECT_EQ(tell(five)[3], "since block 5");
    EXPECT_EQ(asked_, 5);
}

TEST_F(BeginningMemoryTest, OnlyRowsThatTheContractTellsOtherwiseHaveABeginning) {
    Finding row = differs("a", 9);
    row.kind = FindingKind::kRowDiffers;
    Finding count;
    count.kind = FindingKind::kStateCountDiffers;
    EXPECT_EQ(tell({row, count}), (std::vector<std::string>{"", ""}));
    EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace plumbline::engine::beginning_memory_test
