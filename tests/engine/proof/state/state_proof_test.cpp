// The state proof from rows in a real database to getters on a real anvil. Skipped where node or
// anvil are not installed (npm ci --prefix tools/node).
#include "engine/proof/state/state_proof.hpp"

#include <array>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/check.hpp"
#include "core/evm/keccak.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/proof/replay/replay_proof.hpp"
#include "engine/proof/standing.hpp"
#include "engine/proof/state/state_bisect.hpp"
#include "engine/proof/state/state_record.hpp"
#include "engine/repair/repair.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/database.hpp"
#include "storage/named_row.hpp"
#include "tests/engine/proof/state/state_node.hpp"
#include "tests/engine/proof/state/state_plans.hpp"
#include "tests/storage/storage_test_util.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::engine::state_proof_test {
namespace {

using evm::Address;
using evm::Hash;
using evm::U256;
using rpc::CallResult;
using storage::test::TempDir;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string read_file(const std::string& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::unique_ptr<rpc::ChainSource> source_of(const std::vector<std::string>& urls) {
    rpc::PoolOptions options;
    for (const std::string& url : urls) {
        options.endpoints.push_back({url, {}, {}});
    }
    options.deadline_ms = 20'000;
    options.batch_max = 100;
    return rpc::make_chain_source(std::move(options));
}

/// Passes everything on, but may answer a call itself or change an answer.
class Meddler final : public rpc::ChainSource {
  public:
    explicit Meddler(rpc::ChainSource& inner) : inner_{inner} {}

    /// Asked for each call of a question; what it gives is the answer.
    std::function<std::optional<CallResult>(size_t provider, const rpc::CallRequest&)> answer;
    bool no_hashes = false;                        ///< blocks are known by number only
    std::function<bool(size_t provider)> is_down;  ///< asked for each question
    std::function<void(size_t provider, Result<rpc::AccountProof>&)> spoil_proof;
    std::function<void()> before_headers;
    std::vector<std::string> names;  ///< more than the inner one has: all ask the same node

    std::vector<std::string> provider_names() const override {
        return names.empty() ? inner_.provider_names() : names;
    }
    void call(std::vector<rpc::CallRequest> requests, rpc::StateBlock block,
              std::optional<size_t> provider, Callback<rpc::CallAnswers> done) override {
        if (is_down && is_down(provider.value_or(0))) {
            done(Error{ErrorCode::kUnavailable, "no answer within 120 s"});
            return;
        }
        std::vector<std::optional<CallResult>> scripted;
        bool any = false;
        for (const rpc::CallRequest& request : requests) {
            scripted.push_back(answer ? answer(provider.value_or(0), request) : std::nullopt);
            if (no_hashes && !block.by_num) {
                scripted.back() = CallResult{CallResult::Kind::kRefused, {}, "invalid block"};
            }
            any = any || scripted.back();
        }
        if (!any) {
            inner_.call(std::move(requests), block, names.empty() ? provider : 0, std::move(done));
            return;
        }
        inner_.call(std::move(requests), block, names.empty() ? provider : 0,
                    [scripted, done = std::move(done)](Result<rpc::CallAnswers> answers) {
                        ASSERT_TRUE(answers);
                        for (size_t i = 0; i < scripted.size(); i++) {
                            if (scripted[i]) {
                                answers->results[i] = *scripted[i];
                            }
                        }
                        done(std::move(answers));
                    });
    }
    void get_proof(Address address, std::vector<Hash> slots, rpc::StateBlock block,
                   std::optional<size_t> provider, Callback<rpc::AccountProof> done) override {
        inner_.get_proof(address, std::move(slots), block, names.empty() ? provider : 0,
                         [this, provider, done = std::move(done)](Result<rpc::AccountProof> proof) {
                             if (spoil_proof) {
                                 spoil_proof(provider.value_or(0), proof);
                             }
                             done(std::move(proof));
                         });
    }
    void get_chain_id(Callback<uint64_t> done) override { inner_.get_chain_id(std::move(done)); }
    void get_heads(Callback<rpc::Heads> done) override { inner_.get_heads(std::move(done)); }
    void get_headers(std::vector<uint64_t> block_nums,
                     Callback<std::vector<evm::Header>> done) override {
        if (before_headers) {
            before_headers();
        }
        inner_.get_headers(std::move(block_nums), std::move(done));
    }
    void get_header_by_hash(Hash hash, Callback<evm::Header> done) override {
        inner_.get_header_by_hash(hash, std::move(done));
    }
    void get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                   Callback<rpc::RangeLogs> done) override {
        inner_.get_range(std::move(filter), range, all_headers, std::move(done));
    }
    void get_txns(std::vector<Hash> hashes, Callback<std::vector<rpc::TxnInfo>> done) override {
        inner_.get_txns(std::move(hashes), std::move(done));
    }
    uint64_t suggest_range_size(const rpc::LogFilter& filter, uint64_t from) override {
        return inner_.suggest_range_size(filter, from);
    }
    size_t poll(int64_t wait_ms) override { return inner_.poll(wait_ms); }
    size_t in_flight() const override { return inner_.in_flight(); }

  private:
    rpc::ChainSource& inner_;
};

struct Deployed {
    std::string abi_json;
    evm::Abi abi;
    Address address;
};

/// An index filled by hand, for one config.
class Index {
  public:
    Index(const std::string& config, const std::map<std::string, std::string>& abis) {
        const auto parsed = parse_config(config, "test.toml", [&](const std::string& name) {
            return Result<std::string>{abis.at(name)};
        });
        EXPECT_TRUE(parsed) << parsed.error().message;
        auto compiled = Plan::compile(*parsed);
        EXPECT_TRUE(compiled) << compiled.error().message;
        plan = *compiled;
        storage::OpenOptions options;
        options.create = true;
        options.identity = storage::ChainIdentity{31337, Hash{}};
        options.bundle = plan->bundle();
        auto opened = storage::Database::open(dir_.sub("db"), std::move(options));
        EXPECT_TRUE(opened) << opened.error().message;
        database = *std::move(opened);
        batch_ = database->make_batch();
    }
    /// A row from the text of its columns.
    void put(const std::string& entity, const std::vector<std::string>& texts) {
        const auto at = static_cast<size_t>(plan->find_entity(entity));
        StoredRow row = row_of(plan->entities()[at], texts);
        storage::RowCodec::set_changed_at(row.row, {7, 3});
        change(at, row.key, row.row);
    }
    /// The same key, deleted.
    void bury(const std::string& entity, const std::vector<std::string>& texts) {
        const auto at = static_cast<size_t>(plan->find_entity(entity));
        const storage::EntityLayout& layout = plan->entities()[at];
        change(at, row_of(layout, texts).key, storage::RowCodec{layout}.make_tombstone({8, 1}));
    }
    void commit(uint64_t block_num, const Hash& hash) {
        batch_->set_cursor(block_num, hash, 1'700'000'000);
        const Status committed = database->commit(*batch_, storage::Durability::kSync);
        ASSERT_TRUE(committed) << committed.error().message;
    }
    /// Records how a proof of the index as it is ended.
    void keep(const StateOutcome& outcome, uint64_t time_s) {
        const auto view = database->read_view();
        const auto batch = database->make_batch();
        const Status added = add_state_records(*batch, *view, *plan, outcome, time_s);
        ASSERT_TRUE(added) << added.error().message;
        ASSERT_TRUE(database->commit(*batch, storage::Durability::kSync));
    }
    StateOutcome prove(rpc::ChainSource& source, StateProofOptions options = {}) const {
        const auto view = database->read_view();
        return prove_state(source, *view, plan, std::move(options));
    }

    std::shared_ptr<const Plan> plan;

  private:
    void change(size_t entity, const std::string& key, const std::string& row) {
        std::string before;
        const auto found = database->latest_row(entity, key, before);
        ASSERT_TRUE(found);
        batch_->change_row(entity, key, *found ? before : "", row, std::nullopt);
    }
    TempDir dir_;

  public:
    std::unique_ptr<storage::Database> database;

  private:
    std::unique_ptr<storage::CommitBatch> batch_;
};

class StateProofTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        node_ = TestNode::start("--slots-in-an-epoch 1");
        if (node_ != nullptr) {
            source_ = source_of({node_->url()});
        }
    }
    static void TearDownTestSuite() {
        source_.reset();
        node_.reset();
    }
    void SetUp() override {
        if (node_ == nullptr) {
            GTEST_SKIP() << "no anvil: run npm ci --prefix tools/node";
        }
    }

