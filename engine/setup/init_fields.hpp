// An event's parameters as the fields of an entity: tuples are flattened, names made snake_case and
// unique, and what fits no field is told of. Pure: from an ABI to names and types.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/evm/abi_json.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

constexpr size_t kMaxBaseName = 48;  ///< of a name; leaves room for suffixes

/// Names that are taken already; gives the next free one.
class NameSet {
  public:
    explicit NameSet(std::set<std::string> taken = {}) : taken_{std::move(taken)} {}

    /// `wanted`, or with a number behind it where that is taken.
    [[nodiscard]] std::string claim(const std::string& wanted);

  private:
    std::set<std::string> taken_;
};

/// The field type of a value; empty where it is an array or a tuple.
[[nodiscard]] std::optional<storage::FieldType> field_type(const evm::AbiType& type);

/// A field of an entity, and where its value comes from.
struct FieldPlan {
    std::string name;
    std::string type;
    std::string value;  ///< in the operand language
};

/// A parameter that fits no field.
struct ArrayPlan {
    std::string path;  ///< as the mapping names it
    std::string name;
    std::string type_text;
    const evm::AbiType* type = nullptr;  ///< of the ABI, which must outlive this
};

/// What becomes of an event's parameters, or of an array's element.
struct Flattened {
    std::vector<FieldPlan> fields;
    std::vector<ArrayPlan> arrays;
    std::vector<std::string> notes;
};

/// The fields of the row that an event becomes.
[[nodiscard]] Flattened flatten(const evm::AbiEvent& event);
/// The fields of the row that one item of the array at `path` becomes.
[[nodiscard]] Flattened flatten_item(const std::string& path, const evm::AbiType& element);

}  // namespace plumbline::engine
