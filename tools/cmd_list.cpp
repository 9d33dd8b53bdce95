// plumbline list: rows in key order, or those an index finds.
#include <fmt/format.h>

#include "core/base/visible_text.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

/// Where an index scan goes on: the indexed values and the key of the row `after`.
Result<std::string> index_position(const storage::ReadView& view,
                                   const storage::EntityLayout& layout,
                                   const storage::RowCodec& codec, size_t entity, size_t index,
                                   const std::string& key) {
    auto row = view.get_row(entity, key);
    if (!row) {
        return std::move(row).error().with_context("the row given by --after is gone");
    }
    PLUMBLINE_TRY(std::string position, engine::index_prefix_of(layout, codec, index, key, *row));
    return position + key;
}

}  // namespace

Status run_list(const ListArguments& options) {
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    PLUMBLINE_TRY(const size_t entity, find_entity(*database, options.entity));
    const storage::EntityLayout& layout = database->entities()[entity];
    const storage::RowCodec codec{layout};
    PLUMBLINE_TRY(const auto where, engine::parse_named(options.where));
    PLUMBLINE_TRY(const auto lookup, engine::plan_lookup(layout, where));
    const auto view = database->read_view();

    std::string after;
    if (!options.after.empty()) {
        PLUMBLINE_TRY(after, engine::key_from_text(layout, options.after));
    }
    std::unique_ptr<storage::RowScanner> rows;
    if (lookup.index < 0) {
        rows = view->scan_entity(entity, lookup.prefix, after);
    } else {
        const auto index = static_cast<size_t>(lookup.index);
        if (!after.empty()) {
            PLUMBLINE_TRY(after, index_position(*view, layout, codec, entity, index, after));
        }
        rows = view->scan_index(entity, index, lookup.prefix, after);
    }
    std::string last_key;
    uint64_t shown = 0;
    for (; rows->valid() && shown < options.limit; rows->next(), ++shown) {
        std::string line;
        PLUMBLINE_TRY_VOID(engine::append_row_json(line, layout, codec, rows->key(), rows->row()));
        line += '\n';
        PLUMBLINE_TRY_VOID(print(line));
        last_key = rows->key();
    }
    PLUMBLINE_TRY_VOID(rows->status());
    if (rows->valid() && shown > 0) {
        PLUMBLINE_TRY(const std::string text, engine::key_to_text(layout, last_key));
        fmt::print(stderr, "more: --after {}\n", shell_quoted(visible_text(text)));
    }
    return ok();
}

}  // namespace plumbline::tools
