// Looks an endpoint over before one trusts it: what it is, what it can do, where its limits are,
// and whether what it says of some blocks fits together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "engine/proof/log/chain_profile.hpp"
#include "engine/setup/endpoint_client.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/transport.hpp"

namespace plumbline::engine {

enum class CheckResult : uint8_t {
    kGood,
    kNote,     ///< works, but somebody should know
    kBad,      ///< do not use it for what this check is about
    kSkipped,  ///< could not be tried
};
[[nodiscard]] std::string_view to_string(CheckResult result) noexcept;

struct DoctorCheck {
    std::string name;  ///< "logs range", "archive"...
    CheckResult result = CheckResult::kGood;
    std::string found;   ///< what there is, for people
    std::string advice;  ///< what to do about it; empty where nothing
};

struct DoctorReport {
    std::string endpoint;  ///< scheme, host and port; never the secrets
    std::string client;
    std::optional<uint64_t> chain_id;
    std::optional<uint64_t> head;
    std::optional<uint64_t> finalized;
    std::optional<int64_t> head_lag_s;
    uint64_t logs_range = 0;              ///< blocks one eth_getLogs spanned without being refused
    uint64_t batch = 0;                   ///< calls one batch had without being refused
    std::optional<uint64_t> archive;      ///< how many blocks back state was there
    std::optional<uint64_t> state_since;  ///< the lowest block whose state was there
    bool receipts = false;
    bool proofs = false;
    bool overrides = false;
    bool creates = false;  ///< eth_call without `to` runs code
    ChainProfile profile;
    uint64_t blocks_compared = 0;  ///< whose logs by eth_getLogs and by receipts were the same
    std::vector<DoctorCheck> checks;
    std::string verdict;
    [[nodiscard]] bool is_fine() const noexcept;
};

struct DoctorOptions {
    uint64_t logs_range_max = 100'000;
    uint64_t batch_max = 1'000;
    unsigned sample_blocks = 8;
    EndpointPatience patience;
    uint64_t chain_id = 0;  ///< the config's; another one is bad. 0 = any
};

/// Asks up to some 100 questions one after the other. kUnavailable: the endpoint cannot be reached,
/// falls silent for `EndpointPatience::silence_ms_max`, or does not speak JSON-RPC.
[[nodiscard]] Result<DoctorReport> examine_endpoint(const rpc::Endpoint& endpoint,
                                                    rpc::Transport& transport, const Clock& clock,
                                                    const DoctorOptions& options = {});

}  // namespace plumbline::engine
