// Headers by number. A number that nobody has a block for is a gap of the chain where one provider
// proves it (gap_search.hpp), and gets a gap's header; else the block is not there. Before that is
// said, how far providers are is asked: of a pool that is asked for little nobody may know since
// hours. And a block that a told head reaches is asked for again, a few times: a provider may stand
// for several backends, of which one that is behind, or has pruned, has answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/evm/block_gap.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/provider_set.hpp"

namespace plumbline::rpc {

/// Keeps itself alive through the callbacks that it hands out. One thread.
class HeadersJob final : public std::enable_shared_from_this<HeadersJob> {
  public:
    /// In the order asked; kNotFound names the first block that is not there.
    using Done = std::function<void(Result<std::vector<evm::Header>>)>;
    HeadersJob(Dispatcher& dispatcher, std::vector<uint64_t> block_nums, Done done);
    void start();

  private:
    void ask();
    void on_answers(GroupResult result);
    void resolve();
    [[nodiscard]] bool ask_again(uint64_t block_num);
    [[nodiscard]] std::optional<size_t> choose(uint64_t block_num) const;
    void on_gap(const std::optional<evm::BlockGap>& gap);
    [[nodiscard]] bool refresh_heads(uint64_t block_num);

    Dispatcher& dispatcher_;
    std::vector<uint64_t> block_nums_;
    Done done_;
    std::vector<std::optional<evm::Header>> headers_;  ///< as many; empty: open
    uint32_t asked_again_ = 0;
    std::string reasons_;  ///< what providers said in place of headers
    ProviderSet asked_;    ///< about the first number that is open
    bool are_heads_fresh_ = false;
    size_t heads_open_ = 0;  ///< providers that are being asked for their head
};

}  // namespace plumbline::rpc
