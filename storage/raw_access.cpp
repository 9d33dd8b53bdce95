#include "storage/raw_access.hpp"

#include <random>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "storage/meta_codec.hpp"
#include "storage/rocks_handles.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_status.hpp"

namespace plumbline::storage {

struct RawAccess::Impl {
    std::unique_ptr<rocksdb::DB> db;
    FamilyMap families;
    uint32_t published = 1;

    [[nodiscard]] Result<rocksdb::ColumnFamilyHandle*> find(std::string_view name) const {
        for (const std::string& wanted : {std::string{name == "meta" ? "default" : name},
                                          fmt::format("{}#{}", name, published)}) {
            if (const auto at = families.find(wanted); at != families.end()) {
                return at->second->get();
            }
        }
        std::string known;
        for (const auto& [family, handle] : families) {
            known += (known.empty() ? "" : ", ") + family;
        }
        return Error{ErrorCode::kNotFound,
                     fmt::format("no family '{}'; there are: {}", name, known)};
    }
    [[nodiscard]] Status write(rocksdb::WriteBatch& batch) const {
        rocksdb::WriteOptions options;
        options.sync = true;
        return from_rocks(db->Write(options, &batch), "writing raw bytes");
    }
};

namespace {

void flip(std::string& bytes, uint64_t bit) {
    const uint64_t place = bit % (bytes.size() * 8);
    bytes[place / 8] = static_cast<char>(bytes[place / 8] ^ (1 << (place % 8)));
}

Result<uint32_t> read_published(const RawAccess& access) {
    PLUMBLINE_TRY(const auto value, access.get("default", kMetaGeneration));
    if (!value) {
        return Error{ErrorCode::kCorruption, "the database does not say which generation it shows"};
    }
    PLUMBLINE_TRY(const Generations generations, decode_generations(*value));
    return generations.published;
}

}  // namespace

RawAccess::RawAccess(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
RawAccess::~RawAccess() = default;

Result<std::unique_ptr<RawAccess>> RawAccess::open(const std::string& path) {
    OpenOptions open_options;
    open_options.memory_bytes = size_t{16} << 20;
    const RocksTuning tuning = make_tuning(open_options);
    rocksdb::DBOptions options = make_db_options(open_options, tuning);
    if (!options.env->FileExists(path + "/CURRENT").ok()) {
        return Error{ErrorCode::kNotFound, fmt::format("no database at {}", path)};
    }
    std::vector<std::string> names;
    PLUMBLINE_TRY_VOID(
        from_rocks(rocksdb::DB::ListColumnFamilies(options, path, &names), "opening " + path));
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const rocksdb::Status opened =
        rocksdb::DB::Open(options, path, make_descriptors(names, tuning), &handles, &raw);
    if (opened.IsIOError()) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("cannot open {} to write: {}", path, opened.ToString())};
    }
    PLUMBLINE_TRY_VOID(from_rocks(opened, "opening " + path));
    auto impl = std::make_unique<Impl>();
    impl->db.reset(raw);
    for (size_t i = 0; i < names.size(); ++i) {
        impl->families[names[i]] = std::make_shared<Family>(*raw, handles[i]);
    }
    auto access = std::unique_ptr<RawAccess>(new RawAccess(std::move(impl)));
    PLUMBLINE_TRY(access->impl_->published, read_published(*access));
    return access;
}

Result<std::vector<std::pair<std::string, uint64_t>>> RawAccess::list_families() const {
    std::vector<std::pair<std::string, uint64_t>> out;
    for (const auto& [name, family] : impl_->families) {
        PLUMBLINE_TRY(const auto keys, list_keys(name));
        out.emplace_back(name, keys.size());
    }
    return out;
}

Result<std::optional<std::string>> RawAccess::get(std::string_view family,
                                                  std::string_view key) const {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle * handle, impl_->find(family));
    std::string value;
    const rocksdb::Status status =
        impl_->db->Get(rocksdb::ReadOptions{}, handle, to_slice(key), &value);
    if (status.IsNotFound()) {
        return std::optional<std::string>{};
    }
    PLUMBLINE_TRY_VOID(from_rocks(status, "reading raw bytes"));
    return std::optional<std::string>{std::move(value)};
}

Result<std::vector<std::string>> RawAccess::list_keys(std::string_view family,
                                                      std::string_view prefix) const {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle * handle, impl_->find(family));
    std::vector<std::string> keys;
    const std::unique_ptr<rocksdb::Iterator> it{
        impl_->db->NewIterator(rocksdb::ReadOptions{}, handle)};
    for (it->Seek(to_slice(prefix)); it->Valid() && it->key().starts_with(to_slice(prefix));
         it->Next()) {
        if (!it->key().empty()) {
            keys.push_back(it->key().ToString());
        }
    }
    PLUMBLINE_TRY_VOID(from_rocks(it->status(), "reading raw keys"));
    return keys;
}

Result<std::string> RawAccess::pick_key(std::string_view family, uint64_t seed) const {
    PLUMBLINE_TRY(const std::vector<std::string> keys, list_keys(family));
    if (keys.empty()) {
        return Error{ErrorCode::kNotFound, fmt::format("family '{}' is empty", family)};
    }
    std::mt19937_64 random{seed};
    return keys[random() % keys.size()];
}

Status RawAccess::put(std::string_view family, std::string_view key, std::string_view value) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle * handle, impl_->find(family));
    rocksdb::WriteBatch batch;
    batch.Put(handle, to_slice(key), to_slice(value)).PermitUncheckedError();
    return impl_->write(batch);
}

Status RawAccess::remove(std::string_view family, std::string_view key) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle * handle, impl_->find(family));
    rocksdb::WriteBatch batch;
    batch.Delete(handle, to_slice(key)).PermitUncheckedError();
    return impl_->write(batch);
}

Status RawAccess::flip_value_bit(std::string_view family, std::string_view key, uint64_t bit) {
    PLUMBLINE_TRY(auto value, get(family, key));
    if (!value || value->empty()) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("no such key with a value in family '{}'", family)};
    }
    flip(*value, bit);
    return put(family, key, *value);
}

Result<std::string> RawAccess::flip_key_bit(std::string_view family, std::string_view key,
                                            uint64_t bit) {
    PLUMBLINE_TRY(rocksdb::ColumnFamilyHandle * handle, impl_->find(family));
    PLUMBLINE_TRY(const auto value, get(family, key));
    if (!value || key.empty()) {
        return Error{ErrorCode::kNotFound, fmt::format("no such key in family '{}'", family)};
    }
    std::string changed{key};
    flip(changed, bit);
    rocksdb::WriteBatch batch;
    batch.Delete(handle, to_slice(key)).PermitUncheckedError();
    batch.Put(handle, changed, *value).PermitUncheckedError();
    PLUMBLINE_TRY_VOID(impl_->write(batch));
    return changed;
}

}  // namespace plumbline::storage
