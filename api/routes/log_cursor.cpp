#include "api/routes/log_cursor.hpp"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "core/evm/hex.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kHashDigits = 16;

std::string hash_mark(const evm::Hash& hash) {
    return evm::to_hex(hash).substr(2, kHashDigits);
}

/// Whether the block of a cursor with `mark` is still the one that it was made of.
bool is_of(const storage::ReadView& view, uint64_t block_num, std::string_view mark) {
    const auto now = view.cursor();
    if (!now || block_num > now->block_num) {
        return false;
    }
    const auto block = view.get_block(block_num);
    return block ? mark == hash_mark(block->hash) : block_num <= now->finalized;
}

}  // namespace

std::string log_cursor_text(const storage::ReadView& view, const LogCursor& place) {
    const auto block = view.get_block(place.block_num);
    return fmt::format("{}-{}{}", place.block_num, place.log_index,
                       block ? "-" + hash_mark(block->hash) : "");
}

Result<std::optional<LogCursor>> read_log_cursor(const storage::ReadView& view,
                                                 const std::string* text) {
    if (text == nullptr) {
        return std::optional<LogCursor>{};
    }
    LogCursor out;
    const char* end = text->data() + text->size();
    const auto [dash, error] = std::from_chars(text->data(), end, out.block_num);
    const bool has_dash = error == std::errc{} && dash != end && *dash == '-';
    const auto [last, index_error] = std::from_chars(has_dash ? dash + 1 : end, end, out.log_index);
    const bool has_mark = last != end && *last == '-';
    const std::string_view mark{has_mark ? last + 1 : end, end};
    if (!has_dash || index_error != std::errc{} || (last != end && !has_mark)) {
        return Error{ErrorCode::kInvalidArgument, "cursor is not one that `next` gave"};
    }
    if (!is_of(view, out.block_num, mark)) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("cursor stands in a block {} that this index does not have: the "
                                 "chain left it, or the cursor is of another index. Drop what you "
                                 "hold of blocks that went, and begin again with from=; "
                                 "/v1/stream tells what is taken back",
                                 out.block_num)};
    }
    return std::optional{out};
}

}  // namespace plumbline::api