    static const std::string& compile(const std::string& contract) {
        static std::map<std::string, std::string> compiled;
        std::string& text = compiled[contract];
        if (text.empty()) {
            const std::string out = binary_dir() + "/proof_" + contract + ".json";
            output_of("node " + source_dir() + "/tools/node/compile.mjs " + source_dir() +
                      "/tests/contracts/StateCases.sol " + out + " --contract " + contract);
            text = read_file(out);
        }
        return text;
    }
    static Deployed deploy(TestNode& node, const std::string& contract) {
        const std::string& text = compile(contract);
        const Json receipt = node.transact("", Json::parse(text)["bytecode"]);
        return {text, *evm::read_abi(text),
                *evm::parse_address(receipt["contractAddress"].get<std::string>())};
    }
    static std::string section(const std::string& name, const Deployed& at) {
        return fmt::format("[contracts.{}]\nabi = \"{}.json\"\naddress = \"{}\"\nstart_block = 0\n",
                           name, name, evm::to_hex(at.address));
    }
    static std::string chain_section() {
        return "[chain]\nid = 31337\nrpc = [\"" + node_->url() + "\"]\n";
    }
    static void commit_at_head(Index& index, TestNode& node = *node_) {
        const Json head = node.call("eth_getBlockByNumber", {"latest", false});
        index.commit(std::stoull(head["number"].get<std::string>(), nullptr, 16),
                     *evm::parse_hash(head["hash"].get<std::string>()));
    }
    static std::string text_of(size_t i) {
        std::string out(i * 3, '\0');
        for (size_t at = 0; at < out.size(); at++) {
            out[at] = static_cast<char>(97 + (i + at) % 26);
        }
        return out;
    }
    static std::string reasons(const StateOutcome& outcome) {
        std::string out;
        for (const EntityState& state : outcome.entities) {
            for (const auto& item : state.unproven) {
                out += fmt::format("{}: {} x {}\n", state.name, item.count, item.reason);
            }
            for (const auto& item : state.disputed) {
                out += fmt::format("{}: {} x {}\n", state.name, item.count, item.reason);
            }
        }
        for (const Finding& finding : outcome.findings.kept) {
            out += fmt::format("{} {} {}: {} but {} ({})\n", finding.entity, finding.key,
                               finding.field, finding.stored, finding.expected, finding.detail);
        }
        return out;
    }
    static std::unique_ptr<TestNode> node_;
    static std::unique_ptr<rpc::ChainSource> source_;
};
std::unique_ptr<TestNode> StateProofTest::node_;
std::unique_ptr<rpc::ChainSource> StateProofTest::source_;

// ---- shapes of getters -----------------------------------------------------------------------

/// Rows of many shapes, as StateCases tells them.
class StateProofCases : public StateProofTest {
  protected:
    static const Deployed& cases() {
        static const Deployed at = deploy(*node_, "StateCases");
        return at;
    }
    static std::string config() {
        return chain_section() + section("cases", cases()) + R"(
[entities.item]
key = { id = "uint64" }
fields = { owner = "address", name = "string", delta = "int64", data = "bytes", ok = "bool", tag = "bytes4" }
state = { call = "cases.item", args = ["id"], returns = ["owner", "name", "delta", "data", "ok", "tag", "_"] }

[entities.pair]
key = { group = "bytes32", name = "string" }
fields = { n = "uint64" }
state = { call = "cases.byPair", args = ["group", "name"], returns = ["n"], deleted = [0] }

[entities.sure]
key = { id = "uint256" }
fields = { n = "uint256" }
state = { call = "cases.mustExist", args = ["id"], returns = ["n"], deleted = "revert" }

[entities.text]
key = { id = "uint256" }
fields = { s = "string" }
state = { call = "cases.long", args = ["id"], returns = ["s"] }

[entities.next]
key = { id = "uint256" }
fields = { a = "uint256" }
state = { call = "cases.fixedItem", args = ["sure[id].n"], returns = ["a", "_", "_"] }

[[on]]
event = "cases.Nothing"
insert = "sure"
key = { id = "id" }
)";
    }
    static std::map<std::string, std::string> abis() {
        // An event, because a config must have a handler.
        Json abi = Json::parse(cases().abi_json)["abi"];
        abi.push_back(Json::parse(
            R"({"type":"event","name":"Nothing","anonymous":false,"inputs":[{"name":"id","type":"uint256","indexed":false}]})"));
        return {{"cases.json", abi.dump()}};
    }
    static void fill(Index& index) {
        for (uint32_t id = 0; id < 30; id++) {
            const U256 owner{uint64_t{id} * 1001};
            Address address;
            owner.to_be(address.data(), 20);
            std::array<uint8_t, 4> tag{};
            U256{id}.to_be(tag.data(), 4);
            index.put("item", {std::to_string(id), evm::to_hex(address), text_of(id),
                               id == 0 ? "0" : "-" + std::to_string(id),
                               evm::to_hex(as_bytes(text_of(id + 1))),
                               id % 2 == 1 ? "true" : "false", evm::to_hex(tag)});
            Hash group;
            U256{id % 4}.to_be(group.data());
            index.put("pair", {evm::to_hex(group), text_of(id), std::to_string(id)});
        }
        for (uint64_t id = 0; id < 100; id++) {
            if (id % 4 == 0) {
                index.bury("sure", {std::to_string(id), "0"});
            } else {
                index.put("sure", {std::to_string(id), std::to_string(id + 1)});
            }
        }
        for (const uint64_t id : {1U, 2U, 3U, 50U}) {  // asked for by the `n` of another row
            index.put("next", {std::to_string(id), std::to_string(id + 1)});
        }
        for (const uint64_t id :
             {0U, 1U, 31U, 33U, 40U}) {  // above 32 they are asked for one by one
            index.put("text", {std::to_string(id), std::string(id * 1024, '\0')});
        }
    }
};

TEST_F(StateProofCases, StructsStringsCompositeKeysAndDeletedRowsAreEqualEveryWay) {
    Index index{config(), abis()};
    fill(index);
    commit_at_head(index);
    Meddler source{*source_};
    const auto refuse_overrides = [](size_t, const rpc::CallRequest& request) {
        return request.code
                   ? std::optional{CallResult{CallResult::Kind::kRefused, {}, "no overrides"}}
                   : std::nullopt;
    };
    for (const std::string way : {"program by override", "program by create", "getters"}) {
        SCOPED_TRACE(way);
        source.answer = nullptr;
        if (way == "program by create") {
            source.answer = refuse_overrides;
        }
        StateProofOptions options;
        options.plain_only = way == "getters";
        options.chunk_rows = 7;  // many chunks
        const StateOutcome outcome = index.prove(source, std::move(options));
        EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
        EXPECT_EQ(outcome.way, way);
        EXPECT_EQ(outcome.provider, node_->url());
        ASSERT_THAT(outcome.entities, SizeIs(5));
        EXPECT_EQ(outcome.entities[0].equal, 30U);
        EXPECT_EQ(outcome.entities[1].equal, 30U);
        EXPECT_EQ(outcome.entities[2].equal, 100U);
        EXPECT_EQ(outcome.entities[2].rows, 75U);
        EXPECT_EQ(outcome.entities[2].deleted, 25U);
        EXPECT_EQ(outcome.entities[3].equal, 5U);
        EXPECT_EQ(outcome.entities[4].equal, 4U);
        EXPECT_GT(outcome.traffic.sent, 1000U);
        ASSERT_THAT(outcome.entities[0].roots, SizeIs(1));
        EXPECT_EQ(outcome.entities[0].roots[0].address, cases().address);
    }
}

TEST_F(StateProofCases, EveryDifferenceIsTold) {
    Index index{config(), abis()};
    fill(index);
    // Another name and sign; a row the contract has not; one the index lost; another string.
    index.put("item", {"5", "0x000000000000000000000000000000000000138d", "wrong", "5", "0x",
                       "true", "0x00000005"});
    index.put("sure", {"8", "9"});
    index.bury("sure", {"9", "0"});
    index.bury("pair", {"0x" + std::string(63, '0') + "1", text_of(5), "0"});
    index.put("text", {"33", std::string(33 * 1024, '\1')});
    index.put("next", {"8", "9"});
    index.put("next", {"9", "10"});
    commit_at_head(index);
    for (const bool plain : {false, true}) {
        StateProofOptions options;
        options.plain_only = plain;
        const StateOutcome outcome = index.prove(*source_, std::move(options));
        EXPECT_FALSE(outcome.is_equal());
        std::vector<std::string> found;
        for (const Finding& finding : outcome.findings.kept) {
            EXPECT_EQ(finding.kind, FindingKind::kStateDiffers);
            EXPECT_EQ(finding.block_num,
                      finding.stored == "deleted" || finding.key.starts_with("group") ? 8U : 7U)
                << finding.key;
            found.push_back(fmt::format(
                "{} {} {}: {} but {}", finding.entity, finding.key.substr(0, 8), finding.field,
                finding.stored.substr(0, 16), finding.expected.substr(0, 16)));
        }
        EXPECT_THAT(found,
                    ::testing::UnorderedElementsAre(
                        "item id=5 name: wrong but " + text_of(5).substr(0, 16),
                        "item id=5 delta: 5 but -5",
                        "item id=5 data: 0x but " + evm::to_hex(as_bytes(text_of(6))).substr(0, 16),
                        "pair group=0x n: 0 but 5", "sure id=8 : a row but nothing: the get",
                        "sure id=9 : deleted but still there: the",
                        "text id=33 s: hex:010101010101 but hex:000000000000"));
        EXPECT_EQ(outcome.entities[0].differing, 1U);
        EXPECT_EQ(outcome.entities[0].equal, 29U);
        EXPECT_EQ(outcome.entities[2].differing, 2U);
        EXPECT_TRUE(outcome.entities[2].is_proven()) << reasons(outcome);
        // The row that row 9 asks by was deleted here.
        ASSERT_THAT(outcome.entities[4].unproven, SizeIs(1)) << reasons(outcome);
        EXPECT_EQ(outcome.entities[4].unproven[0].count, 1U);
        EXPECT_THAT(outcome.entities[4].unproven[0].reason, HasSubstr("the sure that"));
        EXPECT_EQ(outcome.entities[4].equal, 5U);
    }
}

