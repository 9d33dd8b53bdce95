// Must not compile with -Wthread-safety: what readers of a database share is read without its lock,
// and what the writer owns is changed without the writer's role.
#include "storage/database_impl.hpp"

namespace plumbline::storage {

uint64_t count_events(const Database::Impl& db) {
#ifdef TAKE_THE_LOCK
    const MutexLock lock{db.mutex};
#endif
    return db.shared.facts.totals.events;
}

void forget_unsynced(Database::Impl& db) {
#ifdef TAKE_THE_LOCK
    const WriterScope role{db.writer};
#endif
    db.unsynced = false;
}

}  // namespace plumbline::storage
