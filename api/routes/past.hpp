// Questions about the past. Each folds the log, so one is answered at a time. Internal to api.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "api/routes/request_context.hpp"
#include "core/base/result.hpp"
#include "engine/fold/row_history.hpp"
#include "query/sql/read_past.hpp"

namespace plumbline::api {

/// kRateLimited while another one is answered; kUnavailable where the config takes none.
[[nodiscard]] Status take_history_turn(RequestContext& request, std::unique_lock<std::mutex>& turn);

/// The config's limits, the request's time, and a place beside the database.
[[nodiscard]] engine::RowHistoryOptions history_options(const RequestContext& request,
                                                        const storage::Database& database);

/// What a client is told of it: where the disk is and what it lacks stays in the log.
[[nodiscard]] Error told_of_past(Error error);

/// For one statement: takes the turn when it first asks, and gives it back with its last copy. The
/// request's time holds for the folds, not the statement's: `on_fold` is told how many milliseconds
/// each took. On the request's thread.
[[nodiscard]] query::sql::ReadPast read_past(RequestContext& request,
                                             std::function<void(int64_t)> on_fold);

}  // namespace plumbline::api
