#include "api/routes/row_question.hpp"

#include <algorithm>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/text/entity_text.hpp"
#include "query/question_text.hpp"

namespace plumbline::api {

namespace {

using storage::EntityLayout;

std::string field_names(const EntityLayout& layout) {
    std::string out;
    for (size_t i = 0; i < layout.column_count(); ++i) {
        out += (i == 0 ? "" : ", ") + layout.column(i).name;
    }
    return out;
}

/// Parameters of the route are told apart from fields; who names neither is told both.
Status read_conditions(const RequestContext& request, const EntityLayout& layout,
                       query::Question& out) {
    PLUMBLINE_TRY(const auto where, engine::parse_named(request.target.all("where")));
    for (const auto& [field, text] : where) {
        PLUMBLINE_TRY(query::Condition condition,
                      query::read_condition(layout, {field, query::Compare::kEq}, text));
        out.where.push_back(std::move(condition));
    }
    for (const auto& [name, text] : request.target.query) {
        if (request.route.has_param(name)) {
            continue;
        }
        query::ConditionName asked{name, query::Compare::kEq};
        if (layout.find_column(name) < 0) {
            PLUMBLINE_TRY(asked, query::read_condition_name(name));
        }
        if (layout.find_column(asked.field) < 0) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("no parameter '{}' here; there are: {}; and the fields of {}: "
                            "{}, also as field.gt=..., gte, lt, lte, ne, in",
                            name, request.route.param_names(), layout.name, field_names(layout))};
        }
        PLUMBLINE_TRY(query::Condition condition, query::read_condition(layout, asked, text));
        out.where.push_back(std::move(condition));
    }
    return ok();
}

/// A place means something only in the order it is of: which columns of which types in which way.
/// "k.", "0.", "1-." and eight digits that are others where a changed config makes it another.
std::string cursor_head(const EntityLayout& layout, const query::Access& access) {
    std::string order = layout.name;
    for (const uint16_t column : access.path.columns) {
        const storage::Field& field = layout.column(column);
        order += fmt::format("\n{} {}", field.name, storage::to_string(field.type));
    }
    return fmt::format("{}{}.{}.", access.path.index < 0 ? "k" : std::to_string(access.path.index),
                       access.descending ? "-" : "",
                       evm::to_hex(evm::keccak256(order)).substr(2, 8));
}

Result<std::string> read_cursor(const std::string& text, const EntityLayout& layout,
                                const query::Access& access) {
    const std::string head = cursor_head(layout, access);
    const auto bytes = text.starts_with(head) && text.size() > head.size()
                           ? evm::parse_hex("0x" + text.substr(head.size()))
                           : std::nullopt;
    if (!bytes) {
        return Error{ErrorCode::kInvalidArgument,
                     "cursor is not one that `next` of the same question gave, or is from before "
                     "a change of the config: begin again without it"};
    }
    return std::string{as_chars(*bytes)};
}

}  // namespace

std::string RowListQuestion::cursor(const EntityLayout& layout, std::string_view position) const {
    return cursor_head(layout, access) + evm::to_hex(as_bytes(position)).substr(2);
}

Result<RowListQuestion> read_row_list(const RequestContext& request, const EntityLayout& layout,
                                      uint64_t entity_rows) {
    RowListQuestion out;
    PLUMBLINE_TRY_VOID(read_conditions(request, layout, out.question));
    if (const std::string* order = request.target.find("order")) {
        PLUMBLINE_TRY(out.question.order, query::read_order(layout, *order));
    }
    PLUMBLINE_TRY(const bool is_scan, request.flag("scan"));
    auto access = query::plan_served(layout, out.question);
    if (!access && is_scan) {
        access = query::plan_scan(layout, out.question, entity_rows);
    } else if (!access) {
        return Error{access.error().code,
                     access.error().message + "; or add scan=true to look at row after row"};
    }
    PLUMBLINE_TRY(out.access, std::move(access));
    if (const std::string* cursor = request.target.find("cursor")) {
        PLUMBLINE_TRY(out.after, read_cursor(*cursor, layout, out.access));
    }
    return out;
}

}  // namespace plumbline::api
