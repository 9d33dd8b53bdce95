// Facts of contract calls against the storage that their block's state root commits to, where the
// config says in which slots the contract keeps what it answers: what no node can lie about.
// Whether the function reads these slots there is another question, which no proof answers: not
// every contract at which a function is asked has one layout, nor a proxy before and after an
// upgrade.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "rpc/chain_source.hpp"
#include "storage/call_fact.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

/// A fact that storage contradicts, if the function reads the slots there.
struct StorageDifference {
    storage::CallFact fact;
    storage::CallFact proven;  ///< with the words that storage holds
    std::string evidence;      ///< for people: which slot, against which block
};

struct StorageVerdict {
    uint64_t proven = 0;  ///< facts that are as storage says
    std::vector<StorageDifference> differing;
    std::vector<storage::CallFact> open;  ///< those that storage says nothing of
};

/// One run's. One thread; all references must outlive it.
class CallStorageProver {
  public:
    CallStorageProver(rpc::ChainSource& source, const storage::ReadView& view,
                      std::span<const CallStorage> storage,
                      const std::function<bool()>& is_cancelled);
    CallStorageProver(const CallStorageProver&) = delete;
    CallStorageProver& operator=(const CallStorageProver&) = delete;

    /// Waits for headers and proofs. What cannot be proven (no slots, no state, another outcome
    /// than an answer or none, a header that does not hash) is among `open`. An error means that
    /// the database could not be read, or kCancelled.
    [[nodiscard]] Result<StorageVerdict> prove(std::vector<storage::CallFact> facts);

  private:
    struct Question;
    [[nodiscard]] const CallStorage* find(const storage::CallFact& fact) const;
    [[nodiscard]] Status ask_headers(std::vector<Question>& questions);
    [[nodiscard]] Status ask_proofs(std::vector<Question>& questions);
    [[nodiscard]] Status wait(const size_t& open);
    void judge(const Question& question, size_t at, StorageVerdict& out);

    rpc::ChainSource& source_;
    const storage::ReadView& view_;
    std::span<const CallStorage> storage_;
    const std::function<bool()>& is_cancelled_;
};

}  // namespace plumbline::engine
