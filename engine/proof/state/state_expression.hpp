// Values that `state` calculates from a row before it asks or compares.
#pragma once

#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/expression_program.hpp"
#include "storage/entity_key.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

/// What `program`, over the row's own columns, makes of it as a value of `type`. A null is zero or
/// empty, as a getter would tell it. kInvalidArgument says which rule a value breaks.
[[nodiscard]] Result<storage::KeyValue> calculate_state(const ExpressionProgram& program,
                                                        storage::FieldType type,
                                                        const std::vector<storage::KeyValue>& key,
                                                        const storage::RowCodec& codec,
                                                        std::string_view row);

}  // namespace plumbline::engine
