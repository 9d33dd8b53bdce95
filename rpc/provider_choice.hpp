// Who is asked next, and what happens when nobody is left to ask. Functions of what is known of the
// providers at one moment: no clock, no network.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "rpc/provider_set.hpp"

namespace plumbline::rpc {

/// A provider as a choice sees it.
struct ProviderState {
    /// Whether it has the block that the question needs.
    enum class Head : uint8_t {
        kReaches,  ///< as far as is known; also where no block is needed
        kBehind,   ///< it lacks the block, and that was learnt just now
        kTold,     ///< the same, though it told the block as its head: the next answer may have it
        kLacking,  ///< the same, too short ago to ask it again
        kStale,    ///< it lacked the block when it was last asked: its head must be asked first
    };
    bool is_usable = false;       ///< not down, parked or of another chain
    bool wants_probe = false;     ///< down, and it is time to ask it for its head
    bool is_probing = false;      ///< it is being asked for its head
    bool is_chain_known = false;  ///< without that only its head is asked
    bool is_foreign = false;      ///< it serves another chain
    bool is_apart = false;        ///< usable, but for being set apart: for who names it
    bool is_free = false;         ///< one more request may be sent now
    Head head = Head::kReaches;
    [[nodiscard]] bool has_block() const noexcept {
        return head == Head::kReaches || head == Head::kTold;
    }
    double cost = 0;  ///< higher is worse
    /// When one that is not free only because of time will be.
    std::optional<int64_t> free_at_ms;
};

/// What a group says of its providers.
struct ProviderRules {
    std::optional<size_t> only;  ///< this one and no other
    ProviderSet never;
    ProviderSet avoid;  ///< only when no other is left, now or after a short wait
    /// Not in this round: they failed, or do not have what is asked for.
    ProviderSet passed_over;
    std::optional<size_t> sticky;  ///< this one has begun to answer: it must go on
    bool is_head_probe = false;    ///< may go to one of which nothing is known, or that is down
};

struct ProviderChoice {
    struct Nobody {};  ///< nobody is left in this round
    struct Wait {};    ///< somebody can be asked later: after an answer, or after some time
    struct Ask {
        size_t provider = 0;
    };
    std::variant<Nobody, Wait, Ask> next;
    /// Their heads must be known before they can be considered.
    ProviderSet refresh_heads;
};

/// The cheapest provider that may be asked now. One that is avoided is not taken while a better one
/// is only busy.
[[nodiscard]] ProviderChoice choose_provider(std::span<const ProviderState> providers,
                                             const ProviderRules& rules);

/// How far a group is when its round ends.
struct RoundState {
    bool has_failures = false;  ///< somebody was asked in this round and failed
    uint32_t rounds_done = 0;   ///< before this one
    uint32_t rounds_max = 0;
    bool waits_for_down = true;  ///< otherwise it gives up where all are down
};

/// What comes after a round in which nobody gave an answer.
namespace round_end {
struct OtherChain {};  ///< an error: all that could be asked serve another chain
struct AllDown {};     ///< an error: nobody to ask is up
struct Exhausted {};   ///< an error: all rounds are used up
struct WaitUntil {     ///< the same round again, once the first of those that are down may be back
    int64_t at_ms = 0;
};
struct NextRound {};  ///< everybody may be asked again, after a pause
}  // namespace round_end
using RoundEnd = std::variant<round_end::OtherChain, round_end::AllDown, round_end::Exhausted,
                              round_end::WaitUntil, round_end::NextRound>;

[[nodiscard]] RoundEnd judge_round(std::span<const ProviderState> providers,
                                   const ProviderRules& rules, const RoundState& round);

}  // namespace plumbline::rpc
