// The page of api/page, built into the binary by cmake/embed.cmake.
#pragma once

#include <string_view>

namespace plumbline::api {

[[nodiscard]] std::string_view page_html() noexcept;

}  // namespace plumbline::api
