#include "tools/command.hpp"

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "core/base/logging.hpp"

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
    fmt::print(stderr, "plumbline: {}\n", error.message);
    return exit_code(error);
}

Result<std::unique_ptr<storage::Database>> open_to_read(const std::string& path) {
    storage::OpenOptions options;
    options.read_only = true;
    options.notice = [](const std::string& text) { fmt::print(stderr, "plumbline: {}\n", text); };
    auto database = storage::Database::open(path, std::move(options));
    if (!database && database.error().code == ErrorCode::kNotFound) {
        // A wrong path is a usage mistake; a missing row is an answer.
        return Error{ErrorCode::kInvalidArgument, std::move(database).error().message};
    }
    return database;
}

Result<std::unique_ptr<storage::Database>> open_to_write(const std::string& path) {
    storage::OpenOptions options;
    options.notice = [](const std::string& text) { logging::warning(text); };
    auto database = storage::Database::open(path, std::move(options));
    if (!database && database.error().code == ErrorCode::kNotFound) {
        return Error{ErrorCode::kInvalidArgument, std::move(database).error().message};
    }
    return database;
}

Result<size_t> find_entity(const storage::Database& database, const std::string& name) {
    std::string known;
    for (size_t i = 0; i < database.entities().size(); ++i) {
        const std::string& entity = database.entities()[i].name;
        if (entity == name) {
            return i;
        }
        known += (known.empty() ? "" : ", ") + entity;
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no entity '{}' in {}; there are: {}", name, database.path(), known)};
}

Status print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && errno != EPIPE) {
        return Error{ErrorCode::kIo, "cannot write to standard output"};
    }
    return ok();
}

}  // namespace plumbline::tools
