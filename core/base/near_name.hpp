// Which known name a misspelt one is likely to mean.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace plumbline {

/// The known name that `wrong` is most likely a misspelling of, letter case apart; empty where none
/// is near, and for names of more than 64 characters.
[[nodiscard]] std::string_view nearest(std::string_view wrong, std::span<const std::string> known);

/// "; did you mean 'x'?", or ";" where no known name is near: what is known may be listed behind
/// it.
[[nodiscard]] std::string did_you_mean(std::string_view wrong, std::span<const std::string> known);

/// "; did you mean 'x'? known: a, b, c": what to put behind "unknown ... 'y'". Long lists are cut.
[[nodiscard]] std::string suggest(std::string_view wrong, std::span<const std::string> known);

}  // namespace plumbline
