#include "core/base/url_parts.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/secret_words.hpp"

namespace plumbline {

namespace {

constexpr std::string_view kRedacted = "redacted";

/// As many last labels are somebody's registered name, which everybody may know.
constexpr size_t kRegisteredLabels = 2;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    for (;;) {
        const size_t end = std::min(text.find(separator), text.size());
        out.push_back(text.substr(0, end));
        if (end == text.size()) {
            return out;
        }
        text.remove_prefix(end + 1);
    }
}

/// The rest of what is cut off at the first of `marks`; empty, and nothing cut, where none is.
std::string_view cut_behind(std::string_view& text, std::string_view marks) {
    const size_t at = text.find_first_of(marks);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = text.substr(at + 1);
    text = text.substr(0, at);
    return rest;
}

bool is_ip_address(std::string_view host) {
    return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

UrlParts split_url(std::string_view url) {
    UrlParts out;
    const size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos ||
        url.substr(0, scheme_end).find_first_of("/@?#") != std::string_view::npos) {
        return out;
    }
    out.scheme = url.substr(0, scheme_end);
    std::string_view rest = url.substr(scheme_end + 3);
    out.fragment = cut_behind(rest, "#");
    out.query = cut_behind(rest, "?");
    const size_t path_at = std::min(rest.find_first_of("/\\"), rest.size());
    if (path_at < rest.size()) {
        out.path = split(rest.substr(path_at + 1), '/');
    }
    out.host = rest.substr(0, path_at);
    if (const size_t at = out.host.rfind('@'); at != std::string_view::npos) {
        out.user_info = out.host.substr(0, at);
        out.host.remove_prefix(at + 1);
    }
    const size_t bracket = out.host.rfind(']');
    const size_t colon = out.host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        out.port = out.host.substr(colon);
        out.host = out.host.substr(0, colon);
    }
    return out;
}

std::optional<unsigned> parse_port(std::string_view digits) noexcept {
    constexpr unsigned kPortMax = 65'535;
    unsigned port = 0;
    for (const char digit : digits) {
        if (!is_ascii_digit(digit)) {
            return std::nullopt;
        }
        port = port * 10 + static_cast<unsigned>(digit - '0');
        if (port > kPortMax) {
            return std::nullopt;
        }
    }
    return port;
}

bool is_reachable(const UrlParts& url) noexcept {
    const bool is_open = url.host.starts_with('[') != url.host.ends_with(']');
    const bool has_host = !url.host.empty() && !is_open && url.host != "[]";
    return has_host && (url.port.empty() || parse_port(url.port.substr(1)).value_or(0) > 0);
}

std::vector<std::string_view> secret_labels(std::string_view host) {
    if (is_ip_address(host)) {
        return {};
    }
    while (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    std::vector<std::string_view> labels = split(host, '.');
    labels.resize(labels.size() - std::min(labels.size(), kRegisteredLabels));
    std::erase_if(labels, [](std::string_view label) { return is_public_word(label); });
    return labels;
}

std::string public_origin(const UrlParts& url, bool is_host_public) {
    if (url.host.empty()) {
        return {};
    }
    std::string out{url.scheme};
    out += "://";
    const std::vector<std::string_view> secrets =
        is_host_public ? std::vector<std::string_view>{} : secret_labels(url.host);
    bool is_first = true;
    for (const std::string_view label : split(url.host, '.')) {
        out += is_first ? "" : ".";
        is_first = false;
        const bool is_secret = std::ranges::any_of(
            secrets, [&](std::string_view secret) { return secret.data() == label.data(); });
        out += is_secret ? kRedacted : label;
    }
    out += url.port;
    return out;
}

std::string public_url(std::string_view url, bool is_host_public) {
    const UrlParts parts = split_url(url);
    std::string out = public_origin(parts, is_host_public);
    for (const std::string_view segment : parts.path) {
        if (out.empty()) {
            break;
        }
        out += '/';
        out += is_public_word(segment) ? segment : kRedacted;
    }
    return out;
}

}  // namespace plumbline
