// Opening a directory:
//   1. the sidecar file tells the format, whether unsynced commits may follow, and the last synced
//      commit;
//   2. RocksDB recovers its log by the rule that fits;
//   3. format, chain and schema are read and checked;
//   4. the watermarks of all families must agree: where they do not, the log families are cut back
//      to what all of them hold and the derived ones are marked for a new fold;
//   5. a head behind the sidecar's is told.
#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <malloc.h>

#include "core/base/sleep.hpp"
#include "core/evm/hex.hpp"
#include "storage/bulk_load.hpp"
#include "storage/codec.hpp"
#include "storage/database_impl.hpp"
#include "storage/digest_store.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

constexpr int kReadOnlyTriesMax = 24;
constexpr int kReadOnlyDelayMsMax = 100;

/// One open: what was found and what has to be done about it.
class Opener {
  public:
    Opener(const std::string& path, Database::Impl& db) : path_{path}, db_{db} {}
    [[nodiscard]] Status run();

  private:
    [[nodiscard]] Status look_at_directory();
    [[nodiscard]] Status read_sidecar();
    [[nodiscard]] Status probe_foreign();
    [[nodiscard]] Status open_rocks();
    [[nodiscard]] Status open_writer(const std::vector<std::string>& names);
    [[nodiscard]] rocksdb::Status try_open(rocksdb::WALRecoveryMode mode,
                                           const std::vector<std::string>& names);
    [[nodiscard]] rocksdb::Status try_open_read_only();
    [[nodiscard]] std::string manifest_state() const;
    [[nodiscard]] std::set<std::string> wal_files() const;
    [[nodiscard]] Status set_aside_wal();
    [[nodiscard]] Status create_content();
    [[nodiscard]] Status load_schema();
    [[nodiscard]] Status drop_leftovers(const std::set<std::string>& wanted);
    [[nodiscard]] Status load_facts();
    [[nodiscard]] Status load_dictionary();
    [[nodiscard]] Status load_coverage();
    [[nodiscard]] Status load_undo_end(const Generation& generation, GenerationFacts& facts);
    [[nodiscard]] Status load_journal_end();
    [[nodiscard]] Status compare_watermarks();
    [[nodiscard]] Status heal_log(std::optional<uint64_t> safe);
    [[nodiscard]] Status heal_derived();
    void compare_sidecar();

    [[nodiscard]] Result<std::optional<std::string>> meta(std::string_view name) const {
        return db_.core->get(db_.core->meta(), name);
    }
    [[nodiscard]] RocksHandles& core() const { return *db_.core; }
    [[nodiscard]] bool read_only() const { return db_.options.read_only; }

    const std::string& path_;
    Database::Impl& db_;
    bool exists_ = false;
    std::optional<HeadFile> head_;
    std::map<std::string, FamilyPtr> families_;
    uint64_t highest_commit_ = 0;
    uint64_t stored_block_ = 0;  ///< the cursor's block as found, before any mending
    bool healed_ = false;
    bool wal_set_aside_ = false;
};

bool is_lock_error(const rocksdb::Status& status) {
    // RocksDB gives no code of its own for it.
    return status.IsIOError() && status.ToString().find("LOCK") != std::string::npos;
}

Status Opener::look_at_directory() {
    rocksdb::Env& env = *core().env;
    exists_ = env.FileExists(path_ + "/CURRENT").ok();
    if (exists_) {
        return ok();
    }
    std::vector<std::string> files;
    const bool is_directory = env.GetChildren(path_, &files).ok();
    for (const std::string& file : files) {
        const bool ours = file == "." || file == ".." || file == "LOCK" || file == "IDENTITY" ||
                          file.starts_with("LOG") || file.starts_with("MANIFEST-") ||
                          file.starts_with("OPTIONS-") || file.ends_with(".dbtmp") ||
                          file.ends_with(".log") || file.ends_with(".sst") ||
                          file.starts_with(kHeadFileName);
        if (!ours) {
            return Error{ErrorCode::kIncompatible,
                         fmt::format("{} is not a plumbline database: it holds '{}'", path_, file)};
        }
        if (file == kHeadFileName) {
            return Error{ErrorCode::kCorruption,
                         fmt::format("{}: the database's own files are gone (no CURRENT); delete "
                                     "the directory and index again",
                                     path_)};
        }
    }
    if (!db_.options.create) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("no database at {}: {}", path_,
                                 is_directory ? "the directory is empty" : "no such directory")};
    }
    return ok();
}

