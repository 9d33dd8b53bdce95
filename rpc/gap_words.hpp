// What an endpoint answers to eth_getBlockByNumber for a number that no block has: null, or an
// error in its own words.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "rpc/eth_json.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::rpc {

/// The errors of one endpoint that say no more than null does. Some words are known from the start;
/// others are learnt where a gap was proven by what the endpoint said otherwise. They are no proof
/// themselves: an endpoint that lags may use the same words. One thread.
class GapWords {
  public:
    [[nodiscard]] bool matches(const RpcError& error) const;
    /// `error` was the answer for a number that is proven to have no block. True where its words
    /// are new. Numbers in them do not count. At most 16 different ones are kept.
    bool learn(const RpcError& error);

  private:
    std::set<std::pair<int64_t, std::string>> learnt_;  ///< code and words
};

/// True where a refused header by number may mean that no block has it. Rates, bills, outages and
/// sizes are about something else.
[[nodiscard]] constexpr bool may_mean_no_block(RefusalClass kind) noexcept {
    return kind == RefusalClass::kUnknown || kind == RefusalClass::kMissingData ||
           kind == RefusalClass::kHeadRace || kind == RefusalClass::kBadRequest;
}

}  // namespace plumbline::rpc
