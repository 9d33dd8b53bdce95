#include "core/base/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace plumbline {

void check_failed(const char* what, const char* detail, const char* file, int line) {
    std::fprintf(stderr, "plumbline: broken invariant at %s:%d: %s%s%s\n", file, line, what,
                 detail[0] == '\0' ? "" : ": ", detail);
    std::abort();
}

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::kInvalidArgument: return "InvalidArgument";
        case ErrorCode::kNotFound: return "NotFound";
        case ErrorCode::kDecode: return "Decode";
        case ErrorCode::kCorruption: return "Corruption";
        case ErrorCode::kIo: return "Io";
        case ErrorCode::kTimeout: return "Timeout";
        case ErrorCode::kUnavailable: return "Unavailable";
        case ErrorCode::kRateLimited: return "RateLimited";
        case ErrorCode::kTooLarge: return "TooLarge";
        case ErrorCode::kReorg: return "Reorg";
        case ErrorCode::kCancelled: return "Cancelled";
        case ErrorCode::kIncompatible: return "Incompatible";
    }
    return "Unknown";
}

}  // namespace plumbline
