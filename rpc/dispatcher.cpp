// A group's way:
//
// 1. `send` queues it; all its calls wait.
// 2. `pump` takes the groups in the order sent. While calls of one wait, `choose_provider`
//    (provider_choice.hpp) says who is asked next, and a batch of them goes out to it. Providers
//    whose chain id or head must be known first are probed; that is a group too. What is out for
//    longer than its provider's answers take is asked of another one as well.
// 3. The transport waits for responses. `answer_intake.hpp` says of each call whether it is
//    settled, is asked again, or ends the group, and what the response says of its provider.
// 4. When nobody is left in a round, calls that nobody could answer take what they have for a
//    fallback. For the others a new round begins after a pause, or the group ends with an error.
// 5. The callbacks of groups that ended run when no group is being worked on. What they send goes
//    out in the same `poll`, so that no provider is idle until the next.
//
// Everything about one provider is in `Provider`, about one group in `PendingGroup`. Here is the
// loop; dispatcher_receive.cpp has what happens to a response, dispatcher_heads.cpp the probes,
// dispatcher_lies.cpp what happens to who lies.
#include "rpc/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::rpc {

namespace {

/// For a block that was told as the head: with two backends, one of them behind, a million to one.
constexpr uint32_t kLackingRounds = 20;
/// Before a question gives up whom it names for another one.
constexpr int64_t kNamedWaitMs = 2'000;
/// Of what is asked of who has just left the same method unanswered.
constexpr int64_t kOverdueTimeoutMs = 10'000;

/// The one that people are told of: a range's logs, where they are asked for with its headers.
const Call& most_telling(const std::vector<Call>& calls) {
    const auto logs = std::ranges::find_if(calls, is_log_call);
    return logs == calls.end() ? calls.front() : *logs;
}

/// What refusals of it may keep waiting; empty of what asks whether a provider is there.
std::optional<CallFamily> braked_family(const CallGroup& group) {
    if (group.kind() == CallGroup::Kind::kHeadProbe) {
        return std::nullopt;
    }
    return group.kind() == CallGroup::Kind::kRange ? CallFamily::kBlockData
                                                   : family_of(group.calls.front().kind);
}

}  // namespace

Dispatcher::Dispatcher(const PoolOptions& options, Transport& transport, const Clock& clock,
                       PoolObserver* observer)
    : options_{options},
      transport_{transport},
      clock_{clock},
      observer_{observer},
      jitter_{options.seed},
      heads_{options.chain_id} {
    const size_t count = std::min(options.endpoints.size(), ProviderSet::kMax);
    if (count < options.endpoints.size()) {
        log(LogLevel::kError, "of " + std::to_string(options.endpoints.size()) +
                                  " endpoints only the first " + std::to_string(count) +
                                  " are asked");
    }
    providers_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        providers_.emplace_back(options.endpoints[i], options_, clock_, jitter_);
    }
}

void Dispatcher::log(LogLevel level, const std::string& message) const {
    if (observer_ != nullptr) {
        observer_->on_event(level, message);
    }
}

void Dispatcher::tell(LogLevel level, const Provider& provider, const std::string& what) const {
    if (observer_ != nullptr) {
        observer_->on_provider(level, provider.name(), what);
    }
}

void Dispatcher::at(int64_t at_ms, std::function<void()> task) {
    tasks_.emplace(at_ms, std::move(task));
}

void Dispatcher::send(CallGroup group) {
    PendingGroup& stored =
        groups_.emplace(next_group_++, PendingGroup{std::move(group)}).first->second;
    stored.deadline_ms = now() + options_.deadline_ms;
    stored.idle_since_ms = now();
    if (const Call& first = stored.group.calls.front();
        !stored.group.oldest_block && first.kind == Call::Kind::kHeaderByNum) {
        stored.group.oldest_block = first.block_num;
    }
    if (stored.group.ticket == nullptr && stored.group.kind() != CallGroup::Kind::kHeadProbe) {
        const Call& first = stored.group.calls.front();
        stored.group.ticket = waits_.open(method_name(first.kind), blocks_of(first), now());
    }
    if (providers_.empty()) {
        end_with_error(stored, ErrorCode::kInvalidArgument, "no endpoint is configured");
    }
}

// ---- Sending -------------------------------------------------------------------------------

void Dispatcher::pump() {
    // Probing a head adds groups; ids only grow, so the walk ends.
    for (auto it = groups_.begin(); it != groups_.end(); ++it) {
        pump_group(it->first, it->second);
    }
}

