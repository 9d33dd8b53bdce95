// What is stored of a factory's children follows from the config and the chain alone: few are asked
// for by address, which finds events that no ABI knows, many by the topics of the ABI's events.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/evm/hex.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "engine/text/uncounted.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "tests/engine/stepped_index.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::children_events_test {
namespace {

using storage::ProofLevel;
using test::FakeChain;
using test::make_address;
using test::SteppedIndex;

constexpr uint64_t kVaults = 6;
/// So many children are asked for by address: then their number passes it on the way, or never.
constexpr size_t kFew = 2;
constexpr size_t kMany = 1'000;

/// One that the hub never announces.
evm::Address declared_vault() {
    return make_address(2, 90);
}

struct Choice {
    bool has_declared = false;
    bool knows_noise = false;      ///< the children's ABI does, and a handler takes it
    bool has_anonymous = false;    ///< all that it does not know is this event
    bool has_other_shape = false;  ///< the ABI has the noise with another parameter indexed
};

std::string child_abi(const Choice& choice) {
    std::string out{test::kChildAbi};
    const auto add = [&out](std::string_view name, bool is_indexed, bool is_anonymous) {
        out.insert(out.rfind(']'),
                   fmt::format(R"(,{{"type":"event","name":"{}","anonymous":{},"inputs":)"
                               R"([{{"name":"n","type":"uint256","indexed":{}}}]}})",
                               name, is_anonymous, is_indexed));
    };
    if (choice.knows_noise || choice.has_other_shape) {
        add("Noise", choice.has_other_shape, false);
    }
    if (choice.has_anonymous) {
        add("Whisper", true, true);
    }
    return out;
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
address = "{}"
[contracts.vault]
abi = "child.json"
factory = {{ event = "hub.VaultMade", address = "vault" }}
{}{}
[entities.row]
key = {{ place = "address" }}
fields = {{ pings = "uint64", noise = "uint64" }}
[[on]]
event = "vault.Ping"
upsert = "row"
key = {{ place = "$log.address" }}
add = {{ pings = 1 }}
)",
        evm::to_hex(test::hub_address()),
        choice.has_declared ? fmt::format("address = \"{}\"\n", evm::to_hex(declared_vault())) : "",
        choice.has_anonymous ? "anonymous = [\"Whisper\"]\n" : "");
    if (choice.knows_noise || choice.has_anonymous) {
        text += fmt::format(
            "[[on]]\nevent = \"vault.{}\"\nupsert = \"row\"\nkey = {{ place = \"$log.address\" "
            "}}\nadd = {{ noise = 1 }}\n",
            choice.knows_noise ? "Noise" : "Whisper");
    }
    Result<Config> config = parse_config(text, "test.toml", [&](const std::string& name) {
        return Result<std::string>{name == "hub.json" ? test::kHubAbi : child_abi(choice)};
    });
    PLUMBLINE_CHECK_MSG(config.has_value(), config ? "" : config.error().message.c_str());
    return *std::move(config);
}

std::shared_ptr<const Plan> plan_of(const Choice& choice) {
    auto plan = Plan::compile(make_config(choice));
    PLUMBLINE_CHECK_MSG(plan.has_value(), plan ? "" : plan.error().message.c_str());
    return *std::move(plan);
}

const Source& vaults_of(const Plan& plan) {
    return plan.sources()[static_cast<size_t>(plan.find_source("vault"))];
}

/// Each block announces a vault; all of them, and one that nobody announces, say what the ABI knows
/// and what it does not, with and without a topic.
FakeChain make_chain() {
    FakeChain chain{3};
    for (uint64_t made = 0; made < kVaults; ++made) {
        std::vector<test::MadeLog> logs{test::vault_made(make_address(2, made))};
        for (uint64_t i = 0; i <= kVaults; ++i) {
            const evm::Address vault = i == kVaults ? declared_vault() : make_address(2, i);
            logs.push_back(test::ping(vault, i));
            logs.push_back(test::noise(vault, i));
            logs.push_back(test::noise(vault, i));
            logs.back().log.topic_count = 0;
        }
        chain.mine_logs(logs);
        chain.mine_logs({});
    }
    for (int i = 0; i < 15; ++i) {
        chain.mine_logs({});
    }
    return chain;
}

bool is_noise(const evm::Log& log) {
    static const evm::Hash kPing = test::ping({}, 0).log.topics[0];
    return log.address != test::hub_address() && (log.topic_count == 0 || log.topics[0] != kPing);
}

IndexerOptions options_of(const Choice& choice, const std::string& path, size_t children_max) {
    IndexerOptions options;
    options.config = make_config(choice);
    options.db_path = path;
    options.until = {true, std::nullopt};
    options.ingest.child_addresses_max = children_max;
    return options;
}

