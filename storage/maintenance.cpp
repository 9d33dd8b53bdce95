#include "storage/maintenance.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>

#include <rocksdb/db.h>

#include "storage/database_impl.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// Less is read back from the log in no time, and small table files are a burden of their own.
constexpr uint64_t kSettleBytesMin = uint64_t{16} << 20;
/// How long a request to stop may go unseen.
constexpr std::chrono::milliseconds kLookInterval{200};

std::vector<FamilyPtr> all_families(const Database::Impl& impl) {
    std::vector<FamilyPtr> out{impl.core->base.begin(), impl.core->base.end()};
    std::shared_ptr<const Generation> published;
    {
        const MutexLock lock{impl.mutex};
        published = impl.shared.published;
    }
    for (FamilyPtr& family : published->all()) {
        out.push_back(std::move(family));
    }
    return out;
}

}  // namespace

Status compact_database(const Database& database, const std::function<bool()>& should_stop) {
    const Database::Impl& impl = Internals::of(database);
    const std::shared_ptr<RocksHandles> core = impl.core;
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    std::atomic<bool> is_cancelled{false};
    options.canceled = &is_cancelled;
    for (const FamilyPtr& family : all_families(impl)) {
        // One family may take hours.
        auto compacted = std::async(std::launch::async, [&] {
            return core->db->CompactRange(options, family->get(), nullptr, nullptr);
        });
        do {
            is_cancelled = is_cancelled || (should_stop && should_stop());
        } while (compacted.wait_for(kLookInterval) != std::future_status::ready);
        const rocksdb::Status status = compacted.get();
        if (is_cancelled) {
            return Error{ErrorCode::kCancelled, "compacting was stopped"};
        }
        PLUMBLINE_TRY_VOID(from_rocks(status, "compacting " + family->name()));
    }
    return ok();
}

Status settle_database(const Database& database) {
    const Database::Impl& impl = Internals::of(database);
    rocksdb::DB& db = *impl.core->db;
    const std::vector<FamilyPtr> families = all_families(impl);
    uint64_t bytes = 0;
    for (const FamilyPtr& family : families) {
        uint64_t value = 0;
        bytes +=
            db.GetIntProperty(family->get(), "rocksdb.cur-size-all-mem-tables", &value) ? value : 0;
    }
    if (bytes < std::min<uint64_t>(kSettleBytesMin, impl.core->tuning.memory_bytes / 8)) {
        return ok();
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    for (const FamilyPtr& family : families) {
        handles.push_back(family->get());
    }
    return from_rocks(db.Flush(rocksdb::FlushOptions{}, handles), "writing memory to table files");
}

std::vector<std::pair<std::string, uint64_t>> storage_figures(const Database& database) {
    // Of the whole database, then those that only exist for each family and are summed up.
    constexpr std::pair<const char*, const char*> kShared[] = {
        {"block_cache_usage_bytes", "rocksdb.block-cache-usage"},
        {"running_compactions", "rocksdb.num-running-compactions"},
        {"running_flushes", "rocksdb.num-running-flushes"},
        {"background_errors", "rocksdb.background-errors"},
        {"is_write_stopped", "rocksdb.is-write-stopped"},
        {"delayed_write_rate", "rocksdb.actual-delayed-write-rate"},
    };
    constexpr std::pair<const char*, const char*> kSummed[] = {
        {"memtable_bytes", "rocksdb.cur-size-all-mem-tables"},
        {"live_data_bytes", "rocksdb.estimate-live-data-size"},
        {"table_files_bytes", "rocksdb.total-sst-files-size"},
        {"pending_compaction_bytes", "rocksdb.estimate-pending-compaction-bytes"},
        {"table_readers_bytes", "rocksdb.estimate-table-readers-mem"},
    };
    const Database::Impl& impl = Internals::of(database);
    rocksdb::DB& db = *impl.core->db;
    std::vector<std::pair<std::string, uint64_t>> out;
    for (const auto& [name, property] : kShared) {
        uint64_t value = 0;
        if (db.GetIntProperty(property, &value)) {
            out.emplace_back(name, value);
        }
    }
    const std::vector<FamilyPtr> families = all_families(impl);
    for (const auto& [name, property] : kSummed) {
        uint64_t sum = 0;
        for (const FamilyPtr& family : families) {
            uint64_t value = 0;
            sum += db.GetIntProperty(family->get(), property, &value) ? value : 0;
        }
        out.emplace_back(name, sum);
    }
    out.emplace_back("families", families.size());
    return out;
}

}  // namespace plumbline::storage
