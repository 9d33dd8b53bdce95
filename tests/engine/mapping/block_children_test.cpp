// Whom a block announces, in whatever order its logs stand.
#include "engine/mapping/block_children.hpp"

#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "engine/config/config.hpp"
#include "tests/support/test_chain.hpp"

namespace plumbline::engine::block_children_test {
namespace {

using test::make_address;

std::shared_ptr<const Plan> family_plan(std::string_view since) {
    const std::string text = fmt::format(R"(
[chain]
id = 1
rpc = "http://127.0.0.1:1"
[contracts.hub]
abi = "hub.json"
address = "{}"
[contracts.vault]
abi = "child.json"
factory = {{ event = "hub.VaultMade", address = "vault"{} }}
[contracts.pod]
abi = "child.json"
factory = {{ event = "vault.ChildMade", address = "child"{} }}
)",
                                         evm::to_hex(test::hub_address()), since, since);
    const auto config = parse_config(text, "test.toml", [](const std::string& name) {
        return Result<std::string>{name == "hub.json" ? test::kHubAbi : test::kChildAbi};
    });
    EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().message);
    return *Plan::compile(*config);
}

/// One block with these logs, and whom it announces.
struct Block {
    explicit Block(std::string_view since = "") : plan{family_plan(since)}, map{plan->sources()} {}

    std::vector<storage::ChildRow> find(const std::vector<test::MadeLog>& made) {
        logs.clear();
        for (const test::MadeLog& one : made) {
            logs.push(one.log, one.data);
            logs.logs.back().block_num = 7;
            logs.logs.back().log_index = static_cast<uint32_t>(logs.logs.size() - 1);
        }
        const auto all = [](uint32_t /*source*/, uint64_t /*block_num*/) { return true; };
        BlockChildren children{*plan, map, all, all};
        std::vector<LogPlace> places;
        for (const evm::Log& log : logs.logs) {
            places.push_back({&log, logs.data(log)});
        }
        std::vector<storage::ChildRow> out;
        for (const FoundChild& child : children.find(places)) {
            out.push_back(child.row);
        }
        return out;
    }

    std::shared_ptr<const Plan> plan;
    SourceMap map;
    evm::LogBatch logs;
};

const evm::Address kVault = make_address(2, 1);
const evm::Address kPod = make_address(3, 1);

TEST(BlockChildrenTest, AFactoryThatIsAnnouncedBehindItsOwnAnnouncementsHasMadeThem) {
    const std::vector<test::MadeLog> logs = {test::child_made(kVault, kPod),
                                             test::vault_made(kVault)};
    EXPECT_EQ(Block{}.find(logs),
              (std::vector<storage::ChildRow>{{"pod", kPod, 7, 0}, {"vault", kVault, 7, 1}}));
    EXPECT_EQ(Block{", since = \"announcement\""}.find(logs),
              (std::vector<storage::ChildRow>{{"vault", kVault, 7, 1}}));
}

TEST(BlockChildrenTest, TheFirstOfSeveralAnnouncementsIsTheOneAndKnownChildrenAreNoNews) {
    Block block;
    const std::vector<test::MadeLog> logs = {test::child_made(kVault, kPod),
                                             test::vault_made(make_address(2, 2)),
                                             test::child_made(make_address(2, 2), kPod),
                                             test::vault_made(kVault), test::vault_made(kVault)};
    EXPECT_EQ(block.find(logs), (std::vector<storage::ChildRow>{{"pod", kPod, 7, 0},
                                                                {"vault", make_address(2, 2), 7, 1},
                                                                {"vault", kVault, 7, 3}}));
    EXPECT_TRUE(block.find(logs).empty());
}

TEST(BlockChildrenTest, NobodyElseAnnouncesAnybody) {
    EXPECT_TRUE(Block{}.find({test::child_made(kVault, kPod), test::ping(kPod, 1)}).empty());
}

}  // namespace
}  // namespace plumbline::engine::block_children_test
