// Proven headers of a range, where not every number has a block: from the top downwards, each by
// the parent hash of the one above it. What is not among the headers that come by number is asked
// for by its hash. So a gap is proven by the block below it, whose hash covers its number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "rpc/checked_job.hpp"
#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// Keeps itself alive through the callbacks that it hands out. One thread.
class LinkedJob final : public std::enable_shared_from_this<LinkedJob> {
  public:
    /// Ascending, one header for each number. Errors as of `ChainSource::get_linked_headers`.
    using Done = std::function<void(Result<std::vector<evm::Header>>)>;
    LinkedJob(Dispatcher& dispatcher, ProofMemory& memory, evm::BlockRange range,
              evm::Hash top_hash, Done done);
    void start();

  private:
    void on_headers(GroupResult result);
    void walk();
    void ask_by_hash();
    void finish(Result<std::vector<evm::Header>> result);

    Dispatcher& dispatcher_;
    ProofMemory& memory_;
    evm::BlockRange range_;
    Done done_;
    std::unordered_map<evm::Hash, evm::Header, evm::FixedBytesHash> known_;  ///< they hash so
    evm::Hash wanted_;              ///< of the next header downwards
    std::vector<evm::Header> out_;  ///< descending, from the range's end on
};

}  // namespace plumbline::rpc
