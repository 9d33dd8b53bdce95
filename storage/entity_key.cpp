#include "storage/entity_key.hpp"

#include <cstring>

#include "storage/key_parts.hpp"

namespace plumbline::storage {

void append_key_word(std::string& key, FieldType type, const evm::U256& word) {
    uint8_t bytes[32];
    const size_t width = type.width();
    if (type.kind == FieldKind::kFixedBytes) {
        word.to_be(bytes);
    } else {
        word.to_be(bytes, width);
        if (type.is_signed()) {
            bytes[0] ^= 0x80;
        }
    }
    key.append(reinterpret_cast<const char*>(bytes), width);
}

void append_key_dynamic(std::string& key, std::string_view value) {
    size_t from = 0;
    for (size_t zero = value.find('\0'); zero != std::string_view::npos;
         zero = value.find('\0', from)) {
        key.append(value, from, zero + 1 - from);
        key.push_back('\xff');
        from = zero + 1;
    }
    key.append(value.substr(from));
    key.append("\0\x01", 2);
}

void append_key_presence(std::string& key, bool is_null) {
    key.push_back(is_null ? '\0' : '\x01');
}

std::string prefix_end(std::string_view prefix) {
    std::string end{prefix};
    while (!end.empty() && end.back() == '\xff') {
        end.pop_back();
    }
    if (!end.empty()) {
        end.back() = static_cast<char>(end.back() + 1);
    }
    return end;
}

size_t key_part_size(std::string_view key, FieldType type) noexcept {
    if (type.optional) {
        if (key.empty() || static_cast<uint8_t>(key.front()) > 1) {
            return kBadKeyPart;
        }
        if (key.front() == '\0') {
            return 1;
        }
        const size_t size = key_part_size(key.substr(1), type.required());
        return size == kBadKeyPart ? size : size + 1;
    }
    if (!type.is_dynamic()) {
        return key.size() < type.width() ? kBadKeyPart : type.width();
    }
    for (size_t zero = key.find('\0'); zero != std::string_view::npos;
         zero = key.find('\0', zero + 2)) {
        if (zero + 1 >= key.size()) {
            return kBadKeyPart;
        }
        if (key[zero + 1] == '\x01') {
            return zero + 2;
        }
        if (key[zero + 1] != '\xff') {
            return kBadKeyPart;
        }
    }
    return kBadKeyPart;
}

std::string decode_key_text(std::string_view part) {
    std::string text;
    text.reserve(part.size());
    for (size_t i = 0; i + 2 < part.size(); ++i) {
        text.push_back(part[i]);
        if (part[i] == '\0') {
            ++i;
        }
    }
    return text;
}

Result<std::vector<KeyValue>> decode_key(std::string_view key, const std::vector<Field>& fields) {
    std::vector<KeyValue> values;
    values.reserve(fields.size());
    for (const Field& field : fields) {
        const size_t size = key_part_size(key, field.type);
        if (size == kBadKeyPart) {
            return Error{ErrorCode::kCorruption,
                         "stored key is damaged: '" + field.name + "' is cut off or misspelt"};
        }
        std::string_view part = key.substr(0, size);
        key.remove_prefix(size);
        KeyValue value;
        if (field.type.optional) {
            value.is_null = part.front() == '\0';
            part.remove_prefix(1);
        }
        if (value.is_null) {
            values.push_back(std::move(value));
            continue;
        }
        if (field.type.is_dynamic()) {
            value.bytes = decode_key_text(part);
        } else {
            uint8_t word[32] = {};
            std::memcpy(word, part.data(), part.size());
            switch (field.type.kind) {
                case FieldKind::kInt:
                case FieldKind::kDecimal:
                    word[0] ^= 0x80;
                    value.word = evm::U256::from_be_signed({word, part.size()});
                    break;
                case FieldKind::kFixedBytes: value.word = evm::U256::from_be(word); break;
                case FieldKind::kEnum:
                    if (word[0] >= field.type.names->size()) {
                        return Error{ErrorCode::kCorruption, "stored key is damaged: '" +
                                                                 field.name +
                                                                 "' is a value without a name"};
                    }
                    value.word = evm::U256{word[0]};
                    break;
                case FieldKind::kBool:
                    if (word[0] > 1) {
                        return Error{ErrorCode::kCorruption,
                                     "stored key is damaged: '" + field.name + "' is no bool"};
                    }
                    [[fallthrough]];
                default: value.word = evm::U256::from_be({word, part.size()}); break;
            }
        }
        values.push_back(std::move(value));
    }
    if (!key.empty()) {
        return Error{ErrorCode::kCorruption, "stored key is damaged: bytes after the last field"};
    }
    return values;
}

}  // namespace plumbline::storage
