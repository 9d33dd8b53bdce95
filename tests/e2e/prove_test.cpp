// verify and repair as a user runs them, against a real chain.
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/e2e/chain.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::test::prove_test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;

Finished damage(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{binary_dir() + "/plumbline_damage"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_command(command);
}

std::string dump_all(const std::string& db, const std::vector<std::string>& entities) {
    std::string out;
    for (const std::string& entity : entities) {
        out += plumbline({"dump", db, "--entity", entity}).out;
    }
    return out + plumbline({"dump", db, "--events"}).out;
}

/// `db` has the community of so many steps.
void index_community(const Anvil& anvil, const std::string& db, const std::string& steps) {
    ASSERT_EQ(
        run_script("examples/community/activity.mjs", {"--rpc", anvil.url(), "--steps", steps})
            .code,
        0);
    ASSERT_EQ(plumbline({"run", source_path("examples/community/plumbline.toml"), "--db", db,
                         "--rpc", anvil.url(), "--until", "head", "--quiet"})
                  .code,
              0);
}

TEST(ProveTest, DamageIsFoundRepairedAndWrittenDown) {
    Anvil anvil;
    TempDir dir;
    const std::string db = dir.sub("db");
    ASSERT_NO_FATAL_FAILURE(index_community(anvil, db, "120"));
    const std::vector<std::string> entities{"community", "membership", "option",
                                            "question",  "user",       "vote"};
    const std::string before = dump_all(db, entities);

    const auto proven = plumbline({"verify", db, "--rpc", anvil.url(), "--json"});
    ASSERT_EQ(proven.code, 0) << proven.out << proven.err;
    const json report = json::parse(proven.out);
    EXPECT_EQ(report["findings"], 0);
    EXPECT_EQ(report["log"]["level"], "receipts");
    EXPECT_EQ(plumbline({"verify", db, "--proof", "replay"}).code, 0) << "needs no network";
    const json status = json::parse(plumbline({"status", db, "--json"}).out);
    EXPECT_GE(status["proofs"].size(), 3U);
    EXPECT_EQ(status["proven_through"]["receipts"], status["block"]);
    EXPECT_THAT(plumbline({"status", db}).out, HasSubstr("holds: receipts through block "));

    ASSERT_EQ(
        damage({"set-field", db, "--entity", "vote", "--field", "weight", "--value", "999"}).code,
        0);
    ASSERT_EQ(damage({"drop-event", db, "--seed", "3"}).code, 0);
    ASSERT_EQ(damage({"drop-index", db, "--entity", "question"}).code, 0);
    const auto found = plumbline({"verify", db, "--rpc", anvil.url()});
    EXPECT_EQ(found.code, 1);
    EXPECT_THAT(found.out, HasSubstr("weight is stored as 999"));
    EXPECT_THAT(found.out, HasSubstr("the chain has this event, the index lacks it"));
    EXPECT_THAT(found.out, HasSubstr("lacks its entry in index"));

    const auto dry = plumbline({"repair", db, "--rpc", anvil.url(), "--dry-run"});
    EXPECT_EQ(dry.code, 1);
    EXPECT_THAT(dry.out, HasSubstr("would fold the whole log again"));
    EXPECT_NE(dump_all(db, entities), before);
    const auto repaired = plumbline({"repair", db, "--rpc", anvil.url()});
    EXPECT_EQ(repaired.code, 0) << repaired.out << repaired.err;
    EXPECT_EQ(dump_all(db, entities), before);
    EXPECT_THAT(plumbline({"journal", db}).out, HasSubstr("log inserted"));
    EXPECT_EQ(plumbline({"verify", db, "--rpc", anvil.url()}).code, 0);
}

TEST(ProveTest, AVerificationThatIsInterruptedLeavesNothingBesideTheDatabase) {
    Anvil anvil;
    TempDir dir;
    const std::string db = dir.sub("db");
    ASSERT_NO_FATAL_FAILURE(index_community(anvil, db, "400"));
    const auto scratch = [&] {
        size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{dir.path()}) {
            const std::string name = entry.path().filename().string();
            count += name.starts_with("plumbline-scratch-") ? 1U : 0U;
        }
        return count;
    };
    Child verify{plumbline_command({"verify", db, "--proof", "replay"})};
    while (scratch() == 0) {
    }
    verify.send_signal(SIGINT);
    (void)verify.wait();
    EXPECT_EQ(scratch(), 0U);
}

