#include "engine/config/config_text.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "core/base/ascii.hpp"

namespace plumbline::engine {

void Mistakes::add_error(const Error& error) {
    constexpr size_t kKeptMax = 20;
    if (kept_.size() < kKeptMax) {
        kept_.push_back(error);
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
    return out;
}

namespace {

constexpr size_t kMaxQuoted = 120;
constexpr size_t kMaxListed = 24;

bool is_alpha(char c) {
    return is_ascii_letter(c) || c == '_';
}

/// Damerau's optimal string alignment, letter case apart. Inputs are short.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) {
        for (size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            const bool same = ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]);
            cost[i][j] = std::min(
                {cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same ? 0U : 1U)});
            if (i > 1 && j > 1 && ascii_lower(a[i - 1]) == ascii_lower(b[j - 2]) &&
                ascii_lower(a[i - 2]) == ascii_lower(b[j - 1])) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a.size()][b.size()];
}

}  // namespace

Error mistake_at(std::string_view path, SourcePos pos, std::string_view message) {
    if (pos.line == 0) {
        return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", path, message)};
    }
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", path, pos.line, message)};
}

Error mistake_at_column(std::string_view path, SourcePos pos, std::string_view message) {
    if (pos.line == 0) {
        return mistake_at(path, pos, message);
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}:{}:{}: {}", path, pos.line, pos.column, message)};
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
        if (byte < 0x20 || byte == 0x7F) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    out += quote;
    return out;
}

std::string_view nearest(std::string_view wrong, std::span<const std::string> known) {
    if (wrong.size() > 64) {
        return {};
    }
    size_t best = std::max<size_t>(1, std::min<size_t>(wrong.size() / 3, 3)) + 1;
    std::string_view found;
    for (const std::string& name : known) {
        if (name.size() > 64) {
            continue;
        }
        const size_t distance = edit_distance(wrong, name);
        if (distance < best && distance < name.size()) {
            best = distance;
            found = name;
        }
    }
    return found;
}

std::string suggest(std::string_view wrong, std::span<const std::string> known) {
    std::string out;
    if (const std::string_view near = nearest(wrong, known); !near.empty()) {
        out += fmt::format("; did you mean '{}'?", near);
    } else {
        out += ';';
    }
    out += " known: ";
    if (known.empty()) {
        out += "none";
    }
    for (size_t i = 0; i < known.size(); ++i) {
        if (i == kMaxListed) {
            out += fmt::format(" and {} more", known.size() - i);
            break;
        }
        out += i == 0 ? "" : ", ";
        out += known[i];
    }
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
