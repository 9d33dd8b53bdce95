// Which block: its number and its hash. The hash decides; the number says where to look.
#pragma once

#include <cstdint>

#include "core/evm/bytes.hpp"

namespace plumbline::evm {

struct BlockId {
    uint64_t block_num = 0;
    Hash hash;
    friend bool operator==(const BlockId&, const BlockId&) = default;
};

}  // namespace plumbline::evm
