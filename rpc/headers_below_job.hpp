// Headers by number of the chain that has a given block: from one provider, which shows in the same
// question that it has that block. So what nothing links to each other is of one chain all the
// same, also where providers follow different ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/header.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/provider_set.hpp"

namespace plumbline::rpc {

/// Each provider is asked once, the cheapest first, those that were proven to lie last. Who has
/// another block there is passed over and not blamed: which chain is meant nobody can compute.
/// Keeps itself alive through the callbacks that it hands out. One thread.
class HeadersBelowJob final : public std::enable_shared_from_this<HeadersBelowJob> {
  public:
    /// In the order asked. Errors as of `ChainSource::get_headers_below`.
    using Done = std::function<void(Result<std::vector<evm::Header>>)>;
    HeadersBelowJob(Dispatcher& dispatcher, std::vector<uint64_t> block_nums, evm::BlockId end,
                    Done done);
    void start();

  private:
    void ask();
    [[nodiscard]] std::optional<size_t> choose() const;
    [[nodiscard]] std::string describe_failure() const;
    void on_answers(GroupResult result);
    void take_headers();
    void pass_over(std::string reason, ErrorCode code);
    void finish(Result<std::vector<evm::Header>> result);

    Dispatcher& dispatcher_;
    std::vector<uint64_t> block_nums_;  ///< the last is the given block's
    evm::BlockId end_;
    Done done_;
    std::shared_ptr<WaitTicket> ticket_;
    ProviderSet asked_;
    size_t provider_ = 0;                              ///< who is asked now
    std::vector<std::optional<evm::Header>> headers_;  ///< of this one
    std::map<size_t, std::string> reasons_;
    std::optional<ErrorCode> code_;  ///< why it failed: kReorg before kUnavailable before kNotFound
};

}  // namespace plumbline::rpc