TEST(ProveTest, StateWithoutAnEventIsReportedAndWrittenOnlyWhenTold) {
    Anvil anvil;
    TempDir dir;
    const std::string db = dir.sub("db");
    ASSERT_EQ(run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"}).code,
              0);
    // OpenZeppelin's ERC-20 keeps balances in a mapping at slot 0.
    ASSERT_EQ(plumbline({"run", source_path("tests/contracts/tokens.toml"), "--db", db, "--rpc",
                         anvil.url(), "--until", "head", "--quiet"})
                  .code,
              0);
    const std::string row = plumbline({"list", db, "balance", "--limit", "1"}).out;
    const auto owner = json::parse(row.substr(0, row.find('\n')))["owner"].get<std::string>();
    Bytes slot(64, 0);
    const auto bytes = evm::parse_hex(owner);
    ASSERT_TRUE(bytes.has_value());
    std::ranges::copy(*bytes, slot.begin() + 12);
    anvil.call("anvil_setStorageAt",
               {"0x5FbDB2315678afecb367f032d93F642f64180aa3",
                evm::to_hex(evm::keccak256(ByteView{slot})), "0x" + std::string(60, '0') + "1234"});
    anvil.mine();
    ASSERT_EQ(plumbline({"run", source_path("tests/contracts/tokens.toml"), "--db", db, "--rpc",
                         anvil.url(), "--until", "head", "--quiet"})
                  .code,
              0);
    const auto found = plumbline({"verify", db, "--rpc", anvil.url()});
    EXPECT_EQ(found.code, 1);
    EXPECT_THAT(found.out, HasSubstr("the contract tells 4660"));
    EXPECT_THAT(found.out, HasSubstr("`plumbline repair " + db + " --dry-run` says what"));
    const auto planned = plumbline({"repair", db, "--rpc", anvil.url(), "--dry-run"});
    EXPECT_THAT(planned.out, testing::Not(HasSubstr("--dry-run"))) << "it has just been said";
    const auto reported = plumbline({"repair", db, "--rpc", anvil.url()});
    EXPECT_EQ(reported.code, 1);
    EXPECT_THAT(reported.out, HasSubstr("on_drift"));
    const auto written = plumbline({"repair", db, "--rpc", anvil.url(), "--on-drift", "chain"});
    EXPECT_EQ(written.code, 0) << written.out << written.err;
    EXPECT_THAT(plumbline({"get", db, "balance", "owner=" + owner}).out, HasSubstr("4660"));
    ASSERT_EQ(plumbline({"rebuild", db, "--quiet"}).code, 0);
    EXPECT_EQ(plumbline({"verify", db, "--rpc", anvil.url()}).code, 0) << "a rebuild keeps it";
}

std::string tokens_with_slots(const Anvil& anvil, const std::string& slots) {
    std::string out = read_file(source_path("tests/contracts/tokens.toml"));
    const auto replace = [&out](const std::string& what, const std::string& with) {
        for (size_t at = out.find(what); at != std::string::npos;
             at = out.find(what, at + with.size())) {
            out.replace(at, what.size(), with);
        }
    };
    replace("../../tools/node/", source_path("tools/node/"));
    replace("http://127.0.0.1:8545", anvil.url());
    replace("returns = [\"amount\"], deleted = [0]",
            "returns = [\"amount\"], deleted = [0], slots = { amount = " + slots + " }");
    return out;
}

