// A database that was made by one config and goes on by another: whatever the two ask of contracts,
// it must come to what an index of the second alone holds.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/ingest/indexer.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/engine/stepped_index.hpp"
#include "tests/support/property_test.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::call_configs_test {
namespace {

using test::FakeBlock;
using test::FakeChain;
using test::FakeNodeOptions;
using test::TempDir;

constexpr uint64_t kFinality = 12;

// --- what contracts say ----------------------------------------------------------------------

constexpr const char* kOwner = "function owner(address) view returns (address)";
constexpr const char* kFlag = "function flag(address) view returns (uint256)";
constexpr const char* kPrice = "function price(address) view returns (uint256)";
constexpr const char* kWorth = "function worth() view returns (uint256)";
constexpr const char* kTag = "function tag() view returns (uint256)";

bool is_call_of(std::string_view declaration, ByteView input) {
    std::string signature{declaration.substr(9, declaration.find(" view") - 9)};
    return std::ranges::equal(evm::keccak256(std::string_view{signature}).view().first(4),
                              input.first(4));
}

/// By block, contract and input; `tag` never changes, some have no answer.
rpc::CallResult answer(const FakeBlock& block, const evm::Address& to, ByteView input) {
    using Kind = rpc::CallResult::Kind;
    rpc::CallResult out{Kind::kAnswered, {}, ""};
    Bytes seed{to.bytes.begin(), to.bytes.end()};
    seed.insert(seed.end(), input.begin(), input.end());
    const uint8_t kind = evm::keccak256(ByteView{seed}).bytes[5];
    // What is asked of nobody in particular has an answer on every chain.
    if (is_call_of(kTag, input)) {
        evm::append_word(out.data, evm::U256{kind});
        return out;
    }
    seed.insert(seed.end(), block.header.hash.bytes.begin(), block.header.hash.bytes.end());
    const uint64_t dice = evm::keccak256(ByteView{seed}).bytes[6];
    if (is_call_of(kOwner, input)) {
        const evm::Address owner = test::make_address(5, dice % 6);
        out.data.resize(12);
        out.data.insert(out.data.end(), owner.bytes.begin(), owner.bytes.end());
        return out;
    }
    if (is_call_of(kFlag, input)) {
        evm::append_word(out.data, evm::U256{dice % 2});
        return out;
    }
    if (kind % 5 == 0) {
        return {Kind::kReverted, {}, "reverted"};
    }
    evm::append_word(out.data, evm::U256{dice});
    return out;
}

// --- configs ---------------------------------------------------------------------------------

using Dice = std::mt19937_64;

template <typename T>
T one_of(Dice& dice, std::initializer_list<T> list) {
    return *(list.begin() + static_cast<std::ptrdiff_t>(dice() % list.size()));
}

/// One handler with an entity of its own; `tag_more` is the same for all, as a config wants it.
std::string make_handler(Dice& dice, int number, const std::string& tag_more) {
    const std::string hub = evm::to_hex(test::hub_address());
    const std::string event = one_of<std::string>(
        dice, {"hub.Deposited", "hub.Deposited", "hub.Withdrawn", "copy.Deposited", "blocks"});
    const bool is_tick = event == "blocks";
    const std::string who = is_tick ? hub : "who";
    std::vector<std::string> calls;
    std::vector<std::string> sets;
    const auto once = [&] { return one_of<std::string>(dice, {"", ", once = true"}); };
    const auto add = [&](std::string_view name, std::string_view function, std::string_view target,
                         std::string_view argument, std::string more) {
        const bool has_default = dice() % 3 == 0 && name != "own";
        more += has_default ? fmt::format(", default = {}", dice() % 3) : "";
        calls.push_back(
            fmt::format(R"({} = {{ call = "{}"{}{}{} }})", name, function,
                        target.empty() ? "" : fmt::format(R"(, at = "{}")", target),
                        argument.empty() ? "" : fmt::format(R"(, args = "{}")", argument), more));
        sets.push_back(fmt::format(R"({0} = "$call.{0}{1}")", name, has_default ? "" : " ?? null"));
    };
    const bool has_owner = dice() % 2 == 0;
    if (has_owner) {
        add("own", kOwner, hub, is_tick ? hub : "who", ", once = true");
    }
    const auto someone = [&]() -> std::string {
        return has_owner && dice() % 2 == 0 ? "$call.own" : is_tick ? hub : "who";
    };
    std::string when;
    if (!is_tick && dice() % 3 == 0) {
        when = one_of<std::string>(dice, {"amount > 500", "amount < 300", "$block.number > 30"});
    }
    if (dice() % 4 == 0) {
        add("flag", kFlag, hub, someone(), once());
        when = "$call.flag == 1";
    }
    if (dice() % 2 == 0) {
        add("price", kPrice, hub, someone(), once());
    }
    if (dice() % 2 == 0) {
        add("worth", kWorth, someone(), "", once());
    }
    if (dice() % 2 == 0) {
        add("tag", kTag, someone(), "", tag_more.empty() ? once() : tag_more);
    }
    return fmt::format(
        R"x(
[entities.e{0}]
key = {{ owner = "address", block = "uint64" }}
fields = {{ own = "address?", flag = "uint256?", price = "uint256?", worth = "uint256?", tag = "uint256?", n = "uint64" }}
[[on]]
{1}
upsert = "e{0}"
key = {{ owner = "{2}", block = "{3}" }}
add = {{ n = 1 }}
{4}
{5}
{6}
)x",
        number, is_tick ? "every = { blocks = 7 }" : fmt::format(R"(event = "{}")", event), who,
        dice() % 2 == 0 ? "$block.number" : "0",
        sets.empty() ? "" : fmt::format("set = {{ {} }}", fmt::join(sets, ", ")),
        when.empty() ? "" : fmt::format(R"(when = "{}")", when),
        calls.empty() ? "" : fmt::format("calls = {{ {} }}", fmt::join(calls, ", ")));
}

