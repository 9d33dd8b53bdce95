#include "engine/config/config_section.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

Result<Section> Section::open(std::string_view path, std::string name, const TomlValue& value) {
    if (value.kind != TomlValue::Kind::kTable) {
        return mistake_at(path, value.pos,
                          fmt::format("{} must be a table, not {}", name, kind_name(value.kind)));
    }
    return Section{path, std::move(name), value, value.pos};
}

Status Section::allow_only(const std::vector<std::string>& known) const {
    Mistakes mistakes;
    for (const TomlEntry& entry : table_.entries) {
        if (std::ranges::find(known, entry.key) == known.end()) {
            mistakes.add(Status{
                mistake(entry.pos, fmt::format("unknown key {} in {}{}", in_quotes(entry.key),
                                               name_, suggest(entry.key, known)))});
        }
    }
    return mistakes.all();
}

Result<const TomlValue*> Section::need(std::string_view key) const {
    const TomlValue* found = table_.find(key);
    if (found == nullptr) {
        return mistake(pos_, fmt::format("{} needs {}", name_, key));
    }
    return found;
}

Error Section::wrong_type(const TomlValue& value, std::string_view key,
                          std::string_view wanted) const {
    return mistake(value.pos, fmt::format("{} in {} must be {}, not {}", key, name_, wanted,
                                          kind_name(value.kind)));
}

Error Section::mistake(SourcePos pos, std::string_view message) const {
    return mistake_at(path_, pos, message);
}

Result<std::string> Section::string(const TomlValue& value, std::string_view key) const {
    if (value.kind != TomlValue::Kind::kString) {
        return wrong_type(value, key, "a string");
    }
    if (value.text.empty()) {
        return mistake(value.pos, fmt::format("{} in {} is empty", key, name_));
    }
    return value.text;
}

Result<uint64_t> Section::integer(const TomlValue& value, std::string_view key, uint64_t low,
                                  uint64_t high) const {
    if (value.kind != TomlValue::Kind::kInteger) {
        return wrong_type(value, key, "an integer");
    }
    if (value.integer < 0 || static_cast<uint64_t>(value.integer) < low ||
        static_cast<uint64_t>(value.integer) > high) {
        return mistake(value.pos, fmt::format("{} in {} must be from {} to {}, not {}", key, name_,
                                              low, high, value.integer));
    }
    return static_cast<uint64_t>(value.integer);
}

Result<size_t> Section::choice(const TomlValue& value, std::string_view key,
                               std::initializer_list<std::string_view> words) const {
    PLUMBLINE_TRY(const std::string text, string(value, key));
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) {
        std::string known;
        for (size_t i = 0; i < words.size(); ++i) {
            const char* before = i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
            known += fmt::format("{}\"{}\"", before, words.begin()[i]);
        }
        return mistake(value.pos, fmt::format("{} in {} must be {}, not {}", key, name_, known,
                                              in_quotes(text)));
    }
    return static_cast<size_t>(found - words.begin());
}

Result<std::vector<const TomlValue*>> Section::strings(const TomlValue& value, std::string_view key,
                                                       size_t count_max) const {
    std::vector<const TomlValue*> out;
    if (value.kind == TomlValue::Kind::kString) {
        out.push_back(&value);
    } else if (value.kind != TomlValue::Kind::kArray) {
        return wrong_type(value, key, "a string or a list of strings");
    }
    for (const TomlValue& item : value.items) {
        if (item.kind != TomlValue::Kind::kString) {
            return wrong_type(item, key, "a list of strings only");
        }
        out.push_back(&item);
    }
    if (out.empty()) {
        return mistake(value.pos, fmt::format("{} in {} is an empty list", key, name_));
    }
    if (out.size() > count_max) {
        return mistake(value.pos, fmt::format("{} in {} may have at most {} items, not {}", key,
                                              name_, count_max, out.size()));
    }
    for (const TomlValue* item : out) {
        if (item->text.empty()) {
            return mistake(item->pos, fmt::format("{} in {} is empty", key, name_));
        }
    }
    return out;
}

TextOrigin Section::origin(const TomlValue& value) const {
    SourcePos pos = value.pos;
    pos.column += value.is_exact ? 1 : 0;
    return {path_, pos, value.is_exact};
}

