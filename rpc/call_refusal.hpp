// What an error in answer to eth_call or eth_getProof means: that the contract would not, that the
// state is gone, or that the node would not. Rate limits and outages mean what they always mean.
#pragma once

#include <cstdint>

#include "core/evm/bytes.hpp"
#include "rpc/refusal.hpp"

namespace plumbline::rpc {

enum class CallRefusal : uint8_t {
    kReverted,      ///< the code ran and failed
    kMissingState,  ///< another provider may still have it
    kRefused,       ///< asking for less, or in another way, may help
    kOther,         ///< rate limits, bills, outages: nothing about the call
};

[[nodiscard]] CallRefusal classify_call_refusal(const RefusalText& text);

/// Of a refused call's text: it had not gas enough, in whatever node's words.
[[nodiscard]] bool names_gas(std::string_view text);
/// The same: it may be the contract's own doing, for the node says nothing about itself.
[[nodiscard]] bool may_be_the_contract(std::string_view text);

/// What a contract gave with its revert, from an error's `data` however it is wrapped; empty where
/// there is none.
[[nodiscard]] Bytes revert_data(std::string_view error_data);

}  // namespace plumbline::rpc
