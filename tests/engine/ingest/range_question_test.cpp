#include "engine/ingest/range_question.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/test_chain.hpp"

namespace plumbline::engine::range_question_test {
namespace {

using test::make_address;
using test::to_word;

constexpr size_t kFew = 3;  ///< children that are asked for by address

Source source(std::vector<evm::Address> addresses, std::vector<evm::Hash> topics0,
              std::vector<evm::Hash> abi_topics0) {
    Source out;
    out.addresses = std::move(addresses);
    out.topics0 = std::move(topics0);
    out.abi_topics0 = std::move(abi_topics0);
    return out;
}

/// Announced in blocks 1, 2, ...
std::vector<ChildCandidate> children(size_t count) {
    std::vector<ChildCandidate> out;
    for (uint64_t n = 1; n <= count; ++n) {
        out.push_back({make_address(9, n), n});
    }
    return out;
}

/// Whether any filter finds a log of that address and event.
bool finds(const std::vector<rpc::LogFilter>& filters, const evm::Address& address,
           const evm::Hash& topic0) {
    return std::ranges::any_of(filters, [&](const rpc::LogFilter& filter) {
        const auto& [addresses, topics, more_topics] = filter;
        return (addresses.empty() || std::ranges::find(addresses, address) != addresses.end()) &&
               (topics.empty() || std::ranges::find(topics, topic0) != topics.end());
    });
}

TEST(RangeQuestionTest, NothingToLookForIsNoFilterAndNotAnEmptyOne) {
    RangeQuestion question{kFew};
    const Source nothing = source({}, {}, {to_word(1)});
    question.add_declared(nothing);
    EXPECT_FALSE(question.add_children(nothing, {}, UINT64_MAX));
    EXPECT_FALSE(question.add_children(nothing, children(5), 0)) << "all are announced later";
    EXPECT_TRUE(std::move(question).filters().empty());
}

TEST(RangeQuestionTest, SourcesShareOneFilterWithoutDoubles) {
    RangeQuestion question{kFew};
    question.add_declared(source({make_address(1, 2), make_address(1, 1)}, {to_word(7)}, {}));
    question.add_declared(source({make_address(1, 1)}, {to_word(7), to_word(6)}, {}));
    const std::vector<rpc::LogFilter> filters = std::move(question).filters();
    ASSERT_EQ(filters.size(), 1U);
    std::vector<evm::Address> addresses{make_address(1, 1), make_address(1, 2)};
    std::ranges::sort(addresses);
    EXPECT_EQ(filters[0].addresses, addresses);
    EXPECT_EQ(filters[0].topics0, (std::vector<evm::Hash>{to_word(6), to_word(7)}));
}

TEST(RangeQuestionTest, ASourceThatWantsAnyEventTakesTheTopicsAway) {
    for (const bool any_first : {false, true}) {
        const Source any = source({make_address(1, 1)}, {}, {to_word(5)});
        const Source one = source({make_address(1, 2)}, {to_word(7)}, {});
        RangeQuestion question{kFew};
        question.add_declared(any_first ? any : one);
        question.add_declared(any_first ? one : any);
        const std::vector<rpc::LogFilter> filters = std::move(question).filters();
        ASSERT_EQ(filters.size(), 1U);
        EXPECT_TRUE(filters[0].topics0.empty());
    }
}

TEST(RangeQuestionTest, ASourceWithoutAnAddressDoesNotWidenTheFilterOfOthers) {
    RangeQuestion question{kFew};
    question.add_declared(source({make_address(1, 2)}, {to_word(7)}, {}));
    question.add_declared(source({}, {}, {to_word(5)}));
    const std::vector<rpc::LogFilter> filters = std::move(question).filters();
    ASSERT_EQ(filters.size(), 1U);
    EXPECT_EQ(filters[0].topics0, (std::vector<evm::Hash>{to_word(7)}));
}

TEST(RangeQuestionTest, FewChildrenGoByAddressManyByTopic) {
    struct Case {
        size_t count;
        bool has_topics;
        bool by_topic;
    };
    for (const Case& at : {Case{kFew, true, false}, Case{kFew + 1, true, true},
                           // Without a known event there is only the address.
                           Case{kFew + 1, false, false}}) {
        RangeQuestion question{kFew};
        const Source vault =
            source({}, {}, at.has_topics ? std::vector{to_word(5)} : std::vector<evm::Hash>{});
        EXPECT_EQ(question.add_children(vault, children(at.count), UINT64_MAX), at.by_topic);
        const std::vector<rpc::LogFilter> filters = std::move(question).filters();
        ASSERT_EQ(filters.size(), 1U);
        EXPECT_EQ(filters[0].addresses.size(), at.by_topic ? 0 : at.count);
        EXPECT_EQ(finds(filters, make_address(9, at.count + 1), to_word(5)), at.by_topic)
            << "a child that nobody knows yet";
    }
}

TEST(RangeQuestionTest, ChildrenAnnouncedAfterTheLastBlockAreNotAskedForNorCounted) {
    RangeQuestion question{kFew};
    const Source vault = source({}, {}, {to_word(5)});
    EXPECT_FALSE(question.add_children(vault, children(kFew + 5), kFew));
    const std::vector<rpc::LogFilter> filters = std::move(question).filters();
    ASSERT_EQ(filters.size(), 1U);
    EXPECT_EQ(filters[0].addresses.size(), kFew);
}

TEST(RangeQuestionTest, AFilteredEventIsAskedForByItsTopicsAndOthersWithoutIt) {
    Source one = source({make_address(1, 1)}, {to_word(5), to_word(6)}, {});
    one.filters = {{to_word(5), 2, {{{to_word(50), to_word(51)}, {}, {}}}}};
    RangeQuestion question{kFew};
    question.add_declared(one);
    EXPECT_FALSE(question.add_children(one, children(1), UINT64_MAX));
    EXPECT_TRUE(question.add_children(one, children(kFew + 1), UINT64_MAX));
    const std::vector<rpc::LogFilter> filters = std::move(question).filters();
    ASSERT_EQ(filters.size(), 5U);
    EXPECT_EQ(filters[0].topics0, (std::vector<evm::Hash>{to_word(6)})) << "declared and children";
    EXPECT_EQ(filters[0].addresses.size(), 2U);
    EXPECT_TRUE(filters[1].addresses.empty()) << "children, by topic";
    for (size_t i = 2; i < 5; ++i) {
        EXPECT_EQ(filters[i].topics0, (std::vector<evm::Hash>{to_word(5)}));
        EXPECT_EQ(filters[i].more_topics[0].size(), 2U);
        EXPECT_EQ(filters[i].addresses.size(), i == 4 ? 0U : 1U);
    }
    one.topics0 = {to_word(5)};
    RangeQuestion only{kFew};
    only.add_declared(one);
    EXPECT_EQ(std::move(only).filters().size(), 1U) << "nothing else is asked for";
}

TEST(RangeQuestionTest, FindsEveryLogOfWhateverWasAdded) {
    for (uint64_t seed = 0; seed < 500; ++seed) {
        std::mt19937_64 random{seed};
        RangeQuestion question{kFew};
        std::vector<std::pair<evm::Address, evm::Hash>> wanted;
        for (uint64_t i = 0; i < 1 + random() % 4; ++i) {
            std::vector<evm::Hash> topics;
            for (uint64_t n = 0; n < random() % 3; ++n) {
                topics.push_back(to_word(10 * i + n));
            }
            const bool has_filter = random() % 2 == 0;
            std::vector<evm::Address> declared;
            for (uint64_t n = 0; n < random() % 3; ++n) {
                declared.push_back(make_address(i, n));
            }
            const Source at =
                source(declared, has_filter ? topics : std::vector<evm::Hash>{}, topics);
            const std::vector<ChildCandidate> list = children(random() % 8);
            question.add_declared(at);
            const bool by_topic = question.add_children(at, list, UINT64_MAX);
            EXPECT_FALSE(by_topic && topics.empty());
            for (const ChildCandidate& child : list) {
                declared.push_back(child.address);
            }
            for (const evm::Address& address : declared) {
                for (const evm::Hash& topic : topics) {
                    wanted.emplace_back(address, topic);
                }
            }
        }
        const std::vector<rpc::LogFilter> filters = std::move(question).filters();
        for (const auto& [address, topic] : wanted) {
            EXPECT_TRUE(finds(filters, address, topic)) << "seed " << seed;
        }
    }
}

TEST(ChildCandidatesTest, AnEarlierAnnouncementCountsAsNew) {
    ChildCandidates candidates;
    candidates.reset(2);
    EXPECT_EQ(candidates.add(1, make_address(9, 1), 50), 0U);
    EXPECT_EQ(candidates.add(1, make_address(9, 1), 60), 0U);
    EXPECT_EQ(candidates.add(1, make_address(9, 2), 10), 1U);
    EXPECT_EQ(candidates.add(1, make_address(9, 1), 40), 2U);
    EXPECT_EQ(candidates.of(1).size(), 3U);
    EXPECT_TRUE(candidates.of(0).empty());
    EXPECT_EQ(candidates.confirmed_end(1), 0U);
    candidates.confirm(1, make_address(9, 1));
    candidates.confirm(1, make_address(9, 2));
    EXPECT_EQ(candidates.confirmed_end(1), 3U);
    EXPECT_EQ(candidates.confirmed_end(0), 0U);
}

TEST(ChildCandidatesDeathTest, OnlyACandidateIsConfirmed) {
    ChildCandidates candidates;
    candidates.reset(1);
    EXPECT_DEATH(candidates.confirm(0, make_address(9, 1)), "index");
}

}  // namespace
}  // namespace plumbline::engine::range_question_test
