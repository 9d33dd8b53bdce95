// Connecting to PostgreSQL without being held by it.
//
// libpq looks a host's name up inside of its calls and cannot be stopped there: with a name server
// that hangs, 30 s and more. So another thread connects; who asked looks ten times a second whether
// to wait on. A thread that is left behind ends when the look-up does, and closes what it opened.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/result.hpp"

struct pg_conn;

namespace plumbline::sink {

/// Threads left behind at a time in this process; beyond it a dial is refused at once.
inline constexpr int kDialsLeftMax = 8;

/// What became of `wait_ms` of connecting to `url`: PQstatus tells whether the connection is ready,
/// was refused, or has had no answer. It is the caller's to end. kCancelled where `should_stop`
/// (may be empty) became true, kUnavailable where the host's name was still looked up. Any thread.
[[nodiscard]] Result<pg_conn*> dial_postgres(std::string url, int64_t wait_ms,
                                             const std::function<bool()>& should_stop);

}  // namespace plumbline::sink
