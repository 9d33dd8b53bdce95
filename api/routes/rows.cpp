#include "api/routes/rows.hpp"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/base/near_name.hpp"
#include "engine/text/entity_text.hpp"

namespace plumbline::api {

namespace {

using storage::EntityLayout;

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        out.emplace_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return out;
}

}  // namespace

Result<std::vector<size_t>> read_columns(const RequestContext& request,
                                         const EntityLayout& layout) {
    std::vector<size_t> out;
    const std::vector<std::string> asked = request.target.all("fields");
    if (asked.empty()) {
        for (size_t i = 0; i < layout.column_count(); ++i) {
            out.push_back(i);
        }
        return out;
    }
    if (std::ranges::any_of(asked, &std::string::empty)) {
        return Error{ErrorCode::kInvalidArgument,
                     "fields names the fields to show, with commas between; leave it out for all"};
    }
    for (const std::string& name : split(fmt::format("{}", fmt::join(asked, ",")))) {
        const int column = layout.find_column(name);
        if (column < 0) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} has no field '{}'{}", layout.name, name,
                                     suggest(name, engine::column_names(layout)))};
        }
        if (std::ranges::find(out, static_cast<size_t>(column)) == out.end()) {
            out.push_back(static_cast<size_t>(column));
        }
    }
    return out;
}

void write_changed_at(JsonWriter& json, const storage::ChangedAt& at) {
    json.key("changed_at")
        .open_object()
        .member("block", at.block_num)
        .member("log_index", at.log_index)
        .close_object();
}

Status write_row(JsonWriter& json, const EntityLayout& layout, const storage::RowCodec& codec,
                 std::string_view key, std::string_view row, const std::vector<size_t>& columns) {
    PLUMBLINE_TRY(const std::string key_text, engine::key_to_text(layout, key));
    json.member("key", key_text);
    write_changed_at(json, storage::RowCodec::changed_at(row));
    json.key("row");
    return engine::append_row_json(json.raw_value(), layout, codec, key, row, columns);
}

}  // namespace plumbline::api
