#include "engine/config/config_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/ascii.hpp"

namespace plumbline::engine {

void Mistakes::add_error(const Error& error) {
    constexpr size_t kKeptMax = 20;
    if (std::ranges::find(kept_, error.message, &Error::message) != kept_.end()) {
        return;
    }
    if (kept_.size() < kKeptMax) {
        kept_.push_back(error);
    } else {
        ++left_out_;
    }
}

namespace {

/// Where a mistake of `mistake_at` is, by its text; empty where it names no line.
std::optional<std::pair<uint64_t, uint64_t>> place_of(std::string_view text) {
    const auto number = [&text](size_t& at) -> std::optional<uint64_t> {
        uint64_t out = 0;
        const char* const begin = text.data() + at + 1;
        const auto [end, error] = std::from_chars(begin, text.data() + text.size(), out);
        if (error != std::errc{} || end == text.data() + text.size() || *end != ':') {
            return std::nullopt;
        }
        at = static_cast<size_t>(end - text.data());
        return out;
    };
    // A path may have colons, too; the message has a blank before any.
    for (size_t at = text.substr(0, text.find(": ") + 1).find(':'); at < text.size();
         at = text.substr(0, text.find(": ") + 1).find(':', at + 1)) {
        if (const std::optional<uint64_t> line = number(at)) {
            return std::pair{*line, number(at).value_or(0)};
        }
    }
    return std::nullopt;
}

/// As they stand in the file, whichever stage found them. What names no line stays behind what it
/// was told after.
std::vector<std::string> in_order(const std::vector<Error>& mistakes) {
    struct Placed {
        std::pair<uint64_t, uint64_t> place;
        std::string text;
    };
    std::vector<Placed> placed;
    std::pair<uint64_t, uint64_t> last{0, 0};
    for (const Error& mistake : mistakes) {
        std::string_view left = mistake.message;  // Of several that were told together before.
        while (!left.empty()) {
            const std::string_view line = left.substr(0, left.find('\n'));
            left.remove_prefix(std::min(left.size(), line.size() + 1));
            last = place_of(line).value_or(last);
            placed.push_back({last, std::string{line}});
        }
    }
    std::ranges::stable_sort(placed, {}, &Placed::place);
    std::vector<std::string> out;
    for (Placed& one : placed) {
        out.push_back(std::move(one.text));
    }
    return out;
}

}  // namespace

Status Mistakes::all() const {
    if (kept_.empty()) {
        return ok();
    }
    Error out{kept_.front().code, {}};
    for (const std::string& line : in_order(kept_)) {
        out.message += (out.message.empty() ? "" : "\n") + line;
    }
    if (left_out_ > 0) {
        out.message += fmt::format("\n... and {} more", left_out_);
    }
    return out;
}

namespace {

constexpr size_t kMaxQuoted = 120;

bool is_alpha(char c) {
    return is_ascii_letter(c) || c == '_';
}

}  // namespace

Error mistake_at(std::string_view path, SourcePos pos, std::string_view message) {
    const std::string line = pos.line == 0 ? "" : fmt::format(":{}", pos.line);
    const std::string column =
        pos.line == 0 || pos.column == 0 ? "" : fmt::format(":{}", pos.column);
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}{}{}: {}", path, line, column, message)};
}

std::string in_quotes(std::string_view text) {
    const char quote = text.find('\'') == std::string_view::npos ? '\'' : '"';
    std::string out{quote};
    size_t used = 0;
    for (const char c : text) {
        if (used++ == kMaxQuoted) {
            out += "...";
            break;
        }
        const auto byte = static_cast<uint8_t>(c);
        if (c == '\n' || c == '\t') {
            out += c == '\n' ? "\\n" : "\\t";  // of a text over several lines
        } else if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    out += quote;
    return out;
}

bool is_identifier(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 && is_alpha(text.front()) &&
           std::ranges::all_of(text, [](char c) { return is_alpha(c) || is_ascii_digit(c); });
}

bool is_solidity_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 256 && is_alpha(text.front()) &&
           std::ranges::all_of(text,
                               [](char c) { return is_alpha(c) || is_ascii_digit(c) || c == '$'; });
}

}  // namespace plumbline::engine
