// Since when does the contract tell something else than the index? Found by comparing one row at
// middle blocks: log2(blocks) reads of a node that keeps old states.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/proof/row_at.hpp"
#include "rpc/chain_source.hpp"
#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::engine {

struct FirstWrongBlock {
    uint64_t block_num = 0;  ///< the first after which the two differ
    /// The last before it that was compared and equal; empty where they differ from the start.
    std::optional<uint64_t> last_right;
    uint64_t reads = 0;  ///< blocks compared
};

/// Of a search from the row's last change: "since block N", or "last changed at block N" where they
/// differed there already, as what came before that was not looked at.
[[nodiscard]] std::string beginning_text(const FirstWrongBlock& found);

struct BisectOptions {
    /// Where to begin; empty: the block of the row's last change. Needs `row_at` where earlier.
    std::optional<uint64_t> from_block;
    /// Null: the row as it is in `view`, which is right from its last change on.
    RowAt row_at;
    int64_t wait_ms_max = 120'000;  ///< for each answer
};

/// Assumes that what is wrong stays wrong until the index's block; otherwise the block found is one
/// after which the two began to differ, perhaps not the first. kNotFound: they do not differ at the
/// index's block, or a state on the way is gone (the message says which). kInvalidArgument: there
/// is no such row, or it cannot be asked for.
[[nodiscard]] Result<FirstWrongBlock> find_first_wrong_block(rpc::ChainSource& source,
                                                             const storage::ReadView& view,
                                                             const Plan& plan, uint32_t entity,
                                                             std::string_view key,
                                                             const BisectOptions& options = {});

}  // namespace plumbline::engine
