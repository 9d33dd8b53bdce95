// What the faces of SQL over HTTP share. Internal to api.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/routes/request_context.hpp"
#include "query/sql/session.hpp"

namespace plumbline::api {

struct SqlQuestion {
    std::string statement;
    std::vector<query::sql::Value> parameters;
    std::map<std::string, query::sql::Value> named;  ///< in their place
};

/// kInvalidArgument for what is no string, number, true, false or null.
[[nodiscard]] Result<query::sql::Value> read_parameter(const nlohmann::json& value);
/// kUnavailable where the config takes no SQL.
[[nodiscard]] Status check_sql_taken(const RequestContext& request);
/// One with the tables of `view`, to be given back to the router's caches.
[[nodiscard]] Result<SqlSessions::Held> open_session(
    RequestContext& request, const std::shared_ptr<const storage::ReadView>& view);
/// The question's parameters, the time that a statement may take from now on, and the past.
[[nodiscard]] query::sql::RunOptions sql_limits(RequestContext& request, const SqlQuestion& asked);

}  // namespace plumbline::api
