#include "tools/command_docs.hpp"

#include <vector>

#include <fmt/format.h>

namespace plumbline::tools {

namespace {

struct Command {
    std::string path;  ///< "task list"; empty: plumbline itself
    const CLI::App* app;
};

/// Groups of options are commands without a name to CLI11.
bool is_command(const CLI::App* app) {
    return !app->get_name().empty();
}

/// Every command, those above first.
void collect(const CLI::App& app, const std::string& path, std::vector<Command>& out) {
    for (const CLI::App* command : app.get_subcommands(is_command)) {
        const std::string name = path + (path.empty() ? "" : " ") + command->get_name();
        out.push_back({name, command});
        collect(*command, name, out);
    }
}

std::vector<Command> commands_of(const CLI::App& app) {
    std::vector<Command> out;
    collect(app, "", out);
    return out;
}

/// Its options and those of its groups ("what" of `dump`).
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
    std::vector<const CLI::Option*> out = app.get_options();
    for (const CLI::App* group :
         app.get_subcommands([](const CLI::App* one) { return !is_command(one); })) {
        for (const CLI::Option* option : group->get_options()) {
            out.push_back(option);
        }
    }
    return out;
}

bool is_flag(const CLI::Option& option) {
    return option.get_items_expected_max() == 0;
}

/// Of "TEXT:{text,json}": the words that are taken.
std::vector<std::string> choices_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const size_t open = type.find('{');
    const size_t close = type.find('}', open);
    std::vector<std::string> out;
    if (open == std::string::npos || close == std::string::npos) {
        return out;
    }
    std::string word;
    for (const char c : type.substr(open + 1, close - open - 1)) {
        if (c == ',') {
            out.push_back(std::move(word));
            word.clear();
        } else if (c != ' ') {
            word += c;
        }
    }
    out.push_back(std::move(word));
    return out;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
    std::string out;
    for (const char c : text) {
        if (what.find(c) != std::string_view::npos) {
            out += with;
        }
        out += c;
    }
    return out;
}

// --- man ----------------------------------------------------------------------------------------

/// A line that begins with a dot would be a request, a backslash an escape, a dash a hyphen.
std::string in_roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
            out += "\\&";
        }
        out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string{c};
    }
    return out;
}

std::string synopsis(const Command& command) {
    std::string out = fmt::format(".B plumbline {}\n", in_roff(command.path));
    for (const CLI::Option* option : options_of(*command.app)) {
        if (option->get_positional()) {
            const std::string name = option->get_name(true);
            out += option->get_required() ? fmt::format(".I {}\n", in_roff(name))
                                          : fmt::format(".RI [ {} ]\n", in_roff(name));
        }
    }
    return out + (options_of(*command.app).size() > 1 ? ".RI [ options ]\n" : "");
}

std::string described(const CLI::Option& option) {
    std::string head =
        option.get_positional() ? fmt::format("\\fI{}\\fR", option.get_name(true)) : "";
    for (const std::string& name : option.get_lnames()) {
        head += fmt::format("{}\\fB\\-\\-{}\\fR", head.empty() ? "" : ", ", in_roff(name));
    }
    if (!option.get_positional() && !is_flag(option)) {
        const std::vector<std::string> choices = choices_of(option);
        head += choices.empty()
                    ? " \\fIVALUE\\fR"
                    : fmt::format(" {}", in_roff(fmt::format("{}", fmt::join(choices, "|"))));
    }
    const std::string standard = option.get_default_str();
    return fmt::format(".TP\n{}\n{}{}\n", head, in_roff(option.get_description()),
                       standard.empty() ? "" : fmt::format(" (default: {})", in_roff(standard)));
}

// --- completions ---------------------------------------------------------------------------------

std::string words_of(const CLI::App& app) {
    std::vector<std::string> out;
    for (const CLI::App* command : app.get_subcommands(is_command)) {
        out.push_back(command->get_name());
    }
    for (const CLI::Option* option : options_of(app)) {
        for (const std::string& name : option->get_lnames()) {
            out.push_back("--" + name);
        }
        if (option->get_positional()) {
            for (const std::string& choice : choices_of(*option)) {
                out.push_back(choice);
            }
        }
    }
    return fmt::format("{}", fmt::join(out, " "));
}

/// By command and option: the words that it takes; "" for file names.
std::string bash_values(const std::vector<Command>& commands) {
    std::string out;
    for (const Command& command : commands) {
        for (const CLI::Option* option : options_of(*command.app)) {
            const auto choices = choices_of(*option);
            for (const std::string& name : option->get_lnames()) {
                if (!is_flag(*option)) {
                    out += fmt::format("        '{} --{}') words='{}'; takes=1 ;;\n", command.path,
                                       name, fmt::join(choices, " "));
                }
            }
        }
    }
    return out;
}

