// One connection to a PostgreSQL server, or to what speaks its wire. All that knows libpq.
//
// A pipeline is how statements go out: all of them at once, then one sync, so that a whole
// transaction costs one round trip. Sockets are non-blocking and read while we send: with both
// sides' buffers full, each would else wait for the other for ever. COPY never runs in a pipeline,
// where libpq 15 answers PGRES_COPY_IN for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/redactor.hpp"
#include "core/base/result.hpp"
#include "sink/pg_settings.hpp"

struct pg_conn;
struct pg_result;

namespace plumbline::sink {

/// What a statement gave: rows of text.
class PgRows {
  public:
    explicit PgRows(pg_result* result) noexcept;
    [[nodiscard]] size_t size() const noexcept;
    /// Undefined beyond `size` or the statement's columns; empty for null.
    [[nodiscard]] std::string_view at(size_t row, size_t column) const noexcept;
    [[nodiscard]] bool is_null(size_t row, size_t column) const noexcept;
    /// 0 where it is null or no number.
    [[nodiscard]] uint64_t number(size_t row, size_t column) const noexcept;
    /// "COMMIT", "INSERT 0 5"...
    [[nodiscard]] std::string_view tag() const noexcept;

  private:
    std::shared_ptr<pg_result> result_;
};

/// A statement with $1, $2...; parameters go as text, so the SQL says their types by casts.
struct PgStatement {
    std::string sql;
    std::vector<std::string> params;
};

/// Since when an answer is awaited, and whose lock is in the way; for other threads to see.
class PgWait {
  public:
    /// 0 where none is.
    [[nodiscard]] int64_t waited_ms(int64_t now_ms) const noexcept {
        const int64_t since = since_ms_.load();
        return since == 0 ? 0 : now_ms - since;
    }
    void begin(int64_t now_ms) PLUMBLINE_EXCLUDES(mutex_) {
        int64_t none = 0;
        if (since_ms_.compare_exchange_strong(none, now_ms)) {
            set_lock_holder({});
        }
    }
    void end() noexcept { since_ms_ = 0; }
    /// As `find_lock_holder` says it, of this wait or the last one; empty: nobody known.
    [[nodiscard]] std::string lock_holder() const PLUMBLINE_EXCLUDES(mutex_) {
        const MutexLock lock{mutex_};
        return lock_holder_;
    }
    void set_lock_holder(std::string holder) PLUMBLINE_EXCLUDES(mutex_) {
        const MutexLock lock{mutex_};
        lock_holder_ = std::move(holder);
    }

  private:
    std::atomic<int64_t> since_ms_{0};  ///< monotonic
    mutable Mutex mutex_;
    std::string lock_holder_ PLUMBLINE_GUARDED_BY(mutex_);
};

/// A wait for an answer that is longer is told.
inline constexpr int64_t kLongWaitMs = 10'000;
/// "PostgreSQL has not answered for 12s: ...", with who holds the lock where that is known.
[[nodiscard]] std::string long_wait_text(const PgWait& wait, int64_t now_ms);

struct PgOptions {
    std::string url;  ///< postgresql://...
    int64_t connect_ms = 10'000;
    /// How long the server may be silent while an answer is due; 0 = for ever (TCP keepalives tell
    /// a dead one).
    int64_t silence_ms = 60'000;
    int64_t lock_ms = kLockMs;  ///< for so long a lock is waited for, above 0
    /// Whoever holds a lock that is waited for is looked up, over a second connection.
    bool names_lock_holders = true;
    /// Looked at ten times a second while it waits: true ends the wait with kCancelled.
    std::function<bool()> should_stop;
    std::shared_ptr<PgWait> wait;  ///< null: nobody else looks
};

/// One thread. Errors are kCancelled as asked, else kUnavailable: the server is away, the
/// connection was lost, or the server refused a statement; `sqlstate` then says why. Messages are
/// the server's, without the URL's password.
class PgConnection {
  public:
    [[nodiscard]] static Result<std::unique_ptr<PgConnection>> open(PgOptions options);
    PgConnection(const PgConnection&) = delete;
    PgConnection& operator=(const PgConnection&) = delete;
    ~PgConnection();

