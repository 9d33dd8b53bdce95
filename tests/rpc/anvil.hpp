// A real node for tests: anvil on a free port, killed at the end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace plumbline::rpc::test {

/// Starts anvil and waits until it listens. Fails the test (never skips) where it cannot: the
/// binary comes from PLUMBLINE_ANVIL or tools/node, which tools/setup installs.
class Anvil {
  public:
    explicit Anvil(std::vector<std::string> arguments = {});
    ~Anvil();
    Anvil(const Anvil&) = delete;
    Anvil& operator=(const Anvil&) = delete;

    [[nodiscard]] bool is_running() const { return port_ != 0; }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// Sends one call and returns the whole response; `params` is a JSON array.
    std::string call(const std::string& method, const std::string& params);
    /// The text of the result string of `call`.
    std::string call_for_string(const std::string& method, const std::string& params);
    /// Deploys a contract that emits `LOG2(topic, caller word)` with its call data as data; each
    /// transaction to it makes one log. Returns its address.
    std::string deploy_emitter();
    /// One transaction to `emitter` with `data` (hex without 0x), mined in a block of its own.
    void emit(const std::string& emitter, const std::string& data);

  private:
    std::string wait_for_receipt(const std::string& txn);

    pid_t pid_ = 0;
    int out_ = -1;
    uint16_t port_ = 0;
};

/// topic0 of the emitter's logs.
inline constexpr const char* kEmitterTopic =
    "0x00000000000000000000000000000000000000000000000000000000cafebabe";

}  // namespace plumbline::rpc::test
