// Where each call of a group stands. A call waits to be asked, or is out, or has its answer: it is
// in exactly one of the three, and only an answer to what is out, or was, can settle it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rpc/eth_json.hpp"

namespace plumbline::rpc {

/// Calls are named by their index in the group. Breaking a rule below is a broken invariant of the
/// caller and aborts.
class CallLedger {
  public:
    /// All of `calls` calls (at least one) wait, in their order.
    explicit CallLedger(size_t calls);

    [[nodiscard]] const std::vector<size_t>& waiting() const { return waiting_; }
    [[nodiscard]] size_t out_count() const { return out_count_; }
    [[nodiscard]] bool is_out(size_t call) const { return places_.at(call) == Place::kOut; }
    /// Nothing was asked yet, or all has to be asked again.
    [[nodiscard]] bool is_untouched() const { return waiting_.size() == places_.size(); }
    /// Every call has its answer.
    [[nodiscard]] bool is_settled() const { return waiting_.empty() && out_count_ == 0; }

    /// The first calls that wait, at most `count_max` and at least one, go out.
    [[nodiscard]] std::vector<size_t> take(size_t count_max);
    /// `call`, which is out, waits again behind the others.
    void put_back(size_t call);
    /// `call`, which is out, has its answer.
    void settle(size_t call, Answer answer);
    /// `call`, which was out and was put back, is answered after all, whether it is out again or
    /// waits. False where it has its answer already.
    bool settle_late(size_t call, Answer answer);
    /// All calls wait again, in their order; answers are dropped.
    void restart();

    /// The answer of `call` should nobody know better.
    void keep_fallback(size_t call, Answer answer);
    /// Calls that wait and have a fallback are settled by it.
    void settle_by_fallbacks();

    /// The answers of a settled ledger, once.
    [[nodiscard]] std::vector<Answer> take_answers();

  private:
    enum class Place : uint8_t { kWaiting, kOut, kSettled };
    std::vector<Place> places_;
    std::vector<size_t> waiting_;  ///< in the order in which they are asked
    size_t out_count_ = 0;         ///< of `places_` that are kOut: asked for after each response
    std::vector<std::optional<Answer>> answers_;
    std::vector<std::optional<Answer>> fallbacks_;
};

}  // namespace plumbline::rpc
