#include "core/evm/keccak.hpp"

#include <cryptopp/keccak.h>

namespace plumbline::evm {

Hash keccak256(ByteView bytes) noexcept {
    CryptoPP::Keccak_256 hasher;
    hasher.Update(bytes.data(), bytes.size());
    Hash out;
    hasher.Final(out.data());
    return out;
}

}  // namespace plumbline::evm
