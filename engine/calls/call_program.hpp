// The program that makes many contract calls inside one eth_call; its source is call_program.yul.
// Nothing here talks to a node.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/evm/bytes.hpp"
#include "rpc/chain_source.hpp"
#include "storage/call_fact.hpp"

namespace plumbline::engine {

/// Of one request to the program, with which every node's limit of 49,152 bytes for the code of a
/// creation is kept, and its time.
inline constexpr size_t kProgramBytesMax = 40'000;
inline constexpr size_t kProgramCallsMax = 400;

/// How the program gets into the node.
enum class ProgramForm : uint8_t {
    kCreate,    ///< as the code of a contract in creation
    kOverride,  ///< in place of an address' code
};

/// Bytes that a call takes in a request.
[[nodiscard]] constexpr size_t program_size(const storage::CallKey& call) noexcept {
    return 22 + call.input.size();
}
/// Of the state after `block`. The program gives the request's mark back.
[[nodiscard]] rpc::CallRequest make_program_call(ProgramForm form,
                                                 std::span<const storage::CallKey* const> calls,
                                                 const rpc::StateBlock& block);
/// Where what the program is given begins with such a mark.
inline constexpr size_t kProgramMarkSize = 8;

/// What the program says of one call.
struct ProgramResult {
    /// Empty: it failed having used all the gas there was, which is no answer.
    std::optional<storage::CallOutcome> outcome;
    ByteView data;
};
/// Of the first calls, in their order: at most `count`, perhaps none. Empty where `answer` is not
/// the program's, to the last byte. The results point into it.
[[nodiscard]] std::optional<std::vector<ProgramResult>> read_program_answer(ByteView answer,
                                                                            size_t count);

}  // namespace plumbline::engine
