// Where somebody who is not on this machine may have a backup written.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

/// `args` of a task `backup` that came over the network. kInvalidArgument where they name a
/// directory that is not [backup] path or below it, however it is written and wherever links lead;
/// and where the config has no such path at all. Old backups are deleted in that directory, so it
/// must not be anybody's choice.
[[nodiscard]] Status check_backup_place(const Config& config, const std::string& args);

/// kInvalidArgument where a task `backup` with `args` has nowhere to go.
[[nodiscard]] Status check_backup_named(const Config& config, const std::string& args,
                                        bool by_service);

}  // namespace plumbline::engine