/// An index of the chain, ended; its database open to be looked at.
class Index {
  public:
    Index(const FakeChain& chain, const Choice& choice, const std::string& path,
          size_t children_max)
        : stepped_{chain, options_of(choice, path, children_max), 0},
          plan_{plan_of(choice)} {
        EXPECT_TRUE(stepped_.finish()) << stepped_.why();
        range_asks = stepped_.node->range_asks;
        stepped_.stop_and_dump();
        auto opened = storage::Database::open(path, {});
        PLUMBLINE_CHECK_MSG(opened.has_value(), opened ? "" : opened.error().message.c_str());
        database = *std::move(opened);
    }
    /// What it holds of the chain and what it made of that.
    [[nodiscard]] std::vector<std::string> lines() const {
        storage::DumpOptions options;
        options.want = [](std::string_view family) {
            return family == "log_digest" || family == "children" ||
                   family.starts_with("entity.") || family.starts_with("undo") ||
                   family.starts_with("quarantine");
        };
        auto out = storage::dump_lines(*database, options);
        EXPECT_TRUE(out.has_value());
        return out ? *std::move(out) : std::vector<std::string>{};
    }
    /// By the addresses of the vaults that the hub announces, and by others.
    struct Counts {
        size_t of_children = 0;
        size_t of_others = 0;
        friend bool operator==(const Counts&, const Counts&) = default;
    };
    [[nodiscard]] Counts noise() const {
        Counts out;
        const auto view = database->read_view();
        for (const auto scan = view->scan_logs(0, UINT64_MAX); scan->valid(); scan->next()) {
            const evm::Log& log = scan->record().log;
            size_t& count = log.address == declared_vault() ? out.of_others : out.of_children;
            count += is_noise(log) ? 1U : 0U;
        }
        return out;
    }
    void expect_proven() {
        auto input = read_log_proof_input(*database);
        ASSERT_TRUE(input.has_value());
        LogProofOptions options;
        options.range = {0, database->cursor()->block_num};
        const auto outcome =
            prove_range(*stepped_.node, *std::move(input), plan_, stepped_.clock, options);
        ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
        EXPECT_TRUE(outcome->is_complete);
        EXPECT_EQ(outcome->level, ProofLevel::kReceipts) << outcome->reason;
        for (const Finding& finding : outcome->findings.kept) {
            ADD_FAILURE() << to_string(finding.kind) << ' ' << finding.block_num << '/'
                          << finding.log_index << " expected " << finding.expected << " stored "
                          << finding.stored;
        }
    }
    [[nodiscard]] const Plan& plan() const { return *plan_; }
    [[nodiscard]] std::vector<CoverageGap> gaps() const {
        return find_missing(plan_->sources(), database->coverage().value(),
                            database->cursor()->block_num);
    }

    std::unique_ptr<storage::Database> database;
    size_t range_asks = 0;

  private:
    SteppedIndex stepped_;
    std::shared_ptr<const Plan> plan_;
};

TEST(ChildrenEventsTest, WhatIsStoredAndProvenDoesNotDependOnHowChildrenAreAskedFor) {
    const FakeChain chain = make_chain();
    // Of each vault two kinds of noise in the block that announces it and in all later ones.
    const size_t of_children = kVaults * (kVaults + 1);
    const size_t of_declared = 2 * kVaults;
    struct Case {
        Choice choice;
        Index::Counts noise;
    };
    const Case cases[] = {
        {{}, {0, 0}},
        {{.has_declared = true}, {0, of_declared}},
        {{.knows_noise = true}, {of_children / 2, 0}},
        {{.has_other_shape = true}, {of_children / 2, 0}},
        {{.has_anonymous = true}, {of_children, 0}},
        {{.has_declared = true, .has_anonymous = true}, {of_children, of_declared}},
    };
    for (const Case& at : cases) {
        SCOPED_TRACE(fmt::format("case {}", &at - cases));
        std::vector<std::string> lines;
        for (const size_t children_max : {kFew, kMany}) {
            SCOPED_TRACE(fmt::format("{} by address", children_max));
            const test::TempDir directory;
            Index index{chain, at.choice, directory.sub("db"), children_max};
            EXPECT_EQ(index.noise(), at.noise)
                << index.noise().of_children << " and " << index.noise().of_others;
            index.expect_proven();
            if (lines.empty()) {
                lines = index.lines();
            }
            test::expect_same(index.lines(), lines);
        }
    }
}

TEST(ChildrenEventsTest, AnEventThatIsNewInTheAbiIsFetchedForAllChildren) {
    const FakeChain chain = make_chain();
    for (const Choice& later : {Choice{.knows_noise = true}, Choice{.has_other_shape = true},
                                Choice{.has_anonymous = true}}) {
        const test::TempDir directory;
        const Index fresh{chain, later, directory.sub("fresh"), kFew};
        for (const size_t children_max : {kFew, kMany}) {
            SCOPED_TRACE(fmt::format("{} by address", children_max));
            const std::string path = directory.sub(std::to_string(children_max));
            Index{chain, {}, path, children_max};
            Index index{chain, later, path, children_max};
            EXPECT_TRUE(index.gaps().empty());
            index.expect_proven();
            test::expect_same(index.lines(), fresh.lines());
        }
    }
}

