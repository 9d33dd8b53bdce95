#include "engine/proof/row_diff.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/text/entity_text.hpp"

namespace plumbline::engine {

namespace {

std::string change_text(std::string_view row) {
    const storage::ChangedAt at = storage::RowCodec::changed_at(row);
    return fmt::format("block {}, log {}", at.block_num, at.log_index);
}

}  // namespace

std::vector<FieldDifference> compare_rows(const storage::EntityLayout& layout,
                                          const storage::RowCodec& codec, std::string_view key,
                                          std::string_view left, std::string_view right) {
    std::vector<FieldDifference> out;
    const auto lefts = row_texts(layout, codec, key, left);
    const auto rights = row_texts(layout, codec, key, right);
    if (!lefts || !rights) {
        return out;
    }
    for (size_t i = 0; i < layout.fields.size(); ++i) {
        if (codec.raw(left, i) != codec.raw(right, i) ||
            codec.is_null(left, i) != codec.is_null(right, i)) {
            const size_t column = layout.key.size() + i;
            out.push_back({layout.fields[i].name, (*lefts)[column], (*rights)[column]});
        }
    }
    if (out.empty() && left != right) {
        out.push_back({"(last change)", change_text(left), change_text(right)});
    }
    return out;
}

std::string row_summary(const storage::EntityLayout& layout, const storage::RowCodec& codec,
                        std::string_view key, std::string_view row) {
    const auto texts = row_texts(layout, codec, key, row);
    std::string out;
    for (size_t i = layout.key.size(); texts && i < texts->size(); ++i) {
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", layout.column(i).name, (*texts)[i]);
    }
    return out;
}

}  // namespace plumbline::engine
