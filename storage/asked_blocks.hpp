// Blocks that facts of the head name (CallPin::kHead), until the index has come past them: a reorg
// may take such a block without taking any block of the index. `CommitBatch::put_call` keeps them;
// that of a fact that is gone may still be there. Byte layout: docs/formats.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"

namespace plumbline::storage {

/// Blocks `from` to `to`, both included, the first `limit` in order of number.
[[nodiscard]] Result<std::vector<evm::BlockId>> list_asked(const ReadView& view, uint64_t from,
                                                           uint64_t to, size_t limit);
/// With this commit it is kept no longer. Facts stay as they are.
void forget_asked(CommitBatch& batch, const evm::BlockId& block);

[[nodiscard]] std::string asked_key(const evm::BlockId& block);
[[nodiscard]] std::string encode_asked(const evm::BlockId& block);
/// kCorruption for anything that `encode_asked` does not write.
[[nodiscard]] Result<evm::BlockId> decode_asked(std::string_view value);

}  // namespace plumbline::storage
