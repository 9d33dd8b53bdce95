// Talks to a running `plumbline run` over its HTTP API, which the config that the database keeps
// tells the address of.
#pragma once

#include <string>
#include <string_view>

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

/// The body of the answer; its error's message where the status is not 2xx.
[[nodiscard]] Result<std::string> call_service(const ServiceAddress& address,
                                               std::string_view method, std::string_view path,
                                               std::string body);

}  // namespace plumbline::tools
