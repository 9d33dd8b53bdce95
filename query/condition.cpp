#include "query/condition.hpp"

#include <algorithm>

#include "engine/text/entity_text.hpp"

namespace plumbline::query {

std::string_view to_string(Compare compare) noexcept {
    switch (compare) {
        case Compare::kEq: return "=";
        case Compare::kNe: return "<>";
        case Compare::kLt: return "<";
        case Compare::kLe: return "<=";
        case Compare::kGt: return ">";
        case Compare::kGe: return ">=";
        case Compare::kIn: return "in";
    }
    return "?";
}

std::string encode_value(storage::FieldType type, const storage::KeyValue& value) {
    std::string out;
    engine::append_key_value(out, type, value);
    return out;
}

Condition is_set() {
    return {0, Compare::kGe, {"\x01"}};
}

bool holds(const Condition& condition, std::string_view value, bool is_optional) noexcept {
    const auto is = [&](const std::string& asked) { return value == asked; };
    if (is_optional && value == kNullValue && condition.compare != Compare::kEq &&
        condition.compare != Compare::kIn) {
        return false;
    }
    switch (condition.compare) {
        case Compare::kEq:
        case Compare::kIn: return std::ranges::any_of(condition.values, is);
        case Compare::kNe: return std::ranges::none_of(condition.values, is);
        case Compare::kLt: return value < condition.values.front();
        case Compare::kLe: return value <= condition.values.front();
        case Compare::kGt: return value > condition.values.front();
        case Compare::kGe: return value >= condition.values.front();
    }
    return false;
}

std::string describe(const storage::EntityLayout& layout, const Condition& condition) {
    return layout.column(condition.column).name + " " + std::string{to_string(condition.compare)};
}

}  // namespace plumbline::query
