// PLUMBLINE_HEAD, the small file beside RocksDB's that names the last synced commit: RocksDB cannot
// see that its own files went back in time. Replaced by write, fsync, rename, fsync of the
// directory, through the same environment as the database. Internal to storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"

namespace rocksdb {
class Env;
}

namespace plumbline::storage {

constexpr std::string_view kHeadFileName = "PLUMBLINE_HEAD";

struct HeadFile {
    uint32_t format_version = 0;
    /// Commits after this one may be unsynced: recover with kPointInTime only.
    bool buffered = false;
    uint64_t block_num = 0;
    evm::Hash block_hash;
    uint64_t commit_num = 0;
    friend bool operator==(const HeadFile&, const HeadFile&) = default;
};

[[nodiscard]] std::string encode_head(const HeadFile& head);
[[nodiscard]] Result<HeadFile> decode_head(std::string_view bytes);

/// kNotFound where there is none, kCorruption where it is damaged.
[[nodiscard]] Result<HeadFile> read_head(rocksdb::Env& env, const std::string& directory);
/// Durable when it returns success; the old content stays whole otherwise.
[[nodiscard]] Status write_head(rocksdb::Env& env, const std::string& directory,
                                const HeadFile& head);

}  // namespace plumbline::storage
