// plumbline run: index to the head of the chain and follow it.
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include <fmt/format.h>

#include "api/service_module.hpp"
#include "core/base/backoff.hpp"
#include "core/base/logging.hpp"
#include "core/base/sleep.hpp"
#include "engine/config/config.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/ingest/progress.hpp"
#include "engine/service/pool_log.hpp"
#include "engine/service/service.hpp"
#include "engine/service/service_status_text.hpp"
#include "engine/setup/any_address.hpp"
#include "rpc/curl_transport.hpp"
#include "sink/sink_module.hpp"
#include "storage/place_check.hpp"
#include "storage/table_files.hpp"
#include "tools/chain_access.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/config_reload.hpp"
#include "tools/config_watch.hpp"
#include "tools/directory_watch.hpp"
#include "tools/first_look.hpp"
#include "tools/reopenings.hpp"
#include "tools/starting_mark.hpp"
#include "tools/stop_signal.hpp"

namespace plumbline::tools {

namespace {

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

/// Without ".." where that names the same place: people read it in messages.
std::string plain_path(const std::string& path) {
    namespace fs = std::filesystem;
    const fs::path plain = fs::path{path}.lexically_normal();
    std::error_code error;
    const bool is_same = fs::weakly_canonical(path, error) == fs::weakly_canonical(plain, error);
    return is_same && !error && path.find("..") != std::string::npos ? plain.string() : path;
}

Result<engine::IndexerOptions> indexer_options(const RunArguments& options) {
    engine::IndexerOptions out;
    PLUMBLINE_TRY(out.until, parse_until(options.until));
    PLUMBLINE_TRY(out.config, engine::load_config(options.config));
    out.db_path = plain_path(options.db.empty() ? engine::resolve_db_path(out.config) : options.db);
    PLUMBLINE_TRY_VOID(storage::check_place(out.db_path));
    out.may_replace = options.replace;
    if (out.until.is_set()) {
        out.ingest.answer_timeout_ms = options.timeout_s * 1000;
    }
    if (!options.rpc.empty()) {
        PLUMBLINE_TRY(out.config.chain.rpc, engine::read_endpoints("--rpc", options.rpc));
    }
    return out;
}

/// What the command line says counts more.
logging::Level choose_level(const RunArguments& options, const std::string& level_of_config) {
    const std::string& name = options.log_level.empty() ? level_of_config : options.log_level;
    const logging::Level level = logging::parse_level(name);
    return options.quiet && level == logging::Level::kInfo ? logging::Level::kWarning : level;
}

void set_up_logging(const RunArguments& options, const std::string& level_of_config) {
    logging::configure(choose_level(options, level_of_config), options.log_format == "json"
                                                                   ? logging::Format::kJson
                                                                   : logging::Format::kText);
}

SignalWork signal_work(ConfigReload& reload) {
    SignalWork out;
    out.on_first = [] {
        logging::info("stopping after the commit in hand; again to stop at once");
    };
    out.on_second = [](int exit_code) {
        logging::warning("stopped at once, without the commit in hand; the index is safe",
                         {{"exit_code", exit_code}});
    };
    out.on_hangup = [&reload] { reload.run(); };
    return out;
}

/// For `address = "*"`: who refuses what it needs is told before anything is indexed.
Status probe_any_address(const engine::Config& config) {
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    const std::vector<rpc::Endpoint> endpoints = engine::pool_options(config).endpoints;
    rpc::CurlTransport transport;
    const auto refused =
        engine::find_any_address_refusals(*plan, endpoints, transport, system_clock());
    for (const engine::AnyAddressRefusal& one : refused) {
        logging::warning(
            "this endpoint refuses eth_getLogs without an address, which address = "
            "\"*\" needs: it will not be of use for that",
            {{"endpoint", one.endpoint}, {"why", one.why}});
    }
    if (!refused.empty() && refused.size() == endpoints.size()) {
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("no endpoint takes eth_getLogs without an address, which address = "
                        "\"*\" needs: {}: {}",
                        refused.front().endpoint, refused.front().why)};
    }
    return ok();
}

/// What the modules of a service would refuse to start with.
Status check_modules(const engine::Config& config, const engine::Plan& plan) {
    PLUMBLINE_TRY_VOID(api::check_names(config, plan));
    return sink::check_tables(config, plan);
}

/// Whether a service could be run by the files as they are now.
Status check_config(const RunArguments& arguments) {
    PLUMBLINE_TRY(const engine::IndexerOptions options, indexer_options(arguments));
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(options.config));
    return check_modules(options.config, *plan);
}

