// ABI type text: what is accepted reads back from its canonical text, within the limits.
#include "core/evm/abi_type.hpp"

#include <cstdint>
#include <string>

#include "core/base/check.hpp"
#include "core/evm/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace plumbline;
    const auto type = evm::parse_type(as_chars({data, size}));
    if (!type) {
        PLUMBLINE_CHECK(!type.error().message.empty() && type.error().message.size() < 400);
        return 0;
    }
    const std::string text = evm::to_string(*type);
    const auto again = evm::parse_type(text);
    PLUMBLINE_CHECK(again.has_value());
    PLUMBLINE_CHECK(*again == *type);
    PLUMBLINE_CHECK(evm::check_type(*type).has_value());
    PLUMBLINE_CHECK(type->head_size() >= 32 && type->head_size() <= evm::kAbiHeadSizeMax);
    return 0;
}
