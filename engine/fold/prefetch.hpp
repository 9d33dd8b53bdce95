// Works out ahead what coming events need: decodes them, makes the keys of their rows, and asks
// memory for those rows step by step, so that the fold does not wait for each of them in turn.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/evm/abi_decode.hpp"
#include "core/evm/log.hpp"
#include "engine/fold/entity_cache.hpp"
#include "engine/fold/handler_runner.hpp"
#include "engine/mapping/compiled_plan.hpp"
#include "engine/mapping/source_map.hpp"

namespace plumbline::engine {

struct PredecodedEvent {
    const evm::Log* log = nullptr;
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    evm::Hash block_hash;
    const PlanEvent* event = nullptr;  ///< null: nothing was worked out
    evm::AbiError error = evm::AbiError::kNone;
    evm::DecodedEvent decoded;
    ForeseenKeys keys;
};

/// One thread. Only ever saves time: what it says is what the event itself would give.
class EventPrefetcher {
  public:
    EventPrefetcher(const CompiledPlan& plan, const SourceMap& map, HandlerRunner& runner,
                    EntityCache& cache)
        : plan_{plan},
          map_{map},
          runner_{runner},
          cache_{cache} {}

    /// `logs.logs[next]` and those behind it come next. They must stay where they are until they
    /// were applied or `clear` was called.
    void look_ahead(const evm::LogBatch& logs, size_t next);
    /// What was worked out of `log` as `event`; null where nothing was.
    [[nodiscard]] const PredecodedEvent* find(const evm::Log& log,
                                              const PlanEvent& event) const noexcept;
    void clear() noexcept;

  private:
    static constexpr size_t kSlots = 8;  ///< more than the largest distance
    void work_out(const evm::LogBatch& logs, size_t at);
    template <typename Hint>
    void for_keys(const evm::LogBatch& logs, size_t at, Hint hint) const;

    const CompiledPlan& plan_;
    const SourceMap& map_;
    HandlerRunner& runner_;
    EntityCache& cache_;
    const evm::LogBatch* batch_ = nullptr;
    size_t next_ = 0;  ///< in `batch_`
    std::array<PredecodedEvent, kSlots> slots_;
};

}  // namespace plumbline::engine
