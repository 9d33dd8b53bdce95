// Questions as people write them: `points.gte=5`, `order=-points`. One reading for the HTTP lists
// and the command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/condition.hpp"

namespace plumbline::query {

/// "field" or "field.OP" taken apart; OP is eq, ne, lt, lte, gt, gte or in. kInvalidArgument for
/// another word behind the last point.
struct ConditionName {
    std::string field;
    Compare compare = Compare::kEq;
};
[[nodiscard]] Result<ConditionName> read_condition_name(std::string_view text);

/// What stands between the commas of it.
[[nodiscard]] std::vector<std::string_view> split_at_commas(std::string_view text);
/// The values in `text`: one, or with kIn several with commas between.
[[nodiscard]] Result<std::vector<std::string>> read_values(storage::FieldType type, Compare compare,
                                                           std::string_view text);

/// kInvalidArgument where there is no such field, or where `text` is no value of it.
[[nodiscard]] Result<Condition> read_condition(const storage::EntityLayout& layout,
                                               const ConditionName& name, std::string_view text);

/// "key", or columns with commas between; a minus before a column (or "key") is descending.
/// kInvalidArgument names the orders that there are.
[[nodiscard]] Result<std::vector<OrderColumn>> read_order(const storage::EntityLayout& layout,
                                                          std::string_view text);

}  // namespace plumbline::query