/// A question that names whom to ask, and who is down, told us to wait, hangs on what is asked or
/// has not got that far: whoever asks can ask another one that is there. With nobody else it is
/// waited for.
bool Dispatcher::gives_way(const PendingGroup& active) const {
    if (!active.may_give_way()) {
        return false;
    }
    const Call::Kind kind = active.main_kind();
    const auto hangs = [&](const Provider& provider) {
        const SlowMethod& slow = provider.slow().of(kind);
        return slow.hangs(now()) || (is_state_call(active.group.calls.front()) &&
                                     slow.is_overdue() && slow.is_last(now()));
    };
    const auto can_be_asked = [&](const Provider& provider) {
        return provider.is_usable() && !provider.free_at_ms() && !hangs(provider) &&
               provider.state(active.group.block_needed).has_block();
    };
    const Provider& named = providers_[*active.group.only];
    if (!hangs(named) && now() < active.idle_since_ms + kNamedWaitMs) {
        return false;
    }
    if (can_be_asked(named)) {
        return false;  // It has enough to do.
    }
    for (size_t i = 0; i < providers_.size(); ++i) {
        if (i != *active.group.only && !active.group.never.contains(i) &&
            can_be_asked(providers_[i])) {
            return true;
        }
    }
    return false;
}

void Dispatcher::pump_group(uint64_t id, PendingGroup& active) {
    if (gives_way(active)) {
        const Provider& named = providers_[*active.group.only];
        const Call::Kind kind = active.main_kind();
        std::string why = named.standing();
        if (!named.state(active.group.block_needed).has_block()) {
            why = named.name() + ": its head is below block " +
                  std::to_string(*active.group.block_needed);
        } else if (named.slow().of(kind).is_last(now())) {
            why = named.name() + ": no answer to " + std::string{method_name(kind)} + " in time";
        }
        end_with_error(active, ErrorCode::kUnavailable, std::move(why));
        return;
    }
    while (!active.is_finished && !active.calls.waiting().empty() &&
           now() >= active.not_before_ms) {
        if (active.group.is_from_one_backend() && active.requests_out > 0) {
            return;
        }
        const bool is_any_out = active.requests_out > 0 || active.overdue_out > 0;
        if (now() >= active.deadline_ms && !is_any_out) {
            const bool is_lacking = active.last_code == ErrorCode::kNotFound;
            end_with_error(active, is_lacking ? ErrorCode::kNotFound : ErrorCode::kTimeout,
                           "no answer within " + std::to_string(options_.deadline_ms / 1000) +
                               " s" + describe_all(active));
            return;
        }
        if (active.group.kind() != CallGroup::Kind::kHeadProbe &&
            transport_.in_flight() >= options_.in_flight_max) {
            return;
        }
        const ProviderChoice choice = choose(active);
        if (const auto* ask = std::get_if<ProviderChoice::Ask>(&choice.next)) {
            submit(id, active, ask->provider);
        } else if (std::holds_alternative<ProviderChoice::Wait>(choice.next) || is_any_out) {
            return;
        } else {
            end_round(active);
        }
    }
}

/// For a request of `group`, or for any; valid until the next call.
std::span<const ProviderState> Dispatcher::look_at_providers(std::optional<uint64_t> block_needed,
                                                             const CallGroup* group) {
    const auto family = group != nullptr ? braked_family(*group) : std::nullopt;
    const bool has_logs = group != nullptr && group->kind() == CallGroup::Kind::kRange;
    states_.clear();
    for (size_t i = 0; i < providers_.size(); ++i) {
        ProviderState& state = states_.emplace_back(providers_[i].state(block_needed));
        state.is_probing = heads_.is_probing(i);
        state.is_free = state.is_free && (!has_logs || now() >= providers_[i].logs_free_at_ms()) &&
                        (!family || now() >= providers_[i].brake(*family).free_at_ms());
    }
    return states_;
}

ProviderChoice Dispatcher::choose(const PendingGroup& active) {
    ProviderRules rules = active.rules();
    const bool is_range = active.group.kind() == CallGroup::Kind::kRange;
    for (size_t i = 0; i < providers_.size() && active.group.oldest_block; ++i) {
        if (providers_[i].would_refuse(*active.group.oldest_block, is_range)) {
            rules.avoid.insert(i);
        }
    }
    for (size_t i = 0; i < providers_.size() && active.group.filter != nullptr; ++i) {
        if (providers_[i].vain_logs(*active.group.filter).holds(now())) {
            rules.avoid.insert(i);
        }
    }
    const bool is_probe = active.group.kind() == CallGroup::Kind::kHeadProbe;
    for (size_t i = 0; i < providers_.size() && !is_probe; ++i) {
        if (providers_[i].slow().of(active.main_kind()).is_last(now())) {
            rules.avoid.insert(i);
        }
    }
    const ProviderChoice choice =
        choose_provider(look_at_providers(active.group.block_needed, &active.group), rules);
    for (size_t i = 0; i < providers_.size() && !choice.refresh_heads.empty(); ++i) {
        if (choice.refresh_heads.contains(i)) {
            refresh_head(i);
        }
    }
    return choice;
}

