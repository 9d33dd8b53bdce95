#include "api/server/request_head.hpp"

#include <algorithm>

#include "api/server/client_address.hpp"
#include "core/base/ascii.hpp"
#include "core/base/url_parts.hpp"

namespace plumbline::api {

namespace {

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\r");
    const size_t last = text.find_last_not_of(" \t\r");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, last - first + 1);
}

/// What follows the colon must be a port, else all of it is the name.
std::string_view without_port(std::string_view host) {
    constexpr size_t kPortDigitsMax = 5;
    const size_t bracket = host.rfind(']');
    const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == std::string_view::npos) {
        return host;
    }
    const std::string_view digits = host.substr(colon + 1);
    const bool is_port = digits.size() <= kPortDigitsMax && parse_port(digits);
    return is_port ? host.substr(0, colon) : host;
}

/// Counts what may be there once.
struct Seen {
    unsigned hosts = 0;
    unsigned authorizations = 0;
    unsigned codings = 0;
};

/// Empty where the line is fine.
std::string_view take_field(std::string_view line, RequestHead& out, Seen& seen, unsigned& status) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
        return "a header line has no colon";
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equal_ignoring_case(name, "host")) {
        out.host = value;
        return ++seen.hosts > 1 ? "there are two Hosts" : "";
    }
    if (equal_ignoring_case(name, "authorization")) {
        return ++seen.authorizations > 1 ? "there are two Authorizations" : "";
    }
    if (equal_ignoring_case(name, "transfer-encoding")) {
        if (++seen.codings > 1 || !equal_ignoring_case(value, "chunked")) {
            status = 501;
            return "the only transfer coding that is read is chunked";
        }
    }
    if (equal_ignoring_case(name, "x-forwarded-for")) {
        // Of several lines the last one is the nearest proxy's.
        out.forwarded_for = value;
    }
    return "";
}

}  // namespace

size_t head_size(std::string_view bytes) {
    size_t line = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        const auto c = static_cast<unsigned char>(bytes[i]);
        if (c == '\n') {
            const std::string_view text = bytes.substr(line, i - line);
            // Empty lines in front of a request are skipped (RFC 9112, 2.2).
            if (line > 0 && (text.empty() || text == "\r") &&
                bytes.substr(0, line).find_first_not_of("\r\n") != std::string_view::npos) {
                return i + 1;
            }
            line = i + 1;
        } else if (c < 0x20 && c != '\r' && c != '\t') {
            return i + 1;
        }
    }
    return 0;
}

RequestHead read_head(std::string_view head) {
    RequestHead out;
    Seen seen;
    unsigned status = 400;
    std::string_view fault;
    head.remove_prefix(std::min(head.find_first_not_of("\r\n"), head.size()));
    size_t end = std::min(head.find('\n'), head.size());
    const std::string_view request_line = trimmed(head.substr(0, end));
    while (fault.empty() && end < head.size()) {
        head.remove_prefix(end + 1);
        end = std::min(head.find('\n'), head.size());
        const std::string_view line = head.substr(0, end);
        if (trimmed(line).empty()) {
            break;
        }
        fault = line.front() == ' ' || line.front() == '\t' ? "a header goes on on the next line"
                                                            : take_field(line, out, seen, status);
    }
    if (fault.empty() && seen.hosts == 0 && request_line.ends_with("HTTP/1.1")) {
        fault = "there is no Host";
    }
    if (!fault.empty()) {
        out.fault = HeadFault{status, std::string{fault}};
    }
    return out;
}

bool is_own_host(std::string_view host, std::string_view address,
                 const std::vector<std::string>& hosts) {
    std::string_view name = without_port(host);
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    if (name.empty() || equal_ignoring_case(name, "localhost") ||
        std::ranges::any_of(
            hosts, [&](const std::string& known) { return equal_ignoring_case(name, known); })) {
        return true;  // Only what is no browser sends none.
    }
    const auto called = parse_ip(name);
    const auto listens = parse_ip(address);
    return called && (!listens || !is_loopback(*listens) || is_loopback(*called));
}

}  // namespace plumbline::api
