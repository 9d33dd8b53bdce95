#include "core/evm/json_integer.hpp"

#include <cstdint>
#include <string_view>

namespace plumbline::evm {

namespace {

constexpr uint64_t kSafeMax = (uint64_t{1} << 53) - 1;

void append_integer(std::string& out, std::string_view sign, const U256& magnitude, unsigned bits) {
    const std::string_view quote = bits > 64 || magnitude > U256{kSafeMax} ? "\"" : "";
    out += quote;
    out += sign;
    out += magnitude.to_decimal();
    out += quote;
}

}  // namespace

void append_json_uint(std::string& out, const U256& word, unsigned bits) {
    append_integer(out, "", word, bits);
}

void append_json_int(std::string& out, const U256& word, unsigned bits) {
    if (word.is_negative()) {
        append_integer(out, "-", negate(word), bits);
    } else {
        append_integer(out, "", word, bits);
    }
}

}  // namespace plumbline::evm
