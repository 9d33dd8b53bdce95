#include "core/evm/abi_type.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace plumbline::evm {

namespace {

constexpr size_t kTextSizeMax = 65'536;

Error type_error(std::string_view text, std::string_view what) {
    constexpr size_t kShown = 80;
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("type \"{}{}\": {}", text.substr(0, kShown),
                             text.size() > kShown ? "..." : "", what)};
}

uint32_t depth_of(const AbiType& type) noexcept {
    uint32_t inner = 0;
    for (const AbiType& child : type.children) {
        inner = std::max(inner, depth_of(child));
    }
    return type.children.empty() ? 0 : inner + 1;
}

/// What is wrong with the outermost layer of `type`, or nothing.
const char* layer_problem(const AbiType& type) noexcept {
    if (type.kind == TypeKind::kTuple) {
        if (type.children.empty()) {
            return "an empty tuple cannot be encoded";
        }
        if (type.children.size() > kAbiComponentsMax) {
            return "more than 256 components";
        }
    }
    if (type.kind == TypeKind::kFixedArray) {
        if (type.length == 0) {
            return "an array of fixed length 0 does not exist in Solidity";
        }
        if (type.length > kAbiArrayLengthMax) {
            return "array length above 2^31";
        }
    }
    if (type.head_size() > kAbiHeadSizeMax) {
        return "larger than any log or call can be";
    }
    return nullptr;
}

/// Decimal digits without a leading zero, up to 2^32.
bool parse_number(std::string_view digits, uint64_t& out) noexcept {
    if (digits.empty() || digits.size() > 10 || digits.front() == '0') {
        return false;
    }
    out = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') {
            return false;
        }
        out = out * 10 + static_cast<uint64_t>(c - '0');
    }
    return true;
}

AbiType word_type(TypeKind kind, uint16_t bits) {
    AbiType type;
    type.kind = kind;
    type.bits = bits;
    return type;
}

/// Recursive descent over one text. Recursion is as deep as tuples nest, which is bounded.
class TypeParser {
  public:
    explicit TypeParser(std::string_view text) : text_{text} {}

    Result<AbiType> parse_whole() {
        if (text_.size() > kTextSizeMax) {
            return fail("the text is too long");
        }
        PLUMBLINE_TRY(AbiType type, parse(0));
        if (position_ != text_.size()) {
            return fail(
                fmt::format("unexpected \"{}\" after the type", text_.substr(position_, 1)));
        }
        return type;
    }

    /// Goes on behind a base type that is already known.
    Result<AbiType> parse_suffixes_only(AbiType base, size_t position) {
        position_ = position;
        PLUMBLINE_TRY(AbiType type, parse_suffixes(std::move(base), 0));
        if (position_ != text_.size()) {
            return fail("only [] and [k] may follow \"tuple\"");
        }
        return type;
    }

  private:
    Error fail(std::string_view what) const { return type_error(text_, what); }
    [[nodiscard]] bool at(char c) const {
        return position_ < text_.size() && text_[position_] == c;
    }

    Result<AbiType> parse(uint32_t depth) {
        if (depth > kAbiDepthMax) {
            return fail("nested deeper than 16 levels");
        }
        PLUMBLINE_TRY(AbiType base, at('(') ? parse_tuple(depth) : parse_elementary());
        return parse_suffixes(std::move(base), depth);
    }

    Result<AbiType> parse_tuple(uint32_t depth) {
        AbiType tuple = word_type(TypeKind::kTuple, 0);
        ++position_;
        if (!at(')')) {
            while (true) {
                PLUMBLINE_TRY(AbiType child, parse(depth + 1));
                tuple.children.push_back(std::move(child));
                if (tuple.children.size() > kAbiComponentsMax) {
                    return fail("more than 256 components");
                }
                if (!at(',')) {
                    break;
                }
                ++position_;
            }
        }
        if (!at(')')) {
            return fail("\")\" or \",\" is missing");
        }
        ++position_;
        tuple.names.resize(tuple.children.size());
        return checked(std::move(tuple));
    }

    Result<AbiType> parse_elementary() {
        const size_t start = position_;
        while (position_ < text_.size() &&
               std::string_view{"()[],"}.find(text_[position_]) == std::string_view::npos) {
            ++position_;
        }
        return parse_name(text_.substr(start, position_ - start));
    }

    Result<AbiType> parse_name(std::string_view name) const {
        if (name == "bool") {
            return word_type(TypeKind::kBool, 8);
        }
        if (name == "address") {
            return word_type(TypeKind::kAddress, 160);
        }
        if (name == "string") {
            return word_type(TypeKind::kString, 0);
        }
        if (name == "bytes") {
            return word_type(TypeKind::kBytes, 0);
        }
        if (name == "byte") {
            return word_type(TypeKind::kFixedBytes, 8);
        }
        if (name == "function") {
            AbiType type = word_type(TypeKind::kFixedBytes, 192);
            type.is_function = true;
            return type;
        }
        if (name.starts_with("fixed") || name.starts_with("ufixed")) {
            return fail(
                "fixed-point numbers are not supported (Solidity cannot encode them either)");
        }
        if (name == "tuple") {
            return fail("a tuple is written (type,type)");
        }
        if (name.starts_with("bytes")) {
            return parse_fixed_bytes(name.substr(5));
        }
        if (name.starts_with("uint")) {
            return parse_integer(TypeKind::kUint, name.substr(4));
        }
        if (name.starts_with("int")) {
            return parse_integer(TypeKind::kInt, name.substr(3));
        }
        return name.empty() ? fail("a type is missing")
                            : fail(fmt::format("unknown type \"{}\"", name.substr(0, 40)));
    }

