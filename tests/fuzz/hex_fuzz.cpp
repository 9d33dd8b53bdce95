// Hex: what is accepted is written back the same but for case; quantities round trip exactly.
#include "core/evm/hex.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>

#include "core/base/check.hpp"
#include "core/evm/uint256.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace plumbline;
    const std::string_view text = as_chars({data, size});
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (const auto bytes = evm::parse_hex(text)) {
        PLUMBLINE_CHECK(evm::to_hex(*bytes) == lower);
    }
    if (const auto address = evm::parse_address(text)) {
        PLUMBLINE_CHECK(evm::to_hex(*address) == lower);
    }
    if (const auto quantity = evm::parse_quantity(text)) {
        PLUMBLINE_CHECK(evm::to_quantity(*quantity) == lower);
        PLUMBLINE_CHECK(evm::U256::parse(text) == evm::U256{*quantity});
    }
    if (const auto word = evm::U256::parse(text)) {
        PLUMBLINE_CHECK(evm::U256::parse(word->to_decimal()) == *word);
    }
    return 0;
}
