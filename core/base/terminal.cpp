#include "core/base/terminal.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace plumbline {

namespace {

std::string_view code_of(Colour colour) {
    switch (colour) {
        case Colour::kRed: return "\x1b[31m";
        case Colour::kYellow: return "\x1b[33m";
        case Colour::kGreen: return "\x1b[32m";
        case Colour::kFaint: return "\x1b[2m";
    }
    return "";
}

}  // namespace

bool takes_escapes(int descriptor) noexcept {
    const char* term = std::getenv("TERM");
    return isatty(descriptor) == 1 && term != nullptr && *term != '\0' &&
           std::string_view{term} != "dumb";
}

bool wants_colour(int descriptor) noexcept {
    const char* no_colour = std::getenv("NO_COLOR");
    return (no_colour == nullptr || *no_colour == '\0') && takes_escapes(descriptor);
}

std::string in_colour(Colour colour, std::string_view text) {
    return std::string{code_of(colour)} + std::string{text} + "\x1b[0m";
}

}  // namespace plumbline