TEST_F(StateProofCases, AStateThatIsGoneIsUnprovenAndAnotherProviderIsAsked) {
    Index index{config(), abis()};
    fill(index);
    commit_at_head(index);
    Meddler source{*source_};
    source.names = {"pruned", "whole"};
    const CallResult missing{CallResult::Kind::kMissingState, {}, "missing trie node"};
    source.answer = [&](size_t provider, const rpc::CallRequest&) {
        return provider == 0 ? std::optional{missing} : std::nullopt;
    };
    const StateOutcome outcome = index.prove(source);
    EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
    EXPECT_EQ(outcome.provider, "whole");

    // It goes away in the middle: nothing is counted twice.
    size_t calls = 0;
    source.answer = [&](size_t provider, const rpc::CallRequest&) {
        return provider == 0 && ++calls > 3 ? std::optional{missing} : std::nullopt;
    };
    StateProofOptions options;
    options.chunk_rows = 10;
    const StateOutcome second = index.prove(source, std::move(options));
    EXPECT_TRUE(second.is_equal()) << reasons(second);
    EXPECT_EQ(second.provider, "whole");
    EXPECT_EQ(second.entities[0].equal, 30U);
    EXPECT_EQ(second.entities[2].equal, 100U);

    source.answer = [&](size_t, const rpc::CallRequest&) { return std::optional{missing}; };
    const StateOutcome none = index.prove(source);
    EXPECT_FALSE(none.is_equal());
    EXPECT_TRUE(none.findings.empty());
    for (const EntityState& state : none.entities) {
        ASSERT_THAT(state.unproven, SizeIs(1)) << state.name;
        EXPECT_THAT(state.unproven[0].reason, HasSubstr("pruned, whole: missing trie node"));
        EXPECT_EQ(state.unproven[0].count, state.rows + state.deleted);
        EXPECT_EQ(state.equal, 0U);
    }
}

TEST_F(StateProofCases, ABlockThatLeftTheChainIsUnproven) {
    Index index{config(), abis()};
    fill(index);
    (void)cases();
    const Json snapshot = node_->call("evm_snapshot");
    node_->call("evm_mine");
    commit_at_head(index);
    node_->call("evm_revert", Json::array({snapshot}));
    node_->call("evm_increaseTime", Json::array({77}));
    node_->call("evm_mine");
    const StateOutcome outcome = index.prove(*source_);
    EXPECT_FALSE(outcome.is_equal());
    EXPECT_TRUE(outcome.findings.empty());
    EXPECT_THAT(reasons(outcome), HasSubstr("left the chain"));
    EXPECT_EQ(outcome.entities[0].equal, 0U);
}

TEST_F(StateProofCases, NodesWithoutBlockHashesAreAskedByNumberAndLookedAtAfterwards) {
    Index index{config(), abis()};
    fill(index);
    (void)cases();
    const Json snapshot = node_->call("evm_snapshot");
    node_->call("evm_mine");
    commit_at_head(index);
    Meddler source{*source_};
    source.no_hashes = true;
    const StateOutcome outcome = index.prove(source);
    EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
    EXPECT_EQ(outcome.way, "program by override");
    EXPECT_EQ(outcome.entities[2].equal, 100U);
    source.before_headers = [&] {
        node_->call("evm_revert", Json::array({snapshot}));
        node_->call("evm_increaseTime", Json::array({99}));
        node_->call("evm_mine");
    };
    const StateOutcome moved = index.prove(source);
    EXPECT_FALSE(moved.is_equal());
    EXPECT_EQ(moved.entities[2].equal, 0U);
    EXPECT_THAT(reasons(moved), HasSubstr("is another now"));
}

const storage::ProofRecord& record_of(const std::vector<storage::ProofRecord>& records,
                                      const std::string& entity) {
    return *std::ranges::find(records, entity, &storage::ProofRecord::entity);
}

