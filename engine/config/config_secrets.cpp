#include "engine/config/config_secrets.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/base/url_parts.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"

namespace plumbline::engine {

namespace {

constexpr std::string_view kRedacted = "redacted";
constexpr std::string_view kNoUrl = "http://redacted.invalid";

/// A TOML basic string of one line.
std::string toml_literal(std::string_view value) {
    std::string out = "\"";
    for (const char c : value) {
        const auto byte = static_cast<uint8_t>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out += c;
        }
    }
    out += '"';
    return out;
}

}  // namespace

std::string redact_url(std::string_view url, bool is_host_public) {
    std::string out = public_url(url, is_host_public);
    return out.empty() ? std::string{kNoUrl} : out;
}

bool is_redacted(const EndpointConfig& endpoint) {
    const UrlParts url = split_url(endpoint.url);
    const auto ends_redacted = [](const auto& header) {
        return std::string_view{header.second}.ends_with(kRedacted);
    };
    return endpoint.url == kNoUrl || url.host.starts_with(kRedacted) ||
           url.host.find(".redacted.") != std::string_view::npos ||
           std::ranges::find(url.path, kRedacted) != url.path.end() ||
           std::ranges::any_of(endpoint.headers, ends_redacted);
}

Result<std::string> redact_config(std::string_view text, std::vector<TextEdit> edits) {
    struct Cut {
        TextSpan span;
        std::string replacement;
    };
    const TomlScan scan = scan_toml(text);
    std::vector<Cut> cuts;
    for (const TextSpan& comment : scan.comments) {
        cuts.push_back({comment, {}});
    }
    for (TextEdit& edit : edits) {
        const size_t offset = offset_of(text, edit.pos);
        const auto found = std::ranges::lower_bound(scan.strings, offset, {}, &TextSpan::begin);
        if (found == scan.strings.end() || found->begin != offset) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("line {}: cannot find the text of a secret value", edit.pos.line)};
        }
        cuts.push_back({*found, toml_literal(edit.replacement)});
    }
    std::ranges::sort(cuts, {}, [](const Cut& cut) { return cut.span.begin; });
    std::string out;
    size_t at = 0;
    for (const Cut& cut : cuts) {
        out += text.substr(at, cut.span.begin - at);
        out += cut.replacement;
        at = cut.span.end;
    }
    out += text.substr(at);
    return out;
}

Result<std::string> resolve_env(std::string_view text) {
    constexpr std::string_view kPrefix = "env:";
    if (!text.starts_with(kPrefix)) {
        return std::string{text};
    }
    const std::string name{text.substr(kPrefix.size())};
    if (!is_identifier(name)) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("{} names no environment variable: write env:NAME", in_quotes(text))};
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): read at start; nothing here sets the environment.
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the environment variable {} is {}", name,
                                 value == nullptr ? "not set" : "empty")};
    }
    return std::string{value};
}

}  // namespace plumbline::engine
