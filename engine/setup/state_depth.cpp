#include "engine/setup/state_depth.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "engine/text/duration.hpp"
#include "rpc/call_refusal.hpp"

namespace plumbline::engine {

namespace {

using nlohmann::json;

constexpr size_t kCallNamesMax = 5;

class StateSearch {
  public:
    StateSearch(EndpointClient& client, uint64_t head) : client_{client}, head_{head} {}

    StateDepth run(uint64_t from) {
        from = std::min(from, head_);
        if (has_state(from)) {
            out_.since = from;
            out_.is_whole = true;
            return out_;
        }
        if (from == head_ || !has_state(head_)) {
            return out_;
        }
        uint64_t without = from;
        uint64_t with = head_;
        while (with - without > 1 && out_.asked < kStateQuestionsMax && !client_.has_given_up()) {
            const uint64_t middle = without + (with - without) / 2;
            (has_state(middle) ? with : without) = middle;
        }
        out_.since = with;
        return out_;
    }

  private:
    bool has_state(uint64_t block) {
        for (int look = 0; look < 2 && out_.asked < kStateQuestionsMax; ++look) {
            ++out_.asked;
            // A balance is one of the state whether anybody is there or not.
            const Reply reply = client_.ask("eth_getBalance",
                                            json::array({rpc::kNowhere, evm::to_quantity(block)}));
            if (reply.result && reply.result->is_string()) {
                return true;
            }
            out_.why = reply.error;
            if (rpc::classify_call_refusal({200, -32000, reply.error, ""}) ==
                rpc::CallRefusal::kMissingState) {
                return false;
            }
        }
        return false;
    }

    EndpointClient& client_;
    uint64_t head_;
    StateDepth out_;
};

/// Where events of `handler` may begin.
uint64_t start_of(const Config& config, const HandlerConfig& handler) {
    uint64_t out = UINT64_MAX;
    for (const ContractConfig& contract : config.contracts) {
        const bool is_named = handler.events.empty() ||
                              std::ranges::any_of(handler.events, [&](const std::string& event) {
                                  return event.substr(0, event.find('.')) == contract.name;
                              });
        out = is_named ? std::min(out, contract.start_block) : out;
    }
    return out == UINT64_MAX ? 0 : out;
}

}  // namespace

StateDepth find_state_depth(EndpointClient& client, uint64_t head, uint64_t from) {
    return StateSearch{client, head}.run(from);
}

std::optional<OldCalls> find_old_calls(const Config& config) {
    OldCalls out;
    out.from = UINT64_MAX;
    for (const HandlerConfig& handler : config.handlers) {
        for (const CallConfig& call : handler.calls) {
            if (call.at_head) {
                continue;
            }
            out.from = std::min(out.from, start_of(config, handler));
            if (std::ranges::find(out.names, call.name) == out.names.end()) {
                out.names.push_back(call.name);
            }
        }
    }
    return out.names.empty() ? std::nullopt : std::optional{std::move(out)};
}

std::string describe_missing_state(const OldCalls& calls, const std::string& endpoint,
                                   const StateDepth& depth) {
    if (depth.since && *depth.since <= calls.from) {
        return {};
    }
    const size_t shown = std::min(calls.names.size(), kCallNamesMax);
    const std::string names =
        fmt::format("{}{}",
                    fmt::join(calls.names.begin(),
                              calls.names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                    calls.names.size() > shown ? " and others" : "");
    return fmt::format(
        "contract calls ({}) ask the state of events' blocks, from {} on, and {} has {}: add an "
        "archive node's url to rpc in [chain], or write once = true, state = \"head\" for what "
        "never "
        "changes",
        names, calls.from, endpoint,
        depth.since ? fmt::format("state since block {} only", format_count(*depth.since))
                    : fmt::format("no state at all ({})", depth.why));
}

}  // namespace plumbline::engine
