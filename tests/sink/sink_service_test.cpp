// The real command on a real chain into a real PostgreSQL, both killed again and again while the
// chain grows and forks, and their connection cut at a random byte; what psql then says is what
// `plumbline dump` says. PLUMBLINE_SEED replays the moments, PLUMBLINE_KILLS sets how many of each
// side, PLUMBLINE_CUTS how many cuts; with PLUMBLINE_POOLED PgBouncer stands between.
// tests/sink/soak runs many of them.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/e2e/chain.hpp"
#include "tests/sink/cutting_proxy.hpp"
#include "tests/support/postgres.hpp"

namespace plumbline::test::sink_service_test {
namespace {

using nlohmann::json;

const std::vector<std::string> kEntities = {"community", "membership", "option",
                                            "question",  "user",       "vote"};

uint64_t from_environment(const char* name, uint64_t fallback) {
    const char* text = std::getenv(name);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// As psql shows it without the sink's code having had a hand in it.
std::string as_psql(const json& value) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.starts_with("0x")) {
        text[0] = '\\';
    }
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; ++at) {
        text.replace(at, 1, "\\n");
    }
    return text;
}

class SinkServiceTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!has_postgres()) {
            GTEST_SKIP() << "no PostgreSQL: tools/setup installs it";
        }
        act(20, 1);
        http_ = free_port();
        write_file(dir_.sub("CommunityHub.json"),
                   read_file(source_path("examples/community/CommunityHub.json")));
        write_file(
            config_,
            read_file(source_path("examples/community/plumbline.toml")) +
                "\n[http]\nlisten = \"127.0.0.1:" + std::to_string(http_) +
                "\"\n[sinks.main]\nurl = \"" + proxy_.url("password=hidden-word") +
                "\"\nschema = \"chain\"\nentities = [\"community\", \"membership\", \"option\", "
                "\"question\", \"user\", \"vote\"]\nevents = [\"*\"]\nhistory = true\n");
    }
    void act(unsigned steps, uint64_t seed) {
        std::vector<std::string> arguments{"--rpc",   anvil_.url(),
                                           "--steps", std::to_string(steps),
                                           "--seed",  std::to_string(seed)};
        if (!address_.empty()) {
            arguments.insert(arguments.end(), {"--address", address_});
        }
        const auto done = run_script("examples/community/activity.mjs", arguments);
        ASSERT_EQ(done.code, 0) << done.err;
        address_ =
            json::parse(done.out.substr(done.out.rfind('\n', done.out.size() - 2) + 1))["address"];
    }
    [[nodiscard]] std::vector<std::string> run_arguments() const {
        return {"run", config_, "--db", db_, "--rpc", anvil_.url(), "--quiet"};
    }
    /// "block" of the cursor; empty before the first load.
    [[nodiscard]] std::string sink_block() const {
        const Finished asked = server_.try_sql("select block from chain.plumbline_cursor");
        return asked.code == 0 ? asked.out.substr(0, asked.out.find('\n')) : "";
    }
    [[nodiscard]] bool is_at_the_head() { return sink_block() == std::to_string(anvil_.head()); }
    [[nodiscard]] Finished verify(std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments{"verify", db_, "--sink", "main", "--config", config_};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return plumbline(arguments);
    }
    /// Rows of both sides as lines of text, sorted.
    void expect_equal_rows() const {
        for (const std::string& entity : kEntities) {
            std::vector<std::string> stored;
            std::istringstream lines{plumbline({"dump", db_, "--entity", entity}).out};
            for (std::string line; std::getline(lines, line);) {
                std::string text;
                // nlohmann's ordered objects keep the columns' order.
                const auto row = nlohmann::ordered_json::parse(line);
                for (const auto& [name, value] : row.items()) {
                    text += as_psql(value) + "|";
                }
                stored.push_back(std::move(text));
            }
            std::ranges::sort(stored);
            const std::string cells = server_.sql(
                "select string_agg(format('%I::text', column_name), ' || ''|'' || ' order by "
                "ordinal_position) from information_schema.columns where table_schema = 'chain' "
                "and table_name = '" +
                entity + "' and column_name not like '\\_%'");
            std::vector<std::string> held;
            std::istringstream rows{server_.sql("select replace(" + cells +
                                                ", E'\\n', '\\n') || "
                                                "'|' from chain." +
                                                entity)};
            for (std::string line; std::getline(rows, line);) {
                held.push_back(line);
            }
            std::ranges::sort(held);
            EXPECT_EQ(held, stored) << entity;
        }
        std::istringstream events{plumbline({"dump", db_, "--events"}).out};
        std::map<std::string, size_t> counts;
        for (std::string line; std::getline(events, line);) {
            const json event = json::parse(line, nullptr, false);
            ASSERT_TRUE(event.is_object() && event.value("event", json{}).is_string()) << line;
            ++counts["hub_" + event.at("event").get<std::string>()];
        }
        for (const auto& [table, count] : counts) {
            EXPECT_EQ(server_.sql("select count(*) from chain.\"" + table + "\""),
                      std::to_string(count))
                << table;
        }
    }
    void disturb(uint64_t kills, uint64_t cuts);

    // Finality follows eight blocks behind, so that forks cross it too.
    Anvil anvil_{{"--slots-in-an-epoch", "4"}};
    Postgres server_;
    std::unique_ptr<PgBouncer> pool_ =
        std::getenv("PLUMBLINE_POOLED") == nullptr ? nullptr : std::make_unique<PgBouncer>(server_);
    CuttingProxy proxy_{pool_ ? pool_->socket_path() : server_.socket_dir() + "/.s.PGSQL.5432"};
    std::string address_;
    TempDir dir_;
    std::string db_ = dir_.sub("db");
    std::string config_ = dir_.sub("plumbline.toml");
    uint16_t http_ = 0;
};

