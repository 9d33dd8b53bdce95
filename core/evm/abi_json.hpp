// Contract interfaces: what an ABI declares and how it is named; reads the files that hold one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/abi_type.hpp"
#include "core/evm/bytes.hpp"

namespace plumbline::evm {

/// Of a file; what a compiler wrote into it besides ABIs is not kept.
inline constexpr size_t kAbiJsonSizeMax = size_t{64} << 20;
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
    /// The same event under other parameter names: nothing on the chain tells them apart.
    std::vector<std::vector<AbiParam>> twins = {};

    /// "Transfer(address,address,uint256)"
    [[nodiscard]] std::string signature() const;
    /// What its logs look like: "Transfer(address indexed,address indexed,uint256)".
    [[nodiscard]] std::string shape() const;
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
    /// In file order, no two of one shape. Overloads have other types; one signature may have
    /// several shapes, which differ in what is indexed.
    std::vector<AbiEvent> events;
    std::vector<AbiFunction> functions;
    /// Functions left out because only libraries can call them (storage pointers, enums by name)
    /// or because they use fixed-point numbers: "abi[3].inputs[0].type: ...".
    std::vector<std::string> skipped;
    /// Events left out for the same reasons: name and why.
    std::vector<std::pair<std::string, std::string>> skipped_events;

    /// All shapes of the one event that `name` means: "Transfer", "Transfer(address,uint256)" or
    /// "Transfer(address indexed,uint256)". Types alone mean the shape with nothing indexed, where
    /// there is that one, else all of the signature. A name that several signatures share, or
    /// nobody has, is an error that lists the choices. Pointers live as long as `events` is not
    /// changed.
    [[nodiscard]] Result<std::vector<const AbiEvent*>> find_events(std::string_view name) const;
    /// The same where there is but one shape; several are an error that lists them.
    [[nodiscard]] Result<const AbiEvent*> find_event(std::string_view name) const;
    [[nodiscard]] Result<const AbiFunction*> find_function(
        std::string_view name_or_signature) const;
    /// The shortest name by which `find_events` finds that one of `events` alone.
    [[nodiscard]] std::string name_of(const AbiEvent& event) const;

    /// Declares it too. What is there already, or differs in names only, adds no more than names.
    void add(AbiEvent event);
    void add(AbiFunction function);
    void add(const Abi& other);
};

/// Reads the ABI in a file:
///   - a plain array, also of human-readable lines (abi_human.hpp), or a text file of such lines;
///   - a Foundry, Hardhat, Truffle or Vyper artifact ({"abi": [...]});
///   - the output of solc --combined-json or --standard-json, and Hardhat's build-info;
///   - what Etherscan and its likes answer to getabi and getsourcecode.
/// When the file holds several contracts that have an ABI, `contract` says which ("Name" or
/// "path:Name"). Errors tell where: "abi[3].inputs[1].type: ...".
[[nodiscard]] Result<Abi> read_abi(std::string_view text, std::string_view contract = {});

}  // namespace plumbline::evm
