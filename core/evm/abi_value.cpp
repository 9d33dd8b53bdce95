#include "core/evm/abi_value.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace plumbline::evm {

namespace {

AbiError check_range(const AbiType& type, const U256& word, ByteView raw) {
    switch (type.kind) {
        case TypeKind::kUint:
            return word.fits_unsigned(type.bits) ? AbiError::kNone : AbiError::kBadUint;
        case TypeKind::kInt:
            return word.fits_signed(type.bits) ? AbiError::kNone : AbiError::kBadInt;
        case TypeKind::kBool: return word <= U256{1} ? AbiError::kNone : AbiError::kBadBool;
        case TypeKind::kAddress:
            return word.fits_unsigned(160) ? AbiError::kNone : AbiError::kBadAddress;
        default: break;
    }
    const ByteView padding = raw.subspan(type.byte_count());
    return std::ranges::all_of(padding, [](uint8_t byte) { return byte == 0; })
               ? AbiError::kNone
               : AbiError::kBadFixedBytes;
}

/// Reads straight from the definition in the ABI specification. Each piece of data is claimed once,
/// front to back, which is what makes overlaps and reordering visible.
class ValueReader {
  public:
    explicit ValueReader(ByteView data) : data_{data} {}

    /// Values of `types` whose heads stand side by side at `start`: the encoding of a tuple.
    AbiError read_tuple(std::span<const AbiType> types, uint64_t start,
                        std::vector<AbiValue>& out) {
        uint64_t size = 0;
        for (const AbiType& type : types) {
            size += type.head_size();
        }
        if (const AbiError error = claim(start, size); error != AbiError::kNone) {
            return error;
        }
        uint64_t head = start;
        for (size_t i = 0; i < types.size(); ++i) {
            out.emplace_back();
            path_.push_back(i);
            if (const AbiError error = read_at(types[i], head, start, size, out.back());
                error != AbiError::kNone) {
                return error;
            }
            path_.pop_back();
            head += types[i].head_size();
        }
        return AbiError::kNone;
    }

    [[nodiscard]] std::string where() const {
        std::string out = "value";
        for (size_t i = 0; i < path_.size(); ++i) {
            out += fmt::format("{}{}", i == 0 ? " " : ".", path_[i]);
        }
        return out;
    }

  private:
    /// `size` bytes from `start`, all inside the data and none of them read before.
    AbiError claim(uint64_t start, uint64_t size) {
        if (start > data_.size() || size > data_.size() - start) {
            return AbiError::kTruncated;
        }
        if (start < claimed_) {
            return AbiError::kOverlap;
        }
        claimed_ = start + size;
        return AbiError::kNone;
    }

    AbiError read_at(const AbiType& type, uint64_t head, uint64_t frame, uint64_t frame_size,
                     AbiValue& out) {
        if (!type.is_dynamic()) {
            return read_static(type, head, out);
        }
        const U256 offset = U256::from_be(data_.subspan(head, 32));
        if (!offset.fits_u64() || offset.limb[0] > data_.size() - frame) {
            return AbiError::kOffsetOutside;
        }
        if (offset.limb[0] < frame_size) {
            return AbiError::kOffsetInHead;
        }
        return read_tail(type, frame + offset.limb[0], out);
    }

    AbiError read_static(const AbiType& type, uint64_t start, AbiValue& out) {
        if (type.is_word()) {
            const ByteView raw = data_.subspan(start, 32);
            out.word = U256::from_be(raw);
            return check_range(type, out.word, raw);
        }
        const size_t count = type.is_array() ? type.length : type.children.size();
        for (size_t i = 0; i < count; ++i) {
            const AbiType& part = type.is_array() ? type.children[0] : type.children[i];
            out.items.emplace_back();
            path_.push_back(i);
            if (const AbiError error = read_static(part, start, out.items.back());
                error != AbiError::kNone) {
                return error;
            }
            path_.pop_back();
            start += part.head_size();
        }
        return AbiError::kNone;
    }

