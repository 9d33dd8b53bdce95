// What init and run say of a contract before it is indexed: of events in another shape than the
// ABI's, of those that `events` leaves out, and of a contract that emits none.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"

namespace plumbline::test::contract_look_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPlace = "0x00000000000000000000000000000000000c0de0";
constexpr const char* kTransfer =
    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

constexpr const char* kUpgraded =
    "bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b";
constexpr const char* kImplementationSlot =
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

class ContractLookTest : public ::testing::Test {
  protected:
    /// Whoever calls it, it does this.
    void put_code(const std::string& code) { anvil_.call("anvil_setCode", {kPlace, "0x" + code}); }
    void call_it() {
        const auto accounts = anvil_.call("eth_accounts", nlohmann::json::array());
        const nlohmann::json call{{"from", accounts[0]}, {"to", kPlace}, {"gas", "0x30d40"}};
        anvil_.call("eth_sendTransaction", nlohmann::json::array({call}));
    }
    /// Transfer as an ERC-20 has it: two parameters indexed.
    static std::string emit_transfer() {
        return "600260017f" + std::string{kTransfer} + "60206000a3";
    }
    static std::string emit_other() { return "600760006000a1"; }

    Finished init(const std::string& name) {
        return plumbline({"init", dir_.sub("mine"), "--template", name, "--address", kPlace,
                          "--rpc", anvil_.url()});
    }
    Finished run() {
        return plumbline({"run", dir_.sub("mine/plumbline.toml"), "--until", "head"});
    }

    Anvil anvil_;
    TempDir dir_;
};

TEST_F(ContractLookTest, OfAProxyWithAnotherAbiItsOwnEventsCountForNothing) {
    put_code("60007f" + std::string{kUpgraded} + "60006000a2" + emit_other());
    anvil_.call("anvil_setStorageAt", {kPlace, kImplementationSlot, "0x" + std::string(64, '7')});
    call_it();
    const auto refused = init("erc20");
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("1 of 2 events"), HasSubstr("EIP-1967 proxy of 0x"),
                                   HasSubstr("give the ABI of that contract")));
}

TEST_F(ContractLookTest, AGetterThatTheContractLacksIsToldBeforeAnyProof) {
    put_code(emit_transfer());
    call_it();
    ASSERT_EQ(init("erc20").code, 0);
    const auto lacks = HasSubstr("has no function balanceOf(address), which [entities.");
    EXPECT_THAT(plumbline({"check", dir_.sub("mine/plumbline.toml"), "--events", "1"}).err, lacks);
    EXPECT_THAT(run().err, lacks);
    // PUSH4 of its selector: the code names it.
    put_code("6370a0823150" + emit_transfer());
    EXPECT_THAT(plumbline({"check", dir_.sub("mine/plumbline.toml"), "--events", "1"}).err,
                Not(lacks));
}

TEST_F(ContractLookTest, EventsInAnotherShapeThanTheAbisAreNotInTheAbi) {
    put_code(emit_transfer());
    call_it();
    call_it();
    const auto refused = init("erc721");
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err,
                AllOf(HasSubstr("2 of 2 events in blocks"), HasSubstr("are not in the ABI"),
                      HasSubstr("(Transfer(address,address,uint256) with 2 parameters indexed "
                                "where the ABI has 3, 2 times)")));
    EXPECT_FALSE(std::filesystem::exists(dir_.sub("mine/plumbline.toml")));
    const auto made = init("erc20");
    EXPECT_EQ(made.code, 0);
    EXPECT_EQ(made.err, "");
}

TEST_F(ContractLookTest, EventsThatTheConfigLeavesOutAreNotCalledStored) {
    put_code(emit_transfer() + emit_other());
    call_it();
    const auto made = init("erc20");
    EXPECT_EQ(made.code, 0);
    EXPECT_THAT(made.err,
                AllOf(HasSubstr("1 of 2 events in blocks"),
                      HasSubstr("`events` in the config leaves it out"), Not(HasSubstr("stored"))));
    const auto ran = run();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, Not(HasSubstr("nothing is made of them")));
    // Without the choice they are stored, and run says so.
    const std::string path = dir_.sub("mine/plumbline.toml");
    std::string config = read_file(path);
    config.replace(config.find("events = [\"Transfer\"]"), 21, "");
    write_file(path, config);
    EXPECT_THAT(run().err, HasSubstr("it is stored, and nothing is made of it"));
}

TEST_F(ContractLookTest, AContractThatEmitsNothingIsNamedByInitRunAndVerify) {
    put_code("00");
    call_it();
    const auto made = init("erc20");
    EXPECT_EQ(made.code, 0);
    EXPECT_THAT(made.err, HasSubstr("it has emitted no event in block"));
    const auto ran = run();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("is it the contract that emits what the config indexes?"));
    const auto verified = plumbline({"verify", dir_.sub("mine/db"), "--rpc", anvil_.url()});
    EXPECT_EQ(verified.code, 0) << verified.err;
    EXPECT_THAT(verified.out, HasSubstr("the log holds no event"));
}

}  // namespace
}  // namespace plumbline::test::contract_look_test
