#include "engine/config/endpoint_text.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "core/base/endpoint_identity.hpp"
#include "core/base/url_parts.hpp"
#include "engine/config/config_secrets.hpp"

namespace plumbline::engine {

namespace {

std::vector<SecretEndpoint> as_secrets(const std::vector<EndpointConfig>& endpoints) {
    std::vector<SecretEndpoint> out;
    for (const EndpointConfig& one : endpoints) {
        out.push_back({one.url, one.headers, one.is_host_public});
    }
    return out;
}

}  // namespace

std::string_view url_hint(std::string_view url) {
    if (url.starts_with("ws://") || url.starts_with("wss://")) {
        return " (WebSocket is not supported: providers have a https:// URL beside it)";
    }
    if (url.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return " (it is empty)";
    }
    if (url.find_first_of(" \t\r\n") != std::string_view::npos) {
        return " (there is white space in it)";
    }
    return url.find("://") == std::string_view::npos ? " (it has no http:// or https:// in front)"
                                                     : "";
}

bool is_endpoint_url(std::string_view url) {
    const bool is_printable = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7F; });
    if (!is_printable || url.find_first_of("\"\\<>") != std::string_view::npos) {
        return false;
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (url.starts_with(scheme)) {
            const std::string_view host = url.substr(scheme.size());
            return host.find_first_of("/?#") != 0 && !host.empty();
        }
    }
    return false;
}

Result<std::vector<EndpointConfig>> read_endpoints(std::string_view option,
                                                   const std::vector<std::string>& texts) {
    if (texts.size() > kEndpointsMax) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} is given {} times: at most {} endpoints can be asked", option,
                                 texts.size(), kEndpointsMax)};
    }
    std::vector<EndpointConfig> out;
    for (const std::string& text : texts) {
        auto url = resolve_env(text);
        if (!url) {
            return std::move(url).error().with_context(std::string{option});
        }
        if (!is_endpoint_url(*url)) {
            const std::string place =
                texts.size() > 1 ? fmt::format(" number {}", out.size() + 1) : std::string{};
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{}{} must be a http:// or https:// URL, or env:NAME{}",
                                     option, place, url_hint(*url))};
        }
        if (!is_reachable(split_url(*url))) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} {}", option, kUnreachableUrl)};
        }
        out.push_back({*std::move(url), {}});
    }
    name_endpoints(out);
    return out;
}

void name_endpoints(std::vector<EndpointConfig>& endpoints) {
    std::vector<std::string> names = public_names(as_secrets(endpoints));
    for (size_t i = 0; i < endpoints.size(); ++i) {
        endpoints[i].name = std::move(names[i]);
    }
}

std::vector<std::string> find_repeated(std::string_view option,
                                       const std::vector<EndpointConfig>& endpoints) {
    const std::vector<size_t> firsts = first_of_same(as_secrets(endpoints));
    std::map<size_t, std::string> places;
    for (size_t i = 0; i < firsts.size(); ++i) {
        if (firsts[i] < i) {
            places[firsts[i]] += fmt::format(" and {}", i + 1);
        }
    }
    std::vector<std::string> out;
    for (const auto& [first, others] : places) {
        out.push_back(
            fmt::format("{}: {}{} are one endpoint, {}, which is asked once and has one vote",
                        option, first + 1, others, endpoints[first].name));
    }
    return out;
}

}  // namespace plumbline::engine