    Result<AbiType> parse_integer(TypeKind kind, std::string_view digits) const {
        uint64_t bits = 256;
        if (!digits.empty() && (!parse_number(digits, bits) || bits > 256 || bits % 8 != 0)) {
            return fail("an integer has 8 to 256 bits, a multiple of 8");
        }
        return word_type(kind, static_cast<uint16_t>(bits));
    }

    Result<AbiType> parse_fixed_bytes(std::string_view digits) const {
        uint64_t size = 0;
        if (!parse_number(digits, size) || size > 32) {
            return fail("fixed bytes are bytes1 to bytes32");
        }
        return word_type(TypeKind::kFixedBytes, static_cast<uint16_t>(size * 8));
    }

    Result<AbiType> parse_suffixes(AbiType type, uint32_t depth) {
        uint32_t levels = depth + depth_of(type);
        while (at('[')) {
            if (++levels > kAbiDepthMax) {
                return fail("nested deeper than 16 levels");
            }
            const size_t close = text_.find(']', position_);
            if (close == std::string_view::npos) {
                return fail("\"]\" is missing");
            }
            const std::string_view digits = text_.substr(position_ + 1, close - position_ - 1);
            position_ = close + 1;
            AbiType array = word_type(TypeKind::kArray, 0);
            if (!digits.empty()) {
                uint64_t length = 0;
                if (digits != "0" && !parse_number(digits, length)) {
                    return fail("an array length is a decimal number");
                }
                if (length > kAbiArrayLengthMax) {
                    return fail("array length above 2^31");
                }
                array.kind = TypeKind::kFixedArray;
                array.length = static_cast<uint32_t>(length);
            }
            array.children.push_back(std::move(type));
            PLUMBLINE_TRY(type, checked(std::move(array)));
        }
        return type;
    }

    Result<AbiType> checked(AbiType type) const {
        if (const char* problem = layer_problem(type)) {
            return fail(problem);
        }
        return type;
    }

    std::string_view text_;
    size_t position_ = 0;
};

void append_text(std::string& out, const AbiType& type) {
    switch (type.kind) {
        case TypeKind::kUint: out += fmt::format("uint{}", type.bits); return;
        case TypeKind::kInt: out += fmt::format("int{}", type.bits); return;
        case TypeKind::kBool: out += "bool"; return;
        case TypeKind::kAddress: out += "address"; return;
        case TypeKind::kFixedBytes:
            out += type.is_function ? "function" : fmt::format("bytes{}", type.byte_count());
            return;
        case TypeKind::kBytes: out += "bytes"; return;
        case TypeKind::kString: out += "string"; return;
        case TypeKind::kFixedArray:
            append_text(out, type.children[0]);
            out += fmt::format("[{}]", type.length);
            return;
        case TypeKind::kArray:
            append_text(out, type.children[0]);
            out += "[]";
            return;
        case TypeKind::kTuple:
            out += '(';
            for (size_t i = 0; i < type.children.size(); ++i) {
                out += i == 0 ? "" : ",";
                append_text(out, type.children[i]);
            }
            out += ')';
            return;
    }
}

Status check_layers(const AbiType& type) {
    for (const AbiType& child : type.children) {
        PLUMBLINE_TRY_VOID(check_layers(child));
    }
    if (const char* problem = layer_problem(type)) {
        return type_error(to_string(type), problem);
    }
    return ok();
}

}  // namespace

bool AbiType::is_dynamic() const noexcept {
    return kind == TypeKind::kBytes || kind == TypeKind::kString || kind == TypeKind::kArray ||
           std::ranges::any_of(children, [](const AbiType& child) { return child.is_dynamic(); });
}

// No overflow: children keep kAbiHeadSizeMax (2^32), lengths 2^31 and component counts 2^8.
uint64_t AbiType::head_size() const noexcept {
    if (is_word() || is_dynamic()) {
        return 32;
    }
    uint64_t size = 0;
    for (const AbiType& child : children) {
        size += child.head_size();
    }
    return kind == TypeKind::kFixedArray ? size * length : size;
}

std::string to_string(const AbiType& type) {
    std::string out;
    append_text(out, type);
    return out;
}

Result<AbiType> parse_type(std::string_view text) {
    return TypeParser{text}.parse_whole();
}

Result<AbiType> parse_tuple_type(std::string_view text, AbiType tuple) {
    constexpr std::string_view kTuple = "tuple";
    if (!text.starts_with(kTuple)) {
        return type_error(text, "only a tuple has components");
    }
    PLUMBLINE_TRY_VOID(check_type(tuple));
    return TypeParser{text}.parse_suffixes_only(std::move(tuple), kTuple.size());
}

Status check_type(const AbiType& type) {
    if (depth_of(type) > kAbiDepthMax) {
        return type_error("tuple", "nested deeper than 16 levels");
    }
    return check_layers(type);
}

}  // namespace plumbline::evm
