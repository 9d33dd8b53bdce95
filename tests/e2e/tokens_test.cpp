// Contracts that nobody here wrote work with config alone: OpenZeppelin's ERC-20 and ERC-721.
#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test::tokens_test {
namespace {

TEST(TokensTest, TransfersGiveTheBalancesAndOwnersThatTheContractsTell) {
    Anvil anvil;
    TempDir dir;
    const auto acted = run_script("tests/contracts/token.mjs",
                                  {"--rpc", anvil.url(), "--steps", "400", "--expect", dir.path()});
    ASSERT_EQ(acted.code, 0) << acted.err;
    const std::string db = dir.sub("db");
    const auto ran = plumbline({"run", source_path("tests/contracts/tokens.toml"), "--db", db,
                                "--rpc", anvil.url(), "--until", "head", "--quiet"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    for (const std::string entity : {"balance", "supply", "owner", "holding"}) {
        const auto dumped = plumbline({"dump", db, "--entity", entity});
        ASSERT_EQ(dumped.code, 0) << dumped.err;
        const std::string expected = read_file(dir.sub(entity + ".jsonl"));
        EXPECT_FALSE(expected.empty()) << entity;
        EXPECT_EQ(dumped.out, expected) << entity;
    }
}

}  // namespace
}  // namespace plumbline::test::tokens_test
