// A file system that fails on command: dies after an operation, refuses one or all from some point
// on, is full until told otherwise, lets syncs hang, and on a power cut keeps of every file a
// random part of what was not synced. Lies on the real one, so what it leaves can be opened and
// looked at.
//
// Names (creation, rename, deletion) are durable at once; only file content can be lost.
#pragma once

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace plumbline::storage::test {

/// Thread-safe. Counts every operation that changes a file or a directory.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
  public:
    FaultFileSystem() : rocksdb::FileSystemWrapper{rocksdb::FileSystem::Default()} {}
    [[nodiscard]] const char* Name() const override { return "FaultFileSystem"; }

    /// From the `op`th operation on (counted from now) nothing is done any more.
    void die_after(uint64_t op) { set(Fault::kDead, op, UINT64_MAX); }
    /// The `op`th operation from now fails, and with `persistent` every one after it.
    void fail_at(uint64_t op, bool persistent) {
        set(Fault::kError, op, persistent ? UINT64_MAX : op);
    }
    /// No room from the `op`th operation on, until `heal`.
    void fill_after(uint64_t op) { set(Fault::kNoSpace, op, UINT64_MAX); }
    /// The process is killed, as by SIGKILL from outside, before the `op`th operation from now.
    void kill_at(uint64_t op) { set(Fault::kKill, op, UINT64_MAX); }
    void heal() { set(Fault::kNone, UINT64_MAX, UINT64_MAX); }
    /// From now on a sync of a file or directory does not come back before `release_syncs`.
    void hang_syncs() {
        const std::scoped_lock lock{hang_mutex_};
        hangs_ = true;
    }
    /// Until a sync hangs.
    void await_hanging_sync() {
        std::unique_lock lock{hang_mutex_};
        hang_changed_.wait(lock, [this] { return hanging_ > 0; });
    }
    void release_syncs() {
        const std::scoped_lock lock{hang_mutex_};
        hangs_ = false;
        hang_changed_.notify_all();
    }
    [[nodiscard]] uint64_t operations() const {
        const std::scoped_lock lock{mutex_};
        return count_;
    }
    [[nodiscard]] uint64_t faults_injected() const {
        const std::scoped_lock lock{mutex_};
        return injected_;
    }

    /// What the machine finds when the power is back. Every file must be closed; heals.
    void cut_power(uint64_t seed) {
        const std::scoped_lock lock{mutex_};
        std::mt19937_64 random{seed};
        for (auto& [path, file] : files_) {
            std::error_code error;
            const uint64_t size = std::filesystem::file_size(path, error);
            if (error || size <= file.synced) {
                continue;
            }
            // Often all or nothing, else anything between.
            const uint64_t unsynced = size - file.synced;
            const uint64_t dice = random() % 4;
            const uint64_t kept = dice == 0 ? 0 : dice == 1 ? unsynced : random() % (unsynced + 1);
            std::filesystem::resize_file(path, file.synced + kept, error);
            file.synced += kept;
        }
        fault_ = Fault::kNone;
    }

    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override {
        rocksdb::IOStatus status = before();
        if (status.ok()) {
            status = target()->NewWritableFile(name, options, result, debug);
        }
        if (status.ok()) {
            adopt(name, 0, result);
        }
        return status;
    }
    rocksdb::IOStatus ReopenWritableFile(const std::string& name,
                                         const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* result,
                                         rocksdb::IODebugContext* debug) override {
        rocksdb::IOStatus status = before();
        if (status.ok()) {
            status = target()->ReopenWritableFile(name, options, result, debug);
        }
        if (status.ok()) {
            std::error_code error;
            const uint64_t size = std::filesystem::file_size(name, error);
            adopt(name, error ? 0 : size, result);
        }
        return status;
    }
    rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                                 const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override {
        rocksdb::IOStatus status = before();
        if (status.ok()) {
            status = target()->RenameFile(from, to, options, debug);
        }
        if (status.ok()) {
            const std::scoped_lock lock{mutex_};
            files_.erase(to);
            if (auto node = files_.extract(from); !node.empty()) {
                node.key() = to;
                files_.insert(std::move(node));
            }
        }
        return status;
    }
    rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override {
        rocksdb::IOStatus status = before();
        if (status.ok()) {
            status = target()->DeleteFile(name, options, debug);
        }
        if (status.ok()) {
            const std::scoped_lock lock{mutex_};
            files_.erase(name);
        }
        return status;
    }
    rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* result,
                                   rocksdb::IODebugContext* debug) override;

  private:
    enum class Fault { kNone, kDead, kError, kNoSpace, kKill };
    struct File {
        uint64_t synced = 0;
    };
    class WritableFile;
    class Directory;

    void set(Fault fault, uint64_t first, uint64_t last) {
        const std::scoped_lock lock{mutex_};
        fault_ = fault;
        first_ = first == UINT64_MAX ? first : count_ + first;
        last_ = last == UINT64_MAX ? last : count_ + last;
    }
    /// Counts an operation; not ok where it must not happen.
    rocksdb::IOStatus before() {
        const std::scoped_lock lock{mutex_};
        const uint64_t op = ++count_;
        if (fault_ == Fault::kNone || op < first_ || op > last_) {
            return rocksdb::IOStatus::OK();
        }
        if (fault_ == Fault::kKill) {
            static_cast<void>(std::raise(SIGKILL));
        }
        ++injected_;
        return fault_ == Fault::kNoSpace ? rocksdb::IOStatus::NoSpace("injected: no space left")
                                         : rocksdb::IOStatus::IOError("injected: device refused");
    }
    void adopt(const std::string& name, uint64_t synced,
               std::unique_ptr<rocksdb::FSWritableFile>* file);
    /// Every sync comes by here first.
    void hang_if_told() {
        std::unique_lock lock{hang_mutex_};
        ++hanging_;
        hang_changed_.notify_all();
        hang_changed_.wait(lock, [this] { return !hangs_; });
        --hanging_;
    }
    void synced(const std::string& name, uint64_t size) {
        const std::scoped_lock lock{mutex_};
        files_[name].synced = size;
    }

    mutable std::mutex mutex_;
    std::map<std::string, File> files_;
    uint64_t count_ = 0;
    uint64_t injected_ = 0;
    Fault fault_ = Fault::kNone;
    uint64_t first_ = UINT64_MAX;
    uint64_t last_ = UINT64_MAX;
    std::mutex hang_mutex_;
    std::condition_variable hang_changed_;
    bool hangs_ = false;
    int hanging_ = 0;
};

