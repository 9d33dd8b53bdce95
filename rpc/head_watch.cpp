#include "rpc/head_watch.hpp"

#include "rpc/error_text.hpp"

namespace plumbline::rpc {

CallGroup HeadWatch::start(size_t provider, int64_t timeout_ms) {
    probing_.insert(provider);
    CallGroup group = CallGroup::head_probe(provider, timeout_ms);
    group.calls.resize(3);
    group.calls[kChainIdAt].kind = Call::Kind::kChainId;
    group.calls[kLatestAt].kind = Call::Kind::kHeaderLatest;
    group.calls[kFinalizedAt].kind = Call::Kind::kHeaderFinalized;
    return group;
}

bool HeadWatch::on_vain_head(size_t provider) {
    const bool is_new = !vain_.contains(provider);
    vain_.insert(provider);
    return is_new;
}

HeadReport HeadWatch::finish(size_t provider, const GroupResult& result) {
    probing_.erase(provider);
    HeadReport report;
    if (result.error) {
        report.fault = HeadReport::Fault::kNoAnswer;
        return report;
    }
    const auto* chain_id = result.answers[kChainIdAt].get<uint64_t>();
    const auto* latest = result.answers[kLatestAt].get<evm::Header>();
    if (chain_id != nullptr) {
        report.chain_id = *chain_id;
        chain_id_ = chain_id_.value_or(*chain_id);
        if (*chain_id != *chain_id_) {
            report.fault = HeadReport::Fault::kOtherChain;
            report.reason =
                "serves chain " + std::to_string(*chain_id) + ", not " + std::to_string(*chain_id_);
            return report;
        }
    }
    if (chain_id == nullptr || latest == nullptr) {
        const Answer& missing = result.answers[chain_id == nullptr ? kChainIdAt : kLatestAt];
        const auto* refused = missing.get<RpcError>();
        report.fault = HeadReport::Fault::kIncomplete;
        report.reason = refused != nullptr ? error_text(*refused, refused->http_status)
                                           : "no chain id or no head";
        return report;
    }
    report.head = latest->block_num;
    return report;
}

}  // namespace plumbline::rpc