/// Runs `service` until it is done, told to stop, or its config was saved anew, which `is_changed`
/// then says.
Status run_service(engine::Service& service, const RunArguments& arguments,
                   engine::ProgressReporter& reporter, const StopSignal& signals,
                   bool& is_changed) {
    std::stop_source stop;
    const std::stop_callback by_signal{signals.token(), [&stop] { stop.request_stop(); }};
    std::optional<ConfigWatch> watch;
    if (arguments.watch) {
        watch.emplace(
            service.config(), [&arguments] { return check_config(arguments); },
            [&stop] { stop.request_stop(); });
    }
    Status ended = service.run(stop.get_token(), &reporter);
    is_changed = watch && watch->has_changed() && !signals.token().stop_requested();
    return ended;
}

/// Of a config that was saved while `options` ran; those stay where it cannot be read any more.
void take_config(const RunArguments& arguments, engine::ServiceOptions& options) {
    Result<engine::IndexerOptions> changed = indexer_options(arguments);
    if (!changed) {
        logging::error("the config was not taken", {{"why", changed.error().message}});
        return;
    }
    changed->stop = options.indexer.stop;
    options.indexer = *std::move(changed);
    warn_of_repeated(arguments.rpc.empty() ? engine::kRpcOfChain : "--rpc",
                     options.indexer.config.chain.rpc);
    logging::set_level(choose_level(arguments, options.indexer.config.log_level));
    logging::info("the config was saved: going on by it");
}

/// Where another process has the database: what to do instead of a second run.
Error served_elsewhere(Error error, const engine::IndexerOptions& options) {
    if (error.code == ErrorCode::kUnavailable) {
        error.message +=
            fmt::format("; stop it first, or read beside it: plumbline status {}", options.db_path);
    }
    return error;
}

/// Whoever has moved a database, or starts somewhere else, hears that this is not it. Once all else
/// has started: where that fails, nothing begins.
class NewIndexLine final : public engine::ServiceModule, public engine::IndexObserver {
  public:
    Status start(engine::Service& service) override {
        mark_.emplace(service.indexer().db_path(), service.address());
        logging::info("there is no index yet: a new one begins once the chain has answered",
                      {{"db", std::filesystem::absolute(service.indexer().db_path()).string()}});
        return ok();
    }
    void stop() override { mark_.reset(); }
    /// Once there is something, its own files tell of it.
    void on_commit(const engine::CommitNotice& /*notice*/) override { mark_.reset(); }
    void on_rollback(uint64_t /*block_num*/) override {}
    void on_refold() override {}

  private:
    /// The writer thread's while the index runs, then that of whoever runs the service.
    std::optional<StartingMark> mark_;
};