TEST_F(StateProofCases, WhatAProofFoundStandsUntilOneThatLookedAtItFindsItNoMore) {
    Index index{config(), abis()};
    fill(index);
    index.put("sure", {"9", "11"});
    commit_at_head(index);
    index.keep(index.prove(*source_), 1'700'000'000);
    const auto found = index.database->read_view()->list_proofs();
    ASSERT_TRUE(found);
    ASSERT_EQ(record_of(*found, "sure").mismatches, 1U);

    Meddler gone{*source_};
    gone.answer = [](size_t, const rpc::CallRequest&) {
        return std::optional{CallResult{CallResult::Kind::kMissingState, {}, "pruned"}};
    };
    for (const uint64_t time_s : {1'700'000'600U, 1'700'001'200U}) {
        const StateOutcome nobody = index.prove(gone);
        ASSERT_FALSE(nobody.entities[2].not_asked.empty());
        index.keep(nobody, time_s);
        const auto kept = index.database->read_view()->list_proofs();
        ASSERT_TRUE(kept);
        const storage::ProofRecord& sure = record_of(*kept, "sure");
        EXPECT_EQ(sure.mismatches, 1U);
        EXPECT_FALSE(sure.is_equal);
        EXPECT_EQ(sure.time_s, 1'700'000'000U);
        EXPECT_THAT(std::string{not_looked_at(sure)}, HasSubstr("nobody has the state of block"));
        EXPECT_EQ(difference_text(sure), "1 row differs from the contract");
        // And what was equal was equal then.
        const storage::ProofRecord& item = record_of(*kept, "item");
        EXPECT_TRUE(item.is_equal);
        EXPECT_EQ(item.checked, 30U);
        EXPECT_FALSE(not_looked_at(item).empty());
        EXPECT_EQ(looked_detail(item), record_of(*found, "item").detail);
    }
    index.put("sure", {"9", "10"});
    commit_at_head(index);
    index.keep(index.prove(*source_), 1'700'001'800);
    const auto mended = index.database->read_view()->list_proofs();
    ASSERT_TRUE(mended);
    EXPECT_EQ(record_of(*mended, "sure").mismatches, 0U);
    EXPECT_TRUE(record_of(*mended, "sure").is_equal);
    EXPECT_EQ(not_looked_at(record_of(*mended, "sure")), "");
}

TEST_F(StateProofCases, StoragesThatDidNotChangeAreNotAskedAbout) {
    Index index{config(), abis()};
    fill(index);
    commit_at_head(index);
    const StateOutcome first = index.prove(*source_);
    ASSERT_TRUE(first.is_equal()) << reasons(first);
    node_->call("evm_mine");
    commit_at_head(index);
    StateProofOptions options;
    { index.keep(first, 1'700'000'000); }
    index.bury("sure", {"200", "7"});  // these rows changed since
    commit_at_head(index);
    auto view = index.database->read_view();
    options.last_equal = last_equal_of(*view, index.plan);
    const StateOutcome second = index.prove(*source_, options);
    EXPECT_TRUE(second.is_equal());
    EXPECT_TRUE(second.entities[0].unchanged);
    EXPECT_FALSE(second.entities[2].unchanged);
    EXPECT_EQ(second.entities[2].equal, 101U);
    EXPECT_EQ(second.entities[0].traffic.requests, 0U);
    EXPECT_EQ(second.entities[0].roots, first.entities[0].roots);

    // What was kept of the first still holds, though kept anew by a proof that asked nothing.
    {
        index.keep(second, 1'700'000'001);
        view = index.database->read_view();
        const auto records = view->list_proofs();
        ASSERT_TRUE(records);
        ASSERT_THAT(*records, SizeIs(5));
        EXPECT_EQ((*records)[0].entity, "item");
        EXPECT_TRUE((*records)[0].is_equal);
        EXPECT_EQ((*records)[0].checked, 30U);
        EXPECT_THAT((*records)[0].detail, HasSubstr("storage unchanged; storage 0x"));
        options.last_equal = last_equal_of(*view, index.plan);
    }
    EXPECT_TRUE(index.prove(*source_, options).entities[2].unchanged);

    // A slot nobody maps: the storage is another, so everything is asked about.
    node_->call("anvil_setStorageAt",
                {evm::to_hex(cases().address), "0x" + std::string(63, '0') + "9",
                 "0x" + std::string(63, '0') + "9"});
    node_->call("evm_mine");
    commit_at_head(index);
    const StateOutcome third = index.prove(*source_, options);
    EXPECT_TRUE(third.is_equal());
    EXPECT_FALSE(third.entities[0].unchanged);
    EXPECT_NE(third.entities[0].roots, first.entities[0].roots);
}

TEST_F(StateProofCases, RefusalsHalveAndARowThatNobodyCanSettleIsUnproven) {
    Index index{config(), abis()};
    fill(index);
    commit_at_head(index);
    Meddler source{*source_};
    const CallResult refused{CallResult::Kind::kRefused, {}, "out of gas"};
    // Small calls only; and one getter that never answers.
    source.answer = [&](size_t, const rpc::CallRequest& request) {
        const Bytes poison = [] {
            Bytes word(32);
            word[31] = 13;
            return word;
        }();
        const bool item13 =
            request.to == cases().address && request.data.size() == 36 &&
            std::ranges::equal(ByteView{request.data}.subspan(4), poison) &&
            std::ranges::equal(ByteView{request.data}.first(4),
                               (*cases().abi.find_function("mustExist"))->selector().bytes);
        return (request.code && request.data.size() > 1000) || item13 ? std::optional{refused}
                                                                      : std::nullopt;
    };
    index.put("sure", {"13", "99"});
    commit_at_head(index);
    const StateOutcome outcome = index.prove(source);
    EXPECT_EQ(outcome.way, "program by override");
    EXPECT_EQ(outcome.entities[0].equal, 30U) << reasons(outcome);
    EXPECT_EQ(outcome.entities[2].equal, 99U) << reasons(outcome);
    ASSERT_THAT(outcome.entities[2].unproven, SizeIs(1));
    EXPECT_THAT(outcome.entities[2].unproven[0].reason, HasSubstr("was refused: out of gas"));
    EXPECT_FALSE(outcome.is_equal());
}

TEST_F(StateProofCases, AProviderThatFallsSilentIsReplacedAndNothingIsCountedTwice) {
    Index index{config(), abis()};
    fill(index);
    commit_at_head(index);
    Meddler source{*source_};
    source.names = {"silent", "whole"};
    size_t questions = 0;
    source.is_down = [&](size_t provider) { return provider == 0 && ++questions > 4; };
    StateProofOptions options;
    options.chunk_rows = 10;
    const StateOutcome outcome = index.prove(source, options);
    EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
    EXPECT_EQ(outcome.provider, "whole");
    EXPECT_EQ(outcome.entities[0].equal, 30U);
    EXPECT_EQ(outcome.entities[2].equal, 100U);

    source.is_down = [](size_t) { return true; };
    const StateOutcome none = index.prove(source, options);
    EXPECT_THAT(reasons(none), HasSubstr("asked: silent, whole: no answer within 120 s"));
    EXPECT_EQ(none.entities[2].unproven[0].count, 100U);

    source.is_down = nullptr;
    size_t asked = 0;
    options.is_cancelled = [&] { return ++asked > 5; };
    const StateOutcome cancelled = index.prove(source, options);
    EXPECT_FALSE(cancelled.is_equal());
    EXPECT_THAT(reasons(cancelled), HasSubstr("cancelled"));
    for (const EntityState& state : cancelled.entities) {
        uint64_t unproven = 0;
        for (const auto& item : state.unproven) {
            unproven += item.count;
        }
        EXPECT_EQ(state.checked + unproven, state.rows + state.deleted) << state.name;
    }
}

TEST_F(StateProofCases, LessGasIsAskedForWhereMoreIsRefused) {
    Index index{config(), abis()};
    fill(index);
    commit_at_head(index);
    Meddler source{*source_};
    source.answer = [](size_t, const rpc::CallRequest& request) {
        return request.gas > 30'000'000
                   ? std::optional{CallResult{
                         CallResult::Kind::kRefused, {}, "gas limit is too high"}}
                   : std::nullopt;
    };
    const StateOutcome outcome = index.prove(source);
    EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
    EXPECT_EQ(outcome.way, "program by override");
}

TEST_F(StateProofCases, AGetterThatAnswersOtherwiseInsideTheNodeProvesNothing) {
    Index index{config(), abis()};
    fill(index);
    index.put("sure", {"13", "99"});
    commit_at_head(index);
    Meddler source{*source_};
    source.answer = [](size_t, const rpc::CallRequest& request) {
        Bytes answer(32);
        answer[31] = 99;
        return request.to == cases().address && request.data.size() == 36
                   ? std::optional{CallResult{CallResult::Kind::kAnswered, answer, {}}}
                   : std::nullopt;
    };
    StateProofOptions options;
    options.entities = {2};
    const StateOutcome outcome = index.prove(source, options);
    EXPECT_EQ(outcome.entities[0].equal, 99U);
    EXPECT_TRUE(outcome.findings.empty());
    EXPECT_THAT(reasons(outcome), HasSubstr("it may look at gas, sender or time"));
}

// ---- contracts that are not there, many contracts ----------------------------------------------

TEST_F(StateProofTest, ManyContractsOfOneKindAndOneThatIsNotThere) {
    const Deployed factory = deploy(*node_, "StateFactory");
    Json factory_abi = Json::parse(factory.abi_json)["abi"];
    factory_abi.push_back(Json::parse(
        R"({"type":"event","name":"Made","anonymous":false,"inputs":[{"name":"child","type":"address","indexed":false}]})"));
    const std::string config = chain_section() + section("factory", factory) + R"(
[contracts.child]
abi = "child.json"
factory = { event = "factory.Made", address = "child" }

[entities.number]
key = { child = "address", id = "uint256" }
fields = { n = "uint256" }
state = { call = "child.numbers", at = "child", args = ["id"], returns = ["n"] }

[entities.made]
key = { child = "address" }

[[on]]
event = "factory.Made"
insert = "made"
key = { child = "child" }
)";
    Index index{config,
                {{"factory.json", factory_abi.dump()}, {"child.json", compile("StateChild")}}};
    const auto selector = (*factory.abi.find_function("children"))->selector();
    for (uint64_t i = 0; i < 12; i++) {
        Bytes call(36);
        std::ranges::copy(selector.bytes, call.begin());
        U256{i}.to_be(call.data() + 4);
        const auto answer = node_->ask(factory.address, call);
        ASSERT_TRUE(answer && answer->size() == 32);
        const std::string at = evm::to_hex(Address::from(ByteView{*answer}.subspan(12)));
        index.put("number", {at, "1", std::to_string(2 * (100 + i))});
        index.put("number", {at, "2", "0"});
    }
    commit_at_head(index);
    for (const bool plain : {false, true}) {
        StateProofOptions options;
        options.plain_only = plain;
        const StateOutcome outcome = index.prove(*source_, std::move(options));
        EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
        EXPECT_EQ(outcome.entities[0].equal, 24U);
        EXPECT_THAT(outcome.entities[0].roots, SizeIs(0));
    }
    index.put("number", {"0x00000000000000000000000000000000000abcde", "1", "0"});
    commit_at_head(index);
    for (const bool plain : {false, true}) {
        StateProofOptions options;
        options.plain_only = plain;
        const StateOutcome outcome = index.prove(*source_, std::move(options));
        EXPECT_EQ(outcome.entities[0].equal, 24U);
        EXPECT_FALSE(outcome.entities[0].is_proven());
        EXPECT_THAT(reasons(outcome),
                    HasSubstr("no contract at 0x00000000000000000000000000000000000abcde"));
        EXPECT_TRUE(outcome.findings.empty());
    }
}

TEST_F(StateProofTest, AContractThatIsNotThereAndAStateThatWasPrunedAreUnproven) {
    const auto pruned = TestNode::start("--prune-history 2");
    ASSERT_NE(pruned, nullptr);
    const Deployed load = deploy(*pruned, "StateLoad");
    Json abi = Json::parse(load.abi_json)["abi"];
    abi.push_back(Json::parse(
        R"({"type":"event","name":"Nothing","anonymous":false,"inputs":[{"name":"id","type":"uint256","indexed":false}]})"));
    const auto config = [&](const std::string& contract) {
        return chain_section() + contract + R"(
[entities.item]
key = { id = "uint256" }
fields = { a = "uint128" }
state = { call = "load.items", args = ["id"], returns = ["a", "_", "_", "_"] }

[[on]]
event = "load.Nothing"
insert = "item"
key = { id = "id" }
)";
    };
    const auto source = source_of({pruned->url()});
    Index index{config(section("load", load)), {{"load.json", abi.dump()}}};
    Deployed nowhere = load;
    nowhere.address.bytes[19] ^= 1;
    Index lost{config(section("load", nowhere)), {{"load.json", abi.dump()}}};
    for (uint64_t i = 0; i < 20; i++) {
        index.put("item", {std::to_string(i), "0"});
        lost.put("item", {std::to_string(i), "0"});
    }
    pruned->call("evm_mine");
    commit_at_head(index, *pruned);
    commit_at_head(lost, *pruned);
    const StateOutcome there = index.prove(*source);
    EXPECT_TRUE(there.is_equal()) << reasons(there);
    for (const bool plain : {false, true}) {
        StateProofOptions options;
        options.plain_only = plain;
        const StateOutcome none = lost.prove(*source, std::move(options));
        EXPECT_FALSE(none.is_equal());
        EXPECT_TRUE(none.findings.empty());
        ASSERT_THAT(none.entities[0].unproven, SizeIs(1)) << reasons(none);
        EXPECT_THAT(none.entities[0].unproven[0].reason,
                    HasSubstr("no contract at " + evm::to_hex(nowhere.address)));
        EXPECT_EQ(none.entities[0].unproven[0].count, 20U);
    }
    for (int i = 0; i < 10; i++) {
        pruned->call("evm_mine");
    }
    const StateOutcome gone = index.prove(*source);
    EXPECT_FALSE(gone.is_equal());
    EXPECT_TRUE(gone.findings.empty());
    EXPECT_THAT(reasons(gone), HasSubstr("nobody has the state of block"));
    EXPECT_EQ(gone.entities[0].unproven[0].count, 20U);
}

// ---- load ------------------------------------------------------------------------------------

/// Votes with composite keys and items with dense ids, half of the getters' answers on chain.
class StateProofLoad : public StateProofTest {
  protected:
    static void run(uint64_t count) {
        const Deployed load = deploy(*node_, "StateLoad");
        const auto fill = [&](const char* name) {
            const auto selector = (*load.abi.find_function(name))->selector();
            for (uint64_t first = 0; first < count; first += 250) {
                Bytes data(68);
                std::ranges::copy(selector.bytes, data.begin());
                U256{first}.to_be(data.data() + 4);
                U256{first + 250}.to_be(data.data() + 36);
                node_->transact(evm::to_hex(load.address), evm::to_hex(data));
            }
        };
        fill("fillVotes");
        fill("fillItems");
        Json abi = Json::parse(load.abi_json)["abi"];
        abi.push_back(Json::parse(
            R"({"type":"event","name":"Nothing","anonymous":false,"inputs":[{"name":"id","type":"uint256","indexed":false}]})"));
        Index index{chain_section() + section("load", load) + R"(
[entities.vote]
key = { question = "uint256", voter = "address" }
fields = { option = "uint8", weight = "uint128", cast_at = "uint64", changed_at = "uint64", changes = "uint32" }
state = { call = "load.votes", args = ["question", "voter"], returns = ["option", "weight", "cast_at", "changed_at", "changes"] }

[entities.item]
key = { id = "uint256" }
fields = { a = "uint128", b = "uint128", c = "uint256", owner = "address" }
state = { call = "load.items", args = ["id"], returns = ["a", "b", "c", "owner"] }

[[on]]
event = "load.Nothing"
insert = "item"
key = { id = "id" }
)",
                    {{"load.json", abi.dump()}}};
        std::vector<std::string> voters;
        for (uint64_t i = 0; i < count; i++) {
            std::array<uint8_t, 32> word{};
            U256{i}.to_be(word.data());
            const Hash hash = evm::keccak256(ByteView{word});
            voters.push_back(evm::to_hex(Address::from(hash.view().subspan(12))));
            index.put("vote", {std::to_string(1 + i / 200), voters.back(), std::to_string(i % 4),
                               fmt::format("1000000000000{:06}", i), std::to_string(1700000000 + i),
                               "0", std::to_string(i % 3)});
            std::array<uint8_t, 32> c{};
            for (size_t b = 0; b < 8; b++) {  // i << 100
                c[19 - b] = static_cast<uint8_t>((i << 4) >> (8 * b));
            }
            index.put("item", {std::to_string(i), std::to_string(i), std::to_string(i * i),
                               evm::to_hex(c), voters.back()});
        }
        commit_at_head(index);

        const auto prove = [&](const char* entity, bool plain) {
            StateProofOptions options;
            options.entities = {static_cast<uint32_t>(index.plan->find_entity(entity))};
            options.plain_only = plain;
            return index.prove(*source_, std::move(options));
        };
        const StateOutcome items = prove("item", false);
        EXPECT_TRUE(items.is_equal()) << reasons(items);
        EXPECT_EQ(items.entities[0].equal, count);
        EXPECT_LE(items.traffic.requests, 5U);
        EXPECT_LE(items.traffic.sent + items.traffic.received, 20'000U);

        const StateOutcome votes = prove("vote", false);
        EXPECT_TRUE(votes.is_equal()) << reasons(votes);
        EXPECT_EQ(votes.entities[0].equal, count);
        EXPECT_LE(votes.traffic.requests, 10U);
        const StateOutcome plain = prove("vote", true);
        EXPECT_TRUE(plain.is_equal()) << reasons(plain);
        EXPECT_LE(5 * (votes.traffic.sent + votes.traffic.received),
                  plain.traffic.sent + plain.traffic.received);
        std::printf("%lu items: %lu requests, %lu B sent, %lu B received\n", count,
                    items.traffic.requests, items.traffic.sent, items.traffic.received);
        std::printf("%lu votes: %lu requests, %lu B sent, %lu B received; plain %lu, %lu, %lu\n",
                    count, votes.traffic.requests, votes.traffic.sent, votes.traffic.received,
                    plain.traffic.requests, plain.traffic.sent, plain.traffic.received);

        // One slot of one vote is another than the events told: found, and only that.
        const uint64_t damaged = count / 2 + 21;
        Bytes place(64);
        U256{1 + damaged / 200}.to_be(place.data());
        const Hash inner = evm::keccak256(ByteView{place});
        Bytes outer(64);
        std::ranges::copy(*evm::parse_hex(voters[damaged]), outer.begin() + 12);
        std::ranges::copy(inner.bytes, outer.begin() + 32);
        const std::string slot = evm::to_hex(evm::keccak256(ByteView{outer}));
        const std::string before =
            node_->call("eth_getStorageAt", {evm::to_hex(load.address), slot, "latest"});
        std::string after = before;
        after.back() = after.back() == '0' ? '1' : '0';  // the option
        node_->call("anvil_setStorageAt", {evm::to_hex(load.address), slot, after});
        node_->call("evm_mine");
        commit_at_head(index);
        const StateOutcome drift = prove("vote", false);
        EXPECT_EQ(drift.entities[0].equal, count - 1);
        EXPECT_EQ(drift.entities[0].differing, 1U);
        EXPECT_TRUE(drift.entities[0].is_proven());
        ASSERT_EQ(drift.findings.total, 1U) << reasons(drift);
        const Finding& found = drift.findings.kept[0];
        EXPECT_EQ(found.entity, "vote");
        EXPECT_EQ(found.key,
                  fmt::format("question={},voter={}", 1 + damaged / 200, voters[damaged]));
        EXPECT_EQ(found.field, "option");
        EXPECT_EQ(found.stored, std::to_string(damaged % 4));
        EXPECT_EQ(found.expected, std::to_string(after.back() - '0'));
        EXPECT_LE(drift.traffic.requests, votes.traffic.requests + 2);
    }
};

TEST_F(StateProofLoad, OneDamagedVoteInAThousandIsFoundExactly) {
    run(1'000);
}

using StateProofFigures = StateProofLoad;
TEST_F(StateProofFigures, OneDamagedVoteInTenThousandIsFoundExactly) {
    run(10'000);
}

// ---- slots that the config names wrongly --------------------------------------------------------

/// Rows as the contract has them, and `slots` that are now right and now wrong.
class StateProofSlots : public StateProofTest {
  protected:
    static const Deployed& slots() {
        static const Deployed at = deploy(*node_, "StateSlots");
        return at;
    }
    static std::string one(const std::string& slots_of_low, const std::string& of_balance,
                           const std::string& of_votes) {
        return chain_section() + section("slots", slots()) + R"(
[entities.packed]
key = { id = "uint8" }
fields = { low = "uint128", high = "uint64" }
[[entities.packed.state]]
call = "slots.low"
args = []
returns = ["low"]
slots = { low = )" +
               slots_of_low +
               R"( }
[[entities.packed.state]]
call = "slots.high"
args = []
returns = ["high"]

[entities.balance]
key = { id = "uint256" }
fields = { bal = "uint256" }
drop = "bal == 0"
state = { call = "slots.balances", args = ["id"], returns = ["bal"], deleted = [0], slots = { bal = )" +
               of_balance + R"( } }

[entities.vote]
key = { question = "uint256", voter = "uint256" }
fields = { option = "uint8", weight = "uint128", ok = "bool", at = "uint256", until = "uint256" }
[entities.vote.state]
call = "slots.votes"
args = ["question", "voter"]
returns = ["option", "weight", "ok", "at", "until"]
deleted = [0, 0, false, 0, 0]
slots = )" + of_votes +
               R"(

[[on]]
event = "slots.Nothing"
insert = "balance"
key = { id = "id" }
)";
    }
    static constexpr const char* kLow = "{ base = 0 }";
    static constexpr const char* kBalance = "{ base = 1, keys = [\"id\"] }";
    static constexpr const char* kVotes =
        "{ option = { base = 3, keys = [\"question\", \"voter\"] }, "
        "weight = { base = 3, keys = [\"question\", \"voter\"], offset = 1 }, "
        "ok = { base = 3, keys = [\"question\", \"voter\"], offset = 17 }, "
        "at = { base = 3, keys = [\"question\", \"voter\"], word = 1 }, "
        "until = { base = 3, keys = [\"question\", \"voter\"], word = 2 } }";
    static std::map<std::string, std::string> abis() { return {{"slots.json", slots().abi_json}}; }
    static void fill(Index& index) {
        index.put("packed", {"0", "7", "9"});
        for (uint64_t id = 1; id <= 12; id++) {
            index.put("balance", {std::to_string(id), std::to_string(id) + std::string(18, '0')});
            index.put("vote", {std::to_string(id % 4), std::to_string(id), std::to_string(id),
                               std::to_string(id * 100), id % 3 == 0 ? "true" : "false",
                               std::to_string(1000 + id), std::to_string(2000 + id)});
        }
        index.bury("balance", {"77", "0"});  // gone here and there
    }
    static std::string replaced(std::string text, const std::string& what,
                                const std::string& with) {
        const size_t at = text.find(what);
        EXPECT_NE(at, std::string::npos) << what;
        return text.replace(at, what.size(), with);
    }
    static const EntityState& of(const StateOutcome& outcome, const std::string& name) {
        return *std::ranges::find(outcome.entities, name, &EntityState::name);
    }
    /// What a repair that may write would do because of these findings.
    static RepairPlan corrections(const Index& index, const StateOutcome& outcome) {
        RepairPlan out;
        const Status planned = plan_corrections(*index.database, outcome.findings, out);
        EXPECT_TRUE(planned) << planned.error().message;
        return out;
    }
};

TEST_F(StateProofSlots, RightOnesProveEachValueByStorageToo) {
    Index index{one(kLow, kBalance, kVotes), abis()};
    fill(index);
    commit_at_head(index);
    const StateOutcome outcome = index.prove(*source_);
    EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
    EXPECT_EQ(of(outcome, "packed").storage_proofs, 1U);
    EXPECT_EQ(of(outcome, "balance").storage_proofs, 12U);
    EXPECT_EQ(of(outcome, "vote").storage_proofs, 60U);
}

TEST_F(StateProofSlots, WrongOnesMakeNoRowWrongInWhateverShape) {
    struct Case {
        std::string what;
        std::string entity;
        std::string config;
        std::string told;
    };
    const auto votes = [](const std::string& what, const std::string& with) {
        return one(kLow, kBalance, replaced(kVotes, what, with));
    };
    const std::string keys = "keys = [\"question\", \"voter\"]";
    const Case cases[] = {
        {"another mapping's, of some keys the same value", "balance",
         one(kLow, "{ base = 2, keys = [\"id\"] }", kVotes), "slots.bal of state in"},
        {"a slot that nobody wrote", "balance", one(kLow, "{ base = 9, keys = [\"id\"] }", kVotes),
         "the slot's value is 0, but balances(uint256) tells"},
        {"a mapping's keys left out", "balance", one(kLow, "{ base = 1 }", kVotes),
         "slots.bal of state in"},
        {"the wrong place in a packed slot", "packed",
         one("{ base = 0, offset = 16 }", kBalance, kVotes),
         "slots.low of state in [entities.packed]: of id=0 the slot's value is 9, but low() tells "
         "7, as the row does: correct base, keys, word or offset"},
        {"the keys of a nested mapping the wrong way round", "vote",
         votes("at = { base = 3, " + keys, "at = { base = 3, keys = [\"voter\", \"question\"]"),
         "slots.at of state in"},
        {"another word of the struct", "vote", votes("word = 2", "word = 1"),
         "slots.until of state in"},
        {"another place in the struct's word", "vote", votes("offset = 17", "offset = 0"),
         "slots.ok of state in"},
        {"a number one byte beside its place", "vote", votes("offset = 1 ", "offset = 2 "),
         "slots.weight of state in"},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.what);
        Index index{one.config, abis()};
        fill(index);
        commit_at_head(index);
        for (const bool plain : {false, true}) {
            StateProofOptions options;
            options.plain_only = plain;
            const StateOutcome outcome = index.prove(*source_, std::move(options));
            EXPECT_TRUE(outcome.findings.empty()) << reasons(outcome);
            EXPECT_FALSE(outcome.is_equal());
            const EntityState& state = of(outcome, one.entity);
            EXPECT_FALSE(state.is_proven());
            EXPECT_TRUE(state.unproven.empty());
            EXPECT_EQ(state.differing, 0U);
            EXPECT_EQ(state.storage_differing, 0U);
            EXPECT_EQ(state.checked, state.equal);
            ASSERT_THAT(state.disputed, SizeIs(1));
            EXPECT_THAT(state.disputed[0].reason, HasSubstr(one.told));
            EXPECT_TRUE(corrections(index, outcome).is_empty());
            for (const EntityState& other : outcome.entities) {
                EXPECT_TRUE(other.name == one.entity || other.is_equal()) << other.name;
            }
        }
    }
}

TEST_F(StateProofSlots, WhereTheRowIsWrongTooTheGetterCountsAloneAndTheSlotIsTold) {
    Index index{one(kLow, "{ base = 9, keys = [\"id\"] }", kVotes), abis()};
    fill(index);
    index.put("balance", {"5", "1234"});
    commit_at_head(index);
    const StateOutcome outcome = index.prove(*source_);
    ASSERT_EQ(outcome.findings.total, 1U) << reasons(outcome);
    EXPECT_EQ(outcome.findings.kept[0].expected, "5000000000000000000");
    EXPECT_THAT(outcome.findings.kept[0].detail, ::testing::Not(HasSubstr("is proven")));
    EXPECT_EQ(of(outcome, "balance").storage_differing, 0U);
    EXPECT_THAT(of(outcome, "balance").disputed, SizeIs(2)) << "of the row, and of the others";
    const RepairPlan plan = corrections(index, outcome);
    ASSERT_THAT(plan.corrections, SizeIs(1));
    const auto row = storage::decode_named_row(plan.corrections[0].row);
    ASSERT_OK(row);
    ASSERT_THAT(row->fields, SizeIs(1));
    EXPECT_EQ(row->fields[0].text, "5000000000000000000");
}

TEST_F(StateProofSlots, AGetterThatSpeaksAgainstStorageWritesNothing) {
    Index index{one(kLow, kBalance, kVotes), abis()};
    fill(index);
    commit_at_head(index);
    // Of balances it tells one more than there is, as a provider that lies or an old node.
    const auto selector = (*slots().abi.find_function("balances"))->selector();
    Meddler source{*source_};
    source.answer = [&](size_t, const rpc::CallRequest& request) -> std::optional<CallResult> {
        if (!equal(ByteView{request.data}.first(std::min<size_t>(4, request.data.size())),
                   selector.view())) {
            return std::nullopt;
        }
        Bytes told(32);
        told[31] = 1;
        return CallResult{CallResult::Kind::kAnswered, std::move(told), {}};
    };
    StateProofOptions options;
    options.plain_only = true;
    const StateOutcome outcome = index.prove(source, std::move(options));
    EXPECT_GE(outcome.findings.total, 12U) << reasons(outcome);
    ASSERT_THAT(of(outcome, "balance").disputed, SizeIs(1));
    EXPECT_THAT(of(outcome, "balance").disputed[0].reason,
                HasSubstr("as the row has it, but balances(uint256) tells 1"));
    const RepairPlan plan = corrections(index, outcome);
    EXPECT_TRUE(plan.is_empty());
    EXPECT_TRUE(plan.leaves_drift);
    EXPECT_THAT(plan.left,
                ::testing::Contains(HasSubstr("nothing is written before all say the same")));
}

TEST_F(StateProofSlots, ADriftThatStorageShowsTooIsProvenAndWritten) {
    Index index{one(kLow, kBalance, kVotes), abis()};
    fill(index);
    index.put("balance", {"5", "1234"});
    commit_at_head(index);
    const StateOutcome outcome = index.prove(*source_);
    ASSERT_EQ(outcome.findings.total, 1U) << reasons(outcome);
    EXPECT_THAT(outcome.findings.kept[0].detail, HasSubstr("is proven against the state root"));
    EXPECT_EQ(of(outcome, "balance").storage_differing, 1U);
    EXPECT_TRUE(of(outcome, "balance").is_proven());
    EXPECT_THAT(corrections(index, outcome).corrections, SizeIs(1));
}

/// Two providers, of which one tells of balances what `told` says of the id, and spoils its proofs.
struct Liar {
    Liar(rpc::ChainSource& honest, const evm::FixedBytes<4>& selector, size_t liar,
         std::function<uint64_t(uint64_t id)> told)
        : source{honest} {
        source.names = {"http://zero.example", "http://one.example"};
        source.answer = [selector, liar, told = std::move(told)](
                            size_t provider,
                            const rpc::CallRequest& request) -> std::optional<CallResult> {
            if (provider != liar || request.data.size() != 36 ||
                !equal(ByteView{request.data}.first(4), selector.view())) {
                return std::nullopt;
            }
            Bytes out(32);
            for (uint64_t value = told(request.data[35]), at = 31; value > 0; value >>= 8U) {
                out[at--] = static_cast<uint8_t>(value);
            }
            return CallResult{CallResult::Kind::kAnswered, std::move(out), {}};
        };
    }
    void spoil_proofs(size_t liar, bool has_none) {
        source.spoil_proof = [liar, has_none](size_t provider, Result<rpc::AccountProof>& proof) {
            if (provider != liar) {
                return;
            }
            if (has_none) {
                proof = Error{ErrorCode::kUnavailable, "null"};
            } else if (proof && !proof->nodes.empty()) {
                proof->nodes.back().back() ^= 1U;
            }
        };
    }
    Meddler source;
};

TEST_F(StateProofSlots, WhoIsContradictedByStorageIsNotBelievedAndAllIsComparedByTheNext) {
    Index index{one(kLow, kBalance, kVotes), abis()};
    fill(index);
    commit_at_head(index);
    StateProofOptions options;
    options.plain_only = true;
    const auto selector = (*slots().abi.find_function("balances"))->selector();
    for (const size_t liar : {size_t{0}, size_t{1}}) {
        for (const bool has_none : {false, true}) {
            SCOPED_TRACE(fmt::format("liar {}, {}", liar, has_none ? "no proofs" : "wrong ones"));
            Liar two{*source_, selector, liar, [](uint64_t id) { return id + 1; }};
            two.spoil_proofs(liar, has_none);
            const StateOutcome outcome = index.prove(two.source, options);
            EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
            EXPECT_EQ(outcome.provider, two.source.names[1 - liar]);
            EXPECT_EQ(of(outcome, "balance").storage_proofs, 12U);
            EXPECT_TRUE(corrections(index, outcome).is_empty());
        }
    }
}

TEST_F(StateProofSlots, ADriftThatAProviderHidesIsFoundByStorage) {
    Index index{one(kLow, kBalance, kVotes), abis()};
    fill(index);
    index.put("balance", {"5", "1234"});
    commit_at_head(index);
    StateProofOptions options;
    options.plain_only = true;
    Liar two{*source_, (*slots().abi.find_function("balances"))->selector(), 0,
             [](uint64_t id) { return id == 5 ? 1234 : id * 1'000'000'000'000'000'000; }};
    for (const bool has_none : {false, true}) {
        two.spoil_proofs(0, has_none);
        const StateOutcome outcome = index.prove(two.source, options);
        ASSERT_EQ(outcome.findings.total, 1U) << reasons(outcome);
        EXPECT_EQ(outcome.findings.kept[0].expected, "5000000000000000000");
        EXPECT_TRUE(outcome.findings.kept[0].is_certain);
        EXPECT_EQ(outcome.provider, two.source.names[1]);
        EXPECT_THAT(corrections(index, outcome).corrections, SizeIs(1));
    }
}

TEST_F(StateProofSlots, OneWhoseProofsDoNotFitTheStateRootProvesNothingAndNothingIsWritten) {
    Index index{one(kLow, kBalance, kVotes), abis()};
    fill(index);
    index.put("balance", {"5", "1234"});
    commit_at_head(index);
    Meddler source{*source_};
    source.spoil_proof = [](size_t, Result<rpc::AccountProof>& proof) {
        if (proof && !proof->nodes.empty()) {
            proof->nodes.back().back() ^= 1U;
        }
    };
    const StateOutcome outcome = index.prove(source);
    EXPECT_FALSE(outcome.is_equal());
    ASSERT_FALSE(of(outcome, "balance").unproven.empty());
    EXPECT_THAT(of(outcome, "balance").unproven[0].reason,
                HasSubstr("does not fit the block's state root"));
    EXPECT_TRUE(corrections(index, outcome).is_empty());
}

TEST_F(StateProofSlots, OnTheWordOfOneNothingIsWrittenThatAnotherTellsOtherwise) {
    // Without slots nothing is proven, so that it is one's word against another's.
    Index index{replaced(one(kLow, kBalance, kVotes),
                         std::string{", slots = { bal = "} + kBalance + " }", ""),
                abis()};
    fill(index);
    index.put("balance", {"5", "1234"});
    commit_at_head(index);
    StateProofOptions options;
    options.plain_only = true;
    const auto selector = (*slots().abi.find_function("balances"))->selector();
    Liar liar{*source_, selector, 0, [](uint64_t id) { return id + 1; }};
    const StateOutcome outcome = index.prove(liar.source, options);
    EXPECT_GE(outcome.findings.total, 12U);
    const RepairPlan plan = corrections(index, outcome);
    EXPECT_TRUE(plan.is_empty());
    EXPECT_THAT(plan.left, ::testing::Contains(HasSubstr("providers do not tell the same")));
    // Where they tell the same, it is.
    Meddler same{*source_};
    same.names = {"http://zero.example", "http://one.example"};
    const StateOutcome right = index.prove(same, options);
    EXPECT_EQ(right.findings.total, 1U) << reasons(right);
    EXPECT_THAT(corrections(index, right).corrections, SizeIs(1));
}

// ---- the community example ---------------------------------------------------------------------

class StateProofCommunity : public StateProofTest {
  protected:
    /// Follows the chain to its head with the example's own config, `slots` of all five fields of
    /// votes included.
    static std::shared_ptr<const Plan> index_to_head(const std::string& db) {
        const std::string folder = source_dir() + "/examples/community/";
        std::string text = read_file(folder + "plumbline.toml");
        // The same slot, as a hex string.
        const std::string decimal = "changes = { base = 10,";
        const size_t at = text.find(decimal);
        PLUMBLINE_CHECK(at != std::string::npos);
        text.replace(at, decimal.size(), "changes = { base = \"0x0a\",");
        auto config = parse_config(text, folder + "plumbline.toml", [&](const std::string& name) {
            return Result<std::string>{read_file(folder + name)};
        });
        EXPECT_TRUE(config) << config.error().message;
        config->contracts[0].addresses = {
            *evm::parse_address(activity()["address"].get<std::string>())};
        IndexerOptions options;
        options.config = *config;
        options.db_path = db;
        options.until.head = true;
        auto indexer = Indexer::open(std::move(options), *source_);
        EXPECT_TRUE(indexer) << indexer.error().message;
        const Status ran = (*indexer)->run({}, nullptr);
        EXPECT_TRUE(ran) << ran.error().message;
        auto plan = Plan::compile(*config);
        EXPECT_TRUE(plan);
        return *plan;
    }
    static Result<std::unique_ptr<storage::Database>> open_read_only(const std::string& db) {
        storage::OpenOptions options;
        options.read_only = true;
        return storage::Database::open(db, std::move(options));
    }
    static const Json& activity() {
        static const Json result = Json::parse(
            output_of("node " + source_dir() +
                      "/examples/community/activity.mjs --steps 600 --users 24 --seed 5 --rpc " +
                      node_->url() + " | tail -1"));
        return result;
    }
    static StateOutcome prove(const std::string& db, const std::shared_ptr<const Plan>& plan,
                              StateProofOptions options = {}) {
        auto database = open_read_only(db);
        EXPECT_TRUE(database) << database.error().message;
        const auto view = (*database)->read_view();
        return prove_state(*source_, *view, plan, std::move(options));
    }
};

TEST_F(StateProofCommunity, EveryEntityIsEqualAtTheHeadAndCountsAgree) {
    TempDir dir;
    const std::string db = dir.sub("db");
    const auto plan = index_to_head(db);
    const StateOutcome outcome = prove(db, plan);
    EXPECT_TRUE(outcome.is_equal()) << reasons(outcome);
    ASSERT_THAT(outcome.entities, SizeIs(6));
    uint64_t rows = 0;
    uint64_t deleted = 0;
    for (const EntityState& state : outcome.entities) {
        EXPECT_GT(state.rows, 0U) << state.name;
        EXPECT_EQ(state.storage_proofs,
                  state.name == "vote" ? 5 * std::min<uint64_t>(state.rows, 16) : 0U);
        EXPECT_EQ(state.storage_note, "");
        size_t getters = 0;
        size_t counts = 0;
        for (const StatePlan& item : plan->state_plans()) {
            getters += item.entity == state.entity ? 1 : 0;
        }
        for (const CountPlan& item : plan->count_plans()) {
            counts += item.entity == state.entity ? 1 : 0;
        }
        EXPECT_EQ(state.equal, getters * state.rows + state.deleted + counts) << state.name;
        rows += state.rows;
        deleted += state.deleted;
    }
    EXPECT_GT(rows, 300U);
    EXPECT_GT(deleted, 3U);  // withdrawn votes and members who left

    // The contract counts one user more: only the count can tell.
    const std::string address = activity()["address"];
    for (int slot = 0; slot < 16; slot++) {
        const std::string place = fmt::format("0x{:064x}", slot);
        const Json before = node_->call("eth_getStorageAt", {address, place, "latest"});
        const uint64_t users = outcome.entities[0].rows;
        if (before.get<std::string>() != fmt::format("0x{:064x}", users)) {
            continue;
        }
        node_->call("anvil_setStorageAt", {address, place, fmt::format("0x{:064x}", users + 1)});
        node_->call("evm_mine");
        (void)index_to_head(db);
        StateProofOptions options;
        options.entities = {0};
        const StateOutcome more = prove(db, plan, options);
        node_->call("anvil_setStorageAt", {address, place, before});
        if (more.findings.empty()) {
            continue;  // another number that happens to be as large
        }
        ASSERT_EQ(more.findings.total, 1U) << reasons(more);
        EXPECT_EQ(more.findings.kept[0].kind, FindingKind::kStateCountDiffers);
        EXPECT_EQ(more.findings.kept[0].stored, std::to_string(users));
        EXPECT_EQ(more.findings.kept[0].expected, std::to_string(users + 1));
        return;
    }
    ADD_FAILURE() << "no slot holds the number of users";
}

TEST_F(StateProofCommunity, ACountThatAnotherProviderTellsOtherwiseMakesNoRowsWrong) {
    node_->call("evm_mine");  // What tests before wrote into storage is of a block then.
    TempDir dir;
    const std::string db = dir.sub("db");
    const auto plan = index_to_head(db);
    auto database = open_read_only(db);
    ASSERT_TRUE(database) << database.error().message;
    const auto view = (*database)->read_view();
    const CountPlan& count = plan->count_plans().front();
    const std::string& entity = plan->entities()[count.entity].name;
    size_t liars = 1;
    Meddler source{*source_};
    source.names = {"http://zero.example", "http://one.example", "http://two.example"};
    source.answer = [&](size_t provider,
                        const rpc::CallRequest& request) -> std::optional<CallResult> {
        const bool is_count =
            request.data.size() == 4 && std::ranges::equal(request.data, count.selector.bytes);
        if (!is_count || provider >= liars) {
            return std::nullopt;
        }
        Bytes word(32);
        word.back() = 255;
        return CallResult{CallResult::Kind::kAnswered, word, {}};
    };
    const auto of = [&](const StateOutcome& outcome) -> const EntityState& {
        return *std::ranges::find(outcome.entities, entity, &EntityState::name);
    };
    const StateOutcome one = prove_state(source, *view, plan, {});
    EXPECT_EQ(one.findings.total, 0U) << reasons(one);
    ASSERT_FALSE(one.is_equal()) << reasons(one);
    EXPECT_THAT(
        of(one).unproven[0].reason,
        ::testing::AllOf(HasSubstr("providers do not tell the same"), HasSubstr("is 255 by one")));
    liars = 2;
    const StateOutcome agreed = prove_state(source, *view, plan, {});
    EXPECT_EQ(agreed.findings.total, 1U) << reasons(agreed);
    EXPECT_TRUE(of(agreed).count_differs);
}

TEST_F(StateProofCommunity, DriftIsProvenFromStorageAndBisectedToItsBlock) {
    TempDir dir;
    const std::string db = dir.sub("db");
    auto plan = index_to_head(db);
    const auto vote = static_cast<uint32_t>(plan->find_entity("vote"));
    std::string key;
    std::string row;
    {
        auto database = open_read_only(db);
        ASSERT_TRUE(database);
        const auto view = (*database)->read_view();
        const auto scan = view->scan_entity(vote, {}, {});
        ASSERT_TRUE(scan->valid());
        key = scan->key();
        row = scan->row();
    }
    Bytes place(64);
    std::ranges::copy(as_bytes(key).first(32), place.begin());
    place[63] = 10;
    const Hash inner = evm::keccak256(ByteView{place});
    Bytes outer(64);
    std::ranges::copy(as_bytes(key).subspan(32, 20), outer.begin() + 12);
    std::ranges::copy(inner.bytes, outer.begin() + 32);
    const std::string slot = evm::to_hex(evm::keccak256(ByteView{outer}));
    const std::string address = activity()["address"];
    const auto head = [] {
        return std::stoull(node_->call("eth_blockNumber").get<std::string>(), nullptr, 16);
    };
    for (int i = 0; i < 5; i++) {
        node_->call("evm_mine");
    }
    const uint64_t before = head();
    std::string word = node_->call("eth_getStorageAt", {address, slot, "latest"});
    word.back() = word.back() == '0' ? '1' : '0';
    node_->call("anvil_setStorageAt", {address, slot, word});
    for (int i = 0; i < 20; i++) {
        node_->call("evm_mine");
    }
    plan = index_to_head(db);
    StateProofOptions options;
    options.entities = {vote};
    options.storage_proofs_max = 10'000;
    const StateOutcome outcome = prove(db, plan, options);
    ASSERT_EQ(outcome.findings.total, 1U) << reasons(outcome);
    EXPECT_EQ(outcome.findings.kept[0].field, "option");
    EXPECT_THAT(outcome.findings.kept[0].detail,
                HasSubstr("votes(uint256,address); slot " + slot + " is proven"));
    EXPECT_EQ(outcome.entities[0].storage_differing, 1U);
    EXPECT_EQ(outcome.entities[0].storage_proofs, 5 * outcome.entities[0].rows);
    EXPECT_EQ(outcome.entities[0].storage_note, "");

    auto database = open_read_only(db);
    ASSERT_TRUE(database);
    const auto view = (*database)->read_view();
    // A storage proof that does not fit the header proves nothing, and finds nothing.
    Meddler liar{*source_};
    liar.spoil_proof = [](size_t, Result<rpc::AccountProof>& proof) {
        if (proof && !proof->slots.empty()) {
            proof->slots.back().nodes.back().back() ^= 1;
        }
    };
    options.plain_only = true;
    const StateOutcome lied = prove_state(liar, *view, plan, options);
    EXPECT_THAT(lied.entities[0].storage_note, HasSubstr("does not fit the block's state root"));
    EXPECT_EQ(lied.entities[0].differing, 1U);

    const auto found = find_first_wrong_block(*source_, *view, *plan, vote, key);
    ASSERT_TRUE(found) << found.error().message;
    // The cheat changes the state of the block that is the head.
    EXPECT_EQ(found->block_num, before);
    ASSERT_TRUE(found->last_right);
    EXPECT_EQ(*found->last_right, before - 1);
    EXPECT_LE(found->reads, 14U);
    EXPECT_EQ(beginning_text(*found), fmt::format("since block {}", before));

    // The same over all of history, with the rows that the log makes.
    BisectOptions whole;
    whole.from_block = 0;
    whole.row_at = rows_by_fold(*view, plan, vote, key, dir.path());
    const auto again = find_first_wrong_block(*source_, *view, *plan, vote, key, whole);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->block_num, before);

    // Where they differ at the row's last change already it is not said that this was the first.
    BisectOptions late;
    late.from_block = before;
    const auto unknown = find_first_wrong_block(*source_, *view, *plan, vote, key, late);
    ASSERT_TRUE(unknown) << unknown.error().message;
    EXPECT_EQ(beginning_text(*unknown), fmt::format("last changed at block {}", before));

    // Another row agrees, so there is nothing to find.
    const auto other = view->scan_entity(vote, {}, key);
    ASSERT_TRUE(other->valid());
    const auto none = find_first_wrong_block(*source_, *view, *plan, vote, other->key());
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("agrees"));
}

}  // namespace
}  // namespace plumbline::engine::state_proof_test
