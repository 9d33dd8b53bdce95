// One get_heads question: every provider that can be asked is probed, and the highest head that can
// be believed is the answer. A head far above all that is known must be shown: who tells it is
// asked for that block, because nobody could ever fetch up to a head that is not there, however
// many honest providers stand beside.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rpc/dispatcher.hpp"

namespace plumbline::rpc {

/// A head so far above all others is not believed while others are there to compare.
inline constexpr uint64_t kHeadOutlierBlocks = 256;

/// A head so far above the others of the same moment must be shown; those of honest providers
/// differ by what the network takes to carry a block.
inline constexpr uint64_t kHeadLeadBlocks = 16;

/// What a provider told of its heads.
struct ToldHeads {
    size_t provider = 0;
    Heads heads;
};

/// Which of `told` (at least one) is to be believed: the place of the highest. Of two heads that
/// are far apart nobody can say which is wrong, so one is passed over only while two lower ones are
/// left.
[[nodiscard]] size_t find_believed(const std::vector<ToldHeads>& told);

/// The block above which the provider of `told[best]` has to show one, or nullopt where it is
/// believed as it is. `shown`: the highest head that was ever shown to the pool, 0 at first.
[[nodiscard]] std::optional<uint64_t> must_show_above(const std::vector<ToldHeads>& told,
                                                      size_t best, uint64_t shown);

/// What is final by `told[best]` and those near its head: the second highest of what they call so,
/// where two tell it. Nothing undoes finality, so it is not had on the word of one.
[[nodiscard]] std::optional<evm::Header> agreed_finality(const std::vector<ToldHeads>& told,
                                                         size_t best);

/// The highest head but that of `told[best]`, of those near it; empty where there is none.
[[nodiscard]] std::optional<uint64_t> second_head(const std::vector<ToldHeads>& told, size_t best);

/// Keeps itself alive through the callbacks it hands out. One thread.
class HeadsJob final : public std::enable_shared_from_this<HeadsJob> {
  public:
    /// Called once, from `Dispatcher::poll`. kUnavailable: nobody told a head. kIncompatible: every
    /// endpoint serves another chain, so that waiting does not help.
    using Done = std::function<void(Result<Heads>)>;
    HeadsJob(Dispatcher& dispatcher, Done done);
    void start();

  private:
    void probe(size_t provider);
    void on_head(size_t provider, GroupResult result);
    void choose();
    void choose_next();
    void ask_to_show(size_t best, uint64_t above);
    void on_shown(size_t best, uint64_t above, const GroupResult& result);
    void finish(size_t best);
    void fail(std::string text);

    Dispatcher& dispatcher_;
    Done done_;
    std::shared_ptr<WaitTicket> ticket_;  ///< closed once it is answered
    std::vector<ToldHeads> told_;
    std::vector<std::string> reasons_;  ///< of those that told none
    /// They called final what is above their head, as two backends of one address do when one of
    /// them is behind.
    ProviderSet asked_again_;
    size_t open_ = 0;            ///< probes on their way
    uint64_t shows_ = 0;         ///< questions for a block to show, and their ends
    uint64_t asked_num_ = 0;     ///< by the one that is open
    bool has_deadline_ = false;  ///< the first head came: slower ones have a little while left
    bool is_choosing_ = false;   ///< late probes and the deadline find the choice begun
    bool is_over_ = false;       ///< answered
};

}  // namespace plumbline::rpc
