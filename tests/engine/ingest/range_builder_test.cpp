// Ranges built from answers in pieces, doubled and in any order, against a plain walk over the
// whole chain; and every way in which answers may not fit.
#include "engine/ingest/range_builder.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::range_builder_test {
namespace {

using test::FakeChain;

constexpr uint32_t kHub = 0;
constexpr uint32_t kVault = 1;
constexpr uint32_t kPod = 2;

/// A hub that makes vaults that make pods; deposits at the hub name their transaction's sender.
std::shared_ptr<const Plan> make_plan() {
    const std::string text = fmt::format(R"(finality = 12
[contracts.hub]
abi = "hub.json"
address = "{}"
[contracts.vault]
abi = "child.json"
factory = {{ event = "hub.VaultMade", address = "vault" }}
[contracts.pod]
abi = "child.json"
factory = {{ event = "vault.ChildMade", address = "child" }}
[entities.account]
key = {{ owner = "address" }}
fields = {{ sender = "address" }}
[[on]]
event = "hub.Deposited"
upsert = "account"
key = {{ owner = "who" }}
set = {{ sender = "$txn.from" }}
[entities.ping]
key = {{ n = "uint256" }}
[[on]]
event = "vault.Ping"
upsert = "ping"
key = {{ n = "n" }}
[[on]]
event = "pod.Ping"
upsert = "ping"
key = {{ n = "n" }}
)",
                                         evm::to_hex(test::hub_address()));
    std::shared_ptr<const Plan> plan = test::Mapping{text, test::chain_abis()}.plan;
    PLUMBLINE_CHECK(plan->sources()[kHub].contract == "hub");
    PLUMBLINE_CHECK(plan->sources()[kVault].contract == "vault");
    PLUMBLINE_CHECK(plan->sources()[kPod].contract == "pod");
    return plan;
}

evm::Hash topic_of(const char* signature) {
    return evm::keccak256(signature);
}

/// Who is announced where, from the first block on, and whose each log is: by hand, from the bytes.
class Oracle {
  public:
    struct Wanted {
        const evm::Log* log = nullptr;
        ByteView data;
        bool needs_txn = false;
    };
    std::vector<Wanted> logs;
    std::vector<storage::ChildRow> children;

    explicit Oracle(const FakeChain& chain) {
        for (const auto& block : chain.blocks()) {
            // Whoever is announced anywhere in a block counts from its first log on.
            std::map<std::pair<std::string, evm::Address>, uint32_t> fresh;
            for (size_t before = SIZE_MAX; before != fresh.size();) {
                before = fresh.size();
                for (const evm::Log& log : block->logs.logs) {
                    find_announced(log, block->logs.data(log), fresh);
                }
            }
            const size_t first = children.size();
            for (const auto& [child, log_index] : fresh) {
                children.push_back({child.first, child.second, block->header.block_num, log_index});
            }
            std::stable_sort(
                children.begin() + static_cast<std::ptrdiff_t>(first), children.end(),
                [](const auto& a, const auto& b) { return a.log_index < b.log_index; });
            for (const evm::Log& log : block->logs.logs) {
                look_at(log, block->logs.data(log));
            }
        }
    }

  private:
    void look_at(const evm::Log& log, ByteView data) {
        const bool is_hub = log.address == test::hub_address();
        const bool is_vault = known_["vault"].contains(log.address);
        const bool is_pod = known_["pod"].contains(log.address);
        if (!is_hub && !is_vault && !is_pod) {
            return;
        }
        logs.push_back(
            {&log, data, is_hub && log.topics[0] == topic_of("Deposited(address,uint256)")});
    }
    using Fresh = std::map<std::pair<std::string, evm::Address>, uint32_t>;
    void find_announced(const evm::Log& log, ByteView data, Fresh& fresh) {
        const auto announce = [&](const std::string& contract, const evm::Address& address) {
            if (known_[contract].insert(address).second) {
                fresh[{contract, address}] = log.log_index;
            } else if (const auto found = fresh.find({contract, address}); found != fresh.end()) {
                found->second = std::min(found->second, log.log_index);
            }
        };
        if (log.address == test::hub_address() && log.topics[0] == topic_of("VaultMade(address)")) {
            announce("vault", evm::Address::from(log.topics[1].view().subspan(12)));
        }
        if (known_["vault"].contains(log.address) &&
            log.topics[0] == topic_of("ChildMade(address)")) {
            announce("pod", evm::Address::from(data.subspan(12, 20)));
        }
    }
    std::map<std::string, std::set<evm::Address>> known_;
};

