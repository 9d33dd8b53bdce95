#include "tools/command.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "core/base/limit_advice.hpp"
#include "core/base/logging.hpp"
#include "core/base/terminal.hpp"
#include "core/base/visible_text.hpp"
#include "engine/mapping/stored_plan.hpp"
#include "engine/text/entity_text.hpp"
#include "storage/service_address.hpp"
#include "storage/table_files.hpp"
#include "tools/open_to_mend.hpp"
#include "tools/starting_mark.hpp"

namespace plumbline::tools {

ExitCode exit_code(const Error& error) noexcept {
    switch (error.code) {
        case ErrorCode::kNotFound: return ExitCode::kCheckFailed;
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kDecode:
        case ErrorCode::kTooLarge:
        case ErrorCode::kIncompatible: return ExitCode::kUsage;
        case ErrorCode::kIo:
        case ErrorCode::kTimeout:
        case ErrorCode::kUnavailable:
        case ErrorCode::kRateLimited:
        case ErrorCode::kReorg:
        case ErrorCode::kCancelled: return ExitCode::kEnvironment;
        case ErrorCode::kCorruption: return ExitCode::kCorruption;
    }
    return ExitCode::kEnvironment;
}

ExitCode fail(const Error& error) {
    // Whoever meets damage has to do something about it.
    const bool lacks_advice =
        error.code == ErrorCode::kCorruption && error.message.find("restore") == std::string::npos;
    const bool lacks_files = error.message.find("Too many open files") != std::string::npos;
    const std::string text =
        error.message +
        (lacks_files ? fmt::format("; raise the limit of open files {}", kOpenFilesAdvice) : "") +
        (lacks_advice ? "; bring a backup back with `plumbline restore`, or move "
                        "the directory away and index again"
                      : "");
    // Whoever reads the log as JSON reads why it ended, too.
    if (logging::format() == logging::Format::kJson) {
        logging::error(text);
        return exit_code(error);
    }
    print_error(fmt::format("{} {}\n",
                            wants_colour(STDERR_FILENO) ? in_colour(Colour::kRed, "plumbline:")
                                                        : std::string{"plumbline:"},
                            visible_lines(text)));
    return exit_code(error);
}

Result<std::unique_ptr<storage::Database>> open_to_read(const std::string& path) {
    storage::OpenOptions options;
    options.read_only = true;
    options.memory_bytes = kMemoryAtOpen;
    options.notice = [](const std::string& text) {
        print_error(fmt::format("plumbline: {}\n", visible_lines(text)));
    };
    auto database = storage::Database::open(path, std::move(options));
    if (!database && database.error().code == ErrorCode::kNotFound &&
        storage::is_locked_by_another(path)) {
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("the database at {0} is not there yet: a running process is making "
                        "it (it holds {0}/LOCK); ask again in a moment",
                        path)};
    }
    if (!database && database.error().code == ErrorCode::kNotFound) {
        if (const std::optional<std::string> url = find_starting_mark(path)) {
            return Error{
                ErrorCode::kUnavailable,
                fmt::format("the database at {} is not there yet: {} makes it once the chain has "
                            "answered",
                            path, url->empty() ? "a running process" : "the service at " + *url)};
        }
        // A wrong path is a usage mistake; a missing row is an answer.
        return Error{ErrorCode::kInvalidArgument, std::move(database).error().message};
    }
    if (database) {
        (*database)->set_memory(plan_memory(**database, engine::MemoryUse::kProof).storage);
    }
    return database;
}

namespace {

Result<std::unique_ptr<storage::Database>> open_writer(const std::string& path,
                                                       std::string_view meanwhile,
                                                       decltype(&storage::open_to_mend) opener) {
    storage::OpenOptions options;
    options.memory_bytes = kMemoryAtOpen;
    options.notice = [](const std::string& text) { logging::warning(text); };
    auto database = opener(path, std::move(options));
    if (!database && database.error().code == ErrorCode::kNotFound) {
        return Error{ErrorCode::kInvalidArgument, std::move(database).error().message};
    }
    if (!database && database.error().code == ErrorCode::kUnavailable) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{}; {}", database.error().message, meanwhile)};
    }
    if (database) {
        (*database)->set_memory(plan_memory(**database, engine::MemoryUse::kFold).storage);
    }
    return database;
}

}  // namespace

Result<std::unique_ptr<storage::Database>> open_to_write(const std::string& path,
                                                         std::string_view meanwhile) {
    return open_writer(path, meanwhile, storage::Database::open);
}

Result<std::unique_ptr<storage::Database>> open_to_mend(const std::string& path,
                                                        std::string_view meanwhile) {
    return open_writer(path, meanwhile, storage::open_to_mend);
}

engine::MemoryPlan plan_memory(const storage::Database& database, engine::MemoryUse use) {
    const Result<engine::Config> config = engine::stored_config(database);
    return engine::plan_memory(config ? config->memory_mib : engine::Config{}.memory_mib, use);
}

Result<size_t> find_entity(const storage::Database& database, const std::string& name) {
    Result<size_t> out = engine::find_entity(database.entities(), name, database.path());
    return out ? out : Error{ErrorCode::kInvalidArgument, std::move(out).error().message};
}

void print_error(std::string_view text) noexcept {
    // Not fmt::print, which throws where the pipe is closed.
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

Status print(std::string_view text) {
    const std::string shown = visible_lines(text);
    if (std::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size() && errno != EPIPE) {
        return Error{ErrorCode::kIo,
                     fmt::format("cannot write to standard output: {}", std::strerror(errno))};
    }
    return ok();
}

std::string partial_path(const std::string& path) {
    std::error_code error;
    const std::filesystem::file_status there = std::filesystem::status(path, error);
    return !std::filesystem::exists(there) || std::filesystem::is_regular_file(there)
               ? path + ".partial"
               : path;
}

std::string shell_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

std::string as_word(const std::string& path) {
    const bool is_plain = path.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "/._-+") == std::string::npos;
    return is_plain ? path : shell_quoted(path);
}

}  // namespace plumbline::tools
