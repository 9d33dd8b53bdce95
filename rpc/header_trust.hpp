// Which headers must hash to the hash that they claim.
//
// Whether a chain's headers do is not known before one did: no provider can make a wrong header
// hash. From then on every header with the same fields must, and one that does not is a lie about
// what is in it: its time, its number, its parent, its roots. What is hashed changes by forks,
// which add or rename fields; a header with other fields than those that hash is believed where no
// other provider could be asked or a second one tells such a header of that block too. So do chains
// whose headers hash by rules of their own; there nothing is refused. Block 0 is made by no rule:
// its header says nothing of others', nor they of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/evm/header.hpp"

namespace plumbline::rpc {

/// A header as a provider told it.
struct ToldHeader {
    size_t provider = 0;
    const evm::Header& header;
    uint64_t layout = 0;           ///< `Answer::header_layout`
    bool others_can_tell = false;  ///< another provider has the block and can be asked
};

/// Of one chain. One thread; its memory is bounded.
class HeaderTrust {
  public:
    enum class Verdict : uint8_t {
        kBelieved,  ///< it hashes, or nothing says that it must
        kLie,       ///< headers like it hash, and it does not
        kDoubted,   ///< it does not hash, is unlike those that do, and nobody else has told it so
    };
    [[nodiscard]] Verdict judge(const ToldHeader& told);
    /// Providers that told, before any header had hashed, one that did not hash and that no other
    /// provider told too, with fields of which one has hashed since. Each once.
    [[nodiscard]] std::vector<size_t> take_exposed() { return std::exchange(exposed_, {}); }

  private:
    /// A header that does not hash, by the hash it claims.
    struct Odd {
        size_t provider = 0;
        uint64_t layout = 0;
        evm::Hash computed;
        bool is_confirmed = false;  ///< by a second provider
    };
    [[nodiscard]] Verdict judge_block_zero(const ToldHeader& told);
    [[nodiscard]] bool is_confirmed(const ToldHeader& told, const evm::Hash& computed);
    void remember_early(const ToldHeader& told);
    void expose(uint64_t layout);

    std::set<uint64_t> hashing_;  ///< layouts of which a header has hashed
    std::set<uint64_t> other_;    ///< layouts that two providers told, and that do not hash
    std::map<evm::Hash, Odd> odd_;
    std::map<evm::Hash, Odd> early_;  ///< told before any had hashed; as `odd_`
    std::vector<size_t> exposed_;
    std::optional<evm::Hash> zero_hash_;  ///< of a header of block 0 that hashed
    std::optional<Odd> zero_odd_;         ///< the first that did not
};

}  // namespace plumbline::rpc
