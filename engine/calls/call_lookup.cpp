#include "engine/calls/call_lookup.hpp"

#include <utility>

namespace plumbline::engine {

Result<const storage::CallFact*> CallLookup::find(const storage::CallKey& call, uint64_t block_num,
                                                  bool is_once) {
    for (CallSource* source : {static_cast<CallSource*>(&used_), &known_}) {
        PLUMBLINE_TRY(const storage::CallFact* fact, source->find(call, block_num, is_once));
        if (fact != nullptr) {
            from_ = source;
            return fact;
        }
    }
    // Also of a `once` call only that of this very block: one that was asked ahead may be of a
    // later log than the first that names it, or of an earlier one that does not need it after all.
    from_ = &answered_;
    return answered_.find(call, block_num, false);
}

void CallLookup::use(storage::CallFact fact, bool is_once) {
    if (from_ != &used_) {
        const bool is_new = from_ == &answered_;
        fact.is_once = is_new ? is_once : fact.is_once;
        used_.add(std::move(fact), is_new);
    }
}

}  // namespace plumbline::engine