TEST(ProveTest, AWrongSlotInTheConfigIsNamedAndNeverWrittenIntoRows) {
    Anvil anvil;
    TempDir dir;
    const std::string db = dir.sub("db");
    const std::string config = dir.sub("plumbline.toml");
    ASSERT_EQ(run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"}).code,
              0);
    // OpenZeppelin's ERC-20 keeps balances at slot 0, allowances at 1, the supply at 2.
    const auto index_with = [&](const std::string& slots) {
        write_file(config, tokens_with_slots(anvil, slots));
        const auto ran = plumbline({"run", config, "--db", db, "--until", "head", "--quiet"});
        ASSERT_EQ(ran.code, 0) << ran.err;
    };
    index_with("{ base = 0, keys = [\"owner\"] }");
    const auto right = plumbline({"verify", db});
    EXPECT_EQ(right.code, 0) << right.out << right.err;
    EXPECT_THAT(right.out, HasSubstr("values proven by storage too"));
    const std::string before = dump_all(db, {"balance", "supply"});

    index_with("{ base = 2, keys = [\"owner\"] }");
    const auto wrong = plumbline({"verify", db});
    EXPECT_EQ(wrong.code, 3) << wrong.out << wrong.err;
    EXPECT_THAT(wrong.out, HasSubstr("state   holds"));
    EXPECT_THAT(wrong.out, HasSubstr("slots.amount of state in [entities.balance]: of owner=0x"));
    EXPECT_THAT(wrong.out, HasSubstr("as the row does: correct base, keys, word or offset"));
    EXPECT_THAT(plumbline({"status", db}).out, HasSubstr("not all proven"));
    const auto repaired = plumbline({"repair", db, "--on-drift", "chain"});
    EXPECT_EQ(repaired.code, 3) << repaired.out << repaired.err;
    EXPECT_THAT(repaired.out, HasSubstr("nothing was found, but not all is proven"));
    EXPECT_EQ(dump_all(db, {"balance", "supply"}), before);
    EXPECT_EQ(plumbline({"journal", db, "--json"}).out.find("row corrected"), std::string::npos);
}

TEST(ProveTest, TicksAreNoEventsOfTheChain) {
    Anvil anvil;
    TempDir dir;
    ASSERT_EQ(run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"}).code,
              0);
    // A contract that never emits what is asked for, and handlers of blocks.
    write_file(dir.sub("plumbline.toml"),
               "[chain]\nid = 31337\nrpc = \"" + anvil.url() + "\"\n[contracts.nft]\nabi = \"" +
                   source_path("tools/node/node_modules/@openzeppelin/contracts/build/contracts/"
                               "ERC721.json") +
                   R"("
address = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
events = ["ApprovalForAll"]
[entities.beat]
key = { block = "uint64" }
[[on]]
every = { blocks = 2 }
insert = "beat"
key = { block = "$block.number" }
)");
    const std::string db = dir.sub("db");
    ASSERT_EQ(plumbline({"run", dir.sub("plumbline.toml"), "--until", "head", "--quiet"}).code, 0);
    const auto told = plumbline({"verify", db});
    EXPECT_EQ(told.code, 0) << told.out << told.err;
    EXPECT_THAT(told.out, HasSubstr(" 0 events equal (and "));
    EXPECT_THAT(told.out, HasSubstr("replay  holds: 0 events folded again (and "));
    EXPECT_THAT(told.out, HasSubstr("the log holds no event"));
    const json report = json::parse(plumbline({"verify", db, "--json"}).out);
    const json stored = json::parse(plumbline({"status", db, "--json"}).out)["entities"]["beat"];
    EXPECT_GT(stored, 5);
    EXPECT_EQ(report["log"]["events_equal"], 0);
    EXPECT_EQ(report["log"]["ticks_equal"], stored.get<uint64_t>()) << report["log"];
    EXPECT_EQ(report["replay"]["events"], 0);
    EXPECT_EQ(report["replay"]["ticks"], stored);
}

