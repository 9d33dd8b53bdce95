// Who is in the way of a statement that waits for a lock, as PostgreSQL tells it.
#pragma once

#include <string>

#include "sink/pg_connection.hpp"

namespace plumbline::sink {

/// Asked over a short connection of its own, for a few seconds at most: "pid 4711 (role app, psql,
/// idle in transaction, its transaction began 34s ago); select pg_terminate_backend(4711) ends that
/// session". Of a queue those at its head, who wait for nobody. Empty: there is none, or nobody
/// tells. `backend` is what the server called our session; PgBouncer calls it otherwise, then those
/// of the same role, database and application_name that wait are taken for ours.
[[nodiscard]] std::string find_lock_holder(PgOptions options, int backend);

}  // namespace plumbline::sink
