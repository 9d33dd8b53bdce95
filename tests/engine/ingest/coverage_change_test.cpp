// Any change of the config over a stored log gives the rows of a fresh index, and at no moment on
// the way is a block called proven that lacks a log: random sequences of changes over a chain with
// two factories and factories that they made. A failure prints its seed.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "engine/fold/rebuild.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/mapping/left_coverage.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "engine/proof/log/log_proof_record.hpp"
#include "engine/proof/log/proof_basis.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "storage/entity_key.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "storage/row.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/support/property_test.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::coverage_change_test {
namespace {

using storage::ProofLevel;
using test::FakeChain;
using test::FakeNode;
using test::make_address;

constexpr uint64_t kFirstBlocks = 60;

evm::Address second_hub() {
    return make_address(8, 1);
}

/// What a config says of the contracts.
struct Choice {
    uint64_t hub_start = 0;
    bool has_second_hub = false;
    bool has_vaults = true;
    bool has_pods = true;
    bool vault_pings = true;                ///< else announcements only
    std::string vault_since = "\"block\"";  ///< as the config has it
    std::string pod_since = "\"block\"";
    uint64_t vault_start = 0;
    bool doubles = false;
    uint64_t hub_end = 0;  ///< 0: none
    uint64_t vault_end = 0;
    bool vaults_are_pods = false;  ///< what the hub announces is a pod too
    bool has_fixed_vault = false;  ///< one that nobody has to announce
    uint64_t guest_end = 0;        ///< of a contract over one of the vaults; 0: none
    uint64_t whose_deposits = 0;   ///< of how many people; 0: of all
    bool knows_noise = false;      ///< the children's ABI does, and of vaults it is counted
};

std::string describe(const Choice& choice) {
    return fmt::format(
        "hub from {} to {}, deposits of {}{}{}{}{}{}{}{}{} vault from {} to {}{}{}, guest to {}",
        choice.hub_start, choice.hub_end, choice.whose_deposits,
        choice.knows_noise ? ", noise" : "", choice.has_fixed_vault ? ", a fixed vault" : "",
        choice.vaults_are_pods ? ", vaults are pods" : "",
        choice.has_second_hub ? ", second hub" : "", choice.has_vaults ? ", vaults" : "",
        choice.has_vaults && choice.has_pods ? ", pods" : "",
        choice.vault_pings ? ", vaults' pings" : "", choice.doubles ? ", doubles" : "",
        choice.vault_start, choice.vault_end, ", vaults since " + choice.vault_since,
        ", pods since " + choice.pod_since, choice.guest_end);
}

std::string child_text(std::string_view name, std::string_view factory, std::string_view rest) {
    return fmt::format(R"(
[contracts.{0}]
abi = "child.json"
factory = [{1}]
{2}
[entities.{0}_row]
key = {{ place = "address" }}
fields = {{ pings = "uint64", made = "uint64", last = "uint256" }}
)",
                       name, factory, rest);
}

std::string end_text(uint64_t end_block) {
    return end_block == 0 ? "" : fmt::format("end_block = {}\n", end_block);
}

/// Of the hub: deposits of the first few people, all announcements.
std::string filter_text(uint64_t people) {
    std::string list;
    for (uint64_t i = 0; i < people; ++i) {
        list += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", evm::to_hex(make_address(5, i)));
    }
    return people == 0 ? ""
                       : fmt::format(
                             "events = [\"Deposited\", \"VaultMade\"]\n"
                             "filter = {{ Deposited = {{ who = [{}] }} }}\n",
                             list);
}

std::string handler_text(std::string_view name, std::string_view event, std::string_view change) {
    return fmt::format(R"(
[[on]]
event = "{0}.{1}"
upsert = "{0}_row"
key = {{ place = "$log.address" }}
{2}
)",
                       name, event, change);
}

/// Of no family: what it lacks may end where what a factory's children lack does not.
std::string guest_text(uint64_t end_block) {
    return fmt::format(R"(
[contracts.guest]
abi = "child.json"
address = "{}"
end_block = {}
[entities.guest_row]
key = {{ place = "address" }}
fields = {{ pings = "uint64", last = "uint256" }}
)",
                       evm::to_hex(make_address(2, 7)), end_block);
}

