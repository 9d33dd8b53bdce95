// Questions whose answers can be proven: each is put to one provider after the other until one
// gives the answer that passes its check. Who gave what does not hash to what it should, where
// another's did, lied; who is on another branch, or gave too little, did not.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rpc/dispatcher.hpp"
#include "rpc/provider_set.hpp"

namespace plumbline::rpc {

/// What the jobs of one pool remember of its providers.
struct ProofMemory {
    /// Those without eth_getBlockReceipts, or that refuse it in other words and give receipts one
    /// by one.
    ProviderSet no_block_receipts;
    /// Those that know neither method are not asked for receipts until then (monotonic ms).
    std::map<size_t, int64_t> no_receipts_until_ms;
    bool has_gaps = false;  ///< not every number of the chain has a block
};

struct CheckedAnswer {
    std::vector<Answer> answers;
    std::string provider;
    size_t received_bytes = 0;
    size_t provider_index = 0;
};

struct CheckedItem {
    std::string what;  ///< for messages: "receipts of block 5"
    std::vector<Call> calls;
    /// What passes `check` is proven by a hash, so that who fails it by one (kIncompatible) lied.
    bool is_proof = true;
    /// `check` gets nulls too. Else who answers null has no such thing.
    bool reads_nulls = false;
    /// There is another way to ask for it: where one has no such thing this way it is kNotFound,
    /// whatever came, or did not, of others.
    bool has_another_way = false;
    /// Why the answers (all of them values, see `reads_nulls`) cannot be right. May correct them.
    /// kNotFound: they say that there is none. kUnavailable: who gave them cannot know yet, and is
    /// asked again; where others know, nobody waits for it.
    std::function<std::optional<Error>(std::vector<Answer>& answers)> check;
};

/// Keeps itself alive through the callbacks it hands out. One thread.
class CheckedJob final : public std::enable_shared_from_this<CheckedJob> {
  public:
    /// One result for each item, in order. kNotFound: nobody has it. kInvalidArgument: all have no
    /// method for it. kIncompatible, kReorg: as the check said of all answers. Others: nobody
    /// answered.
    using Done = std::function<void(std::vector<Result<CheckedAnswer>>)>;
    CheckedJob(Dispatcher& dispatcher, ProofMemory& memory, std::vector<CheckedItem> items,
               Done done);
    /// Before `start`: these are asked when no other is left.
    void avoid(ProviderSet providers) { avoid_ = providers; }
    /// Before `start`: it is a part of another question, whose ticket it uses.
    void share(std::shared_ptr<WaitTicket> ticket) {
        ticket_ = std::move(ticket);
        is_shared_ticket_ = ticket_ != nullptr;
    }
    void start();

  private:
    struct Item {
        CheckedItem ask;
        ProviderSet tried_by_txn;  ///< asked for the block's receipts one by one already
        ProviderSet failed;        ///< in this round
        ProviderSet wrong;         ///< their answers did not pass
        ProviderSet unproven;      ///< of these, by a hash or root: they lied, if another's passes
        ProviderSet absent;        ///< they have no such thing
        ProviderSet unaware;       ///< of those that failed: they cannot know yet
        unsigned rounds = 0;
        std::optional<Error> check_error;       ///< of the answer that was wrong last
        std::map<size_t, std::string> reasons;  ///< of each provider, its last one
        std::optional<Result<CheckedAnswer>> result;
    };
    void ask();
    [[nodiscard]] bool lacks_receipts(size_t provider) const;
    [[nodiscard]] bool nobody_has_receipts(const Item& item) const;
    [[nodiscard]] std::optional<size_t> choose(const Item& item) const;
    void ask_provider(size_t provider, std::vector<size_t> items);
    void on_answers(size_t provider, const std::vector<size_t>& items, GroupResult result);
    void take(Item& item, size_t provider, std::vector<Answer> answers, size_t bytes);
    void take_fault(Item& item, size_t provider, Error error);
    void ask_by_txn(size_t item, size_t provider);
    void on_txns(size_t item, size_t provider, const GroupResult& result);
    void on_txn_receipts(size_t item, size_t provider, GroupResult result, size_t bytes);
    void not_answered(Item& item, size_t provider, std::string reason);
    void give_up(Item& item);
    void end_step();
    void send(CallGroup group);

    Dispatcher& dispatcher_;
    ProofMemory& memory_;
    std::vector<Item> items_;
    Done done_;
    std::shared_ptr<WaitTicket> ticket_;
    bool is_shared_ticket_ = false;
    ProviderSet avoid_;
    size_t groups_out_ = 0;  ///< a step ends when all have come back
    bool waiting_ = false;   ///< a task of the dispatcher will take the next step
};

}  // namespace plumbline::rpc
