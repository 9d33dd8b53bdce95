// plumbline doctor: what an endpoint can do and whether it tells the truth, before one trusts it.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/json_writer.hpp"
#include "core/base/logging.hpp"
#include "engine/config/config_secrets.hpp"
#include "engine/config/endpoint_text.hpp"
#include "engine/service/service.hpp"
#include "engine/setup/doctor.hpp"
#include "rpc/curl_transport.hpp"
#include "tools/chain_access.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/doctor_text.hpp"

namespace plumbline::tools {

namespace {

std::string to_json(const engine::DoctorReport& report) {
    std::string out;
    JsonWriter json{out};
    json.open_object()
        .member("endpoint", report.endpoint)
        .member("fine", report.is_fine())
        .member("verdict", report.verdict)
        .member("client", report.client)
        .member("chain_id", report.chain_id)
        .member("head", report.head)
        .member("finalized", report.finalized)
        .member("head_lag_s", report.head_lag_s)
        .member("logs_range", report.logs_range)
        .member("batch", report.batch)
        .member("archive_blocks", report.archive)
        .member("state_since", report.state_since)
        .member("receipts", report.receipts)
        .member("proofs", report.proofs)
        .member("overrides", report.overrides)
        .member("creates", report.creates)
        .key("profile")
        .open_object()
        .member("kind", to_string(report.profile.kind))
        .member("headers", report.profile.headers)
        .member("receipts", report.profile.receipts)
        .member("blooms", report.profile.blooms)
        .member("headers_tried", report.profile.headers_tried)
        .member("receipts_tried", report.profile.receipts_tried)
        .member("reason", report.profile.reason)
        .close_object()
        .member("blocks_compared", report.blocks_compared);
    write_checks(json, report.checks);
    json.close_object();
    return out + "\n";
}

std::string for_people(const engine::DoctorReport& report) {
    return fmt::format("{}\n{}profile: {}\n{}\n", report.endpoint, checks_for_people(report.checks),
                       to_string(report.profile.kind), report.verdict);
}

/// The endpoints that the command line names: one, or all of a config with their headers, whose
/// chain is `chain_id` then.
Result<std::vector<rpc::Endpoint>> endpoints_of(const DoctorArguments& arguments,
                                                uint64_t& chain_id) {
    if (!arguments.config.empty()) {
        PLUMBLINE_TRY(const engine::Config config, engine::load_config(arguments.config));
        chain_id = config.chain.id;
        warn_of_repeated(engine::kRpcOfChain, config.chain.rpc);
        return engine::pool_options(config).endpoints;
    }
    PLUMBLINE_TRY(const auto given, engine::read_endpoints("URL", {arguments.url}));
    PLUMBLINE_TRY(const std::string token, engine::resolve_env(arguments.token));
    return std::vector<rpc::Endpoint>{{given.front().url, {}, token}};
}

}  // namespace

ExitCode run_doctor(const DoctorArguments& arguments) {
    if (!arguments.sink.empty()) {
        const Result<ExitCode> looked = run_doctor_sink(arguments);
        return looked ? *looked : fail(looked.error());
    }
    if (arguments.url.empty() == arguments.config.empty()) {
        return fail(
            Error{ErrorCode::kInvalidArgument,
                  "give the endpoint as a http:// or https:// URL or env:NAME, or the config "
                  "whose endpoints are to be looked at as --config"});
    }
    uint64_t chain_id = 0;
    const auto endpoints = endpoints_of(arguments, chain_id);
    if (!endpoints) {
        return fail(endpoints.error());
    }
    ExitCode exit = ExitCode::kDone;
    for (const rpc::Endpoint& endpoint : *endpoints) {
        rpc::CurlTransport transport;
        engine::DoctorOptions options;
        options.chain_id = chain_id;
        options.patience.silence_ms_max = arguments.timeout_s * 1'000;
        options.patience.on_wait = [](const std::string& what) {
            logging::warning("waiting for the endpoint", {{"why", what}});
        };
        const auto report = engine::examine_endpoint(endpoint, transport, system_clock(), options);
        if (!report) {
            exit = std::max(exit, fail(report.error()));
            continue;
        }
        if (auto printed = print(arguments.json ? to_json(*report) : for_people(*report));
            !printed) {
            return fail(printed.error());
        }
        exit = std::max(exit, report->is_fine() ? ExitCode::kDone : ExitCode::kCheckFailed);
    }
    return exit;
}

}  // namespace plumbline::tools
