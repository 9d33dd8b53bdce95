#include "sink/pg_lock_holder.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/visible_text.hpp"

namespace plumbline::sink {

namespace {

constexpr int64_t kAskMs = 2'000;
constexpr size_t kTextMax = 200;  ///< of one holder

/// The process of a prepared transaction is 0. What others do only some roles are shown.
constexpr const char* kHolders =
    "with recursive waits(pid) as (select a.pid from pg_stat_activity a where "
    "cardinality(pg_blocking_pids(a.pid)) > 0 and case when exists (select 1 from pg_stat_activity "
    "where pid = $1::int) then a.pid = $1::int else a.usename = current_user and a.datname = "
    "current_database() and a.application_name = current_setting('application_name') end union "
    "select unnest(pg_blocking_pids(w.pid)) from waits w) "
    "select w.pid, concat_ws(', ', 'role ' || a.usename, nullif(a.application_name, ''), "
    "nullif(a.backend_type, 'client backend'), case when a.query = '<insufficient privilege>' then "
    "'what it does is shown to members of pg_read_all_stats' else a.state end, 'its transaction "
    "began ' || floor(extract(epoch from clock_timestamp() - a.xact_start)) || 's ago') from waits "
    "w left join pg_stat_activity a on a.pid = w.pid where cardinality(pg_blocking_pids(w.pid)) = "
    "0 order by a.xact_start limit 3";

}  // namespace

std::string find_lock_holder(PgOptions options, int backend) {
    options.connect_ms = kAskMs;
    options.silence_ms = kAskMs;
    options.wait = nullptr;
    options.names_lock_holders = false;
    const auto connection = PgConnection::open(std::move(options));
    if (!connection) {
        return {};
    }
    const auto found = (*connection)->query(kHolders, {fmt::format("{}", backend)});
    std::string holders;
    std::string ends;
    for (size_t row = 0; found && row < found->size(); ++row) {
        const uint64_t pid = found->number(row, 0);
        const bool is_prepared = pid == 0;
        holders += holders.empty() ? "" : " and ";
        holders += is_prepared
                       ? "a prepared transaction (pg_prepared_xacts)"
                       : fmt::format("pid {} ({})", pid, visible_text(found->at(row, 1), kTextMax));
        ends += ends.empty() ? "" : ", ";
        ends += is_prepared ? "rollback prepared ends that transaction"
                            : fmt::format("select pg_terminate_backend({}) ends that session", pid);
    }
    return holders.empty() ? "" : fmt::format("{}; {}", holders, ends);
}

}  // namespace plumbline::sink