void Dispatcher::submit(uint64_t id, PendingGroup& active, size_t provider) {
    active.prepare(provider);
    if (active.group.is_from_one_backend()) {
        active.sticky = provider;
    }
    InFlightRequest sent;
    sent.group = id;
    sent.provider = provider;
    sent.indices = active.calls.take(std::max<uint32_t>(1, providers_[provider].batch_max()));
    sent.first_id = next_call_id_;
    sent.sent_ms = now();
    next_call_id_ += sent.indices.size();
    for (const size_t call : sent.indices) {
        sent.calls.push_back(active.group.calls[call]);
    }
    HttpRequest request = make_request(active.group, sent);
    ++active.traffic.requests;
    active.traffic.sent += request.body.size();
    ++active.requests_out;
    if (active.group.ticket != nullptr) {
        // What a probe is for is one thing, in how many requests it goes.
        const Call& told = active.group.kind() == CallGroup::Kind::kHeadProbe
                               ? active.group.calls[HeadWatch::kLatestAt]
                               : most_telling(sent.calls);
        active.group.ticket->on_asked(providers_[provider].name(), told, sent.sent_ms);
    }
    providers_[provider].on_sent();
    for (const CallFamily family : families_of(sent.calls)) {
        providers_[provider].brake(family).on_sent(now());
    }
    const uint64_t transport_id = transport_.submit(std::move(request));
    const bool is_new = in_flight_.emplace(transport_id, std::move(sent)).second;
    PLUMBLINE_CHECK_MSG(is_new, "the transport gave an id twice");
}

HttpRequest Dispatcher::make_request(const CallGroup& group, const InFlightRequest& sent) {
    const Endpoint& endpoint = options_.endpoints[sent.provider];
    HttpRequest request;
    request.url = endpoint.url;
    request.headers = endpoint.headers;
    if (!endpoint.bearer_token.empty()) {
        request.headers.emplace_back("Authorization", "Bearer " + endpoint.bearer_token);
    }
    request.body = write_request(sent.calls, sent.first_id);
    request.timeout_ms = group.timeout_ms > 0 ? group.timeout_ms : options_.request_timeout_ms;
    // Nobody else is asked a question that names it: it ends sooner where no answer is expected.
    if (const SlowMethod& slow = providers_[sent.provider].slow().of(sent.main_kind());
        group.only && group.kind() != CallGroup::Kind::kHeadProbe && slow.is_overdue()) {
        request.timeout_ms =
            std::min(request.timeout_ms, std::max(kOverdueTimeoutMs, slow.patience_ms()));
    }
    request.body_size_max = options_.body_size_max;
    return request;
}

// ---- Rounds --------------------------------------------------------------------------------

/// Nobody is left to ask: takes what there is, or starts another round later, or gives up.
void Dispatcher::end_round(PendingGroup& active) {
    const size_t waiting = active.calls.waiting().size();
    active.calls.settle_by_fallbacks();
    if (active.calls.waiting().empty()) {
        finish_if_settled(active);
        return;
    }
    if (active.calls.waiting().size() < waiting) {
        // Who was passed over for what only some calls met is asked for the others.
        active.go_on_with_others(is_state_call(active.group.calls.front()));
        return;
    }
    if (active.unclear) {
        end_with_refusal(active, *active.unclear);
        return;
    }
    const CallGroup& group = active.group;
    const bool is_hopeful = lacks_what_was_told(active);
    const uint32_t rounds_max =
        is_hopeful ? std::max(kLackingRounds, options_.attempts_max) : options_.attempts_max;
    const RoundState round{!active.failed.empty(), active.rounds_done,
                           group.rounds_max > 0 ? group.rounds_max : rounds_max,
                           group.rounds_max == 0};
    const RoundEnd end =
        judge_round(look_at_providers(std::nullopt, nullptr), active.rules(), round);
    if (const auto* wait = std::get_if<round_end::WaitUntil>(&end)) {
        active.wait_until(std::min(wait->at_ms, active.deadline_ms));
    } else if (std::holds_alternative<round_end::NextRound>(end)) {
        active.start_round(now() + (is_hopeful ? 0 : pause_ms(active.rounds_done + 1)));
    } else if (std::holds_alternative<round_end::OtherChain>(end)) {
        end_with_error(active, ErrorCode::kIncompatible,
                       "every endpoint serves another chain than " +
                           std::to_string(chain_id().value_or(0)) + describe(active));
    } else if (std::holds_alternative<round_end::AllDown>(end)) {
        end_with_error(active, active.last_code, "nobody to ask is up" + describe_all(active));
    } else {
        const Call& open = group.calls[active.calls.waiting().front()];
        std::string text = "no provider could answer " + std::string{method_name(open.kind)};
        if (group.block_needed) {
            text += " up to block " + std::to_string(*group.block_needed);
        }
        end_with_error(active, active.last_code, text + describe_all(active));
    }
}

