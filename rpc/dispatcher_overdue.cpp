// Requests that are out for longer than their provider's answers take (slow_methods.hpp): what they
// ask is asked of another one as well; one of a contract's state that names its provider ends, for
// whoever names it. It is not known whether an answer will come; the first that does counts.
#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// It has been out for longer than answers of that provider take, and somebody else who may be
/// asked is idle.
bool Dispatcher::is_overdue(const InFlightRequest& request) {
    const auto found = groups_.find(request.group);
    if (found == groups_.end() || request.is_overdue) {
        return false;
    }
    const PendingGroup& active = found->second;
    const Call::Kind kind = request.main_kind();
    const bool may_end = is_state_call(request.calls.front());
    if (active.is_finished || (active.group.only && !may_end) ||
        now() < request.sent_ms + providers_[request.provider].slow().of(kind).patience_ms()) {
        return false;
    }
    ProviderRules rules = active.rules();
    rules.passed_over = active.group.only ? ProviderSet{} : rules.passed_over;
    const std::span<const ProviderState> states =
        look_at_providers(active.group.block_needed, &active.group);
    for (size_t i = 0; i < providers_.size(); ++i) {
        if (i != request.provider && !rules.never.contains(i) && !rules.passed_over.contains(i) &&
            states[i].is_usable && states[i].is_chain_known && states[i].is_free &&
            states[i].has_block() && !providers_[i].slow().of(kind).is_last(now())) {
            return true;
        }
    }
    return false;
}

void Dispatcher::give_up_overdue() {
    for (auto& [id, request] : in_flight_) {
        if (!is_overdue(request)) {
            continue;
        }
        PendingGroup& active = groups_.at(request.group);
        const Call::Kind kind = request.main_kind();
        Provider& provider = providers_[request.provider];
        provider.slow().of(kind).on_overdue(request.sent_ms, now());
        provider.on_refused_method(method_name(kind), "no answer yet");
        if (active.group.only) {
            // Whoever names it can ask the other one.
            end_with_error(
                active, ErrorCode::kUnavailable,
                provider.name() + ": no answer to " + std::string{method_name(kind)} + " in time");
            continue;
        }
        request.is_overdue = true;
        active.give_up(request.provider, request.indices);
    }
}

}  // namespace plumbline::rpc