Status Opener::read_sidecar() {
    auto head = read_head(*core().env, path_);
    if (head) {
        head_ = *head;
    } else if (head.error().code == ErrorCode::kCorruption) {
        db_.notice(path_ + ": " + head.error().message +
                   "; it is written anew, blocks lost before now may go unnoticed");
    } else if (head.error().code != ErrorCode::kNotFound) {
        return std::move(head).error();
    }
    if (head_ && head_->format_version > kFormatVersion) {
        return Error{ErrorCode::kIncompatible,
                     fmt::format("{} has format {}, this program knows formats up to {}: use a "
                                 "newer plumbline",
                                 path_, head_->format_version, kFormatVersion)};
    }
    return ok();
}

/// Without a sidecar it may be anybody's RocksDB: look before touching anything.
Status Opener::probe_foreign() {
    std::vector<std::string> names;
    rocksdb::DBOptions options = make_db_options(db_.options, core().tuning);
    const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(options, path_, &names);
    PLUMBLINE_TRY_VOID(from_rocks(listed, "opening " + path_));
    for (const std::string& name : names) {
        if (family_kind(name) == FamilyKind::kUnknown) {
            return Error{
                ErrorCode::kIncompatible,
                fmt::format("{} is not a plumbline database: it has a family '{}'", path_, name)};
        }
    }
    if (head_ || names.size() > 1) {
        return ok();
    }
    std::unique_ptr<rocksdb::DB> probe;
    rocksdb::DB* raw = nullptr;
    rocksdb::Options probe_options{options, rocksdb::ColumnFamilyOptions{}};
    probe_options.listeners.clear();
    if (!rocksdb::DB::OpenForReadOnly(probe_options, path_, &raw).ok()) {
        return ok();
    }
    probe.reset(raw);
    const std::unique_ptr<rocksdb::Iterator> it{probe->NewIterator(rocksdb::ReadOptions{})};
    it->SeekToFirst();
    std::string format;
    if (it->Valid() && !probe->Get(rocksdb::ReadOptions{}, to_slice(kMetaFormat), &format).ok()) {
        return Error{ErrorCode::kIncompatible,
                     fmt::format("{} is not a plumbline database, but some other RocksDB", path_)};
    }
    return ok();
}

rocksdb::Status Opener::try_open(rocksdb::WALRecoveryMode mode,
                                 const std::vector<std::string>& names) {
    rocksdb::DBOptions options = make_db_options(db_.options, core().tuning);
    options.create_if_missing = db_.options.create;
    options.create_missing_column_families = db_.options.create;
    options.wal_recovery_mode = mode;
    options.track_and_verify_wals_in_manifest = !wal_set_aside_;
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const rocksdb::Status status =
        rocksdb::DB::Open(options, path_, make_descriptors(names, core().tuning), &handles, &raw);
    if (!status.ok()) {
        return status;
    }
    core().db.reset(raw);
    for (size_t i = 0; i < names.size(); ++i) {
        families_[names[i]] = std::make_shared<Family>(*raw, handles[i]);
    }
    return status;
}

/// Which manifest is in force and how long it is: it grows with every flush and compaction.
std::string Opener::manifest_state() const {
    std::string name;
    uint64_t size = 0;
    if (!rocksdb::ReadFileToString(core().env, path_ + "/CURRENT", &name).ok()) {
        return {};
    }
    name.erase(name.find_last_not_of('\n') + 1);
    core().env->GetFileSize(path_ + "/" + name, &size).PermitUncheckedError();
    return fmt::format("{} {}", name, size);
}

