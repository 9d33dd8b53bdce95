// plumbline doctor: what an endpoint can do and whether it tells the truth, before one trusts it.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/setup/doctor.hpp"
#include "rpc/curl_transport.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"

namespace plumbline::tools {

namespace {

using nlohmann::ordered_json;

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json to_json(const engine::DoctorReport& report) {
    ordered_json out;
    out["endpoint"] = report.endpoint;
    out["fine"] = report.is_fine();
    out["verdict"] = report.verdict;
    out["client"] = report.client;
    out["chain_id"] = or_null(report.chain_id);
    out["head"] = or_null(report.head);
    out["finalized"] = or_null(report.finalized);
    out["head_lag_s"] = or_null(report.head_lag_s);
    out["logs_range"] = report.logs_range;
    out["batch"] = report.batch;
    out["archive_blocks"] = or_null(report.archive);
    out["receipts"] = report.receipts;
    out["proofs"] = report.proofs;
    out["overrides"] = report.overrides;
    out["creates"] = report.creates;
    out["profile"] = {{"kind", to_string(report.profile.kind)},
                      {"headers", report.profile.headers},
                      {"receipts", report.profile.receipts},
                      {"blooms", report.profile.blooms},
                      {"headers_tried", report.profile.headers_tried},
                      {"receipts_tried", report.profile.receipts_tried},
                      {"reason", report.profile.reason}};
    out["blocks_compared"] = report.blocks_compared;
    out["checks"] = ordered_json::array();
    for (const engine::DoctorCheck& check : report.checks) {
        out["checks"].push_back({{"name", check.name},
                                 {"result", to_string(check.result)},
                                 {"found", check.found},
                                 {"advice", check.advice}});
    }
    return out;
}

std::string for_people(const engine::DoctorReport& report) {
    std::string out = fmt::format("{}\n", report.endpoint);
    for (const engine::DoctorCheck& check : report.checks) {
        out += fmt::format("  {:<8} {:<11} {}\n", to_string(check.result), check.name, check.found);
        if (!check.advice.empty()) {
            out += fmt::format("  {:<8} {:<11} -> {}\n", "", "", check.advice);
        }
    }
    out += fmt::format("profile: {}\n{}\n", to_string(report.profile.kind), report.verdict);
    return out;
}

}  // namespace

ExitCode run_doctor(const DoctorArguments& arguments) {
    const auto& [url, token, json] = arguments;
    rpc::CurlTransport transport;
    const auto report = engine::examine_endpoint({url, {}, token}, transport, system_clock());
    if (!report) {
        return fail(report.error());
    }
    const std::string text =
        json ? to_json(*report).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n"
             : for_people(*report);
    if (auto printed = print(text); !printed) {
        return fail(printed.error());
    }
    return report->is_fine() ? ExitCode::kDone : ExitCode::kCheckFailed;
}

}  // namespace plumbline::tools
