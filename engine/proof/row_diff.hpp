// What differs between two rows, in words. Internal to engine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/layout.hpp"
#include "storage/row.hpp"

namespace plumbline::engine {

/// One value of a row that differs; texts as `dump` shows them.
struct FieldDifference {
    std::string field;  ///< "(last change)" where only that differs
    std::string left;
    std::string right;
};

/// Both must be rows of the layout that are not deleted.
[[nodiscard]] std::vector<FieldDifference> compare_rows(const storage::EntityLayout& layout,
                                                        const storage::RowCodec& codec,
                                                        std::string_view key, std::string_view left,
                                                        std::string_view right);
/// "amount=5 name=eve": the fields, without the key.
[[nodiscard]] std::string row_summary(const storage::EntityLayout& layout,
                                      const storage::RowCodec& codec, std::string_view key,
                                      std::string_view row);

}  // namespace plumbline::engine
