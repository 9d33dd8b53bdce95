#include "engine/config/operand_scanner.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/evm/hex.hpp"
#include "engine/config/config_text.hpp"
#include "engine/config/foreign_words.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

namespace {

struct Builtin {
    std::string_view name;
    Operand::Kind kind;
};
constexpr std::array<Builtin, 18> kBuiltins{{
    {"$block.number", Operand::Kind::kBlockNumber},
    {"$block.hash", Operand::Kind::kBlockHash},
    {"$block.timestamp", Operand::Kind::kBlockTimestamp},
    {"$txn.hash", Operand::Kind::kTxnHash},
    {"$txn.index", Operand::Kind::kTxnIndex},
    {"$txn.from", Operand::Kind::kTxnFrom},
    {"$txn.to", Operand::Kind::kTxnTo},
    {"$txn.value", Operand::Kind::kTxnValue},
    {"$txn.input", Operand::Kind::kTxnInput},
    {"$txn.nonce", Operand::Kind::kTxnNonce},
    {"$txn.gas", Operand::Kind::kTxnGas},
    {"$txn.type", Operand::Kind::kTxnType},
    {"$receipt.gas_used", Operand::Kind::kReceiptGasUsed},
    {"$receipt.status", Operand::Kind::kReceiptStatus},
    {"$receipt.effective_gas_price", Operand::Kind::kReceiptGasPrice},
    {"$log.index", Operand::Kind::kLogIndex},
    {"$log.address", Operand::Kind::kLogAddress},
    {"$each.index", Operand::Kind::kEachIndex},
}};

bool is_name_char(char c) noexcept {
    return is_name_start(c) || is_ascii_digit(c) || c == '$';
}

}  // namespace

bool is_name_start(char c) noexcept {
    return is_ascii_letter(c) || c == '_';
}

Status OperandScanner::check_length() const {
    if (text_.size() > kMaxOperandBytes) {
        return fail(0, fmt::format("a value may have at most {} characters, this one has {}",
                                   kMaxOperandBytes, text_.size()));
    }
    return ok();
}

SourcePos OperandScanner::pos_of(size_t offset) const {
    SourcePos pos = origin_.pos;
    if (origin_.is_exact && pos.line != 0) {
        const std::string_view before = text_.substr(0, offset);
        pos.column += static_cast<uint32_t>(std::ranges::count_if(
            before, [](char c) { return (static_cast<uint8_t>(c) & 0xC0U) != 0x80U; }));
    }
    return pos;
}

Error OperandScanner::fail(size_t offset, std::string_view message) const {
    return mistake_at(origin_.file, pos_of(offset),
                      fmt::format("in {}: {}", in_quotes(text_), message));
}

Error OperandScanner::expected(std::string_view what) const {
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(at_, "nothing stands here; the text of no letters is written ''");
    }
    if (at_ >= text_.size()) {
        return fail(at_, fmt::format("expected {}, found the end", what));
    }
    size_t end = at_ + 1;
    while (end < text_.size() && (static_cast<uint8_t>(text_[end]) & 0xC0U) == 0x80U) {
        ++end;
    }
    return fail(
        at_, fmt::format("expected {}, found {}", what, in_quotes(text_.substr(at_, end - at_))));
}

void OperandScanner::skip_blanks() noexcept {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
        ++at_;
    }
}

std::string_view OperandScanner::name_chars() noexcept {
    const size_t begin = at_;
    while (at_ < text_.size() && is_name_char(text_[at_])) {
        ++at_;
    }
    return text_.substr(begin, at_ - begin);
}

Status OperandScanner::string_literal(Operand& out) {
    const size_t begin = at_++;
    out.kind = Operand::Kind::kString;
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c != '\'') {
            out.text += c;
        } else if (peek('\'')) {
            out.text += '\'';
            ++at_;
        } else {
            return ok();
        }
    }
    return fail(begin, "this string has no closing quote");
}

Status OperandScanner::number(Operand& out) {
    const size_t begin = at_;
    out.negative = text_[at_] == '-';
    at_ += out.negative ? 1 : 0;
    const size_t digits_begin = at_;
    const std::string_view digits = name_chars();
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        return hex(out, digits, begin);
    }
    if (digits.empty()) {
        return expected("digits");
    }
    if (const auto bad = std::ranges::find_if_not(digits, is_ascii_digit); bad != digits.end()) {
        at_ = digits_begin + static_cast<size_t>(bad - digits.begin());
        return expected("a digit" + hint_for_number(digits, *bad));
    }
    PLUMBLINE_TRY(const std::string_view behind, places());
    out.kind = Operand::Kind::kNumber;
    out.places = static_cast<uint8_t>(behind.size());
    const auto parsed = evm::U256::parse(std::string{digits} + std::string{behind});
    if (!parsed) {
        return fail(begin, "this number does not fit 256 bits");
    }
    out.number = *parsed;
    if (out.negative) {
        out.number = evm::negate(*parsed);
        if (!parsed->is_zero() && !out.number.is_negative()) {
            return fail(begin, "this number does not fit 256 bits");
        }
        out.negative = !parsed->is_zero();
    }
    return ok();
}

