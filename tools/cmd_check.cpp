// plumbline check: the fast loop of writing a mapping.
#include <algorithm>

#include <fmt/format.h>

#include "api/service_module.hpp"
#include "core/base/clock.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "engine/config/config.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/setup/config_look.hpp"
#include "engine/text/duration.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/provider.hpp"
#include "sink/sink_module.hpp"
#include "sink/sink_refusals.hpp"
#include "tools/chain_access.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dry_run.hpp"
#include "tools/report.hpp"
#include "tools/state_look.hpp"
#include "tools/stop_signal.hpp"

namespace plumbline::tools {

namespace {

constexpr int64_t kStateAnswerMs = 5'000;
constexpr int64_t kSinkAnswerMs = 5'000;

std::string what_is_right(const engine::Config& config) {
    return fmt::format("{} is right: {}, {}, {}\n", config.path,
                       engine::count_of(config.contracts.size(), "contract", "contracts"),
                       engine::count_of(config.entities.size(), "entity", "entities"),
                       engine::count_of(config.handlers.size(), "handler", "handlers"));
}

std::string to_text(const DryRunReport& report) {
    if (report.events == 0) {
        std::string out =
            report.to < report.from
                ? fmt::format("nothing to try: the chain has no block from {} on yet\n",
                              report.from)
                : fmt::format("nothing to try: no event in blocks {} to {}, the head\n",
                              report.from, report.to);
        for (const std::string& address : report.without_code) {
            out += fmt::format(
                "  {} is no contract on this chain: is the address right, and the chain?\n",
                address);
        }
        return out;
    }
    std::string out =
        fmt::format("{} of blocks {} to {}{}, {} without a handler, {} refused\n",
                    engine::count_of(report.events, "event", "events"), report.from, report.to,
                    report.is_head ? ", which is the head" : "", report.unhandled, report.refused);
    size_t width = 0;
    for (const DryRunReport::Handler& handler : report.handlers) {
        width = std::max(width, handler.name.size());
    }
    if (width > 0) {
        out += fmt::format("\n{:>6}  {:<{}}  {:>9}  {:>9}  {:>9}\n", "line", "handler", width,
                           "ran", "left out", "refused");
    }
    for (const DryRunReport::Handler& handler : report.handlers) {
        out += fmt::format("{:>6}  {:<{}}  {:>9}  {:>9}  {:>9}\n", handler.line, handler.name,
                           width, handler.ran, handler.left_out, handler.refused);
    }
    if (!report.remarks.empty()) {
        out += "\nnothing is made of:\n";
    }
    for (const std::string& remark : report.remarks) {
        out += fmt::format("  {}\n", remark);
    }
    if (report.none_fits) {
        out += fmt::format(
            "  none of the {} fits its contract's ABI: is it the ABI of the contract "
            "at this address? Of a proxy it is the one behind it\n",
            engine::count_of(report.events, "log", "logs"));
    }
    if (!report.violations.empty()) {
        out += "\nrefused:\n";
    }
    for (const std::string& violation : report.violations) {
        out += fmt::format("  {}\n", violation);
    }
    if (report.refused > report.violations.size()) {
        out += fmt::format("  and {} more\n", report.refused - report.violations.size());
    }
    for (const DryRunReport::Entity& entity : report.entities) {
        out += fmt::format("\n{}: {}\n", entity.name, engine::count_of(entity.rows, "row", "rows"));
        for (const std::string& row : entity.shown) {
            out += fmt::format("  {}\n", row);
        }
    }
    return out;
}

std::string to_json(const DryRunReport& report) {
    std::string out;
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    json.open_object()
        .member("from", report.from)
        .member("to", report.to)
        .member("is_head", report.is_head)
        .member("events", report.events)
        .member("unhandled", report.unhandled)
        .member("refused", report.refused)
        .member("violations", report.violations)
        .member("remarks", report.remarks)
        .member("none_fits", report.none_fits)
        .member("without_code", report.without_code)
        .member("missing_state", report.missing_state)
        .key("handlers")
        .open_array();
    for (const DryRunReport::Handler& handler : report.handlers) {
        json.open_object()
            .member("handler", handler.name)
            .member("line", handler.line)
            .member("ran", handler.ran)
            .member("left_out", handler.left_out)
            .member("refused", handler.refused)
            .close_object();
    }
    json.close_array().key("entities").open_array();
    for (const DryRunReport::Entity& entity : report.entities) {
        json.open_object()
            .member("entity", entity.name)
            .member("rows", entity.rows)
            .key("shown")
            .open_array();
        for (const std::string& row : entity.shown) {
            json.raw_value() += row;
        }
        json.close_array().close_object();
    }
    json.close_array().close_object();
    return out + "\n";
}

}  // namespace

namespace {

engine::EndpointPatience patience_of(const std::stop_token& stop, int64_t answer_ms) {
    engine::EndpointPatience patience;
    patience.timeout_ms = answer_ms;
    patience.silence_ms_max = answer_ms;
    patience.should_stop = [stop] { return stop.stop_requested(); };
    return patience;
}

/// The endpoints that are asked.
Result<std::vector<rpc::Endpoint>> asked_endpoints(const engine::Config& config,
                                                   const CheckArguments& arguments) {
    engine::Config asked = config;
    if (!arguments.rpc.empty()) {
        PLUMBLINE_TRY(asked.chain.rpc, engine::read_endpoints("--rpc", arguments.rpc));
    }
    return engine::pool_options(asked).endpoints;
}

/// Whether one of them could be heard, each for some seconds and all for `left_ms` together; 0: no
/// end. kInvalidArgument where all serve another chain: whoever asks them for more only waits.
Result<bool> look_at_chains(const engine::Config& config,
                            const std::vector<rpc::Endpoint>& endpoints,
                            const std::stop_token& stop, int64_t left_ms) {
    std::string other;
    std::string silent;
    const int64_t begun_ms = system_clock().monotonic_ms();
    for (const rpc::Endpoint& endpoint : endpoints) {
        const int64_t waited_ms = system_clock().monotonic_ms() - begun_ms;
        if (left_ms > 0 && waited_ms >= left_ms) {
            break;
        }
        const int64_t answer_ms =
            left_ms > 0 ? std::min(kStateAnswerMs, left_ms - waited_ms) : kStateAnswerMs;
        rpc::CurlTransport transport;
        engine::EndpointClient client{endpoint, transport, system_clock(),
                                      patience_of(stop, answer_ms)};
        const auto seen = engine::look_at_chain(client);
        if (!seen) {
            silent += fmt::format("{}{}: {}", silent.empty() ? "" : "; ",
                                  rpc::display_name(endpoint), seen.error().message);
            continue;
        }
        const std::string said = engine::other_chain(*seen, config);
        if (said.empty()) {
            return true;
        }
        other = fmt::format("{}: {}", rpc::display_name(endpoint), said);
    }
    if (!silent.empty() && !stop.stop_requested()) {
        logging::warning("waiting for the chain", {{"why", silent}});
        return false;
    }
    if (!other.empty()) {
        return Error{ErrorCode::kInvalidArgument, other};
    }
    return false;
}

/// What the sinks would be refused for; a PostgreSQL that is away is a warning.
Status look_at_sinks(const engine::Config& config, const engine::Plan& plan) {
    engine::Mistakes mistakes;
    for (const engine::SinkConfig& one : config.sinks) {
        const auto found = sink::find_refusals(one, plan, config.chain.id, kSinkAnswerMs);
        if (!found) {
            logging::warning("the tables of a sink were not looked at",
                             {{"sink", one.name}, {"why", found.error().message}});
            continue;
        }
        for (const std::string& problem : *found) {
            mistakes.add(Status{Error{ErrorCode::kInvalidArgument,
                                      fmt::format("[sinks.{}]: {}", one.name, problem)}});
        }
    }
    return mistakes.all();
}

Result<ExitCode> check(const CheckArguments& arguments) {
    PLUMBLINE_TRY(const engine::Config config, engine::load_config(arguments.config));
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    engine::Mistakes mistakes;
    mistakes.add(api::check_names(config, *plan));
    mistakes.add(sink::check_tables(config, *plan));
    PLUMBLINE_TRY_VOID(mistakes.all());
    warn_of_repeated(engine::kRpcOfChain, config.chain.rpc);
    for (const std::string& unused : plan->unused()) {
        logging::warning(unused);
    }
    const auto tell_right = [&] { return arguments.json ? ok() : print(what_is_right(config)); };
    if (arguments.events == 0) {
        PLUMBLINE_TRY_VOID(tell_right());
        PLUMBLINE_TRY_VOID(arguments.json ? print(to_json({})) : ok());
        return ExitCode::kDone;
    }
    const StopSignal signal;
    const engine::EndpointPatience patience = patience_of(signal.token(), kStateAnswerMs);
    PLUMBLINE_TRY(const auto endpoints, asked_endpoints(config, arguments));
    const int64_t begun_ms = system_clock().monotonic_ms();
    PLUMBLINE_TRY(const bool is_heard,
                  look_at_chains(config, endpoints, signal.token(), arguments.timeout_s * 1000));
    int64_t timeout_s = arguments.timeout_s;
    if (!is_heard && timeout_s > 0) {
        const int64_t waited_s = (system_clock().monotonic_ms() - begun_ms) / 1000;
        timeout_s = std::max<int64_t>(1, timeout_s - waited_s);
    }
    PLUMBLINE_TRY_VOID(look_at_sinks(config, *plan));
    PLUMBLINE_TRY_VOID(tell_right());
    PLUMBLINE_TRY(const auto chain, open_chain(config, {arguments.rpc, {}}, timeout_s));
    StateLook states;
    if (is_heard) {
        for (const std::string& getter : look_at_getters(config, *plan, endpoints, patience)) {
            logging::warning(getter);
        }
        states = look_at_states(config, endpoints, patience, true);
    }
    if (!states.off_block.empty()) {
        return Error{ErrorCode::kUnavailable, states.off_block};
    }
    for (const std::string& one : states.off_blocks) {
        logging::warning(one);
    }
    if (!states.missing.empty() && !arguments.json) {
        logging::warning(states.missing);  // Before the calls are tried, which may wait for it.
    }
    DryRunOptions options;
    options.stop = signal.token();
    options.from = arguments.from;
    options.events_max = arguments.events;
    options.timeout_ms = timeout_s * 1000;
    options.is_quiet = arguments.json;
    PLUMBLINE_TRY(DryRunReport report, dry_run(config, *chain, options));
    report.missing_state = std::move(states.missing);
    PLUMBLINE_TRY_VOID(print(arguments.json ? to_json(report) : to_text(report)));
    return report.refused == 0 && !report.none_fits ? ExitCode::kDone : ExitCode::kCheckFailed;
}

/// What became of the check, where there is nothing to report.
std::string to_json(const Error& error) {
    const ExitCode code = exit_code(error);
    std::string out;
    JsonWriter json{out, JsonWriter::Layout::kIndented};
    json.open_object()
        .key("error")
        .open_object()
        .member("kind", error.code == ErrorCode::kCancelled ? "stopped"
                        : code == ExitCode::kUsage          ? "config"
                                                            : "environment")
        .member("message", error.message)
        .close_object()
        .close_object();
    return out + "\n";
}

}  // namespace

Result<ExitCode> run_check(const CheckArguments& arguments) {
    logging::configure(logging::Level::kWarning, logging::Format::kText);
    Result<ExitCode> ended = check(arguments);
    if (!ended && arguments.json) {
        PLUMBLINE_TRY_VOID(print(to_json(ended.error())));
    }
    return ended;
}

}  // namespace plumbline::tools
