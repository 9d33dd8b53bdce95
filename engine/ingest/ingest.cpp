#include "engine/ingest/ingest.hpp"

namespace plumbline::engine {

size_t WorkItem::size_bytes() const noexcept {
    if (const auto* append = std::get_if<AppendWork>(&work)) {
        return append->fetched.size_bytes();
    }
    if (const auto* fill = std::get_if<GapWork>(&work)) {
        return fill->fetched.size_bytes();
    }
    if (const auto* drop = std::get_if<DropCallsWork>(&work)) {
        size_t bytes = sizeof(WorkItem);
        for (const UnneededCall& call : drop->calls) {
            bytes += sizeof(UnneededCall) + call.fact.call.input.size() + call.fact.data.size();
        }
        return bytes;
    }
    return sizeof(WorkItem);
}

}  // namespace plumbline::engine