std::set<std::string> Opener::wal_files() const {
    std::vector<std::string> files;
    core().env->GetChildren(path_, &files).PermitUncheckedError();
    std::erase_if(files, [](const std::string& file) { return !file.ends_with(".log"); });
    return {files.begin(), files.end()};
}

rocksdb::Status Opener::try_open_read_only() {
    rocksdb::DBOptions options = make_db_options(db_.options, core().tuning);
    // Only damage at the end of a log that a writer is just writing may pass; what is lost further
    // in shows against the sidecar, which was read before.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    std::vector<std::string> names;
    rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, path_, &names);
    if (!status.ok()) {
        return status;
    }
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    status = rocksdb::DB::OpenForReadOnly(options, path_, make_descriptors(names, core().tuning),
                                          &handles, &raw);
    if (!status.ok()) {
        return status;
    }
    core().db.reset(raw);
    for (size_t i = 0; i < names.size(); ++i) {
        families_[names[i]] = std::make_shared<Family>(*raw, handles[i]);
    }
    return status;
}

/// The last resort when the log contradicts the flushed files: what was flushed is a whole state
/// of each family, and the watermarks tell which.
Status Opener::set_aside_wal() {
    rocksdb::Env& env = *core().env;
    std::vector<std::string> files;
    PLUMBLINE_TRY_VOID(from_rocks(env.GetChildren(path_, &files), "listing " + path_));
    for (const std::string& file : files) {
        if (file.ends_with(".log")) {
            PLUMBLINE_TRY_VOID(
                from_rocks(env.RenameFile(path_ + "/" + file, path_ + "/" + file + ".damaged"),
                           "setting aside " + file));
        }
    }
    wal_set_aside_ = true;
    return ok();
}

Status Opener::open_writer(const std::vector<std::string>& names) {
    using Mode = rocksdb::WALRecoveryMode;
    const bool synced = head_ && !head_->buffered;
    rocksdb::Status status =
        try_open(synced ? Mode::kTolerateCorruptedTailRecords : Mode::kPointInTimeRecovery, names);
    if (is_lock_error(status)) {
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("another process writes to {}: it holds the lock {}/LOCK", path_, path_)};
    }
    if (!status.ok() && synced && (status.IsCorruption() || status.IsIOError())) {
        const std::string first = status.ToString();
        status = try_open(Mode::kPointInTimeRecovery, names);
        if (status.ok()) {
            db_.notice(
                fmt::format("{}: the write-ahead log is damaged ({}); everything up to the "
                            "damage was kept",
                            path_, first));
        }
    }
    if (status.IsCorruption()) {
        const std::string first = status.ToString();
        if (first.find("inconsistency") != std::string::npos ||
            first.find(" WAL ") != std::string::npos ||
            first.find("SST file is ahead of WALs") != std::string::npos) {
            PLUMBLINE_TRY_VOID(set_aside_wal());
            status = try_open(Mode::kPointInTimeRecovery, names);
            if (status.ok()) {
                db_.notice(
                    fmt::format("{}: the write-ahead log is damaged ({}) and was set aside; "
                                "what the table files hold was kept",
                                path_, first));
            }
        }
    }
    malloc_trim(
        0);  // What recovery had in memory is on disk now, but the heap would keep its size.
    return from_rocks(status, "opening " + path_);
}

