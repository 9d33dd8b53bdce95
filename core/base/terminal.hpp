// Colours, where somebody looks who wants them.
#pragma once

#include <string>
#include <string_view>

namespace plumbline {

enum class Colour : unsigned char { kRed, kYellow, kGreen, kFaint };

/// Whether `descriptor` is a terminal that understands escape sequences: not TERM=dumb, as an
/// editor's shell has it.
[[nodiscard]] bool takes_escapes(int descriptor) noexcept;
/// Whether `descriptor` is a terminal that shows colours, and the environment does not say no:
/// NO_COLOR with any value (no-color.org), TERM=dumb.
[[nodiscard]] bool wants_colour(int descriptor) noexcept;
/// `text` between escape sequences.
[[nodiscard]] std::string in_colour(Colour colour, std::string_view text);

}  // namespace plumbline
