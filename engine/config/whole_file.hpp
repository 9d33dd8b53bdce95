// A small file's text: a config, an ABI.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace plumbline::engine {

/// Of a file, or of a pipe whose writer says something at least every ten seconds. kInvalidArgument
/// says in words what is in the way: no such file, a directory, more than `size_max` bytes, a pipe
/// that nobody writes into.
[[nodiscard]] Result<std::string> read_whole_file(const std::filesystem::path& path,
                                                  size_t size_max);

}  // namespace plumbline::engine