Status Opener::open_rocks() {
    if (read_only()) {
        rocksdb::Status status;
        for (int i = 0; i < kReadOnlyTriesMax; ++i) {
            // A writer may flush and delete a log file between our reading of the manifest and of
            // the log files: what was in it would be missing in the middle. Log files go oldest
            // first, so if those of before are all still there, none was missed.
            const std::string manifest = manifest_state();
            const std::set<std::string> logs = wal_files();
            status = try_open_read_only();
            if (status.ok()) {
                const std::set<std::string> logs_after = wal_files();
                if (manifest_state() == manifest ||
                    (!logs.empty() && std::includes(logs_after.begin(), logs_after.end(),
                                                    logs.begin(), logs.end()))) {
                    return ok();
                }
            }
            families_.clear();
            core().db.reset();
            sleep_ms(std::min(kReadOnlyDelayMsMax, 2 << std::min(i, 8)));
        }
        return status.ok() ? Status{Error{ErrorCode::kUnavailable,
                                          path_ + ": the writer is too busy to read beside it; "
                                                  "try again"}}
                           : from_rocks(status, "opening " + path_);
    }
    std::vector<std::string> names;
    if (exists_) {
        const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(
            make_db_options(db_.options, core().tuning), path_, &names);
        PLUMBLINE_TRY_VOID(from_rocks(listed, "opening " + path_));
    } else {
        PLUMBLINE_TRY_VOID(from_rocks(core().env->CreateDirIfMissing(path_), "creating " + path_));
    }
    if (names.size() <= kBaseFamilyCount && db_.options.create) {
        // New, or a creation that did not finish.
        for (const BaseFamily& family : kBaseFamilies) {
            names.emplace_back(family.name);
        }
        for (std::string& name : generation_families(db_.options.bundle->entities, 1)) {
            names.push_back(std::move(name));
        }
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
    }
    return open_writer(names);
}

Status Opener::create_content() {
    const SchemaBundle& bundle = *db_.options.bundle;
    // An earlier attempt may have got as far as some families, perhaps of another schema.
    for (const std::string& name : generation_families(bundle.entities, 1)) {
        if (families_.count(name) == 0) {
            rocksdb::ColumnFamilyHandle* handle = nullptr;
            PLUMBLINE_TRY_VOID(from_rocks(
                core().db->CreateColumnFamily(make_family_options(family_kind(name), core().tuning),
                                              name, &handle),
                "creating family " + name));
            families_[name] = std::make_shared<Family>(*core().db, handle);
        }
    }
    for (const BaseFamily& family : kBaseFamilies) {
        const std::string name{family.name};
        if (families_.count(name) == 0) {
            rocksdb::ColumnFamilyHandle* handle = nullptr;
            PLUMBLINE_TRY_VOID(
                from_rocks(core().db->CreateColumnFamily(
                               make_family_options(family.kind, core().tuning), name, &handle),
                           "creating family " + name));
            families_[name] = std::make_shared<Family>(*core().db, handle);
        }
    }
    for (size_t i = 0; i < kBaseFamilyCount; ++i) {
        core().base[i] = families_.at(std::string{kBaseFamilies[i].name});
    }
    db_.published = make_generation(1, std::make_shared<const SchemaBundle>(bundle), families_);
    db_.facts = StoredState{};
    db_.facts.watermark.commit_num = 1;
    db_.facts.published.counts.rows.assign(bundle.entities.size(), 0);
    rocksdb::WriteBatch batch;
    const auto put = [&](std::string_view name, const std::string& value) {
        batch.Put(core().meta(), to_slice(name), value).PermitUncheckedError();
    };
    put(kMetaFormat, encode_format(kFormatVersion));
    put(kMetaIdentity, encode_identity(*db_.options.identity));
    put(kMetaGeneration, encode_generations(db_.facts.generations));
    put(meta_name(kMetaBundle, 1), encode_bundle(bundle));
    db_.put_facts(batch, db_.facts, false);
    rocksdb::WriteOptions options;
    options.sync = true;
    return from_rocks(core().db->Write(options, &batch), "creating " + path_);
}

