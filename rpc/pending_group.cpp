#include "rpc/pending_group.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace plumbline::rpc {

ProviderRules PendingGroup::rules() const {
    ProviderRules out;
    out.only = group.only;
    out.never = group.never;
    out.avoid = group.avoid;
    out.passed_over = failed | said_null;
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
    if (is_finished) {
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
    if (group.kind() != CallGroup::Kind::kRange) {
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
    if (!is_finished) {
        said_null.insert(provider);
        calls.keep_fallback(call, Answer{Answer::Null{}});
        calls.put_back(call);
    }
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
