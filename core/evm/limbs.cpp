#include "core/evm/limbs.hpp"

#include <algorithm>

namespace plumbline::evm {

namespace {

__extension__ using Wide = unsigned __int128;

bool is_zero(std::span<const uint64_t> value) noexcept {
    return std::ranges::all_of(value, [](uint64_t limb) { return limb == 0; });
}

}  // namespace

uint64_t divide_limbs(std::span<uint64_t> value, uint64_t divisor) noexcept {
    Wide remainder = 0;
    for (size_t i = value.size(); i-- > 0;) {
        remainder = (remainder << 64) | value[i];
        value[i] = static_cast<uint64_t>(remainder / divisor);
        remainder %= divisor;
    }
    return static_cast<uint64_t>(remainder);
}

std::string limbs_to_decimal(std::span<uint64_t> value) {
    constexpr uint64_t kChunk = 10'000'000'000'000'000'000ULL;
    std::string out;
    do {
        uint64_t part = divide_limbs(value, kChunk);
        const bool is_last = is_zero(value);
        for (int i = 0; i < 19 && (part != 0 || !is_last); ++i) {
            out += static_cast<char>('0' + part % 10);
            part /= 10;
        }
    } while (!is_zero(value));
    std::ranges::reverse(out);
    return out.empty() ? "0" : out;
}

}  // namespace plumbline::evm
