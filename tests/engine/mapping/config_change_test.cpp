#include "engine/mapping/config_change.hpp"

#include <string>

#include "core/evm/checksum.hpp"
#include "tests/engine/item_chain.hpp"

namespace plumbline::engine::config_change_test {
namespace {

using test::acc;
using test::address_of;
using test::kAbis;
using test::kMapping;
using test::Mapping;
using test::num;
using test::World;
using testing::HasSubstr;

constexpr const char* kHub = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
constexpr const char* kOther = "0x35D1b3F3D7966A1DFe207aa4514C12a259A0492B";

/// `text` with `from` replaced by `to`.
std::string with(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// One contract of `name`, and its events in one entity.
std::string items(const std::string& contract, const std::string& entity = "item") {
    return contract + "[entities." + entity +
           "]\nkey = { id = \"uint256\" }\nfields = { amount = \"uint64\" }\n"
           "[[on]]\nevent = \"hub.Put\"\nupsert = \"" +
           entity + "\"\nkey = { id = \"id\" }\n";
}

std::string hub_at(const std::string& address, const std::string& more = "") {
    return "[contracts.hub]\nabi = \"Hub.json\"\naddress = \"" + address + "\"\n" + more;
}

/// A database with a row of the hub and one of a vault that it announced.
class ConfigChangeTest : public testing::Test {
  protected:
    ConfigChangeTest() {
        world_.block(10, {mapping_.emit("hub.Put", {num(1), num(5)}, 10, 0),
                          mapping_.emit("hub.Deployed", {acc(100)}, 10, 1)});
        world_.block(20, {mapping_.emit("vault.Paid", {num(7)}, 20, 0, address_of(100))});
        world_.commit();
    }
    /// Why a config is refused; "" where it is not.
    [[nodiscard]] std::string refusal(const std::string& toml, bool may_replace = false) const {
        return storage::test::message_of(
            check_change(*world_.database, *Mapping{toml, abis_}.plan, "new.toml", may_replace));
    }
    [[nodiscard]] std::string dropped(const std::string& toml) const {
        return describe_dropped(*world_.database, *mapping_.plan, *Mapping{toml, kAbis}.plan);
    }

    const test::Abis abis_ = [] {
        test::Abis out = kAbis;
        out["Else.json"] = test::abi_json({"event Else(uint256 amount)"});
        return out;
    }();
    Mapping mapping_{kMapping, kAbis};
    World world_{mapping_};
};

TEST_F(ConfigChangeTest, OtherContractsAloneAreRefusedInASentenceThatSaysWhatIsThereAndWhatToDo) {
    const std::string why = refusal(items(hub_at(kOther)));
    EXPECT_THAT(why, HasSubstr(world_.database->path() + " holds 2 rows of hub (" + kHub +
                               "), vault (what its factory announces), and new.toml has "
                               "none of these contracts but hub (" +
                               kOther + ")"));
    EXPECT_THAT(why, HasSubstr("--db DIR, or path in [database]"));
    EXPECT_THAT(why, HasSubstr("--replace"));
    EXPECT_EQ(refusal(items(hub_at(kOther)), true), "");
}

TEST_F(ConfigChangeTest, WhatKeepsAContractIsTaken) {
    EXPECT_EQ(refusal(kMapping), "");
    EXPECT_EQ(refusal(items(hub_at(kHub), "other")), "");
    EXPECT_EQ(refusal(with(kMapping, "[contracts.vault]",
                           "[contracts.more]\nabi = \"Vault.json\"\naddress = \"" +
                               std::string{kOther} + "\"\n[contracts.vault]")),
              "");
    // Whoever emits its events: the hub does. One that the hub announced, now named.
    EXPECT_EQ(refusal(items(hub_at("*", "events = [\"Put\"]\n"))), "");
    EXPECT_EQ(refusal("[contracts.one]\nabi = \"Vault.json\"\naddress = \"" +
                      evm::to_checksum(address_of(100)) + "\"\n"),
              "");
    EXPECT_EQ(refusal("[contracts.any]\nabi = \"Vault.json\"\naddress = \"*\"\n"), "");
    EXPECT_NE(refusal("[contracts.any]\nabi = \"Else.json\"\naddress = \"*\"\n"), "");
}

TEST_F(ConfigChangeTest, WhereNothingIsStoredNothingIsLost) {
    const World empty{mapping_};
    EXPECT_OK(check_change(*empty.database, *Mapping{items(hub_at(kOther)), kAbis}.plan, "new.toml",
                           false));
}

TEST_F(ConfigChangeTest, WhatALesserChangeDropsIsNamed) {
    EXPECT_EQ(dropped(kMapping), "");
    EXPECT_EQ(dropped(items(hub_at(kHub))),
              "contract vault (what its factory announces), entity total (1 row)");
    EXPECT_EQ(dropped(with(kMapping, std::string{"address = \""} + kHub + "\"",
                           std::string{"start_block = 15\naddress = \""} + kHub + "\"")),
              "events of hub before block 15");
    EXPECT_EQ(dropped(with(kMapping, std::string{"address = \""} + kHub + "\"",
                           std::string{"end_block = 19\naddress = \""} + kHub + "\"")),
              "events of hub after block 19");
    EXPECT_EQ(dropped(with(kMapping, std::string{"address = \""} + kHub + "\"",
                           std::string{"events = [\"Put\", \"Del\", \"Deployed\"]\nfilter = { Put "
                                       "= { id = [\"2\"] } }\naddress = \""} +
                               kHub + "\"")),
              "events of hub that its filter leaves out");
    EXPECT_EQ(
        dropped(with(
            with(kMapping, "address = \"0x", "events = [\"Put\", \"Deployed\"]\naddress = \"0x"),
            "[[on]]\nevent = \"hub.Del\"\ndelete = \"item\"\nkey = { id = \"id\" }\n", "")),
        "events of hub that its `events` or `filter` does not name");
    // Under another name it is the same contract, and an entity with other fields is no other.
    EXPECT_EQ(dropped(with(kMapping, "at = \"uint64\", ", "at = \"uint256\", ")), "");
    EXPECT_EQ(dropped(items(hub_at(kOther), "thing")),
              std::string{"contract hub ("} + kHub +
                  "), contract vault (what its factory announces), entity item (1 row), entity "
                  "total (1 row)");
}

TEST_F(ConfigChangeTest, AnAddressThatBecomesAFactorysChildOrWasOneIsNotCalledLost) {
    const std::string factory = "factory = { event = \"hub.Deployed\", address = \"vault\" }";
    const auto at = [&](uint64_t vault) {
        return with(kMapping, factory, "address = \"" + evm::to_checksum(address_of(vault)) + "\"");
    };
    EXPECT_EQ(dropped(at(100)), "");
    EXPECT_EQ(dropped(at(101)), "contract vault (what its factory announces)");
    const Mapping named{at(100), kAbis};
    EXPECT_EQ(describe_dropped(*world_.database, *named.plan, *mapping_.plan), "");
}

}  // namespace
}  // namespace plumbline::engine::config_change_test
