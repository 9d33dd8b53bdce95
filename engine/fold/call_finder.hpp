// Which contract calls the handlers of a log use: worked out before the log is folded, from the log
// and what is known already.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/log.hpp"
#include "engine/calls/call_asker.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/fold.hpp"
#include "engine/fold/handler_runner.hpp"
#include "engine/mapping/plan.hpp"

namespace plumbline::engine {

/// `need` of a log of `block`, as it is asked.
[[nodiscard]] inline CallQuestion question_of(NeededCall need, const evm::BlockId& block) {
    return {block, std::move(need.key), need.call->is_once, need.call->at_head, {}};
}

/// One thread; keeps its buffers. `plan` must outlive it.
class CallFinder {
  public:
    explicit CallFinder(const Plan& plan) : plan_{compiled(plan)}, runner_{plan_} {}

    /// Appends the calls of `log`, an event of `source`, to `out`, in the order of the handlers.
    /// One whose address or arguments follow from a `once` call that `known` lacks is left out: it
    /// shows once that one is known. So is one that the fold will not get to. kNotFound where `txn`
    /// is needed and null.
    [[nodiscard]] Status find(uint32_t source, const evm::Log& log, ByteView data,
                              const FoldBlock& block, const storage::TxnFields* txn,
                              CallSource& known, std::vector<NeededCall>& out);

  private:
    const CompiledPlan& plan_;
    HandlerRunner runner_;
    evm::DecodedEvent decoded_;
};

}  // namespace plumbline::engine
