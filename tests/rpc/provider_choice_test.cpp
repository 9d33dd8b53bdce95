#include "rpc/provider_choice.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace plumbline::rpc::provider_choice_test {
namespace {

using Head = ProviderState::Head;

ProviderState ready(double cost = 1) {
    ProviderState out;
    out.is_usable = true;
    out.is_chain_known = true;
    out.is_free = true;
    out.cost = cost;
    return out;
}

ProviderState busy() {
    ProviderState out = ready();
    out.is_free = false;
    return out;
}

ProviderState behind(Head head) {
    ProviderState out = ready();
    out.head = head;
    return out;
}

ProviderState unknown() {
    ProviderState out = ready();
    out.is_chain_known = false;
    return out;
}

ProviderState down(bool wants_probe = false, bool is_probing = false) {
    ProviderState out = ready();
    out.is_usable = false;
    out.is_free = wants_probe;
    out.wants_probe = wants_probe;
    out.is_probing = is_probing;
    return out;
}

ProviderRules only(size_t provider) {
    ProviderRules out;
    out.only = provider;
    return out;
}

ProviderRules sticky(size_t provider) {
    ProviderRules out;
    out.sticky = provider;
    return out;
}

ProviderRules never(ProviderSet providers) {
    ProviderRules out;
    out.never = providers;
    return out;
}

ProviderRules avoid(ProviderSet providers) {
    ProviderRules out;
    out.avoid = providers;
    return out;
}

ProviderRules passed_over(ProviderSet providers) {
    ProviderRules out;
    out.passed_over = providers;
    return out;
}

ProviderRules probe(size_t provider) {
    ProviderRules out = only(provider);
    out.is_head_probe = true;
    return out;
}

/// "nobody", "wait", or the number of who is asked.
std::string show(const ProviderChoice& choice) {
    if (const auto* ask = std::get_if<ProviderChoice::Ask>(&choice.next)) {
        return std::to_string(ask->provider);
    }
    return std::holds_alternative<ProviderChoice::Wait>(choice.next) ? "wait" : "nobody";
}

TEST(ProviderChoiceTest, EveryCaseOfTheTable) {
    struct Case {
        const char* name;
        std::vector<ProviderState> providers;
        ProviderRules rules;
        const char* expected;
        ProviderSet refresh_heads;
    };
    const std::vector<Case> cases = {
        {"there is none", {}, {}, "nobody", {}},
        {"the cheapest", {ready(3), ready(1), ready(2)}, {}, "1", {}},
        {"the first of two as cheap", {ready(1), ready(1)}, {}, "0", {}},
        {"a busy one is waited for", {busy()}, {}, "wait", {}},
        {"nobody waits for a busy one beside a free one", {busy(), ready(9)}, {}, "1", {}},
        {"one that is down is nobody", {down()}, {}, "nobody", {}},
        {"also when its probe is due", {down(true)}, {}, "nobody", {}},
        {"a probe on its way may bring it back", {down(false, true)}, {}, "wait", {}},
        {"not waited for beside one that was passed over",
         {down(false, true), ready()},
         passed_over({1}),
         "nobody",
         {}},
        {"of an unknown chain: its head first", {unknown()}, {}, "wait", {0}},
        {"the known one is asked meanwhile", {unknown(), ready(9)}, {}, "1", {0}},
        {"behind", {behind(Head::kBehind)}, {}, "nobody", {}},
        {"perhaps behind: its head first", {behind(Head::kStale)}, {}, "wait", {0}},
        {"behind, and another", {behind(Head::kBehind), ready(9)}, {}, "1", {}},
        {"only the named one", {ready(1), ready(9)}, only(1), "1", {}},
        {"the named one is down", {ready(), down()}, only(1), "nobody", {}},
        {"who has begun goes on", {ready(1), ready(9)}, sticky(1), "1", {}},
        {"and is waited for", {ready(), busy()}, sticky(1), "wait", {}},
        {"never", {ready(1), ready(9)}, never({0}), "1", {}},
        {"never, and no other", {ready()}, never({0}), "nobody", {}},
        {"failed in this round", {ready(1), ready(9)}, passed_over({0}), "1", {}},
        {"all failed", {ready(), ready()}, passed_over({0, 1}), "nobody", {}},
        {"avoided while another is free", {ready(1), ready(9)}, avoid({0}), "1", {}},
        {"avoided while another is busy", {ready(1), busy()}, avoid({0}), "wait", {}},
        {"avoided while another's chain is unknown",
         {ready(1), unknown()},
         avoid({0}),
         "wait",
         {1}},
        {"avoided and alone", {ready(1), down()}, avoid({0}), "0", {}},
        {"all avoided: the cheapest", {ready(3), ready(2)}, avoid({0, 1}), "1", {}},
        {"a busy one that is avoided as well", {ready(1), busy()}, avoid({0, 1}), "0", {}},
        {"a probe goes to one that is down", {ready(), down(true)}, probe(1), "1", {}},
        {"but not before its time", {ready(), down(false)}, probe(1), "nobody", {}},
        {"and to one of which nothing is known", {unknown()}, probe(0), "0", {}},
        {"a probe does not wait for another", {down(false, true)}, probe(0), "nobody", {}},
    };
    for (const Case& test : cases) {
        const ProviderChoice choice = choose_provider(test.providers, test.rules);
        EXPECT_EQ(show(choice), test.expected) << test.name;
        EXPECT_EQ(choice.refresh_heads, test.refresh_heads) << test.name;
    }
}

/// Every state of a provider that can tell choices apart, `code` counting through them.
constexpr uint32_t kStateCodes = 2 * 2 * 2 * 2 * 3;
ProviderState state_of(uint32_t code) {
    ProviderState out;
    out.is_usable = (code & 1U) != 0;
    out.is_chain_known = (code & 2U) != 0;
    out.is_free = (code & 4U) != 0;
    out.is_probing = (code & 8U) != 0;
    out.head = std::array{Head::kReaches, Head::kBehind, Head::kStale}.at(code / 16);
    return out;
}

/// What may be said of any choice between two, without the order in which it is made.
TEST(ProviderChoiceTest, OfAnyTwoProvidersNoUnfitOneIsAskedAndAFitOneIsNeverLeft) {
    const auto is_fit = [](const ProviderState& it) {
        return it.is_usable && it.is_chain_known && it.is_free && it.head == Head::kReaches;
    };
    const auto may_become_fit = [](const ProviderState& it) {
        return it.is_usable && !(it.is_chain_known && it.head == Head::kBehind);
    };
    for (uint32_t a = 0; a < kStateCodes; ++a) {
        for (uint32_t b = 0; b < kStateCodes; ++b) {
            for (const size_t out : {size_t{0}, size_t{1}, size_t{2}}) {
                std::vector<ProviderState> providers{state_of(a), state_of(b)};
                providers[1].cost = 1;
                const ProviderChoice choice =
                    choose_provider(providers, out < 2 ? passed_over({out}) : ProviderRules{});
                bool any_fit = false;
                bool any_later = false;
                for (size_t i = 0; i < 2; ++i) {
                    any_fit = any_fit || (i != out && is_fit(providers[i]));
                    any_later = any_later || (i != out && may_become_fit(providers[i]));
                }
                const auto* ask = std::get_if<ProviderChoice::Ask>(&choice.next);
                ASSERT_EQ(ask != nullptr, any_fit) << a << ' ' << b << ' ' << out;
                if (ask != nullptr) {
                    ASSERT_NE(ask->provider, out);
                    ASSERT_TRUE(is_fit(providers[ask->provider]));
                    ASSERT_FALSE(ask->provider == 1 && out != 0 && is_fit(providers[0]));
                } else if (any_later) {
                    ASSERT_EQ(show(choice), "wait") << a << ' ' << b << ' ' << out;
                }
                for (size_t i = 0; i < 2; ++i) {
                    ASSERT_FALSE(choice.refresh_heads.contains(i) && i == out);
                    ASSERT_FALSE(choice.refresh_heads.contains(i) && is_fit(providers[i]));
                }
            }
        }
    }
}

std::string show(const RoundEnd& end) {
    if (const auto* wait = std::get_if<round_end::WaitUntil>(&end)) {
        return "wait until " + std::to_string(wait->at_ms);
    }
    return std::array{"other chain", "all down", "exhausted", "", "next round"}.at(end.index());
}

TEST(RoundEndTest, EveryCaseOfTheTable) {
    const auto foreign = [] {
        ProviderState out;
        out.is_foreign = true;
        return out;
    };
    const auto down_until = [](int64_t at_ms) {
        ProviderState out = down();
        out.free_at_ms = at_ms;
        return out;
    };
    const RoundState idle{false, 0, 3, true};    // nobody was asked
    const RoundState failed{true, 0, 3, true};   // somebody was, in vain
    const RoundState last{true, 2, 3, true};     // and it was the last round
    const RoundState hasty{false, 0, 2, false};  // does not wait for those that are down
    const RoundState hasty_failed{true, 0, 2, false};
    struct Case {
        const char* name;
        std::vector<ProviderState> providers;
        ProviderRules rules;
        RoundState round;
        const char* expected;
    };
    const std::vector<Case> cases = {
        {"who failed is asked again", {ready()}, {}, failed, "next round"},
        {"three rounds and no more", {ready()}, {}, last, "exhausted"},
        {"behind is no failure, and costs a round", {ready()}, {}, idle, "next round"},
        {"all down: until the first is back",
         {down_until(70), down_until(50)},
         {},
         idle,
         "wait until 50"},
        {"one failed and went down: a round", {down_until(70)}, {}, failed, "next round"},
        {"only those that may be asked count",
         {down_until(50), down_until(70)},
         only(1),
         idle,
         "wait until 70"},
        {"one is up: nothing to wait for", {down_until(50), ready()}, {}, idle, "next round"},
        {"down, with no time known", {down()}, {}, idle, "next round"},
        {"hasty, and all down", {down_until(50)}, {}, hasty, "all down"},
        {"hasty, and one is up", {down_until(50), ready()}, {}, hasty_failed, "next round"},
        {"hasty, and the one it may ask is down",
         {down_until(50), ready()},
         never({1}),
         hasty_failed,
         "all down"},
        {"all of another chain", {foreign(), foreign()}, {}, idle, "other chain"},
        {"the named one is of another chain", {ready(), foreign()}, only(1), idle, "other chain"},
        {"down beside another chain", {down_until(50), foreign()}, {}, idle, "wait until 50"},
        {"nobody may be asked: no chain is another", {ready()}, never({0}), hasty, "all down"},
    };
    for (const Case& test : cases) {
        EXPECT_EQ(show(judge_round(test.providers, test.rules, test.round)), test.expected)
            << test.name;
    }
}

}  // namespace
}  // namespace plumbline::rpc::provider_choice_test
