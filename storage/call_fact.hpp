// What a contract call answered: a fact that folds read, stored beside the log. Byte layout:
// docs/formats.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "core/evm/bytes.hpp"
#include "storage/digest.hpp"

namespace plumbline::storage {

/// What became of a call. Stored: DO NOT CHANGE THESE VALUES.
enum class CallOutcome : uint8_t {
    kAnswered = 0,
    kReverted = 1,  ///< what it said is not kept: nodes differ in it
    kNothing = 2,   ///< no byte came back: no contract is there, or none with that function
    kOutOfGas = 3,  ///< with all the gas that a node gives to one call
    kTooLarge = 4,  ///< more than `kCallDataMax` bytes came back
};
[[nodiscard]] std::string_view to_string(CallOutcome outcome) noexcept;

/// The state that was asked. Stored: DO NOT CHANGE THESE VALUES.
enum class CallPin : uint8_t {
    kHash = 0,    ///< after the fact's own block, by its hash
    kNumber = 1,  ///< the same by number, with the header looked at before and after
    kHead = 2,    ///< after `CallFact::asked`, which was final then
};

/// Of an answer, and of a call with its selector and arguments.
inline constexpr size_t kCallDataMax = 8192;
inline constexpr size_t kCallInputMax = 4096;

/// Which call: where to, and with what.
struct CallKey {
    evm::Address to;
    std::string input;  ///< selector and arguments
    friend bool operator==(const CallKey&, const CallKey&) = default;
    friend auto operator<=>(const CallKey& a, const CallKey& b) {
        return a.to != b.to ? a.to <=> b.to : a.input <=> b.input;
    }
};

struct CallFact {
    uint64_t block_num = 0;  ///< of the log that names the call; with `once` of the first one
    CallKey call;
    CallOutcome outcome = CallOutcome::kAnswered;
    CallPin pin = CallPin::kHash;
    bool is_once = false;  ///< holds for every later block as well
    /// kHead only. Without a hash: the chain may have left that block, so the call is to be asked
    /// again before the log is next folded.
    evm::BlockId asked;
    std::string data;
    std::string provider;  ///< who said so; no part of what databases compare
    friend bool operator==(const CallFact&, const CallFact&) = default;
};

/// Of a call whose block the chain may have left.
[[nodiscard]] inline bool is_in_doubt(const CallFact& fact) noexcept {
    return fact.pin == CallPin::kHead && fact.asked.hash.is_zero();
}

/// Of all but the provider. Zero for a fact of the head: another index, made at another time, has
/// another one.
[[nodiscard]] Digest hash_call(const CallFact& fact);

[[nodiscard]] std::string call_key(uint64_t block_num, const CallKey& call);
[[nodiscard]] std::string encode_call(const CallFact& fact);
/// kCorruption for anything that `encode_call` does not write.
[[nodiscard]] Result<CallFact> decode_call(std::string_view key, std::string_view value);

/// Where the fact of a `once` call stands.
[[nodiscard]] std::string once_key(const CallKey& call);
[[nodiscard]] std::string encode_once(uint64_t block_num);
[[nodiscard]] Result<uint64_t> decode_once(std::string_view value);

/// A position among stored facts, in order of block and call; damage ends it and shows in `status`.
class CallScanner {
  public:
    virtual ~CallScanner() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    [[nodiscard]] virtual const CallFact& fact() const = 0;
    [[nodiscard]] virtual Status status() const = 0;
};

}  // namespace plumbline::storage
