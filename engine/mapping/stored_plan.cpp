#include "engine/mapping/stored_plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/plan_compile.hpp"

namespace plumbline::engine {

namespace {

Error not_taken(const storage::Database& database, const Error& error) {
    return {ErrorCode::kIncompatible,
            fmt::format("this version takes no such config as {} was made with: {}. Mend it in the "
                        "config's file, and plumbline run folds the log by that",
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
        return not_taken(database, config.error());
    }
    return config;
}

Result<std::shared_ptr<const Plan>> stored_plan(const storage::Database& database) {
    PLUMBLINE_TRY(const Config config, stored_config(database));
    auto plan = Plan::compile(config);
    if (!plan) {
        return not_taken(database, plan.error());
    }
    return plan;
}

bool has_functions(const Plan& plan) {
    return plan.bundle().fingerprint.ends_with(kFunctionsMark);
}

bool is_made_by_functions(const storage::Database& database) {
    const std::string& fingerprint = database.bundle().fingerprint;
    if (fingerprint.ends_with(kFunctionsMark)) {
        return true;
    }
    // Databases of 0.2 have no mark, but what the config alone gives is not what they were made of.
    const auto plan = stored_plan(database);
    return plan && (*plan)->bundle().fingerprint != fingerprint &&
           compiled(**plan).format_one_fingerprint != fingerprint;
}

Status check_functions(const storage::Database& database, const Plan& plan) {
    if (has_functions(plan) || plan.bundle().fingerprint == database.bundle().fingerprint ||
        !is_made_by_functions(database)) {
        return ok();
    }
    return Error{
        ErrorCode::kIncompatible,
        fmt::format("entities of {} were made by handlers written in C++, and without them what "
                    "those made would be lost: run, rebuild, verify and repair it with the program "
                    "that has them. `plumbline verify --proof log` proves its log without",
                    database.path())};
}

}  // namespace plumbline::engine
