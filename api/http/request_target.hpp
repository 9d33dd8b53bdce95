// Path and query of a request, taken apart.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace plumbline::api {

struct Target {
    std::vector<std::string> parts;  ///< of the path, decoded: "/v1/a%2Fb" is {"v1", "a/b"}
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order

    /// The first value of that name; null where there is none.
    [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
};

/// kInvalidArgument for what is not "/..." or "http://host/...", has a broken %-escape or more than
/// 256 parameters.
[[nodiscard]] Result<Target> parse_target(std::string_view whole);

/// "%xx" and, in a query, "+" become what they stand for.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace plumbline::api
