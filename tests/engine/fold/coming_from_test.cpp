// The examples of docs/coming_from.md and docs/calls.md are compiled with the events they name, and
// one of them is run against numbers worked out by hand.
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/read_view.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::coming_from_test {
namespace {

using test::abi_json;
using test::Abis;
using test::acc;
using test::Mapping;
using test::num;
using test::World;
using testing::HasSubstr;

struct Example {
    std::string config;
    Abis abis;
};

/// A page's blocks, each with one ABI for all its contracts: the events of its `# event` lines.
std::vector<Example> examples(const std::string& page = "coming_from.md") {
    std::ifstream in{source_dir() + "/docs/" + page};
    const std::string guide{std::istreambuf_iterator<char>{in}, {}};
    std::vector<Example> out;
    for (size_t at = 0; (at = guide.find("```toml\n", at)) != std::string::npos;) {
        at += std::string_view{"```toml\n"}.size();
        const size_t end = guide.find("```", at);
        Example example{guide.substr(at, end - at), {}};
        std::vector<std::string> events;
        for (size_t line = 0;
             (line = example.config.find("# event ", line)) != std::string::npos;) {
            const size_t last = example.config.find('\n', line);
            events.push_back(example.config.substr(line + 2, last - line - 2));
            line = last;
        }
        const std::regex file{"abi *= \"([^\"]+)\""};
        for (std::sregex_iterator found{example.config.begin(), example.config.end(), file};
             found != std::sregex_iterator{}; ++found) {
            example.abis.emplace((*found)[1].str(), abi_json(events));
        }
        out.push_back(std::move(example));
        at = end;
    }
    return out;
}

TEST(ComingFromTest, EveryExampleOfTheGuideCompiles) {
    std::vector<Example> all = examples();
    EXPECT_GE(all.size(), 4U);
    EXPECT_EQ(examples("calls.md").size(), 1U);
    all.push_back(examples("calls.md").front());
    for (const Example& example : all) {
        const auto config = test::read_config(example.config, example.abis);
        ASSERT_TRUE(config) << config.error().message << "\n" << example.config;
        const auto plan = Plan::compile(*config);
        EXPECT_TRUE(plan) << plan.error().message << "\n" << example.config;
    }
}

TEST(ComingFromTest, ADaysVolumeAndPriceAreThoseOfTheSwaps) {
    const Example example = examples().at(1);
    const Mapping mapping{example.config, example.abis};
    World world{mapping};
    const auto wei = [](uint64_t units) { return num(units * 1'000'000'000'000'000'000); };
    // 3,000 of 6 decimals against 2 of 18: 1,500 each; then two swaps of 40.5 and 9.5.
    world.block(1, {mapping.emit("pair.Sync", {num(3'000'000'000), wei(2)}, 1, 0),
                    mapping.emit("pair.Swap",
                                 {acc(1), num(40'500'000), num(0), num(0), wei(1), acc(2)}, 1, 1),
                    mapping.emit("pair.Swap",
                                 {acc(1), num(0), wei(1), num(9'500'000), num(0), acc(2)}, 1, 2)});
    const std::string pair = "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc";
    EXPECT_THAT(world.row("pool", "pair=" + pair),
                HasSubstr(R"("reserve0":"3000","reserve1":"2","price":"1500")"));
    EXPECT_THAT(
        world.row("day", "pair=" + pair + ",day=" + std::to_string(test::time_of(1) / 86400)),
        HasSubstr(R"("volume":"50","swaps":2,"high":"1500","last":"1500","date":"2020-9-13")"));
}

}  // namespace
}  // namespace plumbline::engine::coming_from_test
