#include "engine/ingest/recent_headers.hpp"

#include <utility>

namespace plumbline::engine {

namespace {

size_t size_of(const evm::Header& header) {
    return sizeof(evm::Header) + header.extra_data.capacity();
}

}  // namespace

void RecentHeaders::add(std::vector<evm::Header> headers) {
    const MutexLock lock{mutex_};
    for (evm::Header& header : headers) {
        bytes_ += size_of(header);
        headers_.push_back(std::move(header));
    }
    while (bytes_ > kBytesMax) {
        bytes_ -= size_of(headers_.front());
        headers_.pop_front();
    }
}

std::optional<evm::Header> RecentHeaders::find(const evm::Hash& hash) const {
    std::vector<evm::Header> claims;  // Two providers may have told the same block.
    {
        const MutexLock lock{mutex_};
        for (const evm::Header& header : headers_) {
            if (header.hash == hash) {
                claims.push_back(header);
            }
        }
    }
    for (evm::Header& header : claims) {
        if (evm::check_hash(header) == evm::HeaderCheck::kMatches) {
            return std::move(header);
        }
    }
    return std::nullopt;
}

}  // namespace plumbline::engine
