#include "query/sql/json_kinds.hpp"

#include <algorithm>
#include <string>

namespace plumbline::query::sql {

namespace {

using evm::AbiType;
using evm::TypeKind;

const AbiType* item_of(const AbiType& type) {
    return type.is_array() ? &type.children.front() : nullptr;
}

const AbiType* member_of(const AbiType& type, std::string_view name) {
    for (size_t i = 0; type.kind == TypeKind::kTuple && i < type.children.size(); ++i) {
        if (type.names[i].empty() ? std::to_string(i) == name : type.names[i] == name) {
            return &type.children[i];
        }
    }
    return nullptr;
}

/// Takes the first step off a path: ".name", `."name"` or "[2]".
const AbiType* step(const AbiType& type, std::string_view& path) {
    if (path.starts_with('[')) {
        const size_t end = path.find(']');
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
        return item_of(type);
    }
    if (!path.starts_with('.')) {
        return nullptr;
    }
    path.remove_prefix(1);
    const bool is_quoted = path.starts_with('"');
    path.remove_prefix(is_quoted ? 1 : 0);
    const size_t end = std::min(is_quoted ? path.find('"') : path.find_first_of(".["), path.size());
    const AbiType* const out = member_of(type, path.substr(0, end));
    path.remove_prefix(std::min(end + (is_quoted ? 1U : 0U), path.size()));
    return out;
}

}  // namespace

Kinds kinds_of_json(const AbiType& type) {
    switch (type.kind) {
        case TypeKind::kUint:
            return type.bits > 64 ? kWide : type.bits > kJsonBits ? kJsonUint : kInteger;
        case TypeKind::kInt:
            return type.bits > 64 ? kWide : type.bits > kJsonBits ? kJsonInt : kInteger;
        case TypeKind::kBool: return kInteger;
        case TypeKind::kAddress:
        case TypeKind::kFixedBytes:
        case TypeKind::kBytes: return kHex;
        case TypeKind::kString: return kText;
        case TypeKind::kFixedArray:
        case TypeKind::kArray:
        case TypeKind::kTuple: break;
    }
    return static_cast<Kinds>(kText | (has_wide_parts(type) ? Kinds{kWideJson} : 0) |
                              (has_hex_parts(type) ? Kinds{kHexJson} : 0));
}

unsigned bits_of_json(const AbiType& type) {
    constexpr unsigned kUnknown = 63;
    switch (type.kind) {
        case TypeKind::kBool: return 1;
        case TypeKind::kUint:
        case TypeKind::kInt: return std::min<unsigned>(type.bits, kUnknown);
        default: break;
    }
    unsigned out = type.children.empty() ? kUnknown : 0;
    for (const AbiType& child : type.children) {
        out = std::max(out, bits_of_json(child));
    }
    return out;
}

Kinds kinds_of_json_items(const AbiType& type) {
    Kinds out = 0;
    for (const AbiType& child : type.children) {
        out |= kinds_of_json(child);
    }
    return type.children.empty() ? kinds_of_json(type) : out;
}

Kinds kinds_inside_json(const AbiType& type) {
    Kinds out = kinds_of_json(type);
    for (const AbiType& child : type.children) {
        out |= kinds_inside_json(child);
    }
    return out;
}

bool has_wide_parts(const AbiType& type) {
    const bool is_integer = type.kind == TypeKind::kUint || type.kind == TypeKind::kInt;
    return (is_integer && type.bits > kJsonBits) ||
           std::ranges::any_of(type.children, has_wide_parts);
}

bool has_hex_parts(const AbiType& type) {
    return type.kind == TypeKind::kAddress || type.kind == TypeKind::kFixedBytes ||
           type.kind == TypeKind::kBytes || std::ranges::any_of(type.children, has_hex_parts);
}

const AbiType* json_part(const AbiType& type, std::string_view path) {
    if (!path.starts_with('$')) {
        const AbiType* const item = item_of(type);
        return item != nullptr ? item : member_of(type, path);
    }
    path.remove_prefix(1);
    const AbiType* out = &type;
    while (out != nullptr && !path.empty()) {
        out = step(*out, path);
    }
    return out;
}

}  // namespace plumbline::query::sql