/// What a fetcher keeps, and answers as a node gives them.
class World {
  public:
    explicit World(uint64_t seed) : chain{seed} {
        chain.mine(80);
        candidates.reset(plan->sources().size());
    }

    FakeChain chain;
    std::shared_ptr<const Plan> plan = make_plan();
    SourceMap map{plan->sources()};
    ChildCandidates candidates;
    std::vector<bool> in_job = std::vector<bool>(3, true);
    bool tail = false;
    std::optional<evm::Hash> parent_hash;

    [[nodiscard]] rpc::RangeLogs answer(evm::BlockRange range,
                                        const std::set<evm::Address>& addresses) const {
        rpc::RangeLogs part;
        part.range = range;
        part.told_by = {{part.range, "fake"}};
        for (uint64_t n = range.from; n <= range.to; ++n) {
            const test::FakeBlock& block = *chain.blocks()[n];
            bool has_logs = false;
            for (const evm::Log& log : block.logs.logs) {
                if (addresses.contains(log.address)) {
                    part.logs.push(log, block.logs.data(log));
                    has_logs = true;
                }
            }
            if (has_logs || tail || n == range.from || n == range.to) {
                part.headers.push_back(block.header);
            }
        }
        return part;
    }
    /// Asked about the hub and whoever is a candidate by now.
    [[nodiscard]] RangeAnswers ask(evm::BlockRange range) const {
        RangeAnswers answers;
        answers.range = range;
        answers.sources = {kHub, kVault, kPod};
        answers.asked.assign(3, 0);
        std::set<evm::Address> addresses{test::hub_address()};
        for (const uint32_t source : answers.sources) {
            for (const ChildCandidate& child : candidates.of(source)) {
                addresses.insert(child.address);
            }
            answers.asked[source] = static_cast<uint32_t>(candidates.of(source).size());
        }
        answers.parts.push_back(answer(range, addresses));
        return answers;
    }
    /// Asked about the candidates that came up since.
    void ask_more(RangeAnswers& answers, bool with_doubles) const {
        std::set<evm::Address> addresses;
        for (const uint32_t source : answers.sources) {
            for (const ChildCandidate& child :
                 candidates.of(source).subspan(answers.asked[source])) {
                addresses.insert(child.address);
            }
            answers.asked[source] = static_cast<uint32_t>(candidates.of(source).size());
        }
        EXPECT_FALSE(addresses.empty()) << "there was nothing more to ask";
        if (with_doubles) {
            addresses.insert(test::hub_address());
        }
        answers.parts.insert(answers.parts.begin(), answer(answers.range, addresses));
    }
    [[nodiscard]] RangeOutcome build(RangeAnswers& answers) {
        return build_range(answers, {*plan, map, candidates, in_job, true, tail, 0, parent_hash});
    }
    /// Answers whatever it still lacks until it is whole.
    [[nodiscard]] std::optional<FetchedRange> build_whole(RangeAnswers& answers,
                                                          bool with_doubles) {
        for (int round = 0; round < 50; ++round) {
            RangeOutcome outcome = build(answers);
            if (auto* fetched = std::get_if<FetchedRange>(&outcome)) {
                return std::move(*fetched);
            }
            if (const auto* txns = std::get_if<MoreTxns>(&outcome)) {
                for (const evm::Hash& hash : txns->hashes) {
                    EXPECT_TRUE(answers.txns_asked.insert(hash).second) << "asked for twice";
                    answers.txns[hash] = {evm::Address::from(hash.view().first(20)), {}, {}};
                }
            } else if (std::holds_alternative<MoreChildren>(outcome)) {
                ask_more(answers, with_doubles);
            } else {
                return std::nullopt;
            }
        }
        return std::nullopt;
    }
};

