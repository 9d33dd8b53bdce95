// What to do about a limit of the process, in the words of every message about it.
#pragma once

namespace plumbline {

/// How to raise the number of files that may be open; stands in brackets behind "raise ...".
inline constexpr const char* kOpenFilesAdvice =
    "(`ulimit -n 65536`, LimitNOFILE= of a systemd unit)";

}  // namespace plumbline
