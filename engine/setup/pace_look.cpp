#include "engine/setup/pace_look.hpp"

#include <utility>

#include <fmt/format.h>

#include "engine/text/duration.hpp"

namespace plumbline::engine {

PaceLook look_at_pace(const rpc::Endpoint& endpoint, rpc::Transport& transport, const Clock& clock,
                      EndpointPatience patience, int64_t wait_max_ms) {
    patience.pauses_ms_max = 0;
    EndpointClient client{endpoint, transport, clock, std::move(patience)};
    const int64_t start_ms = clock.monotonic_ms();
    (void)client.ask("eth_getBlockByNumber", {"latest", false});
    PaceLook out;
    out.took_ms = clock.monotonic_ms() - start_ms;
    if (out.took_ms >= wait_max_ms) {
        out.pace = client.silent_ms() > 0 ? Pace::kSilent : Pace::kSlow;
    }
    return out;
}

std::string describe_pace(const std::string& name, const PaceLook& look, int64_t wait_max_ms) {
    const std::string took = format_duration(look.took_ms / 1000);
    switch (look.pace) {
        case Pace::kPrompt: return {};
        case Pace::kSlow:
            return fmt::format(
                "provider {} is slow: it tells the chain's head after {}, and for that it is "
                "waited for {}: put a faster one into [chain] rpc",
                name, took, format_duration(wait_max_ms / 1000));
        case Pace::kSilent:
            return fmt::format(
                "provider {} is silent: it has answered nothing within {}: check that the node "
                "runs, or put another one into [chain] rpc",
                name, took);
    }
    return {};
}

}  // namespace plumbline::engine
