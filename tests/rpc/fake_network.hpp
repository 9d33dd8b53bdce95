// A chain in memory, nodes that serve it with scripted faults, and a transport with scripted time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/clock.hpp"
#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc::test {

/// As large a first range as the small chains of these tests are long, so that one question is one
/// request.
inline PoolOptions wide_options() {
    PoolOptions options;
    options.range.blocks_initial = 1'000;
    return options;
}

using nlohmann::json;

[[nodiscard]] evm::Address make_address(uint8_t tag);
[[nodiscard]] evm::Hash make_topic(uint8_t tag);

/// Blocks 0 to head, linked, with blooms that fit their logs.
class FakeChain {
  public:
    struct Block {
        evm::Header header;
        std::vector<evm::Log> logs;
        std::vector<Bytes> data;
    };
    explicit FakeChain(uint64_t head, uint8_t fork = 0);
    /// Adds a log and mends its block's bloom and, with `seal_now`, the hashes from there on.
    void add_log(uint64_t block_num, uint8_t address_tag, uint8_t topic_tag, bool seal_now = true);
    /// Recomputes hashes and parent links from a block on.
    void seal(uint64_t from);
    /// From here on headers hash to their hash, and roots are those of the receipts, as Ethereum's:
    /// what a provider says can be proven right or wrong. Else nothing can.
    void make_provable();
    /// Makes the blooms say something else than the logs do.
    void set_bloom(uint64_t block_num, const evm::Bloom& bloom);

    std::vector<Block> blocks;
    /// Numbers without a block: `seal` links past them, and nodes tell of none. Not the first and
    /// not the last.
    std::set<uint64_t> gaps;

  private:
    [[nodiscard]] evm::Hash provable_hash(Block& block) const;

    uint8_t fork_;
    bool is_provable_ = false;
};

/// One provider.
struct FakeNode {
    const FakeChain* chain = nullptr;
    uint64_t chain_id = 1;
    std::optional<uint64_t> head;  ///< below the chain's own: it lags
    int64_t latency_ms = 10;
    int status = 200;  ///< of every answer, good ones too
    size_t batch_max = SIZE_MAX;
    bool receipts = true;
    bool txn_receipts = false;  ///< eth_getTransactionReceipt, and transactions in blocks
    bool finalized = true;
    json gap_answer = json{{"result", nullptr}};  ///< for a number without a block
    /// Logs it leaves out of eth_getLogs.
    std::function<bool(const evm::Log&)> drops;
    /// Full control of one call's answer: {"result": ..} or {"error": ..}; nullopt = as usual.
    std::function<std::optional<json>(const std::string& method, const json& params)> answer;
    /// Full control of the HTTP exchange; nullopt = as usual.
    std::function<std::optional<HttpCompletion>(const HttpRequest&)> http;
    /// Last touch on the JSON text.
    std::function<void(std::string& body)> spoil;

    uint64_t requests = 0;
    std::map<std::string, uint64_t> calls;              ///< by method
    std::vector<std::pair<uint64_t, uint64_t>> ranges;  ///< of every eth_getLogs by range
    std::vector<HttpRequest> seen;
};

/// As a node tells it.
[[nodiscard]] json header_json(const evm::Header& header);
/// An error answer for `FakeNode::answer`.
[[nodiscard]] json rpc_error(int64_t code, const std::string& message, const json& data = nullptr);
[[nodiscard]] HttpCompletion http_status(int status, const std::string& body = "");
[[nodiscard]] HttpCompletion transport_error(TransportError error);

class FakeTransport final : public Transport {
  public:
    explicit FakeTransport(ManualClock& clock) : clock_{clock} {}
    /// The node behind `url`.
    FakeNode& add(const std::string& url, const FakeChain& chain);

    uint64_t submit(HttpRequest request) override;
    void poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) override;
    [[nodiscard]] size_t in_flight() const override { return pending_.size(); }
    size_t in_flight_seen_max = 0;

  private:
    struct Pending {
        int64_t due_ms = 0;
        HttpCompletion completion;
    };
    ManualClock& clock_;
    std::map<std::string, std::unique_ptr<FakeNode>> nodes_;
    std::map<uint64_t, Pending> pending_;
    uint64_t next_id_ = 1;
};

/// Keeps what the pool says.
class Recorder final : public PoolObserver {
  public:
    void on_event(LogLevel level, const std::string& message) override {
        events.emplace_back(level, message);
    }
    [[nodiscard]] size_t count(const std::string& part) const;
    std::vector<std::pair<LogLevel, std::string>> events;
};

}  // namespace plumbline::rpc::test
