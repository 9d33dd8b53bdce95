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

namespace plumbline::rpc {

namespace {

/// Rate limits met by a group before it gives up, for each of its rounds.
constexpr uint32_t kRateLimitsPerRound = 8;

}  // namespace

void Dispatcher::receive(HttpCompletion& completion) {
    auto node = in_flight_.extract(completion.id);
    PLUMBLINE_CHECK_MSG(!node.empty(), "the transport completed a request twice or one never made");
    const InFlightRequest request = std::move(node.mapped());
    const auto found = groups_.find(request.group);
    PLUMBLINE_CHECK_MSG(found != groups_.end(), "a group went before its requests came back");
    PendingGroup& active = found->second;
    PLUMBLINE_CHECK(active.requests_out > 0);
    --active.requests_out;
    active.last_provider = request.provider;
    active.traffic.received += completion.body.size();
    providers_[request.provider].on_done(completion.body.size());
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
        {request.calls.front(), active.group, request.calls.size(), active.rounds_done},
        std::ranges::any_of(request.calls, is_log_call), completion.error, reason);
    provider.on_transport_error();
    if (verdict.provider.is_ill) {
        fail_provider(request.provider, reason);
    } else {
        provider.on_success(now() - request.sent_ms);
    }
    if (verdict.provider.batch_limit) {
        provider.on_batch_too_large(request.calls.size(), verdict.provider.batch_limit->told);
    }
    for (const size_t call : request.indices) {
        decide(active, request.provider, call, verdict.call);
    }
}

void Dispatcher::receive_response(PendingGroup& active, const InFlightRequest& request,
                                  HttpCompletion& completion) {
    ResponseHealth health;
    health.retry_after_ms = completion.retry_after_ms;
    if (completion.status < 200 || completion.status >= 300) {
        receive_http_error(active, request, completion, health);
    } else if (auto answers = reader_.read(completion.body, request.calls, request.first_id)) {
        receive_answers(active, request, *std::move(answers), completion.status, health);
    } else {
        providers_[request.provider].on_malformed();
        health.is_ill = true;
        health.reason = "unreadable answer (" + answers.error().message + ")";
        for (const size_t call : request.indices) {
            decide(active, request.provider, call,
                   AskAgain{health.reason, ErrorCode::kDecode, Blame::kProvider, {}});
        }
    }
    take_health(request, health);
}

/// The whole response is one error, whatever was asked.
void Dispatcher::receive_http_error(PendingGroup& active, const InFlightRequest& request,
                                    HttpCompletion& completion, ResponseHealth& health) {
    std::optional<RpcError> error = reader_.read_error(completion.body);
    if (!error) {
        error.emplace();
        error->message = as_chars(completion.body).substr(0, kShownTextMax);
    }
    if (completion.status == 429) {
        health.is_limited = true;
    }
    for (size_t i = 0; i < request.calls.size() && !active.is_finished; ++i) {
        const AskedCall asked{request.calls[i], active.group, request.calls.size(),
                              active.rounds_done};
        apply(active, request, i, judge_error(asked, *error, completion.status), health);
    }
}

void Dispatcher::receive_answers(PendingGroup& active, const InFlightRequest& request,
                                 std::vector<Answer> answers, int http_status,
                                 ResponseHealth& health) {
    bool is_progress = false;
    for (size_t i = 0; i < request.calls.size() && !active.is_finished; ++i) {
        const AskedCall asked{request.calls[i], active.group, request.calls.size(),
                              active.rounds_done};
        if (auto verdict = judge_answer(asked, answers[i], http_status)) {
            apply(active, request, i, *std::move(verdict), health);
        } else {
            active.settle(request.indices[i], std::move(answers[i]));
            is_progress = true;
        }
    }
    // A range is answered as a whole, which its asker sees; the others call by call.
    if (is_progress && active.group.ticket != nullptr &&
        active.group.kind() != CallGroup::Kind::kRange) {
        active.group.ticket->on_progress(now());
    }
}

void Dispatcher::apply(PendingGroup& active, const InFlightRequest& request, size_t position,
                       CallVerdict verdict, ResponseHealth& health) {
    take_news(request, verdict.provider, health);
    if (const auto* again = std::get_if<AskAgain>(&verdict.call);
        again != nullptr && (verdict.provider.is_ill || verdict.provider.is_limited)) {
        health.reason = again->reason;
    }
    if (verdict.unclear) {
        active.unclear = std::move(verdict.unclear);
    }
    decide(active, request.provider, request.indices[position], std::move(verdict.call));
    // Once a response.
    if (position == 0 && verdict.provider.is_limited) {
        count_rate_limit(active);
    }
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
        provider.on_batch_too_large(request.calls.size(), news.batch_limit->told);
    }
    if (news.lacks_block) {
        provider.on_behind(*news.lacks_block);
    }
    if (news.billing) {
        provider.on_error_text(*news.billing);
    }
    if (news.billing && provider.on_billing()) {
        log(LogLevel::kError, "provider " + provider.name() +
                                  " wants the account looked after, and is left alone for " +
                                  std::to_string(options_.billing_park_ms / 60'000) +
                                  " min: " + *news.billing);
    }
}

void Dispatcher::decide(PendingGroup& active, size_t provider, size_t call, CallFate fate) {
    WaitTicket* const ticket = active.group.ticket.get();
    if (auto* done = std::get_if<Settle>(&fate)) {
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

void Dispatcher::count_rate_limit(PendingGroup& active) {
    if (++active.rate_limits >= kRateLimitsPerRound * options_.attempts_max) {
        end_with_error(active, ErrorCode::kRateLimited,
                       "providers keep limiting the rate" + describe(active));
    }
}

void Dispatcher::take_health(const InFlightRequest& request, const ResponseHealth& health) {
    Provider& provider = providers_[request.provider];
    if (health.is_limited) {
        provider.on_rate_limit(health.retry_after_ms);
        provider.on_error_text(health.reason);
    } else if (health.is_ill) {
        fail_provider(request.provider,
                      health.reason.empty() ? "it answers with errors" : health.reason);
    } else {
        provider.on_success(now() - request.sent_ms);
        if (provider.take_back_notice()) {
            log(LogLevel::kInfo, "provider " + provider.name() + " is back");
        }
    }
}

void Dispatcher::fail_provider(size_t provider, const std::string& reason) {
    providers_[provider].on_failure();
    providers_[provider].on_error_text(reason);
    if (providers_[provider].take_down_notice()) {
        log(LogLevel::kWarning,
            "provider " + providers_[provider].name() + " is not asked for a while: " + reason);
    }
}

/// An answer that tells no head of our chain becomes an error.
void Dispatcher::take_head(size_t provider, GroupResult& result) {
    Provider& asked = providers_[provider];
    const HeadReport report = heads_.finish(provider, result);
    if (report.chain_id) {
        asked.on_chain_id(*report.chain_id, chain_id());
    }
    switch (report.fault) {
        case HeadReport::Fault::kNone: asked.on_head(*report.head); break;
        case HeadReport::Fault::kNoAnswer: break;
        case HeadReport::Fault::kOtherChain:
            log(LogLevel::kError,
                "provider " + asked.name() + " " + report.reason + ": it is not asked");
            result.error = Error{ErrorCode::kIncompatible, asked.name() + " " + report.reason};
            break;
        case HeadReport::Fault::kIncomplete:
            result.error = Error{ErrorCode::kUnavailable, asked.name() + ": " + report.reason};
            fail_provider(provider, result.error->message);
            break;
    }
}

}  // namespace plumbline::rpc
