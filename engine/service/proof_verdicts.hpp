// What the newest proofs found, and what could not be proven, as the service says it; and whether
// there is anything left to prove.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/ingest/indexer.hpp"
#include "engine/proof/log/log_proof_known.hpp"
#include "engine/service/task_ear.hpp"
#include "engine/task/work_queue.hpp"
#include "storage/records.hpp"

namespace plumbline::engine {

/// The network thread's. What is given must outlive it.
class ProofVerdicts {
  public:
    ProofVerdicts(const Indexer& indexer, const TaskEar& ear) : indexer_{indexer}, ear_{ear} {}

    /// Every few seconds, for they change seldom; a call in between does nothing. `queue` is null
    /// where there is none, and then no repair is under way.
    void read(const WorkQueue* queue, int64_t now_ms);

    /// What is wrong, for people, each with what is to be done about it.
    [[nodiscard]] const std::vector<std::string>& found() const noexcept { return found_; }
    /// What could not be proven, and why.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }
    /// As `ServiceStatus::mismatches`.
    [[nodiscard]] const std::vector<std::pair<std::string, uint64_t>>& mismatches() const noexcept {
        return mismatches_;
    }
    /// The best level, and through which block; empty and 0 where nothing is proven.
    [[nodiscard]] const std::pair<std::string, uint64_t>& proven() const noexcept {
        return proven_;
    }

    /// There are final blocks that are neither proven nor known to be in vain. Looking reads the
    /// database; where it was in vain, it is not done again at once.
    [[nodiscard]] bool has_to_prove();

  private:
    using Records = std::vector<storage::ProofRecord>;

    [[nodiscard]] std::string advice(const storage::ProofRecord& record, const Records& records,
                                     const WorkQueue* queue) const;
    [[nodiscard]] std::string drift_advice(const storage::ProofRecord& record,
                                           const Records& records, const WorkQueue* queue) const;
    [[nodiscard]] bool has_open_blocks() const;
    void read_proven();
    void add_notes(const KnownRanges& known);
    void add_notes(const Records& records);

    const Indexer& indexer_;
    const TaskEar& ear_;
    int64_t next_read_ms_ = 0;
    int64_t next_to_prove_ms_ = 0;  ///< when it is looked again whether there is anything
    std::vector<std::string> found_;
    std::vector<std::string> notes_;
    std::vector<std::pair<std::string, uint64_t>> mismatches_{
        {"log", 0}, {"replay", 0}, {"state", 0}, {"calls", 0}};
    std::pair<std::string, uint64_t> proven_;
};

}  // namespace plumbline::engine
