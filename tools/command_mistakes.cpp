#include "tools/command_mistakes.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/near_name.hpp"

namespace plumbline::tools {

namespace {

Error mistake_of(std::string text) {
    return {ErrorCode::kInvalidArgument, std::move(text)};
}

/// The command that was named, and its words.
std::pair<const CLI::App*, std::string> named_command(const CLI::App& app) {
    const CLI::App* command = &app;
    std::string name;
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        name += (name.empty() ? "" : " ") + command->get_name();
    }
    return {command, name};
}

std::string see_help(const std::string& name) {
    return name.empty() ? "see `plumbline help`" : fmt::format("see `plumbline help {}`", name);
}

/// "run has no option '--untill'; did you mean '--until'?" of the first such word; empty where
/// there is none. It ends with what follows well: "?" or ";".
std::string unknown_option(const CLI::App& app) {
    const auto [command, name] = named_command(app);
    std::vector<std::string> known;
    for (const CLI::Option* option : command->get_options()) {
        for (const std::string& word : option->get_lnames()) {
            known.push_back("--" + word);
        }
    }
    for (const std::string& word : app.remaining(true)) {
        if (word.size() > 1 && word[0] == '-') {
            const std::string option = word.substr(0, word.find('='));
            return fmt::format("{} has no option '{}'{}", name.empty() ? "plumbline" : name, option,
                               did_you_mean(option, known));
        }
    }
    return {};
}

/// The words that fit nowhere, none of which begins with a dash.
std::vector<std::string> stray_words(const CLI::App& app) {
    std::vector<std::string> out = app.remaining(true);
    std::erase_if(out, [](const std::string& word) { return word.starts_with('-'); });
    return out;
}

/// "dump needs one of --entity, --events, --facts;" where one of several options must be there, and
/// whether the first is meant by what stands alone; empty where the command has none. It ends with
/// what follows well: "?" or ";".
std::string missing_choice(const CLI::App& app) {
    const auto [command, name] = named_command(app);
    for (const CLI::App* group : command->get_subcommands({})) {
        if (!group->get_name().empty() || group->get_require_option_min() == 0) {
            continue;
        }
        std::vector<std::string> options;
        size_t given = 0;
        for (const CLI::Option* option : group->get_options()) {
            if (option == group->get_help_ptr()) {
                continue;
            }
            options.push_back(option->get_name());
            given += option->count();
        }
        const std::vector<std::string> stray = stray_words(app);
        return fmt::format(
            "{} {} one of {}; {}", name, given > 1 ? "takes only" : "needs",
            fmt::join(options, ", "),
            given > 0 || stray.empty()
                ? ""
                : fmt::format("did you mean '{} {}'? ", options.front(), stray.front()));
    }
    return {};
}

/// "x" of "Value x not in range 1 to 9", where `text` is `before` + x + `after` + more; that more.
struct Between {
    std::string value;
    std::string more;
};
std::optional<Between> between(std::string_view text, std::string_view before,
                               std::string_view after) {
    const size_t end = text.rfind(after);
    if (!text.starts_with(before) || end == std::string_view::npos || end < before.size()) {
        return std::nullopt;
    }
    return Between{std::string{text.substr(before.size(), end - before.size())},
                   std::string{text.substr(end + after.size())}};
}

/// "a, b or c" of "a,b,c}".
std::vector<std::string> words_of_set(std::string_view set) {
    std::vector<std::string> out;
    for (size_t end = 0; end != std::string_view::npos && !set.empty();) {
        end = set.find_first_of(",}");
        out.emplace_back(set.substr(0, end));
        set.remove_prefix(std::min(set.size(), end == std::string_view::npos ? end : end + 1));
    }
    return out;
}

}  // namespace

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> out;
    for (const CLI::App* command : app.get_subcommands({})) {
        if (!command->get_name().empty()) {  // A group of options.
            out.push_back(command->get_name());
        }
    }
    return out;
}

Status check_commands(const CLI::App& app, std::span<const char* const> words) {
    const std::vector<std::string> known = command_names(app);
    if (words.empty() || known.empty() || words[0][0] == '-') {
        return ok();
    }
    const std::string word = words[0];
    if (std::ranges::find(known, word) == known.end()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("there is no command '{}'{}", word, suggest(word, known))};
    }
    return check_commands(*app.get_subcommand(word), words.subspan(1));
}

Error explain_missing(const CLI::App& app, const std::string& said) {
    const auto [command, name] = named_command(app);
    const std::string unknown = unknown_option(app);
    if (name.empty()) {
        return mistake_of((unknown.empty() ? "no command is given;" : unknown) + " " +
                          see_help(name));
    }
    std::vector<std::string> missing;
    for (const CLI::Option* option : command->get_options()) {
        if (option->get_required() && option->count() == 0) {
            missing.push_back(option->get_name());
        }
    }
    if (!missing.empty()) {
        return mistake_of(fmt::format("{}{}{} needs {}; {}", unknown, unknown.empty() ? "" : " ",
                                      name, fmt::join(missing, ", "), see_help(name)));
    }
    if (const std::string choice = missing_choice(app); !choice.empty()) {
        return mistake_of(
            fmt::format("{}{}{}{}", unknown, unknown.empty() ? "" : " ", choice, see_help(name)));
    }
    const std::vector<std::string> below = command_names(*command);
    return mistake_of(below.empty()
                          ? fmt::format("{}: {}; see `plumbline help {}`", name, said, name)
                          : fmt::format("{} needs one of: {}; see `plumbline help {}`", name,
                                        fmt::join(below, ", "), name));
}

Error explain_unexpected(const CLI::App& app, const std::string& said) {
    const auto [command, name] = named_command(app);
    if (const std::string unknown = unknown_option(app); !unknown.empty()) {
        return mistake_of(unknown + " " + see_help(name));
    }
    const std::vector<std::string> stray = stray_words(app);
    if (!stray.empty() && stray.front().find('=') != std::string::npos &&
        command->get_option_no_throw("--where") != nullptr) {
        return mistake_of(fmt::format("{0}: a condition stands behind --where: --where {1}; {2}",
                                      name, stray.front(), see_help(name)));
    }
    return mistake_of(fmt::format("{}: {}; {}", name, said, see_help(name)));
}

Error explain_value(const CLI::App& app, const std::string& said) {
    const std::string name = named_command(app).second;
    const size_t colon = said.find(": ");
    const std::string which = said.substr(0, colon);
    const std::string why = colon == std::string::npos ? "" : said.substr(colon + 2);
    std::string text = said;
    if (const auto range = between(why, "Value ", " not in range ")) {
        const bool has_end =
            range->more.find(fmt::format(" to {}", INT64_MAX)) == std::string::npos;
        text = fmt::format("{} takes a number {}, not '{}'", which,
                           has_end ? "from " + range->more
                                   : "of at least " + range->more.substr(0, range->more.find(' ')),
                           range->value);
    } else if (const auto set = between(why, "", " not in {")) {
        const std::vector<std::string> known = words_of_set(set->more);
        text = fmt::format("{} has no '{}'{}", which, set->value, suggest(set->value, known));
    } else if (const auto converted = between(said, "Could not convert: ", " = ")) {
        text = fmt::format("{} takes a number, not '{}'", converted->value, converted->more);
    }
    return mistake_of(
        fmt::format("{}{}{}; {}", name, name.empty() ? "" : ": ", text, see_help(name)));
}

}  // namespace plumbline::tools
