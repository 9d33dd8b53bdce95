// What happens to a response: answer_intake.hpp and head_watch.hpp judge it, and here the verdicts
// are carried to the call, the group and the provider they are about.
//
// A response counts once for its provider's health, whatever its calls say: a batch of fifty
// refusals is one rate limit. So that is gathered over its calls (`ResponseHealth`) and applied
// last.
#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/error_text.hpp"
#include "rpc/foreign_text.hpp"

namespace plumbline::rpc {

namespace {

/// Rate limits met by a group before it gives up, for each of its rounds.
constexpr uint32_t kRateLimitsPerRound = 8;
/// And before it is asked whether others are limited as well.
constexpr uint32_t kRateLimitsUntilDoubt = 3;
/// Of a time that a provider names, so much is for no deadline.
constexpr int64_t kToldWaitMsMax = 60'000;

/// Refused for something else than its rate or what a smaller question cures. Of headers a block
/// that is not there is no more than that.
bool is_vain(RefusalClass kind, const Call& call, size_t batch_size) {
    const bool can_be_less = call.kind == Call::Kind::kLogs && call.range.size() > 1;
    switch (kind) {
        case RefusalClass::kRateLimit: return false;
        case RefusalClass::kBatchTooLarge: return batch_size == 1 && !is_log_call(call);
        // Receipts are to be had one by one then.
        case RefusalClass::kUnsupported: return call.kind != Call::Kind::kReceipts;
        case RefusalClass::kHeadRace:
        case RefusalClass::kMissingData: return family_of(call.kind) == CallFamily::kBlockData;
        case RefusalClass::kTimeout:
        case RefusalClass::kTooManyBlocks:
        case RefusalClass::kTooManyResults:
        case RefusalClass::kTooManyAddresses:
        case RefusalClass::kResponseTooLarge: return !can_be_less;
        default: return true;
    }
}

/// Null unless it settles a call as refused.
const std::string* why_not_run(const CallFate& fate) {
    const auto* done = std::get_if<Settle>(&fate);
    const auto* result = done == nullptr ? nullptr : done->answer.get<CallResult>();
    return result != nullptr && result->kind == CallResult::Kind::kRefused ? &result->why : nullptr;
}

}  // namespace

void Dispatcher::receive(HttpCompletion& completion) {
    auto node = in_flight_.extract(completion.id);
    PLUMBLINE_CHECK_MSG(!node.empty(), "the transport completed a request twice or one never made");
    const InFlightRequest request = std::move(node.mapped());
    const auto found = groups_.find(request.group);
    PLUMBLINE_CHECK_MSG(found != groups_.end(), "a group went before its requests came back");
    PendingGroup& active = found->second;
    if (request.is_overdue) {
        active.take_back_overdue(request.provider);
    } else {
        PLUMBLINE_CHECK(active.requests_out > 0);
        active.last_provider = request.provider;
        if (--active.requests_out == 0) {
            active.idle_since_ms = now();
        }
    }
    if (active.group.ticket != nullptr) {
        active.group.ticket->on_back(providers_[request.provider].name());
    }
    active.traffic.received += completion.body.size();
    providers_[request.provider].on_done(completion.body.size());
    redact(providers_[request.provider].redactor(), completion);
    if (completion.error != TransportError::kNone) {
        receive_failure(active, request, completion);
    } else {
        receive_response(active, request, completion);
    }
    finish_if_settled(active);
}

void Dispatcher::receive_failure(PendingGroup& active, const InFlightRequest& request,
                                 const HttpCompletion& completion) {
    Provider& provider = providers_[request.provider];
    const std::string reason =
        completion.error == TransportError::kTimeout ? "no answer in time" : completion.error_text;
    const CallVerdict verdict = judge_transport_error(
        as_asked(active, request, 0), std::ranges::any_of(request.calls, is_log_call),
        completion.error, reason);
    provider.on_transport_error();
    if (completion.error == TransportError::kTimeout) {
        provider.slow().of(request.main_kind()).on_timeout(request.sent_ms, now());
        provider.on_refused_method(method_name(request.main_kind()), reason);
        const auto logs = std::ranges::find(request.calls, Call::Kind::kLogs, &Call::kind);
        if (request.is_overdue && logs != request.calls.end()) {
            // Who asked has gone on with another one: that it may have been too much is learnt
            // here.
            provider.ranges(*logs->filter).on_too_dense(logs->range.size());
        }
    }
    take_brakes(request, {});
    // Some cut the connection of a batch that is too large for them, so that says nothing of their
    // health; batches get smaller then, down to a call that goes alone.
    const bool is_cut_batch = completion.error == TransportError::kCut && request.calls.size() > 1;
    if (is_cut_batch) {
        provider.batches().on_vain_batch(request.calls.size(), request.sent_ms, now());
    } else if (verdict.provider.is_ill) {
        fail_provider(request, reason);
    } else {
        provider.on_success(request.main_kind(), now() - request.sent_ms);
    }
    if (verdict.provider.batch_limit) {
        provider.batches().on_too_large(request.calls.size(), verdict.provider.batch_limit->told);
    }
    if (verdict.provider.runs_no_call) {
        provider.slow().of(request.main_kind()).on_refused(now());
    }
    for (const size_t call : request.indices) {
        decide(active, request, call, verdict.call);
    }
}

/// Of those that the group may ask, one was not asked in this round and can be.
bool Dispatcher::has_others(const PendingGroup& active, size_t provider) const {
    const ProviderRules rules = active.rules();
    for (size_t i = 0; i < providers_.size(); ++i) {
        const ProviderState state = providers_[i].state(active.group.block_needed);
        if (i != provider && (!rules.only || *rules.only == i) && !rules.never.contains(i) &&
            !rules.passed_over.contains(i) && state.is_usable && !state.is_foreign &&
            state.head != ProviderState::Head::kBehind) {
            return true;
        }
    }
    return false;
}

AskedCall Dispatcher::as_asked(const PendingGroup& active, const InFlightRequest& request,
                               size_t position) const {
    AskedCall asked{request.calls[position], active.group, request.calls.size(),
                    active.rounds_done};
    asked.head = providers_[request.provider].head();
    asked.has_others = is_state_call(asked.call) && has_others(active, request.provider);
    if (active.rate_limits >= kRateLimitsUntilDoubt && active.at_first_limit &&
        active.at_first_limit->provider == request.provider) {
        const Provider& provider = providers_[request.provider];
        const bool is_alone = provider.answered_log_calls() == active.at_first_limit->log_calls &&
                              provider.answered_others() > active.at_first_limit->others;
        asked.limited_alone_ms =
            is_alone ? std::max<int64_t>(1, now() - active.at_first_limit->at_ms) : 0;
    }
    return asked;
}

void Dispatcher::receive_response(PendingGroup& active, const InFlightRequest& request,
                                  HttpCompletion& completion) {
    ResponseHealth health;
    providers_[request.provider].on_response();
    health.retry_after_ms = completion.retry_after_ms;
    health.is_limited = completion.status == 429;
    read_answers(active, request, completion, health);
    take_brakes(request, health);
    take_health(request, health);
}

/// A body of answers is read as such whatever its status: each call has its own. What answers none
/// of them is one error of the whole.
void Dispatcher::read_answers(PendingGroup& active, const InFlightRequest& request,
                              HttpCompletion& completion, ResponseHealth& health) {
    const bool is_success = completion.status >= 200 && completion.status < 300;
    const Redactor& redactor = providers_[request.provider].redactor();
    auto answers = reader_.read(completion.body, request.calls, request.first_id);
    if (answers) {
        redact(redactor, *answers);
    }
    if (answers && (is_success || std::ranges::any_of(*answers, [](const Answer& answer) {
                        return answer.get<Answer::Malformed>() == nullptr;
                    }))) {
        for (Answer& answer : *answers) {
            if (auto* error = answer.get<RpcError>()) {
                error->http_status = completion.status;
            }
        }
        receive_answers(active, request, *std::move(answers), completion.status, health);
        return;
    }
    if (!is_success) {
        receive_http_error(active, request, completion, health);
        return;
    }
    if (says_plainly(redacted_body(redactor, completion.body))) {
        receive_http_error(active, request, completion, health);
        return;
    }
    Provider& provider = providers_[request.provider];
    provider.on_malformed();
    const std::string odd = odd_answer_text(completion.status, completion.redirect,
                                            redacted_body(redactor, completion.body));
    health.reason =
        odd.empty() ? redactor.redact("unreadable answer (" + answers.error().message + ")") : odd;
    AskAgain again{health.reason, ErrorCode::kDecode, Blame::kProvider, {}};
    if (request.calls.size() == 1) {
        provider.batches().on_single_refused();
        health.is_ill = true;
    } else if (odd.empty() && provider.batches().on_doubtful_batch(now())) {
        again.blame = Blame::kNone;
    } else {
        health.is_ill = true;
    }
    for (const size_t call : request.indices) {
        decide(active, request, call, again);
    }
}

/// The whole response is one error, whatever was asked.
void Dispatcher::receive_http_error(PendingGroup& active, const InFlightRequest& request,
                                    HttpCompletion& completion, ResponseHealth& health) {
    std::optional<RpcError> error = reader_.read_error(completion.body);
    const Redactor& redactor = providers_[request.provider].redactor();
    if (error) {
        redact(redactor, *error);
    } else {
        const std::string body = redacted_body(redactor, completion.body);
        const std::string odd = odd_answer_text(completion.status, completion.redirect, body);
        error.emplace();
        error->message = odd.empty() ? body_text(body) : odd;
        error->is_of_whole = true;
    }
    error->http_status = completion.status;
    receive_answers(active, request,
                    std::vector<Answer>(request.calls.size(), Answer{*std::move(error)}),
                    completion.status, health);
}

/// True: its calls are asked again one by one.
bool Dispatcher::take_batch_doubt(PendingGroup& active, const InFlightRequest& request,
                                  const std::vector<Answer>& answers, int http_status) {
    const auto reason = answers.size() > 1
                            ? find_batch_doubt(answers, http_status,
                                               std::ranges::all_of(request.calls, is_state_call))
                            : std::nullopt;
    if (!reason || !providers_[request.provider].batches().on_doubtful_batch(now())) {
        return false;
    }
    providers_[request.provider].on_malformed();
    for (const size_t call : request.indices) {
        decide(active, request, call, AskAgain{*reason, ErrorCode::kUnavailable, Blame::kNone, {}});
    }
    return true;
}

void Dispatcher::learn_of_batches(const InFlightRequest& request,
                                  const std::vector<Answer>& answers, int http_status) {
    Provider& provider = providers_[request.provider];
    const Answer& first = answers.front();
    const auto* error = first.get<RpcError>();
    const bool is_answered = error == nullptr && first.get<Answer::Malformed>() == nullptr;
    if (answers.size() > 1) {
        return;
    }
    if (is_answered && provider.batches().on_single_answered(now())) {
        tell(LogLevel::kInfo, provider, "answers calls but no batches of them: they go one by one");
    } else if (error != nullptr && is_general_refusal(*error, http_status)) {
        provider.batches().on_single_refused();
    }
}

void Dispatcher::receive_answers(PendingGroup& active, const InFlightRequest& request,
                                 std::vector<Answer> answers, int http_status,
                                 ResponseHealth& health) {
    if (take_batch_doubt(active, request, answers, http_status)) {
        for (const Call& call : request.calls) {
            --health.answered[static_cast<size_t>(family_of(call.kind))];
        }
        return;
    }
    learn_of_batches(request, answers, http_status);
    active.answering_ms += request.is_overdue ? 0 : now() - request.sent_ms;
    bool is_progress = false;
    bool is_main_answered = false;
    const std::optional<int64_t> told_wait_ms = health.retry_after_ms;
    health.is_limited = health.is_limited && !is_of_method(answers.front(), http_status);
    for (size_t i = 0; i < request.calls.size() && !active.is_finished; ++i) {
        AskedCall asked = as_asked(active, request, i);
        asked.retry_after_ms = told_wait_ms;
        asked.gives_no_logs = providers_[request.provider].without_logs().is_known();
        if (const auto* error = answers[i].get<RpcError>();
            error != nullptr && asked.call.kind == Call::Kind::kHeaderByNum &&
            providers_[request.provider].gap_words().matches(*error)) {
            answers[i].value = Answer::Null{};  // It says no more than that.
        }
        auto verdict = judge_answer(asked, answers[i], http_status);
        if (!verdict) {
            verdict = judge_header(asked, request.provider, answers[i]);
        }
        if (verdict) {
            apply(active, request, i, *std::move(verdict), health);
        } else {
            ++health.answered[static_cast<size_t>(family_of(request.calls[i].kind))];
            providers_[request.provider].on_answered(is_log_call(request.calls[i]));
            providers_[request.provider].on_answered_method(method_name(request.calls[i].kind));
            take_answered_block(providers_[request.provider], request.calls[i]);
            is_main_answered = is_main_answered || request.calls[i].kind == request.main_kind();
            name_teller(answers[i], request.provider);
            if (request.is_overdue) {
                is_progress = active.settle_late(request.provider, request.indices[i],
                                                 std::move(answers[i])) ||
                              is_progress;
            } else {
                active.settle(request.indices[i], std::move(answers[i]));
                is_progress = true;
            }
        }
    }
    if (is_main_answered) {
        providers_[request.provider]
            .slow()
            .of(request.main_kind())
            .on_answered(now() - request.sent_ms, now());
    }
    if (is_progress && !health.is_limited && !health.is_ill) {
        providers_[request.provider].batches().on_batch_answered(request.calls.size(), now());
    }
    // A range is answered as a whole, which its asker sees; the others call by call, and what was
    // answered stays: they may take as long as their calls do at the rate that is left.
    if (is_progress && !active.is_finished && active.group.kind() != CallGroup::Kind::kRange) {
        active.on_progress(now() + options_.deadline_ms);
        if (active.group.ticket != nullptr) {
            active.group.ticket->on_progress(now());
        }
    }
    if (health.is_limited) {
        health.is_batch_limited = health.is_batch_limited || !is_progress;
        if (!request.is_overdue) {
            count_rate_limit(active, request.provider);
        }
        put_deadlines_off(health.retry_after_ms);
    }
}

void Dispatcher::apply(PendingGroup& active, const InFlightRequest& request, size_t position,
                       CallVerdict verdict, ResponseHealth& health) {
    take_news(request, verdict.provider, health);
    if (const auto kind = verdict.provider.refusal;
        kind && is_vain(*kind, request.calls[position], request.calls.size())) {
        --health.answered[static_cast<size_t>(family_of(request.calls[position].kind))];
    }
    const auto* again = std::get_if<AskAgain>(&verdict.call);
    const auto* end = std::get_if<EndGroup>(&verdict.call);
    if (again != nullptr || end != nullptr) {
        const std::string& text = again != nullptr ? again->reason : end->reason;
        Provider& provider = providers_[request.provider];
        const Call& call = request.calls[position];
        provider.on_refused_method(method_name(call.kind), text);
        take_refused_blocks(provider, verdict.provider, text);
        if (const auto kind = verdict.provider.refusal) {
            take_vain_logs(provider, call, *kind, text);
        }
    }
    if (const std::string* why = why_not_run(verdict.call); why != nullptr) {
        // An answer to who asks; what is in the way all the same, should it end there.
        providers_[request.provider].on_refused_method(method_name(request.calls[position].kind),
                                                       *why);
    }
    health.is_batch_limited = health.is_batch_limited || (verdict.provider.is_limited &&
                                                          !is_log_call(request.calls[position]));
    if (again != nullptr && (verdict.provider.is_ill || verdict.provider.is_limited)) {
        health.reason = again->reason;
    }
    if (verdict.unclear && !request.is_overdue) {
        active.unclear = std::move(verdict.unclear);
    }
    decide(active, request, request.indices[position], std::move(verdict.call));
}

void Dispatcher::take_news(const InFlightRequest& request, const ProviderNews& news,
                           ResponseHealth& health) {
    Provider& provider = providers_[request.provider];
    health.is_ill = health.is_ill || news.is_ill;
    health.is_limited = health.is_limited || news.is_limited;
    if (news.retry_after_ms) {
        health.retry_after_ms = std::max(health.retry_after_ms.value_or(0), *news.retry_after_ms);
    }
    if (news.refusal) {
        provider.on_refusal(*news.refusal);
    }
    if (news.is_malformed) {
        provider.on_malformed();
    }
    if (news.batch_limit) {
        provider.batches().on_too_large(request.calls.size(), news.batch_limit->told);
    }
    if (news.lacks_block) {
        provider.on_behind(*news.lacks_block);
    }
    if (news.runs_no_call) {
        provider.slow().of(request.main_kind()).on_refused(now());
    }
    if (news.mixes_batches && provider.batches().on_mixed()) {
        tell(LogLevel::kError, provider,
             "gives answers of a batch to the wrong calls: from now on its "
             "calls go one by one, and what it told before is worth a "
             "\"verify --proof calls\"");
    }
    if (news.billing) {
        health.is_refused = true;
        take_billing(request, *news.billing);
    }
}

void Dispatcher::take_billing(const InFlightRequest& request, const std::string& text) {
    Provider& provider = providers_[request.provider];
    provider.on_error_text(text);
    const auto group = groups_.find(request.group);
    const bool is_probe =
        group != groups_.end() && group->second.group.kind() == CallGroup::Kind::kHeadProbe;
    if (!is_probe) {
        provider.on_billing_doubt();
    } else if (provider.on_billing()) {
        tell(LogLevel::kError, provider,
             "refuses this key, token or plan, and is asked again in " +
                 std::to_string(options_.billing_park_ms / 60'000) +
                 " min, or in one where nobody else can be asked; look at the account there, or "
                 "give another endpoint: " +
                 text);
    }
}

/// It works, and does not have all: others are asked for that, or receipts in place of logs.
void Dispatcher::take_refused_blocks(Provider& provider, const ProviderNews& news,
                                     const std::string& text) {
    std::string what;
    if (const auto& refused = news.has_pruned;
        refused && provider.pruned().on_refused(refused->block_num, refused->first_kept, now())) {
        what = "does not have old blocks such as " + std::to_string(refused->block_num) +
               ": others are asked for them first, an archive node has them: " + text;
    } else if (const auto& logs = news.gives_no_logs;
               logs && provider.without_logs().on_refused(logs->block_num, {}, now())) {
        what = "refuses eth_getLogs of single blocks, such as " + std::to_string(logs->block_num) +
               ": where nobody else gives them they are read from the receipts of each block, "
               "which takes far more requests: " +
               text;
    }
    if (!what.empty()) {
        provider.on_refused_blocks(what);
        tell(LogLevel::kWarning, provider, what);
    }
}

/// Others are asked for such logs then.
void Dispatcher::take_vain_logs(Provider& provider, const Call& call, RefusalClass kind,
                                const std::string& text) {
    const bool names_no_way = kind == RefusalClass::kUnsupported ||
                              kind == RefusalClass::kUnknown || kind == RefusalClass::kBadRequest;
    if (is_log_call(call) && names_no_way && provider.vain_logs(*call.filter).on_refused(now()) &&
        providers_.size() > 1) {
        tell(LogLevel::kWarning, provider,
             "refuses eth_getLogs time after time: others are asked for them first, and it again "
             "after pauses that grow to an hour: " +
                 text);
    }
}

void Dispatcher::take_answered_block(Provider& provider, const Call& call) {
    if (is_log_call(call)) {
        provider.vain_logs(*call.filter).on_answered();
    }
    if (call.kind == Call::Kind::kHeaderByNum) {
        provider.pruned().on_answered(call.block_num);
        provider.on_shown(call.block_num);
    } else if (call.kind == Call::Kind::kLogs) {
        provider.pruned().on_answered(call.range.from);
        provider.without_logs().on_answered(call.range.from);
    }
}

/// Of what a contract said no hash tells whether it is true: who told it is kept with it.
void Dispatcher::name_teller(Answer& answer, size_t provider) const {
    if (auto* result = answer.get<CallResult>()) {
        result->provider = providers_[provider].name();
    }
}

void Dispatcher::decide(PendingGroup& active, const InFlightRequest& request, size_t call,
                        CallFate fate) {
    const size_t provider = request.provider;
    WaitTicket* const ticket = active.group.ticket.get();
    if (request.is_overdue) {
        if (auto* settled = std::get_if<Settle>(&fate)) {
            name_teller(settled->answer, provider);
        }
        active.take_late(provider, call, std::move(fate));
    } else if (auto* done = std::get_if<Settle>(&fate)) {
        name_teller(done->answer, provider);
        active.settle(call, std::move(done->answer));
    } else if (auto* again = std::get_if<AskAgain>(&fate)) {
        if (ticket != nullptr) {
            ticket->on_refused(providers_[provider].name(), again->reason);
        }
        active.ask_again(provider, call, std::move(*again));
    } else if (const auto* end = std::get_if<EndGroup>(&fate)) {
        if (ticket != nullptr) {
            ticket->on_refused(providers_[provider].name(), end->reason);
        }
        end_with_refusal(active, *end);
    } else {
        active.ask_others(provider, call);
    }
}

void Dispatcher::count_rate_limit(PendingGroup& active, size_t provider) {
    if (!active.at_first_limit) {
        active.at_first_limit =
            PendingGroup::Answered{provider, providers_[provider].answered_log_calls(),
                                   providers_[provider].answered_others(), now()};
    }
    if (++active.rate_limits >= kRateLimitsPerRound * options_.attempts_max) {
        end_with_error(active, ErrorCode::kRateLimited,
                       "providers keep limiting the rate" + describe(active));
    }
}

/// While a provider has told everybody to wait nobody makes progress, those that were not sent
/// neither. How often that may be, each group's limit of rate limits says.
void Dispatcher::put_deadlines_off(std::optional<int64_t> told_ms) {
    if (!told_ms || *told_ms <= 0) {
        return;
    }
    const int64_t least_ms = now() + std::min(*told_ms, kToldWaitMsMax) + options_.deadline_ms;
    for (auto& [id, group] : groups_) {
        group.deadline_ms = std::max(group.deadline_ms, least_ms);
    }
}

void Dispatcher::take_brakes(const InFlightRequest& request, const ResponseHealth& health) {
    for (const CallFamily family : families_of(request.calls)) {
        RefusalBrake& brake = providers_[request.provider].brake(family);
        const int64_t answered = health.answered[static_cast<size_t>(family)];
        if (answered > 0) {
            brake.on_answered(now());
        } else if (answered < 0) {
            brake.on_refused(request.sent_ms, now());
        } else {
            brake.on_back(now());
        }
    }
}

void Dispatcher::take_health(const InFlightRequest& request, const ResponseHealth& health) {
    Provider& provider = providers_[request.provider];
    if (health.is_refused) {
        return;  // HTTP 429 with a bill is no rate limit.
    }
    if (health.is_limited) {
        provider.on_rate_limit(health.retry_after_ms,
                               health.is_batch_limited ? request.calls.size() : 1, request.sent_ms,
                               std::ranges::any_of(request.calls, is_log_call));
        if (!health.reason.empty()) {
            provider.on_error_text(health.reason);
        }
    } else if (health.is_ill) {
        fail_provider(request, health.reason.empty() ? "it answers with errors" : health.reason,
                      health.retry_after_ms);
    } else {
        provider.on_success(request.main_kind(), now() - request.sent_ms);
        tell_if_back(request.provider);
    }
}

/// Where a probe has shown that all else works it is the method's illness, and not its own.
void Dispatcher::fail_provider(const InFlightRequest& request, const std::string& reason,
                               std::optional<int64_t> retry_after_ms) {
    Provider& provider = providers_[request.provider];
    if (provider.slow().is_ill(request.main_kind())) {
        return;
    }
    provider.on_failure(request.main_kind(), retry_after_ms);
    provider.on_error_text(reason);
    tell_if_down(request.provider, reason);
}

}  // namespace plumbline::rpc
