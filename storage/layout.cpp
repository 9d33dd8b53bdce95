#include "storage/layout.hpp"

#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/mutex.hpp"

namespace plumbline::storage {

namespace {

/// Digits without a leading zero, as in "256"; 0 where it is anything else.
unsigned parse_size(std::string_view text) {
    unsigned value = 0;
    if (text.empty() || text.front() == '0') {
        return 0;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

std::string to_string(FieldType type) {
    if (type.optional) {
        return to_string(type.required()) + "?";
    }
    switch (type.kind) {
        case FieldKind::kUint: return fmt::format("uint{}", type.bits);
        case FieldKind::kInt: return fmt::format("int{}", type.bits);
        case FieldKind::kBool: return "bool";
        case FieldKind::kAddress: return "address";
        case FieldKind::kFixedBytes: return fmt::format("bytes{}", type.width());
        case FieldKind::kBytes: return "bytes";
        case FieldKind::kString: return "string";
        case FieldKind::kDecimal: return fmt::format("decimal({})", type.places);
        case FieldKind::kEnum: return fmt::format("enum({})", fmt::join(*type.names, ", "));
    }
    return "unknown";
}

std::string enum_name(FieldType type, const evm::U256& value) {
    return value.fits_u64() && value.limb[0] < type.names->size() ? (*type.names)[value.limb[0]]
                                                                  : value.to_decimal();
}

namespace {

struct KnownEnums {
    Mutex mutex;
    std::set<EnumNames> names PLUMBLINE_GUARDED_BY(mutex);  ///< they stay where they are
};

}  // namespace

const EnumNames* intern_enum(EnumNames names) {
    static KnownEnums known;
    const MutexLock lock{known.mutex};
    return &*known.names.insert(std::move(names)).first;
}

Result<FieldType> parse_field_type(std::string_view text) {
    if (text.ends_with('?')) {
        PLUMBLINE_TRY(FieldType type, parse_field_type(text.substr(0, text.size() - 1)));
        if (type.optional) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("'{}' is not a type: one question mark is enough", text)};
        }
        type.optional = true;
        return type;
    }
    const auto number = [&](std::string_view prefix, FieldKind kind) -> Result<FieldType> {
        const std::string_view rest = text.substr(prefix.size());
        const unsigned bits = rest.empty() ? 256 : parse_size(rest);
        if (bits < 8 || bits > 256 || bits % 8 != 0) {
            return Error{
                ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not a type: widths go from 8 to 256 in steps of 8", text)};
        }
        return FieldType{kind, static_cast<uint16_t>(bits)};
    };
    if (text == "bool") {
        return FieldType{FieldKind::kBool, 8};
    }
    if (text == "address") {
        return FieldType{FieldKind::kAddress, 160};
    }
    if (text == "bytes") {
        return FieldType{FieldKind::kBytes, 0};
    }
    if (text == "string") {
        return FieldType{FieldKind::kString, 0};
    }
    if (text.starts_with("uint")) {
        return number("uint", FieldKind::kUint);
    }
    if (text.starts_with("int")) {
        return number("int", FieldKind::kInt);
    }
    if (text.starts_with("bytes")) {
        const unsigned size = parse_size(text.substr(5));
        if (size >= 1 && size <= 32) {
            return FieldType{FieldKind::kFixedBytes, static_cast<uint16_t>(size * 8)};
        }
    }
    if (text.starts_with("decimal(") && text.ends_with(')')) {
        const unsigned places = parse_size(text.substr(8, text.size() - 9));
        if (places >= 1 && places <= kDecimalPlacesMax) {
            return FieldType{FieldKind::kDecimal, 256, static_cast<uint8_t>(places)};
        }
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("'{}' is not a type: a decimal has 1 to {} places behind the "
                                 "point",
                                 text, kDecimalPlacesMax)};
    }
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is not a field type; known: uint8..uint256, int8..int256, bool, "
                             "address, bytes1..bytes32, bytes, string, decimal(1)..decimal({})",
                             text, kDecimalPlacesMax)};
}

int EntityLayout::find_column(std::string_view wanted) const noexcept {
    for (size_t i = 0; i < column_count(); ++i) {
        if (column(i).name == wanted) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

}  // namespace plumbline::storage
