#include "engine/ingest/ingest_options.hpp"

#include "engine/config/memory_plan.hpp"

namespace plumbline::engine {

void share_memory(uint64_t memory_mib, IngestOptions& options) {
    const MemoryPlan plan = plan_memory(memory_mib, MemoryUse::kService);
    options.ahead_bytes_max = plan.ahead;
    options.queue_bytes_max = plan.queue;
    options.commit_bytes_max = plan.commit;
    options.fold_cache_bytes = plan.fold_cache;
    options.resident_mark = plan.resident_mark;
}

}  // namespace plumbline::engine
