// Ingest as a whole on one thread: a chain in memory, a real database with tiny buffers, the real
// plan and fold. Every property is checked for many seeds; a failure prints its seed.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"
#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/ingest/final_undo.hpp"
#include "engine/ingest/indexer.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"
#include "storage/task_store.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/engine/stepped_index.hpp"
#include "tests/storage/fault_fs.hpp"
#include "tests/support/property_test.hpp"

namespace plumbline::engine::ingest_test {
namespace {

using test::FakeChain;
using test::FakeNode;
using test::FakeNodeOptions;

class Directory {
  public:
    Directory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "plumbline-XXXXXX").string();
        PLUMBLINE_CHECK(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string db() const { return path_ + "/db"; }

  private:
    std::string path_;
};

struct ConfigParts {
    bool has_vaults = true;
    bool has_pods = true;
    bool names_txns = false;
    bool doubles = false;  ///< another mapping over the same events
    uint64_t start_block = 0;
    int port = 1;
};

Config make_config(const ConfigParts& parts) {
    std::string text = fmt::format(R"(
[chain]
id = 31337
rpc = "http://127.0.0.1:{}"
finality = 12

[contracts.hub]
abi = "hub.json"
address = "{}"
start_block = {}

[entities.account]
key = {{ owner = "address" }}
fields = {{ balance = "uint256", last_block = "uint64", sender = "address" }}
index = [["last_block"]]

[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
set = {{ last_block = "$block.number"{} }}
add = {{ balance = "amount" }}
)",
                                   parts.port, evm::to_hex(test::hub_address()), parts.start_block,
                                   parts.names_txns ? ", sender = \"$txn.from\"" : "");
    if (parts.doubles) {
        text += R"(
[[on]]
event = "hub.Deposited"
upsert = "account"
key = { owner = "who" }
add = { balance = "amount" }
)";
    }
    const auto add_child = [&](const char* name, const char* factory, const char* param) {
        text += fmt::format(R"(
[contracts.{0}]
abi = "child.json"
factory = {{ event = "{1}", address = "{2}" }}

[entities.{0}_row]
key = {{ place = "address" }}
fields = {{ pings = "uint64", total = "uint256" }}

[[on]]
event = "{0}.Ping"
upsert = "{0}_row"
key = {{ place = "$log.address" }}
add = {{ pings = 1, total = "n" }}
)",
                            name, factory, param);
    };
    if (parts.has_vaults) {
        add_child("vault", "hub.VaultMade", "vault");
    }
    if (parts.has_pods) {
        add_child("pod", "vault.ChildMade", "child");
    }
    Result<Config> config = parse_config(text, "test.toml", [](const std::string& name) {
        return Result<std::string>{name == "hub.json" ? test::kHubAbi : test::kChildAbi};
    });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

/// An indexer over a chain, stepped on one thread in an order that follows from its seed.
class Rig : public test::SteppedIndex {
  public:
    Rig(const FakeChain& chain, std::string db_path, uint64_t seed, const ConfigParts& parts = {},
        Until until = {true, std::nullopt}, const FakeNodeOptions& node_options = {},
        rocksdb::Env* env = nullptr, bool commit_aside = false, IndexObserver* observer = nullptr)
        : SteppedIndex{chain,
                       options_of(std::move(db_path), parts, until, env, commit_aside, observer),
                       seed, node_options} {}

