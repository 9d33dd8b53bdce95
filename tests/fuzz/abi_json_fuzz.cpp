// ABI files: any text is read or refused with a message; what is read can be compiled and looked
// up.
#include "core/evm/abi_json.hpp"

#include <cstdint>
#include <string>

#include "core/base/check.hpp"
#include "core/evm/abi_decode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace plumbline;
    const auto abi = evm::read_abi(as_chars({data, size}));
    if (!abi) {
        PLUMBLINE_CHECK(!abi.error().message.empty());
        return 0;
    }
    for (const evm::AbiEvent& event : abi->events) {
        PLUMBLINE_CHECK(event.topic_count() <= 4);
        const auto decoder = evm::EventDecoder::compile(event);
        PLUMBLINE_CHECK(decoder.has_value());
        for (size_t i = 0; i < event.inputs.size(); ++i) {
            PLUMBLINE_CHECK(decoder->compile_path("$arg." + std::to_string(i)).has_value());
            if (!event.inputs[i].name.empty()) {
                const auto path = decoder->compile_path(event.inputs[i].name);
                // Under another of its names the event may have it elsewhere.
                PLUMBLINE_CHECK(path.has_value() ? path->steps.size() == 1 && path->steps[0] == i
                                                 : !event.twins.empty());
            }
        }
    }
    for (const evm::AbiFunction& function : abi->functions) {
        PLUMBLINE_CHECK(!function.signature().empty());
    }
    return 0;
}
