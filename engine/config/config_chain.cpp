// [chain]: endpoints and their secrets, finality, polling.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/base/url_parts.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_section.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/endpoint_text.hpp"

namespace plumbline::engine {

namespace {

constexpr uint64_t kMaxChainId = INT64_MAX;
constexpr uint64_t kMaxFinalityDepth = 1'000'000;
constexpr int64_t kMinPollMs = 10;
constexpr int64_t kMinAgeMs = 1'000;
constexpr int64_t kTimeMsMax = 3'600'000;

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is_header_name(std::string_view name) {
    return !name.empty() && name.size() <= 256 && is_printable(name) &&
           name.find_first_of(" ()<>@,;:\\\"/[]?={}") == std::string_view::npos;
}

/// A value that may come from the environment and must not be shown or stored.
Result<std::string> read_secret(const Section& section, const TomlValue& value,
                                std::string_view key, std::string_view replacement,
                                std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const std::string text, section.string(value, key));
    auto resolved = resolve_env(text);
    if (!resolved) {
        return section.mistake(
            value.pos, fmt::format("{} in {}: {}", key, section.name(), resolved.error().message));
    }
    edits.push_back({value.pos, std::string{replacement}});
    return resolved;
}

Result<std::string> read_url(const Section& section, const TomlValue& value, std::string_view key,
                             bool is_host_public, std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(std::string url,
                  read_secret(section, value, key, redact_url(value.text, is_host_public), edits));
    if (!is_endpoint_url(url)) {
        // The text itself may hold a key and is not shown.
        const bool is_env = value.text.starts_with("env:");
        return section.mistake(
            value.pos,
            fmt::format("{} in {} must be a http:// or https:// URL{}", key, section.name(),
                        is_env ? ", which the value of " + value.text.substr(4) + " is not"
                               : std::string{url_hint(url)}));
    }
    if (!is_reachable(split_url(url))) {
        return section.mistake(value.pos,
                               fmt::format("{} in {} {}", key, section.name(), kUnreachableUrl));
    }
    return url;
}

Status read_header(const Section& section, const TomlValue& value, std::string_view name,
                   std::string_view prefix, EndpointConfig& endpoint,
                   std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const std::string secret, read_secret(section, value, name, "redacted", edits));
    if (!is_printable(secret)) {
        return section.mistake(
            value.pos,
            fmt::format("{} in {} may have printable ASCII characters only", name, section.name()));
    }
    const bool is_token = !prefix.empty();
    const std::string header{is_token ? std::string_view{"Authorization"} : name};
    for (const auto& [known, ignored] : endpoint.headers) {
        if (equal_ignoring_case(known, header)) {
            return section.mistake(
                value.pos, is_token ? "token and the header Authorization say the same thing: "
                                      "give only one"
                                    : fmt::format("the header {} is given twice", in_quotes(name)));
        }
    }
    endpoint.headers.emplace_back(header, fmt::format("{}{}", prefix, secret));
    return ok();
}

Result<EndpointConfig> read_endpoint(const Section& chain, const TomlValue& value,
                                     std::vector<TextEdit>& edits) {
    EndpointConfig out;
    if (value.kind == TomlValue::Kind::kString) {
        PLUMBLINE_TRY(out.url, read_url(chain, value, "rpc", false, edits));
        return out;
    }
    if (value.kind != TomlValue::Kind::kTable) {
        return chain.wrong_type(value, "rpc",
                                "a URL or a table { url, headers, token, public_host }");
    }
    const Section section{chain.path(), "rpc of [chain]", value, value.pos};
    PLUMBLINE_TRY_VOID(section.allow_only({"url", "headers", "token", "public_host"}));
    if (const TomlValue* is_public = section.find("public_host")) {
        if (is_public->kind != TomlValue::Kind::kBool) {
            return section.wrong_type(*is_public, "public_host", "true or false");
        }
        out.is_host_public = is_public->boolean;
    }
    PLUMBLINE_TRY(const TomlValue* url, section.need("url"));
    PLUMBLINE_TRY(out.url, read_url(section, *url, "url", out.is_host_public, edits));
    if (const TomlValue* headers = section.find("headers")) {
        PLUMBLINE_TRY(const Section table, Section::open(chain.path(), "headers of rpc", *headers));
        for (const TomlEntry& entry : table.entries()) {
            if (!is_header_name(entry.key)) {
                return table.mistake(entry.pos,
                                     fmt::format("{} is not a header name", in_quotes(entry.key)));
            }
            PLUMBLINE_TRY_VOID(read_header(table, entry.value, entry.key, "", out, edits));
        }
    }
    if (const TomlValue* token = section.find("token")) {
        PLUMBLINE_TRY_VOID(read_header(section, *token, "token", "Bearer ", out, edits));
    }
    return out;
}