std::string bash(const CLI::App& app) {
    const std::vector<Command> commands = commands_of(app);
    std::string out =
        "# bash completion of plumbline\n_plumbline() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= "
        "word words= takes=\n"
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "        case \"$path${path:+ }$word\" in\n            ";
    for (size_t i = 0; i < commands.size(); ++i) {
        out += fmt::format("{}'{}'", i == 0 ? "" : "|", commands[i].path);
    }
    out +=
        ") path=\"$path${path:+ }$word\" ;;\n        esac\n    done\n    case \"$path $prev\" in\n";
    out += bash_values(commands);
    out += "    esac\n    if [ -z \"$takes\" ]; then\n        case \"$path\" in\n";
    out += fmt::format("            '') words='{}' ;;\n", words_of(app));
    for (const Command& command : commands) {
        out +=
            fmt::format("            '{}') words='{}' ;;\n", command.path, words_of(*command.app));
    }
    return out +
           "        esac\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    # Databases, configs and ABIs are files.\n"
           "    if [ ${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- \"$cur\")); fi\n"
           "}\ncomplete -o filenames -F _plumbline plumbline\n";
}

/// zsh reads bash's own completions.
std::string zsh(const CLI::App& app) {
    return "#compdef plumbline\nautoload -U +X bashcompinit && bashcompinit\n" + bash(app) +
           "_bash_complete -o filenames -F _plumbline\n";
}

std::string fish(const CLI::App& app) {
    std::string out = "# fish completion of plumbline\n";
    const std::vector<Command> commands = commands_of(app);
    for (const Command& command : commands) {
        const size_t blank = command.path.rfind(' ');
        const std::string above = blank == std::string::npos ? "" : command.path.substr(0, blank);
        const std::string when = above.empty() ? std::string{"__fish_use_subcommand"}
                                               : "__fish_seen_subcommand_from " + above;
        out += fmt::format("complete -c plumbline -n '{}' -a {} -d '{}'\n", when,
                           command.app->get_name(),
                           replaced(command.app->get_description(), "'\\", "\\"));
        for (const CLI::Option* option : options_of(*command.app)) {
            for (const std::string& name : option->get_lnames()) {
                const auto choices = choices_of(*option);
                out += fmt::format(
                    "complete -c plumbline -n '__fish_seen_subcommand_from {}' -l {}{}{} -d '{}'\n",
                    command.app->get_name(), name, is_flag(*option) ? "" : " -r",
                    choices.empty() ? "" : fmt::format(" -a '{}'", fmt::join(choices, " ")),
                    replaced(option->get_description(), "'\\", "\\"));
            }
        }
    }
    return out;
}

}  // namespace

std::string man_page(const CLI::App& app) {
    std::string out =
        ".TH PLUMBLINE 1\n.SH NAME\nplumbline \\- index the events of EVM contracts, and "
        "prove the index\n.SH SYNOPSIS\n.B plumbline\n.I command\n.RI [ options ]\n"
        ".SH DESCRIPTION\nOne binary, one config file, one RocksDB directory: appends a "
        "contract's events to a log, derives entities from it as the config says, serves "
        "them over HTTP, and proves log and entities against the chain.\n.SH COMMANDS\n";
    for (const Command& command : commands_of(app)) {
        out += fmt::format(".SS {}\n{}.PP\n{}.\n", in_roff(command.path), synopsis(command),
                           in_roff(command.app->get_description()));
        for (const CLI::Option* option : options_of(*command.app)) {
            out += described(*option);
        }
        if (!command.app->get_footer().empty()) {
            out += fmt::format(".PP\n.nf\n{}\n.fi\n", in_roff(command.app->get_footer()));
        }
    }
    return out +
           fmt::format(
               ".SH EXIT STATUS\n.nf\n{}\n.fi\n.SH FILES\n.TP\n"
               ".I /etc/plumbline/plumbline.toml\nThe config of the service.\n.TP\n"
               ".I /var/lib/plumbline/db\nIts database.\n.TP\n"
               ".I /usr/share/doc/plumbline\nREADME, docs/ and examples/.\n.TP\n"
               ".I /usr/lib/libplumbline_sqlite.so\nThe extension for SQLite (docs/sql.md).\n",
               in_roff(app.get_footer()));
}

std::string completion_script(const CLI::App& app, std::string_view shell) {
    return shell == "bash" ? bash(app) : shell == "zsh" ? zsh(app) : fish(app);
}

}  // namespace plumbline::tools
