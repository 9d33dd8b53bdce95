// A real PostgreSQL for tests: a server of its own in a directory of its own, on a Unix socket
// only, run as the user `postgres` where the test runs as root, which PostgreSQL refuses. And psql,
// so that tests read by other means than the code that they test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::test {

/// Whether there is one: tools/setup installs it.
[[nodiscard]] bool has_postgres();
/// `command` as a user that PostgreSQL and PgBouncer accept.
[[nodiscard]] std::vector<std::string> as_postgres_user(std::vector<std::string> command);

/// So that this user may work in a directory, or read a file that nobody else may.
void give_to_postgres(const std::string& path);

class Postgres {
  public:
    /// Made and running; settings as "name=value".
    explicit Postgres(std::vector<std::string> settings = {}, const std::string& encoding = "UTF8");
    /// postgresql:// URL of a database; `options` as "user=bob&password=x".
    [[nodiscard]] std::string url(const std::string& options = {}) const;
    /// Where its socket is.
    [[nodiscard]] const std::string& socket_dir() const noexcept { return dir_.path(); }
    /// Unaligned, columns with "|" between, no header; fails the test where psql fails.
    std::string sql(const std::string& statement, const std::string& options = {}) const;
    /// The same, and what went wrong.
    [[nodiscard]] Finished try_sql(const std::string& statement,
                                   const std::string& options = {}) const;
    /// SIGKILL of all of it; nothing is shut down.
    void kill();
    /// SIGINT, and until it is down.
    void stop();
    void start();
    /// Of a server that is down: its data as they are now, and these again instead of what came
    /// since.
    void keep_copy();
    void take_copy();

  private:
    TempDir dir_;
    std::vector<std::string> settings_;
    std::unique_ptr<Child> server_;
};

/// PgBouncer before it, in transaction mode, on a Unix socket.
class PgBouncer {
  public:
    explicit PgBouncer(const Postgres& server);
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::string socket_path() const { return dir_.sub(".s.PGSQL.6432"); }

  private:
    TempDir dir_;
    std::unique_ptr<Child> process_;
};

}  // namespace plumbline::test
