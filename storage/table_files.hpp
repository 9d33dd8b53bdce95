// RocksDB's table files: which of them are damaged, and what can be done about it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace rocksdb {
class Status;
}

namespace plumbline::storage {

struct RocksHandles;

/// As `Database::open` to write, for a fold that mends damaged files. What is there is not
/// compacted unasked, so that nothing reads it but who has to; and what is made from the log and
/// cannot be read at the open waits for a fold (`needs_refold`), where it is an error else.
[[nodiscard]] Result<std::unique_ptr<Database>> open_to_mend(const std::string& path,
                                                             OpenOptions options);
/// What a flush or compaction met that does not pass, most of all a damaged file: no write is taken
/// any more, and opening again would meet it again. Thread-safe.
[[nodiscard]] std::optional<Error> lasting_failure(const Database& database);

/// Compares the checksums of all blocks of one table file. kCorruption where they do not fit, kIo
/// where it cannot be read.
[[nodiscard]] rocksdb::Status check_table_file(const RocksHandles& core, const std::string& file);

/// `words` are RocksDB's, or ours around them: where they name a table file of the database, its
/// family is told, and what mends it.
[[nodiscard]] Error damage_error(const RocksHandles& core, std::string_view words);
/// The same of `file`, as "000017.sst".
[[nodiscard]] Error damage_error(const RocksHandles& core, std::string_view file,
                                 std::string_view words);

/// kCorruption where `key`, of a family whose keys all have `size` bytes, has another size: nothing
/// may be read out of it then. The empty key, which holds the watermark, fits.
[[nodiscard]] Status check_key_size(std::string_view key, size_t size, const std::string& family);

/// Of kCorruption the same with `damage_error`, unless that was said before; others as they are.
[[nodiscard]] Error explain_damage(const RocksHandles& core, Error error);
[[nodiscard]] Error explain_damage(const Database& database, Error error);

struct DamagedFile {
    std::string path;
    std::string family;
    bool is_derived = false;  ///< made from the log: a fold makes it anew
    Error error;              ///< as of `damage_error`
};
/// Reads every table file of the database. For when a read has failed. kCancelled where
/// `should_stop` (may be empty) says so between two files.
[[nodiscard]] Result<std::vector<DamagedFile>> find_damaged_files(
    const Database& database, const std::function<bool()>& should_stop = {});

}  // namespace plumbline::storage