void expect_logs(const FetchedRange& fetched, const Oracle& oracle) {
    std::vector<Oracle::Wanted> wanted;
    for (const Oracle::Wanted& log : oracle.logs) {
        if (log.log->block_num >= fetched.range.from && log.log->block_num <= fetched.range.to) {
            wanted.push_back(log);
        }
    }
    ASSERT_EQ(fetched.logs.logs.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
        const evm::Log& log = fetched.logs.logs[i];
        EXPECT_EQ(log.block_hash, wanted[i].log->block_hash);
        EXPECT_EQ(log.log_index, wanted[i].log->log_index);
        EXPECT_TRUE(std::ranges::equal(fetched.logs.data(log), wanted[i].data));
        const storage::TxnFields* txn = fetched.txn(i);
        ASSERT_EQ(txn != nullptr, wanted[i].needs_txn);
        if (txn != nullptr) {
            EXPECT_EQ(txn->from, evm::Address::from(log.txn_hash.view().first(20)));
        }
    }
}

/// Those with logs and the last; of a tail, all.
void expect_blocks(const FetchedRange& fetched, const FakeChain& chain) {
    std::set<uint64_t> wanted{fetched.range.to};
    for (const evm::Log& log : fetched.logs.logs) {
        wanted.insert(log.block_num);
    }
    for (uint64_t n = fetched.range.from; fetched.tail && n <= fetched.range.to; ++n) {
        wanted.insert(n);
    }
    std::vector<BlockInfo> blocks;
    for (const uint64_t n : wanted) {
        const evm::Header& header = chain.blocks()[n]->header;
        blocks.push_back({n, header.hash, header.parent_hash, header.timestamp});
    }
    EXPECT_EQ(fetched.blocks, blocks);
    EXPECT_EQ(fetched.parent_hash, chain.blocks()[fetched.range.from]->header.parent_hash);
    std::set<uint64_t> whole;  // Those of which the header came; each range here is a short one.
    for (const evm::Header& header : fetched.headers) {
        EXPECT_EQ(evm::compute_hash(header), chain.blocks()[header.block_num]->header.hash);
        whole.insert(header.block_num);
    }
    for (const uint64_t n : wanted) {
        EXPECT_TRUE(whole.contains(n)) << n;
    }
}

TEST(RangeBuilderTest, RangesOfAnyChainAreWhatAPlainWalkFinds) {
    for (uint64_t seed = 0; seed < 60; ++seed) {
        std::mt19937_64 random{seed};
        World world{seed};
        world.tail = seed % 3 == 0;
        const Oracle oracle{world.chain};
        std::vector<storage::ChildRow> children;
        for (uint64_t next = 0; next <= world.chain.head();) {
            const uint64_t to = std::min(world.chain.head(), next + random() % 12);
            RangeAnswers answers = world.ask({next, to});
            const auto fetched = world.build_whole(answers, random() % 2 == 0);
            ASSERT_TRUE(fetched.has_value()) << "seed " << seed;
            expect_logs(*fetched, oracle);
            expect_blocks(*fetched, world.chain);
            EXPECT_EQ(fetched->told_by, (std::vector<rpc::ToldBy>{{fetched->range, "fake"}}));
            children.insert(children.end(), fetched->children.begin(), fetched->children.end());
            world.parent_hash = fetched->blocks.back().hash;
            next = to + 1;
        }
        EXPECT_EQ(children, oracle.children) << "seed " << seed;
    }
}

TEST(RangeBuilderTest, AskedByTopicMeansAskedAboutChildrenNobodyKnewToo) {
    World world{1};
    RangeAnswers answers;
    answers.range = {0, 60};
    answers.sources = {kHub, kVault, kPod};
    answers.asked = {0, kAllAsked, kAllAsked};
    std::set<evm::Address> everyone{test::hub_address()};
    for (uint64_t n = 0; n < 10; ++n) {
        everyone.insert(test::make_address(2, n));
        everyone.insert(test::make_address(3, n));
    }
    answers.parts.push_back(world.answer(answers.range, everyone));
    EXPECT_TRUE(std::holds_alternative<MoreTxns>(world.build(answers)));
    const auto fetched = world.build_whole(answers, false);
    ASSERT_TRUE(fetched.has_value());
    expect_logs(*fetched, Oracle{world.chain});
}

