#include "core/evm/checksum.hpp"

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::evm {

std::string to_checksum(const Address& address) {
    std::string out = to_hex(address);
    const Hash hash = keccak256(as_bytes(std::string_view{out}.substr(2)));
    for (size_t i = 2; i < out.size(); ++i) {
        const uint8_t byte = hash.bytes[(i - 2) / 2];
        const uint32_t nibble = i % 2 == 0 ? byte / 16U : byte % 16U;
        if (out[i] >= 'a' && nibble >= 8) {
            out[i] = static_cast<char>(out[i] - 'a' + 'A');
        }
    }
    return out;
}

bool has_wrong_checksum(std::string_view text, const Address& address) {
    const std::string_view digits = text.substr(2);
    return digits.find_first_of("ABCDEF") != std::string_view::npos &&
           digits.find_first_of("abcdef") != std::string_view::npos && text != to_checksum(address);
}

std::string wrong_checksum_text(std::string_view text, const Address& address) {
    return "the letter case of " + std::string{text} +
           " is no valid checksum, so a character may be wrong; it would be " +
           to_checksum(address) + ", or all lower case";
}

}  // namespace plumbline::evm
