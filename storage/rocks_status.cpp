#include "storage/rocks_status.hpp"

#include <fmt/format.h>

namespace plumbline::storage {

Error rocks_error(const rocksdb::Status& status, std::string_view doing) {
    ErrorCode code = ErrorCode::kIo;
    if (status.IsCorruption()) {
        code = ErrorCode::kCorruption;
    } else if (status.IsNotFound()) {
        code = ErrorCode::kNotFound;
    } else if (status.IsInvalidArgument() || status.IsNotSupported()) {
        code = ErrorCode::kInvalidArgument;
    } else if (status.IsTimedOut()) {
        code = ErrorCode::kTimeout;
    } else if (status.IsShutdownInProgress() || status.IsAborted()) {
        code = ErrorCode::kCancelled;
    }
    return Error{code, fmt::format("{}: {}", doing, status.ToString())};
}

Status from_rocks(const rocksdb::Status& status, std::string_view doing) {
    return status.ok() ? ok() : Status{rocks_error(status, doing)};
}

}  // namespace plumbline::storage