enum class Fault : uint8_t { kServiceKilled, kServerKilled, kConnectionCut };

/// So many kills of each side and so many cuts, in a random order, each at a moment of its own.
void SinkServiceTest::disturb(uint64_t kills, uint64_t cuts) {
    const uint64_t seed = from_environment("PLUMBLINE_SEED", std::random_device{}());
    std::printf("PLUMBLINE_SEED=%lu\n", seed);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    std::vector<Fault> faults(kills, Fault::kServiceKilled);
    faults.insert(faults.end(), kills, Fault::kServerKilled);
    faults.insert(faults.end(), cuts, Fault::kConnectionCut);
    std::ranges::shuffle(faults, random);
    auto service = std::make_unique<Child>(plumbline_command(run_arguments()));
    ASSERT_TRUE(eventually([&] { return !sink_block().empty(); }));
    anvil_.mine(10);  // No fork is then deep enough to take the contract away.
    uint64_t forks = 0;
    for (size_t at = 0; at < faults.size(); ++at) {
        std::jthread activity{[&, steps = 4 + random() % 12, act_seed = random() % 100'000] {
            act(static_cast<unsigned>(steps), act_seed);
        }};
        if (faults[at] == Fault::kConnectionCut) {
            // From a greeting to the middle of a commit or of its answer.
            proxy_.cut_after(1 + random() % 6'000);
        }
        // The moment is what is tried, so it is a time and no condition.
        std::this_thread::sleep_for(std::chrono::milliseconds{random() % 700});
        switch (faults[at]) {
            case Fault::kServiceKilled:
                EXPECT_TRUE(service->is_running());
                service->send_signal(SIGKILL);
                service->wait();
                service = std::make_unique<Child>(plumbline_command(run_arguments()));
                break;
            case Fault::kServerKilled:
                server_.kill();
                server_.start();
                break;
            case Fault::kConnectionCut:
                activity.join();  // It mines by itself, and one at a time must.
                EXPECT_TRUE(eventually([&] {
                    if (!proxy_.has_cut()) {
                        anvil_.mine();
                    }
                    return proxy_.has_cut();
                }));
                proxy_.cut_after(SIZE_MAX);
                break;
        }
        if (activity.joinable()) {
            activity.join();
        }
        if (random() % 4 == 0) {
            anvil_.call("anvil_reorg", {1 + random() % 9, json::array()});
            anvil_.mine(1 + static_cast<unsigned>(random() % 3));
            ++forks;
        }
        ASSERT_TRUE(eventually([&] { return is_at_the_head(); })) << "fault " << at;
        const Finished equal = verify();
        ASSERT_EQ(equal.code, 0) << "fault " << at << "\n" << equal.out << equal.err;
        if (at % 10 == 9) {
            expect_equal_rows();
        }
    }
    expect_equal_rows();
    std::printf("%lu kills of each side, %lu cuts, %lu forks, head %lu\n", kills, cuts, forks,
                anvil_.head());
    service->send_signal(SIGTERM);
    EXPECT_EQ(service->wait(), 0);
}

TEST_F(SinkServiceTest, KilledOnEitherSideAndCutItLosesAndDoublesNothing) {
    disturb(from_environment("PLUMBLINE_KILLS", 2), from_environment("PLUMBLINE_CUTS", 2));
}

TEST_F(SinkServiceTest, SlowKilledOnEitherSideAndCutManyTimes) {
    disturb(from_environment("PLUMBLINE_KILLS", 10), from_environment("PLUMBLINE_CUTS", 10));
}

/// The fenced blocks of docs/postgres.md in that language.
std::vector<std::string> page_blocks(const std::string& language) {
    std::vector<std::string> out;
    std::istringstream lines{read_file(source_path("docs/postgres.md"))};
    bool is_inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line == "```" + language) {
            is_inside = true;
            out.emplace_back();
        } else if (line == "```") {
            is_inside = false;
        } else if (is_inside) {
            out.back() += line + "\n";
        }
    }
    return out;
}

