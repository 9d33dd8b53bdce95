#include "engine/config/memory_plan.hpp"

#include <algorithm>

namespace plumbline::engine {

namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kKiB = size_t{1} << 10;

/// What a small index takes: pages of the binary and of libraries, stacks, what these make at
/// start. Measured.
constexpr size_t kAtRest = 53 * kMiB;
/// What a second database takes that a proof folds into.
constexpr size_t kSecondDatabase = 6 * kMiB;
/// Of a thousand parts of the rest, what the heap loses between blocks in use.
constexpr size_t kSlackParts = 120;

/// A share: parts of a thousand by use, and within which bounds.
struct Share {
    size_t MemoryPlan::*bytes;
    size_t service_parts;
    size_t fold_parts;
    size_t proof_parts;
    size_t least;
    size_t most;
};

// A commit of following is there three times: as logs that were fetched, as rows, and as the batch
// of the one before. A fold of the whole log has the fold's cache to itself, and of what is changed
// in it a half becomes a batch at a time. A service has reserves beside a backfill: proofs and
// questions about the past fold on their own, clients take answers.
constexpr Share kShares[] = {
    {&MemoryPlan::storage, 330, 340, 250, 4 * kMiB, SIZE_MAX},
    {&MemoryPlan::bodies, 55, 0, 55, 1 * kMiB, 64 * kMiB},
    {&MemoryPlan::ahead, 40, 0, 0, 1 * kMiB, 64 * kMiB},
    {&MemoryPlan::queue, 30, 0, 0, 1 * kMiB, 64 * kMiB},
    {&MemoryPlan::commit, 45, 0, 0, 1 * kMiB, 32 * kMiB},
    {&MemoryPlan::fold_cache, 200, 300, 250, 1 * kMiB, SIZE_MAX},
    {&MemoryPlan::refold_commit, 90, 140, 110, 1 * kMiB, 256 * kMiB},
    {&MemoryPlan::scratch_storage, 60, 0, 200, 2 * kMiB, SIZE_MAX},
    {&MemoryPlan::scratch_cache, 50, 0, 250, 1 * kMiB, SIZE_MAX},
    {&MemoryPlan::sql, 30, 0, 0, 2 * kMiB, 64 * kMiB},
    {&MemoryPlan::filters, 20, 0, 0, 1 * kMiB, 128 * kMiB},
    {&MemoryPlan::answers, 40, 0, 0, 1 * kMiB, 256 * kMiB},
    {&MemoryPlan::stream_ring, 20, 0, 0, 1 * kMiB, 32 * kMiB},
    {&MemoryPlan::stream_waiting, 10, 0, 0, 512 * kKiB, 16 * kMiB},
};

}  // namespace

MemoryPlan plan_memory(uint64_t memory_mib, MemoryUse use) {
    const size_t all = static_cast<size_t>(memory_mib) * kMiB;
    const size_t at_rest = kAtRest + (use == MemoryUse::kProof ? kSecondDatabase : 0);
    const size_t rest = all > at_rest ? all - at_rest : 0;
    const size_t usable = rest / 1000 * (1000 - kSlackParts);
    MemoryPlan out;
    for (const Share& share : kShares) {
        const size_t parts = use == MemoryUse::kService ? share.service_parts
                             : use == MemoryUse::kFold  ? share.fold_parts
                                                        : share.proof_parts;
        out.*share.bytes = std::clamp(usable / 1000 * parts, share.least, share.most);
    }
    // One answer may be a whole block's, which cannot be asked for in parts cheaply: the others
    // wait.
    out.body_max = std::clamp(all / 4, 4 * kMiB, 64 * kMiB);
    out.resident_mark = all / 100 * 90;
    return out;
}

}  // namespace plumbline::engine
