#include "storage/rocks_status.hpp"

#include <fmt/format.h>

namespace plumbline::storage {

std::string rocks_text(const rocksdb::Status& status) {
    std::string out = status.ToString();
    const size_t last = out.rfind(": ");
    if (last != std::string::npos) {
        const std::string end = out.substr(last);  // ": No space left on device"
        if (const size_t first = out.find(end + ": "); first < last) {
            out.erase(first, end.size());
        }
    }
    return out;
}

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
    return Error{code, fmt::format("{}: {}", doing, rocks_text(status))};
}

Status from_rocks(const rocksdb::Status& status, std::string_view doing) {
    return status.ok() ? ok() : Status{rocks_error(status, doing)};
}

}  // namespace plumbline::storage