TEST_F(SinkServiceTest, ThePagesExamplesWork) {
    const std::vector<std::string> statements = page_blocks("sql");
    ASSERT_GE(statements.size(), 5U);
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    for (const std::string& block : statements) {
        write_file(dir_.sub("block.sql"), block);
        const Finished done = run_command({"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                           server_.url(), "-f", dir_.sub("block.sql")});
        EXPECT_EQ(done.code, 0) << block << done.err;
    }
    server_.sql("insert into chain.label select account, 'somebody' from chain.\"user\" limit 1");
    EXPECT_EQ(server_.sql("select name from chain.named_user"), "somebody");
    EXPECT_EQ(server_.sql("select sum(points) from chain.total"),
              server_.sql("select sum(points) from chain.\"user\"", "user=reader"));
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);

    // Every section of a config on the page is one that is taken, by a database without tables.
    server_.sql("drop schema chain cascade");
    const std::string base = read_file(source_path("examples/community/plumbline.toml"));
    for (const std::string& block : page_blocks("toml")) {
        write_file(dir_.sub("page.toml"), base + "\n" + block);
        const Finished checked =
            run_command({"env", "PLUMBLINE_PG=" + server_.url(), plumbline_command({})[0], "check",
                         dir_.sub("page.toml"), "--rpc", anvil_.url(), "--from", "0"});
        EXPECT_EQ(checked.code, 0) << block << checked.err << checked.out;
    }
}

TEST_F(SinkServiceTest, ItFollowsTellsWhereItStandsAndIsProvenAndMended) {
    const Finished looked = plumbline({"doctor", "--sink", server_.url()});
    EXPECT_EQ(looked.code, 0) << looked.out << looked.err;
    EXPECT_EQ(server_.sql("select count(*) from pg_namespace where nspname like "
                          "'plumbline\\_doctor%'"),
              "0");

    // A table of somebody else's is told before anything is written.
    server_.sql("create schema chain; create table chain.vote (id int)");
    const auto doctor = [&] {
        return plumbline({"doctor", "--sink", "main", "--config", config_});
    };
    const auto check = [&] { return plumbline({"check", config_, "--rpc", anvil_.url()}); };
    EXPECT_EQ(doctor().code, 1);
    EXPECT_NE(doctor().out.find("\"vote\" is there and is not the sink's own"), std::string::npos);
    EXPECT_EQ(check().code, 2);
    EXPECT_NE(check().err.find("[sinks.main]: \"chain\".\"vote\" is there"), std::string::npos)
        << check().err;
    server_.sql("drop schema chain cascade");
    EXPECT_EQ(doctor().code, 0) << doctor().out;
    EXPECT_EQ(check().code, 0) << check().err;

    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    act(30, 2);
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    anvil_.call("anvil_reorg", {4, json::array()});
    act(10, 3);
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    expect_equal_rows();

    const std::string base = "http://127.0.0.1:" + std::to_string(http_);
    const auto get = [&](const std::string& path) {
        return run_command({"curl", "-s", base + path}).out;
    };
    EXPECT_TRUE(eventually([&] {
        const json status = json::parse(get("/v1/status"), nullptr, false);
        const json sinks =
            status.is_object() ? status.value("sinks", json::array()) : json::array();
        return sinks.size() == 1 && sinks[0].value("state", "") == "following" &&
               sinks[0].value("lag", 1) == 0;
    })) << get("/v1/status");
    EXPECT_NE(get("/metrics").find("plumbline_sink_up{sink=\"main\"} 1"), std::string::npos);
    EXPECT_TRUE(eventually([&] {
        anvil_.mine();
        return server_.sql(
                   "select count(*) filter (where table_name !~ '^hub_'), count(*) filter (where "
                   "proven_level is null) from chain.plumbline_tables") == "12|0";
    })) << server_.sql("select table_name, proven_level from chain.plumbline_tables");

    // The server away: told with its reason, and without the password; the index goes on.
    server_.stop();
    act(5, 4);
    EXPECT_TRUE(eventually([&] {
        const json health = json::parse(get("/v1/health"), nullptr, false);
        return health.dump().find("sink main") != std::string::npos;
    })) << get("/v1/health");
    EXPECT_EQ(get("/v1/health").find("hidden-word"), std::string::npos);
    server_.start();
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));

    // Beside the running service: drift is named cell by cell and mended.
    EXPECT_EQ(verify().code, 0);
    server_.sql("update chain.\"user\" set points = points + 1");
    server_.sql("delete from chain.vote where ctid = (select min(ctid) from chain.vote)");
    const Finished drift = verify();
    EXPECT_EQ(drift.code, 1) << drift.out << drift.err;
    EXPECT_NE(drift.out.find("missing vote "), std::string::npos) << drift.out;
    EXPECT_NE(drift.out.find("    points: "), std::string::npos) << drift.out;
    const Finished mended = verify({"--repair"});
    EXPECT_EQ(mended.code, 0) << mended.out << mended.err;
    EXPECT_EQ(verify().code, 0);
    expect_equal_rows();

    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
    // At rest both stand at the same block: what was in hand was sent.
    EXPECT_EQ(verify().code, 0);
    // A table that is gone is named, the others are compared; --repair makes it.
    server_.sql("drop table chain.vote");
    const Finished gone = verify();
    EXPECT_EQ(gone.code, 1) << gone.out << gone.err;
    EXPECT_NE(gone.out.find("table vote: the table \"chain\".\"vote\" does not exist: plumbline "
                            "run makes it, or verify --sink --repair\n"),
              std::string::npos)
        << gone.out;
    EXPECT_NE(gone.out.find("equal\n1 tables could not be compared\n"), std::string::npos)
        << gone.out;
    const Finished made = verify({"--repair"});
    EXPECT_EQ(made.code, 0) << made.out << made.err;
    EXPECT_EQ(verify().code, 0);
    expect_equal_rows();
    EXPECT_EQ(read_file(db_ + "/LOG").find("hidden-word"), std::string::npos);
}

