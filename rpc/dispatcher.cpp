#include "rpc/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "rpc/call_refusal.hpp"
#include "rpc/error_text.hpp"

namespace plumbline::rpc {

namespace {

constexpr uint32_t kWaitsPerAttempt = 8;

bool is_log_call(const Call& call) {
    return call.kind == Call::Kind::kLogs || call.kind == Call::Kind::kLogsOfBlock;
}

// A call or a proof: what went wrong with it is mostly an answer.
bool is_state_call(const Call& call) {
    return call.kind == Call::Kind::kCall || call.kind == Call::Kind::kProof;
}

Answer call_outcome(CallResult::Kind kind, std::string why, Bytes data = {}) {
    return Answer{CallResult{kind, std::move(data), std::move(why)}};
}

bool may_be_null(Call::Kind kind) {
    return kind == Call::Kind::kHeaderByNum || kind == Call::Kind::kHeaderByHash ||
           kind == Call::Kind::kReceipts || kind == Call::Kind::kTxnReceipt ||
           kind == Call::Kind::kBlockTxns || kind == Call::Kind::kTxn ||
           kind == Call::Kind::kHeaderFinalized;
}

Refusal refusal_of(RefusalClass kind, bool ambiguous = false) {
    Refusal refusal;
    refusal.kind = kind;
    refusal.ambiguous = ambiguous;
    return refusal;
}

ErrorCode code_of(RefusalClass kind) {
    switch (kind) {
        case RefusalClass::kRateLimit: return ErrorCode::kRateLimited;
        case RefusalClass::kHeadRace:
        case RefusalClass::kMissingData: return ErrorCode::kNotFound;
        case RefusalClass::kTimeout: return ErrorCode::kTimeout;
        case RefusalClass::kBadRequest:
        case RefusalClass::kUnsupported: return ErrorCode::kInvalidArgument;
        case RefusalClass::kTooManyBlocks:
        case RefusalClass::kTooManyResults:
        case RefusalClass::kTooManyAddresses:
        case RefusalClass::kResponseTooLarge:
        case RefusalClass::kBatchTooLarge: return ErrorCode::kTooLarge;
        default: return ErrorCode::kUnavailable;
    }
}

}  // namespace

Dispatcher::Dispatcher(const PoolOptions& options, Transport& transport, const Clock& clock,
                       PoolObserver* observer)
    : options_{options},
      transport_{transport},
      clock_{clock},
      observer_{observer},
      jitter_{options.seed},
      chain_id_{options.chain_id} {
    PLUMBLINE_CHECK_MSG(options.endpoints.size() <= ProviderSet::kMax, "at most 64 endpoints");
    providers_.reserve(options.endpoints.size());
    for (const Endpoint& endpoint : options.endpoints) {
        providers_.emplace_back(endpoint, options_, clock_, jitter_);
    }
}

void Dispatcher::log(LogLevel level, const std::string& message) const {
    if (observer_ != nullptr) {
        observer_->on_event(level, message);
    }
}

void Dispatcher::at(int64_t at_ms, std::function<void()> task) {
    tasks_.emplace(at_ms, std::move(task));
}

void Dispatcher::send(CallGroup group) {
    PendingGroup active;
    active.group = std::move(group);
    active.deadline_ms = now() + options_.deadline_ms;
    active.settled.resize(active.group.calls.size());
    active.fallback.resize(active.group.calls.size());
    for (size_t i = 0; i < active.group.calls.size(); ++i) {
        active.todo.push_back(i);
    }
    const uint64_t id = next_group_++;
    PendingGroup& stored = groups_.emplace(id, std::move(active)).first->second;
    if (providers_.empty()) {
        end_with_error(stored, Error{ErrorCode::kInvalidArgument, "no endpoint is configured"});
    }
}

// ---- Sending -------------------------------------------------------------------------------

void Dispatcher::pump() {
    // Probing a head adds groups; ids only grow, so the walk ends.
    for (auto it = groups_.begin(); it != groups_.end(); ++it) {
        pump_group(it->first, it->second);
    }
}

void Dispatcher::pump_group(uint64_t id, PendingGroup& active) {
    while (!active.finished && !active.todo.empty() && now() >= active.not_before_ms) {
        if (active.group.is_from_one_backend() && active.requests_out > 0) {
            return;
        }
        if (now() >= active.deadline_ms && active.requests_out == 0) {
            end_with_error(active,
                           Error{active.last_code == ErrorCode::kNotFound ? ErrorCode::kNotFound
                                                                          : ErrorCode::kTimeout,
                                 "no answer within " + std::to_string(options_.deadline_ms / 1000) +
                                     " s" + describe(active)});
            return;
        }
        if (active.group.kind() != CallGroup::Kind::kHeadProbe &&
            transport_.in_flight() >= options_.in_flight_max) {
            return;
        }
        size_t provider = 0;
        switch (choose(active, provider)) {
            case Choice::kWait: return;
            case Choice::kNobody:
                if (active.requests_out > 0) {
                    return;
                }
                nobody_left(active);
                continue;
            case Choice::kChosen: submit(id, active, provider); break;
        }
    }
}

Dispatcher::Choice Dispatcher::choose(const PendingGroup& active, size_t& provider) {
    const CallGroup& group = active.group;
    bool wait = false;
    bool wait_for_better = false;
    bool probed = false;
    double best = 0;
    bool found = false;
    for (size_t i = 0; i < providers_.size(); ++i) {
        Provider& candidate = providers_[i];
        if ((group.only && *group.only != i) || (active.sticky && *active.sticky != i) ||
            (group.never | active.failed | active.said_null).contains(i)) {
            continue;
        }
        if (!candidate.is_usable() &&
            !(group.kind() == CallGroup::Kind::kHeadProbe && candidate.wants_probe())) {
            probed = probed || candidate.head_probe_out;
            continue;
        }
        if (group.kind() != CallGroup::Kind::kHeadProbe && !candidate.chain_id()) {
            refresh_head(i);
            wait = true;
            wait_for_better = wait_for_better || !group.avoid.contains(i);
            continue;
        }
        if (group.block_needed) {
            if (candidate.is_behind(*group.block_needed)) {
                continue;
            }
            if (candidate.needs_head_refresh(*group.block_needed)) {
                refresh_head(i);
                wait = true;
                continue;
            }
        }
        const bool avoided = group.avoid.contains(i);
        if (!candidate.is_free()) {
            wait = true;
            wait_for_better = wait_for_better || !avoided;
            continue;
        }
        const double cost = candidate.cost() * (avoided ? 1e9 : 1.0);
        if (!found || cost < best) {
            found = true;
            best = cost;
            provider = i;
        }
    }
    if (found && !(group.avoid.contains(provider) && wait_for_better)) {
        return Choice::kChosen;
    }
    // With everybody down, the probe that is on its way may bring one back.
    wait = wait || (probed && group.kind() != CallGroup::Kind::kHeadProbe &&
                    std::ranges::none_of(providers_, &Provider::is_usable));
    return found || wait ? Choice::kWait : Choice::kNobody;
}

// The round is over: take what there is, or start another one later, or give up.
void Dispatcher::nobody_left(PendingGroup& active) {
    std::erase_if(active.todo, [&](size_t index) {
        if (!active.fallback[index]) {
            return false;
        }
        active.settled[index] = std::move(active.fallback[index]);
        active.fallback[index].reset();
        return true;
    });
    if (active.todo.empty()) {
        finish_if_settled(active);
        return;
    }
    if (active.unclear && active.group.kind() == CallGroup::Kind::kRange) {
        end_with_refusal(active, active.last_provider, *active.unclear, active.unclear_text);
        return;
    }
    // All that could be asked are down or parked: wait for the first to come back.
    bool any_usable = false;
    std::optional<int64_t> back_at;
    bool all_foreign = true;
    for (size_t i = 0; i < providers_.size(); ++i) {
        if ((active.group.only && *active.group.only != i) || active.group.never.contains(i)) {
            continue;
        }
        any_usable = any_usable || providers_[i].is_usable();
        if (const auto at = providers_[i].free_at_ms()) {
            back_at = std::min(back_at.value_or(INT64_MAX), *at);
        }
        all_foreign = all_foreign && providers_[i].chain_id() && chain_id_ &&
                      *providers_[i].chain_id() != *chain_id_;
    }
    if (all_foreign) {
        end_with_error(active, Error{ErrorCode::kIncompatible,
                                     "every endpoint serves another chain than " +
                                         std::to_string(chain_id_.value_or(0)) + describe(active)});
        return;
    }
    if (active.group.rounds_max > 0 && !any_usable) {
        end_with_error(active, Error{active.last_code, "nobody to ask is up" + describe(active)});
        return;
    }
    if (active.failed.empty() && !any_usable && back_at) {
        active.not_before_ms = std::min(*back_at, active.deadline_ms);
        active.sticky.reset();
        return;
    }
    ++active.attempts;
    if (active.attempts >=
        (active.group.rounds_max > 0 ? active.group.rounds_max : options_.attempts_max)) {
        std::string text = "no provider could answer " +
                           std::string{method_name(active.group.calls[active.todo.front()].kind)};
        if (active.group.block_needed) {
            text += " up to block " + std::to_string(*active.group.block_needed);
        }
        end_with_error(active, Error{active.last_code, text + describe(active)});
        return;
    }
    active.failed.clear();
    active.said_null.clear();
    active.sticky.reset();
    const int64_t bound =
        std::min(options_.backoff_ms_max,
                 options_.backoff_ms_first << std::min<uint32_t>(active.attempts, 20));
    active.not_before_ms = now() + 1 + jitter_.upto(bound);
}

void Dispatcher::submit(uint64_t id, PendingGroup& active, size_t provider) {
    const bool untouched =
        active.requests_out == 0 && active.todo.size() == active.group.calls.size();
    if (active.group.prepare && (untouched || !active.prepared)) {
        active.group.prepare(provider, active.group);
        active.prepared = true;
        const size_t count = active.group.calls.size();
        PLUMBLINE_CHECK(count > 0);
        active.settled.assign(count, std::nullopt);
        active.fallback.assign(count, std::nullopt);
        active.todo.clear();
        for (size_t i = 0; i < count; ++i) {
            active.todo.push_back(i);
        }
    }
    if (active.group.is_from_one_backend()) {
        active.sticky = provider;
    }
    Provider& target = providers_[provider];
    const size_t count =
        std::min<size_t>(active.todo.size(), std::max<uint32_t>(1, target.batch_max()));
    InFlightRequest request_in_flight;
    request_in_flight.group = id;
    request_in_flight.provider = provider;
    request_in_flight.first_id = next_call_id_;
    request_in_flight.sent_ms = now();
    next_call_id_ += count;
    for (size_t i = 0; i < count; ++i) {
        request_in_flight.indices.push_back(active.todo[i]);
        request_in_flight.calls.push_back(active.group.calls[active.todo[i]]);
    }
    active.todo.erase(active.todo.begin(),
                      active.todo.begin() + static_cast<std::ptrdiff_t>(count));

    const Endpoint& endpoint = options_.endpoints[provider];
    HttpRequest request;
    request.url = endpoint.url;
    request.headers = endpoint.headers;
    if (!endpoint.bearer_token.empty()) {
        request.headers.emplace_back("Authorization", "Bearer " + endpoint.bearer_token);
    }
    request.body = write_request(request_in_flight.calls, request_in_flight.first_id);
    ++active.traffic.requests;
    active.traffic.sent += request.body.size();
    request.timeout_ms =
        active.group.timeout_ms > 0 ? active.group.timeout_ms : options_.request_timeout_ms;
    request.body_size_max = options_.body_size_max;
    if (active.first_sent_ms == 0) {
        active.first_sent_ms = now();
    }
    ++active.requests_out;
    target.on_sent();
    in_flight_.emplace(transport_.submit(std::move(request)), std::move(request_in_flight));
}

// ---- Receiving -----------------------------------------------------------------------------

void Dispatcher::fail_provider(size_t provider, const std::string& reason) {
    providers_[provider].on_failure();
    if (!providers_[provider].is_usable() && !std::exchange(providers_[provider].down_told, true)) {
        log(LogLevel::kWarning,
            "provider " + providers_[provider].name() + " is not asked for a while: " + reason);
    }
}

void Dispatcher::receive(HttpCompletion& completion) {
    auto node = in_flight_.extract(completion.id);
    PLUMBLINE_CHECK_MSG(!node.empty(), "the transport completed a request twice or one never made");
    const InFlightRequest request_in_flight = std::move(node.mapped());
    const auto found = groups_.find(request_in_flight.group);
    PLUMBLINE_CHECK(found != groups_.end());
    PendingGroup& active = found->second;
    --active.requests_out;
    active.last_provider = request_in_flight.provider;
    active.traffic.received += completion.body.size();
    providers_[request_in_flight.provider].on_done(completion.body.size());
    if (completion.error != TransportError::kNone) {
        receive_failure(active, request_in_flight, completion);
    } else {
        receive_answers(active, request_in_flight, completion);
    }
    finish_if_settled(active);
}

void Dispatcher::receive_failure(PendingGroup& active, const InFlightRequest& request_in_flight,
                                 const HttpCompletion& completion) {
    Provider& provider = providers_[request_in_flight.provider];
    const std::string reason =
        completion.error == TransportError::kTimeout ? "no answer in time" : completion.error_text;
    provider.on_transport_error();
    const bool splittable = active.group.kind() == CallGroup::Kind::kRange &&
                            std::ranges::any_of(request_in_flight.calls, is_log_call);
    if (completion.error == TransportError::kTooLarge) {
        provider.on_success(now() - request_in_flight.sent_ms);
        if (splittable) {
            end_with_refusal(active, request_in_flight.provider,
                             refusal_of(RefusalClass::kResponseTooLarge), reason);
        } else {
            provider.on_batch_too_large(request_in_flight.calls.size(), std::nullopt);
            put_back_all(active, request_in_flight, reason, ErrorCode::kTooLarge,
                         request_in_flight.calls.size() == 1);
        }
        return;
    }
    fail_provider(request_in_flight.provider, reason);
    // Too much to run, or too much to send: connections break where a body is too large.
    if (is_state_call(request_in_flight.calls.front()) &&
        (completion.error == TransportError::kTimeout ||
         (completion.error == TransportError::kCut && active.attempts >= 2))) {
        for (const size_t index : request_in_flight.indices) {
            active.settled[index] = call_outcome(CallResult::Kind::kRefused, reason);
        }
        return;
    }
    if (splittable && completion.error == TransportError::kTimeout) {
        end_with_refusal(active, request_in_flight.provider, refusal_of(RefusalClass::kTimeout),
                         reason);
        return;
    }
    // A connection that breaks again and again under a long answer is cured by a shorter one.
    if (splittable && completion.error == TransportError::kCut && active.attempts >= 2) {
        end_with_refusal(active, request_in_flight.provider,
                         refusal_of(RefusalClass::kResponseTooLarge, true), reason);
        return;
    }
    put_back_all(active, request_in_flight, reason,
                 completion.error == TransportError::kTimeout ? ErrorCode::kTimeout
                                                              : ErrorCode::kUnavailable,
                 true);
}

void Dispatcher::receive_answers(PendingGroup& active, const InFlightRequest& request_in_flight,
                                 HttpCompletion& completion) {
    Provider& provider = providers_[request_in_flight.provider];
    Health health;
    health.retry_after_ms = completion.retry_after_ms;
    std::string reason;
    auto answers =
        reader_.read(completion.body, request_in_flight.calls, request_in_flight.first_id);
    const bool success = completion.status >= 200 && completion.status < 300;
    if (!success) {
        const auto error = reader_.read_error(completion.body);
        const RpcError shown =
            error
                ? *error
                : RpcError{0, std::string{as_chars(completion.body).substr(0, kShownTextMax)}, {}};
        if (completion.status == 429 || completion.status == 503) {
            health.limited = completion.status == 429;
        }
        for (size_t i = 0; i < request_in_flight.calls.size(); ++i) {
            receive_error(active, request_in_flight, i, shown, completion.status, health);
        }
    } else if (!answers) {
        provider.on_malformed();
        reason = "unreadable answer (" + answers.error().message + ")";
        health.failed = true;
        put_back_all(active, request_in_flight, reason, ErrorCode::kDecode, true);
    } else {
        for (size_t i = 0; i < request_in_flight.calls.size() && !active.finished; ++i) {
            Answer& answer = (*answers)[i];
            if (const auto* error = answer.get<RpcError>()) {
                receive_error(active, request_in_flight, i, RpcError{*error}, completion.status,
                              health);
            } else if (const auto* bad = answer.get<Answer::Malformed>()) {
                provider.on_malformed();
                put_back(active, request_in_flight, i, "wrong answer (" + bad->why + ")",
                         ErrorCode::kDecode, true);
            } else if (answer.get<Answer::Null>() != nullptr) {
                if (!may_be_null(request_in_flight.calls[i].kind)) {
                    provider.on_malformed();
                    put_back(active, request_in_flight, i, "wrong answer (null)",
                             ErrorCode::kDecode, true);
                    continue;
                }
                receive_null(active, request_in_flight, i);
            } else if (std::ranges::find(active.todo, request_in_flight.indices[i]) ==
                       active.todo.end()) {
                active.settled[request_in_flight.indices[i]] = std::move(answer);
            }
        }
    }
    if (health.limited) {
        provider.on_rate_limit(health.retry_after_ms);
    } else if (health.failed) {
        fail_provider(request_in_flight.provider,
                      reason.empty() ? "it answers with errors" : reason);
    } else {
        provider.on_success(now() - request_in_flight.sent_ms);
        if (std::exchange(provider.down_told, false)) {
            log(LogLevel::kInfo, "provider " + provider.name() + " is back");
        }
    }
}

// It does not have what was asked for: another one may.
void Dispatcher::receive_null(PendingGroup& active, const InFlightRequest& request_in_flight,
                              size_t position) {
    const Call& call = request_in_flight.calls[position];
    const size_t index = request_in_flight.indices[position];
    if (call.kind == Call::Kind::kHeaderByNum) {
        providers_[request_in_flight.provider].on_behind(call.block_num);
    }
    if (active.group.only) {
        active.settled[index] = Answer{Answer::Null{}};
    } else if (active.group.is_from_one_backend()) {
        put_back(active, request_in_flight, position,
                 "it does not have block " + std::to_string(call.block_num), ErrorCode::kNotFound,
                 true);
    } else {
        active.fallback[index] = Answer{Answer::Null{}};
        active.said_null.insert(request_in_flight.provider);
        active.todo.push_back(index);
    }
}

void Dispatcher::receive_error(PendingGroup& active, const InFlightRequest& request_in_flight,
                               size_t position, const RpcError& error, int http_status,
                               Health& health) {
    if (active.finished) {
        return;
    }
    Provider& provider = providers_[request_in_flight.provider];
    const size_t index = request_in_flight.indices[position];
    const Call& call = request_in_flight.calls[position];
    const Refusal refusal = classify_refusal({http_status, error.code, error.message, error.data});
    const std::string text = error_text(error, http_status);
    const ErrorCode code = code_of(refusal.kind);
    const bool splittable = active.group.kind() == CallGroup::Kind::kRange && is_log_call(call);
    if (is_state_call(call) &&
        receive_call_error(active, request_in_flight, position, error, http_status)) {
        return;
    }
    provider.on_refusal(refusal.kind);
    switch (refusal.kind) {
        case RefusalClass::kRateLimit:
            health.limited = true;
            if (refusal.retry_after_ms) {
                health.retry_after_ms =
                    std::max(health.retry_after_ms.value_or(0), *refusal.retry_after_ms);
            }
            put_back(active, request_in_flight, position, text, code, false);
            if (position == 0 && ++active.waits >= kWaitsPerAttempt * options_.attempts_max) {
                end_with_error(active,
                               Error{code, "providers keep limiting the rate" + describe(active)});
            }
            return;
        case RefusalClass::kBilling:
            if (provider.on_billing()) {
                log(LogLevel::kError,
                    "provider " + provider.name() +
                        " wants the account looked after, and is left alone for " +
                        std::to_string(options_.billing_park_ms / 60'000) + " min: " + text);
            }
            put_back(active, request_in_flight, position, text, code, true);
            return;
        case RefusalClass::kBatchTooLarge:
            if (request_in_flight.calls.size() > 1) {
                provider.on_batch_too_large(request_in_flight.calls.size(), refusal.batch_max);
                put_back(active, request_in_flight, position, text, code, false);
                return;
            }
            break;
        case RefusalClass::kResponseTooLarge:
            if (!splittable && request_in_flight.calls.size() > 1) {
                provider.on_batch_too_large(request_in_flight.calls.size(), std::nullopt);
                put_back(active, request_in_flight, position, text, code, false);
                return;
            }
            break;
        case RefusalClass::kHeadRace:
            if (active.group.block_needed) {
                provider.on_behind(*active.group.block_needed);
            }
            break;
        case RefusalClass::kOutage:
            health.failed = true;
            if (!(refusal.ambiguous && splittable && active.attempts >= 1)) {
                put_back(active, request_in_flight, position, text, code, true);
                return;
            }
            break;
        case RefusalClass::kUnknown:
            if (splittable) {
                active.unclear = refusal;
                active.unclear_text = text;
            }
            break;
        default: break;
    }
    if (splittable && (is_size_refusal(refusal.kind) || refusal.kind == RefusalClass::kTimeout ||
                       refusal.ambiguous)) {
        end_with_refusal(active, request_in_flight.provider, refusal, text);
        return;
    }
    put_back(active, request_in_flight, position, text, code, true);
    if (active.group.refusals_are_answers() && refusal.kind != RefusalClass::kTimeout) {
        active.fallback[index] = Answer{error};
    }
}

// True where the error says something about the call itself.
bool Dispatcher::receive_call_error(PendingGroup& active, const InFlightRequest& request_in_flight,
                                    size_t position, const RpcError& error, int http_status) {
    const size_t index = request_in_flight.indices[position];
    const std::string text = error_text(error, http_status);
    const RefusalText refusal{http_status, error.code, error.message, error.data};
    switch (classify_call_refusal(refusal)) {
        case CallRefusal::kReverted:
            active.settled[index] =
                call_outcome(CallResult::Kind::kReverted, text, revert_data(error.data));
            return true;
        case CallRefusal::kMissingState:
            put_back(active, request_in_flight, position, text, ErrorCode::kNotFound, true);
            active.fallback[index] = call_outcome(CallResult::Kind::kMissingState, text);
            return true;
        case CallRefusal::kRefused:
            if (request_in_flight.calls.size() > 1 &&
                classify_refusal(refusal).kind == RefusalClass::kBatchTooLarge) {
                return false;
            }
            active.settled[index] = call_outcome(CallResult::Kind::kRefused, text);
            return true;
        case CallRefusal::kOther: return false;
    }
    return false;
}

void Dispatcher::put_back(PendingGroup& active, const InFlightRequest& request_in_flight,
                          size_t position, const std::string& reason, ErrorCode code, bool blame) {
    if (active.finished) {
        return;
    }
    active.reasons[request_in_flight.provider] = reason;
    active.last_code = code;
    if (blame) {
        active.failed.insert(request_in_flight.provider);
    }
    if (!active.group.is_from_one_backend() || active.group.refusals_are_answers()) {
        active.todo.push_back(request_in_flight.indices[position]);
        return;
    }
    // The whole must come from one node: what this one answered is asked again.
    active.sticky.reset();
    active.todo.clear();
    for (size_t i = 0; i < active.group.calls.size(); ++i) {
        active.settled[i].reset();
        active.todo.push_back(i);
    }
}

void Dispatcher::put_back_all(PendingGroup& active, const InFlightRequest& request_in_flight,
                              const std::string& reason, ErrorCode code, bool blame) {
    for (size_t i = 0; i < request_in_flight.indices.size(); ++i) {
        put_back(active, request_in_flight, i, reason, code, blame);
    }
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

void Dispatcher::end_with_refusal(PendingGroup& active, size_t provider, Refusal refusal,
                                  const std::string& text) {
    if (std::exchange(active.finished, true)) {
        return;
    }
    log(LogLevel::kDebug, "provider " + providers_[provider].name() + " refused a range as " +
                              std::string{to_string(refusal.kind)} + ": " + text);
    GroupResult result;
    result.refusal = refusal;
    result.error = Error{code_of(refusal.kind), providers_[provider].name() + ": " + text};
    result.provider = provider;
    result.received_bytes = active.traffic.received;
    result.traffic = active.traffic;
    result.elapsed_ms = now() - active.first_sent_ms;
    finished_.emplace_back(std::move(active.group.done), std::move(result));
}

void Dispatcher::end_with_error(PendingGroup& active, Error error) {
    if (std::exchange(active.finished, true)) {
        return;
    }
    GroupResult result;
    result.error = std::move(error);
    result.provider = active.last_provider;
    result.received_bytes = active.traffic.received;
    result.traffic = active.traffic;
    finished_.emplace_back(std::move(active.group.done), std::move(result));
}

void Dispatcher::finish_if_settled(PendingGroup& active) {
    if (active.finished || !active.todo.empty() || active.requests_out > 0) {
        return;
    }
    GroupResult result;
    result.answers.reserve(active.settled.size());
    for (auto& answer : active.settled) {
        PLUMBLINE_CHECK(answer.has_value());
        result.answers.push_back(*std::move(answer));
    }
    active.finished = true;
    result.provider = active.last_provider;
    result.received_bytes = active.traffic.received;
    result.traffic = active.traffic;
    result.elapsed_ms = now() - active.first_sent_ms;
    finished_.emplace_back(std::move(active.group.done), std::move(result));
}

// ---- The loop ------------------------------------------------------------------------------

void Dispatcher::run_due_tasks() {
    while (!tasks_.empty() && tasks_.begin()->first <= now()) {
        auto node = tasks_.extract(tasks_.begin());
        node.mapped()();
    }
}

int64_t Dispatcher::next_wake_ms(int64_t wait_ms) const {
    const int64_t start = now();
    int64_t wake = start + std::max<int64_t>(0, wait_ms);
    if (!finished_.empty()) {
        return 0;
    }
    if (!tasks_.empty()) {
        wake = std::min(wake, tasks_.begin()->first);
    }
    bool waiting = false;
    for (const auto& [id, active] : groups_) {
        if (active.finished || active.todo.empty()) {
            continue;
        }
        if (active.not_before_ms > start) {
            wake = std::min(wake, active.not_before_ms);
        } else {
            waiting = true;
            wake = std::min(wake, active.deadline_ms);
        }
    }
    if (waiting) {
        for (const Provider& provider : providers_) {
            if (const auto at = provider.free_at_ms()) {
                wake = std::min(wake, *at);
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
        return entry.second.finished && entry.second.requests_out == 0;
    });
}

void Dispatcher::poll(int64_t wait_ms) {
    run_due_tasks();
    for (size_t i = 0; i < providers_.size(); ++i) {
        if (providers_[i].wants_probe()) {
            refresh_head(i);
        }
    }
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
}

// ---- Heads ---------------------------------------------------------------------------------

void Dispatcher::refresh_head(size_t provider) {
    if (!std::exchange(providers_[provider].head_probe_out, true)) {
        probe_head(provider, [](const GroupResult&) {});
    }
}

void Dispatcher::probe_head(size_t provider, std::function<void(GroupResult)> done) {
    providers_[provider].head_probe_out = true;
    CallGroup group = CallGroup::head_probe(provider, options_.head_timeout_ms);
    group.calls.resize(3);
    group.calls[0].kind = Call::Kind::kChainId;
    group.calls[1].kind = Call::Kind::kHeaderLatest;
    group.calls[2].kind = Call::Kind::kHeaderFinalized;
    group.done = [this, provider, done = std::move(done)](GroupResult result) {
        Provider& asked = providers_[provider];
        asked.head_probe_out = false;
        if (!result.error) {
            const auto* chain_id = result.answers[0].get<uint64_t>();
            const auto* latest = result.answers[1].get<evm::Header>();
            if (chain_id != nullptr) {
                if (!chain_id_) {
                    chain_id_ = *chain_id;
                }
                if (!asked.on_chain_id(*chain_id, chain_id_)) {
                    log(LogLevel::kError, "provider " + asked.name() + " serves chain " +
                                              std::to_string(*chain_id) + ", not " +
                                              std::to_string(*chain_id_) + ": it is not asked");
                    result.error =
                        Error{ErrorCode::kIncompatible, asked.name() + " serves chain " +
                                                            std::to_string(*chain_id) + ", not " +
                                                            std::to_string(*chain_id_)};
                }
            }
            if (!result.error && (chain_id == nullptr || latest == nullptr)) {
                const auto* refused = result.answers[chain_id == nullptr ? 0 : 1].get<RpcError>();
                result.error = Error{ErrorCode::kUnavailable,
                                     asked.name() + ": " +
                                         (refused != nullptr ? error_text(*refused, 200)
                                                             : "no chain id or no head")};
                fail_provider(provider, result.error->message);
            }
            if (!result.error) {
                asked.on_head(latest->block_num);
            }
        }
        done(std::move(result));
    };
    send(std::move(group));
}

}  // namespace plumbline::rpc
