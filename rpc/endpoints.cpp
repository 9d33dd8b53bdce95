#include "rpc/endpoints.hpp"

#include <utility>

#include "core/base/endpoint_identity.hpp"

namespace plumbline::rpc {

DistinctEndpoints take_each_once(std::vector<Endpoint> endpoints) {
    std::vector<std::vector<std::pair<std::string, std::string>>> headers;
    headers.reserve(endpoints.size());  // The views below look into it.
    std::vector<SecretEndpoint> views;
    for (const Endpoint& one : endpoints) {
        headers.push_back(one.headers);
        if (!one.bearer_token.empty()) {
            headers.back().emplace_back("Authorization", "Bearer " + one.bearer_token);
        }
        views.push_back({one.url, headers.back(), one.is_host_public});
    }
    const std::vector<size_t> firsts = first_of_same(views);
    std::vector<std::string> names = public_names(views);
    DistinctEndpoints out;
    for (size_t i = 0; i < endpoints.size(); ++i) {
        if (endpoints[i].name.empty()) {
            endpoints[i].name = std::move(names[i]);
        }
    }
    for (size_t i = 0; i < endpoints.size(); ++i) {
        if (firsts[i] == i) {
            out.endpoints.push_back(std::move(endpoints[i]));
        } else {
            out.repeated.push_back(endpoints[i].name);
        }
    }
    return out;
}

}  // namespace plumbline::rpc