Result<Operand> Section::operand(const TomlValue& value, std::string_view key) const {
    switch (value.kind) {
        case TomlValue::Kind::kString: return parse_operand(value.text, origin(value));
        case TomlValue::Kind::kInteger:
            return parse_operand(fmt::format("{}", value.integer), {path_, value.pos, false});
        case TomlValue::Kind::kBool:
            return parse_operand(value.boolean ? "true" : "false", {path_, value.pos, false});
        case TomlValue::Kind::kFloat:
            return mistake(value.pos,
                           fmt::format("{} in {}: only whole numbers are values; write a "
                                       "decimal in quotes, as in \"1.5\"",
                                       key, name_));
        default: return wrong_type(value, key, "a value (a string, an integer, true or false)");
    }
}

Result<Condition> Section::condition(const TomlValue& value, std::string_view key) const {
    if (value.kind != TomlValue::Kind::kString) {
        return wrong_type(value, key, "a comparison in a string, as in \"amount > 0\"");
    }
    return parse_condition(value.text, origin(value));
}

namespace {

/// `uint` and `int`, from `begin` on, become what Solidity takes them for.
void widen_short_types(std::string& types, size_t begin) {
    for (size_t at = types.find("int", begin); at != std::string::npos;
         at = types.find("int", at + 3)) {
        const size_t end = at + 3;
        if (end == types.size() || !is_ascii_digit(types[end])) {
            types.insert(end, "256");
        }
    }
}

/// One parameter of a signature: its type without blanks, and " indexed" behind it where that word
/// stands before or behind the type.
bool append_param(std::string_view text, std::string& out) {
    constexpr std::string_view kIndexed = "indexed";
    const auto trimmed = [](std::string_view part) {
        const size_t first = part.find_first_not_of(' ');
        return first == std::string_view::npos
                   ? std::string_view{}
                   : part.substr(first, part.find_last_not_of(' ') + 1 - first);
    };
    text = trimmed(text);
    bool is_indexed = false;
    if (text.ends_with(kIndexed) && text.size() > kIndexed.size() &&
        text[text.size() - kIndexed.size() - 1] == ' ') {
        is_indexed = true;
        text = trimmed(text.substr(0, text.size() - kIndexed.size()));
    } else if (text.starts_with(kIndexed) && text.size() > kIndexed.size() &&
               text[kIndexed.size()] == ' ') {
        is_indexed = true;
        text = trimmed(text.substr(kIndexed.size()));
    }
    const size_t begin = out.size();
    for (const char c : text) {
        const bool is_type_char = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ',' ||
                                  c == '[' || c == ']' || c == '(' || c == ')';
        if (c != ' ' && !is_type_char) {
            return false;
        }
        if (c != ' ') {
            out += c;
        }
    }
    widen_short_types(out, begin);
    out += is_indexed ? " indexed" : "";
    return true;
}

}  // namespace

std::optional<std::string> parse_signature(std::string_view text) {
    const size_t open = text.find('(');
    // Events may begin with a dollar sign, which elsewhere in a config begins a name of ours.
    const std::string_view name = text.substr(0, open);
    if (!is_solidity_name(name.starts_with('$') ? "_" + std::string{name} : std::string{name})) {
        return std::nullopt;
    }
    std::string out{text.substr(0, open)};
    if (open == std::string_view::npos) {
        return out;
    }
    if (text.size() > 8192 || text.back() != ')') {
        return std::nullopt;
    }
    int depth = 0;
    std::string param;
    for (const char c : text.substr(open)) {
        const bool ends_param = (c == ',' && depth == 1) || (c == ')' && depth == 1);
        depth += c == '(' ? 1 : (c == ')' ? -1 : 0);
        if (ends_param) {
            if (!append_param(param, out)) {
                return std::nullopt;
            }
            param.clear();
        } else if (c == '(' && depth == 1 && out.find('(') == std::string::npos) {
            out += c;
            continue;
        } else {
            param += c;
            continue;
        }
        out += c;
    }
    // Every bracket is closed, the first one by the last character.
    return depth == 0 && param.empty() ? std::optional{out} : std::nullopt;
}

std::optional<MemberName> parse_member(std::string_view text) {
    const size_t dot = text.find('.');
    if (dot == std::string_view::npos || !is_identifier(text.substr(0, dot))) {
        return std::nullopt;
    }
    auto member = parse_signature(text.substr(dot + 1));
    if (!member) {
        return std::nullopt;
    }
    return MemberName{std::string{text.substr(0, dot)}, std::move(*member)};
}

}  // namespace plumbline::engine
