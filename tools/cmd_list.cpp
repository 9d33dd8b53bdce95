// plumbline list: rows in key order, or those an index finds.
#include <fmt/format.h>

#include "core/base/visible_text.hpp"
#include "engine/text/entity_text.hpp"
#include "query/question_text.hpp"
#include "query/row_cursor.hpp"
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

/// `--where` as "field=value" or "field.OP=value".
Result<query::Question> read_question(const storage::EntityLayout& layout,
                                      const ListArguments& options) {
    query::Question out;
    PLUMBLINE_TRY(const auto where, engine::parse_named(options.where));
    for (const auto& [name, text] : where) {
        query::ConditionName asked{name, query::Compare::kEq};
        if (layout.find_column(name) < 0) {
            PLUMBLINE_TRY(asked, query::read_condition_name(name));
        }
        PLUMBLINE_TRY(query::Condition condition, query::read_condition(layout, asked, text));
        out.where.push_back(std::move(condition));
    }
    if (!options.order.empty()) {
        PLUMBLINE_TRY(out.order, query::read_order(layout, options.order));
    }
    return out;
}

Result<query::Access> plan_or_tell(const storage::EntityLayout& layout,
                                   const query::Question& question) {
    auto access = query::plan_served(layout, question);
    if (!access) {
        return Error{access.error().code,
                     access.error().message + "; or add --scan to look at row after row"};
    }
    return access;
}

}  // namespace

Status run_list(const ListArguments& options) {
    PLUMBLINE_TRY(const auto database, open_to_read(options.path));
    PLUMBLINE_TRY(const size_t entity, find_entity(*database, options.entity));
    const storage::EntityLayout& layout = database->entities()[entity];
    const storage::RowCodec codec{layout};
    const auto view = database->read_view();
    PLUMBLINE_TRY(const query::Question question, read_question(layout, options));
    PLUMBLINE_TRY(const query::Access access,
                  options.scan ? query::plan_scan(layout, question, view->entity_count(entity))
                               : plan_or_tell(layout, question));

    std::string after;
    if (!options.after.empty()) {
        PLUMBLINE_TRY(after, engine::key_from_text(layout, options.after));
    }
    if (!after.empty() && access.path.index >= 0) {
        PLUMBLINE_TRY(after, index_position(*view, layout, codec, entity,
                                            static_cast<size_t>(access.path.index), after));
    }
    query::RowCursor rows{*view, entity, access, question, {.after = after}};
    std::string last_key;
    uint64_t shown = 0;
    for (; rows.valid() && shown < options.limit; rows.next(), ++shown) {
        std::string line;
        PLUMBLINE_TRY_VOID(engine::append_row_json(line, layout, codec, rows.key(), rows.row()));
        line += '\n';
        PLUMBLINE_TRY_VOID(print(line));
        last_key = rows.key();
    }
    PLUMBLINE_TRY_VOID(rows.status());
    if (rows.valid() && shown > 0) {
        PLUMBLINE_TRY(const std::string text, engine::key_to_text(layout, last_key));
        print_error(fmt::format("more: --after {}\n", shell_quoted(visible_text(text))));
    }
    return ok();
}

}  // namespace plumbline::tools
