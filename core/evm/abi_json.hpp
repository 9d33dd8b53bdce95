// Contract interfaces: reads ABI JSON, plain or inside a compiler's artifact.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_type.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::evm {

inline constexpr size_t kAbiJsonSizeMax = size_t{8} << 20;
inline constexpr size_t kAbiEntriesMax = 4096;

struct AbiParam {
    std::string name;  ///< "" where the contract gives none
    AbiType type;
    bool indexed = false;  ///< events only
    friend bool operator==(const AbiParam&, const AbiParam&) = default;
};

struct AbiEvent {
    std::string name;
    std::vector<AbiParam> inputs;
    bool anonymous = false;

    /// "Transfer(address,address,uint256)"
    [[nodiscard]] std::string signature() const;
    /// Keccak of the signature. An anonymous event does not carry it in its topics.
    [[nodiscard]] Hash topic0() const;
    /// Topics its logs have: the indexed parameters, and topic0 unless anonymous.
    [[nodiscard]] size_t topic_count() const noexcept;
    friend bool operator==(const AbiEvent&, const AbiEvent&) = default;
};

struct AbiFunction {
    std::string name;
    std::vector<AbiParam> inputs;
    std::vector<AbiParam> outputs;
    bool read_only = false;  ///< view or pure (or `constant` in old ABIs)

    [[nodiscard]] std::string signature() const;
    /// The first 4 bytes of the signature's keccak.
    [[nodiscard]] FixedBytes<4> selector() const;
    friend bool operator==(const AbiFunction&, const AbiFunction&) = default;
};

struct Abi {
    std::vector<AbiEvent> events;  ///< in file order; overloads allowed, exact repeats dropped
    std::vector<AbiFunction> functions;
    /// Functions left out because only libraries can call them (storage pointers, enums by name)
    /// or because they use fixed-point numbers: "abi[3].inputs[0].type: ...".
    std::vector<std::string> skipped;

    /// By full signature or by name. A name that several share, or nobody has, is an error that
    /// lists the choices. The pointer lives as long as `events` is not changed.
    [[nodiscard]] Result<const AbiEvent*> find_event(std::string_view name_or_signature) const;
    [[nodiscard]] Result<const AbiFunction*> find_function(
        std::string_view name_or_signature) const;
};

/// Reads a plain ABI array, a Foundry, Hardhat, Truffle or Vyper artifact ({"abi": [...]}), or the
/// output of solc --combined-json or --standard-json. When the file holds several contracts that
/// have an ABI, `contract` says which ("Name" or "path:Name"). Errors tell where:
/// "abi[3].inputs[1].type: ...".
[[nodiscard]] Result<Abi> read_abi(std::string_view json, std::string_view contract = {});

}  // namespace plumbline::evm
