// Whether a provider answers an eth_call from the block that it is asked about: the ways in which
// the programs of block_programs.hpp are run, and what their answers say.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "rpc/chain_source.hpp"

namespace plumbline::rpc {

struct ProbeWay {
    bool has_code_at;  ///< as the code of an address, else of a contract in creation
    bool by_num;
};
/// By hash first: by number is asked of who takes no hash only.
inline constexpr std::array<ProbeWay, 4> kProbeWays{
    {{false, false}, {true, false}, {false, true}, {true, true}}};

/// `code`: kBlockTimeCode or kBlockNumCode.
[[nodiscard]] CallRequest make_block_probe(const char* code, const evm::BlockId& block,
                                           const ProbeWay& way);

/// Empty where it tells none.
[[nodiscard]] std::optional<uint64_t> probe_word_of(const CallResult& result);

struct ProbedBlock {
    evm::BlockId id;
    uint64_t timestamp = 0;
};

/// What one provider told of two blocks, in one way.
struct ProbeWords {
    std::optional<uint64_t> time;    ///< of the older one
    std::optional<uint64_t> number;  ///< of the older one
    std::optional<uint64_t> own;     ///< the newer one's number
    [[nodiscard]] bool is_any() const { return time || number || own; }
};

/// "answers eth_call from another block than it is asked about (block 7, ...)"; empty where that is
/// not shown. A time counts only where it is `newer`'s or later, for some chains' calls run between
/// two blocks; a number where it is the block's own chain's, and then also where it is below the
/// block's (block_programs.hpp).
[[nodiscard]] std::string describe_off_block(const ProbedBlock& older, const ProbedBlock& newer,
                                             const ProbeWords& words);

}  // namespace plumbline::rpc
