// What one `CallAsker::ask` has still to ask and what it knows. Internal to engine/calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/calls/call_asker.hpp"

namespace plumbline::engine {

/// What is still to be asked, and what is known by now. All of them are in exactly one of `open`,
/// `alone`, `held`, `lacking`, `by_num`, `doubtful`, `unsure`, `second`, `out` and `facts`, but for
/// those that `error` tells of.
struct CallAsker::Job {
    /// What somebody says that a node says as well which cannot answer.
    struct Word {
        storage::CallOutcome outcome;  ///< kNothing, kReverted or kOutOfGas
        std::string teller;
    };
    struct Item {
        CallQuestion question;
        rpc::StateBlock state;  ///< which is asked
        storage::CallPin pin = storage::CallPin::kHash;
        /// The program ran, and this was the end of it: kNothing or kReverted.
        std::optional<storage::CallOutcome> seen = {};
        std::vector<Word> words = {};
        size_t words_wanted = 2;        ///< before it is looked into whose word counts
        size_t next_other = 0;          ///< which provider is asked about it next
        std::string why_others = {};    ///< what somebody else said, who refused it
        bool is_asked_by_name = false;  ///< for that
        bool is_tried_by_num = false;   ///< after somebody refused it by hash
        /// Asked alone to tell whether the state of `lacking` is away, as was said to this form.
        std::optional<ProgramForm> doubts_form = {};

        /// By its block's number, else by its hash.
        void ask_by(bool by_num) {
            state.by_num = by_num;
            if (pin != storage::CallPin::kHead) {
                pin = by_num ? storage::CallPin::kNumber : storage::CallPin::kHash;
            }
        }
    };
    struct Chunk {
        std::vector<Item> items;
    };
    std::vector<Item> open;
    std::vector<Item> alone;  ///< not by a program
    std::vector<Item> held;   ///< until one has shown whether hashes are taken
    /// Whose state is not there, as was said to a program: in words that may mean the program.
    std::vector<Item> lacking;
    std::vector<Item> by_num;    ///< those that nobody takes by hash
    std::vector<Item> doubtful;  ///< refused by hash and by number
    std::vector<Item> unsure;    ///< of which there are `words`
    std::vector<Item> second;    ///< of these: who is asked now
    /// By provider and block: whether it ran a call that has an answer on every chain.
    std::map<std::pair<std::string, uint64_t>, bool> controls;
    std::string why_doubtful;
    unsigned refused_for_good = 0;          ///< calls, in words that say so of all
    std::optional<size_t> asked_by_name;    ///< whom the doubtful were asked of last
    size_t next_provider = 0;               ///< who is asked about them next
    unsigned times_asked = 0;               ///< the one that is asked by name
    std::map<uint64_t, evm::Hash> headers;  ///< of the blocks that are asked by number
    bool is_told_by_num = false;            ///< a call that was refused by hash
    unsigned hash_trials = 0;               ///< asks of one call, of which `held` waits for the end
    std::vector<Chunk> out;
    bool is_trial = false;  ///< of programs, which others wait for
    std::vector<storage::CallFact> facts;
    std::optional<Error> error;  ///< why some have no answer
    Done done;
    std::optional<size_t> provider;

    void settle(const Item& item, storage::CallOutcome outcome, ByteView data, std::string teller);
    /// The program saw the same, or it is one more word about the item.
    void weigh(const Item& item, storage::CallOutcome outcome, std::string teller);
    [[nodiscard]] bool is_doubted() const;
    /// One of `lacking` was asked alone, and `told` so. Whoever takes no program may say that there
    /// is no state in such words; what is said to a plain call counts.
    void judge_lacking(rpc::CallResult::Kind told, ProgramForm doubted, ProgramTrial& trial);
    /// Nothing more can be asked.
    void fail(Error why) {
        error = std::move(why);
        finish();
    }
    void finish() {
        if (facts.empty() && error) {
            done(*std::move(error));
        } else {
            done(std::move(facts));
        }
    }
};

/// The call by itself, as everybody asks it.
[[nodiscard]] rpc::CallRequest call_alone(const storage::CallKey& call,
                                          const rpc::StateBlock& state);

}  // namespace plumbline::engine
