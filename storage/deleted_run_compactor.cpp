// 1. Commits note some of the keys that they delete (storage/deleted_keys.hpp).
// 2. Where a family had enough deletes, an iterator is put on each of these keys, forwards and
//    backwards, that gives up after `kDeletedRunMin` tombstones. If it does, the key lies in a run.
// 3. Without that limit it finds the live keys around the run, and CompactRange takes what lies
//    between them: from the memtable down to the last level, where tombstones go.
//
// A snapshot that still sees the deleted rows keeps their tombstones: then it is tried again later.
#include "storage/deleted_run_compactor.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <rocksdb/db.h>

#include "core/base/clock.hpp"
#include "core/base/exception_guard.hpp"
#include "core/base/logging.hpp"
#include "storage/database_impl.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

using Milliseconds = std::chrono::milliseconds;

/// Between two looks: who reads pages after a burst of deletes does not wait for long.
constexpr Milliseconds kPauseMin{20};
constexpr Milliseconds kPauseMax{200};
/// For runs that a snapshot keeps.
constexpr Milliseconds kRetryMin{50};
constexpr Milliseconds kRetryMax{10'000};
/// Behind the watermark, which every family has and which is never deleted.
constexpr std::string_view kFirstKey{"\0", 1};

/// The published rows and indexes, which pages read.
std::vector<FamilyPtr> paged_families(const Database::Impl& impl) {
    std::shared_ptr<const Generation> published;
    {
        const MutexLock lock{impl.mutex};
        published = impl.shared.published;
    }
    std::vector<FamilyPtr> out;
    for (const EntityFamilies& entity : published->entities) {
        out.push_back(entity.rows);
        out.insert(out.end(), entity.indexes.begin(), entity.indexes.end());
    }
    return out;
}

/// The keys around a run; empty: it has no end there.
struct Neighbours {
    std::optional<std::string> before;
    std::optional<std::string> after;
};

bool is_in_run(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view key) {
    rocksdb::ReadOptions options;
    options.max_skippable_internal_keys = kDeletedRunMin;
    const std::unique_ptr<rocksdb::Iterator> it{db.NewIterator(options, family)};
    it->Seek(to_slice(key));
    if (it->status().IsIncomplete()) {
        return true;
    }
    it->SeekForPrev(to_slice(key));
    return it->status().IsIncomplete();
}

Neighbours find_neighbours(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                           std::string_view key) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it{db.NewIterator(options, family)};
    Neighbours out;
    it->SeekForPrev(to_slice(key));
    if (it->Valid()) {
        out.before = it->key().ToString();
    }
    it->Seek(to_slice(key));
    if (it->Valid()) {
        out.after = it->key().ToString();
    }
    return out;
}

}  // namespace

struct DeletedRunCompactor::Impl {
    Database::Impl& db;
    std::atomic<bool> is_cancelled{false};
    std::atomic<uint64_t> looked{0};
    std::atomic<uint64_t> compacted{0};
    /// Runs that stayed, by one of their keys. Used by `thread` alone.
    std::vector<DeletedKeys::Family> stuck;
    std::thread thread;

    explicit Impl(Database::Impl& of) : db{of} {}

    void run();
    void look(const FamilyPtr& family, const DeletedKeys::Family& deleted);
    [[nodiscard]] bool compact(const FamilyPtr& family, const Neighbours& around);
};

/// True where all was done that can be.
bool DeletedRunCompactor::Impl::compact(const FamilyPtr& family, const Neighbours& around) {
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    // Without it a table file of nothing but tombstones may only be moved a level down.
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.canceled = &is_cancelled;
    const rocksdb::Slice before{around.before ? *around.before : std::string_view{}};
    const rocksdb::Slice after{around.after ? *around.after : std::string_view{}};
    const rocksdb::Status status = db.core->db->CompactRange(
        options, family->get(), around.before ? &before : nullptr, around.after ? &after : nullptr);
    if (!status.ok()) {
        logging::debug("deleted rows could not be compacted",
                       {{"family", family->name()}, {"why", rocks_text(status)}});
        return false;
    }
    compacted += 1;
    return true;
}

void DeletedRunCompactor::Impl::look(const FamilyPtr& family, const DeletedKeys::Family& deleted) {
    rocksdb::DB& rocks = *db.core->db;
    for (const std::string& key : deleted.keys) {
        if (is_cancelled || !is_in_run(rocks, family->get(), key)) {
            continue;
        }
        if (!compact(family, find_neighbours(rocks, family->get(), key)) ||
            is_in_run(rocks, family->get(), key)) {
            stuck.push_back({deleted.id, deleted.deletes, {key}});
            return;
        }
    }
}

void DeletedRunCompactor::Impl::run() {
    Milliseconds retry = kRetryMin;
    while (stuck.empty() ? db.deleted.wait_until_due() : db.deleted.pause(retry)) {
        const int64_t start = system_clock().monotonic_ms();
        const std::vector<FamilyPtr> families = paged_families(db);
        std::vector<DeletedKeys::Family> due = db.deleted.take_due();
        const bool is_news = !due.empty();
        // A run that stayed has grown meanwhile, and then it is among what is due; or a snapshot
        // still sees its rows, and it is tried again.
        for (DeletedKeys::Family& old : std::exchange(stuck, {})) {
            if (std::none_of(due.begin(), due.end(),
                             [&](const DeletedKeys::Family& one) { return one.id == old.id; })) {
                due.push_back(std::move(old));
            }
        }
        for (const DeletedKeys::Family& deleted : due) {
            const auto found = std::find_if(
                families.begin(), families.end(),
                [&](const FamilyPtr& family) { return family->get()->GetID() == deleted.id; });
            if (found != families.end()) {
                look(*found, deleted);
                looked += 1;
            }
        }
        retry = is_news ? kRetryMin : std::min(retry * 2, kRetryMax);
        const Milliseconds took{system_clock().monotonic_ms() - start};
        if (!db.deleted.pause(std::clamp(took, kPauseMin, kPauseMax))) {
            return;
        }
    }
}

DeletedRunCompactor::DeletedRunCompactor(const Database& database)
    : impl_{std::make_unique<Impl>(Internals::of(database))} {
    Database::Impl& db = impl_->db;
    db.deleted.open();
    // What was deleted before, at the front at least, where pages begin.
    for (const FamilyPtr& family : paged_families(db)) {
        db.deleted.note_key(family->get()->GetID(), std::string{kFirstKey});
    }
    impl_->thread = std::thread{[impl = impl_.get()] {
        const Status ran = catch_exceptions("compacting deleted rows", [&] { impl->run(); });
        if (!ran) {
            logging::warning(ran.error().message);
        }
    }};
}

DeletedRunCompactor::~DeletedRunCompactor() {
    impl_->is_cancelled = true;
    impl_->db.deleted.close();
    impl_->thread.join();
}

uint64_t DeletedRunCompactor::looked() const noexcept {
    return impl_->looked;
}

uint64_t DeletedRunCompactor::compacted() const noexcept {
    return impl_->compacted;
}

}  // namespace plumbline::storage
