#include "tools/doctor_text.hpp"

#include <fmt/format.h>

namespace plumbline::tools {

void write_checks(JsonWriter& json, const std::vector<engine::DoctorCheck>& checks) {
    json.key("checks").open_array();
    for (const engine::DoctorCheck& check : checks) {
        json.open_object()
            .member("name", check.name)
            .member("result", to_string(check.result))
            .member("found", check.found)
            .member("advice", check.advice)
            .close_object();
    }
    json.close_array();
}

std::string checks_for_people(const std::vector<engine::DoctorCheck>& checks) {
    std::string out;
    for (const engine::DoctorCheck& check : checks) {
        out += fmt::format("  {:<8} {:<11} {}\n", to_string(check.result), check.name, check.found);
        if (!check.advice.empty()) {
            out += fmt::format("  {:<8} {:<11} -> {}\n", "", "", check.advice);
        }
    }
    return out;
}

}  // namespace plumbline::tools
