// EIP-55 in all that a person wrote: the letter case of an address tells a mistyped character.
#include <cctype>

#include "core/evm/checksum.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config_parts.hpp"
#include "engine/config/config_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kAddressChars = 42;

bool is_word(char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// In operands too, as "$event.to == 0x..".
void check_text(std::string_view path, const TomlValue& value, Mistakes& mistakes) {
    const std::string_view text = value.text;
    for (size_t at = text.find("0x"); at != text.npos; at = text.find("0x", at + 2)) {
        const std::string_view word = text.substr(at, kAddressChars);
        const bool is_part =
            (at > 0 && is_word(text[at - 1])) ||
            (at + kAddressChars < text.size() && is_word(text[at + kAddressChars]));
        const auto address = is_part ? std::nullopt : evm::parse_address(word);
        if (address && evm::has_wrong_checksum(word, *address)) {
            mistakes.add(
                Status{mistake_at(path, value.pos, evm::wrong_checksum_text(word, *address))});
        }
    }
}

void check_value(std::string_view path, const TomlValue& value, Mistakes& mistakes) {
    if (value.kind == TomlValue::Kind::kString) {
        check_text(path, value, mistakes);
    }
    for (const TomlValue& item : value.items) {
        check_value(path, item, mistakes);
    }
    for (const TomlEntry& entry : value.entries) {
        check_value(path, entry.value, mistakes);
    }
}

}  // namespace

Status check_address_case(std::string_view path, const TomlValue& root) {
    Mistakes mistakes;
    // Others may hold secrets, which no message shows.
    for (const std::string_view section : {"contracts", "entities", "on", "reports"}) {
        if (const TomlValue* value = root.find(section)) {
            check_value(path, *value, mistakes);
        }
    }
    return mistakes.all();
}

}  // namespace plumbline::engine