class FaultFileSystem::WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
  public:
    WritableFile(FaultFileSystem& owner, std::string name, uint64_t size,
                 std::unique_ptr<rocksdb::FSWritableFile>&& file)
        : FSWritableFileOwnerWrapper{std::move(file)},
          owner_{owner},
          name_{std::move(name)},
          size_{size} {}

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
        rocksdb::IOStatus status = owner_.before();
        if (!status.ok()) {
            // Half of it may have got through.
            const rocksdb::Slice half{data.data(), data.size() / 2};
            if (target()->Append(half, options, debug).ok()) {
                size_ += half.size();
            }
            return status;
        }
        status = target()->Append(data, options, debug);
        size_ += status.ok() ? data.size() : 0;
        return status;
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& /*info*/,
                             rocksdb::IODebugContext* debug) override {
        return Append(data, options, debug);
    }
    rocksdb::IOStatus Truncate(uint64_t size, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
        rocksdb::IOStatus status = owner_.before();
        if (status.ok()) {
            status = target()->Truncate(size, options, debug);
            size_ = status.ok() ? size : size_;
        }
        return status;
    }
    // The process survives in these tests, so handing bytes to the real kernel is enough.
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
        return sync(options, debug);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
        return sync(options, debug);
    }

  private:
    rocksdb::IOStatus sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) {
        owner_.hang_if_told();
        rocksdb::IOStatus status = owner_.before();
        if (status.ok()) {
            status = target()->Flush(options, debug);
        }
        if (status.ok()) {
            owner_.synced(name_, size_);
        }
        return status;
    }

    FaultFileSystem& owner_;
    std::string name_;
    uint64_t size_;
};

class FaultFileSystem::Directory final : public rocksdb::FSDirectoryWrapper {
  public:
    Directory(FaultFileSystem& owner, std::unique_ptr<rocksdb::FSDirectory>&& directory)
        : FSDirectoryWrapper{std::move(directory)},
          owner_{owner} {}
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& /*options*/,
                            rocksdb::IODebugContext* /*debug*/) override {
        return owner_.before();
    }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& /*options*/,
                                          rocksdb::IODebugContext* /*debug*/,
                                          const rocksdb::DirFsyncOptions& /*how*/) override {
        return owner_.before();
    }

  private:
    FaultFileSystem& owner_;
};

inline void FaultFileSystem::adopt(const std::string& name, uint64_t size,
                                   std::unique_ptr<rocksdb::FSWritableFile>* file) {
    synced(name, size);
    *file = std::make_unique<WritableFile>(*this, name, size, std::move(*file));
}

inline rocksdb::IOStatus FaultFileSystem::NewDirectory(
    const std::string& name, const rocksdb::IOOptions& options,
    std::unique_ptr<rocksdb::FSDirectory>* result, rocksdb::IODebugContext* debug) {
    rocksdb::IOStatus status = target()->NewDirectory(name, options, result, debug);
    if (status.ok()) {
        *result = std::make_unique<Directory>(*this, std::move(*result));
    }
    return status;
}

/// An environment over a fault file system, to be passed as OpenOptions::env.
struct FaultEnv {
    std::shared_ptr<FaultFileSystem> files = std::make_shared<FaultFileSystem>();
    std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
};

}  // namespace plumbline::storage::test
