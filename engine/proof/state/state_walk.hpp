// Settles questions to a getter with few calls: digests over buckets first, smaller buckets where
// they differ, down to the keys. A state machine without a network: it says what to send and is
// told what came back, so it can be paused, retried and tested.
//
//   StateWalk walk{getter, questions, leaves, StateForm::kOverride, {}};
//   while (const auto call = walk.next()) {
//       send eth_call(state_call_params(*call, block));
//       an answer:               walk.accept(bytes)
//       refused (gas, too big):  walk.refuse()        not for rate limits and outages: send again
//   }
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "engine/proof/state/state_program.hpp"

namespace plumbline::engine {

/// What an endpoint takes. The defaults pass everywhere we know of.
struct StateLimits {
    size_t body_bytes = 900'000;     ///< of the request
    size_t answer_bytes = 24'576;    ///< what code may have (EIP-170)
    size_t initcode_bytes = 49'152;  ///< EIP-3860; kCreate only
    uint64_t gas = 25'000'000;       ///< of each call
    uint32_t bucket = 128;           ///< keys a digest, at first
    uint32_t key_gas = 5'000'000;    ///< what one question may use
    uint16_t byte_gas = 0;           ///< 0: the form's default
};

/// A key for which the contract tells something else than the leaf said.
struct StateMismatch {
    uint32_t question = 0;
    LeafStatus status = LeafStatus::kAnswered;  ///< what it told; kAnswered: other values
};

/// One thread.
class StateWalk {
  public:
    /// `leaves` has the expected leaf of each question.
    StateWalk(StateGetter getter, StateQuestions questions, std::vector<evm::Hash> leaves,
              StateForm form, const StateLimits& limits);

    /// The next call; empty when all is settled. Asked again without an answer: the same call.
    [[nodiscard]] std::optional<StateCall> next();
    /// Takes the answer to the call that `next` gave. kDecode leaves all as it was: refuse, ask
    /// again or give up.
    [[nodiscard]] Status accept(ByteView answer);
    /// The endpoint would not run the last call: from now on calls ask for half as much. A single
    /// key that is refused goes to `unsettled`.
    void refuse();

    /// The contract's address has no code at that block: nothing was compared.
    [[nodiscard]] bool no_code() const noexcept { return no_code_; }
    /// In the order they were found.
    [[nodiscard]] const std::vector<StateMismatch>& mismatches() const noexcept {
        return mismatches_;
    }
    /// Keys that no call could tell about: to be asked one by one.
    [[nodiscard]] const std::vector<uint32_t>& unsettled() const noexcept { return unsettled_; }
    /// How many keys were compared and found equal.
    [[nodiscard]] size_t equal() const noexcept { return equal_; }
    [[nodiscard]] size_t calls() const noexcept { return calls_; }
    /// What a key of the dearest bucket of the last answer cost, with some room.
    [[nodiscard]] uint64_t gas_a_key() const noexcept { return gas_a_key_; }

    [[nodiscard]] const StateGetter& getter() const noexcept { return getter_; }
    [[nodiscard]] const StateQuestions& questions() const noexcept { return questions_; }
    [[nodiscard]] const std::vector<evm::Hash>& leaves() const noexcept { return leaves_; }

  private:
    struct Work {
        std::vector<uint32_t> keys;
        size_t first = 0;  ///< those before are done
        uint32_t bucket = 1;
    };
    void plan_descent();
    [[nodiscard]] size_t count_that_fits(const StatePacking& packing, size_t left,
                                         uint32_t bucket) const;
    void settle(uint32_t key, const evm::Hash& digest);
    void advance(size_t count);
    void split_first_bucket();

    StateGetter getter_;
    StateQuestions questions_;
    std::vector<evm::Hash> leaves_;
    StateForm form_;
    StateLimits limits_;

    std::deque<Work> work_;
    std::vector<uint32_t> differing_;  ///< keys of buckets that differ, for the next descent
    uint32_t differing_bucket_ = 0;    ///< the largest such bucket
    uint32_t asked_ = 0;               ///< keys in the call under way; 0: none
    uint32_t asked_bucket_ = 0;
    uint64_t gas_a_key_ = 8'000;  ///< a guess until the first answer
    size_t keys_max_ = SIZE_MAX;  ///< learnt from refusals
    size_t accepted_ = 0;         ///< answers since the last refusal
    size_t equal_ = 0;
    size_t calls_ = 0;
    bool no_code_ = false;
    std::vector<StateMismatch> mismatches_;
    std::vector<uint32_t> unsettled_;
};

}  // namespace plumbline::engine
