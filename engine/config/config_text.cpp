#include "engine/config/config_text.hpp"

#include <algorithm>
#include <cstdint>

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

Status Mistakes::all() const {
    if (kept_.empty()) {
        return ok();
    }
    Error out = kept_.front();
    for (size_t i = 1; i < kept_.size(); ++i) {
        out.message += "\n" + kept_[i].message;
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
