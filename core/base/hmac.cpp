#include "core/base/hmac.hpp"

#include <cryptopp/hmac.h>
#include <cryptopp/sha.h>

namespace plumbline {

std::array<uint8_t, 32> hmac_sha256(std::string_view key, std::string_view text) {
    CryptoPP::HMAC<CryptoPP::SHA256> mac{reinterpret_cast<const CryptoPP::byte*>(key.data()),
                                         key.size()};
    std::array<uint8_t, CryptoPP::SHA256::DIGESTSIZE> tag{};
    mac.CalculateDigest(tag.data(), reinterpret_cast<const CryptoPP::byte*>(text.data()),
                        text.size());
    return tag;
}

}  // namespace plumbline
