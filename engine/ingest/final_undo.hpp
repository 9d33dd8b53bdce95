// When blocks that are final are undone all the same.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/evm/block_id.hpp"

namespace plumbline::engine {

/// One provider's word is not enough: two must have left our block and more than have it; where
/// only one can be asked, it must say so again and again for a while. One thread.
class FinalUndo {
  public:
    static constexpr unsigned kLooks = 3;
    static constexpr int64_t kAloneMs = 10'000;

    /// Each provider was asked for a stored block above `target`: so many have it, and so many have
    /// another one or none. Monotonic time.
    [[nodiscard]] bool is_agreed(const evm::BlockId& target, size_t ours, size_t others,
                                 int64_t now_ms);

  private:
    evm::BlockId target_;
    unsigned looks_ = 0;
    int64_t since_ms_ = -1;  ///< -1: nobody is alone with it
};

}  // namespace plumbline::engine