    AbiError read_tail(const AbiType& type, uint64_t start, AbiValue& out) {
        switch (type.kind) {
            case TypeKind::kTuple: return read_tuple(type.children, start, out.items);
            case TypeKind::kFixedArray: return read_elements(type, start, type.length, out);
            default: break;
        }
        if (const AbiError error = claim(start, 32); error != AbiError::kNone) {
            return error;
        }
        const U256 length = U256::from_be(data_.subspan(start, 32));
        if (length > U256{data_.size()}) {
            return AbiError::kLength;
        }
        if (type.kind == TypeKind::kArray) {
            const AbiError error = read_elements(type, start + 32, length.limb[0], out);
            return error;
        }
        if (claim(start + 32, length.limb[0]) != AbiError::kNone) {
            return AbiError::kLength;
        }
        const ByteView content = data_.subspan(start + 32, length.limb[0]);
        out.bytes.assign(content.begin(), content.end());
        return AbiError::kNone;
    }

    AbiError read_elements(const AbiType& type, uint64_t start, uint64_t count, AbiValue& out) {
        const AbiType& element = type.children[0];
        const uint64_t size = count * element.head_size();  // at most 2^32 times 2^32 - 1
        if (const AbiError error = claim(start, size); error != AbiError::kNone) {
            return type.kind == TypeKind::kArray && error == AbiError::kTruncated
                       ? AbiError::kLength
                       : error;
        }
        for (uint64_t i = 0; i < count; ++i) {
            out.items.emplace_back();
            path_.push_back(i);
            if (const AbiError error = read_at(element, start + i * element.head_size(), start,
                                               size, out.items.back());
                error != AbiError::kNone) {
                return error;
            }
            path_.pop_back();
        }
        return AbiError::kNone;
    }

    ByteView data_;
    uint64_t claimed_ = 0;
    std::vector<uint64_t> path_;  ///< where the reader is, for messages
};

}  // namespace

AbiValue AbiValue::number(const U256& word) {
    AbiValue value;
    value.word = word;
    return value;
}

AbiValue AbiValue::address(const Address& address) {
    return number(U256::from_be(address.view()));
}

AbiValue AbiValue::fixed_bytes(ByteView bytes) {
    std::array<uint8_t, 32> word{};
    std::copy_n(bytes.begin(), std::min<size_t>(bytes.size(), word.size()), word.begin());
    return number(U256::from_be(word));
}

AbiValue AbiValue::text(std::string_view text) {
    return blob(as_bytes(text));
}

AbiValue AbiValue::blob(ByteView bytes) {
    AbiValue value;
    value.bytes.assign(bytes.begin(), bytes.end());
    return value;
}

AbiValue AbiValue::list(std::vector<AbiValue> items) {
    AbiValue value;
    value.items = std::move(items);
    return value;
}

Result<std::vector<AbiValue>> decode_values(std::span<const AbiType> types, ByteView data) {
    if (types.size() > kAbiComponentsMax || data.size() > UINT32_MAX) {
        return Error{ErrorCode::kTooLarge, "too many values, or more than 4 GiB of data"};
    }
    ValueReader reader{data};
    std::vector<AbiValue> out;
    const AbiError error = reader.read_tuple(types, 0, out);
    if (error != AbiError::kNone) {
        return Error{ErrorCode::kDecode, fmt::format("{}: {}", reader.where(), to_string(error))};
    }
    return out;
}

AbiValue to_abi_value(const DecodedEvent& event, const Value& value) {
    AbiValue out;
    switch (value.kind) {
        case ValueKind::kWord:
        case ValueKind::kHashed: out.word = value.word; break;
        case ValueKind::kBytes: out.bytes.assign(value.bytes().begin(), value.bytes().end()); break;
        case ValueKind::kList:
            for (const Value& child : event.children(value)) {
                out.items.push_back(to_abi_value(event, child));
            }
            break;
    }
    return out;
}

}  // namespace plumbline::evm
