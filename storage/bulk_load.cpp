// Large commits to a generation that nobody reads yet: their rows are sorted and become table files
// at once, without write-ahead log, memtable and flush.
#include "storage/bulk_load.hpp"

#include <map>
#include <set>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include "core/base/key_sort.hpp"
#include "storage/database_impl.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

/// Sorts a commit's rows out by family. The batch must outlive it.
class RowSorter final : public rocksdb::WriteBatch::Handler {
  public:
    struct Row {
        uint32_t key_at = 0;  ///< in the batch's bytes
        uint32_t key_size = 0;
        uint32_t value_at = 0;  ///< `kDeleted`: the row goes
        uint32_t value_size = 0;
    };
    static constexpr uint32_t kDeleted = UINT32_MAX;
    struct FamilyRows {
        rocksdb::ColumnFamilyHandle* family = nullptr;
        bool may_load = false;
        std::vector<Row> rows;
    };

    RowSorter(const RocksHandles& core, const Generation* published, const Generation& building,
              const std::set<uint32_t>& unbulked, const rocksdb::WriteBatch& batch)
        : bytes_{batch.Data()},
          rest_{0, 0, kBatchProtectionBytes, 0} {
        for (const FamilyPtr& family : core.base) {
            families_[family->get()->GetID()] = {family->get(), false, {}};
        }
        for (const Generation* generation : {published, &building}) {
            for (const FamilyPtr& family :
                 generation == nullptr ? std::vector<FamilyPtr>{} : generation->all()) {
                const uint32_t id = family->get()->GetID();
                families_[id] = {
                    family->get(), generation == &building && !unbulked.contains(id), {}};
            }
        }
    }

    rocksdb::Status PutCF(uint32_t id, const rocksdb::Slice& key,
                          const rocksdb::Slice& value) override {
        FamilyRows& of = families_.at(id);
        if (!of.may_load || key.empty()) {
            return rest_.Put(of.family, key, value);
        }
        of.rows.push_back({offset_of(key), static_cast<uint32_t>(key.size()), offset_of(value),
                           static_cast<uint32_t>(value.size())});
        return rocksdb::Status::OK();
    }
    rocksdb::Status DeleteCF(uint32_t id, const rocksdb::Slice& key) override {
        FamilyRows& of = families_.at(id);
        if (!of.may_load) {
            return rest_.Delete(of.family, key);
        }
        of.rows.push_back({offset_of(key), static_cast<uint32_t>(key.size()), kDeleted, 0});
        return rocksdb::Status::OK();
    }

    /// Moves what is too little for a file to the rest; gives the families with files to come.
    [[nodiscard]] Result<std::vector<FamilyRows*>> settle(size_t rows_min,
                                                          std::set<uint32_t>& unbulked) {
        std::vector<FamilyRows*> large;
        for (auto& [id, of] : families_) {
            if (of.rows.size() >= rows_min) {
                large.push_back(&of);
                continue;
            }
            if (!of.rows.empty()) {
                unbulked.insert(id);
            }
            for (const Row& row : of.rows) {
                const rocksdb::Status put =
                    row.value_at == kDeleted
                        ? rest_.Delete(of.family, to_slice(key_of(row)))
                        : rest_.Put(of.family, to_slice(key_of(row)), to_slice(value_of(row)));
                PLUMBLINE_TRY_VOID(from_rocks(put, "collecting a commit"));
            }
        }
        return large;
    }
    [[nodiscard]] std::string_view key_of(const Row& row) const {
        return bytes_.substr(row.key_at, row.key_size);
    }
    [[nodiscard]] std::string_view value_of(const Row& row) const {
        return bytes_.substr(row.value_at, row.value_size);
    }
    [[nodiscard]] rocksdb::WriteBatch& rest() { return rest_; }

  private:
    [[nodiscard]] uint32_t offset_of(const rocksdb::Slice& part) const {
        return part.empty() ? 0 : static_cast<uint32_t>(part.data() - bytes_.data());
    }

