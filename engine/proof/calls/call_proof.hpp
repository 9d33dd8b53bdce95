// Facts of contract calls against the chain. Where the config says in which slots a contract keeps
// what it answers, the block's state root proves it (call_storage_proof.hpp); what storage holds
// counts against a stored answer only where some provider answers that as well, for the slots may
// not be what the function reads. All others are asked again, of another provider than the one that
// told them where there is one. Nothing but another word proves such an answer: where two providers
// differ all others are asked, and what most of them say counts. Who answers from another block
// than it is asked about (block_look.hpp) is not asked. A fact of the head is asked of the newest
// final block, never of one before its own; one that has changed since is nobody's lie.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/mapping/plan.hpp"
#include "engine/proof/finding.hpp"
#include "rpc/chain_source.hpp"
#include "storage/call_fact.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

struct CallProofOptions {
    uint64_t from = 0;
    uint64_t to = UINT64_MAX;
    /// Which part of the facts is asked about, evenly spread by their keys and the same each time;
    /// empty: as much as makes about 1,000, and all others of who had told one of these wrong.
    std::optional<double> sample;
    std::span<const CallStorage> storage;  ///< Plan::call_storage
    /// What is final, as the index itself has it (IngestOptions).
    std::optional<uint64_t> finality_depth;
    uint64_t finality_depth_fallback = 0;
    std::function<bool()> is_cancelled;
    std::function<void(uint64_t done)> on_progress;
};

struct CallOutcomeReport {
    uint64_t checked = 0;   ///< proven by storage, or asked again and answered
    uint64_t proven = 0;    ///< of `checked`: by storage, whoever told them
    uint64_t skipped = 0;   ///< not in the sample
    bool is_whole = false;  ///< all facts of all blocks were to be asked about
    uint64_t by_same = 0;   ///< of `checked`: nobody else than who told it could be asked
    uint64_t open = 0;      ///< to be asked about, and nobody answers whose word counts
    Findings findings;      ///< kCallDiffers
    std::vector<storage::CallFact> right;  ///< what most say, for findings that are settled
    std::vector<std::string> unproven;     ///< what could not be asked, and why
    std::vector<std::string> disputed;     ///< of `open`: storage against the word of its teller
    /// Where `slots` of the config are not what the function reads: all who were asked say what is
    /// stored. So many facts, of `checked`; a sentence of some.
    uint64_t slots_elsewhere = 0;
    std::vector<std::string> elsewhere;
    std::vector<std::string> off_block;  ///< a sentence of each that was not asked, others were
};

/// Waits for answers. An error means that the database could not be read, or kCancelled.
[[nodiscard]] Result<CallOutcomeReport> prove_calls(rpc::ChainSource& source,
                                                    const storage::ReadView& view,
                                                    const CallProofOptions& options);

}  // namespace plumbline::engine
