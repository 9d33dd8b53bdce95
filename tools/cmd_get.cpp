// plumbline get: one row by its key.
#include <fmt/format.h>

#include "engine/text/entity_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

Result<std::string> for_people(const storage::EntityLayout& layout, const storage::RowCodec& codec,
                               std::string_view key, std::string_view row) {
    PLUMBLINE_TRY(const auto columns, engine::row_texts(layout, codec, key, row));
    size_t width = 0;
    for (size_t i = 0; i < columns.size(); ++i) {
        width = std::max(width, layout.column(i).name.size());
    }
    std::string out;
    for (size_t i = 0; i < columns.size(); ++i) {
        out += fmt::format("{:<{}}  {}\n", layout.column(i).name, width, columns[i]);
    }
    return out;
}

/// An argument a field, or all of the key in one, as messages and findings show it; of a key that
/// is one field its value alone.
Result<std::string> read_key(const storage::EntityLayout& layout,
                             const std::vector<std::string>& arguments) {
    if (arguments.size() == 1 &&
        (layout.key.size() > 1 || arguments[0].find('=') == std::string::npos)) {
        return engine::key_or_value_from_text(layout, arguments[0]);
    }
    PLUMBLINE_TRY(const auto named, engine::parse_named(arguments));
    return engine::encode_key(layout, named);
}

}  // namespace

Status run_get(const GetArguments& options) {
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    PLUMBLINE_TRY(const size_t entity, find_entity(*database, options.entity));
    const storage::EntityLayout& layout = database->entities()[entity];
    PLUMBLINE_TRY(const std::string key, read_key(layout, options.key));
    const auto view = database->read_view();
    auto row = view->get_row(entity, key);
    if (!row) {
        if (row.error().code == ErrorCode::kNotFound) {
            return Error{ErrorCode::kNotFound,
                         fmt::format("no {} with {}", layout.name, fmt::join(options.key, " "))};
        }
        return std::move(row).error();
    }
    const storage::RowCodec codec{layout};
    std::string text;
    if (options.json) {
        PLUMBLINE_TRY_VOID(engine::append_row_json(text, layout, codec, key, *row));
        text += '\n';
    } else {
        PLUMBLINE_TRY(text, for_people(layout, codec, key, *row));
    }
    return print(text);
}

}  // namespace plumbline::tools