  private:
    static IndexerOptions options_of(std::string db_path, const ConfigParts& parts, Until until,
                                     rocksdb::Env* env, bool commit_aside,
                                     IndexObserver* observer) {
        IndexerOptions options;
        options.config = make_config(parts);
        options.db_path = std::move(db_path);
        options.until = until;
        options.env = env;
        options.commit_aside = commit_aside;
        options.observer = observer;
        return options;
    }
};

std::vector<std::string> fresh_index(const FakeChain& chain, const ConfigParts& parts = {}) {
    const Directory directory;
    Rig rig{chain, directory.db(), 0, parts};
    EXPECT_TRUE(rig.finish()) << rig.why();
    return rig.stop_and_dump();
}

class IngestTest : public test::PropertyTest {};

/// What the sources want, by the plainest reading of the rule: walk the chain once; who is
/// announced anywhere in a block counts from that block on.
std::set<std::pair<uint64_t, uint32_t>> wanted_logs(const FakeChain& chain) {
    std::set<evm::Address> vaults;
    std::set<evm::Address> pods;
    std::set<std::pair<uint64_t, uint32_t>> out;
    for (const auto& block : chain.blocks()) {
        for (size_t before = SIZE_MAX; before != vaults.size() + pods.size();) {
            before = vaults.size() + pods.size();
            for (const evm::Log& log : block->logs.logs) {
                if (log.address == test::hub_address() &&
                    log.topics[0] == evm::keccak256("VaultMade(address)")) {
                    vaults.insert(evm::Address::from(log.topics[1].view().subspan(12)));
                }
                if (vaults.contains(log.address) &&
                    log.topics[0] == evm::keccak256("ChildMade(address)")) {
                    pods.insert(evm::Address::from(block->logs.data(log).subspan(12)));
                }
            }
        }
        for (const evm::Log& log : block->logs.logs) {
            if (log.address == test::hub_address() || vaults.contains(log.address) ||
                pods.contains(log.address)) {
                out.emplace(log.block_num, log.log_index);
            }
        }
    }
    return out;
}

TEST_F(IngestTest, ChildrenAreCompleteAtAnyDepth) {
    for (const uint64_t seed : seeds(20)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(150);
        const Directory directory;
        Rig rig{chain, directory.db(), seed};
        ASSERT_TRUE(rig.finish());
        std::set<std::pair<uint64_t, uint32_t>> stored;
        {
            const auto view = rig.indexer->database()->read_view();
            for (const auto scan = view->scan_logs(0, chain.head()); scan->valid(); scan->next()) {
                stored.insert({scan->record().log.block_num, scan->record().log.log_index});
            }
        }
        EXPECT_EQ(stored, wanted_logs(chain));
        EXPECT_EQ(rig.indexer->database()->cursor()->event_count, stored.size());
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

/// Balances by account key; they are small here.
std::map<std::string, uint64_t> balances(const storage::Database& database) {
    const storage::RowCodec codec{database.entities()[0]};
    std::map<std::string, uint64_t> out;
    const auto view = database.read_view();
    for (const auto scan = view->scan_entity(0, "", ""); scan->valid(); scan->next()) {
        out[std::string{scan->key()}] = codec.word(scan->row(), 0).limb[0];
    }
    return out;
}

TEST_F(IngestTest, CallsOfOtherThreadsStandBetweenWholeCommitsAndTheFoldGoesOnFromWhatTheyWrote) {
    for (const uint64_t seed : seeds(4)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(120);
        const Directory plain_directory;
        Rig plain{chain, plain_directory.db(), 0};
        ASSERT_TRUE(plain.finish());
        const Directory directory;
        Rig rig{chain, directory.db(), seed};
        EXPECT_EQ(rig.indexer->run_on_writer([](storage::Database&) { return ok(); }).error().code,
                  ErrorCode::kUnavailable);
        while (rig.indexer->database() == nullptr || !rig.indexer->database()->cursor() ||
               rig.indexer->database()->cursor()->block_num < 40) {
            rig.step();
        }
        std::map<std::string, uint64_t> raised;
        uint64_t seen_cursor = 0;
        auto call = std::async(std::launch::async, [&] {
            return rig.indexer->run_on_writer([&](storage::Database& database) -> Status {
                seen_cursor = database.cursor()->block_num;
                raised = balances(database);
                const storage::RowCodec codec{database.entities()[0]};
                const auto batch = database.make_batch();
                for (const auto& [key, balance] : raised) {
                    std::string before;
                    PLUMBLINE_TRY(const bool is_there, database.latest_row(0, key, before));
                    PLUMBLINE_CHECK(is_there);
                    std::string after = before;
                    codec.set_word(after, 0, evm::U256{balance + 1'000'000});
                    batch->change_row(0, key, before, after, std::nullopt);
                }
                const storage::Cursor cursor = *database.cursor();
                batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
                return database.commit(*batch, storage::Durability::kSync);
            });
        });
        while (call.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
            rig.step();
        }
        EXPECT_TRUE(call.get().has_value());
        EXPECT_GE(seen_cursor, 40U);
        ASSERT_TRUE(rig.finish());
        std::map<std::string, uint64_t> expected = balances(*plain.indexer->database());
        for (const auto& [key, balance] : raised) {
            expected[key] += 1'000'000;
        }
        EXPECT_EQ(balances(*rig.indexer->database()), expected);
        EXPECT_TRUE(rig.indexer->stop().has_value());
        EXPECT_EQ(rig.indexer->run_on_writer([](storage::Database&) { return ok(); }).error().code,
                  ErrorCode::kCancelled);
        EXPECT_TRUE(plain.indexer->stop().has_value());
    }
}

TEST_F(IngestTest, AnyOrderOfAnswersGivesTheSameBytes) {
    for (const uint64_t seed : seeds(25)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(100);
        const std::vector<std::string> expected = fresh_index(chain);
        const Directory directory;
        FakeNodeOptions node;
        node.refusal_percent = static_cast<unsigned>(seed % 4) * 10;
        Rig rig{chain, directory.db(), seed, {}, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish());
        test::expect_same(rig.stop_and_dump(), expected);
    }
}

TEST_F(IngestTest, BackfillAndLiveGiveTheSameBytes) {
    for (const uint64_t seed : seeds(15)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(20 + seed % 20);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {}};
        std::mt19937_64 random{seed};
        while (chain.head() < 100) {
            ASSERT_TRUE(rig.settle(chain));
            chain.mine(1 + random() % 5);
        }
        ASSERT_TRUE(rig.settle(chain));
        EXPECT_EQ(rig.indexer->progress().state.load(), Lifecycle::kLive);
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

TEST_F(IngestTest, AnySequenceOfReorgsGivesAFreshIndexOfTheWinner) {
    for (const uint64_t seed : seeds(30)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(30);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {}};
        std::mt19937_64 random{seed};
        std::vector<std::shared_ptr<test::FakeBlock>> other = chain.blocks();
        for (int round = 0; round < 12; ++round) {
            const int steps = static_cast<int>(random() % 400);
            for (int i = 0; i < steps; ++i) {
                rig.step();
            }
            ASSERT_FALSE(rig.indexer->failure().has_value());
            const uint64_t depth = 1 + random() % 8;
            switch (random() % 5) {
                case 0: chain.mine(1 + random() % 6); break;
                case 1: chain.reorg(depth, depth); break;  // The head's number stays.
                case 2: chain.reorg(depth, depth + random() % 3); break;
                case 3: chain.reorg(depth, random() % depth); break;  // Shorter.
                default: {
                    auto mine = chain.blocks();
                    chain.adopt(other);
                    other = std::move(mine);
                    break;
                }
            }
        }
        // Finality must be that of the final head: it never goes back by itself.
        chain.mine(40);
        ASSERT_TRUE(rig.settle(chain));
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

TEST_F(IngestTest, TheHeaderOfABlockAboveFinalityIsThereBeforeTheBlockCanBeRead) {
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(30);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {}};
        std::mt19937_64 random{seed};
        size_t seen = 0;
        for (int round = 0; round < 12; ++round) {
            for (int i = 0; i < 400; ++i) {
                rig.step();
                const auto cursor = rig.cursor();
                if (cursor && cursor->block_num > cursor->finalized) {
                    ASSERT_TRUE(rig.indexer->headers().find(cursor->block_hash).has_value())
                        << cursor->block_num;
                    ++seen;
                }
            }
            const uint64_t depth = 1 + random() % 8;
            if (random() % 2 == 0) {
                chain.reorg(depth, depth + random() % 3);
            } else {
                chain.mine(depth);
            }
        }
        EXPECT_GT(seen, 1'000U);
    }
}

TEST_F(IngestTest, AChainThatLeavesOutNumbersIsIndexedWhollyHoweverItIsRead) {
    for (const uint64_t seed : seeds(20)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.leave_out(static_cast<unsigned>(5 + seed * 7 % 60));
        chain.mine(20 + seed % 20);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {}};
        std::mt19937_64 random{seed};
        for (int round = 0; round < 15; ++round) {
            ASSERT_TRUE(rig.settle(chain));
            if (random() % 3 == 0) {
                const uint64_t depth = 1 + random() % 8;
                chain.reorg(depth, random() % (depth + 3));
            }
            chain.mine(1 + random() % 5);
        }
        chain.mine(40);
        ASSERT_TRUE(rig.settle(chain));
        {
            std::set<std::pair<uint64_t, uint32_t>> stored;
            const auto view = rig.indexer->database()->read_view();
            for (const auto scan = view->scan_logs(0, chain.head()); scan->valid(); scan->next()) {
                stored.insert({scan->record().log.block_num, scan->record().log.log_index});
            }
            EXPECT_EQ(stored, wanted_logs(chain));
        }
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

TEST_F(IngestTest, AReorgBelowFinalityIsRepairedOverGapsToo) {
    for (const uint64_t seed : seeds(12)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.leave_out(30);
        chain.mine(60);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {}};
        ASSERT_TRUE(rig.settle(chain));
        chain.reorg(20 + seed % 38, 50);
        ASSERT_TRUE(rig.settle(chain));
        EXPECT_GE(rig.indexer->progress().reorgs.load(), 1U);
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

TEST_F(IngestTest, AnIndexMayBeginAndEndAtANumberWithoutABlock) {
    for (const uint64_t seed : seeds(12)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.leave_out(80);
        chain.mine(20);
        const auto is_gap = [&](uint64_t n) { return evm::is_gap(chain.blocks()[n]->header); };
        uint64_t first = 5;
        while (!is_gap(first)) {
            ++first;
        }
        uint64_t last = first + 20;
        while (!is_gap(last)) {
            ++last;
        }
        ASSERT_LT(last, chain.head());
        ConfigParts parts;
        parts.start_block = first;
        const Directory directory;
        Rig rig{chain, directory.db(), seed, parts, {false, last}};
        ASSERT_TRUE(rig.finish());
        EXPECT_EQ(rig.indexer->database()->cursor()->block_num, last);
        EXPECT_EQ(rig.indexer->database()->cursor()->block_hash, chain.blocks()[last]->header.hash);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(IngestTest, ReorgsBelowFinalityAreRepaired) {
    for (const uint64_t seed : seeds(12)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        const Directory directory;
        ConfigParts parts;
        parts.start_block = seed % 3 == 0 ? 45 : 0;
        Rig rig{chain, directory.db(), seed, parts, {}};
        ASSERT_TRUE(rig.settle(chain));
        chain.reorg(20 + seed % 38, 50);
        ASSERT_TRUE(rig.settle(chain));
        EXPECT_GE(rig.indexer->progress().reorgs.load(), 1U);
        test::expect_same(rig.stop_and_dump(), fresh_index(chain, parts));
    }
}

TEST_F(IngestTest, WhatWasProvenOfFinalBlocksThatAreNoMoreIsVoid) {
    FakeChain chain{7};
    chain.mine(60);
    const Directory directory;
    {
        Rig rig{chain, directory.db(), 7, {}, {}};
        ASSERT_TRUE(rig.settle(chain));
        ASSERT_TRUE(rig.indexer->stop().has_value());
    }
    {
        auto database = storage::Database::open(directory.db(), {});
        ASSERT_TRUE(database.has_value());
        const auto batch = (*database)->make_batch();
        for (const uint64_t block_num : {10U, 50U}) {
            storage::ProofRecord record;
            record.proof = block_num == 10 ? "replay" : "state";
            record.block_num = block_num;
            record.is_equal = true;
            batch->record_proof(record);
        }
        const auto cursor = *(*database)->cursor();
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        ASSERT_TRUE((*database)->commit(*batch, storage::Durability::kSync).has_value());
    }
    chain.reorg(40, 60);  // down to block 20
    Rig rig{chain, directory.db(), 7, {}, {}};
    ASSERT_TRUE(rig.settle(chain));
    const auto proofs = rig.indexer->database()->read_view()->list_proofs();
    ASSERT_TRUE(proofs.has_value());
    ASSERT_EQ(proofs->size(), 1U);
    EXPECT_EQ(proofs->front().proof, "replay");
    EXPECT_TRUE(rig.indexer->stop().has_value());
}

TEST_F(IngestTest, WithNothingLeftOfTheIndexTheNextForkIsFollowedToo) {
    for (const uint64_t seed : seeds(3)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        const Directory directory;
        ConfigParts parts;
        parts.start_block = 45;
        Rig rig{chain, directory.db(), seed, parts, {}};
        ASSERT_TRUE(rig.settle(chain));
        chain.reorg(20, 60);
        for (int i = 0; i < 100'000 && rig.indexer->database()->cursor()->block_num != 44; ++i) {
            rig.step();
        }
        ASSERT_EQ(rig.indexer->database()->cursor()->block_num, 44U);
        // Block 44 is another one once more.
        chain.reorg(chain.head() - 41, 70);
        ASSERT_TRUE(rig.settle(chain));
        test::expect_same(rig.stop_and_dump(), fresh_index(chain, parts));
    }
}

TEST_F(IngestTest, StoppedAndStartedAgainAnywhereIsAsNeverStopped) {
    for (const uint64_t seed : seeds(20)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(80);
        const Directory directory;
        std::mt19937_64 random{seed};
        for (int run = 0; run < 8; ++run) {
            Rig rig{chain, directory.db(), seed * 100 + static_cast<uint64_t>(run), {}, {}};
            ASSERT_NE(rig.indexer, nullptr) << rig.open_error->message;
            const int steps = static_cast<int>(random() % 200);
            for (int i = 0; i < steps; ++i) {
                rig.step();
            }
            ASSERT_FALSE(rig.indexer->failure().has_value());
            if (random() % 2 == 0) {
                ASSERT_TRUE(rig.indexer->stop().has_value());
            }
            if (random() % 3 == 0) {
                chain.reorg(random() % 5, 5 + random() % 3);
            }
        }
        Rig rig{chain, directory.db(), seed};
        chain.mine(20);
        ASSERT_TRUE(rig.finish());
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

/// What filling in cannot keep equal: ids are given in the order of first use.
std::vector<std::string> derived_only(const std::vector<std::string>& lines) {
    std::vector<std::string> out;
    for (const std::string& line : lines) {
        if (line.starts_with("entity.") || line.starts_with("index.") || line.starts_with("undo") ||
            line.starts_with("quarantine") || line.starts_with("blocks") ||
            line.starts_with("children") || line.starts_with("digest")) {
            out.push_back(line);
        }
    }
    return out;
}

/// The stored logs as a reader gets them, whatever ids they are packed with.
std::vector<std::string> logs_as_read(const storage::Database& database) {
    std::vector<std::string> out;
    const auto view = database.read_view();
    const auto scan = view->scan_logs(0, UINT64_MAX);
    for (; scan->valid(); scan->next()) {
        const storage::LogRecord& record = scan->record();
        std::string line = fmt::format("{}/{} {} {} {}", record.log.block_num, record.log.log_index,
                                       evm::to_hex(record.log.address), record.log.txn_index,
                                       evm::to_hex(record.log.txn_hash));
        for (size_t i = 0; i < record.log.topic_count; ++i) {
            line += " " + evm::to_hex(record.log.topics[i]);
        }
        out.push_back(line + " " + evm::to_hex(record.data));
    }
    EXPECT_TRUE(scan->status().has_value());
    return out;
}

TEST_F(IngestTest, ANewContractIsFilledInAndFoldedAgain) {
    for (const uint64_t seed : seeds(12)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(70);
        const Directory directory;
        ConfigParts small;
        small.has_pods = false;
        small.has_vaults = seed % 2 == 0;
        {
            Rig rig{chain, directory.db(), seed, small};
            ASSERT_TRUE(rig.finish());
            rig.stop_and_dump();
        }
        chain.mine(seed % 5);
        for (int run = 0; run < 3; ++run) {
            Rig rig{chain, directory.db(), seed + static_cast<uint64_t>(run), {}, {}};
            for (int i = 0; i < 40; ++i) {
                rig.step();  // Killed in the middle, perhaps.
            }
        }
        Rig rig{chain, directory.db(), seed};
        ASSERT_TRUE(rig.finish());
        EXPECT_EQ(rig.indexer->database()->cursor()->event_count, wanted_logs(chain).size());
        const Directory other;
        Rig fresh{chain, other.db(), 0};
        ASSERT_TRUE(fresh.finish());
        test::expect_same(logs_as_read(*rig.indexer->database()),
                          logs_as_read(*fresh.indexer->database()));
        test::expect_same(derived_only(rig.stop_and_dump()), derived_only(fresh.stop_and_dump()));
    }
}

TEST_F(IngestTest, AChangedMappingFoldsAgainWithoutTheNetwork) {
    FakeChain chain{5};
    chain.mine(60);
    const Directory directory;
    {
        Rig rig{chain, directory.db(), 5};
        ASSERT_TRUE(rig.finish());
        rig.stop_and_dump();
    }
    ConfigParts changed;
    changed.doubles = true;
    FakeNodeOptions node;
    node.is_down = true;
    Rig rig{chain, directory.db(), 5, changed, {}, node};
    for (int i = 0; i < 200; ++i) {
        rig.step();
    }
    EXPECT_EQ(rig.indexer->database()->bundle().fingerprint,
              rig.indexer->plan().bundle().fingerprint);
    EXPECT_EQ(rig.node->range_asks, 0U);
    test::expect_same(rig.stop_and_dump(), fresh_index(chain, changed));
}

TEST_F(IngestTest, AMappingChangedBeforeTheFirstCommitIsTheOneThatCounts) {
    FakeChain chain{5};
    chain.mine(30);
    const Directory directory;
    {
        // The database is made, and then nothing is had of it.
        Rig rig{chain, directory.db(), 5};
        for (int i = 0; i < 1'000 && rig.indexer->database() == nullptr; ++i) {
            rig.indexer->step_network(1);
        }
        ASSERT_NE(rig.indexer->database(), nullptr);
        ASSERT_FALSE(rig.indexer->database()->cursor().has_value());
    }
    ConfigParts changed;
    changed.doubles = true;
    Rig rig{chain, directory.db(), 5, changed};
    ASSERT_TRUE(rig.finish());
    test::expect_same(rig.stop_and_dump(), fresh_index(chain, changed));
}

TEST_F(IngestTest, RowsLeftBehindByALostLogAreFoldedAway) {
    FakeChain chain{6};
    chain.mine(60);
    const Directory directory;
    {
        Rig rig{chain, directory.db(), 6};
        ASSERT_TRUE(rig.finish());
        // The log's own watermark is gone and so are its rows: nothing of it can be trusted.
        std::vector<std::string> keys;
        storage::DumpOptions options;
        options.content_only = false;
        options.want = [](std::string_view family) { return family == "log"; };
        ASSERT_TRUE(storage::dump_families(*rig.indexer->database(), options,
                                           [&](std::string_view, std::string_view key,
                                               std::string_view) { keys.emplace_back(key); })
                        .has_value());
        ASSERT_TRUE(rig.indexer->stop().has_value());
        for (const std::string& key : keys) {
            ASSERT_TRUE(storage::poke_family(*rig.indexer->database(), "log", key, "").has_value());
        }
    }
    Rig rig{chain, directory.db(), 6};
    ASSERT_NE(rig.indexer, nullptr);
    EXPECT_FALSE(rig.indexer->database()->cursor().has_value());
    ASSERT_TRUE(rig.finish());
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, AChangedEndpointChangesOnlyTheStoredConfig) {
    FakeChain chain{5};
    chain.mine(30);
    const Directory directory;
    {
        Rig rig{chain, directory.db(), 5};
        ASSERT_TRUE(rig.finish());
        rig.stop_and_dump();
    }
    ConfigParts changed;
    changed.port = 2;
    Rig rig{chain, directory.db(), 5, changed};
    EXPECT_NE(rig.indexer->database()->bundle().config_text.find("127.0.0.1:2"), std::string::npos);
    ASSERT_TRUE(rig.finish());
    EXPECT_EQ(rig.node->range_asks, 0U);
}

TEST_F(IngestTest, TransactionsAreFetchedWhereTheMappingNamesThem) {
    for (const uint64_t seed : seeds(5)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(50);
        ConfigParts parts;
        parts.names_txns = true;
        const Directory directory;
        Rig rig{chain, directory.db(), seed, parts};
        ASSERT_TRUE(rig.finish());
        size_t deposits = 0;
        {
            const auto view = rig.indexer->database()->read_view();
            for (const auto scan = view->scan_logs(0, chain.head()); scan->valid(); scan->next()) {
                const storage::LogRecord& record = scan->record();
                const bool is_deposit =
                    record.log.topics[0] == evm::keccak256("Deposited(address,uint256)");
                EXPECT_EQ(record.txn.has_value(), is_deposit);
                if (record.txn) {
                    EXPECT_EQ(record.txn->from,
                              evm::Address::from(record.log.txn_hash.view().first(20)));
                    ++deposits;
                }
            }
        }
        EXPECT_GT(deposits, 0U);
        EXPECT_EQ(rig.indexer->database()->quarantine_count(), 0U);
        test::expect_same(rig.stop_and_dump(), fresh_index(chain, parts));
    }
}

TEST_F(IngestTest, TransactionsThatAChangedMappingNamesAreFetchedForStoredLogs) {
    for (const uint64_t seed : seeds(4)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(50);
        const Directory directory;
        {
            Rig rig{chain, directory.db(), seed};
            ASSERT_TRUE(rig.finish());
            rig.stop_and_dump();
        }
        ConfigParts parts;
        parts.names_txns = true;
        Rig rig{chain, directory.db(), seed, parts};
        ASSERT_TRUE(rig.finish());
        EXPECT_EQ(rig.indexer->database()->quarantine_count(), 0U);
        EXPECT_EQ(rig.indexer->database()->cursor()->event_count, wanted_logs(chain).size());
        test::expect_same(rig.stop_and_dump(), fresh_index(chain, parts));
    }
}

TEST_F(IngestTest, ALaggingProviderIsNotAReorg) {
    FakeChain chain{3};
    chain.mine(50);
    const Directory directory;
    FakeNodeOptions options;
    options.keeps_side_blocks = true;
    Rig rig{chain, directory.db(), 3, {}, {}, options};
    ASSERT_TRUE(rig.settle(chain));
    for (const uint64_t lag : {1U, 6U, 30U}) {
        rig.node->options.lag = lag;
        for (int i = 0; i < 4000; ++i) {
            rig.step();
        }
        EXPECT_EQ(rig.indexer->database()->cursor()->block_num, chain.head());
    }
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 0U);
    // Below finality not even a provider that does not know our block moves us.
    rig.node->options.keeps_side_blocks = false;
    for (int i = 0; i < 4000; ++i) {
        rig.step();
    }
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 0U);
    rig.node->options.lag = 0;
    chain.mine(2);
    ASSERT_TRUE(rig.settle(chain));
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, AChainThatStaysShorterIsFollowedDown) {
    FakeChain chain{4};
    chain.mine(50);
    const Directory directory;
    Rig rig{chain, directory.db(), 4, {}, {}};
    ASSERT_TRUE(rig.settle(chain));
    chain.cut(45);
    ASSERT_TRUE(rig.settle(chain));
    EXPECT_EQ(rig.indexer->database()->cursor()->block_num, 45U);
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 1U);
    chain.mine(10);
    ASSERT_TRUE(rig.settle(chain));
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, UntilABlockStopsExactlyThere) {
    for (const uint64_t seed : seeds(6)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(40);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {false, 33 + seed % 20}};
        for (int i = 0; i < 3000; ++i) {
            rig.step();
        }
        chain.mine(30);  // It waits for blocks to come.
        ASSERT_TRUE(rig.finish());
        EXPECT_EQ(rig.indexer->database()->cursor()->block_num, 33 + seed % 20);
        EXPECT_TRUE(rig.indexer->stop().has_value());
    }
}

TEST_F(IngestTest, ProvidersThatAreDownForAnHourCostNoRestart) {
    FakeChain chain{6};
    chain.mine(40);
    const Directory directory;
    FakeNodeOptions options;
    options.is_down = true;
    Rig rig{chain, directory.db(), 6, {}, {}, options};
    while (rig.clock.monotonic_ms() < 3'600'000) {
        rig.step();
        rig.clock.advance(500);
    }
    EXPECT_EQ(rig.indexer->database(), nullptr);
    EXPECT_GE(rig.indexer->progress().waiting_since_ms.load(), 0);
    rig.node->options.is_down = false;
    ASSERT_TRUE(rig.settle(chain));
    rig.node->options.is_down = true;
    const int64_t start = rig.clock.monotonic_ms();
    while (rig.clock.monotonic_ms() < start + 3'600'000) {
        rig.step();
        rig.clock.advance(500);
    }
    chain.mine(5);
    rig.node->options.is_down = false;
    ASSERT_TRUE(rig.settle(chain));
    EXPECT_LT(rig.indexer->progress().waiting_since_ms.load(), 0);
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, AnotherChainIsRefusedAndNothingTouched) {
    FakeChain chain{6};
    chain.mine(10);
    const Directory directory;
    FakeNodeOptions options;
    options.chain_id = 5;
    {
        Rig rig{chain, directory.db(), 6, {}, {}, options};
        EXPECT_FALSE(rig.finish(2000));
        ASSERT_TRUE(rig.indexer->failure().has_value());
        EXPECT_EQ(rig.indexer->failure()->code, ErrorCode::kIncompatible);
        EXPECT_EQ(rig.indexer->database(), nullptr);
        EXPECT_FALSE(std::filesystem::exists(directory.db()));
    }
    {
        Rig rig{chain, directory.db(), 6};
        ASSERT_TRUE(rig.finish());
        rig.stop_and_dump();
    }
    // The same id, another genesis: a test node started anew.
    FakeChain anew{7};
    anew.mine(20);
    Rig rig{anew, directory.db(), 6};
    EXPECT_FALSE(rig.finish(2000));
    ASSERT_TRUE(rig.indexer->failure().has_value());
    EXPECT_EQ(rig.indexer->failure()->code, ErrorCode::kIncompatible);
    EXPECT_EQ(rig.indexer->database()->cursor()->block_num, 10U);
}

TEST_F(IngestTest, ANodeWithoutBlockZeroIsToldApartByChainIdOnly) {
    FakeChain chain{8};
    chain.mine(30);
    const Directory directory;
    FakeNodeOptions options;
    options.knows_genesis = false;
    ConfigParts parts;
    parts.start_block = 3;
    Rig rig{chain, directory.db(), 8, parts, {true, std::nullopt}, options};
    ASSERT_TRUE(rig.finish());
    EXPECT_TRUE(rig.indexer->database()->identity().genesis_hash.is_zero());
}

TEST_F(IngestTest, AFullDiskIsWaitedOutWithoutLosingAnything) {
    uint64_t faults = 0;
    for (const uint64_t seed : seeds(12)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        const bool aside = seed % 3 == 0;
        FakeChain chain{seed};
        chain.mine(80);
        const Directory directory;
        const auto files = std::make_shared<storage::test::FaultFileSystem>();
        const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
        auto rig = std::make_unique<Rig>(chain, directory.db(), seed, ConfigParts{}, Until{},
                                         FakeNodeOptions{}, env.get(), aside);
        while (rig->indexer->database() == nullptr) {
            rig->step();
        }
        // Once there is room again RocksDB may want to be opened anew: then the index stops.
        const auto start_again_if_stopped = [&] {
            if (!rig->indexer->failure()) {
                return;
            }
            EXPECT_EQ(rig->indexer->failure()->code, ErrorCode::kIo);
            EXPECT_TRUE(rig->indexer->database()->needs_reopen());
            rig.reset();
            rig = std::make_unique<Rig>(chain, directory.db(), seed, ConfigParts{}, Until{},
                                        FakeNodeOptions{}, env.get(), aside);
            ASSERT_NE(rig->indexer, nullptr) << rig->open_error->message;
        };
        std::mt19937_64 random{seed};
        for (int round = 0; round < 3; ++round) {
            files->fill_after(random() % 40);
            for (int i = 0; i < 400; ++i) {
                rig->step();
            }
            // A job of RocksDB's own threads that failed in the round before may tell it only now,
            // with room for some writes still: then too it is to be opened anew.
            ASSERT_TRUE(!rig->indexer->failure() || rig->indexer->needs_reopen())
                << rig->indexer->failure()->message;
            files->heal();
            rig->clock.advance(60'000);
            chain.mine(3);
            start_again_if_stopped();
            for (int i = 0; i < 50; ++i) {
                rig->step();
            }
            start_again_if_stopped();
        }
        faults += files->faults_injected();
        const bool is_settled = rig->settle(chain);
        if (!is_settled) {
            start_again_if_stopped();
            ASSERT_TRUE(rig->settle(chain));
        }
        test::expect_same(rig->stop_and_dump(), fresh_index(chain));
    }
    EXPECT_GT(faults, 0U);
}

TEST_F(IngestTest, ADatabaseThatWaitsToBeOpenedAgainIsToldThoughNoBlockComes) {
    FakeChain chain{5};
    chain.mine(20);
    const Directory directory;
    const auto files = std::make_shared<storage::test::FaultFileSystem>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
    Rig rig{chain, directory.db(), 5, ConfigParts{}, Until{}, FakeNodeOptions{}, env.get()};
    ASSERT_TRUE(rig.settle(chain));
    storage::Database& database = *rig.indexer->database();
    const auto write = [&] {
        storage::TaskRow row;
        row.id = 1;
        row.kind = "prove_log";
        return storage::TaskStore{database}.write({{nullptr, &row}});
    };
    files->fill_after(0);
    ASSERT_FALSE(write());
    files->heal();
    ASSERT_FALSE(write()) << "RocksDB goes on by itself: then nothing needs to be told";
    ASSERT_TRUE(database.needs_reopen());
    for (int i = 0; i < 50; ++i) {
        rig.step();
    }
    ASSERT_TRUE(rig.indexer->failure().has_value());
    EXPECT_TRUE(rig.indexer->needs_reopen()) << rig.indexer->failure()->message;
}

TEST_F(IngestTest, ACommitThatFailsBesideTheFoldIsToldOnceAndNothingFollowsIt) {
    int failures = 0;
    for (const uint64_t seed : seeds(6)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(120);
        const Directory directory;
        const auto files = std::make_shared<storage::test::FaultFileSystem>();
        const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
        Rig rig{chain, directory.db(), seed, {}, Until{}, {}, env.get(), true};
        while (rig.indexer->progress().commits == 0) {
            rig.step();
        }
        files->fill_after(0);
        for (int i = 0; i < 400; ++i) {
            rig.step();
        }
        ASSERT_FALSE(rig.indexer->failure().has_value()) << rig.indexer->failure()->message;
        files->heal();
        rig.clock.advance(60'000);
        for (int i = 0; i < 200 && !rig.indexer->failure(); ++i) {
            rig.step();
        }
        if (!rig.indexer->failure()) {
            continue;  // All had been written when the disk was full.
        }
        ++failures;
        const Error told = *rig.indexer->failure();
        EXPECT_EQ(told.code, ErrorCode::kIo);
        const auto cursor = rig.indexer->database()->cursor();
        for (int i = 0; i < 20; ++i) {
            EXPECT_FALSE(rig.indexer->step_writer());
        }
        EXPECT_EQ(rig.indexer->failure()->message, told.message);
        EXPECT_EQ(rig.indexer->database()->cursor()->block_num, cursor->block_num);
    }
    EXPECT_GT(failures, 0);
}

TEST_F(IngestTest, APowerCutAnywhereLosesNothingThatIsNotFetchedAgain) {
    for (const uint64_t seed : seeds(15)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(60);
        const Directory directory;
        const auto files = std::make_shared<storage::test::FaultFileSystem>();
        const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
        std::mt19937_64 random{seed};
        for (int run = 0; run < 5; ++run) {
            {
                Rig rig{
                    chain,     directory.db(), seed * 10 + static_cast<uint64_t>(run), {}, {}, {},
                    env.get(), seed % 3 == 0};
                ASSERT_NE(rig.indexer, nullptr) << rig.open_error->message;
                while (run == 0 && rig.indexer->database() == nullptr) {
                    rig.step();
                }
                files->die_after(random() % 600);
                for (int i = 0; i < 600; ++i) {
                    rig.step();
                }
            }
            files->cut_power(random());
            if (random() % 2 == 0) {
                chain.reorg(random() % 6, 6);
            }
        }
        chain.mine(20);
        Rig rig{chain, directory.db(), seed, {}, {true, std::nullopt}, {}, env.get()};
        ASSERT_NE(rig.indexer, nullptr) << rig.open_error->message;
        ASSERT_TRUE(rig.finish());
        test::expect_same(rig.stop_and_dump(), fresh_index(chain));
    }
}

class Recorder final : public IndexObserver {
  public:
    void on_commit(const CommitNotice& notice) override {
        EXPECT_TRUE(!is_strict || notice.range.from == next) << notice.range.from;
        next = notice.range.to + 1;
        total += notice.events;
    }
    void on_rollback(uint64_t block_num) override {
        EXPECT_TRUE(!is_strict || block_num < next) << block_num;
        next = block_num + 1;
        ++rollbacks;
    }
    void on_refold() override { ++refolds; }

    uint64_t next = 0;
    uint64_t total = 0;
    int rollbacks = 0;
    int refolds = 0;
    bool is_strict = true;  ///< every block is heard of once
};

TEST_F(IngestTest, ThreadsGiveTheSameBytesAndObserversHearEveryBlock) {
    FakeChain chain{9};
    chain.mine(200);
    const Directory directory;
    ManualClock clock;
    FakeNode node{chain, clock, {}};
    Recorder recorder;
    IndexerOptions options;
    options.config = make_config({});
    options.db_path = directory.db();
    options.until = {true, std::nullopt};
    options.tiny_buffers = true;
    options.ingest.commit_events_max = 5;  // many commits, each while the next is folded
    options.observer = &recorder;
    Result<std::unique_ptr<Indexer>> indexer = Indexer::open(std::move(options), node);
    ASSERT_TRUE(indexer.has_value());
    const std::stop_source never;
    const Status ended = (*indexer)->run(never.get_token(), nullptr);
    ASSERT_TRUE(ended.has_value()) << ended.error().message;
    EXPECT_EQ((*indexer)->progress().state.load(), Lifecycle::kStopped);
    EXPECT_EQ(recorder.next, 201U);
    EXPECT_EQ(recorder.total, wanted_logs(chain).size());
    Result<std::vector<std::string>> lines = storage::dump_lines(*(*indexer)->database());
    ASSERT_TRUE(lines.has_value());
    test::expect_same(*lines, fresh_index(chain));
}

// ---- What one provider's word does not do ----------------------------------------------------

/// Steps a while, in simulated time.
void run_for(Rig& rig, int64_t ms) {
    const int64_t end = rig.clock.monotonic_ms() + ms;
    while (rig.clock.monotonic_ms() < end && !rig.indexer->failure()) {
        rig.step();
    }
}

TEST_F(IngestTest, OneAnswerThatCallsTheHeadFinalCostsNoFold) {
    FakeChain chain{21};
    chain.mine(60);
    const Directory directory;
    Recorder recorder;
    recorder.is_strict = false;
    Rig rig{chain, directory.db(), 0, {}, {}, {}, nullptr, false, &recorder};
    ASSERT_TRUE(rig.settle(chain));
    rig.node->options.finality_depth = 0;
    for (int i = 0; i < 5; ++i) {
        chain.mine(1);
        ASSERT_TRUE(rig.settle(chain));
    }
    rig.node->options.finality_depth = 12;
    EXPECT_LE(rig.indexer->database()->cursor()->finalized, chain.head() - 12);
    const int refolds = recorder.refolds;
    chain.reorg(2, 3);
    ASSERT_TRUE(rig.settle(chain));
    EXPECT_EQ(recorder.refolds, refolds);
    EXPECT_EQ(recorder.rollbacks, 1);
    chain.mine(40);
    ASSERT_TRUE(rig.settle(chain));
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, ALowerHeadOfABlockThatItsOwnChainLacksUndoesNothing) {
    FakeChain chain{22};
    chain.mine(60);
    const Directory directory;
    Rig rig{chain, directory.db(), 0, {}, {}};
    ASSERT_TRUE(rig.settle(chain));
    for (const uint64_t lag : {3U, 25U}) {
        rig.node->options.lag = lag;
        rig.node->options.is_head_false = true;
        rig.node->options.keeps_side_blocks = true;
        run_for(rig, 30'000);
        EXPECT_EQ(rig.indexer->database()->cursor()->block_num, chain.head());
    }
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 0U);
    rig.node->options = {};
    chain.mine(2);
    ASSERT_TRUE(rig.settle(chain));
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, WhatIsFinalIsNotUndoneByAMomentOfAnotherChain) {
    FakeChain chain{23};
    chain.mine(60);
    const Directory directory;
    Rig rig{chain, directory.db(), 0, {}, {}};
    ASSERT_TRUE(rig.settle(chain));
    const auto ours = chain.blocks();
    chain.reorg(30, 31);
    const auto theirs = chain.blocks();
    run_for(rig, FinalUndo::kAloneMs / 2);
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 0U);
    EXPECT_GE(rig.indexer->progress().waiting_since_ms.load(), 0) << "it is told";
    chain.adopt(ours);
    chain.mine(1);
    ASSERT_TRUE(rig.settle(chain));
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 0U);
    // A chain that stays another one is followed.
    chain.adopt(theirs);
    chain.mine(5);
    ASSERT_TRUE(rig.settle(chain));
    EXPECT_EQ(rig.indexer->progress().reorgs.load(), 1U);
    chain.mine(40);
    ASSERT_TRUE(rig.settle(chain));
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

TEST_F(IngestTest, AChainOfAnotherFirstBlockIsNoReorgOfOurs) {
    for (const uint64_t length : {20U, 90U}) {
        SCOPED_TRACE(length);
        FakeChain chain{25};
        chain.mine(60);
        const Directory directory;
        Rig rig{chain, directory.db(), 0, {}, {}};
        ASSERT_TRUE(rig.settle(chain));
        const auto ours = chain.blocks();
        FakeChain anew{26};
        anew.mine(length);
        chain.adopt(anew.blocks());
        run_for(rig, FinalUndo::kAloneMs / 2);
        EXPECT_FALSE(rig.indexer->failure().has_value()) << "it may be a moment's";
        chain.adopt(ours);
        chain.mine(1);
        ASSERT_TRUE(rig.settle(chain));
        chain.adopt(anew.blocks());
        run_for(rig, 20 * FinalUndo::kAloneMs);
        ASSERT_TRUE(rig.indexer->failure().has_value());
        EXPECT_EQ(rig.indexer->failure()->code, ErrorCode::kIncompatible);
        EXPECT_NE(rig.indexer->failure()->message.find("another chain of the same id"),
                  std::string::npos);
        EXPECT_EQ(rig.indexer->progress().reorgs.load(), 0U);
        EXPECT_EQ(rig.indexer->database()->cursor()->block_num, 61U);
    }
}

// ---- What a liar told -------------------------------------------------------------------------

/// Logs and all that follows from them; ids, names of providers and the journal tell of the way.
void expect_same_rows(Rig& rig, const FakeChain& chain) {
    const Directory directory;
    Rig fresh{chain, directory.db(), 0};
    ASSERT_TRUE(fresh.finish());
    test::expect_same(logs_as_read(*rig.indexer->database()),
                      logs_as_read(*fresh.indexer->database()));
    test::expect_same(derived_only(rig.stop_and_dump()), derived_only(fresh.stop_and_dump()));
}

TEST_F(IngestTest, WhatALiarToldAloneIsFetchedAgainOnceAndTheIndexIsThatOfAnHonestOne) {
    for (const uint64_t seed : seeds(10)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(150);
        const Directory directory;
        Rig rig{chain, directory.db(), seed, {}, {}};
        rig.node->options.name = "liar";
        rig.node->options.drops = [](const evm::Log& log) { return log.block_num % 7 == 3; };
        for (int i = 0; i < 100'000; ++i) {
            rig.step();
            const storage::Database* database = rig.indexer->database();
            if (database != nullptr && database->cursor() &&
                database->cursor()->block_num > chain.head() / 2) {
                break;
            }
        }
        rig.node->options.name = "honest";
        rig.node->options.drops = {};
        rig.node->convicted = {"liar"};
        chain.mine(1);
        ASSERT_TRUE(rig.settle(chain));
        run_for(rig, 60'000);
        Result<std::vector<storage::CoverageRow>> coverage = rig.indexer->database()->coverage();
        ASSERT_TRUE(coverage);
        for (const storage::CoverageRow& row : *coverage) {
            EXPECT_EQ(row.provider, "honest") << row.range.from << " to " << row.range.to;
        }
        const auto journal = rig.indexer->database()->read_view()->list_journal(0, 1'000);
        ASSERT_TRUE(journal);
        EXPECT_FALSE(journal->empty());
        for (const storage::JournalRow& row : *journal) {
            EXPECT_EQ(row.provider, "liar");
            EXPECT_EQ(row.evidence, "as honest tells it");
        }
        const size_t asked = rig.node->range_asks;
        run_for(rig, 60'000);
        EXPECT_EQ(rig.node->range_asks, asked) << "once a conviction";
        chain.mine(40);
        ASSERT_TRUE(rig.settle(chain));
        expect_same_rows(rig, chain);
    }
}

TEST_F(IngestTest, ALiarsSecondWordReplacesNothingAndOthersAreAskedAgainUntilTheyTell) {
    FakeChain chain{27};
    chain.mine(60);
    const Directory directory;
    Rig rig{chain, directory.db(), 0, {}, {}};
    rig.node->options.name = "liar";
    ASSERT_TRUE(rig.settle(chain));
    const std::vector<std::string> told_first = logs_as_read(*rig.indexer->database());
    ASSERT_FALSE(told_first.empty());
    rig.node->options.drops = [](const evm::Log& log) { return log.block_num % 3 == 0; };
    rig.node->convicted = {"liar"};  // And nobody but the liar answers.
    const size_t asked = rig.node->range_asks;
    run_for(rig, 300'000);
    EXPECT_GT(rig.node->range_asks, asked);
    EXPECT_LT(rig.node->range_asks, asked + 200) << "less and less often";
    test::expect_same(logs_as_read(*rig.indexer->database()), told_first);
    EXPECT_TRUE(rig.indexer->database()->read_view()->list_journal(0, 10)->empty());
    rig.node->options.drops = {};
    rig.node->options.name = "honest";
    run_for(rig, 300'000);
    const Result<std::vector<storage::CoverageRow>> coverage = rig.indexer->database()->coverage();
    ASSERT_TRUE(coverage);
    for (const storage::CoverageRow& row : *coverage) {
        EXPECT_EQ(row.provider, "honest") << row.range.from << " to " << row.range.to;
    }
    const size_t asked_in_all = rig.node->range_asks;
    run_for(rig, 300'000);
    EXPECT_EQ(rig.node->range_asks, asked_in_all) << "nothing is left";
    expect_same_rows(rig, chain);
}

TEST_F(IngestTest, ARunThatEndsAtTheHeadEndsAfterWhatALiarToldIsRight) {
    FakeChain chain{24};
    chain.mine(80);
    const Directory directory;
    Rig rig{chain, directory.db(), 0};
    rig.node->options.name = "liar";
    rig.node->options.drops = [](const evm::Log& log) { return log.block_num == 33; };
    while (rig.indexer->database() == nullptr || !rig.indexer->database()->cursor() ||
           rig.indexer->database()->cursor()->block_num < 50) {
        rig.step();
    }
    rig.node->options.name = "honest";
    rig.node->options.drops = {};
    rig.node->convicted = {"liar"};
    ASSERT_TRUE(rig.finish());
    expect_same_rows(rig, chain);
}

TEST_F(IngestTest, WhatALiarToldForAnotherConfigGoesWithItsCoverageAndIsNoDifference) {
    FakeChain chain{25};
    chain.mine(80);
    const Directory directory;
    ConfigParts parts;
    parts.has_vaults = parts.has_pods = false;
    FakeNodeOptions node;
    node.name = "liar";
    {
        Rig rig{chain, directory.db(), 0, parts, {true, std::nullopt}, node};
        ASSERT_TRUE(rig.finish());
        ASSERT_TRUE(rig.indexer->stop().has_value());
    }
    node.name = "honest";
    parts.start_block = 40;
    {
        Rig rig{chain, directory.db(), 0, parts, {true, std::nullopt}, node};
        rig.node->convicted = {"liar"};
        ASSERT_TRUE(rig.finish());
        ASSERT_TRUE(rig.indexer->stop().has_value());
        const storage::Database& database = *rig.indexer->database();
        EXPECT_TRUE(database.read_view()->list_journal(0, 10)->empty()) << "nothing differed";
        const auto coverage = database.coverage().value();
        for (const storage::CoverageRow& row : coverage) {
            EXPECT_EQ(row.provider, "honest") << row.range.from << " to " << row.range.to;
        }
    }
    // That config comes back: what is not there any more is fetched.
    parts.start_block = 0;
    Rig rig{chain, directory.db(), 0, parts, {true, std::nullopt}, node};
    ASSERT_TRUE(rig.finish());
    const Directory other;
    Rig fresh{chain, other.db(), 0, parts};
    ASSERT_TRUE(fresh.finish());
    test::expect_same(logs_as_read(*rig.indexer->database()),
                      logs_as_read(*fresh.indexer->database()));
    test::expect_same(derived_only(rig.stop_and_dump()), derived_only(fresh.stop_and_dump()));
}

// ---- Two chains of one id ---------------------------------------------------------------------

TEST_F(IngestTest, NothingIsStoredWhileProvidersTellTwoChainsAndItIsToldWho) {
    FakeChain chain{26};
    chain.mine(60);
    const Directory directory;
    Rig rig{chain, directory.db(), 0, {}, {}};
    bool is_agreed = false;
    unsigned asked = 0;
    const auto words = [&](uint64_t block_num) {
        const evm::Hash ours = chain.blocks()[block_num]->header.hash;
        if (is_agreed) {
            return std::vector<rpc::BlockWord>{{"one", ours}, {"two", ours}};
        }
        // Its chain is shorter than the other's final block, and it begins to speak late.
        std::vector<rpc::BlockWord> said{{"one", ours}, {"two", std::nullopt}};
        if (block_num < 20) {
            said[1].hash = evm::keccak256(ours.view());
        }
        if (++asked < 4) {
            said.pop_back();
        }
        return said;
    };
    rig.node->options.words = words;
    run_for(rig, 60'000);
    ASSERT_NE(rig.indexer->database(), nullptr);
    EXPECT_FALSE(rig.indexer->database()->cursor().has_value());
    EXPECT_GE(rig.indexer->progress().waiting_since_ms.load(), 0);
    const std::string why = rig.indexer->progress().waiting_for.get();
    EXPECT_NE(why.find("one has 0x"), std::string::npos) << why;
    EXPECT_NE(why.find("two has 0x"), std::string::npos) << why;
    is_agreed = true;
    ASSERT_TRUE(rig.settle(chain));
    test::expect_same(rig.stop_and_dump(), fresh_index(chain));
}

/// With a depth for finality one higher head tells more final than the chain has.
TEST_F(IngestTest, WhatIsFinalIsNotLearntFromAProviderThatIsOfAnotherChain) {
    constexpr uint64_t kLead = 10;
    FakeChain chain{27};
    chain.mine(60);
    const Directory directory;
    FakeNodeOptions others_head;
    others_head.providers = {"one", "two", "other"};
    const auto start = [&] {
        auto rig =
            std::make_unique<Rig>(chain, directory.db(), 0, ConfigParts{}, Until{}, others_head);
        rig->node->options.words = [&chain, node = rig->node.get()](uint64_t block_num) {
            node->options.lag = kLead;  // From now on the other one is asked for nothing else.
            const evm::Hash ours = chain.blocks()[block_num]->header.hash;
            return std::vector<rpc::BlockWord>{
                {"one", ours}, {"two", ours}, {"other", evm::keccak256(ours.view())}};
        };
        return rig;
    };
    const auto expect_final = [&](Rig& rig) {
        run_for(rig, 30'000);
        const auto cursor = rig.cursor();
        ASSERT_TRUE(cursor.has_value());
        EXPECT_EQ(cursor->block_num, chain.head() - kLead);
        EXPECT_EQ(cursor->finalized, chain.head() - kLead - 12);
    };
    {
        SCOPED_TRACE("nothing is stored");
        expect_final(*start());
    }
    chain.mine(3);
    SCOPED_TRACE("the index has begun");
    expect_final(*start());
}

TEST_F(IngestTest, ADepthOfFinalityCountsFromTheHeadThatTwoProvidersReach) {
    FakeChain chain{28};
    chain.mine(60);
    const Directory directory;
    FakeNodeOptions node;
    node.second_lag = 7;
    Rig rig{chain, directory.db(), 0, {}, {}, node};
    run_for(rig, 10'000);
    ASSERT_TRUE(rig.cursor().has_value());
    EXPECT_EQ(rig.cursor()->block_num, 60U);
    EXPECT_EQ(rig.cursor()->finalized, 60U - 7 - 12);
    chain.mine(5);
    rig.node->options.second_lag = 0;  // Nothing is nearer to the head than usual.
    run_for(rig, 10'000);
    EXPECT_EQ(rig.cursor()->finalized, 65U - 12);
}

/// The index begins above finality: none of its blocks tells which chain it is of.
TEST_F(IngestTest, WhereNothingFinalIsStoredTheBlockThatMostHaveTellsWhoIsOfAnotherChain) {
    FakeChain chain{29};
    chain.mine(60);
    const Directory directory;
    ConfigParts parts;
    parts.start_block = 55;
    FakeNodeOptions three;
    three.providers = {"one", "two", "other"};
    bool is_silent = true;
    const auto start = [&] {
        auto rig = std::make_unique<Rig>(chain, directory.db(), 0, parts, Until{}, three);
        rig->node->options.words = [&chain, &is_silent](uint64_t block_num) {
            if (block_num > chain.head()) {
                return std::vector<rpc::BlockWord>{{"one", std::nullopt}, {"two", std::nullopt}};
            }
            const evm::Hash ours = chain.blocks()[block_num]->header.hash;
            std::vector<rpc::BlockWord> said{{"one", ours}, {"two", ours}};
            if (!is_silent) {
                said.push_back({"other", evm::keccak256(ours.view())});
            }
            return said;
        };
        return rig;
    };
    const std::set<std::string> other{"other"};
    {
        const auto rig = start();
        ASSERT_TRUE(rig->settle(chain));
        EXPECT_EQ(rig->node->apart, std::set<std::string>{});
        SCOPED_TRACE("it speaks late, and its head holds the index up");
        is_silent = false;
        rig->node->options.is_head_false = true;
        run_for(*rig, 60'000);
        EXPECT_EQ(rig->node->apart, other);
        EXPECT_EQ(rig->cursor()->block_num, 60U);
    }
    SCOPED_TRACE("it speaks at a start");
    const auto rig = start();
    run_for(*rig, 10'000);
    EXPECT_EQ(rig->node->apart, other);
}

/// Its head is the higher one, and its chain is ours up to what is final here.
TEST_F(IngestTest, AMinorityThatPartsAboveWhatIsFinalHoldsNobodyUpForLong) {
    FakeChain chain{30};
    chain.mine(60);
    const Directory directory;
    FakeNodeOptions three;
    three.providers = {"one", "two", "other"};
    Rig rig{chain, directory.db(), 0, {}, {}, three};
    rig.node->options.words = [&chain](uint64_t block_num) {
        if (block_num > chain.head()) {
            return std::vector<rpc::BlockWord>{{"one", {}}, {"two", {}}, {"other", {}}};
        }
        const evm::Hash ours = chain.blocks()[block_num]->header.hash;
        return std::vector<rpc::BlockWord>{
            {"one", ours},
            {"two", ours},
            {"other", block_num > 60 ? evm::keccak256(ours.view()) : ours}};
    };
    ASSERT_TRUE(rig.settle(chain));
    EXPECT_EQ(rig.node->apart, std::set<std::string>{});
    chain.mine(3);
    rig.node->options.is_head_false = true;
    run_for(rig, 60'000);
    EXPECT_EQ(rig.node->apart, std::set<std::string>{"other"});
    EXPECT_EQ(rig.cursor()->block_num, 63U);
}

}  // namespace
}  // namespace plumbline::engine::ingest_test
