// Rows in requests and answers: which key, which columns, what of a row is shown. Internal to api.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/routes/request_context.hpp"
#include "storage/row.hpp"

namespace plumbline::api {

/// The columns that `fields` asks for; all where it is not there.
[[nodiscard]] Result<std::vector<size_t>> read_columns(const RequestContext& request,
                                                       const storage::EntityLayout& layout);
/// "changed_at" of an open object.
void write_changed_at(JsonWriter& json, const storage::ChangedAt& at);
/// "key", "changed_at" and "row" of an open object.
[[nodiscard]] Status write_row(JsonWriter& json, const storage::EntityLayout& layout,
                               const storage::RowCodec& codec, std::string_view key,
                               std::string_view row, const std::vector<size_t>& columns);

}  // namespace plumbline::api
