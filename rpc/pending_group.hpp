// A group between its sending and its end, and a request of it on its way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rpc/answer_intake.hpp"
#include "rpc/call_group.hpp"
#include "rpc/call_ledger.hpp"
#include "rpc/provider_choice.hpp"

namespace plumbline::rpc {

/// The dispatcher's record of a group, and what becomes of it by the answers to its calls; it sends
/// nothing itself. A group goes in rounds: in each, every provider is asked at most once for what
/// is still open; what nobody gave is asked again in the next, after a pause.
struct PendingGroup {
    explicit PendingGroup(CallGroup sent) : group{std::move(sent)}, calls{group.calls.size()} {}

    /// Whom the next request may go to.
    [[nodiscard]] ProviderRules rules() const;
    /// Where nothing is answered yet, lets the group rewrite its calls for `provider`.
    void prepare(size_t provider);

    // What becomes of a call that is out. Nothing happens once the group is finished.
    void settle(size_t call, Answer answer);
    /// Of a range: all of its calls, as the whole has to come from one backend.
    void ask_again(size_t provider, size_t call, AskAgain again);
    void ask_others(size_t provider, size_t call);

    /// These calls are out at `provider` and overdue: they are asked of another one as well.
    void give_up(size_t provider, const std::vector<size_t>& overdue);
    /// Their request has come back.
    void take_back_overdue(size_t provider);
    /// One of them has come back with an answer, which counts unless somebody else was quicker. Of
    /// a range it does not: its calls may be others by now. True where it counts.
    bool settle_late(size_t provider, size_t call, Answer answer);
    /// The same without an answer.
    void take_late(size_t provider, size_t call, CallFate fate);

    /// Some calls were answered: how often all were in vain is counted anew, and the others have
    /// as long again.
    void on_progress(int64_t at_least_until_ms);
    /// The same round goes on with who did not have some calls, which are settled now;
    /// `with_failed` with who failed as well.
    void go_on_with_others(bool with_failed) {
        said_null.clear();
        if (with_failed) {
            failed.clear();
        }
    }
    /// Everybody may be asked again from `at_ms` on.
    void start_round(int64_t at_ms);
    /// Everybody who is back at `at_ms` may be asked; the round is the same.
    void wait_until(int64_t at_ms);
    /// Ends the group. `result` gets what is known of the way to it. Once.
    [[nodiscard]] GroupResult finish(GroupResult result);

    /// The kind of call that decides how long its requests take.
    [[nodiscard]] Call::Kind main_kind() const;

    /// It waits for the provider that it names.
    [[nodiscard]] bool may_give_way() const {
        return group.only && group.kind() != CallGroup::Kind::kHeadProbe && !is_finished &&
               requests_out == 0 && !calls.waiting().empty();
    }

    CallGroup group;
    CallLedger calls;
    /// Its result is on the way to the asker. It stays in the dispatcher until the requests that
    /// are out have come back.
    bool is_finished = false;
    uint32_t requests_out = 0;  ///< responses to come, also to a finished group
    uint32_t overdue_out = 0;   ///< and those to what was given up

    // ---- The round
    /// Rounds over all providers in a row that brought no answer.
    uint32_t rounds_done = 0;
    /// Failed in this round; asked again in the next.
    ProviderSet failed;
    /// Do not have something that the group asks for. That is no failure: should all others be
    /// down, the group waits for them within the round.
    ProviderSet said_null;
    /// An overdue request of it is out, and may still be answered.
    std::map<size_t, uint32_t> overdue;
    /// One backend: who has begun to answer, and so has the rest.
    std::optional<size_t> sticky;
    /// The pause after a round, or until a provider is back. Monotonic, as all times here.
    int64_t not_before_ms = 0;
    /// Then it ends with what was last in the way. Requests that are out are waited for.
    int64_t deadline_ms = 0;
    /// Since when no request of it is out.
    int64_t idle_since_ms = 0;
    /// Rate limits met, as they end no round: a provider that only ever limits must not be asked
    /// for ever.
    uint32_t rate_limits = 0;
    /// What the provider that limited first had answered by then.
    struct Answered {
        size_t provider = 0;
        uint64_t log_calls = 0;
        uint64_t others = 0;
        int64_t at_ms = 0;
    };
    std::optional<Answered> at_first_limit;

    // ---- Should nobody answer
    std::map<size_t, std::string> reasons;  ///< of each provider, its last one
    ErrorCode last_code = ErrorCode::kUnavailable;
    std::optional<EndGroup> unclear;  ///< a refused range that no rule understood: perhaps its size

    // ---- For the result
    Traffic traffic;
    int64_t answering_ms = 0;  ///< as in the result
    size_t last_provider = 0;
};

/// A request on its way: all that is needed to read its response. Only `group` links it to its
/// group, which may have ended by then.
struct InFlightRequest {
    uint64_t group = 0;
    size_t provider = 0;
    std::vector<size_t> indices;  ///< of the group's calls
    /// Copies: the response is read by them, and the group's own may be prepared anew by then.
    std::vector<Call> calls;
    uint64_t first_id = 0;  ///< JSON-RPC ids count up from it, so that no answer fits another call
    int64_t sent_ms = 0;
    /// Another one is asked as well: what comes back counts as far as it still can
    /// (`PendingGroup::give_up`).
    bool is_overdue = false;

    /// The kind of call that decides how long it takes.
    [[nodiscard]] Call::Kind main_kind() const;
};

}  // namespace plumbline::rpc
