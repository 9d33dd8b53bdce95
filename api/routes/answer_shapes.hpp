// What answers look like: one shape a route, in the notation of openapi_shape.hpp. Held against
// real answers by tests. Internal to api.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/mapping/plan.hpp"

namespace plumbline::api {

/// Name and shape of the schemas that several answers share.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> shared_shapes();

/// The shape of the answer of the route with that id; empty where it is no JSON.
[[nodiscard]] std::string_view answer_shape(std::string_view route_id) noexcept;

/// The shape of the body that the route with that id takes; empty where it takes none.
[[nodiscard]] std::string_view body_shape(std::string_view route_id) noexcept;

/// `entity.NAME`: a row of each entity, and `event.CONTRACT.NAME`: each event of each contract.
/// Where an event comes in several shapes, any of them.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> config_shapes(
    const engine::Plan& plan);

/// The shape of a list, a row and a row's history, of one entity.
[[nodiscard]] std::string list_shape(std::string_view row_shape);
[[nodiscard]] std::string row_shape(std::string_view row_shape);
[[nodiscard]] std::string history_shape(std::string_view row_shape);
/// The shape of a list of events.
[[nodiscard]] std::string events_shape(std::string_view event_shape);

}  // namespace plumbline::api