TEST(RangeBuilderTest, ATransactionThatWasLeftOutIsNotAskedForForEver) {
    World world{1};
    world.in_job = {true, false, false};
    RangeAnswers answers = world.ask({0, 60});
    answers.sources = {kHub};
    RangeOutcome outcome = world.build(answers);
    const auto* txns = std::get_if<MoreTxns>(&outcome);
    ASSERT_NE(txns, nullptr);
    answers.txns_asked.insert(txns->hashes.begin(), txns->hashes.end());
    outcome = world.build(answers);
    const auto* told = std::get_if<Contradiction>(&outcome);
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->error.code, ErrorCode::kNotFound);
}

TEST(RangeBuilderTest, ARangeThatDoesNotFollowTheBlockBeforeIsABrokenLink) {
    World world{1};
    world.parent_hash = test::to_word(4711);
    RangeAnswers answers = world.ask({10, 20});
    while (true) {
        RangeOutcome outcome = world.build(answers);
        if (const auto* txns = std::get_if<MoreTxns>(&outcome)) {
            for (const evm::Hash& hash : txns->hashes) {
                answers.txns[hash] = {};
            }
        } else if (std::holds_alternative<MoreChildren>(outcome)) {
            world.ask_more(answers, false);
        } else {
            EXPECT_TRUE(std::holds_alternative<BrokenLink>(outcome));
            break;
        }
    }
}

/// Each is done to answers that would make a whole range of a tail.
struct Spoiled {
    const char* what;
    std::function<void(RangeAnswers&)> spoil;
};
const Spoiled kSpoiled[] = {
    {"the first header is missing",
     [](RangeAnswers& answers) {
         auto& headers = answers.parts.front().headers;
         headers.erase(headers.begin());
     }},
    {"the last header is missing",
     [](RangeAnswers& answers) { answers.parts.front().headers.pop_back(); }},
    {"a header within a tail is missing",
     [](RangeAnswers& answers) {
         auto& headers = answers.parts.front().headers;
         headers.erase(headers.begin() + 3);
     }},
    {"two headers do not join",
     [](RangeAnswers& answers) {
         answers.parts.front().headers[3].parent_hash = test::to_word(1);
     }},
    {"another answer has another header",
     [](RangeAnswers& answers) {
         rpc::RangeLogs other;
         other.headers = {answers.parts.front().headers[3]};
         other.headers.front().timestamp += 1;
         answers.parts.push_back(other);
     }},
    {"a log is of another block than the header",
     [](RangeAnswers& answers) {
         answers.parts.front().logs.logs.back().block_hash = test::to_word(1);
     }},
    {"one answer has a log twice",
     [](RangeAnswers& answers) {
         auto& logs = answers.parts.front().logs.logs;
         logs.insert(logs.begin(), logs.front());
     }},
    {"one answer is not in order",
     [](RangeAnswers& answers) {
         auto& logs = answers.parts.front().logs.logs;
         std::swap(logs.front(), logs.back());
     }},
    {"two answers have a log of the same place in different blocks",
     [](RangeAnswers& answers) {
         rpc::RangeLogs other = answers.parts.front();
         other.headers.clear();
         other.logs.logs.front().block_hash = test::to_word(1);
         answers.parts.push_back(other);
     }},
};

TEST(RangeBuilderTest, WhatDoesNotFitIsAContradictionAndLeavesTheChildrenAsTheyWere) {
    for (const Spoiled& at : kSpoiled) {
        World world{1};
        world.tail = true;
        RangeAnswers whole = world.ask({0, 60});
        World untouched{1};
        untouched.tail = true;
        const auto expected = untouched.build_whole(whole, false);
        ASSERT_TRUE(expected.has_value() && !expected->children.empty());

        // The same answers again, in one part, as if all children had been guessed.
        world.candidates = untouched.candidates;
        RangeAnswers answers = world.ask({0, 60});
        answers.txns = whole.txns;
        RangeAnswers spoiled = answers;
        ASSERT_GT(spoiled.parts.front().logs.logs.size(), 1U);
        at.spoil(spoiled);
        EXPECT_TRUE(std::holds_alternative<Contradiction>(world.build(spoiled))) << at.what;

        const auto fetched = world.build_whole(answers, false);
        ASSERT_TRUE(fetched.has_value()) << at.what;
        EXPECT_EQ(fetched->children, expected->children) << at.what;
    }
}

}  // namespace
}  // namespace plumbline::engine::range_builder_test
