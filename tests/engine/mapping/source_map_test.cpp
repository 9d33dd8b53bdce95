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

}  // namespace
}  // namespace plumbline::engine::source_map_test
