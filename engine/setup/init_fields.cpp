#include "engine/setup/init_fields.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/config/config_text.hpp"
#include "engine/config/operand_parse.hpp"
#include "engine/setup/init.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kMaxFields = 256;

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

class Flattener {
  public:
    explicit Flattener(std::set<std::string> taken) : names_{std::move(taken)} {}

    void add(const std::string& name, const std::string& path, size_t depth,
             const evm::AbiType& type) {
        if (depth > kMaxPathParts) {
            out_.notes.push_back(fmt::format("{} is left out: it is too deep in tuples", path));
        } else if (type.kind == evm::TypeKind::kTuple) {
            for (size_t i = 0; i < type.children.size(); ++i) {
                const std::string& component = i < type.names.size() ? type.names[i] : "";
                const bool is_unique = std::ranges::count(type.names, component) == 1;
                const bool is_usable = is_solidity_name(component) && is_unique;
                const std::string part =
                    is_usable && !by_position_ ? component : fmt::format("{}", i);
                add(fmt::format("{}_{}", name,
                                is_usable ? to_snake_case(component) : fmt::format("{}", i)),
                    fmt::format("{}.{}", path, part), depth + 1, type.children[i]);
            }
        } else if (const auto field = field_type(type)) {
            add_field(name, path, storage::to_string(*field));
        } else {
            out_.arrays.push_back({path, shorten(name), evm::to_string(type), &type});
        }
    }

    void add_field(const std::string& name, const std::string& path, const std::string& type) {
        if (out_.fields.size() == kMaxFields) {
            out_.notes.push_back(fmt::format("{} ({}) is left out: an entity has at most {} fields",
                                             path, type, kMaxFields));
            return;
        }
        out_.fields.push_back({names_.claim(shorten(name)), type, path});
    }

    /// From here on parts of tuples are named by their position.
    void set_by_position(bool by_position) { by_position_ = by_position; }

    void add_note(std::string note) { out_.notes.push_back(std::move(note)); }

    [[nodiscard]] Flattened take() { return std::move(out_); }

  private:
    static std::string shorten(const std::string& name) { return name.substr(0, kMaxBaseName); }

    NameSet names_;
    Flattened out_;
    bool by_position_ = false;
};

/// Another version of the ABI may give the parameter's name, or a part's, to another.
bool may_be_another(const evm::AbiEvent& event, size_t index) {
    return std::ranges::any_of(event.twins, [&](const std::vector<evm::AbiParam>& twin) {
        for (size_t i = 0; i < twin.size(); ++i) {
            if (i != index && twin[i].name == event.inputs[index].name) {
                return true;
            }
        }
        return !(twin[index].type == event.inputs[index].type);
    });
}

/// A name that the mapping can say, and that no other parameter has.
bool has_name(const evm::AbiEvent& event, size_t index) {
    const std::string& name = event.inputs[index].name;
    return is_solidity_name(name) && name != "true" && name != "false" && name != "null" &&
           std::ranges::count(event.inputs, name, &evm::AbiParam::name) == 1;
}

/// How the mapping names a parameter: by its name, by its position where it has no usable one.
std::string param_path(const evm::AbiEvent& event, size_t index) {
    return has_name(event, index) && !may_be_another(event, index) ? event.inputs[index].name
                                                                   : fmt::format("$arg.{}", index);
}

bool is_hashed(const evm::AbiParam& param) {
    return param.indexed && !param.type.is_word();
}

}  // namespace

std::string NameSet::claim(const std::string& wanted) {
    std::string name = wanted;
    for (int suffix = 2; !taken_.insert(name).second; ++suffix) {
        name = fmt::format("{}_{}", wanted, suffix);
    }
    return name;
}

std::optional<storage::FieldType> field_type(const evm::AbiType& type) {
    using storage::FieldKind;
    switch (type.kind) {
        case evm::TypeKind::kUint: return storage::FieldType{FieldKind::kUint, type.bits};
        case evm::TypeKind::kInt: return storage::FieldType{FieldKind::kInt, type.bits};
        case evm::TypeKind::kBool: return storage::FieldType{FieldKind::kBool, 8};
        case evm::TypeKind::kAddress: return storage::FieldType{FieldKind::kAddress, 160};
        case evm::TypeKind::kFixedBytes:
            return storage::FieldType{FieldKind::kFixedBytes, type.bits};
        case evm::TypeKind::kBytes: return storage::FieldType{FieldKind::kBytes, 0};
        case evm::TypeKind::kString: return storage::FieldType{FieldKind::kString, 0};
        default: return std::nullopt;
    }
}

Flattened flatten(const evm::AbiEvent& event) {
    Flattener out{{"block", "log_index", "_", "true", "false", "null"}};
    for (size_t i = 0; i < event.inputs.size(); ++i) {
        const evm::AbiParam& param = event.inputs[i];
        const std::string path = param_path(event, i);
        const std::string name =
            has_name(event, i) ? to_snake_case(param.name) : fmt::format("arg_{}", i);
        if (is_hashed(param)) {
            out.add_note(fmt::format("{} ({}) is indexed: a log holds only its keccak hash", path,
                                     evm::to_string(param.type)));
            out.add_field(name + "_hash", path, "bytes32");
        } else {
            out.set_by_position(may_be_another(event, i));
            out.add(name, path, path.starts_with('$') ? 2 : 1, param.type);
        }
    }
    return out.take();
}

Flattened flatten_item(const std::string& path, const evm::AbiType& element) {
    Flattener out{{"block", "log_index", "item", "_", "true", "false", "null"}};
    out.add("value", path, 1, element);
    return out.take();
}

std::string to_snake_case(std::string_view name) {
    std::string out;
    for (size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const char before = i > 0 ? name[i - 1] : '\0';
        const char after = i + 1 < name.size() ? name[i + 1] : '\0';
        const bool starts_word =
            is_upper(c) &&
            (is_lower_or_digit(before) || (is_upper(before) && after >= 'a' && after <= 'z'));
        if (starts_word && !out.empty() && out.back() != '_') {
            out += '_';
        }
        if (is_upper(c)) {
            out += static_cast<char>(c - 'A' + 'a');
        } else if (is_lower_or_digit(c)) {
            out += c;
        } else if (!out.empty() && out.back() != '_') {
            out += '_';
        }
    }
    while (out.ends_with('_')) {
        out.pop_back();
    }
    if (out.empty()) {
        return "unnamed";
    }
    if (out.front() >= '0' && out.front() <= '9') {
        out.insert(0, "_");
    }
    return out.substr(0, 64);
}

}  // namespace plumbline::engine
