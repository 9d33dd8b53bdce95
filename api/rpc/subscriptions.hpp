// What one WebSocket connection has subscribed to (eth_subscribe): logs and new heads. A
// subscription is a filter that nobody has to ask: whoever owns the connection asks for it whenever
// the index moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/rpc/filter_store.hpp"
#include "api/rpc/log_source.hpp"
#include "core/base/result.hpp"

namespace plumbline::api {

/// One thread at a time. `filters` must outlive it.
class Subscriptions {
  public:
    static constexpr size_t kMax = 100;

    /// `client`: whose limits they count to, an address.
    Subscriptions(FilterStore& filters, std::string_view client)
        : filters_{filters},
          client_{client} {}
    Subscriptions(const Subscriptions&) = delete;
    Subscriptions& operator=(const Subscriptions&) = delete;
    ~Subscriptions();

    /// The id. `params` as eth_subscribe has them: ["logs", {address, topics}] or ["newHeads"].
    /// kInvalidArgument, or as FilterStore::add.
    [[nodiscard]] Result<std::string> add(const LogSource& source, const nlohmann::json& params,
                                          int64_t now_ms);
    /// False where there is none of this id.
    bool remove(const std::string& id);
    /// Notifications of all that came and went since the last call, in the order of the chain
    /// within each subscription; as much as one scan takes, so that more may be there. An error
    /// ends the connection: the index no longer has what was subscribed to.
    [[nodiscard]] Result<std::vector<std::string>> news(const LogSource& source, int64_t now_ms);
    [[nodiscard]] bool is_empty() const noexcept { return ids_.empty(); }

  private:
    FilterStore& filters_;
    std::string client_;
    std::vector<std::string> ids_;
};

}  // namespace plumbline::api
