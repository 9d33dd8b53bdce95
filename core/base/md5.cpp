#include "core/base/md5.hpp"

#define CRYPTOPP_ENABLE_NAMESPACE_WEAK 1
#include <cryptopp/md5.h>

namespace plumbline {

std::string md5(std::string_view text) {
    std::string out(CryptoPP::Weak::MD5::DIGESTSIZE, '\0');
    CryptoPP::Weak::MD5{}.CalculateDigest(reinterpret_cast<CryptoPP::byte*>(out.data()),
                                          reinterpret_cast<const CryptoPP::byte*>(text.data()),
                                          text.size());
    return out;
}

}  // namespace plumbline
