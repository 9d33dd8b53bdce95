#include "storage/shared_view.hpp"

#include <utility>

#include <rocksdb/db.h>
#include <rocksdb/snapshot.h>

#include "storage/database_impl.hpp"
#include "storage/read_view_impl.hpp"

namespace plumbline::storage {

std::shared_ptr<const ReadView> shared_view(const Database& database) {
    Database::Impl& my = Internals::of(database);
    {
        const MutexLock lock{my.mutex};
        if (my.newest_view != nullptr) {
            const ReadView::Impl& known = *Internals::of(*my.newest_view);
            // Every write has a number of its own, tasks and journal too. What a write made
            // visible in memory only afterwards is which generation is published.
            if (known.generation == my.shared.published &&
                known.snapshot->GetSequenceNumber() == my.core->db->GetLatestSequenceNumber()) {
                return my.newest_view;
            }
        }
    }
    std::shared_ptr<const ReadView> fresh = database.read_view();
    std::shared_ptr<const ReadView> old = fresh;  // Ends behind the lock.
    const MutexLock lock{my.mutex};
    my.newest_view.swap(old);
    return fresh;
}

void Database::Impl::forget_newest_view() {
    std::shared_ptr<const ReadView> old;  // Ends behind the lock.
    const MutexLock lock{mutex};
    newest_view.swap(old);
}

}  // namespace plumbline::storage
