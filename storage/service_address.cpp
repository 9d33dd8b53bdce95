#include "storage/service_address.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "core/base/file_lock.hpp"

namespace plumbline::storage {

namespace {

constexpr const char* kName = "/SERVICE";
constexpr size_t kUrlMax = 512;

}  // namespace

Status write_service_address(const std::string& db_path, const std::string& url) {
    const std::string path = db_path + kName;
    const std::string part = path + ".new";
    {
        std::ofstream file{part, std::ios::binary | std::ios::trunc};
        file << url << '\n';
        file.flush();
        if (!file) {
            return Error{ErrorCode::kIo, fmt::format("cannot write {}", part)};
        }
    }
    // Whoever reads it sends a token there.
    ::chmod(part.c_str(), S_IRUSR | S_IWUSR);
    std::error_code error;
    std::filesystem::rename(part, path, error);
    if (error) {
        return Error{ErrorCode::kIo, fmt::format("cannot write {}: {}", path, error.message())};
    }
    return ok();
}

void remove_service_address(const std::string& db_path) noexcept {
    std::remove((db_path + kName).c_str());
}

std::optional<std::string> read_service_address(const std::string& db_path) {
    std::ifstream file{db_path + kName, std::ios::binary};
    std::string url;
    if (!std::getline(file, url) || !url.starts_with("http://") || url.size() > kUrlMax) {
        return std::nullopt;
    }
    return url;
}

bool is_locked_by_another(const std::string& db_path) {
    const int file = open((db_path + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const bool is_locked = is_file_locked(file).value_or(false);
    close(file);
    return is_locked;
}

}  // namespace plumbline::storage
