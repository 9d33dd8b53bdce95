#include "engine/text/failed_handlers.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/read_view.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::failed_handlers_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::num;
using test::World;
using testing::ElementsAre;
using testing::IsEmpty;

const Abis kAbis{{"Hub.json", abi_json({"event Put(uint256 id, uint256 a)"})}};

// Handlers at lines 10, 15 and 20.
const std::string kFailing = R"(
[contracts.hub]
abi = "Hub.json"
address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
[entities.item]
key = { id = "uint256" }
fields = { v = "uint8", n = "uint8" }
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "id" }
set = { v = "a" }
[[on]]
event = "hub.Put"
upsert = "item"
key = { id = "id + 1" }
add = { n = "a / 2" }
[[on]]
event = "hub.Put"
when = "1000 / (a - 7) > 0 or a > 0"
insert = "item"
key = { id = "id + 1000" }
set = { n = 1 }
)";

/// The lines of what comes of such events, each in a block of its own: of the last one.
std::vector<uint32_t> lines_of(const std::vector<std::pair<uint64_t, uint64_t>>& puts) {
    const Mapping mapping{kFailing, kAbis};
    World world{mapping};
    uint64_t block = 1;
    for (const auto& [id, a] : puts) {
        world.block(block, {mapping.emit("hub.Put", {num(id), num(a)}, block, 0)});
        ++block;
    }
    world.commit();
    const auto rows = world.database->read_view()->list_quarantine(10);
    EXPECT_TRUE(rows.has_value());
    EXPECT_EQ(rows->size(), 1U);
    return rows->empty() ? std::vector<uint32_t>{}
                         : failed_handler_lines(*mapping.plan, rows->back());
}

TEST(FailedHandlersTest, TheReasonTellsWhichOfTheEventsHandlersItWas) {
    const auto line = [](const char* text) {
        const size_t at = kFailing.find(text);
        const size_t handler = kFailing.rfind("[[on]]", at);
        // What test::Mapping puts in front has lines as well: 3.
        return static_cast<uint32_t>(
            std::count(kFailing.begin(), kFailing.begin() + static_cast<std::ptrdiff_t>(handler),
                       '\n') +
            4);
    };
    EXPECT_THAT(lines_of({{1, 300}}), ElementsAre(line("set = { v")));
    EXPECT_THAT(lines_of({{1, 254}, {1, 255}}), ElementsAre(line("set = { n = 1")));
}

TEST(FailedHandlersTest, WhereTheReasonNamesNoRowAllHandlersOfTheEventMayHaveFailed) {
    EXPECT_EQ(lines_of({{1, 7}}).size(), 3U);
}

TEST(FailedHandlersTest, ALogThatDoesNotDecodeFailedInNone) {
    const Mapping mapping{kFailing, kAbis};
    EXPECT_THAT(failed_handler_lines(*mapping.plan, {1, 0, "hub.Put", "cannot be decoded as Put"}),
                IsEmpty());
    EXPECT_THAT(failed_handler_lines(*mapping.plan, {1, 0, "hub.Gone", "insert of 'item' (id=1)"}),
                IsEmpty());
    EXPECT_EQ(failed_handler_lines(*mapping.plan,
                                   {1, 0, "hub.Put", "add of 'item' (id=1): 'n' is 255: adding"})
                  .size(),
              1U);
    EXPECT_EQ(
        failed_handler_lines(*mapping.plan, {1, 0, "hub.Put", "drop of 'item' (id=1): it is null"})
            .size(),
        3U);
}

}  // namespace
}  // namespace plumbline::engine::failed_handlers_test
