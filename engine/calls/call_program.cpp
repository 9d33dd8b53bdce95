#include "engine/calls/call_program.hpp"

#include <memory>
#include <string_view>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::engine {

namespace {

// What call_program.yul compiles to; tools/node/state_program.mjs --write puts it here.
constexpr char kProgramHex[] =
    "368015610123578060006080375b60809081016020810191829160048301916000905b626acfc05a1183821016"
    "61004c575b5090506001808401538060081c600284015360038301530390f35b601481015160f01c9381516060"
    "1c6002600091803b6100a6575b50615dc088838501031161009d5760f81b60e882901b17825260019291908060"
    "00600384013e600301019460160101910190610022565b50509350610031565b915050625b8d805a0390600080"
    "885a93601688019086fa15903d928260001461010b5783156100ec575b505061010082116100e2575b38610066"
    "565b61010091506100dc565b8060031c9003905a900311610103575b38806100d0565b5060036100fc565b5050"
    "6120008211156100dc57505060046000906100dc565b5061013538038061013560803961000d56";

constexpr size_t kAnswerHead = 4;
constexpr size_t kResultHead = 3;
constexpr uint8_t kProgramVersion = 1;

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

rpc::CallRequest make_program_call(ProgramForm form,
                                   std::span<const storage::CallKey* const> calls) {
    rpc::CallRequest out;
    if (form == ProgramForm::kCreate) {
        out.data = program_code();
    } else {
        static const auto shared = std::make_shared<const Bytes>(program_code());
        out.to = program_address();
        out.code = shared;
    }
    for (const storage::CallKey* call : calls) {
        PLUMBLINE_CHECK(call->input.size() <= UINT16_MAX);
        out.data.insert(out.data.end(), call->to.bytes.begin(), call->to.bytes.end());
        out.data.push_back(static_cast<uint8_t>(call->input.size() >> 8));
        out.data.push_back(static_cast<uint8_t>(call->input.size()));
        const ByteView input = as_bytes(call->input);
        out.data.insert(out.data.end(), input.begin(), input.end());
    }
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
