// The one place where RocksDB's statuses become ours. Internal to storage.
#pragma once

#include <string>
#include <string_view>

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// RocksDB's words, without what they say twice: the reason of the system stands at both ends.
[[nodiscard]] std::string rocks_text(const rocksdb::Status& status);
/// Success, or the error with `doing` ("reading the cursor") before RocksDB's own words.
[[nodiscard]] Status from_rocks(const rocksdb::Status& status, std::string_view doing);
[[nodiscard]] Error rocks_error(const rocksdb::Status& status, std::string_view doing);

[[nodiscard]] inline rocksdb::Slice to_slice(std::string_view text) noexcept {
    return {text.data(), text.size()};
}
[[nodiscard]] inline std::string_view to_view(const rocksdb::Slice& slice) noexcept {
    return {slice.data(), slice.size()};
}

}  // namespace plumbline::storage
