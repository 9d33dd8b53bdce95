// The program that the state proof runs inside one eth_call: it asks a getter for many keys and
// answers one keccak digest a bucket of keys. Its source is state_program.yul, where the layout of
// arguments and answer stands; docs/state_proof.md tells what it costs and what it cannot see.
// Nothing here talks to a node: calls are built, answers are read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/bytes.hpp"
#include "core/evm/uint256.hpp"

namespace plumbline::engine {

inline constexpr uint8_t kStateProgramVersion = 1;
/// Longer strings and bytes are never hashed in the node: their keys differ, and are then asked
/// one by one.
inline constexpr size_t kStateContentsMax = 0x8000;
/// Of a raw question's encoded arguments.
inline constexpr size_t kRawArgumentsMax = 0xFFFF - 4;

/// The program's bytecode; the same in both forms.
[[nodiscard]] const Bytes& state_program();

/// How the program gets into the node.
enum class StateForm : uint8_t {
    kOverride,  ///< as `code` of a state override, the arguments as call data
    kCreate,    ///< as initcode with the arguments appended: eth_call without `to`
};

/// What became of one question; the first byte that its leaf hashes.
enum class LeafStatus : uint8_t {
    kReverted = 0,
    kAnswered = 1,
    kOutOfGas = 2,  ///< it used all the gas one question may use
    kShape = 3,     ///< the answer is too short for the returns, or contents are too long
    kNoCode = 4,    ///< there is no contract at the target
};
/// "reverted", "answered"...
[[nodiscard]] std::string_view to_string(LeafStatus status) noexcept;

/// A part of the answer that is hashed: `words` words from head word `word` on; 0 words: the
/// contents of the string or bytes whose offset stands in head word `word`.
struct StateReturn {
    uint8_t word = 0;
    uint8_t words = 1;
    friend bool operator==(const StateReturn&, const StateReturn&) = default;
};

/// How a getter is asked, and what of its answer counts.
struct StateGetter {
    evm::FixedBytes<4> selector;
    std::optional<evm::Address> target;  ///< empty: every question names its own
    uint16_t arg_words = 0;
    bool raw =
        false;  ///< an argument is a string or bytes: questions carry their encoded arguments
    bool tuple =
        false;  ///< the values stand in a tuple behind its offset (a struct that holds a string)
    std::vector<StateReturn> returns;
};

/// Hash of `status` and, for an answer, of what counts in `data`. A kAnswered whose data has
/// another shape gives the leaf of kShape, as the program does.
[[nodiscard]] evm::Hash state_leaf(const StateGetter& getter, LeafStatus status, ByteView data);
/// keccak(leaf, leaf, ...)
[[nodiscard]] evm::Hash bucket_digest(std::span<const evm::Hash> leaves);

/// Questions to one getter, packed. One thread writes.
class StateQuestions {
  public:
    explicit StateQuestions(const StateGetter& getter)
        : columns_{size_t{getter.arg_words} + 1},
          raw_{getter.raw},
          target_{getter.target} {}

    /// One question; `args` has `arg_words` words as the EVM holds them. `target` where the getter
    /// has none.
    void add(std::span<const evm::U256> args, const evm::Address* target = nullptr);
    /// The same for a raw getter: `args` is the ABI encoding without the selector, at most
    /// kRawArgumentsMax bytes.
    void add_raw(ByteView args, const evm::Address* target = nullptr);

    [[nodiscard]] size_t size() const noexcept { return words_.size() / columns_; }
    [[nodiscard]] evm::Address target(size_t i) const noexcept;
    /// Selector and arguments, for asking the getter itself.
    [[nodiscard]] Bytes calldata(const StateGetter& getter, size_t i) const;

  private:
    friend class StatePacking;
    void add_target(const evm::Address* target);

    size_t columns_;  ///< the target's word, then the arguments'
    bool raw_;
    std::optional<evm::Address> target_;
    std::vector<evm::U256> words_;
    std::vector<size_t> raw_end_;
    Bytes raw_bytes_;
};

/// What one call asks for.
struct StateCallSpec {
    uint32_t bucket = 128;         ///< keys a digest
    uint32_t key_gas = 5'000'000;  ///< what one question may use
    uint16_t byte_gas = 0;         ///< held back for each byte of answer; see `default_byte_gas`
};
/// A created contract pays for its code: 200 gas a byte. (Chains with EIP-8037: 1,530.)
[[nodiscard]] constexpr uint16_t default_byte_gas(StateForm form) noexcept {
    return form == StateForm::kCreate ? 200 : 0;
}

/// How the questions `which` are best sent: constant arguments once, dense ones by their start,
/// the others as their distance from the smallest in as few bytes as that needs.
class StatePacking {
  public:
    StatePacking(const StateGetter& getter, const StateQuestions& questions,
                 std::span<const uint32_t> which);

    /// Bytes before the keys.
    [[nodiscard]] size_t head_size() const noexcept;
    /// Bytes of a key; of a raw one the longest.
    [[nodiscard]] size_t key_size() const noexcept { return key_size_; }
    /// The arguments for the first `count` of `which`.
    [[nodiscard]] Bytes arguments(size_t count, const StateCallSpec& spec) const;

  private:
    struct Column {
        uint16_t place = 0;  ///< 0: the target; n: argument word n - 1
        uint8_t width = 0;
        uint8_t shift = 0;
        evm::U256 base;
    };
    [[nodiscard]] const evm::U256& word(size_t i, size_t column) const noexcept;
    [[nodiscard]] std::optional<Column> pack_column(size_t column) const;

    const StateGetter& getter_;
    const StateQuestions& questions_;
    std::span<const uint32_t> which_;
    std::vector<Column> columns_;
    size_t key_size_ = 0;
};

/// One eth_call, ready to be sent.
struct StateCall {
    StateForm form = StateForm::kOverride;
    uint64_t gas = 0;
    Bytes data;  ///< kOverride: the arguments; kCreate: program and arguments
};
[[nodiscard]] StateCall make_state_call(StateForm form, uint64_t gas, Bytes arguments);
/// `params` of eth_call as JSON, at the state after block `block_hash`.
[[nodiscard]] std::string state_call_params(const StateCall& call, const evm::Hash& block_hash);
/// Bytes that `state_call_params` takes where the arguments have `argument_size` bytes.
[[nodiscard]] size_t state_call_params_size(StateForm form, size_t argument_size);
/// Where the override form puts the program: an address that nobody has the key of.
[[nodiscard]] const evm::Address& state_program_address();

/// The program's answer.
struct StateAnswer {
    enum class Outcome : uint8_t { kDone = 0, kStopped = 1, kNoCode = 2 };
    Outcome outcome = Outcome::kDone;  ///< kStopped: the gas did not last, go on from `done`
    uint32_t done = 0;
    uint64_t bucket_gas = 0;         ///< of the dearest bucket
    std::vector<evm::Hash> digests;  ///< of the first `done` keys
};
/// Reads the answer to a call for `count` keys; kDecode where it is not one, to the last byte.
[[nodiscard]] Result<StateAnswer> parse_state_answer(ByteView answer, uint32_t count,
                                                     uint32_t bucket);

/// A call with a known answer on any chain (it asks the identity precompile): tells whether an
/// endpoint runs the program in that form. To be sent once for each endpoint and form.
[[nodiscard]] StateCall make_self_test(StateForm form, uint64_t gas = 25'000'000);
[[nodiscard]] bool passes_self_test(ByteView answer);

}  // namespace plumbline::engine
