#include "engine/ingest/silence_advice.hpp"

namespace plumbline::engine {

std::string advice_on_silence(const std::vector<rpc::ProviderStats>& providers) {
    std::string refused;
    std::string limited;
    std::string silent;
    for (const rpc::ProviderStats& provider : providers) {
        std::string& names = provider.state == "refused"        ? refused
                             : provider.state == "rate limited" ? limited
                                                                : silent;
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