Status Opener::load_schema() {
    PLUMBLINE_TRY(const auto identity, meta(kMetaIdentity));
    PLUMBLINE_TRY(const auto generations, meta(kMetaGeneration));
    if (!identity || !generations) {
        return Error{ErrorCode::kCorruption, path_ + ": the database's identity is missing"};
    }
    PLUMBLINE_TRY(db_.identity, decode_identity(*identity));
    if (db_.options.identity && *db_.options.identity != db_.identity) {
        const ChainIdentity& wanted = *db_.options.identity;
        return Error{
            ErrorCode::kIncompatible,
            fmt::format("{} belongs to another chain: it has chain id {}, genesis {}; asked for "
                        "was chain id {}, genesis {}",
                        path_, db_.identity.chain_id, evm::to_hex(db_.identity.genesis_hash),
                        wanted.chain_id, evm::to_hex(wanted.genesis_hash))};
    }
    PLUMBLINE_TRY(db_.facts.generations, decode_generations(*generations));
    const uint32_t number = db_.facts.generations.published;
    PLUMBLINE_TRY(const auto stored, meta(meta_name(kMetaBundle, number)));
    if (!stored) {
        return Error{ErrorCode::kCorruption, path_ + ": the schema is missing"};
    }
    PLUMBLINE_TRY(SchemaBundle bundle, decode_bundle(*stored));
    std::set<std::string> wanted;
    for (const BaseFamily& family : kBaseFamilies) {
        wanted.emplace(family.name);
    }
    for (std::string& name : generation_families(bundle.entities, number)) {
        wanted.insert(std::move(name));
    }
    for (const std::string& name : wanted) {
        if (families_.count(name) == 0) {
            return Error{ErrorCode::kCorruption, fmt::format("{}: family {} is gone", path_, name)};
        }
    }
    db_.published =
        make_generation(number, std::make_shared<const SchemaBundle>(std::move(bundle)), families_);
    db_.last_generation = number;
    for (const auto& [name, family] : families_) {
        db_.last_generation = std::max(db_.last_generation, family_generation(name).value_or(0));
    }
    return read_only() ? ok() : drop_leftovers(wanted);
}

/// Generations that were never published, or were replaced, or whose creation was cut short.
Status Opener::drop_leftovers(const std::set<std::string>& wanted) {
    remove_bulk_files(*core().env, path_);
    for (const auto& [name, family] : families_) {
        if (wanted.count(name) == 0) {
            PLUMBLINE_TRY_VOID(from_rocks(core().db->DropColumnFamily(family->get()),
                                          "dropping the left-over family " + name));
        }
    }
    if (db_.facts.generations.building != 0) {
        const uint32_t unfinished = db_.facts.generations.building;
        db_.facts.generations.building = 0;
        rocksdb::WriteBatch batch;
        forget_generation(core(), unfinished, batch);
        batch
            .Put(core().meta(), to_slice(kMetaGeneration),
                 encode_generations(db_.facts.generations))
            .PermitUncheckedError();
        rocksdb::WriteOptions options;
        options.sync = true;
        PLUMBLINE_TRY_VOID(
            from_rocks(core().db->Write(options, &batch), "forgetting an unfinished generation"));
        db_.notice(path_ + ": an unfinished fold was dropped");
    }
    return ok();
}

Status Opener::load_dictionary() {
    const std::unique_ptr<rocksdb::Iterator> it{
        core().db->NewIterator(rocksdb::ReadOptions{}, core().family(FamilyKind::kDict))};
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;
        }
        PLUMBLINE_TRY(const DictRow row, decode_dict(to_view(it->key()), to_view(it->value())));
        Dictionary& dictionary = db_.dictionaries[static_cast<size_t>(row.kind)];
        if (row.id != dictionary.size()) {
            return Error{ErrorCode::kCorruption, path_ + ": a dictionary entry is missing"};
        }
        dictionary.push(row.value);
    }
    return from_rocks(it->status(), "reading the dictionary");
}

Status Opener::load_coverage() {
    std::map<std::string, CoverageRanges> ranges;
    const std::unique_ptr<rocksdb::Iterator> it{
        core().db->NewIterator(rocksdb::ReadOptions{}, core().family(FamilyKind::kCoverage))};
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (it->key().empty()) {
            continue;
        }
        PLUMBLINE_TRY(CoverageRow row, decode_coverage(to_view(it->key()), to_view(it->value())));
        ranges[row.source][row.range.from] = row;
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading coverage"));
    for (auto& [source, of_source] : ranges) {
        db_.facts.coverage[source] = std::make_shared<const CoverageRanges>(std::move(of_source));
    }
    return ok();
}

Status Opener::load_undo_end(const Generation& generation, GenerationFacts& facts) {
    const std::unique_ptr<rocksdb::Iterator> it{
        core().db->NewIterator(rocksdb::ReadOptions{}, generation.undo->get())};
    it->SeekToLast();
    if (it->Valid() && it->key().size() == kLogKeySize) {
        facts.undo_block = load_be64(it->key().data());
        facts.undo_next = load_be32(it->key().data() + 8) + 1;
    }
    return from_rocks(it->status(), "reading undo rows");
}

