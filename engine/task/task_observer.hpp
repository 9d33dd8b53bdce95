// What is told of proofs and repairs as tasks run them: for metrics, or whoever else counts.
#pragma once

#include <string_view>

#include "engine/proof/finding.hpp"

namespace plumbline::engine {

/// Called on the worker's thread, before the task's result is written: must be quick and take no
/// part in the outcome. Outlives the tasks that it is given to.
class TaskObserver {
  public:
    TaskObserver() = default;
    TaskObserver(const TaskObserver&) = delete;
    TaskObserver& operator=(const TaskObserver&) = delete;
    virtual ~TaskObserver() = default;

    /// A proof ("log", "state", "replay", "scrub") has come to its end. `verdict`: "equal",
    /// "mismatch", "partial" where something could not be compared, "unprovable" where nothing
    /// could. `findings`: those that no earlier proof had told.
    virtual void on_proof(std::string_view proof, std::string_view verdict,
                          const Findings& findings) = 0;
    /// The task waits for the chain for longer than is good: for what and why. Empty: not any more.
    virtual void on_wait(std::string_view text) { static_cast<void>(text); }
    /// More is wrong with the log than is mended unasked in the life of a process.
    virtual void on_mending_spent() {}
    /// One thing is about to be mended; `kind` as the journal has it.
    virtual void on_repair(std::string_view kind) = 0;
};

}  // namespace plumbline::engine
