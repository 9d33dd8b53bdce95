// A mismatch that stands is told once.
#include "engine/task/finding_memory.hpp"

#include <gtest/gtest.h>

namespace plumbline::engine::finding_memory_test {
namespace {

Finding differs(const std::string& key, const std::string& stored) {
    Finding out;
    out.kind = FindingKind::kStateDiffers;
    out.entity = "store";
    out.key = key;
    out.field = "sold";
    out.stored = stored;
    return out;
}

Findings all(std::initializer_list<Finding> findings) {
    Findings out;
    for (const Finding& finding : findings) {
        out.add(finding);
    }
    return out;
}

TEST(FindingMemoryTest, WhatTheRunBeforeHadFoundIsNoNewsWhateverItsValuesAreNow) {
    FindingMemory memory;
    EXPECT_EQ(memory.take("prove_state ", all({differs("id=1", "1")})).findings.total, 1U);
    EXPECT_EQ(memory.take("prove_state ", all({differs("id=1", "2")})).findings.total, 0U);
    const auto news =
        memory.take("prove_state ", all({differs("id=1", "2"), differs("id=2", "2")}));
    ASSERT_EQ(news.findings.total, 1U);
    EXPECT_EQ(news.findings.kept[0].key, "id=2");
}

TEST(FindingMemoryTest, WhatComesBackIsNewsAgainAndTheEndIsToldOnce) {
    FindingMemory memory;
    EXPECT_FALSE(memory.take("scrub ", {}).is_over);
    EXPECT_FALSE(memory.take("scrub ", all({differs("id=1", "1")})).is_over);
    EXPECT_TRUE(memory.take("scrub ", {}).is_over);
    EXPECT_FALSE(memory.take("scrub ", {}).is_over);
    EXPECT_EQ(memory.take("scrub ", all({differs("id=1", "1")})).findings.total, 1U);
}

TEST(FindingMemoryTest, WhoCouldNotLookTakesNothingBackAndTellsNothingTwice) {
    FindingMemory memory;
    EXPECT_EQ(memory.take("state ", all({differs("id=1", "1")})).findings.total, 1U);
    EXPECT_FALSE(memory.take("state ", {}, false).is_over);
    EXPECT_EQ(memory.take("state ", all({differs("id=1", "1")})).findings.total, 0U);
    // What it did find is news all the same.
    EXPECT_EQ(memory.take("state ", all({differs("id=2", "1")}), false).findings.total, 1U);
    EXPECT_EQ(
        memory.take("state ", all({differs("id=1", "1"), differs("id=2", "1")})).findings.total,
        0U);
    EXPECT_TRUE(memory.take("state ", {}).is_over);
}

TEST(FindingMemoryTest, ProofsOfOtherThingsDoNotMix) {
    FindingMemory memory;
    EXPECT_EQ(memory.take("prove_state a", all({differs("id=1", "1")})).findings.total, 1U);
    EXPECT_EQ(memory.take("prove_state b", all({differs("id=1", "1")})).findings.total, 1U);
}

}  // namespace
}  // namespace plumbline::engine::finding_memory_test