std::string make_text(Dice& dice) {
    std::string text =
        fmt::format(R"(
[chain]
id = 31337
rpc = "http://127.0.0.1:1"
finality = {}
[contracts.hub]
abi = "hub.json"
address = "{}"
start_block = {}
[contracts.copy]
abi = "hub.json"
address = "{}"
start_block = {}
)",
                    kFinality, evm::to_hex(test::hub_address()), one_of<int>(dice, {0, 0, 17, 40}),
                    evm::to_hex(test::make_address(7, 0)), one_of<int>(dice, {0, 25}));
    const std::string tag_more =
        one_of<std::string>(dice, {"", "", R"(, once = true, state = "head")"});
    const int handlers = 1 + static_cast<int>(dice() % 4);
    for (int i = 0; i < handlers; ++i) {
        text += make_handler(dice, i, tag_more);
    }
    return text;
}

Config make_config(const std::string& text) {
    Result<Config> config = parse_config(
        text, "test.toml", [](const std::string&) { return Result<std::string>{test::kHubAbi}; });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : (config.error().message + text).c_str());
    return *std::move(config);
}

// --- indexes ---------------------------------------------------------------------------------

class Rig : public test::SteppedIndex {
  public:
    Rig(const FakeChain& chain, std::string db_path, uint64_t seed, const std::string& text)
        : SteppedIndex{chain, options_of(std::move(db_path), text), seed, node_of(seed)} {
        PLUMBLINE_CHECK_MSG(!open_error, open_error ? open_error->message.c_str() : "");
    }

  private:
    static IndexerOptions options_of(std::string db_path, const std::string& text) {
        IndexerOptions options;
        options.config = make_config(text);
        options.db_path = std::move(db_path);
        options.until = {true, std::nullopt};
        return options;
    }
    static FakeNodeOptions node_of(uint64_t seed) {
        FakeNodeOptions options;
        options.contracts = answer;
        options.runs_programs = seed % 3 != 0;
        return options;
    }
};

/// Rows, and facts but for who told them when.
std::vector<std::string> held_by(const storage::Database& database) {
    storage::DumpOptions options;
    options.want = [](std::string_view family) { return family.starts_with("e"); };
    auto lines = storage::dump_lines(database, options);
    EXPECT_TRUE(lines.has_value());
    std::vector<std::string> out = lines ? *std::move(lines) : std::vector<std::string>{};
    const auto view = database.read_view();
    const auto scan = view->scan_calls(0, UINT64_MAX);
    for (; scan->valid(); scan->next()) {
        const storage::CallFact& fact = scan->fact();
        out.push_back(fmt::format("fact {} {} {} {} {} {}", fact.block_num,
                                  evm::to_hex(fact.call.to), evm::to_hex(as_bytes(fact.call.input)),
                                  storage::to_string(fact.outcome),
                                  evm::to_hex(as_bytes(fact.data)), fact.is_once));
    }
    EXPECT_TRUE(scan->status());
    return out;
}

class CallConfigsTest : public test::PropertyTest {};

TEST_F(CallConfigsTest, WhateverTwoConfigsAskTheSecondComesToWhatAFreshIndexHolds) {
    for (const uint64_t seed : seeds(8)) {
        Dice dice{seed};
        FakeChain chain{seed};
        chain.mine(60);
        const TempDir directory;
        std::string before = "(none)";
        for (int round = 0; round < 5; ++round) {
            const std::string text = make_text(dice);
            SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={} round {}\nbefore: {}\nnow: {}", seed, round,
                                     before, text));
            Rig rig{chain, directory.sub("db"), seed + static_cast<uint64_t>(round), text};
            if (dice() % 4 == 0) {
                // Stopped on the way, and another config comes.
                for (uint64_t i = dice() % 400; i > 0 && !rig.indexer->is_done(); --i) {
                    rig.step();
                }
                EXPECT_TRUE(rig.indexer->stop().has_value());
                before = "(stopped on the way)" + text;
                continue;
            }
            ASSERT_TRUE(rig.finish()) << rig.why();
            const TempDir other;
            Rig fresh{chain, other.sub("db"), 0, text};
            ASSERT_TRUE(fresh.finish()) << fresh.why();
            test::expect_same(held_by(*rig.indexer->database()),
                              held_by(*fresh.indexer->database()));
            EXPECT_TRUE(rig.indexer->stop().has_value());
            EXPECT_TRUE(fresh.indexer->stop().has_value());
            if (HasFailure()) {
                return;
            }
            if (dice() % 3 == 0) {
                chain.mine(1 + dice() % 20);
            }
            before = text;
        }
    }
}

}  // namespace
}  // namespace plumbline::engine::call_configs_test
