// Event data: the fast decoder and the plain one accept the same bytes and read the same values;
// what was read encodes and decodes to itself. Input: types in text, a zero byte, the data. Or,
// when the first byte is 1: numbers that choose types, values and damage.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/check.hpp"
#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_encode.hpp"
#include "core/evm/abi_text.hpp"
#include "core/evm/abi_value.hpp"
#include "tests/core/evm/abi_random.hpp"

namespace {

using namespace plumbline;

/// The input as a source of numbers; zeros when it is used up.
struct InputNumbers {
    ByteView rest;
    uint64_t operator()() {
        uint64_t out = 0;
        const size_t size = std::min<size_t>(2, rest.size());
        std::memcpy(&out, rest.data(), size);
        rest = rest.subspan(size);
        return out;
    }
};

void compare(const std::vector<evm::AbiType>& types, ByteView data) {
    evm::AbiEvent event;
    event.name = "E";
    for (const evm::AbiType& type : types) {
        event.inputs.push_back(evm::AbiParam{"", type, false});
    }
    const auto decoder = evm::EventDecoder::compile(event);
    PLUMBLINE_CHECK(decoder.has_value());
    evm::DecodedEvent out;
    const evm::AbiError error = decoder->decode(std::vector{decoder->topic0()}, data, out);
    const auto plain = evm::decode_values(types, data);
    PLUMBLINE_CHECK((error == evm::AbiError::kNone) == plain.has_value());
    if (!plain) {
        return;
    }
    for (size_t i = 0; i < types.size(); ++i) {
        PLUMBLINE_CHECK(evm::to_abi_value(out, out.params()[i]) == (*plain)[i]);
    }
    const auto encoded = evm::encode_values(types, *plain);
    PLUMBLINE_CHECK(encoded.has_value());
    const auto again = evm::decode_values(types, *encoded);
    PLUMBLINE_CHECK(again.has_value() && *again == *plain);
    std::string text;
    evm::append_json(text, *decoder, out);
    PLUMBLINE_CHECK(text.front() == '{' && text.back() == '}');
}

void compare_random(ByteView input) {
    InputNumbers numbers{input};
    evm::test::AbiRandom random{numbers};
    std::vector<evm::AbiType> types;
    std::vector<evm::AbiValue> values;
    for (uint64_t i = 1 + random.below(3); i > 0; --i) {
        types.push_back(random.type());
        values.push_back(random.value(types.back()));
    }
    auto encoded = evm::encode_values(types, values);
    PLUMBLINE_CHECK(encoded.has_value());
    compare(types, *encoded);
    random.damage(*encoded);
    compare(types, *encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteView input{data, size};
    if (!input.empty() && input[0] == 1) {
        compare_random(input.subspan(1));
        return 0;
    }
    const auto end = std::ranges::find(input, uint8_t{0});
    if (end == input.end()) {
        return 0;
    }
    const auto text_size = static_cast<size_t>(end - input.begin());
    const auto tuple = evm::parse_type(as_chars(input.first(text_size)));
    if (tuple && tuple->kind == evm::TypeKind::kTuple) {
        compare(tuple->children, input.subspan(text_size + 1));
    }
    return 0;
}
