#include "tests/support/postgres.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <pwd.h>

namespace plumbline::test {

namespace {

namespace fs = std::filesystem;

/// Debian keeps the server's programs out of the path; PLUMBLINE_POSTGRES is the directory of
/// another server's.
std::string server_program(const std::string& name) {
    if (const char* other = std::getenv("PLUMBLINE_POSTGRES"); other != nullptr) {
        const std::string path = std::string{other} + "/" + name;
        return fs::exists(path) ? path : "";
    }
    for (const char* dir : {"/usr/lib/postgresql/15/bin/", "/usr/lib/postgresql/16/bin/",
                            "/usr/lib/postgresql/17/bin/"}) {
        if (fs::exists(dir + name)) {
            return dir + name;
        }
    }
    return "";
}

}  // namespace

bool has_postgres() {
    return !server_program("postgres").empty();
}

std::vector<std::string> as_postgres_user(std::vector<std::string> command) {
    if (geteuid() == 0) {
        const std::vector<std::string> as{"setpriv", "--reuid=postgres", "--regid=postgres",
                                          "--clear-groups"};
        command.insert(command.begin(), as.begin(), as.end());
    }
    return command;
}

void give_to_postgres(const std::string& path) {
    fs::permissions(path, fs::is_directory(path) ? fs::perms::all
                                                 : fs::perms::owner_read | fs::perms::owner_write);
    if (geteuid() == 0) {
        if (const passwd* user = getpwnam("postgres"); user != nullptr) {
            EXPECT_EQ(chown(path.c_str(), user->pw_uid, user->pw_gid), 0);
        }
    }
}

Postgres::Postgres(std::vector<std::string> settings, const std::string& encoding)
    : settings_{std::move(settings)} {
    give_to_postgres(dir_.path());
    const Finished made = run_command(
        as_postgres_user({server_program("initdb"), "-D", dir_.sub("data"), "-U", "postgres", "-A",
                          "trust", "-E", encoding, "--locale=C", "--no-sync"}));
    EXPECT_EQ(made.code, 0) << made.err;
    start();
}

void Postgres::start() {
    std::vector<std::string> command{server_program("postgres"),
                                     "-D",
                                     dir_.sub("data"),
                                     "-k",
                                     dir_.path(),
                                     "-c",
                                     "listen_addresses=",
                                     "-c",
                                     "fsync=off",
                                     "-c",
                                     "max_connections=50",
                                     "-c",
                                     "log_min_messages=panic",
                                     "-c",
                                     "log_min_error_statement=panic"};
    for (const std::string& setting : settings_) {
        command.insert(command.end(), {"-c", setting});
    }
    command = as_postgres_user(std::move(command));
    // Until the last process of a killed server has ended, a new one refuses to start.
    EXPECT_TRUE(eventually([&] {
        if (!server_ || !server_->is_running()) {
            server_ = std::make_unique<Child>(command);
        }
        return try_sql("select 1").code == 0;
    }));
}

void Postgres::kill() {
    // Its children would notice by themselves, but only once they have nothing to do.
    const std::string pid = std::to_string(server_->pid());
    std::istringstream children{read_file("/proc/" + pid + "/task/" + pid + "/children")};
    server_->send_signal(SIGKILL);
    server_->wait();
    for (pid_t child = 0; children >> child;) {
        ::kill(child, SIGKILL);
    }
    fs::remove(dir_.sub("data/postmaster.pid"));
    server_.reset();
}

void Postgres::stop() {
    server_->send_signal(SIGINT);
    server_->wait();
    server_.reset();
}

void Postgres::keep_copy() {
    EXPECT_EQ(run_command({"cp", "-a", dir_.sub("data"), dir_.sub("copy")}).code, 0);
}

void Postgres::take_copy() {
    fs::remove_all(dir_.sub("data"));
    fs::rename(dir_.sub("copy"), dir_.sub("data"));
}

std::string Postgres::url(const std::string& options) const {
    const std::string user = options.find("user=") == std::string::npos ? "&user=postgres" : "";
    std::string port;
    for (const std::string& setting : settings_) {
        port = setting.starts_with("port=") ? "&" + setting : port;
    }
    return "postgresql:///postgres?host=" + dir_.path() + user + port +
           (options.empty() ? "" : "&" + options);
}

Finished Postgres::try_sql(const std::string& statement, const std::string& options) const {
    return run_command({"psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url(options),
                        "-c", statement});
}

std::string Postgres::sql(const std::string& statement, const std::string& options) const {
    const Finished done = try_sql(statement, options);
    EXPECT_EQ(done.code, 0) << statement << "\n" << done.err;
    return done.out.empty() ? "" : done.out.substr(0, done.out.size() - 1);
}

PgBouncer::PgBouncer(const Postgres& server) {
    give_to_postgres(dir_.path());
    write_file(dir_.sub("pgbouncer.ini"),
               "[databases]\npostgres = host=" + server.socket_dir() +
                   " dbname=postgres user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = "
                   "6432\nunix_socket_dir = " +
                   dir_.path() +
                   "\nauth_type = any\npool_mode = transaction\nserver_login_retry = "
                   "1\nquery_wait_timeout = 3\nlogfile = " +
                   dir_.sub("log") + "\n");
    process_ =
        std::make_unique<Child>(as_postgres_user({"pgbouncer", "-q", dir_.sub("pgbouncer.ini")}));
    EXPECT_TRUE(eventually([&] {
        return run_command({"psql", "-X", "-d", url(), "-c", "select 1"}).code == 0;
    }));
}

std::string PgBouncer::url() const {
    return "postgresql:///postgres?port=6432&user=postgres&host=" + dir_.path();
}

}  // namespace plumbline::test
