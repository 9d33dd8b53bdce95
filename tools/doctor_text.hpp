// What a doctor found, check by check, as programs and as people read it: of an endpoint, and of a
// database that a sink is to write to.
#pragma once

#include <string>
#include <vector>

#include "core/base/json_writer.hpp"
#include "engine/setup/doctor.hpp"

namespace plumbline::tools {

/// The array under the key "checks" of the open object.
void write_checks(JsonWriter& json, const std::vector<engine::DoctorCheck>& checks);
/// A line each, and one with the advice where there is some.
[[nodiscard]] std::string checks_for_people(const std::vector<engine::DoctorCheck>& checks);

}  // namespace plumbline::tools
