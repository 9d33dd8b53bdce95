#include "api/http/request_target.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kQueryMax = 256;

/// "http://host/path" as a proxy gets it (RFC 9112, 3.2.2) is "/path" here.
std::string_view without_authority(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (starts_with_ignoring_case(text, scheme)) {
            text.remove_prefix(scheme.size());
            text.remove_prefix(std::min(text.find_first_of("/?"), text.size()));
            break;
        }
    }
    return text;
}

}  // namespace

const std::string* Target::find(std::string_view name) const noexcept {
    const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
    return found == query.end() ? nullptr : &found->second;
}

std::vector<std::string> Target::all(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& [key, value] : query) {
        if (key == name) {
            out.push_back(value);
        }
    }
    return out;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            uint8_t byte = 0;
            if (i + 2 >= text.size() || !evm::decode_hex(text.substr(i + 1, 2), &byte)) {
                return Error{ErrorCode::kInvalidArgument,
                             "the address has a '%' that two hex digits do not follow"};
            }
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

Result<Target> parse_target(std::string_view whole) {
    const std::string_view text = without_authority(whole);
    const bool is_bare_host = text.size() != whole.size() && !text.starts_with('/');
    if (!text.starts_with('/') && !is_bare_host) {
        return Error{ErrorCode::kInvalidArgument, "the address must begin with '/'"};
    }
    Target out;
    const size_t mark = std::min(text.find('?'), text.size());
    std::string_view path = text.substr(0, mark);
    path.remove_prefix(path.empty() ? 0 : 1);
    while (!path.empty()) {
        const size_t slash = std::min(path.find('/'), path.size());
        PLUMBLINE_TRY(std::string part, percent_decode(path.substr(0, slash), false));
        out.parts.push_back(std::move(part));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    std::string_view query = text.substr(std::min(mark + 1, text.size()));
    while (!query.empty()) {
        const size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) {
            continue;
        }
        if (out.query.size() == kQueryMax) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("more than {} parameters: ask in several requests, or in one "
                                     "statement at POST /v1/sql",
                                     kQueryMax)};
        }
        const size_t equals = std::min(pair.find('='), pair.size());
        PLUMBLINE_TRY(std::string name, percent_decode(pair.substr(0, equals), true));
        PLUMBLINE_TRY(std::string value,
                      percent_decode(pair.substr(std::min(equals + 1, pair.size())), true));
        out.query.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

}  // namespace plumbline::api
