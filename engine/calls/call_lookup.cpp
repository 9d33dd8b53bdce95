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

Status CallLookup::need(CallQuestion question) {
    const uint64_t block_num = question.block.block_num;
    PLUMBLINE_TRY(const storage::CallFact* found, find(question.call, block_num, question.is_once));
    if (found == nullptr) {
        if (questioned_.insert(answer_key(question.call, block_num, question.is_once)).second) {
            questions_.push_back(std::move(question));
        }
    } else if (from_ != &used_) {
        const bool is_new = from_ == &answered_;
        storage::CallFact fact = *found;
        fact.is_once = is_new ? question.is_once : fact.is_once;
        used_.add(std::move(fact), is_new);
    }
    return ok();
}

std::vector<CallQuestion> CallLookup::take_questions() {
    return std::exchange(questions_, {});
}

}  // namespace plumbline::engine
