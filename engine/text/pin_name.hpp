// What a fact of a contract call was asked by, as dumps and SQL call it.
#pragma once

#include <string_view>

#include "storage/call_fact.hpp"

namespace plumbline::engine {

[[nodiscard]] constexpr std::string_view pin_name(storage::CallPin pin) noexcept {
    switch (pin) {
        case storage::CallPin::kHash: return "hash";
        case storage::CallPin::kNumber: return "number";
        case storage::CallPin::kHead: return "head";
    }
    return "unknown";
}

}  // namespace plumbline::engine