Status Opener::load_journal_end() {
    const std::unique_ptr<rocksdb::Iterator> it{
        core().db->NewIterator(rocksdb::ReadOptions{}, core().family(FamilyKind::kJournal))};
    it->SeekToLast();
    if (it->Valid() && it->key().size() == sizeof(uint64_t)) {
        db_.facts.journal_last = load_be64(it->key().data());
    }
    return from_rocks(it->status(), "reading the journal");
}

Status Opener::load_facts() {
    StoredState& facts = db_.facts;
    const uint32_t number = facts.generations.published;
    PLUMBLINE_TRY(const auto mark, meta(""));
    PLUMBLINE_TRY(const auto cursor, meta(kMetaCursor));
    PLUMBLINE_TRY(const auto totals, meta(kMetaTotals));
    PLUMBLINE_TRY(const auto tails, meta(kMetaTails));
    PLUMBLINE_TRY(const auto counts, meta(meta_name(kMetaCounts, number)));
    PLUMBLINE_TRY(const auto floor, meta(meta_name(kMetaUndoFloor, number)));
    PLUMBLINE_TRY(const auto refold, meta(kMetaRefold));
    if (!mark || !totals || !tails || !counts || !floor) {
        return Error{ErrorCode::kCorruption, path_ + ": part of the meta family is missing"};
    }
    PLUMBLINE_TRY(facts.watermark, decode_watermark(*mark));
    PLUMBLINE_TRY(facts.totals, decode_totals(*totals));
    PLUMBLINE_TRY(facts.tails, decode_tails(*tails));
    PLUMBLINE_TRY(facts.published.counts, decode_counts(*counts));
    PLUMBLINE_TRY(facts.published.undo_floor, decode_number(*floor));
    if (facts.published.counts.rows.size() != db_.published->plans.size()) {
        return Error{ErrorCode::kCorruption, path_ + ": row counts do not fit the schema"};
    }
    facts.needs_refold = refold.has_value();
    if (cursor) {
        PLUMBLINE_TRY(facts.cursor, decode_cursor(*cursor));
        facts.cursor->commit_num = facts.watermark.commit_num;
        facts.cursor->event_count = facts.totals.events;
        stored_block_ = facts.cursor->block_num;
    }
    PLUMBLINE_TRY_VOID(load_undo_end(*db_.published, facts.published));
    PLUMBLINE_TRY_VOID(load_journal_end());
    PLUMBLINE_TRY_VOID(load_dictionary());
    return load_coverage();
}

