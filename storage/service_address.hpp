// Where the service that holds a database listens: a file beside RocksDB's LOCK. It counts only
// while somebody holds the lock.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// "http://127.0.0.1:40123", for its owner alone.
[[nodiscard]] Status write_service_address(const std::string& db_path, const std::string& url);
void remove_service_address(const std::string& db_path) noexcept;
/// Empty: nothing there, or it is no http URL.
[[nodiscard]] std::optional<std::string> read_service_address(const std::string& db_path);
/// Whether another process holds the lock of the database. Not to be asked by one that holds it: it
/// does not see its own lock, and would lose it.
[[nodiscard]] bool is_locked_by_another(const std::string& db_path);

}  // namespace plumbline::storage
