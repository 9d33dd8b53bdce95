#include "engine/mapping/stored_plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config.hpp"

namespace plumbline::engine {

namespace {

Error as_corruption(const storage::Database& database, const Error& error) {
    return {ErrorCode::kCorruption, fmt::format("the config stored in {} cannot be read: {}",
                                                database.path(), error.message)};
}

}  // namespace

Result<Config> stored_config(const storage::Database& database) {
    const storage::SchemaBundle& bundle = database.bundle();
    const FileReader read_stored = [&bundle](const std::string& name) -> Result<std::string> {
        const auto found =
            std::ranges::find(bundle.abis, name, &std::pair<std::string, std::string>::first);
        if (found == bundle.abis.end()) {
            return Error{ErrorCode::kNotFound, "the database does not hold it"};
        }
        return found->second;
    };
    auto config =
        parse_config(bundle.config_text, database.path() + " (stored config)", read_stored);
    if (!config) {
        return as_corruption(database, config.error());
    }
    return config;
}

Result<std::shared_ptr<const Plan>> stored_plan(const storage::Database& database) {
    PLUMBLINE_TRY(const Config config, stored_config(database));
    auto plan = Plan::compile(config);
    if (!plan) {
        return as_corruption(database, plan.error());
    }
    return plan;
}

}  // namespace plumbline::engine
