// Talks to a running `plumbline run` over its HTTP API, which the config that the database keeps
// tells the address of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::tools {

struct ServiceAddress {
    std::string url;    ///< "http://127.0.0.1:8080", without a slash at the end
    std::string token;  ///< sent where not empty
};

/// `url` and `token` (or env:NAME) where given; else what the database's config says, and
/// $PLUMBLINE_TOKEN. kUnavailable where the config has no [http], and says what can be done.
[[nodiscard]] Result<ServiceAddress> find_service(const storage::Database& database,
                                                  const std::string& url, const std::string& token);

/// Of a command that tells a service to do something.
constexpr int64_t kServiceAnswerMs = 15'000;

/// The body of the answer; its error's message where the status is not 2xx. kUnavailable: none came
/// within `timeout_ms`. What it waits for longer than three seconds is a line.
[[nodiscard]] Result<std::string> call_service(const ServiceAddress& address,
                                               std::string_view method, std::string_view path,
                                               std::string body,
                                               int64_t timeout_ms = kServiceAnswerMs);

/// Who writes to a database while it is read, and what that one says of itself.
struct ServiceSeen {
    std::string url;      ///< empty: a run with an end, or a command, or one without [http]
    std::string silence;  ///< why it does not answer; else what follows is known
    std::string state;    ///< "live"
    bool is_ready = false;
    std::optional<uint64_t> head;      ///< the chain's; none before it was told
    std::optional<uint64_t> lag;       ///< blocks; unknown where the head is old
    std::vector<std::string> reasons;  ///< what is not as it should be
    /// By a sink's name what it says of itself: "is failing: ...".
    std::map<std::string, std::string> sinks;
};
/// None where nobody holds the database's lock. Waits for 3 s at most. Sends `token`, which a
/// config may know, else $PLUMBLINE_TOKEN.
[[nodiscard]] std::optional<ServiceSeen> look_at_service(const std::string& db_path,
                                                         const std::string& token = {});

/// The same of the one at `url`, which is not empty.
[[nodiscard]] ServiceSeen ask_service(const std::string& url, const std::string& token = {});

/// Where a service listened that ended without a word: nobody holds the lock, and its file is
/// there.
[[nodiscard]] std::optional<std::string> find_ended_service(const std::string& db_path);

}  // namespace plumbline::tools
