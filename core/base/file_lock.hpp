// POSIX record locks of whole files (fcntl), as RocksDB's LOCK has one. A process does not see its
// own, and loses it with the first descriptor of the file that it closes.
#pragma once

#include <optional>

namespace plumbline {

/// Takes the lock of `file`, which is open for writing, without waiting. False where another
/// process has it, or the file system has no locks. It ends with the process, or with `file`.
[[nodiscard]] bool lock_file(int file) noexcept;

/// Whether another process has locked `file`; empty where that cannot be told.
[[nodiscard]] std::optional<bool> is_file_locked(int file) noexcept;

}  // namespace plumbline
