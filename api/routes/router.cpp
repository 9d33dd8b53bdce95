#include "api/routes/router.hpp"

#include <algorithm>
#include <iterator>

#include "api/routes/caches.hpp"
#include "api/routes/request_context.hpp"
#include "core/base/ascii.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"

namespace plumbline::api {

namespace {

bool is_variable(std::string_view part) noexcept {
    return part.starts_with('{');
}

/// True where the path has the pattern's parts.
bool matches(std::string_view pattern, const std::vector<std::string>& parts) {
    size_t i = 0;
    std::string_view rest = pattern.substr(1);
    while (!rest.empty()) {
        const size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (i == parts.size() || (is_variable(part) ? parts[i].empty() : part != parts[i])) {
            return false;
        }
        ++i;
    }
    return i == parts.size();
}

Status check_query(const Route& route, const Target& target) {
    for (const auto& [name, value] : target.query) {
        const auto known = std::ranges::find(route.query, name, &QueryParam::name);
        if (known == route.query.end() && !route.more_params.empty()) {
            continue;
        }
        if (known == route.query.end()) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("no parameter '{}' here; there are: {}", name, route.param_names())};
        }
        if (!known->many && target.all(name).size() > 1) {
            return Error{ErrorCode::kInvalidArgument, fmt::format("{} is given twice", name)};
        }
    }
    return ok();
}

}  // namespace

bool Route::has_param(std::string_view name) const noexcept {
    return std::ranges::find(query, name, &QueryParam::name) != query.end();
}

std::string Route::param_names() const {
    std::string names;
    for (const QueryParam& param : query) {
        names += names.empty() ? "" : ", ";
        names += param.name;
    }
    return names.empty() ? "none" : names;
}

bool equal_in_constant_time(std::string_view given, std::string_view secret) noexcept {
    // Every byte given is looked at, so that the time tells only how long the guess was.
    size_t difference = given.size() ^ secret.size();
    for (size_t i = 0; i < given.size() && !secret.empty(); ++i) {
        difference |= static_cast<size_t>(static_cast<uint8_t>(given[i]) ^
                                          static_cast<uint8_t>(secret[i % secret.size()]));
    }
    return difference == 0;
}

/// 200 where the request may change things.
Response Router::check_token(const Request& request) {
    constexpr std::string_view kScheme = "bearer ";  // In any case (RFC 9110, 11.1).
    const std::string& token = options_.token;
    if (token.empty()) {
        return fail(403, "Forbidden",
                    "this server changes nothing: set token in [http] of the config to allow it");
    }
    const int64_t now_ms = context_.clock().monotonic_ms();
    const bool is_counted = !request.client.empty();
    if (const int64_t wait_ms = is_counted ? caches_->guesses.wait_ms(request.client, now_ms) : 0;
        wait_ms > 0) {
        Response out =
            fail(429, "RateLimited",
                 fmt::format("{} wrong tokens came from this address: none is looked at for {} s",
                             GuessLimit::kGuessesMax, wait_ms / 1'000 + 1));
        out.headers.emplace_back("Retry-After", fmt::format("{}", wait_ms / 1'000 + 1));
        return out;
    }
    std::string_view given = request.authorization;
    const bool has_token = starts_with_ignoring_case(given, kScheme);
    given.remove_prefix(has_token ? kScheme.size() : 0);
    if (!has_token || !equal_in_constant_time(given, token)) {
        if (has_token && is_counted) {
            caches_->guesses.on_wrong(request.client, now_ms);
        }
        Response out =
            fail(401, "Unauthorized",
                 has_token ? "the token is wrong: it is that of [http] token in the server's config"
                           : "this needs the token: send the header Authorization: Bearer TOKEN");
        out.headers.emplace_back("WWW-Authenticate", "Bearer");
        return out;
    }
    return {};
}

RouteCost Router::cost(std::string_view method, std::string_view target) {
    return cost_of(method, parse_target(target));
}

RouteCost Router::cost_of(std::string_view method, const Result<Target>& asked) {
    constexpr std::string_view kProbes[] = {"health", "ready", "metrics"};
    constexpr std::string_view kScans[] = {
        "rows",    "events",      "events_of", "quarantine",       "conflicts", "journal",
        "reports", "row_history", "chain",     "analytics_report", "ponder_db", "ponder_live"};
    if (asked && method == "POST" && matches("/rpc", asked->parts)) {
        return RouteCost::kRpc;
    }
    if (asked && method == "POST" && matches("/v1/sql", asked->parts)) {
        return RouteCost::kScan;
    }
    if (!asked || (method != "GET" && method != "HEAD")) {
        return RouteCost::kQuick;
    }
    for (const Route& route : routes()) {
        if (route.method != "GET" || !matches(route.pattern, asked->parts)) {
            continue;
        }
        if (std::ranges::find(kProbes, route.id) != std::end(kProbes)) {
            return RouteCost::kProbe;
        }
        // A row of the past is folded.
        return std::ranges::find(kScans, route.id) != std::end(kScans) ||
                       (route.id == "row" && asked->find("at") != nullptr)
                   ? RouteCost::kScan
                   : RouteCost::kQuick;
    }
    return RouteCost::kQuick;
}

Router::Router(const ApiContext& context, RouterOptions options)
    : context_{context},
      options_{std::move(options)},
      caches_{std::make_unique<Caches>(options_.memory.filters)} {
    if (options_.sql_ms_max > 0) {
        query::sql::limit_sqlite_memory(options_.memory.sql);
    }
}
Router::~Router() = default;

Response Router::handle(const Request& request) {
    const int64_t start_ms = context_.clock().monotonic_ms();
    std::string_view pattern = "other";
    Response out;
    if (request.method == "HEAD") {
        Request asked = request;
        asked.method = "GET";
        out = dispatch(asked, pattern);
    } else {
        out = dispatch(request, pattern);
    }
    if (options_.on_answer) {
        const int64_t took_ms = context_.clock().monotonic_ms() - start_ms;
        options_.on_answer(pattern, out.status, static_cast<double>(took_ms) / 1000);
    }
    return out;
}

Response Router::dispatch(const Request& request, std::string_view& pattern) {
    const Result<Target> target = parse_target(request.target);
    if (!target) {
        return fail(target.error());
    }
    const Route* found = nullptr;
    std::string methods;
    for (const Route& route : routes()) {
        if (!matches(route.pattern, target->parts)) {
            continue;
        }
        if (route.method == request.method) {
            found = &route;
            break;
        }
        methods += methods.empty() ? "" : ", ";
        methods += route.method;
    }
    if (found == nullptr && !methods.empty()) {
        Response out = fail(405, "MethodNotAllowed",
                            fmt::format("this address takes {}, not this method", methods));
        out.headers.emplace_back("Allow", methods);
        return out;
    }
    if (found == nullptr) {
        return fail(404, "NotFound", "nothing is at this address; /v1/openapi.json lists all");
    }
    pattern = found->pattern;
    if (found->changes) {
        if (Response refused = check_token(request); refused.status != 200) {
            return refused;
        }
    }
    if (const Status known = check_query(*found, *target); !known) {
        return fail(known.error());
    }
    RequestContext asked{*this, *found, request, *target,
                         context_.clock().monotonic_ms() + options_.time_max_ms};
    Response out;
    const Status handled = catch_exceptions(found->pattern, [&] { out = found->handle(asked); });
    if (!handled) {
        logging::error("a request was not answered", {{"why", handled.error().message}});
        return fail(500, "Internal", handled.error().message);
    }
    return out;
}

}  // namespace plumbline::api
