// What a transaction and its receipt say that its logs do not: for whoever names it.
#pragma once

#include <cstdint>
#include <string>

#include "core/evm/uint256.hpp"

namespace plumbline::evm {

/// Of a transaction, besides sender, receiver and value.
struct TxnBody {
    uint64_t nonce = 0;
    uint64_t gas = 0;   ///< its limit
    uint8_t type = 0;   ///< EIP-2718; 0 = legacy
    std::string input;  ///< raw bytes
    friend bool operator==(const TxnBody&, const TxnBody&) = default;
};

/// Of its receipt.
struct TxnReceipt {
    uint64_t gas_used = 0;
    /// 1 = it succeeded, which every transaction with logs did: also before receipts said so.
    uint8_t status = 1;
    U256 effective_gas_price;
    friend bool operator==(const TxnReceipt&, const TxnReceipt&) = default;
};

}  // namespace plumbline::evm