/// The digits behind a point, where there is one.
Result<std::string_view> OperandScanner::places() {
    if (!peek('.')) {
        return std::string_view{};
    }
    const size_t begin = ++at_;
    const std::string_view digits = name_chars();
    const auto bad = std::ranges::find_if_not(digits, is_ascii_digit);
    if (digits.empty() || bad == digits.begin()) {
        at_ = begin;
        return expected("digits behind the point");
    }
    if (bad != digits.end()) {
        at_ = begin + static_cast<size_t>(bad - digits.begin());
        return expected("a digit" + hint_for_number(digits, *bad));
    }
    if (digits.size() > storage::kDecimalPlacesMax) {
        return fail(begin, fmt::format("a number has at most {} places behind the point",
                                       storage::kDecimalPlacesMax));
    }
    return digits;
}

Status OperandScanner::hex(Operand& out, std::string_view digits, size_t begin) {
    out.kind = Operand::Kind::kHex;
    if (digits[1] == 'X') {
        return fail(begin, "hex starts with a small 0x");
    }
    if (digits.size() % 2 != 0) {
        return fail(begin, "hex needs an even number of digits (put a 0 in front)");
    }
    auto bytes = evm::parse_hex(digits);
    if (!bytes) {
        return fail(begin, "hex has the digits 0 to 9 and a to f only");
    }
    out.bytes = std::move(*bytes);
    return ok();
}

Status OperandScanner::builtin(Operand& out) {
    const size_t begin = at_++;
    while (at_ < text_.size() && (is_name_char(text_[at_]) || text_[at_] == '.')) {
        ++at_;
    }
    const std::string_view whole = text_.substr(begin, at_ - begin);
    if (whole.starts_with("$arg.")) {
        return argument(out, begin);
    }
    if (whole.starts_with("$call.")) {
        return call_name(out, begin);
    }
    const auto found = std::ranges::find(kBuiltins, whole, &Builtin::name);
    if (found != kBuiltins.end()) {
        out.kind = found->kind;
        return ok();
    }
    std::vector<std::string> known;
    known.reserve(kBuiltins.size() + 1);
    for (const Builtin& item : kBuiltins) {
        known.emplace_back(item.name);
    }
    known.emplace_back("$arg.N");
    known.emplace_back("$call.NAME");
    const std::string hint = hint_for_name(whole.substr(1));
    return fail(begin, fmt::format("unknown name {}{}", in_quotes(whole),
                                   hint.empty() ? suggest(whole, known) : hint));
}

/// `$arg.3`, `$arg.3.amount`.
Status OperandScanner::argument(Operand& out, size_t begin) {
    at_ = begin + std::string_view{"$arg."}.size();
    const std::string_view index = name_chars();
    if (index.empty() || index.size() > 3 || !std::ranges::all_of(index, is_ascii_digit) ||
        (index.size() > 1 && index.front() == '0')) {
        return fail(begin, "$arg needs the parameter's position from 0, as in $arg.0");
    }
    out.kind = Operand::Kind::kName;
    out.path = {"$arg", std::string{index}};
    return value_rest(out);
}

/// `$call.price`, `$call.reserves.reserve0`.
Status OperandScanner::call_name(Operand& out, size_t begin) {
    at_ = begin + std::string_view{"$call."}.size();
    const std::string_view name = name_chars();
    if (name.empty() || !is_name_start(name.front())) {
        return fail(begin, "$call needs the name of one of the handler's calls, as in $call.price");
    }
    out.kind = Operand::Kind::kName;
    out.path = {"$call", std::string{name}};
    return value_rest(out);
}

/// Behind a name that can be no row's: a '[' there begins an element.
Status OperandScanner::value_rest(Operand& out) {
    PLUMBLINE_TRY_VOID(path_rest(out));
    if (peek('[')) {
        return fail(at_, "an element is [NUMBER], a number that is written out, from 0 on");
    }
    return ok();
}

Status OperandScanner::path_rest(Operand& out) {
    while (true) {
        if (const std::string_view index = element_index(); !index.empty()) {
            out.path.back() += index;
            continue;
        }
        if (!peek('.')) {
            return ok();
        }
        ++at_;
        if (at_ >= text_.size() || !(is_name_start(text_[at_]) || is_ascii_digit(text_[at_]))) {
            return expected("a name after '.'");
        }
        const size_t begin = at_;
        const std::string_view part = name_chars();
        if (is_ascii_digit(part.front()) &&
            (part.size() > 3 || !std::ranges::all_of(part, is_ascii_digit))) {
            return fail(begin, "a name or a component's position stands after '.'");
        }
        out.path.emplace_back(part);
        if (out.path.size() > kMaxPathParts) {
            return fail(at_, fmt::format("a name may have at most {} parts", kMaxPathParts));
        }
    }
}

std::string_view OperandScanner::element_index() {
    const size_t begin = at_;
    if (!peek('[')) {
        return {};
    }
    ++at_;
    const std::string_view digits = name_chars();
    if (digits.empty() || digits.size() > 9 || !std::ranges::all_of(digits, is_ascii_digit) ||
        !peek(']')) {
        at_ = begin;
        return {};
    }
    ++at_;
    return from(begin);
}

}  // namespace plumbline::engine
