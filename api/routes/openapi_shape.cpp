#include "api/routes/openapi_shape.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/base/json_text.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::api {

namespace {

/// One pass over a notation.
class ShapeReader {
  public:
    explicit ShapeReader(std::string_view text) : text_{text} {}

    std::string read_all() {
        std::string out = read_union();
        PLUMBLINE_CHECK_MSG(at_ == text_.size(), std::string{text_}.c_str());
        return out;
    }

  private:
    struct Alternative {
        std::string schema;
        std::string literal;  ///< JSON, of a "text"
    };

    char peek() {
        while (at_ < text_.size() && text_[at_] == ' ') {
            ++at_;
        }
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(char c) {
        const bool found = peek() == c;
        at_ += found ? 1 : 0;
        return found;
    }
    void expect(char c) { PLUMBLINE_CHECK_MSG(take(c), std::string{text_}.c_str()); }

    std::string read_union() {
        std::vector<Alternative> all{read_one()};
        while (take('|')) {
            all.push_back(read_one());
        }
        const auto is_literal = [](const Alternative& one) { return !one.literal.empty(); };
        const bool is_enum = std::ranges::all_of(all, is_literal);
        if (all.size() == 1 && !is_enum) {
            return all.front().schema;
        }
        std::string out = is_enum ? R"({"type":"string","enum":[)" : R"({"oneOf":[)";
        for (size_t i = 0; i < all.size(); ++i) {
            out += (i == 0 ? "" : ",") + (is_enum ? all[i].literal : all[i].schema);
        }
        return out + "]}";
    }
    Alternative read_one() {
        if (take('[')) {
            Alternative out{R"({"type":"array","items":)" + read_union() + "}", {}};
            expect(']');
            return out;
        }
        if (take('{')) {
            return {read_members(), {}};
        }
        if (peek() == '"') {
            const std::string literal = read_quoted();
            return {R"({"type":"string","enum":[)" + literal + "]}", literal};
        }
        return {named(read_name()), {}};
    }
    /// Behind the opening bracket, up to behind the closing one.
    std::string read_members() {
        std::string properties;
        std::string required;
        std::string others = "false";
        while (!take('}')) {
            if (take('*')) {
                expect(':');
                others = read_union();
            } else {
                std::string name;
                if (peek() == '"') {
                    name = read_quoted();
                } else {
                    append_json_string(name, read_name());
                }
                const bool may_be_missing = take('?');
                expect(':');
                properties += (properties.empty() ? "" : ",") + name + ":" + read_union();
                if (!may_be_missing) {
                    required += (required.empty() ? "" : ",") + name;
                }
            }
            static_cast<void>(take(','));
        }
        std::string out = R"({"type":"object","properties":{)" + properties + "}";
        out += required.empty() ? "" : ",\"required\":[" + required + "]";
        return out + ",\"additionalProperties\":" + others + "}";
    }
    /// A JSON string as it stands.
    std::string read_quoted() {
        const size_t from = at_++;
        while (text_[at_] != '"') {
            at_ += text_[at_] == '\\' ? 2U : 1U;
            PLUMBLINE_CHECK_MSG(at_ < text_.size(), std::string{text_}.c_str());
        }
        return std::string{text_.substr(from, ++at_ - from)};
    }
    std::string read_name() {
        peek();
        const size_t from = at_;
        while (at_ < text_.size() && (is_ascii_letter(text_[at_]) || is_ascii_digit(text_[at_]) ||
                                      text_[at_] == '_' || text_[at_] == '.')) {
            ++at_;
        }
        PLUMBLINE_CHECK_MSG(at_ > from, std::string{text_}.c_str());
        return std::string{text_.substr(from, at_ - from)};
    }
    static std::string named(const std::string& name) {
        constexpr std::string_view kTypes[] = {"string", "integer", "number", "boolean", "null"};
        if (name == "any") {
            return "{}";
        }
        if (std::ranges::find(kTypes, name) != std::end(kTypes)) {
            return R"({"type":")" + name + "\"}";
        }
        if ((name[0] >= 'A' && name[0] <= 'Z') || name.find('.') != std::string::npos) {
            return R"({"$ref":"#/components/schemas/)" + name + "\"}";
        }
        return R"({"type":"string","format":")" + name + "\"}";
    }

    std::string_view text_;
    size_t at_ = 0;
};

/// Up to 64 bits as numbers while JavaScript holds them, as rows show them.
std::string integer_shape(bool is_signed, unsigned bits) {
    const std::string format = fmt::format("{}int{}", is_signed ? "" : "u", bits);
    return bits <= 48 ? "integer" : bits <= 64 ? "integer|" + format : format;
}

}  // namespace

std::string schema_of(std::string_view shape) {
    return ShapeReader{shape}.read_all();
}

std::string schema_name(std::string_view name) {
    std::string out{name};
    std::ranges::replace_if(
        out,
        [](char c) { return !is_ascii_letter(c) && !is_ascii_digit(c) && c != '_' && c != '.'; },
        '_');
    if (out != name) {
        const evm::Hash hash = evm::keccak256(name);
        out += '.' + evm::to_hex(hash.view().first(4)).substr(2);
    }
    return out;
}

std::string shape_name(std::string_view name) {
    std::string out;
    append_json_string(out, name);
    return out;
}

std::string shape_of(storage::FieldType type) {
    using storage::FieldKind;
    if (type.optional) {
        return shape_of(type.required()) + "|null";
    }
    switch (type.kind) {
        case FieldKind::kUint: return integer_shape(false, type.bits);
        case FieldKind::kInt: return integer_shape(true, type.bits);
        case FieldKind::kBool: return "boolean";
        case FieldKind::kAddress: return "address";
        case FieldKind::kFixedBytes: return fmt::format("bytes{}", type.width());
        case FieldKind::kBytes: return "bytes";
        case FieldKind::kString: return "string";
        case FieldKind::kDecimal: return "decimal";
        case FieldKind::kEnum: break;
    }
    std::string out;
    for (const std::string& name : *type.names) {
        out += (out.empty() ? "" : "|") + shape_name(name);
    }
    return out;
}

std::string shape_of(const evm::AbiType& type) {
    using evm::TypeKind;
    switch (type.kind) {
        case TypeKind::kUint: return integer_shape(false, type.bits);
        case TypeKind::kInt: return integer_shape(true, type.bits);
        case TypeKind::kBool: return "boolean";
        case TypeKind::kAddress: return "address";
        case TypeKind::kFixedBytes: return fmt::format("bytes{}", type.byte_count());
        case TypeKind::kBytes: return "bytes";
        case TypeKind::kString: return "string";
        case TypeKind::kFixedArray:
        case TypeKind::kArray: return "[" + shape_of(type.children[0]) + "]";
        case TypeKind::kTuple: break;
    }
    std::string out;
    for (size_t i = 0; i < type.children.size(); ++i) {
        const std::string& name = type.names[i];
        out += fmt::format("{}{}: {}", i == 0 ? "{" : ", ",
                           shape_name(name.empty() ? std::to_string(i) : name),
                           shape_of(type.children[i]));
    }
    return out + "}";
}

}  // namespace plumbline::api
