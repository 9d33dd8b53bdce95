// Blocks that nobody mined, as a node tells them: what the chains of tests and benchmarks share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/evm/header.hpp"
#include "core/evm/log.hpp"
#include "core/evm/receipt.hpp"

namespace plumbline::test {

/// What every transaction of theirs takes.
inline constexpr uint64_t kGasPerTxn = 60'000;

/// The receipts of a block all of whose transactions logged something: one for each transaction
/// index, which must count from 0 without a gap.
[[nodiscard]] evm::ReceiptBatch receipts_of(const evm::LogBatch& logs);

/// Appends `"name":"value"` to an object whose bracket is open, with a comma where it needs one.
/// `value` must be safe in JSON as it is.
void append_member(std::string& out, std::string_view name, std::string_view value);

/// The block as eth_getBlockByNumber has it, an object whose bracket is open, without uncles and
/// transactions.
[[nodiscard]] std::string open_block_json(const evm::Header& header);

}  // namespace plumbline::test
