// Looks a database over before a sink writes to it: tries on the user's own cluster what a sink
// leans on, in a schema of its own or, where it may make none, in tables of its own in one where it
// may; they are gone afterwards. Where nothing may be tried the database is not fine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/setup/doctor.hpp"

namespace plumbline::sink {

struct SinkDoctorReport {
    std::string place;  ///< host, port and database; never the password
    std::string server;
    std::vector<engine::DoctorCheck> checks;
    [[nodiscard]] bool is_fine() const noexcept;
};

/// kUnavailable or kInvalidArgument where there is no connection to be had. `silence_ms` without an
/// answer end it; 0 = never.
[[nodiscard]] Result<SinkDoctorReport> examine_database(const std::string& url, int64_t silence_ms);

}  // namespace plumbline::sink
