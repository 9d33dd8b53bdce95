// The probes of providers: chain id, head and finalized head, and what they mean for the provider.
#include <utility>

#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

void Dispatcher::refresh_head(size_t provider) {
    if (!heads_.is_probing(provider)) {
        probe_head(provider, [](const GroupResult&) {});
    }
}

void Dispatcher::probe_head(size_t provider, std::function<void(GroupResult)> done,
                            std::shared_ptr<WaitTicket> ticket) {
    CallGroup group = heads_.start(provider, options_.head_timeout_ms);
    group.ticket = std::move(ticket);
    group.done = [this, provider, done = std::move(done)](GroupResult result) {
        take_head(provider, result);
        done(std::move(result));
    };
    send(std::move(group));
}

/// An answer that tells no head of our chain becomes an error.
void Dispatcher::take_head(size_t provider, GroupResult& result) {
    Provider& asked = providers_[provider];
    const HeadReport report = heads_.finish(provider, result);
    if (report.chain_id) {
        asked.on_chain_id(*report.chain_id);
    }
    switch (report.fault) {
        case HeadReport::Fault::kNone:
            asked.on_probe_answered(*report.head);
            tell_if_back(provider);
            break;
        case HeadReport::Fault::kNoAnswer:
            // Where its failures opened the breaker again, that says when to ask.
            if ((asked.is_usable() || asked.wants_probe()) &&
                result.error->code != ErrorCode::kRateLimited) {
                asked.on_probe_failed();
                if (!asked.has_error_text()) {
                    asked.on_error_text(result.error->message);
                }
                tell_if_down(provider, result.error->message);
            }
            break;
        case HeadReport::Fault::kOtherChain:
            result.error = Error{ErrorCode::kIncompatible, asked.name() + " " + report.reason};
            take_other_chain(provider, report.reason);
            break;
        case HeadReport::Fault::kIncomplete:
            result.error = Error{ErrorCode::kUnavailable, asked.name() + ": " + report.reason};
            asked.on_probe_failed();
            asked.on_error_text(report.reason);
            tell_if_down(provider, report.reason);
            break;
    }
}

void Dispatcher::take_vain_head(size_t provider, uint64_t block_num, const std::string& reason) {
    Provider& asked = providers_[provider];
    asked.on_vain_head(block_num);
    asked.on_error_text(reason);
    if (heads_.on_vain_head(provider)) {
        tell(LogLevel::kWarning, asked,
             reason + ": the chain's head is what others tell, if any does");
    }
}

/// Told when it happens first, and when it is believed.
void Dispatcher::take_other_chain(size_t provider, const std::string& reason) {
    Provider& asked = providers_[provider];
    const bool was_foreign = asked.is_foreign();
    asked.on_other_chain();
    asked.on_error_text(reason);
    if (asked.is_foreign() && !was_foreign) {
        tell(LogLevel::kError, asked,
             reason + ": it is asked for nothing else until it tells another one");
    } else if (asked.chain_strikes() == 1) {
        tell(LogLevel::kWarning, asked, reason + ": its chain id is asked again");
    }
    static_cast<void>(asked.take_down_notice());
}

void Dispatcher::tell_if_down(size_t provider, const std::string& reason) {
    if (providers_[provider].take_down_notice()) {
        tell(LogLevel::kWarning, providers_[provider], "is not asked for a while: " + reason);
    }
}

void Dispatcher::tell_if_back(size_t provider) {
    if (providers_[provider].is_up() && providers_[provider].take_back_notice()) {
        tell(LogLevel::kInfo, providers_[provider], "is back");
    }
}

}  // namespace plumbline::rpc
