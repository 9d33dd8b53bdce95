#include "storage/rocks_options.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include "core/base/logging.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kMemoryMin = 4 * kMiB;

/// Of all bytes, those that memtables may take.
size_t write_buffer_share(size_t bytes) {
    return bytes * 3 / 8;
}

/// Passes on what went wrong behind the writer's back, and leaves it to the writer to go on:
/// RocksDB would only try after seconds, in a thread of its own, and be busy for everybody until
/// then.
class Listener final : public rocksdb::EventListener {
  public:
    Listener(std::function<void(const std::string&)> notice,
             std::shared_ptr<BackgroundFailure> failure)
        : notice_{std::move(notice)},
          failure_{std::move(failure)} {}
    void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                           rocksdb::Status* status) override {
        // It tries again by itself every second, and says the same each time.
        if (failure_->note(*status) && notice_) {
            notice_("storage stopped writing: " + rocks_text(*status));
        }
    }
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }

  private:
    std::function<void(const std::string&)> notice_;
    std::shared_ptr<BackgroundFailure> failure_;
};

/// What RocksDB has to say goes to our log. Its own LOG file would be one more file that a full
/// disk refuses, and the first line after that ends the process (an assertion in Debian's build).
class RocksLog final : public rocksdb::Logger {
  public:
    RocksLog() : rocksdb::Logger{rocksdb::InfoLogLevel::WARN_LEVEL} {}
    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list arguments) override {
        std::array<char, 1024> line{};
        if (std::vsnprintf(line.data(), line.size(), format, arguments) > 0) {
            logging::debug(line.data());
        }
    }
};

/// What one kind of family has otherwise than all others.
void tune_kind(FamilyKind kind, const RocksTuning& tuning, rocksdb::ColumnFamilyOptions& out,
               rocksdb::BlockBasedTableOptions& table) {
    switch (kind) {
        case FamilyKind::kLog:
            out.write_buffer_size = std::clamp<size_t>(tuning.memory_bytes / 8, kMiB, 32 * kMiB);
            out.target_file_size_base = 64 * kMiB;
            out.max_bytes_for_level_base = 512 * kMiB;
            out.arena_block_size = 256 << 10;
            table.block_size = 32 << 10;
            out.bottommost_compression = rocksdb::kZSTD;
            break;
        case FamilyKind::kEntity:
            // Folding asks for keys that do not exist yet as often as for those that do.
            table.filter_policy = tuning.filter;
            out.memtable_whole_key_filtering = true;
            out.memtable_prefix_bloom_size_ratio = 0.1;
            table.block_size = 8 << 10;
            out.arena_block_size = 128 << 10;
            table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
            out.write_buffer_size = std::clamp<size_t>(tuning.memory_bytes / 8, kMiB, 32 * kMiB);
            break;
        case FamilyKind::kQuarantine:
        case FamilyKind::kTask: table.filter_policy = tuning.filter; break;
        case FamilyKind::kBlocks: out.bottommost_compression = rocksdb::kZSTD; break;
        default: break;
    }
}

}  // namespace

RocksTuning make_tuning(const OpenOptions& options) {
    RocksTuning tuning;
    tuning.memory_bytes = std::max(options.memory_bytes, kMemoryMin);
    tuning.tiny_buffers = options.tiny_buffers;
    tuning.bulk_rows_min = options.tiny_buffers ? 16 : 1024;
    tuning.cut_rows_max = options.tiny_buffers ? 8 : 20'000;
    tuning.cache = rocksdb::NewLRUCache(tuning.memory_bytes, 4);
    // What memtables take is taken from the cache.
    tuning.write_buffers = std::make_shared<rocksdb::WriteBufferManager>(
        write_buffer_share(tuning.memory_bytes), tuning.cache);
    tuning.background_failure = std::make_shared<BackgroundFailure>();
    tuning.filter.reset(rocksdb::NewBloomFilterPolicy(10));
    return tuning;
}