Status Opener::compare_watermarks() {
    const Watermark& own = db_.facts.watermark;
    highest_commit_ = own.commit_num;
    bool log_differs = false;
    bool fill_lost = false;
    bool rollback_lost = false;
    uint64_t safe = own.block_num;
    uint64_t safe_final = own.finalized;
    std::string differing;
    const auto read_mark = [&](const Family& family) -> Result<Watermark> {
        PLUMBLINE_TRY(const auto value, core().get(family.get(), ""));
        return value ? decode_watermark(*value) : Result<Watermark>{Watermark{}};
    };
    const auto note = [&](const Family& family, const Watermark& mark, bool fits) {
        highest_commit_ = std::max(highest_commit_, mark.commit_num);
        if (!fits) {
            differing += fmt::format(" {} ({})", family.name(), mark.commit_num);
        }
        return !fits;
    };
    for (size_t i = 0; i < kBaseFamilyCount; ++i) {
        const Family& family = *core().base[i];
        PLUMBLINE_TRY(const Watermark mark, read_mark(family));
        const bool append = is_append_family(kBaseFamilies[i].kind);
        fill_lost |= mark.last_fill != own.last_fill;
        rollback_lost |= mark.last_rollback != own.last_rollback;
        if (!append) {
            if (note(family, mark, mark == own)) {
                log_differs = true;
                safe = std::min(safe, mark.block_num);
                safe_final = std::min(safe_final, mark.finalized);
            }
            continue;
        }
        const std::string& tail =
            kBaseFamilies[i].kind == FamilyKind::kLog ? db_.facts.tails.log : db_.facts.tails.block;
        const std::unique_ptr<rocksdb::Iterator> it{
            core().db->NewIterator(rocksdb::ReadOptions{}, family.get())};
        it->SeekToLast();
        PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + family.name()));
        const std::string last = it->Valid() ? it->key().ToString() : std::string{};
        const bool fits = mark.last_fill == own.last_fill &&
                          mark.last_rollback == own.last_rollback && last == tail;
        if (note(family, mark, fits)) {
            log_differs = true;
            safe = std::min(safe, last.empty() ? 0 : load_be64(last.data()));
            if (last.empty()) {
                fill_lost = true;
            }
        }
    }
    bool derived_differs = false;
    for (const FamilyPtr& family : db_.published->all()) {
        PLUMBLINE_TRY(const Watermark mark, read_mark(*family));
        derived_differs |= note(*family, mark, mark == own);
    }
    if (!log_differs && !derived_differs) {
        return ok();
    }
    db_.notice(
        fmt::format("{}: families stand at different commits: meta ({}){}; the derived ones "
                    "have to be folded again from the log",
                    path_, own.commit_num, differing));
    db_.facts.needs_refold = true;
    if (read_only()) {
        return ok();
    }
    if (!log_differs) {
        return heal_derived();
    }
    if (fill_lost) {
        return heal_log(std::nullopt);
    }
    return heal_log(rollback_lost ? safe_final : safe);
}

Status Opener::heal_derived() {
    StoredState next = db_.facts;
    next.watermark.commit_num = highest_commit_ + 1;
    if (next.cursor) {
        next.cursor->commit_num = next.watermark.commit_num;
    }
    rocksdb::WriteBatch batch;
    batch.Put(core().meta(), to_slice(kMetaRefold), encode_number(1)).PermitUncheckedError();
    db_.put_facts(batch, next, false);
    PLUMBLINE_TRY_VOID(db_.write(batch, Durability::kSync));
    db_.facts = std::move(next);
    healed_ = true;
    return ok();
}

/// Cuts all log families back to a block whose row is there, or to nothing.
Status Opener::heal_log(std::optional<uint64_t> safe) {
    std::optional<BlockRow> head;
    if (safe) {
        const std::unique_ptr<rocksdb::Iterator> it{
            core().db->NewIterator(rocksdb::ReadOptions{}, core().family(FamilyKind::kBlocks))};
        it->SeekForPrev(block_key(*safe));
        if (it->Valid() && !it->key().empty()) {
            PLUMBLINE_TRY(head, decode_block(to_view(it->key()), to_view(it->value())));
        }
        PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading block rows"));
    }
    StoredState next = db_.facts;
    rocksdb::WriteBatch batch;
    const uint64_t first = head ? head->block_num + 1 : 0;
    // From block 0 the watermark's own empty key is not met: keys of blocks have eight bytes.
    PLUMBLINE_TRY(const auto sizes, db_.remove_base_from(first, batch, next));
    PLUMBLINE_TRY(next.totals, rebuild_log_digest(db_, first, batch));
    next.watermark.commit_num = highest_commit_ + 1;
    next.watermark.last_rollback = next.watermark.commit_num;
    next.watermark.last_fill = next.watermark.commit_num;
    next.cursor.reset();
    next.watermark.block_num = 0;
    next.watermark.finalized = 0;
    if (head) {
        Cursor cursor;
        cursor.block_num = head->block_num;
        cursor.block_hash = head->hash;
        cursor.timestamp = head->timestamp;
        cursor.finalized =
            std::min(head->block_num, db_.facts.cursor ? db_.facts.cursor->finalized : 0);
        cursor.commit_num = next.watermark.commit_num;
        cursor.event_count = next.totals.events;
        next.watermark.block_num = cursor.block_num;
        next.watermark.finalized = cursor.finalized;
        next.cursor = cursor;
    }
    batch.Put(core().meta(), to_slice(kMetaRefold), encode_number(1)).PermitUncheckedError();
    PLUMBLINE_TRY_VOID(db_.commit_removal(batch, std::move(next), sizes));
    db_.notice(head ? fmt::format("{}: the log was cut back to block {}; what follows has to be "
                                  "fetched again",
                                  path_, head->block_num)
                    : fmt::format("{}: nothing of the log can be trusted; all of it has to be "
                                  "fetched again",
                                  path_));
    healed_ = true;
    return ok();
}

