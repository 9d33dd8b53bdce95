// Any response body is read without harm, and what the reader accepts keeps its promises: one
// answer a call; reading the same bytes again gives the same kinds of answers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rpc/eth_json.hpp"
#include "rpc/refusal.hpp"

using plumbline::rpc::Answer;
using plumbline::rpc::AnswerReader;
using plumbline::rpc::Call;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static AnswerReader reader;
    // The first byte says what was asked.
    if (size == 0) {
        return 0;
    }
    std::vector<Call> calls(1 + data[0] % 3U);
    for (size_t i = 0; i < calls.size(); ++i) {
        calls[i].kind = static_cast<Call::Kind>((data[0] / 3U + i) % 9U);
    }
    plumbline::Bytes body{data + 1, data + size};
    const auto answers = reader.read(body, calls, 1);
    if (answers) {
        if (answers->size() != calls.size()) {
            std::abort();
        }
        const auto again = reader.read(body, calls, 1);
        if (!again) {
            std::abort();
        }
        for (size_t i = 0; i < calls.size(); ++i) {
            if ((*answers)[i].value.index() != (*again)[i].value.index()) {
                std::abort();
            }
            if (const auto* error = (*answers)[i].get<plumbline::rpc::RpcError>()) {
                static_cast<void>(plumbline::rpc::classify_refusal(
                    {200, error->code, error->message, error->data}));
            }
        }
    }
    static_cast<void>(reader.read_error(body));
    return 0;
}