/// A port that takes connections and says nothing.
class SilentPort {
  public:
    SilentPort() {
        socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(at);
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(listen(socket_, 64), 0);
        EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size), 0);
        port_ = ntohs(at.sin_port);
    }
    SilentPort(const SilentPort&) = delete;
    SilentPort& operator=(const SilentPort&) = delete;
    ~SilentPort() { close(socket_); }
    [[nodiscard]] std::string url() const {
        return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/postgres";
    }

  private:
    int socket_ = -1;
    uint16_t port_ = 0;
};

int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// SIGTERM; how long it took.
int64_t end_it(Child& service) {
    const int64_t began = now_ms();
    service.send_signal(SIGTERM);
    EXPECT_EQ(service.wait(), 0);
    return now_ms() - began;
}

TEST_F(SinkServiceTest, AServerThatNeverAnswersIsToldAllTheTimeAndHoldsNothingUp) {
    const SilentPort silent;
    std::string config = read_file(config_);
    const size_t at = config.find("postgresql://");
    config.replace(at, config.find('"', at) - at, silent.url());
    // Two of them: they end together.
    config += "[sinks.second]\nurl = \"" + silent.url() + "\"\nschema = \"two\"\n";
    write_file(config_, config);
    Child service{plumbline_command(run_arguments())};
    const std::string base = "http://127.0.0.1:" + std::to_string(http_);
    const auto is_told = [&] {
        const std::string health = run_command({"curl", "-s", base + "/v1/health"}).out;
        return health.find("sink main: PostgreSQL") != std::string::npos &&
               health.find("does not answer") != std::string::npos;
    };
    ASSERT_TRUE(eventually(is_told));
    // Longer than an attempt to connect takes.
    const int64_t until = now_ms() + 13'000;
    while (now_ms() < until) {
        ASSERT_TRUE(is_told());
    }
    EXPECT_NE(run_command({"curl", "-s", base + "/metrics"})
                  .out.find("plumbline_sink_lag_blocks{sink=\"main\"} NaN\n"),
              std::string::npos);
    EXPECT_LT(end_it(service), 5'000);
}

TEST_F(SinkServiceTest, AServerThatHangsIsAReasonUntilItAnswers) {
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    const std::string backend =
        server_.sql("select pid from pg_stat_activity where application_name = 'plumbline'");
    const pid_t pid = static_cast<pid_t>(std::stol(backend));
    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    anvil_.mine();
    const std::string base = "http://127.0.0.1:" + std::to_string(http_);
    const auto get = [&](const std::string& path) {
        return run_command({"curl", "-s", base + path}).out;
    };
    const auto tells = [&](const std::string& path, const std::string& what) {
        return get(path).find(what) != std::string::npos;
    };
    const int64_t began = now_ms();
    ASSERT_TRUE(
        eventually([&] { return tells("/v1/health", "PostgreSQL has not answered for 1"); }));
    EXPECT_LT(now_ms() - began, 30'000);
    EXPECT_TRUE(tells("/v1/status", "PostgreSQL has not answered for"));
    EXPECT_TRUE(tells("/metrics", "plumbline_sink_up{sink=\"main\"} 0"));
    ASSERT_EQ(kill(pid, SIGCONT), 0);
    EXPECT_TRUE(eventually([&] { return !tells("/v1/health", "sink main"); }));
    EXPECT_TRUE(eventually([&] { return is_at_the_head(); }));
    EXPECT_TRUE(
        eventually([&] { return tells("/metrics", "plumbline_sink_up{sink=\"main\"} 1"); }));

    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    anvil_.mine();
    EXPECT_LT(end_it(service), 5'000);
    kill(pid, SIGCONT);
    // What it had got before it hung it does, and ends.
    EXPECT_TRUE(eventually([&] {
        return server_.sql(
                   "select count(*) from pg_stat_activity where application_name = "
                   "'plumbline'") == "0";
    }));
    // Behind, and nobody brings it up: said before the wait is over.
    server_.sql("update chain.plumbline_cursor set block = block - 1");
    const Finished waited = verify({"--timeout", "8"});
    EXPECT_EQ(waited.code, 3) << waited.out << waited.err;
    EXPECT_NE(waited.err.find("waiting for the sink"), std::string::npos) << waited.err;
    EXPECT_NE(waited.err.find("stands at block"), std::string::npos) << waited.err;
    // Without an end it waits until they stand together.
    Child patient{plumbline_command(
        {"verify", db_, "--sink", "main", "--config", config_, "--timeout", "0"})};
    EXPECT_TRUE(eventually([&] {
        return server_.sql(
                   "select count(*) from pg_stat_activity where application_name = "
                   "'plumbline'") == "1";
    }));
    server_.sql("update chain.plumbline_cursor set block = block + 1");
    EXPECT_EQ(patient.wait(), 0);
}

TEST_F(SinkServiceTest, AHeldTableIsAReasonUntilItIsLetGo) {
    {
        Child service{plumbline_command(run_arguments())};
        ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
        end_it(service);
    }
    // It does not know what they hold, so it compares; and cannot.
    server_.sql("update chain.plumbline_tables set digest = null");
    act(5, 7);
    Child holder{{"psql", "-X", "-q", "-d", server_.url("application_name=holder"), "-c",
                  "begin; lock table chain.vote in access exclusive mode; select pg_sleep(600)"}};
    ASSERT_TRUE(eventually([&] {
        return server_.sql(
                   "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and "
                   "granted and relation = 'chain.vote'::regclass") == "1";
    }));
    Child service{plumbline_command(run_arguments())};
    const std::string base = "http://127.0.0.1:" + std::to_string(http_);
    const auto tells = [&](const std::string& path, const std::string& what) {
        return run_command({"curl", "-s", base + path}).out.find(what) != std::string::npos;
    };
    ASSERT_TRUE(eventually([&] { return tells("/v1/health", "(55P03)"); }));
    // Into the next try, which waits too.
    const int64_t until = now_ms() + 13'000;
    while (now_ms() < until) {
        ASSERT_TRUE(
            tells("/v1/status", "\"state\":\"failing\",\"reason\":\"PostgreSQL refuses (55P03)"));
        ASSERT_TRUE(tells("/v1/health", "(55P03)"));
        ASSERT_TRUE(tells("/metrics", "plumbline_sink_up{sink=\"main\"} 0"));
    }
    EXPECT_TRUE(tells("/v1/health", "; it waited for a lock held by pid ") &&
                tells("/v1/health", " (role postgres, holder, active, its transaction began "))
        << run_command({"curl", "-s", base + "/v1/health"}).out;
    const Finished behind = verify({"--timeout", "1"});
    EXPECT_EQ(behind.code, 3) << behind.out << behind.err;
    EXPECT_NE(behind.err.find("cannot be compared: the running service says that the sink is "
                              "failing: PostgreSQL refuses (55P03)"),
              std::string::npos)
        << behind.err;
    server_.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holder'");
    EXPECT_TRUE(eventually([&] { return is_at_the_head(); }));
    EXPECT_TRUE(
        eventually([&] { return tells("/v1/status", "\"state\":\"following\",\"reason\":\"\""); }));
    EXPECT_EQ(verify().code, 0);
    end_it(service);
}

/// A load that is refused half-way, and then gets on, for minutes: what was refused is told until
/// the new try has lasted longer than any lock is waited for.
TEST_F(SinkServiceTest, SlowLoadThatOutlastsWhatWasRefusedIsLoadingAndNoFailure) {
    const auto at_each_key = [&](const std::string& what) {
        server_.sql(
            "create or replace function at_key() returns event_trigger language plpgsql as "
            "$$ begin " +
            what + "; end $$");
    };
    at_each_key("raise exception 'not yet'");
    server_.sql(
        "create event trigger at_key on ddl_command_end when tag in ('ALTER TABLE') execute "
        "function at_key()");
    Child service{plumbline_command(run_arguments())};
    const std::string base = "http://127.0.0.1:" + std::to_string(http_);
    const auto sink_status = [&] {
        const json status =
            json::parse(run_command({"curl", "-s", base + "/v1/status"}).out, nullptr, false);
        return status.is_object() ? status.value("sinks", json::array()).at(0) : json::object();
    };
    const auto is_refused = [](const json& status) {
        return status.value("state", "") == "failing" &&
               status.value("reason", "").find("not yet") != std::string::npos;
    };
    ASSERT_TRUE(eventually([&] { return is_refused(sink_status()); }));
    at_each_key("perform pg_sleep(4)");
    json last;
    ASSERT_TRUE(eventually(
        [&] {
            last = sink_status();
            return !is_refused(last);
        },
        std::chrono::minutes{4}));
    EXPECT_EQ(server_.sql("select clock_timestamp() - xact_start >= interval '44s' from "
                          "pg_stat_activity where application_name = 'plumbline'"),
              "t");
    EXPECT_EQ(last.value("state", ""), "loading") << last;
    EXPECT_EQ(last.value("reason", "none"), "") << last;
    EXPECT_EQ(sink_block(), "") << "nothing is there yet";
    EXPECT_EQ(run_command({"curl", "-s", base + "/v1/health"}).out.find("sink main"),
              std::string::npos);
    end_it(service);
}

TEST_F(SinkServiceTest, WhoAsksTheServiceHowTheSinkIsSendsTheToken) {
    std::string config = read_file(config_);
    config.replace(config.find("[http]\n"), 7, "[http]\ntoken = \"that-of-the-config\"\n");
    write_file(config_, config);
    Child service{plumbline_command(run_arguments())};
    ASSERT_TRUE(eventually([&] { return is_at_the_head(); }));
    service.send_signal(
        SIGSTOP);  // Its next commit, of a proof perhaps, would bring the cursor back.
    // Instead of the service one that tells what it is sent.
    const std::string port = std::to_string(free_port());
    Child listener{
        {"node", "-e",
         "require('http').createServer((asked, answer) => { "
         "console.log(asked.headers.authorization ?? 'no token'); answer.end(JSON.stringify({ "
         "state: 'live', ready: false, sinks: [{ name: 'main', state: 'failing', reason: 'as told' "
         "}] })); }).listen(" +
             port + ", '127.0.0.1', () => console.log('listens'))"}};
    ASSERT_EQ(listener.read_line(), "listens");
    write_file(db_ + "/SERVICE", "http://127.0.0.1:" + port + "\n");
    server_.sql("update chain.plumbline_cursor set block = block - 1");
    const Finished behind = verify({"--timeout", "1"});
    EXPECT_EQ(behind.code, 3) << behind.out << behind.err;
    EXPECT_NE(behind.err.find("the running service says that the sink is failing: as told"),
              std::string::npos)
        << behind.err;
    EXPECT_EQ(listener.read_line(), "Bearer that-of-the-config");
    EXPECT_EQ(run_command({"env", "PLUMBLINE_TOKEN=that-of-the-environment",
                           plumbline_command({})[0], "status", db_})
                  .code,
              0);
    EXPECT_EQ(listener.read_line(), "Bearer that-of-the-environment");
    service.send_signal(SIGCONT);
    end_it(service);
}

}  // namespace
}  // namespace plumbline::test::sink_service_test
