// What a node over a `ReplayChain` answers to JSON-RPC, and what it counts of that.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "bench/replay_chain.hpp"

namespace plumbline::bench {

struct ReplayLimits {
    uint64_t max_blocks = UINT64_MAX;
    uint64_t max_results = UINT64_MAX;
};

/// An answer's body: text made for it and slices of the chain's own memory, in order.
struct ReplayBody {
    std::deque<std::string> owned;  // a deque keeps the strings where they are
    std::vector<std::string_view> parts;

    void add(std::string text) {
        owned.push_back(std::move(text));
        parts.emplace_back(owned.back());
    }
    void add_slice(std::string_view text) { parts.push_back(text); }
    [[nodiscard]] size_t size() const noexcept;
};

/// One thread.
class ReplayRpc {
  public:
    ReplayRpc(const ReplayChain& chain, ReplayLimits limits) : chain_{chain}, limits_{limits} {}

    /// Answers one HTTP request's body: a call or a batch of calls. `replay_counters` answers what
    /// was counted since the start and the processor seconds of this process; a request that asks
    /// for them is not counted.
    void answer(const std::string& request_text, ReplayBody& body);

  private:
    void answer_one(const nlohmann::json& request, ReplayBody& body);
    /// Appends the result; an error object's text instead where it cannot.
    std::optional<std::string> result(const std::string& method, const nlohmann::json& params,
                                      ReplayBody& body) const;
    std::optional<std::string> receipts(const std::string& method, const nlohmann::json& param,
                                        ReplayBody& body) const;
    std::optional<std::string> logs(const nlohmann::json& filter, ReplayBody& body) const;
    /// A number, tag, hash or {"blockHash": ...}; empty where there is no such block.
    [[nodiscard]] std::optional<uint64_t> block_of(const nlohmann::json& value) const;
    [[nodiscard]] std::string counters_json() const;

    const ReplayChain& chain_;
    ReplayLimits limits_;
    uint64_t requests_ = 0;
    uint64_t bytes_received_ = 0;
    uint64_t bytes_sent_ = 0;
    std::map<std::string, uint64_t, std::less<>> calls_;  ///< by method
};

}  // namespace plumbline::bench
