#include "engine/ingest/silence_advice.hpp"

namespace plumbline::engine {

std::string advice_on_silence(const std::vector<rpc::ProviderStats>& providers) {
    std::string refused;
    std::string limited;
    std::string ill;  ///< they ask for time, as where they are overloaded
    std::string silent;
    for (const rpc::ProviderStats& provider : providers) {
        // Of a server that says that it is ill, a larger plan changes nothing.
        const bool is_ill = provider.last_error.find("HTTP 5") != std::string::npos;
        std::string& names = provider.state == "refused"        ? refused
                             : provider.state != "rate limited" ? silent
                             : is_ill                           ? ill
                                                                : limited;
        names += (names.empty() ? "" : ", ") + provider.name;
    }
    std::string out;
    const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
    if (!refused.empty()) {
        add("look at the key or the account of " + refused);
    }
    if (!limited.empty()) {
        add("give " + limited + " a larger plan, or wait until its limit is over");
    }
    if (!ill.empty()) {
        add("wait for " + ill + ": it says itself that it is out of order");
    }
    if (!silent.empty()) {
        add("check that " + silent + (silent.find(", ") == std::string::npos ? " runs" : " run"));
    }
    // One beside it would have gone on.
    if (providers.size() < 2) {
        out += std::string{out.empty() ? "" : ", or "} + "add a second provider to [chain] rpc";
    }
    return out;
}

}  // namespace plumbline::engine
