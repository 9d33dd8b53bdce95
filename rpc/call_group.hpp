// What the dispatcher is asked, and what it answers: a group of JSON-RPC calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "rpc/chain_source.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/provider_set.hpp"
#include "rpc/refusal.hpp"
#include "rpc/wait_board.hpp"

namespace plumbline::rpc {

/// What became of a group: `error`; or `error` and `refusal` (of `CallGroup::range` only); or an
/// answer for each call, in their order: a value, null, or an RpcError where refusals are answers.
struct GroupResult {
    std::optional<Error> error;
    std::optional<Refusal> refusal;
    std::vector<Answer> answers;
    size_t provider = 0;        ///< who answered last, or refused
    size_t received_bytes = 0;  ///< `traffic.received`
    Traffic traffic;            ///< of all requests, the vain ones too
    /// What the answers took: without pauses, and without what was asked again as a whole.
    int64_t answering_ms = 0;
    /// What providers said on the way that was no answer, for messages: ": name: text; ...". Empty
    /// where all answered at once.
    std::string reasons;
};

/// Calls that are asked and answered together. Made by the function that names what is wanted; a
/// default one takes each call for itself: calls may go to different providers, and what one
/// refuses or does not have, another is asked.
struct CallGroup {
    enum class Kind : uint8_t { kEachCall, kRange, kLenient, kHeadProbe };

    /// Answers that must fit together: one provider is asked for all of them, in one HTTP request
    /// where its batches are large enough, and after a failure all are asked again. Size refusals
    /// and timeouts of eth_getLogs end the group, as only the asker can ask for less.
    [[nodiscard]] static CallGroup range() { return CallGroup{Kind::kRange}; }
    /// What all providers refuse has the refusal (an RpcError) for its answer.
    [[nodiscard]] static CallGroup lenient() { return CallGroup{Kind::kLenient}; }
    /// Lenient, and nobody but `provider` is asked, at most twice.
    [[nodiscard]] static CallGroup of_provider(size_t provider) {
        CallGroup group{Kind::kLenient};
        group.only = provider;
        group.rounds_max = 2;
        return group;
    }
    /// Of one backend of `provider`, of which nothing needs to be known yet. Refusals are answers.
    [[nodiscard]] static CallGroup head_probe(size_t provider, int64_t timeout_ms) {
        CallGroup group{Kind::kHeadProbe};
        group.only = provider;
        group.rounds_max = 2;
        group.timeout_ms = timeout_ms;
        return group;
    }

    CallGroup() = default;

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] bool is_from_one_backend() const {
        return kind_ == Kind::kRange || kind_ == Kind::kHeadProbe;
    }
    [[nodiscard]] bool refusals_are_answers() const {
        return kind_ == Kind::kLenient || kind_ == Kind::kHeadProbe;
    }

    std::vector<Call> calls;  ///< never empty when sent
    int64_t timeout_ms = 0;   ///< of each request; 0 = the pool's
    /// The asker holds each header against a hash of its own; the headers of all others must hash
    /// to what they claim where the chain's do (`HeaderTrust`).
    bool checks_headers = false;
    /// Rounds over all providers before it gives up, which it then does also while all are down;
    /// 0 = the pool's, and those that are down are waited for.
    uint32_t rounds_max = 0;
    std::optional<uint64_t> block_needed;  ///< providers known to lack it are not asked
    /// Those that would refuse this block are asked when no other is left. Of calls for headers by
    /// number it is the first one's.
    std::optional<uint64_t> oldest_block;
    std::optional<size_t> only;  ///< ask this provider and no other
    ProviderSet never;           ///< these are not asked
    ProviderSet avoid;           ///< these are asked when no other is left
    /// Of a range: a larger one around it was refused as this class for good, so that the next
    /// such refusal ends the group at once instead of being waited out.
    std::optional<RefusalClass> impatient_of;
    /// Of a range: whose logs. Who refuses such ones time after time is asked when no other is
    /// left.
    std::shared_ptr<const LogFilter> filter;
    /// Of the question that the group is a part of; empty: the group is a question of its own.
    std::shared_ptr<WaitTicket> ticket;
    /// Called once a provider is chosen, before the first request: may rewrite `calls`.
    std::function<void(size_t provider, CallGroup& group)> prepare;
    std::function<void(GroupResult)> done;

  private:
    explicit CallGroup(Kind kind) : kind_{kind} {}
    Kind kind_ = Kind::kEachCall;
};

}  // namespace plumbline::rpc
