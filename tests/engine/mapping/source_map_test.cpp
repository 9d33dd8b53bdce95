// Whose log it is, while factories announce contracts and reorgs take them back.
#include "engine/mapping/source_map.hpp"

#include <gtest/gtest.h>

#include "tests/storage/storage_test_util.hpp"

namespace plumbline::engine::source_map_test {
namespace {

using storage::test::address_of;

std::vector<Source> one_source() {
    std::vector<Source> out(1);
    out[0].contract = "vault";
    return out;
}

TEST(SourceMapTest, ARollbackTakesBackTheChildrenAboveItAndNoOthers) {
    const std::vector<Source> sources = one_source();
    for (const bool in_order : {true, false}) {
        SCOPED_TRACE(in_order);
        SourceMap map{sources};
        for (uint64_t i = 0; i < 20; ++i) {
            const uint64_t block = in_order ? i : (i * 7) % 20;
            map.add_child(0, address_of(block), block, 0);
        }
        map.add_child(0, address_of(5), 18, 0);  // Known since block 5.
        for (const uint64_t target : {uint64_t{30}, uint64_t{12}, uint64_t{12}, uint64_t{4}}) {
            map.remove_children_above(target);
            for (uint64_t block = 0; block < 20; ++block) {
                EXPECT_EQ(map.has_child(0, address_of(block)), block <= target)
                    << block << " after a rollback to " << target;
            }
        }
        map.add_child(0, address_of(9), 6, 0);
        EXPECT_TRUE(map.has_child(0, address_of(9)));
        map.remove_children_above(5);
        EXPECT_FALSE(map.has_child(0, address_of(9)));
    }
}

evm::Log log_at(uint64_t block_num, uint32_t log_index) {
    evm::Log log;
    log.address = address_of(1);
    log.block_num = block_num;
    log.log_index = log_index;
    return log;
}

bool counts(const SourceMap& map, const evm::Log& log) {
    bool found = false;
    map.for_each_source(log, [&](uint32_t /*source*/) { found = true; });
    return found;
}

TEST(SourceMapTest, AChildsLogsCountFromItsBlockOrFromItsAnnouncementOn) {
    struct Case {
        ChildSince since = ChildSince::kBlock;
        uint64_t start_block = 0;
        LogPosition first;
    };
    for (const Case& at :
         {Case{ChildSince::kBlock, 0, {10, 0}}, Case{ChildSince::kAnnouncement, 0, {10, 6}},
          Case{ChildSince::kBlock, 12, {12, 0}}, Case{ChildSince::kAnnouncement, 12, {12, 0}}}) {
        std::vector<Source> sources = one_source();
        sources[0].since = at.since;
        sources[0].start_block = at.start_block;
        SourceMap map{sources};
        map.add_child(0, address_of(1), 10, 5);
        for (uint64_t block = 9; block < 14; ++block) {
            for (uint32_t index = 0; index < 8; ++index) {
                EXPECT_EQ(counts(map, log_at(block, index)),
                          (LogPosition{block, index} >= at.first))
                    << block << "/" << index;
            }
        }
    }
}

TEST(SourceMapTest, OfAChildOnlyEventsOfTheAbiCountOfADeclaredAddressAll) {
    std::vector<Source> sources = one_source();
    sources[0].has_factory = true;
    evm::Log known = log_at(5, 0);
    known.topic_count = 1;
    evm::Log unknown = known;
    unknown.topics[0].bytes[0] = 1;
    const evm::Log topicless = log_at(5, 0);
    for (const bool has_abi : {true, false}) {
        SCOPED_TRACE(has_abi);
        sources[0].abi_topics0.assign(has_abi ? 1 : 0, known.topics[0]);
        SourceMap map{sources};
        map.add_child(0, address_of(1), 4, 0);
        EXPECT_TRUE(counts(map, known));
        EXPECT_EQ(counts(map, unknown), !has_abi);
        EXPECT_EQ(counts(map, topicless), !has_abi) << "an anonymous one may be wanted";
        const auto left_out = map.left_out(unknown);
        ASSERT_EQ(left_out.has_value(), has_abi);
        EXPECT_TRUE(!has_abi || left_out->why == SourceMap::LeftOut::Why::kAbi);
        EXPECT_FALSE(map.left_out(known).has_value());
    }
    sources[0].abi_topics0 = {known.topics[0]};
    sources[0].addresses = {address_of(1)};
    SourceMap map{sources};
    map.add_child(0, address_of(1), 4, 0);
    for (const evm::Log& log : {known, unknown, topicless}) {
        EXPECT_TRUE(counts(map, log)) << "it is declared, whoever announces it too";
        EXPECT_FALSE(map.left_out(log).has_value());
    }
}

TEST(SourceMapTest, SourcesOfOneAddressAreVisitedOnceInThePlansOrderHoweverTheyCame) {
    std::vector<Source> sources(3);
    sources[1].addresses = {address_of(1)};
    for (const std::vector<uint32_t>& order :
         {std::vector<uint32_t>{0, 1, 2}, {2, 1, 0}, {1, 2, 0}}) {
        SourceMap map{sources};
        for (const uint32_t source : order) {
            map.add_child(source, address_of(1), 3, source);
        }
        std::vector<uint32_t> visited;
        map.for_each_source(log_at(5, 0), [&](uint32_t source) { visited.push_back(source); });
        EXPECT_EQ(visited, (std::vector<uint32_t>{0, 1, 2})) << "one is declared and announced";
    }
}

TEST(SourceMapTest, TheEarliestAnnouncementCountsInWhateverOrderTheyAreTold) {
    const std::vector<Source> sources = one_source();
    SourceMap map{sources};
    map.add_child(0, address_of(1), 10, 5);
    map.add_child(0, address_of(1), 4, 2);
    map.add_child(0, address_of(1), 7, 0);
    EXPECT_TRUE(counts(map, log_at(4, 0)));
    EXPECT_FALSE(map.has_child(0, address_of(1), {4, 1}));
    EXPECT_TRUE(map.has_child(0, address_of(1), {4, 2}));
    map.remove_children_above(5);
    EXPECT_TRUE(counts(map, log_at(4, 0))) << "its first announcement is still there";
    map.remove_children_above(3);
    EXPECT_FALSE(map.has_child(0, address_of(1)));
}

}  // namespace
}  // namespace plumbline::engine::source_map_test
