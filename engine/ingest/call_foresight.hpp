// Contract calls asked for as soon as the logs of a range are there, before it is its turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/calls/call_asker.hpp"
#include "engine/calls/call_set.hpp"
#include "engine/fold/call_finder.hpp"
#include "engine/ingest/known_calls.hpp"
#include "engine/ingest/range_builder.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

/// Which `once` call is whose depends on the ranges before: it is to be asked range by range, and
/// what one has claimed no other asks. One thread; `plan` and `database`, which may be null, must
/// outlive it.
class CallForesight {
  public:
    CallForesight(const Plan& plan, const storage::Database* database);

    /// Null where no handler has calls.
    [[nodiscard]] CallFinder* finder() const noexcept { return finder_.get(); }
    [[nodiscard]] KnownCalls& known() noexcept { return known_; }

    /// What the logs of `answers` need of calls, as far as can be told; what cannot shows when the
    /// range is built. `once` calls are claimed for `range`.
    [[nodiscard]] std::vector<CallQuestion> foresee(const RangeAnswers& answers,
                                                    const SourceMap& map, uint64_t range);
    /// The range went to the writer with these.
    void hand_over(uint64_t range, const CallSet& calls);
    void forget_claims() { claimed_.clear(); }

  private:
    std::unique_ptr<CallFinder> finder_;
    KnownCalls known_;
    /// `once` calls that a range has asked for, which is not handed over: by key its range.
    std::unordered_map<std::string, uint64_t> claimed_;
};

}  // namespace plumbline::engine
