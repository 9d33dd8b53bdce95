#include "tools/command_mistakes.hpp"

#include <algorithm>
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
    if (name.empty()) {
        return mistake_of("no command is given; see `plumbline help`");
    }
    std::vector<std::string> missing;
    for (const CLI::Option* option : command->get_options()) {
        if (option->get_required() && option->count() == 0) {
            missing.push_back(option->get_name());
        }
    }
    if (!missing.empty()) {
        return mistake_of(fmt::format("{} needs {}; see `plumbline help {}`", name,
                                      fmt::join(missing, ", "), name));
    }
    const std::vector<std::string> below = command_names(*command);
    return mistake_of(below.empty()
                          ? fmt::format("{}: {}; see `plumbline help {}`", name, said, name)
                          : fmt::format("{} needs one of: {}; see `plumbline help {}`", name,
                                        fmt::join(below, ", "), name));
}

Error explain_unexpected(const CLI::App& app, const std::string& said) {
    const auto [command, name] = named_command(app);
    std::vector<std::string> known;
    for (const CLI::Option* option : command->get_options()) {
        for (const std::string& word : option->get_lnames()) {
            known.push_back("--" + word);
        }
    }
    for (const std::string& word : app.remaining(true)) {
        if (word.starts_with("--")) {
            const std::string option = word.substr(0, word.find('='));
            return mistake_of(fmt::format("{} has no option '{}'{} see `plumbline help {}`",
                                          name.empty() ? "plumbline" : name, option,
                                          did_you_mean(option, known), name));
        }
    }
    return mistake_of(fmt::format("{}: {}; see `plumbline help {}`", name, said, name));
}

}  // namespace plumbline::tools
