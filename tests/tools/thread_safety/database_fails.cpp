// Must not compile with -Wthread-safety: what readers of a database share is touched without its
// lock, and what the writer owns without the writer's role.
#include "storage/database_impl.hpp"

namespace plumbline::storage {

uint64_t events_without_the_lock(const Database::Impl& db) {
    return db.shared.facts.totals.events;
}

void write_without_the_role(Database::Impl& db) {
    db.unsynced = false;
}

}  // namespace plumbline::storage