/// As versions left it that stored all events of few children: their coverage is named so.
void make_older(storage::Database& database, const FakeChain& chain, const Source& vaults) {
    const auto batch = database.make_batch();
    const auto children = database.children().value();
    for (const auto& block : chain.blocks()) {
        uint32_t count = 0;
        for (const evm::Log& log : block->logs.logs) {
            const bool is_stored = std::ranges::any_of(children, [&](const auto& child) {
                return child.address == log.address && child.block_num <= log.block_num;
            });
            if (is_stored && is_noise(log)) {
                batch->append_log(log, block->logs.data(log));
            }
            count += is_stored || log.address == test::hub_address() ? 1U : 0U;
        }
        if (count > 0) {
            const evm::Header& header = block->header;
            batch->append_block({header.block_num, header.hash, header.parent_hash,
                                 header.timestamp, count, ProofLevel::kReceipts});
        }
    }
    const auto coverage = database.coverage().value();
    for (const storage::CoverageRow& row : coverage) {
        const bool is_theirs = row.source == vaults.fingerprint;
        if (is_theirs) {
            batch->remove_coverage(row.source);
        }
        batch->extend_coverage({is_theirs ? vaults.any_event_fingerprint() : row.source, row.range,
                                row.provider, ProofLevel::kReceipts});
    }
    const auto cursor = database.cursor();
    batch->set_cursor(cursor->block_num, cursor->block_hash, cursor->timestamp);
    ASSERT_TRUE(database.commit(*batch, storage::Durability::kSync).has_value());
}

TEST(ChildrenEventsTest, UnknownEventsOfChildrenThatAreStoredAreNotWrongAndNothingIsFetchedAgain) {
    const FakeChain chain = make_chain();
    const Index::Counts all_noise{kVaults * (kVaults + 1), 0};
    for (const size_t children_max : {kFew, kMany}) {
        SCOPED_TRACE(fmt::format("{} by address", children_max));
        const test::TempDir directory;
        const std::string path = directory.sub("db");
        std::vector<std::string> lines;
        {
            Index index{chain, {}, path, children_max};
            make_older(*index.database, chain, vaults_of(index.plan()));
            ASSERT_EQ(index.noise(), all_noise);
            EXPECT_TRUE(index.gaps().empty());
            index.expect_proven();
            lines = index.lines();
        }
        Index index{chain, {}, path, children_max};
        EXPECT_EQ(index.range_asks, 0U);
        test::expect_same(index.lines(), lines);
        EXPECT_TRUE(index.gaps().empty());
        index.expect_proven();
        const Source& vaults = vaults_of(index.plan());
        ASSERT_NE(vaults.fingerprint, vaults.any_event_fingerprint());
        const auto coverage = index.database->coverage().value();
        for (const storage::CoverageRow& row : coverage) {
            EXPECT_NE(row.source, vaults.any_event_fingerprint());
            EXPECT_EQ(row.level, ProofLevel::kReceipts);
        }
        // They are told as what they are.
        SourceMap map{index.plan().sources()};
        map.reset_children(index.database->children().value());
        const auto view = index.database->read_view();
        for (const auto scan = view->scan_logs(0, UINT64_MAX); scan->valid(); scan->next()) {
            const auto told = find_uncounted(index.plan(), map, scan->record().log);
            EXPECT_EQ(told.has_value(), is_noise(scan->record().log));
            EXPECT_EQ(told ? told->why : "",
                      told ? "of an event that its ABI does not know, of a factory's child" : "");
        }
    }
}

TEST(ChildrenEventsTest, TheEventsOfTheAbiAreInTheNameOfTheCoverageAndNotInThatOfTheFold) {
    const auto before = plan_of({});
    const auto after = plan_of({.has_other_shape = true});
    EXPECT_NE(vaults_of(*before).fingerprint, vaults_of(*after).fingerprint);
    EXPECT_EQ(vaults_of(*before).any_event_fingerprint(),
              vaults_of(*after).any_event_fingerprint());
    EXPECT_EQ(before->bundle().fingerprint, after->bundle().fingerprint);
    EXPECT_TRUE(vaults_of(*after).fingerprint.ends_with(kChildrenMark));
    const auto with_anonymous = plan_of({.has_anonymous = true});
    EXPECT_EQ(vaults_of(*with_anonymous).fingerprint,
              vaults_of(*with_anonymous).any_event_fingerprint());
}

}  // namespace
}  // namespace plumbline::engine::children_events_test
