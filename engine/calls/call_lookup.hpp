// What is known of calls where it is worked out which of them some logs need: what these use
// already, what is stored or on its way there, what was answered since.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/base/result.hpp"
#include "engine/calls/call_asker.hpp"
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
    /// A log needs this: its fact goes with the logs, or it is among `take_questions`, once.
    [[nodiscard]] Status need(CallQuestion question);
    /// What must be asked before the logs have all that they need.
    [[nodiscard]] std::vector<CallQuestion> take_questions();

  private:
    CallSet& used_;
    CallSource& known_;
    CallSet& answered_;
    CallSource* from_ = nullptr;  ///< who had the fact that `find` gave last
    std::vector<CallQuestion> questions_;
    std::unordered_set<std::string> questioned_;  ///< their keys
};

}  // namespace plumbline::engine
