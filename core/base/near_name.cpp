#include "core/base/near_name.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/base/ascii.hpp"

namespace plumbline {

namespace {

constexpr size_t kNearNameMax = 64;
constexpr size_t kNamesListed = 24;

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

/// "entity" for "entities", "chain_id" for "id", more letters apart than a slip of the keys.
bool is_kin(std::string_view wrong, std::string_view name) {
    const bool is_plural = name.ends_with("ies") && wrong.ends_with('y') &&
                           name.substr(0, name.size() - 3) == wrong.substr(0, wrong.size() - 1);
    return is_plural || wrong.ends_with("_" + std::string{name});
}

std::string_view find_kin(std::string_view wrong, std::span<const std::string> known) {
    const auto kin = std::ranges::find_if(
        known, [wrong](const std::string& name) { return is_kin(wrong, name); });
    return kin == known.end() ? std::string_view{} : std::string_view{*kin};
}

}  // namespace

std::string_view nearest(std::string_view wrong, std::span<const std::string> known) {
    if (wrong.size() > kNearNameMax) {
        return {};
    }
    if (const std::string_view kin = find_kin(wrong, known); !kin.empty()) {
        return kin;
    }
    size_t best = std::max<size_t>(1, std::min<size_t>(wrong.size() / 3, 3)) + 1;
    std::string_view found;
    for (const std::string& name : known) {
        if (name.size() > kNearNameMax) {
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

std::string did_you_mean(std::string_view wrong, std::span<const std::string> known) {
    const std::string_view near = nearest(wrong, known);
    return near.empty() ? std::string{";"} : fmt::format("; did you mean '{}'?", near);
}

std::string suggest(std::string_view wrong, std::span<const std::string> known) {
    std::string out = did_you_mean(wrong, known);
    out += " known: ";
    if (known.empty()) {
        out += "none";
    }
    for (size_t i = 0; i < known.size(); ++i) {
        if (i == kNamesListed) {
            out += fmt::format(" and {} more", known.size() - i);
            break;
        }
        out += i == 0 ? "" : ", ";
        out += known[i];
    }
    return out;
}

}  // namespace plumbline
