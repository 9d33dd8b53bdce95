#include "engine/calls/call_program.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::engine {

namespace {

// What call_program.yul compiles to; tools/node/state_program.mjs --write puts it here.
constexpr char kProgramHex[] =
    "36801561012a578060006080375b6080805160a483015260a0820191829160ac82019101600060885b626acfc0"
    "5a1183821016610053575b509050600260018401538060081c600284015360038301530390f35b601481015160"
    "f01c93815160601c6002600091803b6100ad575b50615dc08883850103116100a45760f81b60e882901b178252"
    "6001929190806000600384013e600301019460160101910190610028565b50509350610037565b915050625b8d"
    "805a0390600080885a93601688019086fa15903d92826000146101125783156100f3575b505061010082116100"
    "e9575b3861006d565b61010091506100e3565b8060031c9003905a90031161010a575b38806100d7565b506003"
    "610103565b50506120008211156100e357505060046000906100e3565b5061013c38038061013c60803961000d"
    "56";

constexpr size_t kMarkPlace = 4;
constexpr size_t kAnswerHead = 12;
constexpr size_t kResultHead = 3;
constexpr uint8_t kProgramVersion = 2;

const Bytes& program_code() {
    static const Bytes code = [] {
        const std::string_view digits{kProgramHex};
        Bytes out(digits.size() / 2);
        PLUMBLINE_CHECK(evm::decode_hex(digits, out.data()));
        return out;
    }();
    return code;
}

/// An address that nobody has the key of.
const evm::Address& program_address() {
    static const evm::Address address = evm::Address::from(
        evm::keccak256(std::string_view{"plumbline call program"}).view().subspan(12));
    return address;
}

}  // namespace

rpc::CallRequest make_program_call(ProgramForm form, std::span<const storage::CallKey* const> calls,
                                   const rpc::StateBlock& block) {
    rpc::CallRequest out;
    out.block = block;
    if (form == ProgramForm::kCreate) {
        out.data = program_code();
    } else {
        static const auto shared = std::make_shared<const Bytes>(program_code());
        out.to = program_address();
        out.code = shared;
    }
    const size_t start = out.data.size();
    rpc::AnswerMark mark{{0, kProgramVersion}, kMarkPlace, {}};
    out.data.insert(out.data.end(), mark.bytes.begin(), mark.bytes.end());
    for (const storage::CallKey* call : calls) {
        PLUMBLINE_CHECK(call->input.size() <= UINT16_MAX);
        out.data.insert(out.data.end(), call->to.bytes.begin(), call->to.bytes.end());
        out.data.push_back(static_cast<uint8_t>(call->input.size() >> 8));
        out.data.push_back(static_cast<uint8_t>(call->input.size()));
        const ByteView input = as_bytes(call->input);
        out.data.insert(out.data.end(), input.begin(), input.end());
    }
    // Of the block and the calls: no two requests that differ have the same.
    Bytes asked{block.hash.bytes.begin(), block.hash.bytes.end()};
    asked.insert(asked.end(), out.data.begin() + static_cast<std::ptrdiff_t>(start),
                 out.data.end());
    const evm::Hash hash = evm::keccak256(ByteView{asked});
    std::copy_n(hash.bytes.begin(), mark.bytes.size(), mark.bytes.begin());
    std::ranges::copy(mark.bytes, out.data.begin() + static_cast<std::ptrdiff_t>(start));
    out.mark = mark;
    return out;
}

std::optional<std::vector<ProgramResult>> read_program_answer(ByteView answer, size_t count) {
    if (answer.size() < kAnswerHead || answer[0] != 0 || answer[1] != kProgramVersion) {
        return std::nullopt;
    }
    const size_t done = size_t{answer[2]} << 8 | answer[3];
    if (done > count) {
        return std::nullopt;
    }
    std::vector<ProgramResult> out;
    answer = answer.subspan(kAnswerHead);
    for (size_t i = 0; i < done; ++i) {
        if (answer.size() < kResultHead || answer[0] > 4) {
            return std::nullopt;
        }
        const size_t size = size_t{answer[1]} << 8 | answer[2];
        if (size > answer.size() - kResultHead || size > storage::kCallDataMax) {
            return std::nullopt;
        }
        ProgramResult result;
        result.data = answer.subspan(kResultHead, size);
        switch (answer[0]) {
            case 0: result.outcome = storage::CallOutcome::kAnswered; break;
            case 1: result.outcome = storage::CallOutcome::kReverted; break;
            case 2: result.outcome = storage::CallOutcome::kNothing; break;
            case 4: result.outcome = storage::CallOutcome::kTooLarge; break;
            default: break;
        }
        out.push_back(result);
        answer = answer.subspan(kResultHead + size);
    }
    return answer.empty() ? std::optional{std::move(out)} : std::nullopt;
}

}  // namespace plumbline::engine