/// Balances whose deleted rows nobody compares, and an insert that only works once. `more` goes to
/// [proof].
std::string partly_proven(const Anvil& anvil, const std::string& more) {
    const std::string abis =
        source_path("tools/node/node_modules/@openzeppelin/contracts/build/contracts/");
    std::string out =
        "[chain]\nid = 31337\nrpc = \"" + anvil.url() + "\"\n[proof]\n" + more +
        "[contracts.token]\nabi = \"" + abis + "ERC20.json\"\naddress = " +
        "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n[contracts.nft]\nabi = \"" + abis +
        "ERC721.json\"\naddress = " + "\"0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512\"\n" + R"(
[entities.balance]
key = { owner = "address" }
fields = { amount = "uint256" }
drop = "amount == 0"
state = { call = "token.balanceOf", args = ["owner"], returns = ["amount"] }
[entities.once]
key = { id = "uint8" }
[[on]]
event = "nft.Transfer"
insert = "once"
key = { id = 1 }
)";
    for (const auto& [party, change] : {std::pair{"from", "sub"}, {"to", "add"}}) {
        out += std::string{"[[on]]\nevent = \"token.Transfer\"\nwhen = \""} + party +
               " != 0x0000000000000000000000000000000000000000\"\nupsert = \"balance\"\n" +
               "key = { owner = \"" + party + "\" }\n" + change + " = { amount = \"value\" }\n";
    }
    return out;
}

TEST(ProveTest, VerifyTellsOnceOfEventsThatAnAbiHasInAnotherShape) {
    Anvil anvil;
    TempDir dir;
    ASSERT_EQ(run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"}).code,
              0);
    // Transfer of an ERC-721 has three indexed parameters, that of an ERC-20 two, under one topic.
    std::string config = partly_proven(anvil, "");
    const size_t nft = config.find("ERC721.json");
    config.replace(nft, std::strlen("ERC721.json"), "ERC20.json");
    write_file(dir.sub("plumbline.toml"), config);
    const std::string db = dir.sub("db");
    const auto checked = plumbline({"check", dir.sub("plumbline.toml"), "--events", "1000000"});
    EXPECT_THAT(
        checked.out,
        ContainsRegex("logs of nft.Transfer\\(address,address,uint256\\) have 4 topics, this "
                      "ABI's 3: other parameters are indexed; so the handlers? of line"));
    const auto ran = plumbline({"run", dir.sub("plumbline.toml"), "--until", "head", "--quiet"});
    ASSERT_EQ(ran.code, 0);
    EXPECT_THAT(ran.err, HasSubstr("events have other parameters indexed"));
    EXPECT_THAT(plumbline({"status", db, "--events"}).out,
                HasSubstr("nft Transfer(address,address,uint256) with 4 topics, this ABI's 3"));
    const auto told = plumbline({"verify", db});
    EXPECT_EQ(told.code, 0) << told.err;
    EXPECT_THAT(told.out, HasSubstr("Transfer(address,address,uint256) of nft have 4 topics, this "
                                    "ABI's 3: other parameters are indexed, so nothing is made"));
    // Each event is told once: those of another shape are not those of no ABI as well.
    EXPECT_THAT(told.out, testing::Not(HasSubstr("in no ABI")));
    const json unknown = json::parse(plumbline({"verify", db, "--json"}).out)["unknown_events"];
    const json status = json::parse(plumbline({"status", db, "--events", "--json"}).out);
    uint64_t expected = 0;
    for (const json& event : status["by_event"]) {
        expected += event["event"].is_null() ? event["count"].get<uint64_t>() : 0;
    }
    EXPECT_GT(expected, 0U);
    EXPECT_EQ(unknown["total"], expected);
    ASSERT_EQ(unknown["other_shapes"].size(), 1U) << unknown;
    EXPECT_EQ(unknown["other_shapes"][0]["contract"], "nft");
    EXPECT_EQ(unknown["other_shapes"][0]["event"], "Transfer(address,address,uint256)");
    EXPECT_EQ(unknown["other_shapes"][0]["count"], unknown["total"]);
}

