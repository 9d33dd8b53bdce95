// A database's directory as it stood at one moment, for a reader beside a writer. The writer
// deletes table files and log files whenever it likes, and opening takes long enough to miss some:
// so every file is held open first, which takes a few milliseconds, and RocksDB reads these.
// Internal to storage.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// Over files of the operating system. `freeze` and `thaw` by one thread, the rest by any in
/// between.
class FrozenDirectory final : public rocksdb::FileSystemWrapper {
  public:
    /// `between_looks` is for tests: called at each try while the files are held.
    explicit FrozenDirectory(const std::string& path, std::function<void()> between_looks = {});
    FrozenDirectory(const FrozenDirectory&) = delete;
    FrozenDirectory& operator=(const FrozenDirectory&) = delete;
    ~FrozenDirectory() override { thaw(); }

    /// Holds all files of one state: its manifest, and all that it names. kUnavailable where the
    /// writer changed the manifest at every try. kIo: no more files can be opened. A database that
    /// has no manifest is held as it is: RocksDB has the words for it.
    [[nodiscard]] Status freeze();
    /// Lets them go. What RocksDB has open it keeps; what it opens from here on is the directory's.
    void thaw() noexcept;

    [[nodiscard]] const char* Name() const override { return "plumbline.FrozenDirectory"; }
    rocksdb::IOStatus NewSequentialFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                        rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                          rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                  uint64_t* size, rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus GetChildren(const std::string& directory, const rocksdb::IOOptions& options,
                                  std::vector<std::string>* names,
                                  rocksdb::IODebugContext* debug) override;

  private:
    struct Held {
        int descriptor = -1;
        uint64_t size = 0;  ///< as of the moment; what is appended later is not there
    };
    [[nodiscard]] Result<bool> try_freeze();
    [[nodiscard]] Status hold(const std::string& name);
    [[nodiscard]] std::optional<std::string> manifest_state() const;
    /// Null where the name is not of the directory, or not held.
    [[nodiscard]] const Held* find(const std::string& name) const;

    const std::string path_;
    const std::function<void()> between_looks_;
    std::map<std::string, Held> held_;  ///< by name in the directory
    int without_manifest_ = 0;
    bool is_frozen_ = false;
};

}  // namespace plumbline::storage