Config make_config(const Choice& choice) {
    std::string text = fmt::format(
        R"(
[chain]
id = 31337
rpc = "http://127.0.0.1:1"
finality = 12
[contracts.hub]
abi = "hub.json"
address = ["{}"{}]
start_block = {}
{}
[entities.account]
key = {{ owner = "address" }}
fields = {{ balance = "uint256" }}
[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
add = {{ balance = "amount" }}
)",
        evm::to_hex(test::hub_address()),
        choice.has_second_hub ? fmt::format(", \"{}\"", evm::to_hex(second_hub())) : "",
        choice.hub_start, end_text(choice.hub_end) + filter_text(choice.whose_deposits));
    const std::string_view ping = "add = { pings = 1 }\nset = { last = \"n\" }";
    if (choice.guest_end != 0) {
        text += guest_text(choice.guest_end) + handler_text("guest", "Ping", ping);
    }
    if (choice.has_vaults) {
        text += child_text(
            "vault",
            fmt::format("{{ event = \"hub.VaultMade\", address = \"vault\", since = {} "
                        "}}",
                        choice.vault_since),
            fmt::format("start_block = {}\n{}{}{}", choice.vault_start,
                        choice.vault_pings ? "" : "events = [\"ChildMade\"]\n",
                        end_text(choice.vault_end),
                        choice.has_fixed_vault
                            ? fmt::format("address = \"{}\"\n", evm::to_hex(make_address(2, 7)))
                            : ""));
        text += handler_text("vault", "ChildMade",
                             choice.doubles ? "add = { made = 2 }" : "add = { made = 1 }");
        if (choice.vault_pings) {
            text += handler_text("vault", "Ping", ping);
        }
        if (choice.vault_pings && choice.knows_noise) {
            text += handler_text("vault", "Noise", ping);
        }
        if (choice.has_pods) {
            text += child_text(
                "pod",
                fmt::format(
                    "{{ event = \"vault.ChildMade\", address = \"child\", since = {0} }}{1}",
                    choice.pod_since,
                    choice.vaults_are_pods
                        ? fmt::format(", {{ event = \"hub.VaultMade\", address = \"vault\", "
                                      "since = {} }}",
                                      choice.pod_since)
                        : ""),
                "");
            text += handler_text("pod", "Ping", ping);
        }
    }
    std::string child_abi{test::kChildAbi};
    if (choice.knows_noise) {
        child_abi.insert(child_abi.rfind(']'),
                         R"(,{"type":"event","name":"Noise","inputs":)"
                         R"([{"name":"n","type":"uint256","indexed":false}]})");
    }
    Result<Config> config = parse_config(text, "test.toml", [&](const std::string& name) {
        return Result<std::string>{name == "hub.json" ? test::kHubAbi : child_abi};
    });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

std::string pick_since(std::mt19937_64& random) {
    switch (random() % 4) {
        case 0: return "\"block\"";
        case 1: return "\"announcement\"";
        default: return std::to_string(random() % 50);
    }
}

/// One change of a config, of those that users make.
void change(Choice& choice, std::mt19937_64& random) {
    switch (random() % 17) {
        case 15:
        case 16: choice.knows_noise = !choice.knows_noise; break;
        case 9: choice.hub_end = random() % 2 * (60 + random() % 10); break;
        case 10: choice.vault_end = random() % 3 * 30; break;
        case 11: choice.vaults_are_pods = !choice.vaults_are_pods; break;
        case 12: choice.has_fixed_vault = !choice.has_fixed_vault; break;
        case 13: choice.whose_deposits = random() % 4; break;
        case 14: choice.guest_end = random() % 3 * 25; break;
        case 0:
        case 1:
        case 2: choice.hub_start = random() % 4 * 20; break;
        case 3: choice.has_second_hub = !choice.has_second_hub; break;
        case 4: choice.has_vaults = !choice.has_vaults; break;
        case 5: choice.has_pods = !choice.has_pods; break;
        case 6: choice.vault_pings = !choice.vault_pings; break;
        case 7: choice.vault_start = random() % 2 * 30; break;
        default:
            if (random() % 4 == 0) {
                choice.doubles = !choice.doubles;
            } else {
                (random() % 2 == 0 ? choice.pod_since : choice.vault_since) = pick_since(random);
            }
    }
}

/// Blocks by chance, some with logs of the second hub, whose vaults may be the first one's too.
void mine(FakeChain& chain, std::mt19937_64& random, uint64_t count) {
    for (uint64_t left = count; left > 0; --left) {
        if (random() % 4 != 0) {
            chain.mine(1);
            continue;
        }
        const evm::Address vault = make_address(2, 6 + random() % 6);
        std::vector<test::MadeLog> logs;
        if (random() % 2 == 0) {
            logs.push_back(test::ping(vault, random() % 100));
        }
        logs.push_back(test::vault_made(vault));
        logs.back().log.address = second_hub();
        logs.push_back(test::child_made(vault, make_address(3, 6 + random() % 6)));
        logs.push_back(test::ping(make_address(3, 6 + random() % 6), random() % 100));
        logs.push_back(test::noise(vault, random() % 100));
        logs.push_back(test::noise(make_address(3, 6 + random() % 6), random() % 100));
        logs.push_back(test::deposited(second_hub(), make_address(5, random() % 6), 7));
        chain.mine_logs(logs);
    }
}

FakeChain mined(uint64_t seed, uint64_t blocks = kFirstBlocks) {
    FakeChain chain{seed};
    std::mt19937_64 random{seed};
    mine(chain, random, blocks);
    return chain;
}

/// An indexer over the chain, stepped by hand.
struct Life {
    Life(const FakeChain& chain, const std::string& path, const Choice& choice, uint64_t seed)
        : node{chain, clock, {}} {
        IndexerOptions options;
        options.config = make_config(choice);
        options.db_path = path;
        options.until = {true, std::nullopt};
        options.clock = &clock;
        options.tiny_buffers = true;
        node.options.seed = seed;
        if (seed != 0) {
            options.ingest.child_addresses_max = seed % 2 == 0 ? 2 : 100;
            options.ingest.commit_events_max = 1 + seed % 50;
            options.ingest.tail_blocks_max = 1 + seed % 8;
            is_writer_slow = seed % 3 == 2;
        }
        auto opened = Indexer::open(std::move(options), node);
        PLUMBLINE_CHECK_MSG(opened.has_value(), opened ? "" : opened.error().message.c_str());
        indexer = *std::move(opened);
    }
    void step() {
        const bool has_written = !is_writer_slow && indexer->step_writer();
        if (indexer->step_network(50) || has_written) {
            return;
        }
        if (!is_writer_slow || !indexer->step_writer()) {
            clock.advance(5);
        }
    }
    [[nodiscard]] bool finish() {
        for (int i = 0; i < 200'000 && !indexer->is_done() && !indexer->failure(); ++i) {
            step();
        }
        return indexer->is_done();
    }

    ManualClock clock;
    FakeNode node;
    std::unique_ptr<Indexer> indexer;
    bool is_writer_slow = false;  ///< has its turn only where the network cannot get on
};

using Places = std::set<std::pair<uint64_t, uint32_t>>;

Places logs_of(const storage::Database& database) {
    Places out;
    const auto view = database.read_view();
    for (const auto scan = view->scan_logs(0, UINT64_MAX); scan->valid(); scan->next()) {
        out.emplace(scan->record().log.block_num, scan->record().log.log_index);
    }
    return out;
}

/// All that is made of the log, and whose children there are.
std::vector<std::string> made_of_log(const storage::Database& database) {
    storage::DumpOptions options;
    options.want = [](std::string_view family) {
        return family.starts_with("entity.") || family.starts_with("index.") ||
               family.starts_with("undo") || family.starts_with("quarantine") ||
               family.starts_with("children");
    };
    auto lines = storage::dump_lines(database, options);
    EXPECT_TRUE(lines.has_value());
    return lines ? *std::move(lines) : std::vector<std::string>{};
}

struct Fresh {
    std::vector<std::string> lines;
    Places logs;
};

Fresh fresh_index(const FakeChain& chain, const Choice& choice) {
    const test::TempDir directory;
    Life life{chain, directory.sub("db"), choice, 0};
    EXPECT_TRUE(life.finish()) << (life.indexer->failure() ? life.indexer->failure()->message : "");
    EXPECT_TRUE(life.indexer->stop().has_value());
    return {made_of_log(*life.indexer->database()), logs_of(*life.indexer->database())};
}

/// The level that an answer shows of a block: that of the source that is proven least.
ProofLevel level_at(const Plan& plan, const std::vector<storage::CoverageRow>& coverage,
                    uint64_t block_num) {
    ProofLevel lowest = ProofLevel::kReceipts;
    for (const Source& source : plan.sources()) {
        ProofLevel level =
            source.is_within(block_num, block_num) ? ProofLevel::kNone : ProofLevel::kReceipts;
        for (const storage::CoverageRow& row : coverage) {
            if (row.source == source.fingerprint && row.range.from <= block_num &&
                block_num <= row.range.to) {
                level = std::max(level, row.level);
            }
        }
        lowest = std::min(lowest, level);
    }
    return lowest;
}

/// Nothing is called proven, or even fetched, that lacks a log. Gives the lowest level found.
ProofLevel expect_honest(const Plan& plan, const storage::Database& database,
                         const Places& wanted) {
    const auto coverage = database.coverage();
    const auto cursor = database.cursor();
    const Places stored = logs_of(database);
    ProofLevel lowest = ProofLevel::kReceipts;
    for (uint64_t block = 0; cursor && block <= cursor->block_num; ++block) {
        const ProofLevel level = level_at(plan, *coverage, block);
        lowest = std::min(lowest, level);
        for (auto at = wanted.lower_bound({block, 0}); at != wanted.end() && at->first == block;
             ++at) {
            EXPECT_TRUE(level == ProofLevel::kNone || stored.contains(*at))
                << "log " << block << "/" << at->second << " is missing at level "
                << storage::to_string(level);
        }
    }
    return lowest;
}

std::unique_ptr<storage::Database> open_database(const std::string& path) {
    auto opened = storage::Database::open(path, {});
    PLUMBLINE_CHECK_MSG(opened.has_value(), opened ? "" : opened.error().message.c_str());
    return *std::move(opened);
}

std::shared_ptr<const Plan> plan_of(const Choice& choice) {
    auto plan = Plan::compile(make_config(choice));
    PLUMBLINE_CHECK_MSG(plan.has_value(), plan ? "" : plan.error().message.c_str());
    return *std::move(plan);
}

/// As a proof that found nothing leaves it: everything that the plan covers is at `receipts`.
void call_proven(storage::Database& database, const Plan& plan) {
    const auto cursor = database.cursor();
    const auto coverage = database.coverage();
    const auto batch = database.make_batch();
    for (const Source& source : plan.sources()) {
        for (const storage::CoverageRow& row : coverage.value()) {
            if (row.source == source.fingerprint) {
                batch->extend_coverage(
                    {row.source, row.range, row.provider, ProofLevel::kReceipts});
            }
        }
    }
    for (const char* proof : {"log", "replay", "state"}) {
        storage::ProofRecord record;
        record.proof = proof;
        record.is_equal = true;
        batch->record_proof(record);
    }
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    ASSERT_TRUE(database.commit(*batch, storage::Durability::kSync).has_value());
}

class CoverageChangeTest : public test::PropertyTest {};

/// Some steps of a life by a config that does not come to its end, as after a kill.
void live_shortly(const FakeChain& chain, const std::string& path, const Choice& choice,
                  std::mt19937_64& random) {
    const Fresh fresh = fresh_index(chain, choice);
    Life life{chain, path, choice, 1 + random() % 100};
    for (uint64_t left = random() % 120; left > 0; --left) {
        life.step();
    }
    if (life.indexer->database() != nullptr) {
        expect_honest(life.indexer->plan(), *life.indexer->database(), fresh.logs);
    }
    if (random() % 2 == 0) {
        EXPECT_TRUE(life.indexer->stop().has_value());
    }
}

TEST_F(CoverageChangeTest, AnySequenceOfChangesGivesTheRowsAndLevelsOfAFreshIndex) {
    for (const uint64_t seed : seeds(4)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        std::mt19937_64 random{seed};
        FakeChain chain{seed};
        mine(chain, random, kFirstBlocks);
        const test::TempDir directory;
        const std::string path = directory.sub("db");
        Choice choice;
        choice.hub_start = random() % 4 * 20;
        for (int turn = 0; turn < 5 && !HasFailure(); ++turn) {
            SCOPED_TRACE(fmt::format("turn {}: {}", turn, describe(choice)));
            const Fresh fresh = fresh_index(chain, choice);
            {
                Life life{chain, path, choice, 1 + random() % 100};
                ASSERT_TRUE(life.finish())
                    << (life.indexer->failure() ? life.indexer->failure()->message : "slow");
                EXPECT_TRUE(life.indexer->stop().has_value());
                storage::Database& database = *life.indexer->database();
                EXPECT_GE(expect_honest(life.indexer->plan(), database, fresh.logs),
                          ProofLevel::kFetched);
                EXPECT_TRUE(made_of_log(database) == fresh.lines);
            }
            if (random() % 2 == 0) {
                call_proven(*open_database(path), *plan_of(choice));
            }
            change(choice, random);
            mine(chain, random, random() % 6);
            if (random() % 2 == 0) {
                SCOPED_TRACE("cut off: " + describe(choice));
                live_shortly(chain, path, choice, random);
                change(choice, random);
            }
        }
        if (HasFailure()) {
            return;
        }
    }
}

/// Indexes the chain by `choice` to its head; what is then stored.
struct Indexed {
    std::vector<std::string> lines;
    std::vector<storage::CoverageRow> coverage;
    std::vector<storage::ProofRecord> proofs;
};

Indexed index_to_head(const FakeChain& chain, const std::string& path, const Choice& choice) {
    Life life{chain, path, choice, 7};
    EXPECT_TRUE(life.finish()) << (life.indexer->failure() ? life.indexer->failure()->message : "");
    EXPECT_TRUE(life.indexer->stop().has_value());
    const storage::Database& database = *life.indexer->database();
    return {made_of_log(database), database.coverage().value(),
            database.read_view()->list_proofs().value()};
}

uint64_t stored_pings(const storage::Database& database, const Plan& plan, std::string_view entity,
                      const evm::Address& who) {
    const auto at = static_cast<size_t>(plan.find_entity(entity));
    std::string key;
    storage::append_key_word(key, *storage::parse_field_type("address"),
                             evm::U256::from_be(who.view()));
    const auto row = database.read_view()->get_row(at, key);
    return row ? plan.codec(at).word(*row, 0).limb[0] : 0;
}

TEST_F(CoverageChangeTest, ChildrenThatOneSpanAnnouncesAreAskedForInTheNextHoweverSlowTheWriterIs) {
    const evm::Address vault = make_address(2, 90);
    FakeChain chain{6};
    chain.mine(10);
    chain.mine_logs({test::vault_made(vault), test::ping(vault, 1)});
    chain.mine(30);
    chain.mine_logs({test::ping(vault, 2)});
    chain.mine(20);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    Choice choice;
    choice.has_vaults = false;
    index_to_head(chain, path, choice);
    // The family lacks all blocks, and the guest the first of them: two spans.
    choice.has_vaults = true;
    choice.guest_end = 25;
    Life life{chain, path, choice, 0};
    life.is_writer_slow = true;
    ASSERT_TRUE(life.finish()) << (life.indexer->failure() ? life.indexer->failure()->message
                                                           : "slow");
    EXPECT_TRUE(life.indexer->stop().has_value());
    const storage::Database& database = *life.indexer->database();
    EXPECT_EQ(stored_pings(database, *plan_of(choice), "vault_row", vault), 2U);
    const Fresh fresh = fresh_index(chain, choice);
    EXPECT_EQ(made_of_log(database), fresh.lines);
    EXPECT_GE(expect_honest(life.indexer->plan(), database, fresh.logs), ProofLevel::kFetched);
}

TEST_F(CoverageChangeTest, AFactoryThatStartsEarlierTakesTheLevelOfItsChildrenAway) {
    FakeChain chain = mined(1);
    const test::TempDir directory;
    Choice choice;
    choice.hub_start = 40;
    index_to_head(chain, directory.sub("db"), choice);
    call_proven(*open_database(directory.sub("db")), *plan_of(choice));
    choice.hub_start = 0;
    const auto plan = plan_of(choice);
    const Indexed after = index_to_head(chain, directory.sub("db"), choice);
    EXPECT_EQ(after.lines, fresh_index(chain, choice).lines);
    for (uint64_t block = 0; block <= chain.head(); ++block) {
        EXPECT_EQ(level_at(*plan, after.coverage, block), ProofLevel::kFetched) << block;
    }
    // That of the children by the other start is gone: they are not those that it is about.
    for (const storage::CoverageRow& row : after.coverage) {
        EXPECT_TRUE(row.source == kLeftCoverage ||
                    std::ranges::any_of(
                        plan->sources(),
                        [&](const Source& source) { return source.fingerprint == row.source; }))
            << row.source;
    }
}

/// A proof of all blocks by `plan` that reads the database now and finds nothing.
LogProofPiece proof_of_all(const storage::Database& database, const Plan& plan) {
    const auto cursor = database.cursor();
    LogProofPiece piece;
    piece.range = {0, cursor->block_num};
    piece.top = {cursor->block_num, cursor->block_hash};
    piece.spans = {{piece.range, ProofLevel::kReceipts}};
    const auto rows = database.read_view()->list_blocks(0, cursor->block_num);
    for (const storage::BlockRow& row : rows.value()) {
        piece.blocks.emplace_back(row.block_num, ProofLevel::kReceipts);
    }
    piece.basis = basis_of(plan, database.coverage().value(), database.children().value(),
                           rows.value(), piece.range);
    return piece;
}

void write_down(storage::Database& database, const Plan& plan, const LogProofPiece& piece) {
    const auto cursor = database.cursor();
    const auto batch = database.make_batch();
    ASSERT_TRUE(add_levels(*batch, database, plan, piece).has_value());
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    ASSERT_TRUE(database.commit(*batch, storage::Durability::kSync).has_value());
}

void prove(storage::Database& database, const Plan& plan) {
    write_down(database, plan, proof_of_all(database, plan));
}

/// A proof takes a while: what a changed config fills in beside it, it has not looked for.
TEST_F(CoverageChangeTest, AProofOnItsWayRaisesNothingOfWhatIsFilledInBesideIt) {
    FakeChain chain = mined(1);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    Choice alone;
    alone.has_vaults = false;
    Choice late;
    late.hub_start = 30;
    Choice guest;
    guest.guest_end = 50;
    for (const auto& [narrow, wide] :
         {std::pair{alone, Choice{}}, {late, Choice{}}, {Choice{}, guest}}) {
        SCOPED_TRACE(describe(narrow) + " -> " + describe(wide));
        std::filesystem::remove_all(path);
        index_to_head(chain, path, narrow);
        const auto plan = plan_of(wide);
        const LogProofPiece piece = proof_of_all(*open_database(path), *plan);
        index_to_head(chain, path, wide);
        write_down(*open_database(path), *plan, piece);
        Indexed after = index_to_head(chain, path, wide);
        for (uint64_t block = 0; block <= chain.head(); ++block) {
            EXPECT_LE(level_at(*plan, after.coverage, block), ProofLevel::kFetched) << block;
        }
        const auto rows = open_database(path)->read_view()->list_blocks(0, chain.head());
        ASSERT_TRUE(rows.has_value());
        EXPECT_TRUE(std::ranges::all_of(
            *rows, [](const storage::BlockRow& row) { return row.level == ProofLevel::kFetched; }));
        prove(*open_database(path), *plan);
        after = index_to_head(chain, path, wide);
        EXPECT_EQ(level_at(*plan, after.coverage, 40), ProofLevel::kReceipts);
    }
}

/// What nobody wants any more stays in the log, and is shown. So the level of its blocks may not be
/// that of what is still wanted, which was proven before it came.
TEST_F(CoverageChangeTest, WhatLeavesTheConfigUnprovenTakesTheLevelOfItsBlocksAlong) {
    FakeChain chain = mined(1);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    Choice hub_alone;
    hub_alone.has_vaults = false;
    Choice with_guest = hub_alone;
    with_guest.guest_end = 20;
    const auto plan = plan_of(hub_alone);
    for (const auto& [other, last] :
         {std::pair{with_guest, uint64_t{20}}, {Choice{}, chain.head()}}) {
        index_to_head(chain, path, hub_alone);
        call_proven(*open_database(path), *plan);
        index_to_head(chain, path, other);
        const Indexed after = index_to_head(chain, path, hub_alone);
        EXPECT_EQ(after.lines, fresh_index(chain, hub_alone).lines);
        for (uint64_t block = 0; block <= chain.head(); ++block) {
            EXPECT_EQ(level_at(*plan, after.coverage, block),
                      block <= last ? ProofLevel::kFetched : ProofLevel::kReceipts)
                << block;
        }
    }
    // A proof looks at all that is stored of a block.
    prove(*open_database(path), *plan);
    const auto database = open_database(path);
    size_t left = 0;
    const auto coverage = database->coverage();
    ASSERT_TRUE(coverage.has_value());
    for (const storage::CoverageRow& row : *coverage) {
        left += row.source == kLeftCoverage ? 1U : 0U;
        const bool is_guests =
            row.source != kLeftCoverage && source_of_key(plan->sources(), row.source) == nullptr;
        EXPECT_EQ(row.level, is_guests ? ProofLevel::kFetched : ProofLevel::kReceipts)
            << row.source << ": that a contract of another config has all its logs is not proven";
    }
    EXPECT_GT(left, 0U);
}

/// Under a later start or an earlier end nobody looked whether a log is missing there.
TEST_F(CoverageChangeTest, AProofRaisesNothingWhereItsConfigWantsNothing) {
    FakeChain chain = mined(1);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    const Choice wide;
    Choice narrow;
    narrow.hub_start = 20;
    narrow.hub_end = 50;
    Choice children;
    children.vault_start = 20;
    children.vault_end = 50;
    Choice guest;
    guest.guest_end = 50;
    Choice short_guest;
    short_guest.guest_end = 20;
    struct Case {
        Choice wide;
        Choice narrow;
        uint64_t first;
        uint64_t last;
    };
    for (const Case& test : {Case{wide, narrow, 20, 50}, Case{wide, children, 20, 50},
                             Case{guest, short_guest, 0, 20}}) {
        SCOPED_TRACE(describe(test.narrow));
        std::filesystem::remove_all(path);
        index_to_head(chain, path, test.wide);
        index_to_head(chain, path, test.narrow);
        prove(*open_database(path), *plan_of(test.narrow));
        const Indexed after = index_to_head(chain, path, test.wide);
        const auto plan = plan_of(test.wide);
        for (uint64_t block = 0; block <= chain.head(); ++block) {
            const bool is_wanted_more =
                std::ranges::any_of(plan->sources(), [&](const Source& one) {
                    return one.is_within(block, block) && (block < test.first || block > test.last);
                });
            if (is_wanted_more && (test.wide.guest_end == 0 || block <= 50)) {
                EXPECT_EQ(level_at(*plan, after.coverage, block), ProofLevel::kFetched) << block;
            }
        }
    }
}

/// What another config had stored below today's first block is of the chain, too, or goes with it.
TEST_F(CoverageChangeTest, AForkBelowALaterStartLeavesNothingOfTheDeadBlocks) {
    FakeChain chain = mined(1, 12);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    Choice choice;
    choice.has_vaults = false;
    index_to_head(chain, path, choice);
    choice.hub_start = 10;
    chain.reorg(8, 12);
    index_to_head(chain, path, choice);
    choice.hub_start = 14;  // Nothing of the fork before is stored above it.
    chain.reorg(10, 12);
    const Indexed after = index_to_head(chain, path, choice);
    EXPECT_EQ(after.lines, fresh_index(chain, choice).lines);
    const auto database = open_database(path);
    const auto rows = database->read_view()->list_blocks(0, chain.head());
    ASSERT_TRUE(rows.has_value());
    ASSERT_FALSE(rows->empty());
    for (const storage::BlockRow& row : *rows) {
        EXPECT_EQ(row.hash, chain.blocks()[row.block_num]->header.hash) << row.block_num;
    }
}

/// As 0.1 had left it: children count from their announcement on, the keys of their coverage do not
/// say who they are, and all of it is called proven.
void make_format_one(const std::string& path, const Plan& plan) {
    const auto database = open_database(path);
    call_proven(*database, plan);
    const auto cursor = database->cursor();
    const auto batch = database->make_batch();
    const auto coverage = database->coverage();
    ASSERT_TRUE(coverage.has_value());
    for (const storage::CoverageRow& row : *coverage) {
        if (row.source.ends_with(kChildrenMark)) {
            batch->remove_coverage(row.source);
            const std::string old = row.source.substr(0, row.source.size() - kChildrenMark.size());
            batch->extend_coverage({old, row.range, row.provider, row.level});
        }
    }
    for (uint64_t block = 0; block <= cursor->block_num; ++block) {
        batch->set_block_level(block, ProofLevel::kReceipts);
    }
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    ASSERT_TRUE(database->commit(*batch, storage::Durability::kSync).has_value());
    ASSERT_TRUE(storage::poke_family(*database, "default", "format", std::string{"\1\0\0\0\1", 5})
                    .has_value());
}

TEST_F(CoverageChangeTest, ADatabaseOfFormatOneFetchesWhatItsRulesLeftOutAndIsNotCalledProven) {
    FakeChain chain = mined(4);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    Choice choice;
    choice.hub_start = 20;
    choice.vault_since = choice.pod_since = "\"announcement\"";
    index_to_head(chain, path, choice);
    make_format_one(path, *plan_of(choice));
    choice.vault_since = choice.pod_since = "\"block\"";
    const Fresh fresh = fresh_index(chain, choice);
    Life life{chain, path, choice, 7};
    const storage::Database& database = *life.indexer->database();
    EXPECT_TRUE(database.read_view()->list_proofs().value().empty());
    const auto blocks = database.read_view()->list_blocks(0, UINT64_MAX);
    ASSERT_TRUE(blocks.has_value());
    for (const storage::BlockRow& row : *blocks) {
        EXPECT_LE(row.level, ProofLevel::kFetched);
    }
    while (!life.indexer->is_done() && !life.indexer->failure() && !HasFailure()) {
        for (uint64_t block = 0; block <= chain.head(); ++block) {
            EXPECT_LE(level_at(life.indexer->plan(), *database.coverage(), block),
                      block < choice.hub_start ? ProofLevel::kReceipts : ProofLevel::kFetched);
        }
        life.step();
    }
    ASSERT_FALSE(life.indexer->failure().has_value());
    EXPECT_TRUE(life.indexer->stop().has_value());
    EXPECT_EQ(made_of_log(database), fresh.lines);
    EXPECT_EQ(expect_honest(life.indexer->plan(), database, fresh.logs), ProofLevel::kFetched);
}

TEST_F(CoverageChangeTest, VerdictsOfProofsEndWithTheMappingAndWithTheLogThatTheyWereOf) {
    FakeChain chain = mined(2);
    const test::TempDir directory;
    Choice choice;
    index_to_head(chain, directory.sub("db"), choice);
    call_proven(*open_database(directory.sub("db")), *plan_of(choice));
    EXPECT_EQ(index_to_head(chain, directory.sub("db"), choice).proofs.size(), 3U)
        << "nothing changed";
    choice.doubles = true;
    EXPECT_TRUE(index_to_head(chain, directory.sub("db"), choice).proofs.empty());
    call_proven(*open_database(directory.sub("db")), *plan_of(choice));
    choice.vault_since = "\"announcement\"";
    EXPECT_TRUE(index_to_head(chain, directory.sub("db"), choice).proofs.empty());
}

/// Else they stay below the level asked for, with nobody to know it.
TEST_F(CoverageChangeTest,
       WhatWaitsForReceiptsIsDueWhateverTheConfigBecomesAsFarAsItsBlocksAreThere) {
    FakeChain chain = mined(2);
    const test::TempDir directory;
    const std::string path = directory.sub("db");
    Choice choice;
    index_to_head(chain, path, choice);
    const uint64_t last = chain.head();
    ASSERT_GT(last, 20U);
    {
        const auto database = open_database(path);
        KnownRanges known;
        known.add({{5, 9}, 0, 100, std::string{kRetryNote}});
        known.add({{12, 12}, 2, 0, "m"});
        known.add({{14, 15}, 0, UINT64_MAX, "no headers"});
        known.add({{last - 1, last + 3}, 0, 100, std::string{kRetryNote}});
        const storage::Cursor cursor = *database->cursor();
        const auto batch = database->make_batch();
        known.write(*batch, 1);
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        ASSERT_TRUE(database->commit(*batch, storage::Durability::kSync).has_value());
    }
    choice.doubles = true;
    index_to_head(chain, path, choice);
    const auto known = KnownRanges::read(*open_database(path)->read_view(), 100);
    ASSERT_TRUE(known.has_value());
    EXPECT_EQ(known->due_retries(100), (std::vector<evm::BlockRange>{{last - 1, last}, {5, 9}}));
    EXPECT_EQ(known->ranges().size(), 2U) << "what was found by another config is not known";
}

/// Blocks in which somebody speaks long before the hub, or a vault, says who it is.
void mine_history(FakeChain& chain) {
    const evm::Address vault = make_address(2, 90);
    const evm::Address pod = make_address(3, 90);
    chain.mine_logs({test::ping(vault, 1)});
    chain.mine_logs({test::ping(pod, 2), test::child_made(vault, pod)});
    chain.mine(3);
    chain.mine_logs({test::ping(vault, 3), test::ping(pod, 4)});
    chain.mine(2);
    chain.mine_logs({test::ping(pod, 5), test::vault_made(vault), test::ping(vault, 6)});
}

/// What the log itself says: how often somebody has spoken from block `since` on.
uint64_t pings_since(const FakeChain& chain, const evm::Address& who, uint64_t since) {
    uint64_t count = 0;
    for (const auto& block : chain.blocks()) {
        for (const evm::Log& log : block->logs.logs) {
            const bool is_ping = log.address == who && block->header.block_num >= since &&
                                 log.topics[0] == test::ping(who, 0).log.topics[0];
            count += is_ping ? 1U : 0U;
        }
    }
    return count;
}

TEST_F(CoverageChangeTest, SinceABlockNumberCountsWhatAContractSaidBeforeItWasAnnounced) {
    for (const uint64_t seed : seeds(6)) {
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
        FakeChain chain{seed};
        chain.mine(20);
        const uint64_t first = chain.head() + 1;
        mine_history(chain);
        Choice choice;
        choice.vault_since = std::to_string(first);
        choice.pod_since = std::to_string(first + 2);
        const auto plan = plan_of(choice);
        const evm::Address vault = make_address(2, 90);
        const evm::Address pod = make_address(3, 90);
        const test::TempDir directory;
        const auto expect_all = [&] {
            Life life{chain, directory.sub("db"), choice, seed};
            ASSERT_TRUE(life.finish())
                << (life.indexer->failure() ? life.indexer->failure()->message : "slow");
            EXPECT_TRUE(life.indexer->stop().has_value());
            const storage::Database& database = *life.indexer->database();
            EXPECT_EQ(stored_pings(database, *plan, "vault_row", vault),
                      pings_since(chain, vault, first));
            EXPECT_EQ(stored_pings(database, *plan, "pod_row", pod),
                      pings_since(chain, pod, first + 2));
            const Fresh fresh = fresh_index(chain, choice);
            EXPECT_EQ(made_of_log(database), fresh.lines);
            EXPECT_GE(expect_honest(*plan, database, fresh.logs), ProofLevel::kFetched);
        };
        expect_all();
        EXPECT_GE(pings_since(chain, vault, first), 3U);
        EXPECT_GE(pings_since(chain, pod, first + 2), 2U);
        // Announced while the index follows the head, in blocks that are not final.
        chain.mine(5);
        expect_all();
        chain.mine_logs({test::ping(make_address(2, 91), 1)});
        chain.mine(2);
        expect_all();
        chain.mine_logs({test::vault_made(make_address(2, 91))});
        expect_all();
        // And taken back by a reorg, with all that it had made count.
        chain.reorg(2, 4);
        expect_all();
    }
}

TEST_F(CoverageChangeTest, WhomTheHistoryOfALateContractMayAnnounceIsNotCalledCovered) {
    FakeChain chain{5};
    chain.mine(20);
    const uint64_t first = chain.head() + 1;
    mine_history(chain);
    chain.mine_logs({test::ping(make_address(3, 90), 7)});
    chain.mine(14);
    Choice choice;
    choice.vault_since = std::to_string(first);
    const auto plan = plan_of(choice);
    const std::string& pods =
        plan->sources()[static_cast<size_t>(plan->find_source("pod"))].fingerprint;
    const test::TempDir directory;
    Life life{chain, directory.sub("db"), choice, 1};
    size_t looks = 0;
    for (int i = 0; i < 200'000 && !life.indexer->is_done() && !life.indexer->failure(); ++i) {
        life.step();
        const storage::Database* database = life.indexer->database();
        if (database == nullptr) {
            continue;
        }
        const auto children = database->children().value();
        const auto knows = [&](const evm::Address& who) {
            return std::ranges::find(children, who, &storage::ChildRow::address) != children.end();
        };
        if (!knows(make_address(2, 90)) || knows(make_address(3, 90))) {
            continue;
        }
        ++looks;
        const auto coverage = database->coverage().value();
        for (const storage::CoverageRow& row : coverage) {
            EXPECT_FALSE(row.source == pods && row.range.to >= first)
                << row.range.from << " to " << row.range.to;
        }
    }
    EXPECT_GT(looks, 0U);
    ASSERT_TRUE(life.indexer->is_done());
    EXPECT_TRUE(life.indexer->stop().has_value());
    const Fresh fresh = fresh_index(chain, choice);
    EXPECT_EQ(made_of_log(*life.indexer->database()), fresh.lines);
    EXPECT_GE(expect_honest(*plan, *life.indexer->database(), fresh.logs), ProofLevel::kFetched);
}

TEST_F(CoverageChangeTest, OfAHistoryNothingIsCalledCoveredBeforeAllThatMayAnnounceItWasLookedAt) {
    FakeChain chain{5};
    chain.mine(20);
    const uint64_t first = chain.head() + 1;
    mine_history(chain);
    chain.mine(14);
    for (const bool knows_hub : {true, false}) {
        SCOPED_TRACE(knows_hub ? "what announces is stored" : "what announces is missing, too");
        const test::TempDir directory;
        Choice choice;
        choice.has_vaults = false;
        choice.has_second_hub = !knows_hub;
        index_to_head(chain, directory.sub("db"), choice);
        choice = {};
        choice.vault_since = choice.pod_since = std::to_string(first);
        const Fresh fresh = fresh_index(chain, choice);
        Life life{chain, directory.sub("db"), choice, 1};
        while (!life.indexer->is_done() && !life.indexer->failure() && !HasFailure()) {
            life.step();
            expect_honest(life.indexer->plan(), *life.indexer->database(), fresh.logs);
        }
        ASSERT_TRUE(life.indexer->is_done());
        EXPECT_TRUE(life.indexer->stop().has_value());
        EXPECT_EQ(made_of_log(*life.indexer->database()), fresh.lines);
        EXPECT_EQ(expect_honest(life.indexer->plan(), *life.indexer->database(), fresh.logs),
                  ProofLevel::kFetched);
    }
}

TEST_F(CoverageChangeTest, WhoseLogsEndIsLookedForBehindThemWhereverTheProcessDies) {
    FakeChain chain{5};
    chain.mine(20);
    const uint64_t first = chain.head() + 1;
    const evm::Address vault = make_address(2, 90);
    chain.mine_logs({test::ping(vault, 1)});
    const uint64_t last = chain.head();
    chain.mine(10);
    chain.mine_logs({test::vault_made(vault)});
    chain.mine(14);
    const test::TempDir directory;
    Choice choice;
    choice.has_vaults = false;
    index_to_head(chain, directory.sub("db"), choice);
    choice = {};
    choice.vault_since = std::to_string(first);
    choice.vault_end = last;
    const Fresh fresh = fresh_index(chain, choice);
    // The first life ends with its first commit, the next with its second...
    uint64_t lives = 0;
    for (bool is_done = false; !is_done && ++lives < 100;) {
        Life life{chain, directory.sub("db"), choice, lives};
        const uint64_t before = life.indexer->progress().commits;
        while (!life.indexer->is_done() && !life.indexer->failure() &&
               life.indexer->progress().commits < before + lives) {
            life.step();
            if (life.indexer->database() != nullptr) {
                expect_honest(life.indexer->plan(), *life.indexer->database(), fresh.logs);
            }
        }
        ASSERT_FALSE(life.indexer->failure()) << life.indexer->failure()->message;
        is_done = life.indexer->is_done();
        if (is_done) {
            EXPECT_TRUE(life.indexer->stop().has_value());
            EXPECT_EQ(made_of_log(*life.indexer->database()), fresh.lines);
            EXPECT_GE(pings_since(chain, vault, first), 1U);
            EXPECT_EQ(
                stored_pings(*life.indexer->database(), life.indexer->plan(), "vault_row", vault),
                1U);
        }
    }
    EXPECT_GT(lives, 1U);
}

TEST_F(CoverageChangeTest, ALogOfAnotherConfigThatIsFoldedOfflineHasTheChildrenOfThatConfig) {
    FakeChain chain = mined(3);
    const test::TempDir directory;
    Choice choice;
    index_to_head(chain, directory.sub("db"), choice);
    choice.hub_start = 40;
    {
        const auto database = open_database(directory.sub("db"));
        ASSERT_TRUE(rebuild(*database, plan_of(choice)).has_value());
        const Fresh fresh = fresh_index(chain, choice);
        EXPECT_EQ(made_of_log(*database), fresh.lines);
    }
}

}  // namespace
}  // namespace plumbline::engine::coverage_change_test
