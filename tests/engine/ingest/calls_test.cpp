// Contract calls as facts, on one thread: a chain in memory whose contracts answer by block, a real
// database, the real plan, ingest and fold. An independent walk over the chain says what rows must
// hold.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/repair/repair.hpp"
#include "engine/repair/verify.hpp"
#include "storage/asked_blocks.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/engine/stepped_index.hpp"
#include "tests/support/property_test.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::calls_test {
namespace {

using test::FakeBlock;
using test::FakeChain;
using test::FakeNode;
using test::FakeNodeOptions;
using test::TempDir;

constexpr const char* kPriceCall =
    R"x(price = { call = "function price(address) view returns (uint256)", args = "who", default = 7 })x";
constexpr const char* kNameCall =
    R"x(name = { call = "function name() view returns (string)", at = "who", once = true, default = "'?'"{} })x";

struct Asked {
    bool price = true;
    bool name = true;
    std::string more_of_name;  ///< `, state = "head"`
    uint64_t start_block = 0;
    std::string more;  ///< of the config
};

/// Of the newest final block in place of the event's own.
Asked asked_of_head(bool price) {
    Asked out;
    out.price = price;
    out.more_of_name = R"(, state = "head")";
    return out;
}

/// The hub's own price at every seventh block.
std::string beat_handler() {
    return fmt::format(R"x(
[entities.beat]
key = {{ block = "uint64" }}
fields = {{ price = "uint256" }}
[[on]]
every = {{ blocks = 7 }}
insert = "beat"
key = {{ block = "$block.number" }}
set = {{ price = "$call.price" }}
[on.calls]
price = {{ call = "function price(address) view returns (uint256)", at = "{0}", args = "{0}", default = 7 }}
)x",
                       evm::to_hex(test::hub_address()));
}

constexpr uint64_t kFinality = 12;

