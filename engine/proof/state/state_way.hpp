// The ways in which a provider can be asked, and how it is found out which of them it takes: by a
// self-test of each, the best one first.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rpc/chain_source.hpp"

namespace plumbline::engine {

/// How one provider is asked.
struct StateWay {
    enum class Kind : uint8_t {
        kOverride,  ///< the program in place of a contract's code, by a state override
        kCreate,    ///< the program as the code of a creation
        kPlain      ///< getter by getter
    };
    Kind kind = Kind::kPlain;
    uint64_t gas = 0;     ///< of a call to the program
    bool by_num = false;  ///< it takes no block hashes: the header is looked at afterwards
};
/// "program by override", "program by create", "getters": for reports.
[[nodiscard]] std::string_view name_of(StateWay::Kind kind) noexcept;

/// All ways, the best first. `gas`: what to try for the program, in this order; empty: only
/// getters.
[[nodiscard]] std::vector<StateWay> ways_to_try(const std::vector<uint64_t>& gas);

/// A call that only tells whether the provider takes this way.
[[nodiscard]] rpc::CallRequest make_way_test(const StateWay& way);
[[nodiscard]] bool passes_way_test(const StateWay& way, const rpc::CallResult& result);

}  // namespace plumbline::engine
