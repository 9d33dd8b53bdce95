#include "engine/config/foreign_words.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/base/ascii.hpp"

namespace plumbline::engine {

namespace {

struct Word {
    std::string_view theirs;
    std::string_view ours;
};

/// Behind `event.`, `event.log.` or nothing.
constexpr auto kNames = std::to_array<Word>({
    {"address", "$log.address"},
    {"block.hash", "$block.hash"},
    {"block.number", "$block.number"},
    {"block.timestamp", "$block.timestamp"},
    {"log.address", "$log.address"},
    {"log.index", "$log.index"},
    {"log.logIndex", "$log.index"},
    {"logIndex", "$log.index"},
    {"msg.data", "$txn.input"},
    {"msg.sender", "$txn.from, who sent the transaction (no log says which contract called)"},
    {"msg.value", "$txn.value, of the whole transaction"},
    {"now", "$block.timestamp"},
    {"receipt.gasUsed", "$receipt.gas_used"},
    {"this", "$log.address"},
    {"transaction.from", "$txn.from"},
    {"transaction.gasLimit", "$txn.gas"},
    {"transaction.gasPrice", "$receipt.effective_gas_price"},
    {"transaction.hash", "$txn.hash"},
    {"transaction.index", "$txn.index"},
    {"transaction.input", "$txn.input"},
    {"transaction.nonce", "$txn.nonce"},
    {"transaction.to", "$txn.to"},
    {"transaction.value", "$txn.value"},
    {"tx.gasprice", "$receipt.effective_gas_price"},
    {"tx.origin", "$txn.from"},
    {"txn.from", "$txn.from"},
    {"txn.hash", "$txn.hash"},
    {"txn.to", "$txn.to"},
    {"txn.value", "$txn.value"},
});

constexpr auto kFunctions = std::to_array<Word>({
    {"Address.fromString", "the address alone, 0x.."},
    {"Address.zero", "0x and 40 zeros"},
    {"BigDecimal.fromString", "the number alone"},
    {"BigInt.fromI32", "the number alone"},
    {"BigInt.fromString", "the number alone"},
    {"BigInt.zero", "0"},
    {"Bytes.fromHexString", "the bytes alone, 0x.."},
    {"abi.encodePacked", "concat(bytes(a), bytes(b))"},
    {"sha3", "keccak256(a)"},
    {"type", "2 ** 256 - 1 for the most of uint256, 2 ** 255 - 1 for that of int256"},
});

constexpr auto kMethods = std::to_array<Word>({
    {"concat", "concat(a, b)"},
    {"div", "a / b"},
    {"equals", "a == b"},
    {"ge", "a >= b"},
    {"gt", "a > b"},
    {"le", "a <= b"},
    {"lt", "a < b"},
    {"minus", "a - b"},
    {"mod", "a % b"},
    {"plus", "a + b"},
    {"pow", "a ** b"},
    {"times", "a * b"},
    {"toHex", "hex(a)"},
    {"toHexString", "hex(a)"},
    {"toString", "text(a)"},
});

std::string write(std::string_view what) {
    return fmt::format("; write {}", what);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    const bool is_there = text.size() > prefix.size() && text.starts_with(prefix);
    text.remove_prefix(is_there ? prefix.size() : 0);
    return is_there;
}

}  // namespace

std::string_view hint_for_sign(std::string_view rest) {
    static constexpr auto kSigns = std::to_array<std::pair<std::string_view, std::string_view>>(
        {{"&&", "write 'and' for &&"},
         {"||", "write 'or' for ||"},
         {"=", "write '==' to compare"},
         {"?", "write 'if(c, a, b)' for c ? a : b"},
         {"AND", "write 'and' in small letters"},
         {"OR", "write 'or' in small letters"},
         {"days", "write 'n * 86400' for n days"},
         {"ether", "write 'n * 10 ** 18' for n ether"},
         {"gwei", "write 'n * 10 ** 9' for n gwei"},
         {"hours", "write 'n * 3600' for n hours"},
         {"in ", "write 'a == b or a == c' for in"},
         {"in(", "write 'a == b or a == c' for in"},
         {"is ", "write 'not exists(entity[key].field)' for is null"},
         {"<>", "write '!=' for <>"}});
    const auto* const found = std::ranges::find_if(
        kSigns, [&](const auto& known) { return rest.starts_with(known.first); });
    return found == kSigns.end() ? std::string_view{} : found->second;
}

std::string hint_for_number(std::string_view digits, char odd) {
    if (odd == 'e' || odd == 'E') {
        return " (1e18 is written 10 ** 18)";
    }
    std::string plain{digits};
    std::erase(plain, '_');
    const bool is_grouped = odd == '_' && std::ranges::all_of(plain, is_ascii_digit);
    return is_grouped ? fmt::format(" ({} is written {})", digits, plain) : std::string{};
}

std::string_view without_event(std::string_view path) {
    std::string_view rest = path;
    const bool is_of_event = take_prefix(rest, "event.");
    return is_of_event && (take_prefix(rest, "params.") || take_prefix(rest, "args.")) ? rest
                                                                                       : path;
}

std::string hint_for_name(std::string_view path) {
    std::string_view rest = path;
    if (take_prefix(rest, "call.")) {
        return write(fmt::format("$call.{}", rest));
    }
    if (const std::string_view plain = without_event(path); plain != path) {
        return write(fmt::format("{}: parameters go by their names alone", plain));
    }
    const bool is_of_event = take_prefix(rest, "event.");
    const auto* const found = std::ranges::find(kNames, rest, &Word::theirs);
    // A parameter may well be an `address` that is misspelt elsewhere: only event.address is ours.
    const bool is_plain = rest == "address" || rest == "logIndex";
    return found == kNames.end() || (is_plain && !is_of_event) ? std::string{} : write(found->ours);
}

std::string hint_for_function(std::string_view path) {
    const auto* const whole = std::ranges::find(kFunctions, path, &Word::theirs);
    if (whole != kFunctions.end()) {
        return write(whole->ours);
    }
    const size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) {
        return {};
    }
    const auto* const found = std::ranges::find(kMethods, path.substr(dot + 1), &Word::theirs);
    return found == kMethods.end() ? std::string{} : write(found->ours);
}

}  // namespace plumbline::engine