Config make_config(const Asked& asked) {
    std::vector<std::string> calls;
    std::vector<std::string> sets{R"(last_block = "$block.number")"};
    if (asked.price) {
        calls.emplace_back(kPriceCall);
        sets.emplace_back(R"(price = "$call.price")");
    }
    if (asked.name) {
        std::string call{kNameCall};
        call.replace(call.find("{}"), 2, asked.more_of_name);
        calls.push_back(call);
        sets.emplace_back(R"(name = "$call.name")");
    }
    std::string text = fmt::format(
        R"(
[chain]
id = 31337
rpc = "http://127.0.0.1:1"
finality = {}
[contracts.hub]
abi = "hub.json"
address = "{}"
start_block = {}
[entities.account]
key = {{ owner = "address" }}
fields = {{ price = "uint256", name = "string", last_block = "uint64" }}
[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
set = {{ {} }}
{}
)",
        kFinality, evm::to_hex(test::hub_address()), asked.start_block, fmt::join(sets, ", "),
        calls.empty() ? "" : fmt::format("calls = {{ {} }}", fmt::join(calls, ", ")));
    text += asked.more;
    Result<Config> config = parse_config(
        text, "test.toml", [](const std::string&) { return Result<std::string>{test::kHubAbi}; });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

/// What contracts say: a price by block and account, for one account in four none; a name by block,
/// for one account in three as a bytes32.
struct Truth {
    static uint64_t number_of(const evm::Address& who) {
        return evm::keccak256(who.view()).bytes[3];
    }
    static evm::U256 price(const FakeBlock& block, const evm::Address& who) {
        if (number_of(who) % 4 == 0) {
            return evm::U256{7};
        }
        Bytes bytes{block.header.hash.bytes.begin(), block.header.hash.bytes.end()};
        bytes.insert(bytes.end(), who.bytes.begin(), who.bytes.end());
        return evm::U256::from_be(evm::keccak256(ByteView{bytes}).view());
    }
    static std::string name(const FakeBlock& block, const evm::Address& who) {
        return number_of(who) % 5 == 0 ? "?" : "at " + evm::to_hex(block.header.hash).substr(0, 10);
    }
    static rpc::CallResult answer(const FakeBlock& block, const evm::Address& to, ByteView input) {
        using Kind = rpc::CallResult::Kind;
        rpc::CallResult out{Kind::kAnswered, {}, ""};
        if (input.size() == 36) {
            const evm::Address who = evm::Address::from(input.subspan(16));
            if (number_of(who) % 4 == 0) {
                return {Kind::kReverted, {1, 2, 3}, "reverted"};
            }
            evm::append_word(out.data, price(block, who));
            return out;
        }
        if (number_of(to) % 5 == 0) {
            return out;  // Nothing at all.
        }
        const std::string text = name(block, to);
        if (number_of(to) % 3 == 0) {
            out.data.assign(text.begin(), text.end());
            out.data.resize(32);
            return out;
        }
        evm::append_word(out.data, evm::U256{32});
        evm::append_word(out.data, evm::U256{text.size()});
        out.data.insert(out.data.end(), text.begin(), text.end());
        out.data.resize(96);
        return out;
    }
};

/// What a contract says where it reverts is not kept.
std::string_view kept_of(const rpc::CallResult& truth) {
    return truth.kind == rpc::CallResult::Kind::kAnswered ? as_chars(truth.data)
                                                          : std::string_view{};
}

struct AccountRow {
    evm::U256 price;
    std::string name;
    uint64_t last_block = 0;
    friend bool operator==(const AccountRow&, const AccountRow&) = default;
};
using Rows = std::map<std::string, AccountRow>;

/// Every deposit of the chain, in order.
template <typename Each>
void for_deposits(const FakeChain& chain, Each each) {
    for (const auto& block : chain.blocks()) {
        for (const evm::Log& log : block->logs.logs) {
            if (log.address == test::hub_address() &&
                log.topics[0] == evm::keccak256("Deposited(address,uint256)")) {
                each(*block, evm::Address::from(log.topics[1].view().subspan(12)));
            }
        }
    }
}

Rows expected_rows(const FakeChain& chain) {
    Rows rows;
    for_deposits(chain, [&](const FakeBlock& block, const evm::Address& who) {
        const std::string key{as_chars(who.view())};
        const bool is_new = !rows.contains(key);
        AccountRow& row = rows[key];
        row.price = Truth::price(block, who);
        row.name = is_new ? Truth::name(block, who) : row.name;
        row.last_block = block.header.block_num;
    });
    return rows;
}

Rows stored_rows(const storage::Database& database) {
    Rows rows;
    const storage::RowCodec codec{database.entities()[0]};
    const auto view = database.read_view();
    for (const auto scan = view->scan_entity(0, "", ""); scan->valid(); scan->next()) {
        rows[std::string{scan->key()}] = {codec.word(scan->row(), 0),
                                          std::string{codec.raw(scan->row(), 1)},
                                          codec.word(scan->row(), 2).limb[0]};
    }
    return rows;
}

/// Calls that differ: (block, account) of prices and accounts of names.
size_t distinct_calls(const FakeChain& chain) {
    std::set<std::pair<uint64_t, std::string>> prices;
    std::set<std::string> names;
    for_deposits(chain, [&](const FakeBlock& block, const evm::Address& who) {
        prices.emplace(block.header.block_num, as_chars(who.view()));
        names.emplace(as_chars(who.view()));
    });
    return prices.size() + names.size();
}

/// Those of them that revert or answer nothing: a program's word for that is not taken.
size_t unanswered_calls(const FakeChain& chain) {
    std::set<std::pair<uint64_t, std::string>> prices;
    std::set<std::string> names;
    for_deposits(chain, [&](const FakeBlock& block, const evm::Address& who) {
        if (Truth::number_of(who) % 4 == 0) {
            prices.emplace(block.header.block_num, as_chars(who.view()));
        }
        if (Truth::number_of(who) % 5 == 0) {
            names.emplace(as_chars(who.view()));
        }
    });
    return prices.size() + names.size();
}

class Rig : public test::SteppedIndex {
  public:
    Rig(const FakeChain& chain, std::string db_path, uint64_t seed, const Asked& asked = {},
        Until until = {true, std::nullopt}, const FakeNodeOptions& node_options = {})
        : SteppedIndex{chain, options_of(std::move(db_path), asked, until), seed,
                       with_contracts(node_options)} {
        PLUMBLINE_CHECK_MSG(!open_error, open_error ? open_error->message.c_str() : "");
    }
    /// Until finality has come as far as the head lets it.
    bool settle(const FakeChain& chain, int steps_max = 400'000) {
        bool is_final = SteppedIndex::settle(chain, steps_max);
        for (int i = 0; is_final && i < steps_max; ++i) {
            if (cursor()->finalized + kFinality == chain.head()) {
                return true;
            }
            step();
            is_final = !indexer->failure();
        }
        return false;
    }

  private:
    static IndexerOptions options_of(std::string db_path, const Asked& asked, Until until) {
        IndexerOptions options;
        options.config = make_config(asked);
        options.db_path = std::move(db_path);
        options.until = until;
        return options;
    }
    static FakeNodeOptions with_contracts(FakeNodeOptions options) {
        if (!options.contracts) {
            options.contracts = Truth::answer;
        }
        return options;
    }
};

std::vector<std::string> fresh_index(const FakeChain& chain, const Asked& asked = {}) {
    const TempDir directory;
    Rig rig{chain, directory.sub("db"), 0, asked};
    EXPECT_TRUE(rig.finish()) << rig.why();
    return rig.stop_and_dump();
}

/// What is stored in families that begin so: not how far it is proven, nor in which order it came.
std::vector<std::string> lines_of(const storage::Database& database,
                                  std::initializer_list<std::string_view> families) {
    storage::DumpOptions options;
    options.want = [families = std::vector<std::string_view>{families}](std::string_view family) {
        return std::ranges::any_of(
            families, [&](std::string_view begin) { return family.starts_with(begin); });
    };
    auto lines = storage::dump_lines(database, options);
    EXPECT_TRUE(lines.has_value());
    return lines ? *std::move(lines) : std::vector<std::string>{};
}

std::vector<std::string> calls_and_rows(const storage::Database& database) {
    return lines_of(database, {"calls", "account"});
}

class CallsTest : public test::PropertyTest {};

TEST_F(CallsTest, RowsHoldWhatContractsSaidAndNoCallIsMadeTwice) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(120);
        const TempDir directory;
        FakeNodeOptions node;
        node.runs_programs = seed % 3 != 0;
        Rig rig{chain, directory.sub("db"), seed, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_EQ(rig.node->calls_made,
                  distinct_calls(chain) + (node.runs_programs ? unanswered_calls(chain) : 0));
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
        // Again, and folded again: nobody is asked.
        Rig again{chain, directory.sub("db"), seed};
        ASSERT_TRUE(again.finish()) << again.why();
        ASSERT_TRUE(rebuild(*again.indexer->database(), again.indexer->shared_plan(), {}));
        EXPECT_EQ(again.node->call_asks, 0U);
        EXPECT_EQ(stored_rows(*again.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(again.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, WhoRunsNoProgramsIsAskedForThemAHandfulOfTimes) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(200);
        const TempDir directory;
        FakeNodeOptions node;
        node.runs_programs = false;
        size_t probes = 0;
        node.spoils = [&](size_t /*provider*/, const FakeBlock& /*block*/, ByteView input,
                          rpc::CallResult& /*result*/) { probes += input.empty() ? 1U : 0U; };
        Rig rig{chain, directory.sub("db"), seed, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_GT(distinct_calls(chain), 50U);
        EXPECT_EQ(rig.node->calls_made, distinct_calls(chain));
        EXPECT_LE(rig.node->call_asks - rig.node->calls_made - probes, 4U)
            << "programs: twice in each of two forms";
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, NoStateSaidToAProgramDoesNotStandBeforeAPlainCall) {
    for (const uint64_t seed : {1U, 3U, 5U, 7U}) {  // Those whose node says it so.
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(100);
        const TempDir directory;
        FakeNodeOptions node;
        node.runs_programs = false;
        node.takes_hashes = seed % 4 != 1;
        Rig rig{chain, directory.sub("db"), seed, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_EQ(rig.node->calls_made, distinct_calls(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, WhoTakesNoBlockHashesIsAskedByThemAHandfulOfTimes) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(200);
        const TempDir directory;
        FakeNodeOptions node;
        node.takes_hashes = false;
        node.runs_programs = seed % 2 == 0;
        size_t probes = 0;
        node.spoils = [&](size_t /*provider*/, const FakeBlock& /*block*/, ByteView input,
                          rpc::CallResult& /*result*/) { probes += input.empty() ? 1U : 0U; };
        Rig rig{chain, directory.sub("db"), seed, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        const size_t asked = rig.node->call_asks - probes;
        EXPECT_LE(rig.node->calls_made,
                  distinct_calls(chain) + (node.runs_programs ? unanswered_calls(chain) : 0));
        if (!node.runs_programs) {
            EXPECT_LE(asked - rig.node->calls_made, 10U)
                << "twice by hash, programs twice in each of two forms by hash and by number";
        } else {
            EXPECT_LT(asked, distinct_calls(chain) + unanswered_calls(chain));
        }
        const auto view = rig.indexer->database()->read_view();
        for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
            EXPECT_EQ(scan->fact().pin, storage::CallPin::kNumber);
        }
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, ReorgsLeaveNoFactOfADeadBlock) {
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(30);
        const TempDir directory;
        Rig rig{chain, directory.sub("db"), seed, {}, {}};
        std::mt19937_64 random{seed};
        for (int round = 0; round < 10; ++round) {
            for (uint64_t i = random() % 300; i > 0; --i) {
                rig.step();
            }
            chain.reorg(1 + random() % 8, 2 + random() % 10);
        }
        chain.mine(20);  // Finality never goes back: above what a higher head had made final.
        ASSERT_TRUE(rig.settle(chain)) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        const auto view = rig.indexer->database()->read_view();
        for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
            const storage::CallFact& fact = scan->fact();
            const rpc::CallResult truth = Truth::answer(*chain.blocks()[fact.block_num],
                                                        fact.call.to, as_bytes(fact.call.input));
            ASSERT_EQ(fact.data, kept_of(truth)) << "block " << fact.block_num;
        }
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

TEST_F(CallsTest, StateThatIsNotThereIsAnErrorAndNeverTheDefault) {
    FakeChain chain{3};
    chain.mine(200);
    const TempDir directory;
    FakeNodeOptions node;
    node.state_depth = 64;
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    EXPECT_FALSE(rig.finish(5'000));
    EXPECT_FALSE(rig.indexer->failure());
    EXPECT_FALSE(rig.indexer->database()->read_view()->scan_calls(0, UINT64_MAX)->valid());
    rig.node->options.state_depth = UINT64_MAX;
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhatNeverChangesIsAskedOfTheNewestFinalBlockWhereTheConfigSaysSo) {
    FakeChain chain{3};
    chain.mine(200);
    const TempDir directory;
    FakeNodeOptions node;
    node.state_depth = 64;
    const Asked asked = asked_of_head(false);
    Rig rig{chain, directory.sub("db"), 0, asked, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    size_t of_head = 0;
    const auto view = rig.indexer->database()->read_view();
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        const storage::CallFact& fact = scan->fact();
        of_head += fact.pin == storage::CallPin::kHead ? 1U : 0U;
        if (fact.pin == storage::CallPin::kHead) {
            EXPECT_EQ(fact.asked.block_num, chain.head() - 12);
            EXPECT_LE(fact.block_num, fact.asked.block_num);
        } else {
            EXPECT_GT(fact.block_num, chain.head() - 12);
        }
    }
    EXPECT_GT(of_head, 0U);
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// By a config that does not ask for names yet.
void index_without_names(const FakeChain& chain, const std::string& path, uint64_t seed) {
    Asked less;
    less.name = false;
    Rig rig{chain, path, seed, less};
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, ACallThatTheMappingNamesLaterIsMadeForTheStoredEvents) {
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(100);
        const TempDir directory;
        ASSERT_NO_FATAL_FAILURE(index_without_names(chain, directory.sub("db"), seed));
        Rig rig{chain, directory.sub("db"), seed};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, AReorganisationWhileStoredEventsGetTheirCallsHoldsNothingUp) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(40);
        const TempDir directory;
        ASSERT_NO_FATAL_FAILURE(index_without_names(chain, directory.sub("db"), seed));
        Rig rig{chain, directory.sub("db"), seed, {}, {}};
        for (uint64_t i = seed * 7 % 60; i > 0; --i) {
            rig.step();
        }
        chain.reorg(2 + seed % 8, 12);
        ASSERT_TRUE(rig.settle(chain)) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

TEST_F(CallsTest, ALowerStartMovesACallForGoodToTheFirstEventThatNamesIt) {
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(100);
        const TempDir directory;
        Asked late;
        late.start_block = 60;
        {
            Rig rig{chain, directory.sub("db"), seed, late};
            ASSERT_TRUE(rig.finish()) << rig.why();
            EXPECT_TRUE(rig.indexer->stop().has_value());
        }
        Rig rig{chain, directory.sub("db"), seed};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        std::set<std::string> names;
        const auto view = rig.indexer->database()->read_view();
        for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
            if (scan->fact().is_once) {
                EXPECT_TRUE(names.insert(storage::once_key(scan->fact().call)).second);
            }
        }
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

using Prices = std::map<uint64_t, evm::U256>;

Prices stored_beats(const storage::Database& database) {
    Prices out;
    const storage::RowCodec codec{database.entities()[1]};
    const auto view = database.read_view();
    for (const auto scan = view->scan_entity(1, "", ""); scan->valid(); scan->next()) {
        uint64_t block_num = 0;
        for (const char byte : scan->key()) {
            block_num = block_num << 8 | static_cast<uint8_t>(byte);
        }
        out[block_num] = codec.word(scan->row(), 0);
    }
    return out;
}

Prices expected_beats(const FakeChain& chain) {
    Prices out;
    for (const auto& block : chain.blocks()) {
        if (block->header.block_num % 7 == 0) {
            out[block->header.block_num] = Truth::price(*block, test::hub_address());
        }
    }
    return out;
}

TEST_F(CallsTest, HandlersOfBlocksHoldWhatContractsSaidAtThem) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        const TempDir directory;
        Asked asked;
        asked.more = beat_handler();
        Rig rig{chain, directory.sub("db"), seed, asked, {}};
        std::mt19937_64 random{seed};
        for (int round = 0; round < 5; ++round) {
            for (uint64_t i = random() % 300; i > 0; --i) {
                rig.step();
            }
            chain.reorg(1 + random() % 8, 2 + random() % 10);
        }
        chain.mine(20);  // Finality never goes back: above what a higher head had made final.
        ASSERT_TRUE(rig.settle(chain)) << rig.why();
        EXPECT_EQ(stored_beats(*rig.indexer->database()), expected_beats(chain));
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        test::expect_same(rig.stop_and_dump(), fresh_index(chain, asked));
    }
}

TEST_F(CallsTest, ACallThatWasAskedForTheWrongEventIsAskedForTheRightOne) {
    const std::string hub = evm::to_hex(test::hub_address());
    Asked asked;
    asked.price = false;
    asked.name = false;
    // Whether the event needs the name is known only once its flag is: both are asked at first.
    asked.more = fmt::format(R"x(
[entities.flagged]
key = {{ owner = "address" }}
fields = {{ name = "string" }}
[[on]]
event = "hub.Deposited"
upsert = "flagged"
key = {{ owner = "who" }}
when = "$call.flag == 1"
set = {{ name = "$call.name" }}
[on.calls]
flag = {{ call = "function flag(address) view returns (uint8)", args = "who", once = true }}
name = {{ call = "function name() view returns (string)", at = "{}", once = true, default = "'?'" }}
)x",
                             hub);
    for (const uint64_t seed : seeds(20)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        FakeNodeOptions node;
        node.contracts = [](const FakeBlock& block, const evm::Address& to, ByteView input) {
            if (input.size() != 36) {
                return Truth::answer(block, to, input);
            }
            rpc::CallResult out{rpc::CallResult::Kind::kAnswered, {}, ""};
            const evm::Address who = evm::Address::from(input.subspan(16));
            evm::append_word(out.data, evm::U256{Truth::number_of(who) % 2});
            return out;
        };
        const TempDir directory;
        Rig rig{chain, directory.sub("db"), seed, asked, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        std::map<std::string, std::string> expected;
        std::optional<std::string> name;
        for_deposits(chain, [&](const FakeBlock& block, const evm::Address& who) {
            if (Truth::number_of(who) % 2 == 1) {
                name = name ? name : Truth::name(block, test::hub_address());
                expected[std::string{as_chars(who.view())}] = *name;
            }
        });
        std::map<std::string, std::string> stored;
        const storage::RowCodec codec{rig.indexer->database()->entities()[1]};
        const auto view = rig.indexer->database()->read_view();
        for (const auto scan = view->scan_entity(1, "", ""); scan->valid(); scan->next()) {
            stored[std::string{scan->key()}] = codec.raw(scan->row(), 0);
        }
        EXPECT_EQ(stored, expected);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

/// One call in `one_in` is told wrongly, always the same ones.
void lie(uint64_t seed, uint64_t one_in, const FakeBlock& block, ByteView input,
         rpc::CallResult& result) {
    Bytes bytes{block.header.hash.bytes.begin(), block.header.hash.bytes.end()};
    bytes.insert(bytes.end(), input.begin(), input.end());
    bytes.push_back(static_cast<uint8_t>(seed));
    const evm::Hash hash = evm::keccak256(ByteView{bytes});
    const uint64_t dice =
        uint64_t{hash.bytes[0]} << 16 | uint64_t{hash.bytes[1]} << 8 | hash.bytes[2];
    if (dice % one_in == 0 && result.kind == rpc::CallResult::Kind::kAnswered &&
        input.size() == 36 && !result.data.empty()) {
        result.data.back() ^= 1;
    }
}

/// Which of several providers lies so.
auto liar_of(size_t liar, uint64_t seed, uint64_t one_in) {
    return [=](size_t provider, const FakeBlock& block, ByteView input, rpc::CallResult& result) {
        if (provider == liar) {
            lie(seed, one_in, block, input, result);
        }
    };
}

/// The look at calls, and nothing else.
RepairOptions calls_alone() {
    RepairOptions options;
    options.verify.with_log = false;
    options.verify.with_replay = false;
    options.verify.with_state = false;
    return options;
}

/// The first of three providers does.
FakeNodeOptions with_a_liar(uint64_t seed, uint64_t one_in) {
    FakeNodeOptions node;
    node.providers = {"liar", "second", "third"};
    node.spoils = [seed, one_in](size_t provider, const FakeBlock& block, ByteView input,
                                 rpc::CallResult& result) {
        if (provider == 0) {
            lie(seed, one_in, block, input, result);
        }
    };
    return node;
}

TEST_F(CallsTest, AProviderThatLiesIsFoundNamedAndItsFactsAreMended) {
    size_t found = 0;
    for (const uint64_t seed : seeds(20)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        const TempDir directory;
        const FakeNodeOptions node = with_a_liar(seed, 10);
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        size_t wrong = 0;
        const auto view = database.read_view();
        for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
            const storage::CallFact& fact = scan->fact();
            EXPECT_EQ(fact.provider, "liar");
            const auto truth = Truth::answer(*chain.blocks()[fact.block_num], fact.call.to,
                                             as_bytes(fact.call.input));
            wrong += fact.data == kept_of(truth) ? 0U : 1U;
        }
        RepairOptions options;
        options.verify.with_log = false;
        options.verify.with_replay = false;
        options.verify.with_state = false;
        const auto looked =
            verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
        ASSERT_TRUE(looked) << looked.error().message;
        EXPECT_EQ(looked->calls->findings.total, wrong);
        for (const Finding& finding : looked->calls->findings.kept) {
            EXPECT_EQ(finding.provider, "liar") << describe(finding);
        }
        found += wrong;
        const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
        EXPECT_EQ(stored_rows(database), expected_rows(chain));
        EXPECT_EQ(database.read_view()->list_journal(0, 1000)->size(), wrong);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
    EXPECT_GT(found, 0U);
}

/// What the hub says of an account, for good, and what it says of that, for good as well or not.
std::string chained_handler(bool is_second_once = true) {
    return fmt::format(R"x(
[entities.sight]
key = {{ owner = "address" }}
fields = {{ first = "uint256", second = "uint256" }}
[[on]]
event = "hub.Deposited"
upsert = "sight"
key = {{ owner = "who" }}
set = {{ first = "$call.first", second = "$call.second" }}
[on.calls]
first = {{ call = "function price(address) view returns (uint256)", at = "{0}", args = "who", once = true, default = 7 }}
second = {{ call = "function seen(uint256) view returns (uint256)", at = "{0}", args = "$call.first", {1}default = 7 }}
)x",
                       evm::to_hex(test::hub_address()), is_second_once ? "once = true, " : "");
}

size_t count_facts(const storage::Database& database) {
    size_t count = 0;
    const auto view = database.read_view();
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        ++count;
    }
    return count;
}

/// What was mended is what an index has that was never told anything wrong. Stops both.
void expect_as_fresh(const FakeChain& chain, const Asked& asked, std::string fresh_path,
                     Rig& mended) {
    const storage::Database& database = *mended.indexer->database();
    Rig fresh{chain, std::move(fresh_path), 0, asked};
    ASSERT_TRUE(fresh.finish()) << fresh.why();
    EXPECT_EQ(lines_of(database, {"sight"}), lines_of(*fresh.indexer->database(), {"sight"}));
    EXPECT_EQ(count_facts(database), count_facts(*fresh.indexer->database()))
        << "what wrong answers had led to is gone";
    EXPECT_TRUE(mended.indexer->stop().has_value());
    EXPECT_TRUE(fresh.indexer->stop().has_value());
}

TEST_F(CallsTest, WhatAMendedEventIsTheFirstToNameForGoodLeadsLaterOnesToOtherCalls) {
    size_t moved = 0;
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        Asked asked;
        asked.more = chained_handler(false);
        const TempDir directory;
        FakeNodeOptions node;
        node.drops = [](const evm::Log& log) { return log.block_num < 25; };
        Rig rig{chain, directory.sub("db"), 0, asked, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        rig.node->options.drops = {};
        RepairOptions options;
        options.verify.with_state = false;
        const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
        moved += repaired->plans.empty() ? 0 : repaired->plans.front().new_calls.size();
        expect_as_fresh(chain, asked, directory.sub("fresh"), rig);
    }
    EXPECT_GT(moved, 0U);
}

TEST_F(CallsTest, WhatAMendedAnswerLeadsToIsAskedBeforeTheFold) {
    size_t found = 0;
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        Asked asked;
        asked.more = chained_handler();
        const TempDir directory;
        const FakeNodeOptions node = with_a_liar(seed, 4);
        Rig rig{chain, directory.sub("db"), 0, asked, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        RepairOptions options;
        options.verify.with_log = false;
        options.verify.with_state = false;
        options.verify.calls_sample = 1;
        const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
        found += repaired->plans.empty() ? 0 : repaired->plans.front().calls.size();
        EXPECT_EQ(stored_rows(database), expected_rows(chain));
        expect_as_fresh(chain, asked, directory.sub("fresh"), rig);
    }
    EXPECT_GT(found, 0U);
}

TEST_F(CallsTest, OneLieInAThousandCallsIsFoundNamedAndMended) {
    for (const uint64_t seed : seeds(3)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        while (distinct_calls(chain) < 1'000) {
            chain.mine(100);
        }
        std::vector<std::pair<evm::Hash, evm::Address>> answered;
        for_deposits(chain, [&](const FakeBlock& block, const evm::Address& who) {
            if (Truth::number_of(who) % 4 != 0) {
                answered.emplace_back(block.header.hash, who);
            }
        });
        const auto [lied_at, lied_of] = answered[seed * 7'919 % answered.size()];
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"liar", "second", "third"};
        node.spoils = [&, at = lied_at, of = lied_of](size_t provider, const FakeBlock& block,
                                                      ByteView input, rpc::CallResult& result) {
            if (provider == 0 && block.header.hash == at && input.size() == 36 &&
                evm::Address::from(input.subspan(16)) == of) {
                result.data.back() ^= 1;
            }
        };
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        RepairOptions options;
        options.verify.with_log = false;
        options.verify.with_replay = false;
        options.verify.with_state = false;
        options.verify.calls_sample = 1.0;
        const auto looked =
            verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
        ASSERT_TRUE(looked) << looked.error().message;
        ASSERT_EQ(looked->calls->findings.total, 1U);
        EXPECT_EQ(looked->calls->findings.kept.front().provider, "liar");
        EXPECT_GE(looked->calls->checked, 1'000U);
        const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
        EXPECT_EQ(stored_rows(database), expected_rows(chain));
        EXPECT_EQ(database.read_view()->list_journal(0, 1000)->size(), 1U);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, OfWhoToldOneWrongAnswerOfTheSampleNoFactIsLeftOut) {
    FakeChain chain{11};
    while (distinct_calls(chain) < 1'500) {
        chain.mine(100);
    }
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"liar", "second", "third"};
    node.spoils = liar_of(0, 11, 40);
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    storage::Database& database = *rig.indexer->database();
    RepairOptions options = calls_alone();
    options.verify.calls_sample = 0.5;
    const auto part = verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
    ASSERT_TRUE(part) << part.error().message;
    EXPECT_GT(part->calls->skipped, 0U) << "no more is asked than the caller says";
    options.verify.calls_sample.reset();
    const auto looked =
        verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
    ASSERT_TRUE(looked) << looked.error().message;
    EXPECT_EQ(looked->calls->skipped, 0U);
    EXPECT_GT(looked->calls->findings.total, part->calls->findings.total);
    const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_EQ(stored_rows(database), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhereOneWordStandsAgainstAnotherNothingIsChanged) {
    FakeChain chain{7};
    chain.mine(80);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"one", "other"};
    node.spoils = liar_of(1, 7, 3);
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    RepairOptions options = calls_alone();
    const auto repaired =
        repair(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(), options);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_TRUE(repaired->plans.empty());
    EXPECT_FALSE(repaired->left.empty());
    EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhoAnswersFromAnotherBlockIsNotAskedForAProof) {
    FakeChain chain{5};
    chain.mine(60);
    for (const auto& [takes_hashes, is_newest] :
         {std::pair{true, true}, {false, true}, {true, false}, {false, false}}) {
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"other"};
        (is_newest ? node.off_block : node.block_before) = {0};
        node.takes_hashes = takes_hashes;
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        EXPECT_NE(stored_rows(database), expected_rows(chain)) << "it told otherwise";
        const RepairOptions options = calls_alone();

        const auto alone =
            verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
        ASSERT_TRUE(alone) << alone.error().message;
        EXPECT_EQ(alone->calls->checked, 0U);
        EXPECT_GT(alone->calls->open, 0U);
        EXPECT_FALSE(alone->is_complete());
        EXPECT_THAT(fmt::format("{}", fmt::join(alone->unproven, "; ")),
                    testing::HasSubstr("other answers eth_call from another block"));

        rig.node->options.providers = {"other", "second"};
        const auto looked =
            verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
        ASSERT_TRUE(looked) << looked.error().message;
        ASSERT_FALSE(looked->calls->findings.empty());
        for (const Finding& finding : looked->calls->findings.kept) {
            EXPECT_EQ(finding.provider, "other") << describe(finding);
        }
        EXPECT_THAT(fmt::format("{}", fmt::join(looked->notes, "; ")),
                    testing::HasSubstr("other answers eth_call from another block"));
        const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
        EXPECT_EQ(stored_rows(database), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, WhoRefusesAllCallsIsAskedForAHandfulByAProofAndTheOthersForTheRest) {
    FakeChain chain{5};
    chain.mine(200);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"teller"};
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    for (const char* words : {"the method eth_call does not exist/is not available",
                              "eth_call is not supported on this plan"}) {
        rig.node->options.providers = {"teller", "refuser"};
        rig.node->options.refuse_calls = {{1, words}};
        rig.node->call_asks = 0;
        const auto looked = verify(*rig.indexer->database(), rig.indexer->shared_plan(),
                                   rig.node.get(), calls_alone().verify);
        ASSERT_TRUE(looked) << looked.error().message;
        EXPECT_GT(looked->calls->checked, 100U);
        EXPECT_EQ(looked->calls->open, 0U);
        const size_t with_refuser = rig.node->call_asks;
        rig.node->options.providers = {"teller"};
        rig.node->options.refuse_calls.clear();
        rig.node->call_asks = 0;
        ASSERT_TRUE(verify(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(),
                           calls_alone().verify));
        EXPECT_LE(with_refuser, rig.node->call_asks + 40) << words;

        rig.node->options.refuse_calls = {{0, words}};
        rig.node->call_asks = 0;
        const auto alone = verify(*rig.indexer->database(), rig.indexer->shared_plan(),
                                  rig.node.get(), calls_alone().verify);
        ASSERT_TRUE(alone) << alone.error().message;
        EXPECT_EQ(alone->calls->checked, 0U);
        EXPECT_THAT(fmt::format("{}", fmt::join(alone->unproven, "; ")), testing::HasSubstr(words));
        EXPECT_LE(rig.node->call_asks, 40U) << words;
        rig.node->options.refuse_calls.clear();
    }
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhatOneHasNoStateOfIsAskedOfTheNextAndAloneTheReasonIsTold) {
    FakeChain chain{5};
    chain.mine(60);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"teller"};
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    rig.node->options.state_depths = {{0, 20}};
    const auto alone = verify(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(),
                              calls_alone().verify);
    ASSERT_TRUE(alone) << alone.error().message;
    EXPECT_GT(alone->calls->checked, 0U);
    EXPECT_GT(alone->calls->open, 0U);
    EXPECT_THAT(fmt::format("{}", fmt::join(alone->unproven, "; ")),
                testing::AllOf(testing::HasSubstr("missing trie node"),
                               testing::HasSubstr("the state after block")));

    rig.node->options.providers = {"teller", "pruned", "archive"};
    rig.node->options.state_depths = {{0, 20}, {1, 20}};
    const auto looked = verify(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(),
                               calls_alone().verify);
    ASSERT_TRUE(looked) << looked.error().message;
    EXPECT_EQ(looked->calls->open, 0U);
    EXPECT_EQ(looked->calls->by_same, 0U);
    EXPECT_TRUE(looked->is_complete());
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhoRunsNoProgramIsAskedForAProofAllTheSame) {
    FakeChain chain{5};
    chain.mine(60);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"plain"};
    node.runs_programs = false;
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    const auto looked = verify(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(),
                               calls_alone().verify);
    ASSERT_TRUE(looked) << looked.error().message;
    EXPECT_GT(looked->calls->checked, 0U);
    EXPECT_TRUE(looked->is_complete());
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, ASampleInWhichNoFactIsProvesNothing) {
    FakeChain chain{5};
    chain.mine(60);
    const TempDir directory;
    Rig rig{chain, directory.sub("db"), 0};
    ASSERT_TRUE(rig.finish()) << rig.why();
    RepairOptions options = calls_alone();
    options.verify.calls_sample = 0;
    const auto looked = verify(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(),
                               options.verify);
    ASSERT_TRUE(looked) << looked.error().message;
    EXPECT_EQ(looked->calls->checked, 0U);
    EXPECT_FALSE(looked->is_complete());
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// Facts of the head, of a name that is another one since.
TEST_F(CallsTest, AFactOfTheHeadThatHasChangedSinceIsNobodysLie) {
    for (const bool is_archive : {true, false}) {
        FakeChain chain{8};
        chain.mine(60);
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"only"};
        node.state_depth = is_archive ? UINT64_MAX : 2 * kFinality;
        Rig rig{chain, directory.sub("db"), 0, asked_of_head(false), {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        chain.mine(40);
        const RepairOptions options = calls_alone();
        const auto looked =
            verify(database, rig.indexer->shared_plan(), rig.node.get(), options.verify);
        ASSERT_TRUE(looked) << looked.error().message;
        ASSERT_FALSE(looked->calls->findings.empty());
        for (const Finding& finding : looked->calls->findings.kept) {
            EXPECT_EQ(finding.provider, "");
            EXPECT_THAT(describe(finding),
                        testing::AllOf(testing::HasSubstr("it was asked at block "),
                                       testing::HasSubstr("is none for state = \"head\""),
                                       testing::Not(testing::HasSubstr("only")),
                                       testing::Not(testing::HasSubstr("providers say so"))));
        }
        const auto repaired = repair(database, rig.indexer->shared_plan(), rig.node.get(), options);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
        const auto journal = database.read_view()->list_journal(0, 1000);
        ASSERT_TRUE(journal);
        EXPECT_EQ(journal->size(), looked->calls->findings.total);
        for (const storage::JournalRow& row : *journal) {
            EXPECT_EQ(row.provider, "");
            EXPECT_THAT(row.evidence, testing::Not(testing::HasSubstr("only")));
        }
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, AFactOfTheHeadThatWasToldWrongIsALieThoughItHasChangedSince) {
    FakeChain chain{8};
    chain.mine(60);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"liar", "second", "third"};
    node.spoils = [](size_t provider, const FakeBlock&, ByteView, rpc::CallResult& result) {
        if (provider == 0 && !result.data.empty()) {
            result.data.back() ^= 1;
        }
    };
    Rig rig{chain, directory.sub("db"), 0, asked_of_head(false), {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    chain.mine(40);
    const auto looked = verify(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(),
                               calls_alone().verify);
    ASSERT_TRUE(looked) << looked.error().message;
    ASSERT_FALSE(looked->calls->findings.empty());
    for (const Finding& finding : looked->calls->findings.kept) {
        if (finding.stored != "answered nothing") {
            EXPECT_EQ(finding.provider, "liar") << describe(finding);
        }
    }
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// The block of the first deposit of the chain.
uint64_t first_deposit(const FakeChain& chain) {
    uint64_t out = UINT64_MAX;
    for_deposits(chain, [&](const FakeBlock& block, const evm::Address& /*who*/) {
        out = std::min(out, block.header.block_num);
    });
    return out;
}

/// What a proof says of a block whose events a provider had left out.
RepairPlan plan_for(const FakeChain& chain, uint64_t block_num, const storage::Database& database) {
    const FakeBlock& fake = *chain.blocks()[block_num];
    ProvenBlock block;
    block.header = fake.header;
    for (const evm::Log& log : fake.logs.logs) {
        if (log.address == test::hub_address()) {
            block.logs.push(log, fake.logs.data(log));
        }
    }
    block.has_receipts = true;
    if (const auto row = database.read_view()->get_block(block_num)) {
        block.stored_hash = row->hash;
    }
    RepairPlan plan;
    plan.blocks.push_back(std::move(block));
    plan.fold_again = true;
    return plan;
}

/// A node that leaves out what that block has logged.
FakeNodeOptions node_without(uint64_t block_num) {
    FakeNodeOptions out;
    out.drops = [block_num](const evm::Log& log) { return log.block_num == block_num; };
    return out;
}

size_t facts_for_good(const storage::Database& database, const storage::CallKey& call) {
    size_t out = 0;
    const auto view = database.read_view();
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        out += scan->fact().is_once && scan->fact().call == call ? 1U : 0U;
    }
    return out;
}

TEST_F(CallsTest, EventsThatRepairInsertsBringTheirCalls) {
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(80);
        const uint64_t lost = first_deposit(chain);
        const TempDir directory;
        const FakeNodeOptions node = node_without(lost);
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        ASSERT_FALSE(database.read_view()->scan_logs(lost, lost)->valid());
        RepairPlan plan = plan_for(chain, lost, database);
        const auto mapping = rig.indexer->shared_plan();
        ASSERT_TRUE(fetch_calls(*rig.node, *database.read_view(), *mapping, plan));
        const Status repaired = apply_repair(database, mapping, plan, rig.clock);
        ASSERT_TRUE(repaired) << repaired.error().message;
        EXPECT_EQ(stored_rows(database), expected_rows(chain));
        for (const storage::CallFact& fact : plan.new_calls) {
            EXPECT_TRUE(!fact.is_once || facts_for_good(database, fact.call) == 1);
        }
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, AnAnswerForGoodThatMovesToARepairedEventLeavesItsBlockToPlainCalls) {
    Asked asked;
    asked.more = R"x(
[entities.latest]
key = { owner = "address" }
fields = { name = "string" }
[[on]]
event = "hub.Deposited"
upsert = "latest"
key = { owner = "who" }
set = { name = "$call.now" }
[on.calls]
now = { call = "function name() view returns (string)", at = "who", default = "'?'" }
)x";
    for (const uint64_t seed : seeds(6)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(80);
        const uint64_t lost = first_deposit(chain);
        const TempDir directory;
        const FakeNodeOptions node = node_without(lost);
        Rig rig{chain, directory.sub("db"), 0, asked, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        RepairPlan plan = plan_for(chain, lost, database);
        const auto mapping = rig.indexer->shared_plan();
        ASSERT_TRUE(fetch_calls(*rig.node, *database.read_view(), *mapping, plan));
        const Status repaired = apply_repair(database, mapping, plan, rig.clock);
        ASSERT_TRUE(repaired) << repaired.error().message;
        const TempDir other;
        Rig fresh{chain, other.sub("db"), 0, asked};
        ASSERT_TRUE(fresh.finish()) << fresh.why();
        test::expect_same(calls_and_rows(database), calls_and_rows(*fresh.indexer->database()));
        EXPECT_TRUE(rig.indexer->stop().has_value());
        EXPECT_TRUE(fresh.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, FactsOfEventsThatNeverWereGoWithThem) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(80);
        const uint64_t gone = first_deposit(chain);
        const FakeNodeOptions without = node_without(gone);
        const TempDir directory;
        {
            Rig rig{chain, directory.sub("db"), 0};
            ASSERT_TRUE(rig.finish()) << rig.why();
            storage::Database& database = *rig.indexer->database();
            RepairPlan plan = plan_for(chain, gone, database);
            plan.blocks.front().logs.clear();
            const Status repaired =
                apply_repair(database, rig.indexer->shared_plan(), plan, rig.clock);
            // Names that were asked there for the first time are missing now.
            EXPECT_TRUE(repaired || repaired.error().code == ErrorCode::kNotFound);
            EXPECT_FALSE(database.read_view()->scan_logs(gone, gone)->valid());
            EXPECT_FALSE(database.read_view()->scan_calls(gone, gone)->valid());
            EXPECT_TRUE(rig.indexer->stop().has_value());
        }
        Rig again{chain, directory.sub("db"), seed, {}, {true, std::nullopt}, without};
        ASSERT_TRUE(again.finish()) << again.why();
        const TempDir other;
        Rig fresh{chain, other.sub("db"), 0, {}, {true, std::nullopt}, without};
        ASSERT_TRUE(fresh.finish()) << fresh.why();
        test::expect_same(calls_and_rows(*again.indexer->database()),
                          calls_and_rows(*fresh.indexer->database()));
        EXPECT_TRUE(again.indexer->stop().has_value());
        EXPECT_TRUE(fresh.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, AMappingThatAsksLessLeavesNoFactBehind) {
    for (const uint64_t seed : seeds(6)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        const TempDir directory;
        {
            Rig rig{chain, directory.sub("db"), seed};
            ASSERT_TRUE(rig.finish()) << rig.why();
            EXPECT_TRUE(rig.indexer->stop().has_value());
        }
        Asked less;
        less.price = seed % 3 == 0;
        less.name = seed % 3 == 1;
        Rig rig{chain, directory.sub("db"), seed, less};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(rig.node->call_asks, 0U);
        test::expect_same(rig.stop_and_dump(), fresh_index(chain, less));
    }
}

TEST_F(CallsTest, WhereACallHasNoAnswerAnOptionalFieldStaysUnset) {
    Asked asked;
    asked.price = false;
    asked.name = false;
    asked.more = R"x(
[entities.named]
key = { owner = "address" }
fields = { name = "string?", is_named = "bool" }
[[on]]
event = "hub.Deposited"
upsert = "named"
key = { owner = "who" }
set = { name = "$call.name ?? null", is_named = "exists($call.name)" }
[on.calls]
name = { call = "function name() view returns (string)", at = "who", once = true }
)x";
    FakeChain chain{3};
    chain.mine(80);
    const TempDir directory;
    Rig rig{chain, directory.sub("db"), 0, asked};
    ASSERT_TRUE(rig.finish()) << rig.why();
    size_t unset = 0;
    size_t rows = 0;
    const storage::RowCodec codec{rig.indexer->database()->entities()[1]};
    const auto view = rig.indexer->database()->read_view();
    for (const auto scan = view->scan_entity(1, "", ""); scan->valid(); scan->next()) {
        const bool is_null = codec.is_null(scan->row(), 0);
        EXPECT_EQ(is_null, Truth::number_of(evm::Address::from(as_bytes(scan->key()))) % 5 == 0);
        EXPECT_EQ(codec.word(scan->row(), 1).is_zero(), is_null);
        unset += is_null ? 1U : 0U;
        ++rows;
    }
    EXPECT_GT(unset, 0U);
    EXPECT_GT(rows, unset);
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, AFoldThatLacksAnAnswerIsMadeOnceTheNextRunHasAskedForIt) {
    FakeChain chain{4};
    chain.mine(80);
    const uint64_t lost = first_deposit(chain);
    const TempDir directory;
    {
        const FakeNodeOptions node = node_without(lost);
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        storage::Database& database = *rig.indexer->database();
        const Status repaired = apply_repair(database, rig.indexer->shared_plan(),
                                             plan_for(chain, lost, database), rig.clock);
        ASSERT_FALSE(repaired);
        EXPECT_EQ(repaired.error().code, ErrorCode::kNotFound);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
    Rig rig{chain, directory.sub("db"), 0};
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, AContractThatFailsInWordsNobodyKnowsStopsNoIndex) {
    for (const bool runs_programs : {true, false}) {
        FakeChain chain{6};
        chain.mine(60);
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"one"};
        node.runs_programs = runs_programs;
        node.contracts = [](const FakeBlock& block, const evm::Address& to, ByteView input) {
            rpc::CallResult out = Truth::answer(block, to, input);
            if (out.kind == rpc::CallResult::Kind::kReverted) {
                out = {rpc::CallResult::Kind::kRefused, {}, "EVM error OutOfOffset"};
            }
            return out;
        };
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, AProviderThatRunsNoCallsLeavesThemToOthers) {
    FakeChain chain{7};
    chain.mine(60);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"deaf", "able"};
    node.spoils = [](size_t provider, const FakeBlock& /*block*/, ByteView /*input*/,
                     rpc::CallResult& result) {
        if (provider == 0) {
            result = {rpc::CallResult::Kind::kRefused, {}, "the method eth_call does not exist"};
        }
    };
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhatALaterStateSaidIsAskedAgainWhereTheEventsBlockCounts) {
    FakeChain chain{8};
    chain.mine(80);
    const TempDir directory;
    Asked asked = asked_of_head(false);
    {
        Rig rig{chain, directory.sub("db"), 0, asked};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
    asked.more_of_name = "";
    Rig rig{chain, directory.sub("db"), 1, asked};
    ASSERT_TRUE(rig.finish()) << rig.why();
    test::expect_same(rig.stop_and_dump(), fresh_index(chain, asked));
}

TEST_F(CallsTest, WhoAnswersNothingToEveryCallIsNotBelieved) {
    for (const bool is_alone : {false, true}) {
        FakeChain chain{9};
        chain.mine(60);
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"empty"};
        if (!is_alone) {
            node.providers.emplace_back("able");
        }
        node.runs_programs = false;
        node.spoils = [](size_t provider, const FakeBlock& /*block*/, ByteView /*input*/,
                         rpc::CallResult& result) {
            if (provider == 0) {
                result = {rpc::CallResult::Kind::kAnswered, {}, ""};
            }
        };
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        if (is_alone) {
            EXPECT_FALSE(rig.finish(5'000));
            EXPECT_FALSE(rig.indexer->failure());
            EXPECT_FALSE(rig.indexer->database()->read_view()->scan_calls(0, UINT64_MAX)->valid());
            rig.node->options.spoils = nullptr;
        }
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, WhoAnswersNothingToEveryCallHoldsNoCallThatOthersRefuse) {
    for (const char* words : {"EVM error OutOfOffset", "out of gas"}) {
        SCOPED_TRACE(words);
        FakeChain chain{9};
        chain.mine(60);
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"empty", "able"};
        node.runs_programs = false;
        node.contracts = [words](const FakeBlock& block, const evm::Address& to, ByteView input) {
            rpc::CallResult out = Truth::answer(block, to, input);
            if (out.kind == rpc::CallResult::Kind::kReverted) {
                out = {rpc::CallResult::Kind::kRefused, {}, words};
            }
            return out;
        };
        node.spoils = [](size_t provider, const FakeBlock& /*block*/, ByteView /*input*/,
                         rpc::CallResult& result) {
            if (provider == 0) {
                result = {rpc::CallResult::Kind::kAnswered, {}, ""};
            }
        };
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, WhoHasLostTheStateAndAnswersNothingHoldsNoneUpThatAnotherTellsByNumber) {
    for (const uint64_t kept : {uint64_t{20}, uint64_t{0}}) {
        SCOPED_TRACE(kept);
        FakeChain chain{9};
        chain.mine(60);
        const uint64_t head = chain.head();
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"pruned", "archive"};
        node.runs_programs = false;
        node.refuse_hashes = {1};
        node.spoils = [head, kept](size_t provider, const FakeBlock& block, ByteView /*input*/,
                                   rpc::CallResult& result) {
            if (provider == 0 && block.header.block_num + kept < head) {
                result = {rpc::CallResult::Kind::kAnswered, {}, ""};
            }
        };
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

/// Every fact names a block of the chain and is what that says, and rows hold it. How many of the
/// head there are for events up to block `to`.
size_t expect_true_facts(const FakeChain& chain, const storage::Database& database, uint64_t to) {
    size_t of_head = 0;
    std::map<std::string, std::string> names;
    const auto view = database.read_view();
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        const storage::CallFact& fact = scan->fact();
        const bool is_of_head = fact.pin == storage::CallPin::kHead;
        const uint64_t block_num = is_of_head ? fact.asked.block_num : fact.block_num;
        if (block_num > chain.head() ||
            (is_of_head && chain.blocks()[block_num]->header.hash != fact.asked.hash)) {
            ADD_FAILURE() << "a fact of block " << fact.block_num << " names block " << block_num
                          << ", which is no more";
            continue;
        }
        const FakeBlock& block = *chain.blocks()[block_num];
        EXPECT_EQ(fact.data,
                  kept_of(Truth::answer(block, fact.call.to, as_bytes(fact.call.input))));
        of_head += is_of_head && fact.block_num <= to ? 1U : 0U;
        if (fact.is_once) {
            names[std::string{as_chars(fact.call.to.view())}] = Truth::name(block, fact.call.to);
        }
    }
    for (const auto& [owner, row] : stored_rows(database)) {
        EXPECT_EQ(row.name, names[owner]);
    }
    EXPECT_FALSE(database.needs_refold());
    return of_head;
}

TEST_F(CallsTest, WhatTheHeadSaidOfABlockThatIsNoMoreIsAskedAgain) {
    size_t asked_again = 0;
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(80);
        const TempDir directory;
        const Asked asked = asked_of_head(seed % 2 == 0);
        Rig rig{chain, directory.sub("db"), seed, asked, {}};
        ASSERT_TRUE(rig.settle(chain)) << rig.why();
        const uint64_t fork = chain.head() - 30;
        chain.reorg(30, 50 + seed % 5);
        ASSERT_TRUE(rig.settle(chain)) << rig.why();
        asked_again += expect_true_facts(chain, *rig.indexer->database(), fork);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
    EXPECT_GT(asked_again, 0U);
}

template <typename Condition>
bool step_until(Rig& rig, Condition condition) {
    for (int i = 0; i < 100'000 && !condition(); ++i) {
        rig.step();
    }
    return condition();
}

bool has_facts(const Rig& rig) {
    const storage::Database* database = rig.indexer->database();
    return database != nullptr && database->read_view()->scan_calls(0, UINT64_MAX)->valid();
}

/// Every block that facts of the head name was found on the chain, or they were asked again.
bool is_looked_at(const Rig& rig) {
    const storage::Database& database = *rig.indexer->database();
    return !database.needs_refold() &&
           storage::list_asked(*database.read_view(), 0, UINT64_MAX, 1)->empty();
}

/// The block that was asked goes while the index has not come so far: no block of its own does.
TEST_F(CallsTest, WhatTheHeadSaidOfABlockThatWentBeforeTheIndexCameThereIsAskedAgain) {
    for (const uint64_t seed : seeds(8)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(300);
        const TempDir directory;
        const Asked asked = asked_of_head(seed % 2 == 0);
        auto rig = std::make_unique<Rig>(chain, directory.sub("db"), seed, asked, Until{});
        ASSERT_TRUE(step_until(*rig, [&] { return has_facts(*rig); }));
        ASSERT_LT(rig->cursor()->block_num, chain.head() - 40);
        chain.reorg(40, 60);
        if (seed % 2 == 0) {
            // Ended without a word, and nothing is known but what is stored.
            rig.reset();
            rig = std::make_unique<Rig>(chain, directory.sub("db"), seed, asked, Until{});
        }
        ASSERT_TRUE(rig->settle(chain)) << rig->why();
        // The only provider must say for ten seconds that a final block went.
        ASSERT_TRUE(step_until(*rig, [&] { return is_looked_at(*rig); }));
        EXPECT_GT(expect_true_facts(chain, *rig->indexer->database(), UINT64_MAX), 0U);
        EXPECT_TRUE(rig->indexer->stop().has_value());
    }
}

TEST_F(CallsTest, ABlockThatOneOfTwoProvidersStillHasCostsNoAnswerAndHoldsNobodyUp) {
    FakeChain chain{3};
    chain.mine(300);
    const FakeChain before{chain};
    const FakeChain* of_first = &chain;
    const TempDir directory;
    const Asked asked = asked_of_head(false);
    FakeNodeOptions node;
    node.words = [&](uint64_t block_num) {
        return std::vector<rpc::BlockWord>{{"one", of_first->blocks()[block_num]->header.hash},
                                           {"two", chain.blocks()[block_num]->header.hash}};
    };
    Rig rig{chain, directory.sub("db"), 3, asked, Until{}, node};
    ASSERT_TRUE(step_until(rig, [&] { return has_facts(rig); }));
    ASSERT_LT(rig.cursor()->block_num, chain.head() - 40);
    chain.reorg(40, 60);
    of_first = &before;
    ASSERT_TRUE(rig.settle(chain)) << rig.why();
    const int64_t start = rig.clock.monotonic_ms();
    ASSERT_TRUE(step_until(rig, [&] { return rig.clock.monotonic_ms() - start > 200'000; }));
    EXPECT_EQ(rig.cursor()->block_num, chain.head());
    EXPECT_FALSE(is_looked_at(rig));
    EXPECT_FALSE(rig.indexer->database()->needs_refold());
    const auto view = rig.indexer->database()->read_view();
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        EXPECT_FALSE(storage::is_in_doubt(scan->fact()));
    }
    of_first = &chain;
    ASSERT_TRUE(step_until(rig, [&] { return is_looked_at(rig); }));
    EXPECT_GT(expect_true_facts(chain, *rig.indexer->database(), UINT64_MAX), 0U);
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, WhatRunsOutOfGasInAProgramIsAskedAlone) {
    FakeChain chain{5};
    chain.mine(60);
    const TempDir directory;
    size_t in_programs = 0;
    FakeNodeOptions node;
    // Refused inside of a program means that the gas was used up; alone it answers.
    std::set<std::string> seen;
    node.contracts = [&](const FakeBlock& block, const evm::Address& to, ByteView input) {
        const std::string key = std::string{as_chars(block.header.hash.view())} +
                                std::string{as_chars(to.view())} + std::string{as_chars(input)};
        if (seen.insert(key).second) {
            ++in_programs;
            return rpc::CallResult{rpc::CallResult::Kind::kRefused, {}, "out of gas"};
        }
        return Truth::answer(block, to, input);
    };
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_GT(in_programs, 0U);
    EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// As a provider that cannot answer says it: the call reverts, or runs out of gas.
rpc::CallResult failure(bool is_revert) {
    return is_revert ? rpc::CallResult{rpc::CallResult::Kind::kReverted, {}, "execution reverted"}
                     : rpc::CallResult{rpc::CallResult::Kind::kRefused, {}, "out of gas"};
}

TEST_F(CallsTest, WhoFailsEveryCallIsNotBelieved) {
    for (const bool is_revert : {true, false}) {
        for (const bool is_alone : {true, false}) {
            SCOPED_TRACE(fmt::format("{} {}", is_revert, is_alone));
            FakeChain chain{9};
            chain.mine(60);
            const TempDir directory;
            FakeNodeOptions node;
            node.providers = {"failing"};
            if (!is_alone) {
                node.providers.emplace_back("able");
            }
            node.runs_programs = false;
            node.spoils = [is_revert](size_t provider, const FakeBlock& /*block*/,
                                      ByteView /*input*/, rpc::CallResult& result) {
                if (provider == 0) {
                    result = failure(is_revert);
                }
            };
            Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
            if (is_alone) {
                EXPECT_FALSE(rig.finish(5'000));
                EXPECT_FALSE(rig.indexer->failure());
                EXPECT_FALSE(has_facts(rig));
                rig.node->options.spoils = nullptr;
            }
            ASSERT_TRUE(rig.finish()) << rig.why();
            EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
            EXPECT_TRUE(rig.indexer->stop().has_value());
        }
    }
}

/// A pruned node that runs no programs: of new blocks it has answers, of old ones none.
TEST_F(CallsTest, WhoFailsTheCallsOfBlocksThatItHasNotIsNotBelievedOfThese) {
    for (const int how : {0, 1, 2}) {
        for (const bool is_alone : {true, false}) {
            SCOPED_TRACE(fmt::format("{} {}", how, is_alone));
            FakeChain chain{9};
            chain.mine(60);
            const uint64_t head = chain.head();
            const TempDir directory;
            FakeNodeOptions node;
            node.providers = {"pruned"};
            if (!is_alone) {
                node.providers.emplace_back("archive");
            }
            node.runs_programs = false;
            node.spoils = [head, how](size_t provider, const FakeBlock& block, ByteView /*input*/,
                                      rpc::CallResult& result) {
                if (provider == 0 && block.header.block_num + 30 < head) {
                    result = how == 2 ? rpc::CallResult{rpc::CallResult::Kind::kAnswered, {}, ""}
                                      : failure(how == 0);
                }
            };
            Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
            if (is_alone) {
                EXPECT_FALSE(rig.finish(5'000));
                EXPECT_FALSE(rig.indexer->failure());
                expect_true_facts(chain, *rig.indexer->database(), 0);
                rig.node->options.spoils = nullptr;
            }
            ASSERT_TRUE(rig.finish()) << rig.why();
            EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
            EXPECT_TRUE(rig.indexer->stop().has_value());
        }
    }
}

TEST_F(CallsTest, AFailureThatNoProgramSawIsAskedOfAnother) {
    for (const bool is_revert : {true, false}) {
        FakeChain chain{9};
        chain.mine(60);
        const TempDir directory;
        FakeNodeOptions node;
        node.providers = {"failing", "able"};
        node.runs_programs = false;
        // It runs the hash function of every chain, so of itself it would be believed.
        node.spoils = [is_revert](size_t provider, const FakeBlock& /*block*/, ByteView input,
                                  rpc::CallResult& result) {
            if (provider == 0 && !input.empty()) {
                result = failure(is_revert);
            }
        };
        Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish()) << rig.why();
        EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(CallsTest, WhatAProgramSawRevertIsAskedOfNobodyElse) {
    FakeChain chain{9};
    chain.mine(60);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"one", "other"};
    size_t asked_of_other = 0;
    node.spoils = [&asked_of_other](size_t provider, const FakeBlock& /*block*/, ByteView /*input*/,
                                    rpc::CallResult& /*result*/) { asked_of_other += provider; };
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_EQ(asked_of_other, 0U);
    EXPECT_EQ(stored_rows(*rig.indexer->database()), expected_rows(chain));
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// The program and another provider saw that it answers nothing: one plain answer says otherwise.
TEST_F(CallsTest, WhatTwoSawCountsAgainstOneThoughNoByteCameBack) {
    FakeChain chain{9};
    chain.mine(60);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"one", "other"};
    std::map<std::pair<uint64_t, std::string>, unsigned> asked;
    size_t lies = 0;
    node.spoils = [&](size_t provider, const FakeBlock& block, ByteView input,
                      rpc::CallResult& result) {
        const bool is_nothing =
            result.kind == rpc::CallResult::Kind::kAnswered && result.data.empty();
        // By the program first, then alone.
        if (provider == 0 && is_nothing &&
            ++asked[{block.header.block_num, std::string{as_chars(input)}}] > 1) {
            result = failure(true);
            ++lies;
        }
    };
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    EXPECT_GT(lies, 0U);
    const auto view = rig.indexer->database()->read_view();
    size_t nothing = 0;
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        const storage::CallFact& fact = scan->fact();
        if (fact.is_once && Truth::number_of(fact.call.to) % 5 == 0) {
            EXPECT_EQ(fact.outcome, storage::CallOutcome::kNothing) << fact.block_num;
            ++nothing;
        }
    }
    EXPECT_GT(nothing, 0U);
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// One call that a provider does not answer costs the others nothing of its word.
TEST_F(CallsTest, AProviderThatDoesNotAnswerOneCallHasAVoiceInTheOthers) {
    FakeChain chain{7};
    chain.mine(80);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"liar"};
    node.spoils = liar_of(0, 7, 3);
    Rig rig{chain, directory.sub("db"), 0, {}, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    storage::Database& database = *rig.indexer->database();
    ASSERT_NE(stored_rows(database), expected_rows(chain));
    rig.node->options.providers = {"one", "other"};
    rig.node->options.spoils = nullptr;
    const auto looked =
        verify(database, rig.indexer->shared_plan(), rig.node.get(), calls_alone().verify);
    ASSERT_TRUE(looked) << looked.error().message;
    const Findings& found = looked->calls->findings;
    ASSERT_GT(found.kept.size(), 2U);
    const uint64_t silent_at = found.kept[1].block_num;
    rig.node->options.is_silent_at = [silent_at](size_t provider, uint64_t block_num) {
        return provider == 1 && block_num == silent_at;
    };
    const auto repaired =
        repair(database, rig.indexer->shared_plan(), rig.node.get(), calls_alone());
    ASSERT_TRUE(repaired) << repaired.error().message;
    const auto then =
        verify(database, rig.indexer->shared_plan(), rig.node.get(), calls_alone().verify);
    ASSERT_TRUE(then) << then.error().message;
    ASSERT_FALSE(then->calls->findings.empty());
    for (const Finding& left : then->calls->findings.kept) {
        EXPECT_EQ(left.block_num, silent_at) << left.detail;
        EXPECT_THAT(left.detail, testing::HasSubstr("other did not answer: "));
    }
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

/// The node's tag is behind what the config calls final: names are other ones at every block.
TEST_F(CallsTest, AFactOfTheHeadIsComparedAtWhatTheConfigCallsFinal) {
    FakeChain chain{8};
    chain.mine(90);
    const TempDir directory;
    FakeNodeOptions node;
    node.providers = {"only"};
    node.finality_depth = 60;
    Rig rig{chain, directory.sub("db"), 0, asked_of_head(false), {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish()) << rig.why();
    storage::Database& database = *rig.indexer->database();
    const auto at_once =
        verify(database, rig.indexer->shared_plan(), rig.node.get(), calls_alone().verify);
    ASSERT_TRUE(at_once) << at_once.error().message;
    EXPECT_GT(at_once->calls->checked, 0U);
    EXPECT_TRUE(at_once->calls->findings.empty());

    chain.mine(40);
    const auto repaired =
        repair(database, rig.indexer->shared_plan(), rig.node.get(), calls_alone());
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_FALSE(repaired->plans.empty());
    EXPECT_TRUE(repaired->is_whole()) << fmt::format("{}", fmt::join(repaired->left, "; "));
    const auto view = database.read_view();
    size_t of_new_block = 0;
    for (const auto scan = view->scan_calls(0, UINT64_MAX); scan->valid(); scan->next()) {
        of_new_block += scan->fact().asked.block_num == chain.head() - kFinality ? 1U : 0U;
    }
    EXPECT_GT(of_new_block, 0U);
    EXPECT_GT(expect_true_facts(chain, database, UINT64_MAX), 0U);
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(CallsTest, AFactOfTheHeadIsComparedAtNoBlockBeforeItsOwn) {
    FakeChain chain{8};
    chain.mine(90);
    const TempDir directory;
    Rig rig{chain, directory.sub("db"), 0, asked_of_head(false)};
    ASSERT_TRUE(rig.finish()) << rig.why();
    rig.node->options.lag = 40;  // A node that is behind, or was put back.
    rig.node->options.keeps_side_blocks = true;
    const auto repaired =
        repair(*rig.indexer->database(), rig.indexer->shared_plan(), rig.node.get(), calls_alone());
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_TRUE(repaired->plans.empty());
    EXPECT_TRUE(repaired->report.calls->findings.empty());
    EXPECT_GT(expect_true_facts(chain, *rig.indexer->database(), UINT64_MAX), 0U);
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

}  // namespace
}  // namespace plumbline::engine::calls_test
