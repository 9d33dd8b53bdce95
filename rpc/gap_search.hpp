// Whether a number that an endpoint has no block for is a gap of the chain, or a block that it
// lacks: it is a gap where the endpoint has a later block whose parent is one below the number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/evm/block_gap.hpp"
#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// Asks one endpoint, at most about 1,400 numbers upwards from the one in question:
///
///   1. The headers of the numbers above, a few at a time, up to the endpoint's head, until one has
///      a block.
///   2. That block's parent, by its hash.
///
/// What the endpoint answers for a gap is learnt on the way. Keeps itself alive through the
/// callbacks that it hands out. One thread.
class GapSearch final : public std::enable_shared_from_this<GapSearch> {
  public:
    /// Empty: not proven to be a gap. Called once, from the dispatcher's `poll`.
    using Done = std::function<void(std::optional<evm::BlockGap>)>;
    GapSearch(Dispatcher& dispatcher, size_t provider, uint64_t block_num, Done done);
    void start();

  private:
    void ask_head();
    void ask_above();
    void on_above(GroupResult result);
    void ask_parent(const evm::Header& next);
    void on_parent(const GroupResult& result, uint64_t next);
    void learn();

    Dispatcher& dispatcher_;
    size_t provider_;
    uint64_t block_num_;
    Done done_;
    uint64_t from_;  ///< of the next window
    uint64_t window_;
    uint64_t head_ = 0;  ///< as it was told for this search
    bool is_head_asked_ = false;
    std::optional<RpcError> said_;  ///< for the number in question; empty: null
};

/// The numbers of `gap` that have no header yet get a gap's.
void fill_gap(const evm::BlockGap& gap, std::span<const uint64_t> block_nums,
              std::vector<std::optional<evm::Header>>& headers);

/// Gaps that answered headers prove by themselves. `headers`: of ascending `block_nums`, empty
/// where there was no block. Where all numbers between two neighbouring blocks were asked for and
/// the upper one is the lower one's child, they get a gap's header.
void fill_linked_gaps(std::span<const uint64_t> block_nums,
                      std::vector<std::optional<evm::Header>>& headers);

}  // namespace plumbline::rpc
