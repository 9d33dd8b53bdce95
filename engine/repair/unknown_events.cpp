#include "engine/repair/unknown_events.hpp"

#include "engine/text/event_text.hpp"

namespace plumbline::engine {

Result<UnknownEvents> count_unknown_events(const storage::ReadView& view,
                                           const std::shared_ptr<const Plan>& plan,
                                           const std::function<bool()>& is_cancelled) {
    constexpr uint64_t kLookEvery = 4'096;
    PLUMBLINE_TRY(const auto children, view.list_children());
    EventText text{plan, children};
    // By contract and topic0.
    std::map<std::pair<std::string, evm::Hash>, std::string> signatures;
    text.for_each_event([&](const std::string& contract, const evm::EventDecoder& decoder) {
        if (!decoder.event().anonymous) {
            signatures.emplace(std::pair{contract, decoder.event().topic0()},
                               decoder.event().signature());
        }
    });
    UnknownEvents out;
    uint64_t seen = 0;
    const auto logs = view.scan_logs(0, UINT64_MAX);
    for (; logs->valid(); logs->next()) {
        if (++seen % kLookEvery == 0 && is_cancelled && is_cancelled()) {
            return Error{ErrorCode::kCancelled, "stopped"};
        }
        const storage::LogRecord& record = logs->record();
        const EventText::Name found = text.name(record);
        if (found.event != nullptr) {
            continue;
        }
        ++out.total;
        if (found.contract == nullptr || record.log.topic_count == 0) {
            continue;
        }
        const auto known = signatures.find({*found.contract, record.log.topics[0]});
        if (known != signatures.end()) {
            ++out.other_shapes[{*found.contract, known->second}];
        }
    }
    PLUMBLINE_TRY_VOID(logs->status());
    return out;
}

}  // namespace plumbline::engine
