// One get_heads question: every provider that can be asked is probed, and the highest head that can
// be believed is the answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// A head so far above all others is not believed while others are there to compare.
inline constexpr uint64_t kHeadOutlierBlocks = 256;

/// The highest of `told` (at least one) that is to be believed. Of two heads that are far apart
/// nobody can say which is wrong, so one is passed over only while two lower ones are left.
[[nodiscard]] Heads believed_heads(std::vector<Heads> told);

/// Keeps itself alive through the callbacks it hands out. One thread.
class HeadsJob final : public std::enable_shared_from_this<HeadsJob> {
  public:
    /// Called once, from `Dispatcher::poll`. kUnavailable: nobody told a head. kIncompatible: every
    /// endpoint serves another chain, so that waiting does not help.
    using Done = std::function<void(Result<Heads>)>;
    HeadsJob(Dispatcher& dispatcher, Done done);
    void start();

  private:
    void on_head(size_t provider, GroupResult result);
    void finish();
    void fail(std::string text);

    Dispatcher& dispatcher_;
    Done done_;
    std::shared_ptr<WaitTicket> ticket_;  ///< closed once it is answered
    std::vector<Heads> told_;
    std::vector<std::string> reasons_;  ///< of those that told none
    size_t open_ = 0;                   ///< probes on their way
    bool has_deadline_ = false;  ///< the first head came: slower ones have a little while left
    bool is_over_ = false;       ///< late probes and the deadline find the question answered
};

}  // namespace plumbline::rpc
