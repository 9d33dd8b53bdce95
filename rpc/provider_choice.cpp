#include "rpc/provider_choice.hpp"

#include <algorithm>

namespace plumbline::rpc {

namespace {

/// The group may ever ask it.
bool is_eligible(const ProviderRules& rules, size_t provider) {
    return (!rules.only || *rules.only == provider) && !rules.never.contains(provider);
}

}  // namespace

ProviderChoice choose_provider(std::span<const ProviderState> providers,
                               const ProviderRules& rules) {
    ProviderChoice choice;
    bool can_wait = false;
    bool can_wait_for_better = false;  // than one that is avoided
    bool is_probing = false;
    std::optional<size_t> best;
    const auto is_better = [&](size_t a, size_t b) {
        const bool a_avoided = rules.avoid.contains(a);
        if (a_avoided != rules.avoid.contains(b)) {
            return !a_avoided;
        }
        const bool a_lacks = providers[a].head == ProviderState::Head::kTold;
        const bool b_lacks = providers[b].head == ProviderState::Head::kTold;
        return a_lacks == b_lacks ? providers[a].cost < providers[b].cost : b_lacks;
    };
    for (size_t i = 0; i < providers.size(); ++i) {
        const ProviderState& candidate = providers[i];
        if (!is_eligible(rules, i) || rules.passed_over.contains(i) ||
            (rules.sticky && *rules.sticky != i)) {
            continue;
        }
        const bool may_ask = candidate.is_usable || (rules.only && candidate.is_apart) ||
                             (rules.is_head_probe && candidate.wants_probe);
        if (!may_ask) {
            is_probing = is_probing || candidate.is_probing;
            continue;
        }
        if (!rules.is_head_probe && !candidate.is_chain_known) {
            choice.refresh_heads.insert(i);
            can_wait = true;
            can_wait_for_better = can_wait_for_better || !rules.avoid.contains(i);
            continue;
        }
        if (candidate.head == ProviderState::Head::kBehind) {
            continue;
        }
        if (candidate.head == ProviderState::Head::kLacking) {
            can_wait = true;
            continue;
        }
        if (candidate.head == ProviderState::Head::kStale) {
            choice.refresh_heads.insert(i);
            can_wait = true;
            continue;
        }
        if (!candidate.is_free) {
            can_wait = true;
            can_wait_for_better = can_wait_for_better || !rules.avoid.contains(i);
            continue;
        }
        if (!best || is_better(i, *best)) {
            best = i;
        }
    }
    // With everybody down, the probe that is on its way may bring one back.
    can_wait = can_wait || (is_probing && !rules.is_head_probe &&
                            std::ranges::none_of(providers, &ProviderState::is_usable));
    if (best && !(rules.avoid.contains(*best) && can_wait_for_better)) {
        choice.next = ProviderChoice::Ask{*best};
    } else if (best || can_wait) {
        choice.next = ProviderChoice::Wait{};
    }
    return choice;
}

RoundEnd judge_round(std::span<const ProviderState> providers, const ProviderRules& rules,
                     const RoundState& round) {
    bool is_any_eligible = false;
    bool is_any_usable = false;
    bool are_all_foreign = true;
    std::optional<int64_t> back_at_ms;
    for (size_t i = 0; i < providers.size(); ++i) {
        if (!is_eligible(rules, i)) {
            continue;
        }
        const ProviderState& provider = providers[i];
        is_any_eligible = true;
        is_any_usable = is_any_usable || provider.is_usable;
        are_all_foreign = are_all_foreign && provider.is_foreign;
        if (provider.free_at_ms && !provider.is_foreign) {
            back_at_ms = std::min(back_at_ms.value_or(INT64_MAX), *provider.free_at_ms);
        }
    }
    if (is_any_eligible && are_all_foreign) {
        return round_end::OtherChain{};
    }
    if (!round.waits_for_down && !is_any_usable) {
        return round_end::AllDown{};
    }
    // Nobody could be asked, so this was no round.
    if (!round.has_failures && !is_any_usable && back_at_ms) {
        return round_end::WaitUntil{*back_at_ms};
    }
    if (round.rounds_done + 1 >= round.rounds_max) {
        return round_end::Exhausted{};
    }
    return round_end::NextRound{};
}

}  // namespace plumbline::rpc
