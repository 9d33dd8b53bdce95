#include "tools/service_client.hpp"

#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/clock.hpp"
#include "core/base/logging.hpp"
#include "core/base/redactor.hpp"
#include "core/base/url_parts.hpp"
#include "core/base/visible_text.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "rpc/curl_transport.hpp"
#include "storage/service_address.hpp"

namespace plumbline::tools {

namespace {

constexpr int64_t kLookMs = 3'000;
constexpr int64_t kTellMs = 3'000;
/// Of an error that is not read as one of ours.
constexpr size_t kShownMax = 2'000;

/// One that listens everywhere is reached at home.
std::string at_home(std::string url) {
    for (const std::string_view any : {"//0.0.0.0:", "//[::]:"}) {
        if (const size_t at = url.find(any); at != std::string::npos) {
            url.replace(at, any.size(), "//127.0.0.1:");
        }
    }
    return url;
}

/// `given` (or env:NAME) where given, else $PLUMBLINE_TOKEN.
Result<std::string> find_token(const std::string& given) {
    PLUMBLINE_TRY(std::string out, engine::resolve_env(given));
    const char* known = out.empty() ? std::getenv("PLUMBLINE_TOKEN") : nullptr;
    return known == nullptr ? out : known;
}

/// A member of what a service answers, where it is there and of that type: whoever listens there
/// may be another program, or another version.
const nlohmann::json* find_member(const nlohmann::json& from, const char* name) {
    const auto found = from.is_object() ? from.find(name) : from.end();
    return found != from.end() ? &*found : nullptr;
}

std::optional<uint64_t> number_of(const nlohmann::json& from, const char* name) {
    const nlohmann::json* found = find_member(from, name);
    return found != nullptr && found->is_number_unsigned() ? std::optional{found->get<uint64_t>()}
                                                           : std::nullopt;
}

std::optional<bool> flag_of(const nlohmann::json& from, const char* name) {
    const nlohmann::json* found = find_member(from, name);
    return found != nullptr && found->is_boolean() ? std::optional{found->get<bool>()}
                                                   : std::nullopt;
}

std::optional<std::string> text_of(const nlohmann::json& from, const char* name) {
    const nlohmann::json* found = find_member(from, name);
    return found != nullptr && found->is_string() ? std::optional{found->get<std::string>()}
                                                  : std::nullopt;
}

/// Empty where there is none.
nlohmann::json list_of(const nlohmann::json& from, const char* name) {
    const nlohmann::json* found = find_member(from, name);
    return found != nullptr && found->is_array() ? *found : nlohmann::json::array();
}

}  // namespace

Result<ServiceAddress> find_service(const storage::Database& database, const std::string& url,
                                    const std::string& token) {
    ServiceAddress out{url, {}};
    PLUMBLINE_TRY(out.token, find_token(token));
    if (!out.url.empty()) {
        while (out.url.ends_with('/')) {
            out.url.pop_back();
        }
        return out;
    }
    if (std::optional<std::string> known = storage::read_service_address(database.path())) {
        out.url = at_home(*std::move(known));
        return out;
    }
    PLUMBLINE_TRY(const engine::Config config, engine::stored_config(database));
    if (!config.http) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("a service writes to {} and its config has no [http]: add it and "
                                 "start the service again, or stop it and repeat this",
                                 database.path())};
    }
    if (config.http->port == 0) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("whoever writes to {} now does not listen: a run with an end, or "
                                 "a command; wait for it",
                                 database.path())};
    }
    const std::string& host = config.http->host;
    const bool is_v6 = host.find(':') != std::string::npos;
    out.url = at_home(fmt::format("http://{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                                  config.http->port));
    return out;
}

Result<std::string> call_service(const ServiceAddress& address, std::string_view method,
                                 std::string_view path, std::string body, int64_t timeout_ms) {
    rpc::CurlTransport transport;
    rpc::HttpRequest request;
    request.url = fmt::format("{}{}", address.url, path);
    request.method = method;
    if (!address.token.empty()) {
        request.headers.emplace_back("Authorization", "Bearer " + address.token);
    }
    request.body = std::move(body);
    request.timeout_ms = timeout_ms;
    transport.submit(std::move(request));
    std::vector<rpc::HttpCompletion> done;
    const int64_t tell_ms = system_clock().monotonic_ms() + kTellMs;
    bool is_told = timeout_ms <= kTellMs;
    while (done.empty()) {
        transport.poll(500, done);
        if (done.empty() && !is_told && system_clock().monotonic_ms() >= tell_ms) {
            is_told = true;
            logging::warning("waiting for the service",
                             {{"url", public_url(address.url, true)},
                              {"request", fmt::format("{} {}", method, path)},
                              {"seconds_max", std::to_string(timeout_ms / 1'000)}});
        }
    }
    const rpc::HttpCompletion& answer = done.front();
    if (answer.error == rpc::TransportError::kTimeout && timeout_ms > kTellMs) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("the service at {} has not answered {} {} within {} s: it may do "
                                 "it yet; look with `plumbline status` and `plumbline task list`, "
                                 "and start it again where it hangs",
                                 public_url(address.url, true), method, path, timeout_ms / 1'000)};
    }
    if (answer.error != rpc::TransportError::kNone) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("the service does not answer at {}: {}",
                                 public_url(address.url, true), answer.error_text)};
    }
    const std::string text{as_chars(answer.body)};
    if (answer.status >= 200 && answer.status < 300) {
        return text;
    }
    Redactor redactor;
    redactor.add_url(address.url, true);
    redactor.add(address.token);
    std::string message = text;
    const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
    if (parsed.is_object() && parsed.contains("error")) {
        const nlohmann::json& error = parsed["error"];
        const nlohmann::json& said =
            error.is_object() && error.contains("message") ? error["message"] : error;
        message = said.is_string() ? said.get<std::string>() : text;
    }
    const bool is_token = answer.status == 401 && address.token.empty();
    return Error{
        answer.status == 404  ? ErrorCode::kNotFound
        : answer.status < 500 ? ErrorCode::kInvalidArgument
                              : ErrorCode::kUnavailable,
        fmt::format("the service at {} says {}: {}{}", public_url(address.url, true), answer.status,
                    visible_text(redactor.redact(message, kShownMax)),
                    is_token ? " (give the token as --token or in $PLUMBLINE_TOKEN)" : "")};
}

std::optional<std::string> find_ended_service(const std::string& db_path) {
    std::optional<std::string> url = storage::read_service_address(db_path);
    if (!url || storage::is_locked_by_another(db_path)) {
        return std::nullopt;
    }
    return at_home(*std::move(url));
}

std::optional<ServiceSeen> look_at_service(const std::string& db_path, const std::string& token) {
    if (!storage::is_locked_by_another(db_path)) {
        return std::nullopt;
    }
    const std::optional<std::string> url = storage::read_service_address(db_path);
    return url ? ask_service(*url, token) : ServiceSeen{};
}

ServiceSeen ask_service(const std::string& url, const std::string& token) {
    ServiceSeen out;
    out.url = at_home(url);
    const Result<std::string> answer =
        call_service({out.url, token.empty() ? find_token({}).value_or("") : token}, "GET",
                     "/v1/status", {}, kLookMs);
    if (!answer) {
        out.silence = answer.error().message;
        return out;
    }
    const nlohmann::json told = nlohmann::json::parse(*answer, nullptr, false);
    const std::optional<std::string> state = text_of(told, "state");
    const std::optional<bool> is_ready = flag_of(told, "ready");
    if (!state || !is_ready) {
        out.silence = "its answer is not understood";
        return out;
    }
    out.state = *state;
    out.is_ready = *is_ready;
    if (const nlohmann::json* progress = find_member(told, "progress")) {
        out.head = number_of(*progress, "head_block");
        out.lag = number_of(*progress, "lag");
    }
    const nlohmann::json reasons = list_of(told, "reasons");
    for (const nlohmann::json& reason : reasons) {
        if (reason.is_string()) {
            out.reasons.push_back(reason.get<std::string>());
        }
    }
    const nlohmann::json sinks = list_of(told, "sinks");
    for (const nlohmann::json& sink : sinks) {
        const auto name = text_of(sink, "name");
        const auto sink_state = text_of(sink, "state");
        if (name && sink_state) {
            const std::string reason = text_of(sink, "reason").value_or("");
            out.sinks[*name] =
                fmt::format("is {}{}{}", *sink_state, reason.empty() ? "" : ": ", reason);
        }
    }
    return out;
}

}  // namespace plumbline::tools
