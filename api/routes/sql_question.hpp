// What the faces of SQL over HTTP share. Internal to api.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
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

/// kInvalidArgument where `text` has a whole number that 64 bits do not hold: what parses it makes
/// a floating point number of it.
[[nodiscard]] Status check_whole_numbers(std::string_view text);
/// Of a text that passed. kInvalidArgument for what is no string, number, true, false or null.
[[nodiscard]] Result<query::sql::Value> read_parameter(const nlohmann::json& value);
/// kUnavailable where the config takes no SQL.
[[nodiscard]] Status check_sql_taken(const RequestContext& request);
/// One with the tables of `view`, to be given back to the router's caches.
[[nodiscard]] Result<SqlSessions::Held> open_session(
    RequestContext& request, const std::shared_ptr<const storage::ReadView>& view);
/// Runs the statement; where its time is over, the error says how long it had and who says so.
[[nodiscard]] Status run_statement(RequestContext& request, query::sql::Session& session,
                                   const std::shared_ptr<const storage::ReadView>& view,
                                   const SqlQuestion& asked, query::sql::RowSink& rows);

}  // namespace plumbline::api
