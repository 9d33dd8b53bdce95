// What an open concludes from the watermarks it finds: a table of what a crash, a lost file or a
// lost log leaves behind.
#include "storage/watermark_check.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/record_codec.hpp"
#include "tests/storage/storage_test_util.hpp"

namespace plumbline::storage::watermark_check_test {
namespace {

/// Commit 20 at block 100, 90 of them final; last rollback in commit 8, last fill in commit 5.
constexpr Watermark kOwn{20, 100, 90, 8, 5};

std::string log_key(uint64_t block_num) {
    std::string key;
    append_undo_key(key, block_num, 0);  // A block and a place in it, as a log's key.
    return key;
}

/// A family as it may be found. What is not said is as it should be.
struct Found {
    Watermark base = kOwn;
    Watermark append = kOwn;
    std::string last_key = log_key(100);
    Watermark derived = kOwn;
};

WatermarkCheck check(const Found& found) {
    WatermarkCheck result{kOwn};
    result.add_base("children", found.base);
    result.add_append("log", found.append, found.last_key, log_key(100));
    result.add_derived("entity.user#1", found.derived);
    return result;
}

TEST(WatermarkCheckTest, WhatIsFoundDecidesHowFarTheLogIsTrusted) {
    struct Case {
        const char* name;
        Found found;
        bool is_equal;
        bool log_differs;
        /// Looked at where the log differs.
        std::optional<uint64_t> safe_block;
        std::string differing;
    };
    const Watermark older{19, 99, 89, 8, 5};
    const Watermark newer{21, 101, 91, 8, 5};
    const Watermark before_rollback{7, 120, 80, 3, 5};
    const Watermark before_fill{4, 60, 50, 3, 2};
    const Case cases[] = {
        {"all at one commit", {}, true, false, {}, ""},
        {"an append family keeps the mark of its last removal or fill",
         {.append = {8, 70, 60, 8, 5}},
         true,
         false,
         {},
         ""},
        {"a base family behind", {.base = older}, false, true, 99, " children (19)"},
        {"a base family ahead", {.base = newer}, false, true, 100, " children (21)"},
        {"the log ends below its last key",
         {.last_key = log_key(97)},
         false,
         true,
         97,
         " log (20)"},
        {"the log ends above its last key",
         {.last_key = log_key(103)},
         false,
         true,
         100,
         " log (20)"},
        {"the log is gone", {.last_key = ""}, false, true, std::nullopt, " log (20)"},
        {"the log's last key is damage", {.last_key = "x"}, false, true, std::nullopt, " log (20)"},
        {"a base family missed a rollback",
         {.base = before_rollback},
         false,
         true,
         80,
         " children (7)"},
        {"the log missed a rollback", {.append = {7, 120, 95, 3, 5}}, false, true, 90, " log (7)"},
        {"a base family missed a fill",
         {.base = before_fill},
         false,
         true,
         std::nullopt,
         " children (4)"},
        {"the log missed a fill",
         {.append = {4, 60, 50, 8, 2}},
         false,
         true,
         std::nullopt,
         " log (4)"},
        {"a family that was lost whole", {.base = {}}, false, true, std::nullopt, " children (0)"},
        {"only derived rows behind", {.derived = older}, false, false, {}, " entity.user#1 (19)"},
        {"only derived rows ahead", {.derived = newer}, false, false, {}, " entity.user#1 (21)"},
        {"both behind",
         {.base = older, .derived = {18, 98, 88, 8, 5}},
         false,
         true,
         99,
         " children (19) entity.user#1 (18)"},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        const WatermarkCheck result = check(each.found);
        EXPECT_EQ(result.is_equal(), each.is_equal);
        EXPECT_EQ(result.log_differs(), each.log_differs);
        EXPECT_EQ(result.differing(), each.differing);
        if (each.log_differs) {
            EXPECT_EQ(result.safe_block(), each.safe_block);
        }
    }
}

TEST(WatermarkCheckTest, TheHighestCommitIsThatOfAnyFamily) {
    EXPECT_EQ(check({}).highest_commit(), 20U);
    EXPECT_EQ(check({.base = {25, 0, 0, 0, 0}}).highest_commit(), 25U);
    EXPECT_EQ(check({.append = {26, 0, 0, 0, 0}}).highest_commit(), 26U);
    EXPECT_EQ(check({.derived = {27, 0, 0, 0, 0}}).highest_commit(), 27U);
    EXPECT_EQ(check({.base = {3, 0, 0, 0, 0}}).highest_commit(), 20U);
}

TEST(WatermarkCheckTest, TheLowestOfSeveralFamiliesCounts) {
    WatermarkCheck result{kOwn};
    result.add_base("children", {18, 98, 88, 8, 5});
    result.add_base("coverage", {17, 97, 87, 8, 5});
    result.add_append("log", kOwn, log_key(99), log_key(100));
    EXPECT_EQ(result.safe_block(), 97U);
    // A rollback that somebody missed counts down to where no rollback reaches.
    result.add_base("corrections", {7, 120, 95, 3, 5});
    EXPECT_EQ(result.safe_block(), 87U);
}

}  // namespace
}  // namespace plumbline::storage::watermark_check_test
