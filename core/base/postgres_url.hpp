// postgresql:// URLs, cut into pieces just as libpq cuts them. A password with an unescaped @ or /
// is cut elsewhere than its writer meant: part of it is then a host or a port, and stands in what
// libpq and the resolver say.
#pragma once

#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace plumbline {

/// Whether every piece of it can only be meant as libpq takes it. The error says what to write, and
/// has nothing of the URL in it.
[[nodiscard]] Status check_postgres_url(std::string_view url);

/// What of the URL may be part of a password, also where the check refuses it: what stands behind
/// the user, whole and in pieces, and values of the parameters whose names say so. Views into it.
[[nodiscard]] std::vector<std::string_view> postgres_secrets(std::string_view url);

}  // namespace plumbline
