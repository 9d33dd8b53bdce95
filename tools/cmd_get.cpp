// plumbline get: one row by its key.
#include <fmt/format.h>

#include "engine/text/entity_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

struct GetOptions {
    std::string path;
    std::string entity;
    std::vector<std::string> key;
    bool json = false;
};

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

Status run_get(const GetOptions& options) {
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    PLUMBLINE_TRY(const size_t entity, find_entity(*database, options.entity));
    const storage::EntityLayout& layout = database->entities()[entity];
    PLUMBLINE_TRY(const auto named, engine::parse_named(options.key));
    PLUMBLINE_TRY(const std::string key, engine::encode_key(layout, named));
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

}  // namespace

void add_get(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("get", "Show one row by its key");
    auto options = std::make_shared<GetOptions>();
    command->add_option("DB", options->path, "The database directory")->required();
    command->add_option("ENTITY", options->entity, "The entity's name")->required();
    command->add_option("KEY", options->key, "field=value for each key field")->required();
    command->add_flag("--json", options->json, "One JSON object");
    command->footer("Example: plumbline get ./db community id=1 --json");
    command->callback([options, &exit] {
        if (auto status = run_get(*options); !status) {
            exit = fail(status.error());
        }
    });
}

}  // namespace plumbline::tools
