// "BLOCK-INDEX-HASH": the cursor of whatever goes along the log. It knows its block by the first
// digits of the hash: behind a block that the chain has left, others lie than the client thinks.
// Internal to api.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

struct LogCursor {
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    friend auto operator<=>(const LogCursor&, const LogCursor&) = default;
};

/// Without a hash where `view` keeps no row of the block, which is final then.
[[nodiscard]] std::string log_cursor_text(const storage::ReadView& view, const LogCursor& place);

/// Null: empty. kInvalidArgument for what `log_cursor_text` does not write, and where its block is
/// not, or not any more, one of `view`.
[[nodiscard]] Result<std::optional<LogCursor>> read_log_cursor(const storage::ReadView& view,
                                                               const std::string* text);

}  // namespace plumbline::api
