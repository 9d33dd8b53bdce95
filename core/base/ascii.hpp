// Letters of ASCII, whatever the locale says.
#pragma once

namespace plumbline {

[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace plumbline
