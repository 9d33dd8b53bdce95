// Headers of the newest blocks as they came from the chain: the index stores less of a block, and
// who follows the head may want all of it.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/evm/header.hpp"

namespace plumbline::engine {

/// Thread-safe. In memory only: after a start it is empty.
class RecentHeaders {
  public:
    static constexpr size_t kBytesMax = 1U << 20U;  ///< some 1,400 blocks

    /// Those that came first go where there are too many.
    void add(std::vector<evm::Header> headers);
    /// The header that hashes to `hash`, not only claims it. Empty: it is not here, or the chain's
    /// headers hash by rules of their own.
    [[nodiscard]] std::optional<evm::Header> find(const evm::Hash& hash) const;

  private:
    mutable Mutex mutex_;
    std::deque<evm::Header> headers_ PLUMBLINE_GUARDED_BY(mutex_);
    size_t bytes_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbline::engine
