// What a provider means when it refuses. Providers share neither codes nor words, so the meaning is
// taken from word stems, from the noun a number counts, and only last from the code or status.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/evm/log.hpp"

namespace plumbline::rpc {

struct RpcError;

enum class RefusalClass : uint8_t {
    kTooManyBlocks,     ///< the range spans too many blocks: shrink ranges
    kTooManyResults,    ///< too many logs match: split this range
    kTooManyAddresses,  ///< split the address list
    kBatchTooLarge,     ///< fewer calls a batch
    kResponseTooLarge,  ///< the answer would be too many bytes: split this range or batch
    kRateLimit,         ///< slow down
    kHeadRace,          ///< the node has not got that block yet: ask elsewhere or later
    kMissingData,       ///< the node no longer has it, or not on its chain: ask elsewhere
    kBilling,           ///< the user must do something; retrying does not help
    kOutage,            ///< the provider is ill
    kTimeout,           ///< the provider gave up: split, or ask elsewhere
    kUnsupported,       ///< it does not know the method
    kBadRequest,        ///< the question itself is wrong
    kUnknown,
};

/// Fixed snake_case names: "too_many_blocks", "rate_limit"...
[[nodiscard]] std::string_view to_string(RefusalClass refusal) noexcept;

struct Refusal {
    RefusalClass kind = RefusalClass::kUnknown;
    /// The text fits a size limit and something else as well ("limit exceeded", "no healthy
    /// backend"): back off first, and ask for less when it comes again.
    bool ambiguous = false;
    /// Of missing data: what is old is gone, and no number of the chain is without a block.
    bool is_pruned = false;
    std::optional<uint64_t> blocks_from;        ///< the lowest block that it says to have
    std::optional<evm::BlockRange> range_hint;  ///< "try with this block range [a, b]"
    std::optional<uint64_t> blocks_max;
    std::optional<uint64_t> results_max;
    std::optional<uint64_t> addresses_max;
    std::optional<uint64_t> batch_max;
    std::optional<int64_t> retry_after_ms;
    std::optional<int64_t> rate_ms;  ///< the time that a rate is named for: "10 a second"
};

/// What came: any part may be missing. `data` is text, or raw JSON however nested.
struct RefusalText {
    int http_status = 200;
    int64_t code = 0;
    std::string_view message;
    std::string_view data;
};

/// Never fails; kUnknown where nothing fits.
[[nodiscard]] Refusal classify_refusal(const RefusalText& text);
[[nodiscard]] Refusal classify_refusal(const RpcError& error);

/// True for the classes that asking for less can cure.
[[nodiscard]] constexpr bool is_size_refusal(RefusalClass kind) noexcept {
    return kind == RefusalClass::kTooManyBlocks || kind == RefusalClass::kTooManyResults ||
           kind == RefusalClass::kTooManyAddresses || kind == RefusalClass::kResponseTooLarge;
}

}  // namespace plumbline::rpc
