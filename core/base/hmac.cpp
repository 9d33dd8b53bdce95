#include "core/base/hmac.hpp"

#include <array>

#include <cryptopp/hmac.h>
#include <cryptopp/sha.h>

#include "core/evm/hex.hpp"

namespace plumbline {

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
    CryptoPP::HMAC<CryptoPP::SHA256> mac{reinterpret_cast<const CryptoPP::byte*>(key.data()),
                                         key.size()};
    std::array<uint8_t, CryptoPP::SHA256::DIGESTSIZE> digest{};
    mac.CalculateDigest(digest.data(), reinterpret_cast<const CryptoPP::byte*>(text.data()),
                        text.size());
    std::string out;
    evm::append_hex(out, digest);
    return out;
}

}  // namespace plumbline
