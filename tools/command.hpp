// What every subcommand shares: exit codes, opening a database, printing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "engine/config/memory_plan.hpp"
#include "storage/database.hpp"

namespace plumbline::tools {

/// Documented in docs/operations.md; scripts lean on them.
enum class ExitCode : int {
    kDone = 0,
    kCheckFailed = 1,
    kUsage = 2,
    kEnvironment = 3,
    kCorruption = 4,
};

[[nodiscard]] ExitCode exit_code(const Error& error) noexcept;

/// Prints "plumbline: message" to standard error (a JSON line where the log is JSON), of damage
/// with what can be done, and gives the exit code.
ExitCode fail(const Error& error);

/// Caches of a database until its stored config is read, which says how much they may be.
inline constexpr size_t kMemoryAtOpen = size_t{16} << 20;

/// Opens `path` for reading; a writer may be running. Caches have what `memory_mib` of the stored
/// config leaves them.
[[nodiscard]] Result<std::unique_ptr<storage::Database>> open_to_read(const std::string& path);

/// Opens `path` for writing, with caches as above. kUnavailable: somebody else has it open so; the
/// error says who, and `meanwhile`, which is what the user can do then. Notices go to the log.
[[nodiscard]] Result<std::unique_ptr<storage::Database>> open_to_write(const std::string& path,
                                                                       std::string_view meanwhile);

/// By `memory_mib` of the config that the database was built with.
[[nodiscard]] engine::MemoryPlan plan_memory(const storage::Database& database,
                                             engine::MemoryUse use);

/// The entity's number in the database; kInvalidArgument lists the known ones.
[[nodiscard]] Result<size_t> find_entity(const storage::Database& database,
                                         const std::string& name);

/// Writes lines to standard output, with nothing in them that acts on a terminal
/// (core/base/visible_text.hpp); kIo when that fails (a closed pipe is no failure).
[[nodiscard]] Status print(std::string_view text);
/// Writes to standard error as it is; where nobody reads it any more, nothing happens.
void print_error(std::string_view text) noexcept;
/// Where what goes to `path` is written until it is whole, to be renamed then; `path` itself where
/// that is no plain file, as /dev/stdout or a named pipe: nothing is put in their place.
[[nodiscard]] std::string partial_path(const std::string& path);
/// As one word of a command that people paste into a POSIX shell.
[[nodiscard]] std::string shell_quoted(std::string_view text);
/// A path as a command to copy names it: plain, where the shell takes it for one word as it is.
[[nodiscard]] std::string as_word(const std::string& path);

}  // namespace plumbline::tools
