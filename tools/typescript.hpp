// TypeScript from an OpenAPI document and the contracts of a config: what `plumbline codegen ts`
// writes.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"
#include "engine/mapping/plan.hpp"

namespace plumbline::tools {

/// `paths` and `components` of `document`, as openapi-typescript names them and openapi-fetch takes
/// them. kInternal where it is no OpenAPI document.
[[nodiscard]] Result<std::string> typescript_types(const std::string& document);

/// `contracts`: of each its ABI (events, and functions that only read) and its address or
/// addresses, `as const`, as viem takes them.
[[nodiscard]] std::string typescript_contracts(const engine::Config& config,
                                               const engine::Plan& plan);

}  // namespace plumbline::tools
