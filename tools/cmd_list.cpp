// plumbline list: rows in key order, or those an index finds.
#include <fmt/format.h>

#include "engine/text/entity_text.hpp"
#include "storage/read_view.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

struct ListOptions {
    std::string path;
    std::string entity;
    std::vector<std::string> where;
    uint64_t limit = 100;
    std::string after;
};

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

Status run_list(const ListOptions& options) {
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
        fmt::print(stderr, "more: --after '{}'\n", text);
    }
    return ok();
}

}  // namespace

void add_list(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("list", "List rows, one JSON object a line");
    auto options = std::make_shared<ListOptions>();
    command->add_option("DB", options->path, "The database directory")->required();
    command->add_option("ENTITY", options->entity, "The entity's name")->required();
    command->add_option(
        "--where", options->where,
        "field=value, again for more fields: the first columns of the key or of an index");
    command->add_option("--limit", options->limit, "At most so many rows")
        ->capture_default_str()
        ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}));
    command->add_option("--after", options->after, "Go on after this key, as `more:` shows it");
    command->footer("Example: plumbline list ./db vote --where voter=0xf39f... --limit 20");
    command->callback([options, &exit] {
        if (auto status = run_list(*options); !status) {
            exit = fail(status.error());
        }
    });
}

}  // namespace plumbline::tools