/// Who told the block as its head has a pause of its own before it is asked for it again.
bool Dispatcher::lacks_what_was_told(const PendingGroup& active) const {
    return active.last_code == ErrorCode::kNotFound && active.group.block_needed &&
           std::ranges::any_of(providers_, [&](const Provider& provider) {
               return provider.is_usable() && provider.has_told(*active.group.block_needed);
           });
}

/// Full jitter, so that groups that failed together do not come again together.
int64_t Dispatcher::pause_ms(uint32_t rounds_done) {
    return 1 +
           jitter_.upto(std::min(options_.backoff_ms_max,
                                 options_.backoff_ms_first << std::min<uint32_t>(rounds_done, 20)));
}

// ---- Ending --------------------------------------------------------------------------------

std::string Dispatcher::describe(const PendingGroup& active) const {
    std::string out;
    for (const auto& [provider, reason] : active.reasons) {
        out += out.empty() ? ": " : "; ";
        out += providers_[provider].name() + ": " + reason;
    }
    return out;
}

/// That, and the standing of those that were not even asked.
std::string Dispatcher::describe_all(const PendingGroup& active) const {
    std::string out = describe(active);
    for (size_t i = 0; i < providers_.size(); ++i) {
        const bool may_be_asked =
            (!active.group.only || *active.group.only == i) && !active.group.never.contains(i);
        if (!may_be_asked || active.reasons.contains(i)) {
            continue;
        }
        if (!providers_[i].is_usable()) {
            out += (out.empty() ? ": " : "; ") + providers_[i].standing();
        } else if (active.said_null.contains(i)) {
            out += (out.empty() ? ": " : "; ") + providers_[i].name() + ": null";
        }
    }
    return out;
}

/// By the provider that answered last.
void Dispatcher::end_with_refusal(PendingGroup& active, const EndGroup& end) {
    if (active.is_finished) {
        return;
    }
    const std::string& name = providers_[active.last_provider].name();
    log(LogLevel::kDebug, "provider " + name + " refused a range as " +
                              std::string{to_string(end.refusal.kind)} + ": " + end.reason);
    GroupResult result;
    result.refusal = end.refusal;
    result.error = Error{end.code, name + ": " + end.reason};
    finish(active, std::move(result));
}

void Dispatcher::end_with_error(PendingGroup& active, ErrorCode code, std::string text) {
    if (active.is_finished) {
        return;
    }
    GroupResult result;
    result.error = Error{code, std::move(text)};
    finish(active, std::move(result));
}

void Dispatcher::finish_if_settled(PendingGroup& active) {
    if (active.is_finished) {
        return;
    }
    PLUMBLINE_CHECK_MSG(active.calls.out_count() == 0 || active.requests_out > 0,
                        "calls are out without a request");
    if (active.calls.is_settled()) {
        GroupResult result;
        result.answers = active.calls.take_answers();
        result.reasons = describe(active);
        finish(active, std::move(result));
    }
}

void Dispatcher::finish(PendingGroup& active, GroupResult result) {
    GroupResult whole = active.finish(std::move(result));
    if (active.group.ticket != nullptr) {
        // Whoever shares it hears nothing of requests that are still out.
        for (const auto& [id, request] : in_flight_) {
            if (const auto group = groups_.find(request.group);
                group != groups_.end() && &group->second == &active) {
                active.group.ticket->on_back(providers_[request.provider].name());
            }
        }
        active.group.ticket.reset();
    }
    finished_.emplace_back(std::move(active.group.done), std::move(whole));
}

// ---- The loop ------------------------------------------------------------------------------

void Dispatcher::run_due_tasks() {
    while (!tasks_.empty() && tasks_.begin()->first <= now()) {
        auto node = tasks_.extract(tasks_.begin());
        node.mapped()();
    }
}

