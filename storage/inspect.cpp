#include "storage/inspect.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "core/evm/hex.hpp"
#include "storage/database_impl.hpp"
#include "storage/meta_codec.hpp"
#include "storage/read_view_impl.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

namespace {

struct Content {
    std::shared_ptr<RocksHandles> core;
    std::shared_ptr<const Generation> generation;
    FamilyMap families;
};

Content list_families(const Database& database) {
    Content content;
    const Database::Impl& impl = Internals::of(database);
    const MutexLock lock{impl.mutex};
    content.core = impl.core;
    content.generation = impl.shared.published;
    for (const FamilyPtr& family : content.core->base) {
        content.families[family->name()] = family;
    }
    for (const FamilyPtr& family : content.generation->all()) {
        content.families[family->name()] = family;
    }
    return content;
}

std::string without_generation(std::string_view name) {
    return std::string{name.substr(0, name.rfind('#'))};
}

}  // namespace

Status dump_families(
    const Database& database, const DumpOptions& options,
    const std::function<void(std::string_view, std::string_view, std::string_view)>& each) {
    const Content content = list_families(database);
    const std::unique_ptr<ReadView> view = database.read_view();
    for (const auto& [name, family] : content.families) {
        const std::string shown = options.content_only ? without_generation(name) : name;
        if ((options.want && !options.want(shown)) ||
            (options.content_only && family_kind(name) == FamilyKind::kJournal)) {
            continue;
        }
        rocksdb::ReadOptions read;
        read.snapshot = Internals::of(*view)->snapshot;
        const std::unique_ptr<rocksdb::Iterator> it{
            content.core->db->NewIterator(read, family->get())};
        const bool is_meta = family_kind(name) == FamilyKind::kMeta;
        for (it->SeekToFirst(); it->Valid(); it->Next()) {
            std::string key = it->key().ToString();
            if (options.content_only) {
                if (key.empty() ||
                    (is_meta && (key.starts_with(kMetaUndoFloor) || key == kMetaGeneration ||
                                 key.starts_with(kMetaProof) || key.starts_with(kMetaAsked)))) {
                    continue;
                }
                if (is_meta) {
                    key = without_generation(key);
                }
            }
            each(shown, key, to_view(it->value()));
        }
        PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading " + name));
    }
    return ok();
}

Result<std::vector<std::string>> dump_lines(const Database& database, const DumpOptions& options) {
    std::vector<std::string> lines;
    PLUMBLINE_TRY_VOID(dump_families(
        database, options,
        [&](std::string_view family, std::string_view key, std::string_view value) {
            const bool is_name = family == "default";
            lines.push_back(fmt::format("{} {} {}", family,
                                        is_name ? std::string{key} : evm::to_hex(as_bytes(key)),
                                        evm::to_hex(as_bytes(value))));
        }));
    return lines;
}

Result<std::vector<std::pair<std::string, uint64_t>>> read_watermarks(const Database& database) {
    const Content content = list_families(database);
    std::vector<std::pair<std::string, uint64_t>> marks;
    for (const auto& [name, family] : content.families) {
        PLUMBLINE_TRY(const auto value, content.core->get(family->get(), ""));
        if (value && !is_append_family(family_kind(name))) {
            PLUMBLINE_TRY(const Watermark mark, decode_watermark(*value));
            marks.emplace_back(name, mark.commit_num);
        }
    }
    return marks;
}

namespace {

Status poke(Database& database, std::string_view family,
            const std::function<void(rocksdb::WriteBatch&, rocksdb::ColumnFamilyHandle*)>& change) {
    const Content content = list_families(database);
    const auto at = std::ranges::find_if(content.families, [&](const auto& known) {
        return known.first == family || without_generation(known.first) == family;
    });
    if (at == content.families.end()) {
        return Error{ErrorCode::kNotFound, fmt::format("no family {}", family)};
    }
    rocksdb::WriteBatch batch;
    change(batch, at->second->get());
    rocksdb::WriteOptions options;
    options.sync = true;
    return from_rocks(content.core->db->Write(options, &batch), "writing a raw value");
}

}  // namespace

Status poke_record(Database& database, std::string_view family, std::string_view key,
                   std::string_view new_key, std::string_view value) {
    return poke(database, family,
                [&](rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* handle) {
                    batch.Delete(handle, to_slice(key)).PermitUncheckedError();
                    batch.Put(handle, to_slice(new_key), to_slice(value)).PermitUncheckedError();
                });
}

Status poke_family(Database& database, std::string_view family, std::string_view key,
                   std::string_view value) {
    return poke(database, family,
                [&](rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* handle) {
                    if (value.empty()) {
                        batch.Delete(handle, to_slice(key)).PermitUncheckedError();
                    } else {
                        batch.Put(handle, to_slice(key), to_slice(value)).PermitUncheckedError();
                    }
                });
}

}  // namespace plumbline::storage
