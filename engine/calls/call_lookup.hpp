// What is known of calls where it is worked out which of them some logs need: what these use
// already, what is stored or on its way there, what was answered since.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "engine/calls/call_set.hpp"
#include "storage/call_fact.hpp"

namespace plumbline::engine {

/// Goes over the logs in their order, anew each time that more was answered: then `used` begins
/// empty and ends with what the logs need and nothing else. One thread; all three outlive it.
class CallLookup final : public CallSource {
  public:
    CallLookup(CallSet& used, CallSource& known, CallSet& answered)
        : used_{used},
          known_{known},
          answered_{answered} {}

    [[nodiscard]] Result<const storage::CallFact*> find(const storage::CallKey& call,
                                                        uint64_t block_num, bool is_once) override;
    /// The fact that `find` gave last goes with the logs.
    void use(storage::CallFact fact, bool is_once);

  private:
    CallSet& used_;
    CallSource& known_;
    CallSet& answered_;
    CallSource* from_ = nullptr;
};

}  // namespace plumbline::engine
