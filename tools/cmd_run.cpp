// plumbline run: index to the head of the chain and follow it.
#include <csignal>
#include <pthread.h>

#include <atomic>
#include <charconv>
#include <stop_token>
#include <thread>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"
#include "engine/config.hpp"
#include "engine/indexer.hpp"
#include "engine/progress.hpp"
#include "rpc/provider_pool.hpp"
#include "tools/command.hpp"

namespace plumbline::tools {

namespace {

struct RunOptions {
    std::string config;
    std::string db;
    std::string until;
    std::vector<std::string> rpc;
    bool quiet = false;
    std::string log_format = "text";
    std::string log_level = "info";
};

/// Turns the first SIGTERM or SIGINT into a stop request; the second ends the process at once,
/// which the database survives. Signals are blocked in all other threads, so none is interrupted.
class SignalStop {
  public:
    SignalStop() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGTERM);
        sigaddset(&signals_, SIGINT);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
        // A limit on file sizes is one more way of a disk to be full: an error, not the end.
        std::signal(SIGXFSZ, SIG_IGN);
        thread_ = std::jthread{[this](const std::stop_token& done) { wait(done); }};
    }
    SignalStop(const SignalStop&) = delete;
    SignalStop& operator=(const SignalStop&) = delete;
    ~SignalStop() = default;
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  private:
    void wait(const std::stop_token& done) {
        constexpr timespec kTurn{0, 100'000'000};
        while (!done.stop_requested()) {
            if (sigtimedwait(&signals_, nullptr, &kTurn) <= 0) {
                continue;
            }
            if (stop_.stop_requested()) {
                logging::warning("stopped at once; the index is safe");
                std::_Exit(static_cast<int>(ExitCode::kDone));
            }
            logging::info("stopping after the commit in hand; again to stop at once");
            stop_.request_stop();
        }
    }
    sigset_t signals_{};
    std::stop_source stop_;
    std::jthread thread_;
};

class PoolLog final : public rpc::PoolObserver {
  public:
    void on_event(rpc::LogLevel level, const std::string& message) override {
        switch (level) {
            case rpc::LogLevel::kDebug: logging::debug(message); return;
            case rpc::LogLevel::kInfo: logging::info(message); return;
            case rpc::LogLevel::kWarning: logging::warning(message); return;
            case rpc::LogLevel::kError: logging::error(message); return;
        }
    }
};

Result<engine::Until> parse_until(const std::string& text) {
    engine::Until until;
    if (text == "head") {
        until.head = true;
    } else if (!text.empty()) {
        uint64_t block = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), block);
        if (error != std::errc{} || end != text.data() + text.size()) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("--until takes 'head' or a block number, not '{}'", text)};
        }
        until.block = block;
    }
    return until;
}

rpc::PoolOptions pool_options(const engine::Config& config) {
    rpc::PoolOptions options;
    options.chain_id = config.chain.id;
    for (const engine::EndpointConfig& endpoint : config.chain.rpc) {
        options.endpoints.push_back({endpoint.url, endpoint.headers, {}});
    }
    return options;
}

/// As often as the database must be opened again: after a full disk RocksDB may refuse to go on
/// though there is room.
Status run_until_done(const engine::IndexerOptions& options, rpc::ChainSource& chain, bool quiet,
                      const std::stop_token& stop) {
    constexpr int64_t kTurnMs = 100;
    engine::Backoff backoff{options.ingest.retry_ms_min, options.ingest.retry_ms_max};
    for (bool is_again = false;; is_again = true) {
        Result<std::unique_ptr<engine::Indexer>> indexer = engine::Indexer::open(options, chain);
        if (!indexer) {
            if (!is_again || indexer.error().code != ErrorCode::kIo || stop.stop_requested()) {
                return std::move(indexer).error();
            }
            logging::error(fmt::format("opening the database again: {}; waiting until it works",
                                       indexer.error().message));
            for (int64_t left = backoff.next(); left > 0 && !stop.stop_requested(); left -= kTurnMs) {
                sleep_ms(kTurnMs);
            }
            continue;
        }
        backoff.reset();
        engine::ProgressReporter reporter{(*indexer)->progress(), (*indexer)->clock(),
                                          engine::choose_progress_mode(quiet)};
        Status ended = (*indexer)->run(stop, &reporter);
        if (ended || !(*indexer)->needs_reopen() || stop.stop_requested()) {
            return ended;
        }
        logging::warning("the disk takes writes again; closing the database and opening it again");
    }
}

Status run(const RunOptions& options) {
    constexpr std::pair<std::string_view, logging::Level> kLevels[] = {
        {"debug", logging::Level::kDebug}, {"info", logging::Level::kInfo},
        {"warning", logging::Level::kWarning}, {"error", logging::Level::kError}};
    logging::Level level = logging::Level::kInfo;
    for (const auto& [name, value] : kLevels) {
        level = name == options.log_level ? value : level;
    }
    logging::configure(options.quiet && level == logging::Level::kInfo ? logging::Level::kWarning : level,
                       options.log_format == "json" ? logging::Format::kJson : logging::Format::kText);

    PLUMBLINE_TRY(engine::IndexerOptions indexer_options, [&]() -> Result<engine::IndexerOptions> {
        engine::IndexerOptions out;
        PLUMBLINE_TRY(out.until, parse_until(options.until));
        PLUMBLINE_TRY(out.config, engine::load_config(options.config));
        out.db_path = options.db;
        if (!options.rpc.empty()) {
            out.config.chain.rpc.clear();
            for (const std::string& url : options.rpc) {
                out.config.chain.rpc.push_back({url, {}});
            }
        }
        return out;
    }());

    const SignalStop signals;
    PoolLog pool_log;
    const auto chain = rpc::make_chain_source(pool_options(indexer_options.config), &pool_log);
    return run_until_done(indexer_options, *chain, options.quiet, signals.token());
}

}  // namespace

void add_run(CLI::App& app, ExitCode& exit) {
    CLI::App* command = app.add_subcommand("run", "Index to the head of the chain and follow it");
    auto options = std::make_shared<RunOptions>();
    command->add_option("CONFIG", options->config, "The config file")->required();
    command->add_option("--db", options->db, "The database directory; default: as the config says, else `db` beside it");
    command->add_option("--until", options->until, "Stop with exit code 0 at `head`, or at this block");
    command->add_option("--rpc", options->rpc, "Ask this endpoint instead of the config's; again for several");
    command->add_flag("--quiet", options->quiet, "No progress, only warnings");
    command->add_option("--log-format", options->log_format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    command->add_option("--log-level", options->log_level, "debug, info, warning or error")
        ->capture_default_str()
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    command->footer("Example: plumbline run myindex/plumbline.toml --until head");
    command->callback([options, &exit] {
        if (auto status = run(*options); !status) {
            exit = fail(status.error());
        }
    });
}

}  // namespace plumbline::tools