    /// Sends all, then waits for all: one round trip. Outside of a transaction with the settings of
    /// pg_settings.hpp before, or behind a BEGIN that comes first. After the first that fails the
    /// server skips the rest; its error is given. An open transaction has then failed too:
    /// `rollback`.
    [[nodiscard]] Result<std::vector<PgRows>> run(const std::vector<PgStatement>& statements);
    [[nodiscard]] Result<PgRows> query(std::string sql, std::vector<std::string> params = {});
    /// Ends a transaction that may be open; false where the connection is of no use any more.
    bool rollback();
    /// Sends whole lines of a COPY.
    using CopyPut = std::function<Status(std::string_view)>;
    /// COPY ... FROM STDIN of what `produce` puts; an error of its own ends the connection.
    [[nodiscard]] Status copy_in(const std::string& sql,
                                 const std::function<Status(const CopyPut&)>& produce);
    /// COPY ... TO STDOUT: each line with its end.
    [[nodiscard]] Status copy_out(const std::string& sql,
                                  const std::function<Status(std::string_view)>& on_line);

    /// Of the last error; empty where it was not the server that refused.
    [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
    /// The last error is that row level security would hide or refuse rows.
    [[nodiscard]] bool is_row_security() const noexcept { return is_row_security_; }
    /// The last error came out of a function that the statement set off, a trigger's mostly.
    [[nodiscard]] bool is_in_function() const noexcept { return is_in_function_; }
    /// The last error is the COMMIT's, of what was left to be checked there.
    [[nodiscard]] bool is_at_commit() const noexcept { return is_at_commit_; }
    /// The last error is that a timeout of the role's was over before the settings were made, ten
    /// times; the message says what to do.
    [[nodiscard]] bool is_short_timeout() const noexcept { return is_short_timeout_; }
    /// Nothing more can be asked over it.
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }
    /// Nothing is under way, and the server has ended the connection meanwhile: it restarted, or an
    /// idle one is not to its liking (idle_session_timeout, what stands between).
    [[nodiscard]] bool has_ended();
    /// Times that something was sent and its answer awaited.
    [[nodiscard]] uint64_t round_trips() const noexcept { return round_trips_; }
    [[nodiscard]] int64_t silence_ms() const noexcept { return options_.silence_ms; }
    void set_silence_ms(int64_t ms) noexcept { options_.silence_ms = ms; }
    [[nodiscard]] int64_t lock_ms() const noexcept { return options_.lock_ms; }
    /// From the next transaction on.
    void set_lock_ms(int64_t ms) noexcept { options_.lock_ms = ms; }
    /// Who held the lock that the last refused statement had waited for; empty: it had not, or
    /// nobody knows.
    [[nodiscard]] const std::string& lock_holder() const noexcept { return lock_holder_; }
    /// "localhost:5432/app": where it leads, for people.
    [[nodiscard]] std::string place() const;
    /// "TLSv1.3", or "none".
    [[nodiscard]] std::string tls() const;
    [[nodiscard]] int server_version() const;

  private:
    explicit PgConnection(PgOptions options);
    [[nodiscard]] Status connect();
    [[nodiscard]] Error not_let_in();
    void answered() noexcept;
    [[nodiscard]] int64_t first_look_ms() const;
    [[nodiscard]] Status wait_socket(bool for_write);
    [[nodiscard]] bool send(const std::string& sql, const std::vector<std::string>& params);
    [[nodiscard]] Status send_all();
    [[nodiscard]] Result<pg_result*> next_result();
    [[nodiscard]] Result<std::vector<PgRows>> run_once(const std::vector<PgStatement>& statements);
    [[nodiscard]] Error refused(pg_result* result);
    [[nodiscard]] Error lost(std::string_view doing);
    [[nodiscard]] Error does_not_answer();
    [[nodiscard]] Status read_commands(size_t count, std::vector<PgRows>& out);
    [[nodiscard]] Status begin_copy(const std::string& sql, int direction);
    [[nodiscard]] Status finish_copy();

    PgOptions options_;
    Redactor redactor_;
    pg_conn* connection_ = nullptr;
    std::string sqlstate_;
    std::string lock_holder_;  ///< the wait's own is gone with what still comes of the answer
    bool is_row_security_ = false;
    bool is_in_function_ = false;
    bool is_at_commit_ = false;
    bool is_short_timeout_ = false;
    bool is_lost_ = false;
    uint64_t round_trips_ = 0;
};

/// Hides the password of `url`, whole and in pieces, in what others say of it.
[[nodiscard]] Redactor redactor_of(std::string_view url);

}  // namespace plumbline::sink
