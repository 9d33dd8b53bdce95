#include "engine/fold/call_finder.hpp"

namespace plumbline::engine {

Status CallFinder::find(uint32_t source, const evm::Log& log, ByteView data, const FoldBlock& block,
                        const storage::TxnFields* txn, CallSource& known,
                        std::vector<NeededCall>& out) {
    CompiledPlan::Match match = plan_.find_event(source, log);
    if (match.shapes != nullptr) {
        match = plan_.find_event(source, log, data, decoded_);
    }
    if (match.event == nullptr || !match.event->has_calls || match.other != nullptr ||
        match.event->decoder.decode(log, data, decoded_) != evm::AbiError::kNone) {
        return ok();  // None, or the fold will refuse it before it gets to a call.
    }
    if (!match.event->txn_needs.met_by(txn)) {
        return Error{ErrorCode::kNotFound, "a transaction that a call depends on is not there"};
    }
    EventScope scope{*match.event, log, data, txn, block, decoded_, 0};
    runner_.set_calls(&known);
    return runner_.list_calls(scope, out);
}

}  // namespace plumbline::engine
