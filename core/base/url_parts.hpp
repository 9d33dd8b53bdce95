// Where a URL may hold secrets, and the URL without them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline {

/// Views into the URL, nothing decoded.
struct UrlParts {
    std::string_view scheme;     ///< "https"; empty: this is no URL, and nothing else is set
    std::string_view user_info;  ///< "user:password", without the `@`
    std::string_view host;       ///< without the port; an IPv6 address with its brackets
    std::string_view port;       ///< ":8545", or empty
    std::vector<std::string_view> path;  ///< between slashes; may hold empty ones
    std::string_view query;
    std::string_view fragment;
};
[[nodiscard]] UrlParts split_url(std::string_view url);

/// Of the digits behind a colon; 0 of none. Empty for what is no number up to 65535.
[[nodiscard]] std::optional<unsigned> parse_port(std::string_view digits) noexcept;

/// A host, an IPv6 address in its brackets, and a port from 1 to 65535 where there is one.
[[nodiscard]] bool is_reachable(const UrlParts& url) noexcept;
inline constexpr std::string_view kUnreachableUrl =
    "has no host, an IPv6 address without its brackets, or a port that is not 1 to 65535";

/// The labels of a host that may be a key: those before the last two, but for public words
/// (core/base/secret_words.hpp). An IP address, `localhost` and a name without a dot have none.
[[nodiscard]] std::vector<std::string_view> secret_labels(std::string_view host);

/// "https://redacted.example.com:8545": scheme, host and port. Empty where there is no host.
[[nodiscard]] std::string public_origin(const UrlParts& url, bool is_host_public);

/// That and the path, each segment that may be a key replaced by "redacted"; no user info, query or
/// fragment. Empty where there is no host.
[[nodiscard]] std::string public_url(std::string_view url, bool is_host_public);

}  // namespace plumbline