TEST(ProveTest, EventsOfAnAddressThatTheConfigNoLongerNamesAreSaidToBeThat) {
    Anvil anvil;
    TempDir dir;
    ASSERT_EQ(run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"}).code,
              0);
    const std::string file = dir.sub("plumbline.toml");
    const std::string db = dir.sub("db");
    std::string config = partly_proven(anvil, "");
    write_file(file, config);
    ASSERT_EQ(plumbline({"run", file, "--until", "head", "--quiet"}).code, 0);
    const size_t contract = config.find("[contracts.nft]");
    config.erase(contract, config.find("[entities.balance]") - contract);
    const size_t entity = config.find("[entities.once]");
    config.erase(entity, config.find("[[on]]", config.find("key = { id = 1 }")) - entity);
    write_file(file, config);
    ASSERT_EQ(plumbline({"run", file, "--until", "head", "--quiet"}).code, 0) << config;
    const auto told = plumbline({"verify", db});
    EXPECT_EQ(told.code, 0) << told.err;
    EXPECT_THAT(told.out, HasSubstr("of 0xe7f1725e7734ce288f8367e1bb143e90bb3f0512, which the "
                                    "config does not name"));
    EXPECT_THAT(told.out, testing::Not(HasSubstr("in no ABI")));
    const json unknown = json::parse(plumbline({"verify", db, "--json"}).out)["unknown_events"];
    ASSERT_EQ(unknown["unnamed"].size(), 1U) << unknown;
    EXPECT_EQ(unknown["unnamed"][0]["count"], unknown["total"]);
    EXPECT_THAT(plumbline({"status", db, "--events"}).out,
                HasSubstr("of an address that the config does not name 0xddf252ad"));
}

TEST(ProveTest, VerifyTellsOfQuarantineAndOfDeletedRowsThatNobodyCompared) {
    Anvil anvil;
    TempDir dir;
    const std::string db = dir.sub("db");
    ASSERT_EQ(run_script("tests/contracts/token.mjs", {"--rpc", anvil.url(), "--steps", "60"}).code,
              0);
    const std::string config = dir.sub("plumbline.toml");
    const auto run = [&](const std::string& proof) {
        write_file(config, partly_proven(anvil, proof));
        const auto ran = plumbline({"run", config, "--until", "head", "--quiet"});
        ASSERT_EQ(ran.code, 0) << ran.err;
    };
    run("");
    const auto told = plumbline({"verify", db});
    EXPECT_EQ(told.code, 0) << told.out << told.err;
    EXPECT_THAT(told.out, HasSubstr("not applied to the entities"));
    EXPECT_THAT(told.out, HasSubstr("nft.Transfer: insert of 'once' (id=1): there is such a row"));
    EXPECT_THAT(told.out, HasSubstr("deleted rows of balance are not compared"));
    EXPECT_EQ(told.out.find("deleted rows of once"), std::string::npos);
    const json report = json::parse(plumbline({"verify", db, "--json"}).out);
    const json status = json::parse(plumbline({"status", db, "--json"}).out);
    EXPECT_GT(report["quarantine"]["total"], 0);
    EXPECT_EQ(report["quarantine"]["total"], status["quarantined"]);
    EXPECT_EQ(report["quarantine"]["fails"], false);
    EXPECT_EQ(report["deleted_not_compared"], json::array({"balance"}));

    const auto listed = plumbline({"quarantine", db, "--json"});
    ASSERT_EQ(listed.code, 0) << listed.err;
    EXPECT_EQ(std::count(listed.out.begin(), listed.out.end(), '\n'),
              status["quarantined"].get<int64_t>());
    json first = json::parse(listed.out.substr(0, listed.out.find('\n')));
    EXPECT_EQ(first["lines"].size(), 1U) << first;
    first.erase("lines");
    EXPECT_EQ(first, report["quarantine"]["events"][0]);
    EXPECT_THAT(plumbline({"quarantine", db}).out,
                ContainsRegex("there is such a row already \\(line [0-9]+\\)"));

    run("quarantine = \"fail\"\n");
    const auto failed = plumbline({"verify", db, "--json"});
    EXPECT_EQ(failed.code, 1) << failed.out;
    EXPECT_EQ(json::parse(failed.out)["quarantine"]["fails"], true);
    EXPECT_EQ(json::parse(failed.out)["findings"], 0);
}

}  // namespace
}  // namespace plumbline::test::prove_test