void set_tuning_memory(RocksTuning& tuning, size_t bytes) noexcept {
    tuning.memory_bytes = std::max(bytes, kMemoryMin);
    tuning.write_buffers->SetBufferSize(write_buffer_share(tuning.memory_bytes));
    tuning.cache->SetCapacity(tuning.memory_bytes);
}

rocksdb::DBOptions make_db_options(const OpenOptions& options, const RocksTuning& tuning) {
    rocksdb::DBOptions out;
    out.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
    out.info_log = std::make_shared<RocksLog>();
    out.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    out.max_background_jobs = 2;
    // A reader beside a writer must hold every file open: the writer may delete any of them.
    out.max_open_files = options.read_only ? -1 : 512;
    // By this thread alone: 7.8 ends the process where a thread cannot be started for it
    // (VersionBuilder::LoadTableHandlers leaves those that were joinable).
    out.max_file_opening_threads = 1;
    out.write_buffer_manager = tuning.write_buffers;
    // A reader beside the writer has in memory what stands in the log files only.
    out.max_total_wal_size =
        tuning.tiny_buffers
            ? 64 << 10
            : std::clamp(2 * write_buffer_share(tuning.memory_bytes), 8 * kMiB, 128 * kMiB);
    out.bytes_per_sync = kMiB;
    // Notices a synced log file that is gone or cut short. Its known bug in 7.8 is with
    // DB::SyncWAL, which is not used here.
    out.track_and_verify_wals_in_manifest = true;
    out.stats_dump_period_sec = 0;
    out.stats_persist_period_sec = 0;
    out.enable_pipelined_write = false;
    out.paranoid_checks = true;
    out.persist_stats_to_disk = false;
    out.listeners.push_back(std::make_shared<Listener>(options.notice, tuning.background_failure));
    return out;
}

rocksdb::ColumnFamilyOptions make_family_options(FamilyKind kind, const RocksTuning& tuning) {
    rocksdb::ColumnFamilyOptions out;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = tuning.cache;
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.format_version = 5;
    // Of a file's index and filter only the parts that are looked at take room in the cache.
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
    table.metadata_block_size = 16 << 10;
    table.block_size = 16 << 10;
    out.compression = rocksdb::kLZ4Compression;
    out.level_compaction_dynamic_level_bytes = false;
    out.memtable_protection_bytes_per_key = 8;
    out.paranoid_file_checks = true;
    out.write_buffer_size = std::clamp<size_t>(tuning.memory_bytes / 16, kMiB, 16 * kMiB);
    out.target_file_size_base = 32 * kMiB;
    // Filters make a file cheap to look past; rewriting them four at a time would be a fifth of
    // what a fold of the whole log costs.
    out.level0_file_num_compaction_trigger = 8;
    // Every family holds at least one block, most of them for a watermark only.
    out.arena_block_size = 16 << 10;
    // Keys come in ascending order, within a commit at least: each is looked for from the one
    // before it and not from the top of the memtable. A prefix of no bytes: one place for all keys.
    out.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(0));
    tune_kind(kind, tuning, out, table);
    if (tuning.tiny_buffers) {
        out.write_buffer_size = 16 << 10;
        out.arena_block_size = 4 << 10;
        out.target_file_size_base = 16 << 10;
        out.max_bytes_for_level_base = 64 << 10;
        out.level0_file_num_compaction_trigger = 2;
        table.block_size = 1 << 10;
    }
    out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return out;
}

std::vector<rocksdb::ColumnFamilyDescriptor> make_descriptors(const std::vector<std::string>& names,
                                                              const RocksTuning& tuning) {
    std::vector<rocksdb::ColumnFamilyDescriptor> out;
    out.reserve(names.size());
    for (const std::string& name : names) {
        rocksdb::ColumnFamilyOptions options = make_family_options(family_kind(name), tuning);
        // A compaction that meets damage ends all writing, those of the mending too.
        options.disable_auto_compactions = tuning.is_to_mend;
        out.emplace_back(name, std::move(options));
    }
    return out;
}

}  // namespace plumbline::storage
