// A row at an earlier block, whoever knows it: what a state proof asks and a replay answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/base/result.hpp"

namespace plumbline::engine {

/// The row's bytes as they were after block `block_num`; empty where there was none.
using RowAt = std::function<Result<std::optional<std::string>>(uint64_t block_num)>;

}  // namespace plumbline::engine