    const std::string_view bytes_;
    std::map<uint32_t, FamilyRows> families_;
    rocksdb::WriteBatch rest_;
};

rocksdb::Status write_table(const RocksHandles& core, const RowSorter& sorter,
                            RowSorter::FamilyRows& family, const std::string& path) {
    sort_by_key(family.rows, [&](const RowSorter::Row& row) { return sorter.key_of(row); });
    const rocksdb::Options options = core.db->GetOptions(family.family);
    // The rows are read again soon: they stay in the system's cache.
    rocksdb::SstFileWriter writer{rocksdb::EnvOptions{options}, options, family.family, false};
    rocksdb::Status status = writer.Open(path);
    for (size_t i = 0; i < family.rows.size() && status.ok(); ++i) {
        RowSorter::Row row = family.rows[i];
        // Of a key that comes several times, the last counts.
        for (;
             i + 1 < family.rows.size() && sorter.key_of(family.rows[i + 1]) == sorter.key_of(row);
             ++i) {
            row = family.rows[i + 1].key_at > row.key_at ? family.rows[i + 1] : row;
        }
        status = row.value_at == RowSorter::kDeleted
                     ? writer.Delete(to_slice(sorter.key_of(row)))
                     : writer.Put(to_slice(sorter.key_of(row)), to_slice(sorter.value_of(row)));
    }
    return status.ok() ? writer.Finish() : status;
}

}  // namespace

void remove_bulk_files(rocksdb::Env& env, const std::string& path) {
    std::vector<std::string> files;
    env.GetChildren(path, &files).PermitUncheckedError();
    for (const std::string& file : files) {
        if (file.starts_with(kBulkFilePrefix)) {
            env.DeleteFile(path + "/" + file).PermitUncheckedError();
        }
    }
}

Status Database::Impl::write_bulk(rocksdb::WriteBatch& batch) {
    if (!now().building || batch.GetDataSize() >= RowSorter::kDeleted) {
        return write(batch, Durability::kBuffered);
    }
    PLUMBLINE_TRY_VOID(refuse_if_failed());
    RowSorter sorter{*core, now().published.get(), *now().building, unbulked, batch};
    PLUMBLINE_TRY_VOID(from_rocks(batch.Iterate(&sorter), "sorting a commit"));
    PLUMBLINE_TRY(const std::vector<RowSorter::FamilyRows*> large,
                  sorter.settle(core->tuning.bulk_rows_min, unbulked));
    std::vector<rocksdb::IngestExternalFileArg> files;
    rocksdb::Status status;
    for (RowSorter::FamilyRows* family : large) {
        rocksdb::IngestExternalFileArg file;
        file.column_family = family->family;
        file.external_files = {
            fmt::format("{}/{}{}.sst", core->path, kBulkFilePrefix, family->family->GetID())};
        file.options.move_files = true;
        file.options.write_global_seqno = false;
        file.options.verify_checksums_before_ingest = true;
        file.options.allow_blocking_flush = false;
        status = write_table(*core, sorter, *family, file.external_files[0]);
        files.push_back(std::move(file));
        if (!status.ok()) {
            break;
        }
    }
    if (status.ok() && !files.empty()) {
        status = core->db->IngestExternalFiles(files);
    }
    if (!status.ok()) {
        remove_bulk_files(*core->env, core->path);
    }
    if (status.IsInvalidArgument()) {
        // Rows of some other commit lie in a memtable and are in the way.
        for (const RowSorter::FamilyRows* family : large) {
            unbulked.insert(family->family->GetID());
        }
        return write(batch, Durability::kBuffered);
    }
    if (!status.ok()) {
        write_failed = true;
        return refusal(status, "writing table files");
    }
    return write(sorter.rest(), Durability::kBuffered);
}

}  // namespace plumbline::storage
