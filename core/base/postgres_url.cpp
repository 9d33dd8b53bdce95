#include "core/base/postgres_url.hpp"

#include <algorithm>

namespace plumbline {

namespace {

constexpr std::string_view kSeparators = "@:/?#&=,;%";

std::string_view cut_to(std::string_view& text, std::string_view marks) {
    const size_t end = std::min(text.find_first_of(marks), text.size());
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return out;
}

std::string_view behind_scheme(std::string_view url) {
    const size_t end = url.find("://");
    return end == std::string_view::npos ? std::string_view{} : url.substr(end + 3);
}

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

bool has_whole_escapes(std::string_view text) {
    for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
        if (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2])) {
            return false;
        }
    }
    return true;
}

/// "host:5432,other": a port is digits.
bool are_hosts(std::string_view text) {
    while (!text.empty()) {
        std::string_view one = cut_to(text, ",");
        if (one.starts_with('[')) {
            const size_t end = one.find(']');
            if (end == std::string_view::npos) {
                return false;
            }
            one.remove_prefix(end + 1);
            if (!one.empty() && one.front() != ':') {
                return false;
            }
        }
        cut_to(one, ":");
        if (one.find_first_not_of("0123456789") != std::string_view::npos) {
            return false;
        }
    }
    return true;
}

/// "name=value&name=value": a piece of something else is mostly no such pair.
bool are_parameters(std::string_view text) {
    while (!text.empty()) {
        std::string_view one = cut_to(text, "&");
        const size_t equals = one.find('=');
        if (equals == 0 || equals == std::string_view::npos ||
            one.find('=', equals + 1) != std::string_view::npos ||
            one.substr(0, equals).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") !=
                std::string_view::npos) {
            return false;
        }
    }
    return true;
}

}  // namespace

Status check_postgres_url(std::string_view url) {
    std::string_view rest = behind_scheme(url);
    bool is_right = has_whole_escapes(rest);
    // As libpq does: the user ends at the first @ before any slash.
    if (const size_t end = rest.find_first_of("@/");
        end != std::string_view::npos && rest[end] == '@') {
        rest.remove_prefix(end + 1);
        is_right = is_right && rest.find('@') == std::string_view::npos;
    }
    const std::string_view place = rest.substr(0, rest.find('?'));
    const std::string_view hosts = place.substr(0, place.find('/'));
    is_right = is_right && place.find('@') == std::string_view::npos && are_hosts(hosts) &&
               are_parameters(rest.substr(std::min(place.size() + 1, rest.size())));
    if (!is_right) {
        return Error{ErrorCode::kInvalidArgument,
                     "it is not postgresql://user:password@host:port/database?name=value, or could "
                     "be read in two ways: within user, password, database and values write %40 "
                     "for @, %2F for /, %3A for :, %3F for ?, %26 for &, %3D for = and %25 for %"};
    }
    return ok();
}

std::vector<std::string_view> postgres_secrets(std::string_view url) {
    std::vector<std::string_view> out;
    const auto add = [&](std::string_view secret) {
        out.push_back(secret);
        while (!secret.empty()) {
            out.push_back(cut_to(secret, kSeparators));
        }
    };
    const std::string_view rest = behind_scheme(url);
    const size_t end = check_postgres_url(url) ? rest.find_first_of("@/") : rest.rfind('@');
    if (end != std::string_view::npos && rest[end] == '@') {
        std::string_view user_info = rest.substr(0, end);
        cut_to(user_info, ":");
        add(user_info);
    }
    std::string_view query = rest.substr(std::min(rest.find('?'), rest.size()));
    for (; !query.empty(); query.remove_prefix(1)) {
        const size_t name = query.find("password=");
        if (name == std::string_view::npos) {
            break;
        }
        query.remove_prefix(name + std::string_view{"password="}.size() - 1);
        add(query.substr(1, query.find('&') - 1));
    }
    return out;
}

}  // namespace plumbline
