#include "engine/stored_plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/config.hpp"

namespace plumbline::engine {

Result<std::shared_ptr<const Plan>> stored_plan(const storage::Database& database) {
    const storage::SchemaBundle& bundle = database.bundle();
    const FileReader read_stored = [&bundle](const std::string& name) -> Result<std::string> {
        const auto found = std::ranges::find(bundle.abis, name, &std::pair<std::string, std::string>::first);
        if (found == bundle.abis.end()) {
            return Error{ErrorCode::kNotFound, "the database does not hold it"};
        }
        return found->second;
    };
    const auto as_corruption = [&database](Error error) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("the config stored in {} cannot be read: {}", database.path(), error.message)};
    };
    auto config = parse_config(bundle.config_text, database.path() + " (stored config)", read_stored);
    if (!config) {
        return as_corruption(std::move(config).error());
    }
    auto plan = Plan::compile(*config);
    if (!plan) {
        return as_corruption(std::move(plan).error());
    }
    return plan;
}

}  // namespace plumbline::engine
