// Any bytes as an entity key: refused, or the one spelling of the values read from it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.hpp"
#include "storage/entity_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace plumbline;
    if (size < 2) {
        return 0;
    }
    // Two bytes choose the layout, the rest is the key.
    static constexpr const char* kTypes[] = {"string",  "uint256", "int16", "bool",
                                             "address", "bytes3",  "bytes", "int256"};
    std::vector<storage::Field> fields;
    for (unsigned i = 0; i < 1U + data[0] % 4U; ++i) {
        fields.push_back({"f", *storage::parse_field_type(kTypes[(data[1] >> (2 * i)) % 8U])});
    }
    const std::string_view key = as_chars({data + 2, size - 2});
    const auto values = storage::decode_key(key, fields);
    if (!values) {
        PLUMBLINE_CHECK(values.error().code == ErrorCode::kCorruption);
        return 0;
    }
    std::string again;
    for (size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].type.is_dynamic()) {
            storage::append_key_dynamic(again, (*values)[i].bytes);
        } else {
            storage::append_key_word(again, fields[i].type, (*values)[i].word);
        }
    }
    PLUMBLINE_CHECK(again == key);
    return 0;
}
