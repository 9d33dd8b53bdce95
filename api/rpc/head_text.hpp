// A block's header as eth_subscribe tells it to those who follow new heads: as eth_getBlockByHash
// has it, without what is no part of the header (transactions, uncles, size, totalDifficulty).
#pragma once

#include <string>

#include "core/evm/header.hpp"
#include "storage/records.hpp"

namespace plumbline::api {

/// As JSON. Fields of forks that the block is older than are left out.
[[nodiscard]] std::string head_text(const evm::Header& header);
/// What is stored of it: number, hash, parentHash and timestamp.
[[nodiscard]] std::string head_text(const storage::BlockRow& block);

}  // namespace plumbline::api
