#include "engine/config/config_secrets.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/config_toml.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxPlainSegment = 8;
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

std::string redact_url(std::string_view url) {
    const size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos ||
        url.substr(0, scheme_end).find_first_of("/@?#") != std::string_view::npos) {
        return std::string{kNoUrl};
    }
    std::string out{url.substr(0, scheme_end + 3)};
    std::string_view rest = url.substr(scheme_end + 3);
    rest = rest.substr(0, rest.find_first_of("?#"));
    const size_t path_begin = std::min(rest.find('/'), rest.size());
    std::string_view host = rest.substr(0, path_begin);
    if (const size_t at = host.rfind('@'); at != std::string_view::npos) {
        host = host.substr(at + 1);
    }
    out += host;
    for (std::string_view path = rest.substr(path_begin); !path.empty();) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        out += '/';
        out += segment.size() > kMaxPlainSegment ? std::string_view{"redacted"} : segment;
        path.remove_prefix(segment.size());
    }
    return out;
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