/// As often as the database must be opened again: after a full disk RocksDB may refuse to go on
/// though there is room, and a watched config may have been saved.
Status run_until_done(engine::ServiceOptions options, const RunArguments& arguments,
                      StopSignal& signals, ConfigReload& reload, FirstLook& first_look) {
    constexpr int64_t kTurnMs = 100;
    const std::stop_token stop = signals.token();
    Backoff backoff{options.indexer.ingest.retry_ms_min, options.indexer.ingest.retry_ms_max};
    Reopenings reopenings;
    std::optional<engine::ServiceOptions> before;  // of the config that another has just taken
    for (bool is_again = false;; is_again = true) {
        Result<std::unique_ptr<engine::Service>> opened = engine::Service::open(options);
        if (!opened && opened.error().code == ErrorCode::kCancelled && stop.stop_requested()) {
            return ok();
        }
        if (!opened && before && opened.error().code != ErrorCode::kIo) {
            logging::error("the saved config cannot be run; going on by the one before",
                           {{"why", opened.error().message}});
            options = *std::exchange(before, std::nullopt);
            continue;
        }
        if (!opened) {
            if (!is_again || opened.error().code != ErrorCode::kIo || stop.stop_requested()) {
                return served_elsewhere(std::move(opened).error(), options.indexer);
            }
            logging::error(fmt::format("opening the database again: {}; waiting until it works",
                                       opened.error().message));
            for (int64_t left = backoff.next(); left > 0 && !stop.stop_requested();
                 left -= kTurnMs) {
                sleep_ms(kTurnMs);
            }
            continue;
        }
        backoff.reset();
        before.reset();
        engine::Service& service = **opened;
        if (arguments.until == "head" && !is_again) {
            PLUMBLINE_TRY_VOID(first_look.wait(stop));
        }
        const bool is_new = service.database() == nullptr && !is_again;
        // A run with an end answers nobody; its config must be right all the same.
        PLUMBLINE_TRY_VOID(service.has_worker()
                               ? api::add_http_modules(service)
                               : api::check_names(service.config(), service.indexer().plan()));
        PLUMBLINE_TRY_VOID(sink::add_sink_modules(service));
        if (is_new) {
            auto line = std::make_unique<NewIndexLine>();
            service.add_observer(line.get());
            service.add_module(std::move(line));
        }
        first_look.tell_with(service);
        engine::ProgressReporter reporter{service.indexer().progress(), service.indexer().clock(),
                                          engine::choose_progress_mode(arguments.quiet)};
        reporter.set_details(
            [&service](size_t width) { return engine::render_details(service.status(), width); });
        const DirectoryWatch watch{service.indexer().db_path(), [&signals] {
                                       logging::error("the database's directory is gone: stopping");
                                       signals.stop();
                                   }};
        reload.watch(&service);
        bool is_changed = false;
        Status ended = run_service(service, arguments, reporter, signals, is_changed);
        reload.watch(nullptr);
        if (const storage::Database* database = service.database(); database != nullptr) {
            // It may have shown only at the end, when nothing had to be written any more.
            std::optional<Error> lasting =
                ended ? storage::lasting_failure(*database) : std::optional{ended.error()};
            if (lasting) {
                ended = storage::explain_damage(*database, *std::move(lasting));
            }
        }
        if (watch.is_gone()) {
            return Error{
                ErrorCode::kIo,
                fmt::format("{} was deleted or moved while it was served: restore a backup "
                            "there, or start again to index from the beginning",
                            service.indexer().db_path())};
        }
        if (is_changed && ended) {
            before = options;
            first_look.forget();
            take_config(arguments, options);
            continue;
        }
        if (ended || !service.indexer().needs_reopen() || stop.stop_requested()) {
            return ended;
        }
        PLUMBLINE_TRY_VOID(reopenings.next(service.indexer().progress().commits, ended.error()));
        logging::warning("the disk takes writes again; closing the database and opening it again");
    }
}

}  // namespace

Status run_index(const RunArguments& options) {
    set_up_logging(options, "info");
    engine::PoolLog pool_log;
    engine::ServiceOptions service_options;
    PLUMBLINE_TRY(service_options.indexer, indexer_options(options));
    set_up_logging(options, service_options.indexer.config.log_level);
    warn_of_repeated(options.rpc.empty() ? engine::kRpcOfChain : "--rpc",
                     service_options.indexer.config.chain.rpc);
    PLUMBLINE_TRY_VOID(probe_any_address(service_options.indexer.config));
    service_options.pool_observer = &pool_log;
    // A run with an end is there for the index alone.
    service_options.has_worker = options.until.empty();
    service_options.has_own_endpoints = !options.rpc.empty();
    service_options.check_config = check_modules;
    service_options.set_log_level = [&options](const std::string& level) {
        if (options.log_level.empty()) {
            logging::set_level(choose_level(options, level));
        }
        return options.log_level.empty();
    };
    ConfigReload reload;
    StopSignal signals{signal_work(reload)};
    service_options.indexer.stop = signals.token();
    const engine::Config looked_at = service_options.indexer.config;
    FirstLook first_look{looked_at, options.until == "head"};
    return run_until_done(std::move(service_options), options, signals, reload, first_look);
}

}  // namespace plumbline::tools
