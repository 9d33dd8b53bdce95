#include "storage/place_check.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

namespace plumbline::storage {

namespace {

Error cannot_make(const std::string& path, const std::string& why) {
    return Error{ErrorCode::kIo, cannot_make_text(path, why)};
}

/// Of the path's directories the deepest that is there; a file, where one is in the way.
std::filesystem::path find_existing_parent(const std::string& path) {
    std::error_code error;
    std::filesystem::path out = std::filesystem::absolute(path, error);
    while (out.has_relative_path() && !std::filesystem::exists(out, error)) {
        out = out.parent_path();
    }
    return out;
}

}  // namespace

std::filesystem::path named_place(const std::string& path) {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(path, error);
    const std::filesystem::path place =
        (error ? std::filesystem::path{path} : absolute).lexically_normal();
    return place.has_filename() ? place : place.parent_path();
}

std::string cannot_make_text(const std::string& path, const std::string& why) {
    return fmt::format(
        "cannot make the directory {}: {}; this user must be able to write where it "
        "is to be, or choose another: --db or [database] path",
        path, why);
}

std::string is_file_text(const std::string& path) {
    return fmt::format("{} is a file: a database is a directory", path);
}

Status check_place(const std::string& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
        if (!std::filesystem::is_directory(path, error)) {
            return Error{ErrorCode::kIncompatible, is_file_text(path)};
        }
        const bool has_files = !std::filesystem::is_empty(path, error) || error;
        if (!has_files && ::access(path.c_str(), W_OK | X_OK) != 0) {
            return cannot_make(path, std::strerror(errno));
        }
        return ok();
    }
    const std::filesystem::path parent = find_existing_parent(path);
    if (!std::filesystem::is_directory(parent, error)) {
        return cannot_make(path, parent.string() + " is a file");
    }
    // No rights tell of a disk that takes no writes, or of a file system that makes no directories.
    std::string probe = (parent / ".plumbline-XXXXXX").string();
    if (::mkdtemp(probe.data()) == nullptr) {
        return cannot_make(path, std::strerror(errno));
    }
    ::rmdir(probe.c_str());
    return ok();
}

}  // namespace plumbline::storage
