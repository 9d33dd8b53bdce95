#include "query/question_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/near_name.hpp"
#include "engine/text/entity_text.hpp"
#include "query/access_plan.hpp"

namespace plumbline::query {

namespace {

struct Word {
    std::string_view text;
    Compare compare;
};

constexpr Word kWords[] = {{"eq", Compare::kEq},  {"ne", Compare::kNe}, {"lt", Compare::kLt},
                           {"lte", Compare::kLe}, {"gt", Compare::kGt}, {"gte", Compare::kGe},
                           {"in", Compare::kIn}};

bool is_bound(Compare compare) noexcept {
    return compare != Compare::kEq && compare != Compare::kNe && compare != Compare::kIn;
}

}  // namespace

std::vector<std::string_view> split_at_commas(std::string_view text) {
    std::vector<std::string_view> out;
    while (true) {
        const size_t comma = text.find(',');
        out.push_back(text.substr(0, comma));
        if (comma == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(comma + 1);
    }
}

Result<ConditionName> read_condition_name(std::string_view text) {
    const size_t point = text.rfind('.');
    if (point == std::string_view::npos) {
        return ConditionName{std::string{text}, Compare::kEq};
    }
    const std::string_view word = text.substr(point + 1);
    for (const Word& known : kWords) {
        if (known.text == word) {
            return ConditionName{std::string{text.substr(0, point)}, known.compare};
        }
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no comparison '{}' in '{}'; there are: eq, ne, lt, lte, gt, gte, in",
                             word, text)};
}

Result<std::vector<std::string>> read_values(storage::FieldType type, Compare compare,
                                             std::string_view text) {
    std::vector<std::string> out;
    const auto add = [&](std::string_view one) -> Status {
        PLUMBLINE_TRY(const storage::KeyValue value, engine::parse_value(type, one));
        if (value.is_null && is_bound(compare)) {
            return Error{ErrorCode::kInvalidArgument,
                         "no value is above or below null: FIELD=null finds what is not set, "
                         "FIELD.ne=null what is"};
        }
        out.push_back(encode_value(type, value));
        return ok();
    };
    if (compare != Compare::kIn) {
        PLUMBLINE_TRY_VOID(add(text));
        return out;
    }
    for (const std::string_view one : split_at_commas(text)) {
        PLUMBLINE_TRY_VOID(add(one));
    }
    return out;
}

Result<Condition> read_condition(const storage::EntityLayout& layout, const ConditionName& name,
                                 std::string_view text) {
    const int column = layout.find_column(name.field);
    if (column < 0) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("{} has no field '{}'{}", layout.name, name.field,
                                 suggest(name.field, engine::column_names(layout)))};
    }
    Condition out{static_cast<uint16_t>(column), name.compare, {}};
    auto values = read_values(layout.column(static_cast<size_t>(column)).type, name.compare, text);
    if (!values) {
        return std::move(values).error().with_context(name.field);
    }
    out.values = *std::move(values);
    return out;
}

Result<std::vector<OrderColumn>> read_order(const storage::EntityLayout& layout,
                                            std::string_view text) {
    std::vector<OrderColumn> out;
    for (std::string_view part : split_at_commas(text)) {
        const bool descending = part.starts_with('-');
        part.remove_prefix(descending ? 1 : 0);
        const int column = layout.find_column(part);
        if (column >= 0) {
            out.push_back({static_cast<uint16_t>(column), descending});
            continue;
        }
        if (part != "key") {
            std::string known;
            for (const AccessPath& path : paths_of(layout)) {
                known += (known.empty() ? "" : " | ") + path_name(layout, path.index);
            }
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("no order '{}' of {}; there are, with - before a field for "
                                     "descending: {}",
                                     text, layout.name, known)};
        }
        for (uint16_t i = 0; i < layout.key.size(); ++i) {
            out.push_back({i, descending});
        }
    }
    return out;
}

}  // namespace plumbline::query