void Opener::compare_sidecar() {
    const uint64_t block_num = db_.facts.cursor ? db_.facts.cursor->block_num : 0;
    uint64_t known = stored_block_;
    const bool behind =
        head_ && (healed_ ? highest_commit_ : db_.facts.watermark.commit_num) < head_->commit_num;
    if (behind) {
        known = std::max(known, head_->block_num);
        db_.notice(
            fmt::format("{}: the last synced commit was number {} at block {}, but the "
                        "files only hold number {} at block {}",
                        path_, head_->commit_num, head_->block_num,
                        std::min(highest_commit_, db_.facts.watermark.commit_num), block_num));
    }
    if ((behind || healed_) && known > block_num) {
        db_.lost_blocks = known - block_num;
        db_.notice(fmt::format("{}: {} blocks were lost, fetching goes on from block {}", path_,
                               db_.lost_blocks, block_num));
    }
}

Status Opener::run() {
    OpenOptions& options = db_.options;
    db_.core = std::make_shared<RocksHandles>();
    core().path = path_;
    core().env = options.env != nullptr ? options.env : rocksdb::Env::Default();
    core().tuning = make_tuning(options);
    if (options.create && (options.read_only || !options.identity || !options.bundle)) {
        return Error{ErrorCode::kInvalidArgument,
                     "creating a database takes its chain's identity and its schema"};
    }
    if (options.bundle) {
        PLUMBLINE_TRY_VOID(check_bundle(*options.bundle));
    }
    PLUMBLINE_TRY_VOID(look_at_directory());
    PLUMBLINE_TRY_VOID(read_sidecar());
    if (exists_) {
        PLUMBLINE_TRY_VOID(probe_foreign());
    }
    PLUMBLINE_TRY_VOID(open_rocks());
    core().base[0] = families_.at(std::string{kBaseFamilies[0].name});
    PLUMBLINE_TRY(const auto format, meta(kMetaFormat));
    if (format) {
        PLUMBLINE_TRY(const uint32_t version, decode_format(*format));
        if (version > kFormatVersion) {
            return Error{ErrorCode::kIncompatible,
                         fmt::format("{} has format {}, this program knows formats up to {}: use a "
                                     "newer plumbline",
                                     path_, version, kFormatVersion)};
        }
        // An older version would be migrated here, one step a version; there is none yet.
        for (size_t i = 0; i < kBaseFamilyCount; ++i) {
            const auto at = families_.find(std::string{kBaseFamilies[i].name});
            if (at == families_.end()) {
                return Error{ErrorCode::kCorruption,
                             fmt::format("{}: family {} is gone", path_, kBaseFamilies[i].name)};
            }
            core().base[i] = at->second;
        }
    } else if (options.create) {
        PLUMBLINE_TRY_VOID(create_content());
    } else {
        return Error{ErrorCode::kNotFound,
                     fmt::format("the database at {} was never finished: create it again", path_)};
    }
    PLUMBLINE_TRY_VOID(load_schema());
    PLUMBLINE_TRY_VOID(load_facts());
    db_.bundles.push_back(db_.published->bundle);
    if (head_) {
        db_.head = *head_;
    }
    PLUMBLINE_TRY_VOID(compare_watermarks());
    compare_sidecar();
    families_.clear();
    if (!read_only()) {
        // Recovery flushed what it read from the log, so all that is here is on disk by now.
        db_.write_head_after_sync();
    }
    return ok();
}

}  // namespace

Status open_database(const std::string& path, Database::Impl& impl) {
    return Opener{path, impl}.run();
}

}  // namespace plumbline::storage
