#include "api/routes/past.hpp"

#include <memory>
#include <utility>

#include "api/routes/caches.hpp"
#include "core/base/logging.hpp"
#include "engine/fold/scratch_database.hpp"

namespace plumbline::api {

Status take_history_turn(RequestContext& request, std::unique_lock<std::mutex>& turn) {
    if (request.options().history_events_max == 0) {
        return Error{
            ErrorCode::kUnavailable,
            "this server answers nothing about the past: history_events_max in [http] is 0"};
    }
    turn = std::unique_lock{request.router.caches().history_turn, std::try_to_lock};
    return turn.owns_lock()
               ? ok()
               : Status{Error{ErrorCode::kRateLimited,
                              "another question about the past is being answered; ask again"}};
}

engine::RowHistoryOptions history_options(const RequestContext& request,
                                          const storage::Database& database) {
    engine::RowHistoryOptions out;
    out.scratch_parent = engine::directory_of(database);
    out.events_max = request.options().history_events_max;
    out.memory = request.options().memory;
    out.is_late = [&request] { return request.is_late(); };
    return out;
}

Error told_of_past(Error error) {
    if (error.code != ErrorCode::kIo) {
        return error;
    }
    logging::warning("a question about the past could not be answered", {{"why", error.message}});
    return Error{ErrorCode::kUnavailable,
                 "there is no room for earlier rows beside the database: the service's log says "
                 "why"};
}

query::sql::ReadPast read_past(RequestContext& request, std::function<void(int64_t)> on_fold) {
    auto turn = std::make_shared<std::unique_lock<std::mutex>>();
    return [&request, on_fold = std::move(on_fold), turn](
               const storage::ReadView& view,
               uint64_t block_num) -> Result<std::shared_ptr<const storage::ReadView>> {
        const storage::Database* const database = request.context().database();
        if (database == nullptr) {
            return Error{ErrorCode::kUnavailable, "there is no database yet"};
        }
        if (!turn->owns_lock()) {
            PLUMBLINE_TRY_VOID(take_history_turn(request, *turn));
        }
        const int64_t start_ms = request.context().clock().monotonic_ms();
        auto out = engine::rows_at(view, request.context().plan(), block_num,
                                   history_options(request, *database));
        on_fold(request.context().clock().monotonic_ms() - start_ms);
        if (!out) {
            return told_of_past(std::move(out).error());
        }
        return out;
    };
}

}  // namespace plumbline::api