/// How long the transport may wait before something else is due.
int64_t Dispatcher::next_wake_ms(int64_t wait_ms) const {
    if (!finished_.empty()) {
        return 0;
    }
    const int64_t start = now();
    int64_t wake = start + std::max<int64_t>(0, wait_ms);
    if (!tasks_.empty()) {
        wake = std::min(wake, tasks_.begin()->first);
    }
    for (const auto& [id, request] : in_flight_) {
        const int64_t at =
            request.sent_ms +
            providers_[request.provider].slow().of(request.main_kind()).patience_ms();
        if (!request.is_overdue && at > start && providers_.size() > 1) {
            wake = std::min(wake, at);
        }
    }
    bool is_any_waiting = false;
    for (const auto& [id, active] : groups_) {
        if (active.is_finished || active.calls.waiting().empty()) {
            continue;
        }
        if (active.may_give_way() && active.idle_since_ms + kNamedWaitMs > start) {
            wake = std::min(wake, active.idle_since_ms + kNamedWaitMs);
        }
        if (active.not_before_ms > start) {
            wake = std::min(wake, active.not_before_ms);
        } else {
            is_any_waiting = true;
            wake = std::min(wake, active.deadline_ms);
        }
    }
    if (is_any_waiting) {
        for (const Provider& provider : providers_) {
            if (const auto at = provider.free_at_ms()) {
                wake = std::min(wake, *at);
            }
            const auto wake_at = [&](int64_t at) { wake = at > start ? std::min(wake, at) : wake; };
            wake_at(provider.asked_again_ms());
            wake_at(provider.logs_free_at_ms());
            for (const RefusalBrake& brake : provider.brakes()) {
                wake_at(brake.free_at_ms());
            }
        }
    }
    return std::max<int64_t>(0, wake - start);
}

void Dispatcher::run_finished() {
    // Callbacks may send new groups, which may finish at once.
    while (!finished_.empty()) {
        auto batch = std::exchange(finished_, {});
        for (auto& [done, result] : batch) {
            if (done) {
                done(std::move(result));
            }
        }
    }
}

void Dispatcher::close_finished() {
    std::erase_if(groups_, [](const auto& entry) {
        return entry.second.is_finished && entry.second.requests_out == 0 &&
               entry.second.overdue_out == 0;
    });
}

/// Between two polls: every request that is out belongs to a group and to a provider, both of which
/// count it, and every group has a call to wait for.
bool Dispatcher::is_consistent() const {
    std::map<uint64_t, uint32_t> by_group;
    std::vector<uint32_t> by_provider(providers_.size());
    for (const auto& [id, request] : in_flight_) {
        ++by_group[request.group];
        ++by_provider.at(request.provider);
    }
    for (const auto& [id, active] : groups_) {
        const auto out = by_group.find(id);
        const uint32_t all_out = active.requests_out + active.overdue_out;
        if (all_out != (out == by_group.end() ? 0 : out->second) ||
            (active.is_finished ? all_out == 0 : active.calls.is_settled())) {
            return false;
        }
    }
    for (size_t i = 0; i < providers_.size(); ++i) {
        if (providers_[i].in_flight() != by_provider[i]) {
            return false;
        }
    }
    return std::ranges::all_of(by_group,
                               [&](const auto& entry) { return groups_.contains(entry.first); });
}

/// Hours that a provider asks for are given while others answer. When none does, they would be
/// hours of silence: it is asked again long before. And where all others are limited for a moment,
/// one that was down may be back.
void Dispatcher::shorten_waits() {
    const int64_t wait_max = options_.alone_wait_ms_max;
    const auto is_nobody_back = [this](int64_t ms) {
        return std::ranges::none_of(
            providers_, [ms](const Provider& provider) { return provider.is_back_within(ms); });
    };
    if (!is_nobody_back(0)) {
        return;
    }
    const bool is_long = is_nobody_back(wait_max);
    for (Provider& provider : providers_) {
        provider.shorten_probe_pause(wait_max);
        if (is_long) {
            provider.shorten_wait(wait_max);
        }
    }
}

void Dispatcher::poll(int64_t wait_ms) {
    run_due_tasks();
    shorten_waits();
    for (size_t i = 0; i < providers_.size(); ++i) {
        if (providers_[i].wants_probe()) {
            refresh_head(i);
        }
    }
    give_up_overdue();
    pump();
    completions_.clear();
    transport_.poll(next_wake_ms(wait_ms), completions_);
    for (HttpCompletion& completion : completions_) {
        receive(completion);
        transport_.give_back(std::move(completion.body));
    }
    run_due_tasks();
    run_finished();
    pump();
    run_finished();
    close_finished();
    PLUMBLINE_DCHECK(is_consistent());
}

}  // namespace plumbline::rpc
