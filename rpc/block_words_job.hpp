// One get_block_words question: every provider that can be asked says which block has a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// Keeps itself alive through the callbacks it hands out. One thread.
class BlockWordsJob final : public std::enable_shared_from_this<BlockWordsJob> {
  public:
    /// Called once, from `Dispatcher::poll`. kUnavailable: nobody answered.
    using Done = std::function<void(Result<std::vector<BlockWord>>)>;
    BlockWordsJob(Dispatcher& dispatcher, uint64_t block_num, Done done);
    void start();

  private:
    void ask(size_t provider);
    void on_answer(size_t provider, const GroupResult& result);
    void finish();

    Dispatcher& dispatcher_;
    uint64_t block_num_;
    Done done_;
    std::vector<BlockWord> words_;
    std::string reasons_;  ///< of those that did not answer
    size_t open_ = 0;
};

}  // namespace plumbline::rpc
