// What the proof tasks share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/proof/finding.hpp"
#include "engine/proof/log/log_proof.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "engine/task/finding_memory.hpp"
#include "engine/task/task_observer.hpp"
#include "engine/task/worker.hpp"
#include "rpc/chain_source.hpp"
#include "storage/commit_batch.hpp"

namespace plumbline::engine {

/// That a task's result has of a proof.
inline constexpr size_t kShownFindings = 100;

/// "mismatch" where something was found; else "equal", or "partial" where not all was looked at.
[[nodiscard]] std::string verdict_of(const Findings& findings, bool is_whole);
/// The same; "unprovable" where nothing could be looked at.
[[nodiscard]] std::string verdict_of(const LogProofOutcome& outcome);
[[nodiscard]] std::string verdict_of(const StateOutcome& outcome);
/// Why nobody could be asked about a part of it; empty where somebody was about all.
[[nodiscard]] std::string why_not_looked_at(const StateOutcome& outcome);

/// Says what a proof that has come to its end found: in the log, a few of `told` by name, and to
/// `observer`, which may be null, those that no earlier proof had told: a figure counts a mismatch
/// once.
void announce(TaskObserver* observer, const TaskContext& context, std::string_view proof,
              std::string_view verdict, const Findings& told, const Findings& news);
/// A proof that looks at all again at each run.
struct ProofLook {
    std::string_view proof;  ///< "state", "replay", "calls", "scrub"
    std::string_view part;   ///< what of it was looked at, as the task was told; empty: all
    std::string_view verdict;
    bool is_whole = true;  ///< all of that was looked at, whatever came of it
};
/// The same of such a one: what it had found at its last look at `part` is told to nobody, but that
/// nothing is left of it is. Who could not look takes nothing back.
void announce(TaskObserver* observer, FindingMemory& memory, const TaskContext& context,
              const ProofLook& look, const Findings& findings);

/// Tells the observer, which may be null, what a task waits for of the chain for longer than is
/// good; however the task ends, it waits no longer. The task's thread; both must outlive it.
class ChainWaitTeller {
  public:
    ChainWaitTeller(TaskObserver* observer, const rpc::ChainSource& chain)
        : observer_{observer},
          chain_{chain} {}
    ChainWaitTeller(const ChainWaitTeller&) = delete;
    ChainWaitTeller& operator=(const ChainWaitTeller&) = delete;
    ~ChainWaitTeller();

    /// To be called while it waits. True where the chain has owed an answer for long.
    bool tell();

  private:
    TaskObserver* observer_;
    const rpc::ChainSource& chain_;
};

/// One commit of what `fill` adds: proof levels and records, nothing that is folded. Does nothing
/// while the index holds no block. Waits for the writer thread.
[[nodiscard]] Status write_down(const TaskContext& context,
                                const std::function<Status(storage::CommitBatch&)>& fill);

/// The entities that `args` names; empty: all. kInvalidArgument lists what there is.
[[nodiscard]] Result<std::vector<uint32_t>> named_entities(const TaskContext& context,
                                                           std::string_view args);

/// Now, for records.
[[nodiscard]] uint64_t unix_time_s(const TaskContext& context);

}  // namespace plumbline::engine
