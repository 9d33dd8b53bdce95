// Random ABI types, values and damage for property tests and fuzz targets, from any source of
// numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/evm/abi_type.hpp"
#include "core/evm/abi_value.hpp"

namespace plumbline::evm::test {

/// `Source` gives a 64-bit number a call: a std::mt19937_64, or bytes of a fuzzer's input.
template <typename Source>
class AbiRandom {
  public:
    explicit AbiRandom(Source& source) : source_{source} {}

    uint64_t below(uint64_t bound) { return source_() % bound; }

    AbiType type(int depth = 3) {
        AbiType out;
        switch (below(depth > 0 ? 10 : 7)) {
            case 0: return integer(TypeKind::kUint);
            case 1: return integer(TypeKind::kInt);
            case 2: return parse("bool");
            case 3: return parse("address");
            case 4: return parse("bytes" + std::to_string(1 + below(32)));
            case 5: return parse("bytes");
            case 6: return parse("string");
            case 7:
                out.kind = TypeKind::kFixedArray;
                out.length = static_cast<uint32_t>(1 + below(3));
                out.children.push_back(type(depth - 1));
                break;
            case 8:
                out.kind = TypeKind::kArray;
                out.children.push_back(type(depth - 1));
                break;
            default:
                out.kind = TypeKind::kTuple;
                for (uint64_t i = 1 + below(3); i > 0; --i) {
                    out.names.push_back(below(4) == 0 ? "" : "c" + std::to_string(i));
                    out.children.push_back(type(depth - 1));
                }
                break;
        }
        out.bits = 0;
        return out;
    }

    AbiValue value(const AbiType& type) {
        switch (type.kind) {
            case TypeKind::kUint:
            case TypeKind::kAddress: return AbiValue::number(U256::from_be(bytes(type.bits / 8U)));
            case TypeKind::kInt:
                return AbiValue::number(U256::from_be_signed(bytes(type.bits / 8U)));
            case TypeKind::kBool: return AbiValue::number(U256{below(2)});
            case TypeKind::kFixedBytes: return AbiValue::fixed_bytes(bytes(type.byte_count()));
            case TypeKind::kBytes:
            case TypeKind::kString: return AbiValue::blob(bytes(below(70)));
            default: break;
        }
        std::vector<AbiValue> items;
        const uint64_t count = type.kind == TypeKind::kArray        ? below(4)
                               : type.kind == TypeKind::kFixedArray ? type.length
                                                                    : type.children.size();
        for (uint64_t i = 0; i < count; ++i) {
            items.push_back(value(type.is_array() ? type.children[0] : type.children[i]));
        }
        return AbiValue::list(std::move(items));
    }

    /// Changes a few bytes, mostly in ways that look like offsets and lengths.
    void damage(Bytes& data) {
        if (data.empty()) {
            return;
        }
        for (uint64_t i = 1 + below(3); i > 0; --i) {
            const size_t at = below(data.size());
            switch (below(5)) {
                case 0: data[at] = static_cast<uint8_t>(source_()); break;
                case 1:
                    data[at / 32 * 32 + 31 < data.size() ? at / 32 * 32 + 31 : at] ^= 0x20;
                    break;
                case 2: data.resize(at + 1); break;
                case 3: data[at / 32 * 32] = 0xff; break;
                default: data[at] = static_cast<uint8_t>(data[at] + 32 * below(4)); break;
            }
        }
    }

  private:
    static AbiType parse(std::string_view text) { return parse_type(text).value(); }
    AbiType integer(TypeKind kind) {
        AbiType out;
        out.kind = kind;
        out.bits = static_cast<uint16_t>(8 * (1 + below(32)));
        return out;
    }
    Bytes bytes(size_t size) {
        Bytes out(size);
        const uint64_t shape = below(4);
        for (uint8_t& byte : out) {
            byte = shape == 0 ? 0 : shape == 1 ? 0xff : static_cast<uint8_t>(source_());
        }
        return out;
    }

    Source& source_;
};

}  // namespace plumbline::evm::test
