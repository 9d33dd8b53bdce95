#include "rpc/pending_group.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace plumbline::rpc {

namespace {

/// Logs by range and of a block are one method.
Call::Kind main_kind_of(const std::vector<Call>& calls) {
    return std::ranges::any_of(calls, is_log_call) ? Call::Kind::kLogs : calls.front().kind;
}

}  // namespace

Call::Kind InFlightRequest::main_kind() const {
    return main_kind_of(calls);
}

/// A range is about its logs, also before its calls are written.
Call::Kind PendingGroup::main_kind() const {
    return group.filter != nullptr && calls.is_untouched() ? Call::Kind::kLogs
                                                           : main_kind_of(group.calls);
}

ProviderRules PendingGroup::rules() const {
    ProviderRules out;
    out.only = group.only;
    out.never = group.never;
    out.avoid = group.avoid;
    out.passed_over = failed | said_null;
    for (const auto& [provider, requests] : overdue) {
        out.passed_over.insert(provider);
    }
    out.sticky = sticky;
    out.is_head_probe = group.kind() == CallGroup::Kind::kHeadProbe;
    return out;
}

void PendingGroup::prepare(size_t provider) {
    if (group.prepare && calls.is_untouched()) {
        group.prepare(provider, group);
        calls = CallLedger{group.calls.size()};
    }
}

void PendingGroup::settle(size_t call, Answer answer) {
    // Another call of the same response may have put this one back: then it is asked again.
    if (!is_finished && calls.is_out(call)) {
        calls.settle(call, std::move(answer));
    }
}

void PendingGroup::ask_again(size_t provider, size_t call, AskAgain again) {
    const bool is_range = group.kind() == CallGroup::Kind::kRange;
    if (is_finished || (!is_range && !calls.is_out(call))) {
        return;
    }
    reasons[provider] = std::move(again.reason);
    last_code = again.code;
    if (again.blame == Blame::kProvider) {
        failed.insert(provider);
    }
    if (again.fallback) {
        calls.keep_fallback(call, *std::move(again.fallback));
    }
    if (!is_range) {
        calls.put_back(call);
        return;
    }
    // What this backend answered to the other calls must not meet what another says.
    PLUMBLINE_CHECK_MSG(requests_out == 0, "one backend has two requests at once");
    sticky.reset();
    answering_ms = 0;
    calls.restart();
}

void PendingGroup::ask_others(size_t provider, size_t call) {
    if (!is_finished && calls.is_out(call)) {
        said_null.insert(provider);
        calls.keep_fallback(call, Answer{Answer::Null{}});
        calls.put_back(call);
    }
}

void PendingGroup::give_up(size_t provider, const std::vector<size_t>& late) {
    PLUMBLINE_CHECK(requests_out > 0);
    --requests_out;
    ++overdue_out;
    ++overdue[provider];
    if (group.kind() == CallGroup::Kind::kRange) {
        sticky.reset();
        answering_ms = 0;
        calls.restart();
        return;
    }
    for (const size_t call : late) {
        if (calls.is_out(call)) {
            calls.put_back(call);
        }
    }
}

void PendingGroup::take_back_overdue(size_t provider) {
    PLUMBLINE_CHECK(overdue_out > 0);
    --overdue_out;
    if (const auto at = overdue.find(provider); at != overdue.end() && --at->second == 0) {
        overdue.erase(at);
    }
}

bool PendingGroup::settle_late(size_t provider, size_t call, Answer answer) {
    if (is_finished || group.kind() == CallGroup::Kind::kRange ||
        !calls.settle_late(call, std::move(answer))) {
        return false;
    }
    last_provider = provider;
    return true;
}

void PendingGroup::take_late(size_t provider, size_t call, CallFate fate) {
    if (is_finished) {
        return;
    }
    failed.insert(provider);
    const bool is_range = group.kind() == CallGroup::Kind::kRange;
    if (auto* again = std::get_if<AskAgain>(&fate)) {
        reasons[provider] = std::move(again->reason);
        if (again->fallback && !is_range) {
            calls.keep_fallback(call, *std::move(again->fallback));
        }
    } else if (std::holds_alternative<AskOthers>(fate) && !is_range) {
        calls.keep_fallback(call, Answer{Answer::Null{}});
    } else if (auto* settled = std::get_if<Settle>(&fate); settled != nullptr && !is_range) {
        calls.keep_fallback(call, std::move(settled->answer));
    }
}

void PendingGroup::on_progress(int64_t at_least_until_ms) {
    rounds_done = 0;
    rate_limits = 0;
    at_first_limit.reset();
    deadline_ms = std::max(deadline_ms, at_least_until_ms);
}

void PendingGroup::start_round(int64_t at_ms) {
    ++rounds_done;
    failed.clear();
    said_null.clear();
    wait_until(at_ms);
}

void PendingGroup::wait_until(int64_t at_ms) {
    sticky.reset();
    not_before_ms = at_ms;
}

GroupResult PendingGroup::finish(GroupResult result) {
    PLUMBLINE_CHECK_MSG(!is_finished, "a group ends twice");
    is_finished = true;
    result.provider = last_provider;
    result.received_bytes = traffic.received;
    result.traffic = traffic;
    result.answering_ms = answering_ms;
    return result;
}

}  // namespace plumbline::rpc