/// "500ms", "1s", "2m", or milliseconds as an integer; from `min_ms` to an hour.
Result<int64_t> read_time(const Section& chain, const TomlValue& value, std::string_view key,
                          int64_t min_ms) {
    int64_t ms = 0;
    if (value.kind == TomlValue::Kind::kInteger) {
        ms = value.integer;
    } else if (value.kind == TomlValue::Kind::kString) {
        int64_t count = 0;
        const char* end_of_text = value.text.data() + value.text.size();
        const auto [end, error] = std::from_chars(value.text.data(), end_of_text, count);
        const std::string_view unit{end, static_cast<size_t>(end_of_text - end)};
        const int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
        if (error != std::errc{} || factor == 0 || count < 0 || count > kTimeMsMax) {
            return chain.mistake(value.pos, fmt::format("{} in [chain] must be like \"500ms\", "
                                                        "\"1s\" or \"2m\", not {}",
                                                        key, in_quotes(value.text)));
        }
        ms = count * factor;
    } else {
        return chain.wrong_type(value, key, R"(a time like "1s" or "500ms", or milliseconds)");
    }
    if (ms < min_ms || ms > kTimeMsMax) {
        return chain.mistake(value.pos,
                             fmt::format("{} in [chain] must be from {} to 60m", key,
                                         min_ms % 1000 == 0 ? fmt::format("{}s", min_ms / 1000)
                                                            : fmt::format("{}ms", min_ms)));
    }
    return ms;
}

/// A limit on an age: a time, or "off", which is 0.
Result<int64_t> read_age(const Section& chain, const TomlValue& value, std::string_view key) {
    if (value.kind == TomlValue::Kind::kString && value.text == "off") {
        return 0;
    }
    return read_time(chain, value, key, kMinAgeMs);
}

Status read_endpoints_of(const Section& chain, const TomlValue& value, ChainConfig& out,
                         std::vector<TextEdit>& edits) {
    if (value.kind != TomlValue::Kind::kArray) {
        PLUMBLINE_TRY(EndpointConfig endpoint, read_endpoint(chain, value, edits));
        out.rpc.push_back(std::move(endpoint));
        return ok();
    }
    if (value.items.empty() || value.items.size() > kEndpointsMax) {
        return chain.mistake(
            value.pos, fmt::format("rpc in [chain] needs 1 to {} endpoints, not {}", kEndpointsMax,
                                   value.items.size()));
    }
    Mistakes mistakes;
    for (const TomlValue& item : value.items) {
        if (auto endpoint = read_endpoint(chain, item, edits); mistakes.add(endpoint)) {
            out.rpc.push_back(*std::move(endpoint));
        }
    }
    return mistakes.all();
}

Status read_finality(const Section& chain, const TomlValue& value, ChainConfig& out) {
    if (value.kind == TomlValue::Kind::kInteger) {
        PLUMBLINE_TRY(out.finality_depth, chain.integer(value, "finality", 0, kMaxFinalityDepth));
    } else if (value.kind != TomlValue::Kind::kString || value.text != "finalized") {
        return chain.mistake(value.pos,
                             "finality in [chain] must be \"finalized\" or a number of blocks");
    }
    return ok();
}

}  // namespace

Status read_chain(std::string_view path, const TomlValue& value, ChainConfig& out,
                  std::vector<TextEdit>& edits) {
    PLUMBLINE_TRY(const Section chain, Section::open(path, "[chain]", value));
    SectionMistakes mistakes{chain,
                             {"id", "rpc", "finality", "poll_interval", "ready_age", "head_age"}};
    out.pos = chain.pos();
    if (const TomlValue* id = mistakes.need("id")) {
        mistakes.take(out.id, chain.integer(*id, "id", 1, kMaxChainId));
    }
    if (const TomlValue* rpc = mistakes.need("rpc")) {
        mistakes.add(read_endpoints_of(chain, *rpc, out, edits));
        name_endpoints(out.rpc);
    }
    if (const TomlValue* finality = chain.find("finality")) {
        mistakes.add(read_finality(chain, *finality, out));
    }
    if (const TomlValue* poll = chain.find("poll_interval")) {
        mistakes.take(out.poll_interval_ms, read_time(chain, *poll, "poll_interval", kMinPollMs));
    }
    if (const TomlValue* age = chain.find("ready_age")) {
        mistakes.take(out.ready_age_ms, read_age(chain, *age, "ready_age"));
    }
    if (const TomlValue* age = chain.find("head_age")) {
        mistakes.take(out.head_age_ms, read_age(chain, *age, "head_age"));
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
