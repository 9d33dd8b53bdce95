#include "engine/ingest/ingest.hpp"

namespace plumbline::engine {

size_t WorkItem::size_bytes() const noexcept {
    if (const auto* append = std::get_if<AppendWork>(&work)) {
        return append->fetched.size_bytes();
    }
    if (const auto* fill = std::get_if<GapWork>(&work)) {
        return fill->fetched.size_bytes();
    }
    return sizeof(WorkItem);
}

}  // namespace plumbline::engine
