// Whether a database could be made somewhere, before there is anything to put into it: what it is
// made of comes from the chain, which may take its time.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace plumbline::storage {

/// The absolute path by which a directory is named, whether it is there or not: "x/../db/" is "db".
[[nodiscard]] std::filesystem::path named_place(const std::string& path);

/// Makes nothing that stays. An error where no database is at `path` and none could be: it is a
/// file, lies below one, or this user cannot write there. What lies in a directory that is there is
/// for `Database::open` to judge.
[[nodiscard]] Status check_place(const std::string& path);

/// Of a directory for a database, with what to do.
[[nodiscard]] std::string cannot_make_text(const std::string& path, const std::string& why);
[[nodiscard]] std::string is_file_text(const std::string& path);

}  // namespace plumbline::storage
