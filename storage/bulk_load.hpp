// Table files that a large commit writes beside RocksDB's own before handing them over. Internal to
// storage.
#pragma once

#include <string>
#include <string_view>

namespace rocksdb {
class Env;
}

namespace plumbline::storage {

/// RocksDB takes no notice of files of such names.
inline constexpr std::string_view kBulkFilePrefix = "bulk-";

/// Removes what a commit that did not end left behind.
void remove_bulk_files(rocksdb::Env& env, const std::string& path);

}  // namespace plumbline::storage
