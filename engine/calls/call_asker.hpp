// Asks the chain what contract calls answer.
//
//   1. Calls with state = "head" whose block is final are asked of the newest final block, all
//      others of the state after their own block, by its hash.
//   2. Those of one block go together, in one eth_call that runs a program (call_program.hpp);
//      requests for many blocks go in JSON-RPC batches, as large as the provider takes.
//      Whether anybody runs it is found out with one request (program_trial.hpp).
//   3. What the program did not get to goes into the next one. What failed there for want of gas is
//      asked by itself, and so is everything where nobody runs the program.
//      So is what reverted there or answered nothing.
//   4. Where nobody takes a block's hash, the calls are asked by number, between two looks at the
//      header.
//
//   5. What is refused all the same is asked of each provider in turn. One that refuses it and runs
//      something else says that the contract fails.
//   6. That a call answers nothing, reverts or runs out of gas is believed where the program saw it
//      too. Where not, another provider is asked as well, and the word counts of who has an answer,
//      at that block, to a call that has one on every chain: a node that has lost the state, or
//      runs nothing, may say all three of everything.
//
// A revert is an answer. State that nobody has any more is none, and never counts as a revert.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/callback_guard.hpp"
#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/calls/program_trial.hpp"
#include "rpc/chain_source.hpp"
#include "storage/call_fact.hpp"

namespace plumbline::engine {

struct CallQuestion {
    evm::BlockId block;  ///< of the log that names the call
    storage::CallKey call;
    bool is_once = false;
    bool at_head = false;
    /// The state of this block is asked for, and no other; with `at_head` none before it.
    std::optional<evm::BlockId> asked = {};
};

/// One thread: that which polls the source.
class CallAsker {
  public:
    using Done = std::function<void(Result<std::vector<storage::CallFact>>)>;

    /// `source` must outlive it. Without a `finalized` tag, and where `depth` is set, what lies
    /// `depth` (else `fallback`) blocks below the head is final.
    CallAsker(rpc::ChainSource& source, std::optional<uint64_t> depth, uint64_t fallback)
        : source_{source},
          depth_{depth},
          fallback_{fallback} {}
    CallAsker(const CallAsker&) = delete;
    CallAsker& operator=(const CallAsker&) = delete;
    ~CallAsker() = default;

    /// A few calls refused in words that say so of all, and none answered, end an ask: for who has
    /// others to ask, or nothing to wait for.
    void end_on_refusals() { ends_on_refusals_ = true; }

    /// Facts for the questions that were answered, in no promised order; where none was, the error:
    /// kNotFound: nobody has the state (any more, or not the block). kUnavailable: nobody runs the
    /// call. kReorg: the block is another one. `done` runs inside the source's
    /// `poll`, once, unless `cancel` comes first. Where `provider` is set nobody else is asked.
    void ask(std::vector<CallQuestion> questions, Done done,
             std::optional<size_t> provider = std::nullopt);
    /// Nobody waits for what was asked any more.
    void cancel();

  private:
    struct Job;
    using JobPtr = std::shared_ptr<Job>;
    struct Programs {
        ProgramTrial trial;
        std::vector<JobPtr> waiting;  ///< until the trial that is out has ended
    };

    void ask_head(const JobPtr& job);
    void ask_next(const JobPtr& job);
    void ask_programs(const JobPtr& job, ProgramTrial& trial);
    void take_programs(const JobPtr& job, ProgramForm form, std::vector<rpc::CallResult> results);
    void end_trial(const JobPtr& job);
    void ask_alone(const JobPtr& job);
    void take_alone(const JobPtr& job, std::vector<rpc::CallResult> results);
    void look_at_headers(const JobPtr& job, bool is_after);
    [[nodiscard]] bool asks_by_num() const noexcept;
    void note_by_num();

    // What is refused, and what fails: call_doubts.cpp
    void ask_by_name(const JobPtr& job);
    void ask_doubtful(const JobPtr& job);
    void probe(const JobPtr& job);
    void ask_about_unsure(const JobPtr& job);
    bool ask_second(const JobPtr& job);
    void take_second_words(const JobPtr& job, size_t provider,
                           const std::vector<rpc::CallResult>& results);
    bool ask_controls(const JobPtr& job);
    void judge_unsure(const JobPtr& job);

    rpc::ChainSource& source_;
    std::optional<uint64_t> depth_;
    uint64_t fallback_;
    bool ends_on_refusals_ = false;
    /// By whom is asked; empty: of whoever answers.
    std::map<std::optional<size_t>, Programs> programs_;
    /// Somebody has answered by a block's hash: what is refused then is not asked by number, for
    /// the backends behind one provider may be on two branches.
    bool takes_hashes_ = false;
    /// Asks that nobody answered by hash, and somebody by number.
    unsigned asks_by_num_ = 0;
    CallbackGuard answers_;  ///< last, so that it ends first
};

}  // namespace plumbline::engine
