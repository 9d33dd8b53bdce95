// Where the tables NAME_at get the rows of an earlier block from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/result.hpp"
#include "storage/read_view.hpp"

namespace plumbline::query::sql {

/// All rows of `view`'s index as they were after a block: a view of rows alone.
using ReadPast = std::function<Result<std::shared_ptr<const storage::ReadView>>(
    const storage::ReadView& view, uint64_t block_num)>;

}  // namespace plumbline::query::sql
