#include "rpc/call_refusal.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/base/ascii.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::rpc {

namespace {

// All in lower case. What comes first is tried first.
constexpr auto kMissing = std::to_array<std::string_view>({
    "missing trie node",       // geth
    "historical state",        // geth, many gateways
    "state unavailable",       // geth, besu ("World state unavailable")
    "state is not available",  // geth, path scheme
    "state not available",
    "state not found",
    "no state available",  // nethermind
    "no state found",      // reth: "no state found for block 0xab"
    "state is pruned",
    "state at block",  // reth: "state at block #1 is pruned"
    "due to pruning",  // erigon: "old data not available due to pruning"
    "pruned",
    "proof window",               // reth
    "header not found",           // geth, erigon
    "header for hash not found",  // geth
    "not currently canonical",    // geth
    "not canonical",
    "non-canonical",
    "block not found",
    "unknown block",
    "resource not found",  // anvil
    "blockoutofrange",     // anvil, also for what --prune-history took
    "archive",             // "needs an archive node"
});
// The code ran, and stopped by itself. Running out of gas is not among them: more gas may help.
// What several clients say is written once; blanks differ between revm and the others.
constexpr auto kFailed = std::to_array<std::string_view>({
    "revert",
    "invalid opcode",             // geth, erigon
    "invalidfeopcode",            // revm
    "opcodenotfound",             // revm
    "notactivated",               // revm: an opcode of a later fork
    "bad instruction",            // besu
    "badinstruction",             // nethermind
    "stack underflow",            // geth, besu
    "stackunderflow",             // revm, nethermind
    "stackoverflow",              // revm, nethermind
    "stack limit reached",        // geth
    "out of stack",               // besu
    "invalid jump",               // geth
    "invalidjump",                // revm, nethermind
    "bad jump",                   // besu
    "badjump",                    // nethermind
    "return data out of bounds",  // geth, erigon; besu's "Out of bounds" may be of a block as well
    "outofoffset",                // revm
    "accessviolation",            // nethermind
    "write protection",           // geth
    "statechangeduringstaticcall",  // revm
    "callnotallowedinsidestatic",   // revm
    "staticcallviolation",          // nethermind
    "illegal state change",         // besu
    "precompileerror",              // revm
    "precompile error",             // besu
    "precompilefailure",            // nethermind
});

constexpr auto kGas = std::to_array<std::string_view>({
    "out of gas", "outofgas",
    "oog",                          // revm: MemoryLimitOOG
    "gas uint64 overflow",          // geth: more memory than any
    "out of memory: memory limit",  // reth
});
// What a node says of itself.
constexpr auto kOfTheNode = std::to_array<std::string_view>({
    "internal error",
    "time",
    "busy",
    "load",
    "limit",
    "available",
    "tier",
    "method",
    "param",
    "argument",
    "server",
    "healthy",
    "support",
});

bool has_any(std::string_view text, auto&& parts) {
    return std::ranges::any_of(
        parts, [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

std::string lowered(std::string text) {
    std::ranges::transform(text, text.begin(), ascii_lower);
    return text;
}

}  // namespace

CallRefusal classify_call_refusal(const RefusalText& text) {
    const std::string whole = lowered(std::string{text.message}.append(1, ' ').append(text.data));
    // A contract chooses its own words, so its revert is known by the code where there is one.
    if (text.code == 3) {
        return CallRefusal::kReverted;
    }
    if (text.http_status == 200 && whole.find("revert") != std::string::npos) {
        return CallRefusal::kReverted;
    }
    if (has_any(whole, kMissing)) {
        return CallRefusal::kMissingState;
    }
    if (has_any(whole, kFailed)) {
        return CallRefusal::kReverted;
    }
    const RefusalClass general = classify_refusal(text).kind;
    switch (general) {
        case RefusalClass::kRateLimit:
        case RefusalClass::kBilling: return CallRefusal::kOther;
        case RefusalClass::kHeadRace:
        case RefusalClass::kMissingData: return CallRefusal::kMissingState;
        case RefusalClass::kOutage:
            // "Internal error" with HTTP 200 is how many nodes say that this call failed them.
            return text.http_status == 200 && text.code == -32603 ? CallRefusal::kRefused
                                                                  : CallRefusal::kOther;
        default: return CallRefusal::kRefused;
    }
}

bool names_gas(std::string_view text) {
    return has_any(lowered(std::string{text}), kGas);
}

bool may_be_the_contract(std::string_view text) {
    return !has_any(lowered(std::string{text}), kOfTheNode);
}

Bytes revert_data(std::string_view error_data) {
    const size_t start = error_data.find("0x");
    if (start == std::string_view::npos) {
        return {};
    }
    const size_t end = error_data.find_first_not_of("0123456789abcdefABCDEF", start + 2);
    auto bytes =
        evm::parse_hex(error_data.substr(start, end == std::string_view::npos ? end : end - start));
    return bytes ? *std::move(bytes) : Bytes{};
}

}  // namespace plumbline::rpc
