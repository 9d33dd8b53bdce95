#include "core/base/endpoint_identity.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/base/url_parts.hpp"

namespace plumbline {

namespace {

constexpr std::string_view kLoopback = "localhost";

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), ascii_lower);
    return out;
}

/// RFC 3986, 6.2.2: unreserved characters plain, all others with upper-case digits.
std::string normal_percents(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const std::string_view digits = text[i] == '%' ? text.substr(i + 1, 2) : std::string_view{};
        uint8_t byte = 0;
        const char* const end = digits.data() + digits.size();
        if (digits.size() < 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
            out += text[i];
            continue;
        }
        const auto c = static_cast<char>(byte);
        if (is_ascii_letter(c) || is_ascii_digit(c) ||
            std::string_view{"-._~"}.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", byte);
        }
        i += 2;
    }
    return out;
}

std::string of_ipv4(const in_addr& address) {
    const uint32_t bits = ntohl(address.s_addr);
    if (bits == INADDR_LOOPBACK || bits == INADDR_ANY) {
        return std::string{kLoopback};  // Who dials "any" reaches this machine.
    }
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &address, text.data(), text.size());
    return text.data();
}

std::string of_ipv6(const in6_addr& address, std::string_view written) {
    if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address)) {
        return std::string{kLoopback};
    }
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        in_addr mapped{};
        std::memcpy(&mapped, &address.s6_addr[12], sizeof(mapped));
        return of_ipv4(mapped);
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET6, &address, text.data(), text.size()) == nullptr
               ? std::string{written}
               : "[" + std::string{text.data()} + "]";
}

std::string canonical_host(std::string_view written) {
    std::string host = lower(normal_percents(written));
    if (host.starts_with('[') && host.ends_with(']')) {
        const std::string inner = host.substr(1, host.size() - 2);
        in6_addr address{};
        return inet_pton(AF_INET6, inner.c_str(), &address) == 1 ? of_ipv6(address, host) : host;
    }
    while (host.ends_with('.')) {
        host.pop_back();
    }
    in_addr address{};
    const bool is_number = !host.empty() && is_ascii_digit(host.front());
    return is_number && inet_aton(host.c_str(), &address) == 1 ? of_ipv4(address) : host;
}

std::string canonical_path(const std::vector<std::string_view>& segments) {
    std::vector<std::string> kept;
    for (const std::string_view segment : segments) {
        std::string one = normal_percents(segment);
        if (one == "..") {
            kept.resize(kept.size() - std::min<size_t>(kept.size(), 1));
        } else if (one != ".") {
            kept.push_back(std::move(one));
        }
    }
    while (!kept.empty() && kept.back().empty()) {
        kept.pop_back();
    }
    std::string out;
    for (const std::string& one : kept) {
        out += '/';
        out += one;
    }
    return out;
}

std::string trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    return begin == std::string_view::npos
               ? std::string{}
               : std::string{text.substr(begin, text.find_last_not_of(" \t") - begin + 1)};
}

std::vector<std::pair<std::string, std::string>> canonical_headers(const SecretEndpoint& endpoint) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, value] : endpoint.headers) {
        out.emplace_back(lower(name), trimmed(value));
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

std::string canonical_url(std::string_view url) {
    const UrlParts parts = split_url(url);
    if (parts.scheme.empty() || parts.host.empty()) {
        return std::string{url};
    }
    std::string out = lower(parts.scheme);
    const unsigned by_scheme = out == "https" ? 443 : 80;
    const auto port = parts.port.empty() ? std::nullopt : parse_port(parts.port.substr(1));
    out += "://";
    if (!parts.user_info.empty()) {
        out += normal_percents(parts.user_info) + "@";
    }
    out += canonical_host(parts.host) + ":";
    out += std::to_string(port.value_or(0) == 0 ? by_scheme : *port);
    out += canonical_path(parts.path);
    if (!parts.query.empty()) {
        out += "?" + normal_percents(parts.query);
    }
    return out;
}

bool is_same_endpoint(const SecretEndpoint& a, const SecretEndpoint& b) {
    return canonical_url(a.url) == canonical_url(b.url) &&
           canonical_headers(a) == canonical_headers(b);
}

std::vector<size_t> first_of_same(std::span<const SecretEndpoint> endpoints) {
    std::vector<size_t> out;
    for (size_t i = 0; i < endpoints.size(); ++i) {
        size_t first = 0;
        while (first < i && !is_same_endpoint(endpoints[first], endpoints[i])) {
            ++first;
        }
        out.push_back(first);
    }
    return out;
}

std::vector<std::string> public_names(std::span<const SecretEndpoint> endpoints) {
    const std::vector<size_t> firsts = first_of_same(endpoints);
    std::vector<std::string> origins;
    std::vector<std::string> out;
    for (size_t i = 0; i < endpoints.size(); ++i) {
        std::string origin =
            public_origin(split_url(endpoints[i].url), endpoints[i].is_host_public);
        origins.push_back(origin.empty() ? "(unreadable url)" : std::move(origin));
        if (firsts[i] < i) {
            out.push_back(out[firsts[i]]);
            continue;
        }
        size_t place = 1;
        for (size_t k = 0; k < i; ++k) {
            place += firsts[k] == k && origins[k] == origins[i] ? 1U : 0U;
        }
        out.push_back(place == 1 ? origins[i] : origins[i] + "#" + std::to_string(place));
    }
    return out;
}

bool may_be_same_endpoint(std::string_view name, std::string_view other) {
    return canonical_url(name) == canonical_url(other);
}

}  // namespace plumbline
