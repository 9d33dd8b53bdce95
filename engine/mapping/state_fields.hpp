// Which fields of an entity the contract's getters tell: an entity that equals the contract does so
// in these, and of the others nothing is known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/mapping/plan.hpp"

namespace plumbline::engine {

/// Names, in the layout's order; key fields are in neither.
struct ComparedFields {
    std::vector<std::string> told;      ///< by some `state`, alone or in an expression
    std::vector<std::string> left_out;  ///< by all of them
};
[[nodiscard]] ComparedFields compared_fields(const Plan& plan, uint32_t entity);

}  // namespace plumbline::engine
