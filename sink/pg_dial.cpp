#include "sink/pg_dial.hpp"

#include <poll.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace plumbline::sink {

namespace {

constexpr std::chrono::milliseconds kLook{100};
/// The connecting thread looks at the time itself, unless it is held.
constexpr int64_t kGraceMs = 3 * kLook.count();

std::atomic<int> left_behind{0};

void ignore_notice(void* /*context*/, const char* /*message*/) {}

/// What both threads hold; who comes last ends a connection that nobody took.
class Dial {
  public:
    Dial(std::string url, int64_t deadline_ms) : url_{std::move(url)}, deadline_ms_{deadline_ms} {}
    Dial(const Dial&) = delete;
    Dial& operator=(const Dial&) = delete;
    ~Dial() {
        PQfinish(connection_);
        if (is_left_) {
            --left_behind;
        }
    }

    /// The connecting thread.
    void run() {
        pg_conn* const opened = connect();
        const MutexLock lock{mutex_};
        connection_ = opened;
        is_done_ = true;
        done_.notify_all();
    }

    // The thread that asked.

    /// Waits for a moment; nothing where it is not done then, null where there was no memory.
    [[nodiscard]] std::optional<pg_conn*> take() {
        const MutexLock lock{mutex_};
        if (!is_done_) {
            (void)done_.wait_for(mutex_, kLook);
        }
        return is_done_ ? std::optional{std::exchange(connection_, nullptr)} : std::nullopt;
    }
    void leave() {
        ++left_behind;
        is_left_ = true;
    }

  private:
    [[nodiscard]] pg_conn* connect() {
        // What stands before the URL are defaults that it may overrule; behind it, it may not.
        // Start-up options are none of them: PgBouncer refuses those.
        const char* const keys[] = {"fallback_application_name", "keepalives_idle",
                                    "keepalives_interval",       "keepalives_count",
                                    "tcp_user_timeout",          "dbname",
                                    "client_encoding",           nullptr};
        const char* const values[] = {"plumbline", "15",         "5",    "3",
                                      "30000",     url_.c_str(), "UTF8", nullptr};
        pg_conn* const out = PQconnectStartParams(keys, values, 1);
        if (out == nullptr) {
            return nullptr;
        }
        PQsetNoticeProcessor(out, ignore_notice, nullptr);
        PQsetErrorVerbosity(out, PQERRORS_VERBOSE);  // With the SQLSTATE of a refusal.
        PostgresPollingStatusType state =
            PQstatus(out) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
        while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED && !is_left_ &&
               system_clock().monotonic_ms() < deadline_ms_) {
            pollfd on{PQsocket(out),
                      static_cast<int16_t>(state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN), 0};
            if (poll(&on, 1, static_cast<int>(kLook.count())) > 0) {
                state = PQconnectPoll(out);
            }
        }
        return out;
    }

    const std::string url_;
    const int64_t deadline_ms_;  ///< monotonic
    std::atomic<bool> is_left_{false};
    Mutex mutex_;
    CondVar done_;
    bool is_done_ PLUMBLINE_GUARDED_BY(mutex_) = false;
    pg_conn* connection_ PLUMBLINE_GUARDED_BY(mutex_) = nullptr;
};

Error still_looks_up(int64_t wait_ms) {
    return Error{
        ErrorCode::kUnavailable,
        fmt::format("the name of PostgreSQL's host was looked up for {}s without an answer: the "
                    "name servers of /etc/resolv.conf do not answer (an IP address needs none)",
                    wait_ms / 1'000)};
}

}  // namespace

Result<pg_conn*> dial_postgres(std::string url, int64_t wait_ms,
                               const std::function<bool()>& should_stop) {
    if (left_behind >= kDialsLeftMax) {
        return still_looks_up(wait_ms);
    }
    const int64_t deadline = system_clock().monotonic_ms() + wait_ms;
    const auto dial = std::make_shared<Dial>(std::move(url), deadline);
    try {
        std::thread{[dial] { dial->run(); }}.detach();
    } catch (const std::system_error& failed) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("no thread to connect to PostgreSQL: {}", failed.what())};
    }
    for (;;) {
        if (const auto taken = dial->take()) {
            if (*taken == nullptr) {
                return Error{ErrorCode::kUnavailable, "no memory for a connection"};
            }
            return *taken;
        }
        if (should_stop && should_stop()) {
            dial->leave();
            return Error{ErrorCode::kCancelled, "stopped before PostgreSQL had answered"};
        }
        if (system_clock().monotonic_ms() >= deadline + kGraceMs) {
            dial->leave();
            return still_looks_up(wait_ms);
        }
    }
}

}  // namespace plumbline::sink
