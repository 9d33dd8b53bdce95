// Simulated JSON-RPC nodes behind rpc::Transport: each with its own view of the chain, limits,
// words and faults. Time is a ManualClock that waiting advances.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/clock.hpp"
#include "rpc/transport.hpp"
#include "tests/sim/sim_chain.hpp"
#include "tests/sim/sim_fault.hpp"

namespace plumbline::sim {

/// Chances are a request's. All zero: an honest node that is always there.
struct NodeOptions {
    std::string url;
    int64_t latency_ms_min = 5;
    int64_t latency_ms_max = 80;
    int64_t lag_ms = 0;         ///< it shows the chain as it was that long ago
    int64_t other_lag_ms = -1;  ///< a second backend behind the same address; -1 = none
    uint64_t blocks_cap = UINT64_MAX;
    uint64_t results_cap = UINT64_MAX;
    uint64_t batch_cap = UINT64_MAX;
    uint64_t addresses_cap = UINT64_MAX;
    unsigned words = 0;  ///< which provider's texts
    bool beyond_head_is_error = false;
    bool has_receipts = true;
    bool gives_state_syncs = true;  ///< their receipts, which are in no root
    bool has_finalized = true;
    bool keeps_side_blocks = false;
    int64_t down_from_ms = -1;
    int64_t down_to_ms = -1;
    double transport_faults = 0;
    double http_faults = 0;
    double body_faults = 0;
    double refusals = 0;
    double nulls = 0;
    double wrong_answers = 0;  ///< such that the answer itself tells
    double lies = 0;           ///< such that the bloom tells
    double weak_lies = 0;      ///< such that the bloom makes it ask another provider
    double hidden_lies = 0;    ///< such that nothing here tells
    /// Blocks up to which `hidden_lies` are told: those above are never proven.
    uint64_t hidden_lies_to = UINT64_MAX;
    double header_lies = 0;   ///< such that the header's hash convicts of them
    double receipt_lies = 0;  ///< such that the receipts root convicts of them
};

/// What the hub says after `block` where it is asked `input` (hex): made of both. Empty: it
/// reverts.
[[nodiscard]] std::optional<evm::Hash> hub_answer(const SimBlock& block, const std::string& input);

class SimNetwork final : public rpc::Transport {
  public:
    SimNetwork(const SimChain& chain, ManualClock& clock, uint64_t seed, FaultCounts& counts)
        : chain_{chain},
          clock_{clock},
          random_{seed},
          counts_{counts} {}

    /// With `chain` it tells of that one.
    void add(const NodeOptions& options, const SimChain* chain = nullptr);
    /// From now on every node is up, up to date, and says what is true of its chain. Limits stay.
    void calm_down();
    /// The process died: what was on its way is lost.
    void forget_requests() { pending_.clear(); }
    /// Told of every fault.
    std::function<void(const std::string&)> on_fault;
    /// Told of every request when it is answered.
    std::function<void(const std::string&)> on_request;

    uint64_t submit(rpc::HttpRequest request) override;
    void poll(int64_t wait_ms, std::vector<rpc::HttpCompletion>& completions) override;
    [[nodiscard]] size_t in_flight() const override { return pending_.size(); }
    [[nodiscard]] uint64_t requests() const { return next_id_ - 1; }

  private:
    struct Pending {
        int64_t due_ms = 0;
        size_t node = 0;
        rpc::HttpRequest request;
        rpc::HttpCompletion early;  ///< decided when it was sent
        bool is_decided = false;
    };
    struct Node {
        NodeOptions options;
        const SimChain* chain;
        bool is_calm = false;
    };
    /// What one batch asked for, to know which lies can be told from the answer.
    struct Asked;

    void serve(Node& node, const rpc::HttpRequest& request, rpc::HttpCompletion& out);
    std::string answer_batch(Node& node, const nlohmann::json& body, const ChainView& view);
    std::string answer(Node& node, const nlohmann::json& call, const ChainView& view,
                       const Asked& asked);
    std::string answer_receipts(Node& node, const SimBlock& block);
    static std::string answer_call(
        const nlohmann::json& params,
        const std::function<const SimBlock*(const nlohmann::json&)>& by_hash,
        const ChainView& view);
    std::string tell_header(Node& node, const SimBlock& block);
    std::string answer_logs(Node& node, const nlohmann::json& filter, const ChainView& view,
                            const Asked& asked);
    void spoil_logs(Node& node, std::vector<std::pair<const SimBlock*, size_t>>& found,
                    std::vector<std::string>& texts, const Asked& asked, uint64_t from,
                    uint64_t to);
    void spoil_body(Node& node, std::string& body);
    [[nodiscard]] bool hits(const Node& node, double chance) {
        return !node.is_calm && chance > 0 && random_.chance(chance);
    }
    void count(const Node& node, Fault fault, const std::string& what = {});

    const SimChain& chain_;
    ManualClock& clock_;
    Random random_;
    FaultCounts& counts_;
    std::vector<Node> nodes_;
    std::map<uint64_t, Pending> pending_;
    uint64_t next_id_ = 1;
};

}  // namespace plumbline::sim
