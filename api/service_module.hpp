// What [http] and [webhooks] of the config say, as parts of the service over the running index.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "engine/service/service.hpp"

namespace plumbline::api {

struct HttpModuleOptions {
    /// Told once the server listens: "http://127.0.0.1:8080". May be empty.
    std::function<void(const std::string& url)> on_listening;
};

/// Adds the API, the live stream and the page to `service` where the config has [http], and posts
/// to its webhooks. kInvalidArgument as `check_names`.
[[nodiscard]] Status add_http_modules(engine::Service& service, HttpModuleOptions options = {});

/// kInvalidArgument where [reports] does not fit the entities, or a webhook names an event that no
/// ABI has, whoever will ask for them.
[[nodiscard]] Status check_names(const engine::Config& config, const engine::Plan& plan);

/// What a service with this plan answers at /v1/openapi.json.
[[nodiscard]] std::string openapi_document(const engine::Plan& plan);

}  // namespace plumbline::api
