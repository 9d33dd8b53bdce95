// Asks one endpoint, one question at a time: for the doctor, who wants the answer as it is, with
// none of the pool's checks, retries and splitting.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "core/base/redactor.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/transport.hpp"

namespace plumbline::engine {

struct Reply {
    std::optional<nlohmann::json> result;
    std::string error;  ///< why there is no result, fit to be shown: without secrets
    bool is_rpc_error = false;
};

/// One thread: that which polls the transport. Both references must outlive it.
class EndpointClient {
  public:
    EndpointClient(const rpc::Endpoint& endpoint, rpc::Transport& transport, int64_t timeout_ms);

    /// Waits for the answer, at most the timeout.
    [[nodiscard]] Reply ask(const std::string& method,
                            nlohmann::json params = nlohmann::json::array());
    /// The error where a batch of so many calls is not answered in full; empty where it is.
    [[nodiscard]] std::string ask_batch(uint64_t count);

  private:
    [[nodiscard]] nlohmann::json post(std::string body, std::string& error);
    [[nodiscard]] Reply read(const nlohmann::json& answer, const std::string& error) const;

    const rpc::Endpoint& endpoint_;
    rpc::Transport& transport_;
    int64_t timeout_ms_;
    Redactor redactor_;
};

/// Short, in one line, without the URL that a provider may quote with its key.
[[nodiscard]] std::string clipped(std::string text);
/// A member of `object`, "" where there is no such text.
[[nodiscard]] std::string text_of(const nlohmann::json& object, const char* key);
[[nodiscard]] std::optional<uint64_t> quantity_of(const nlohmann::json& value);
[[nodiscard]] std::optional<uint64_t> quantity_of(const nlohmann::json& object, const char* key);

}  // namespace plumbline::engine
