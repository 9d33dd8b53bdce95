// Expressions' conversions from type to type, and their work on bytes and text.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/ascii.hpp"
#include "core/evm/decimal_text.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/mapping/expression_frame.hpp"

namespace plumbline::engine {

namespace {

using evm::Int512;
using storage::FieldKind;
using storage::FieldType;

/// The bytes of a word of `type`: bytesN lie on the left, an address on the right.
void append_word_bytes(std::string& out, const evm::U256& word, FieldType type) {
    std::array<uint8_t, 32> bytes{};
    word.to_be(bytes.data());
    const ByteView all{bytes};
    out += as_chars(type.kind == FieldKind::kFixedBytes ? all.first(type.width())
                                                        : all.last(type.width()));
}

/// As many bytes as `type` has, as its word.
evm::U256 word_of_bytes(ByteView bytes, FieldType type) {
    std::array<uint8_t, 32> word{};
    std::ranges::copy(bytes, type.kind == FieldKind::kFixedBytes
                                 ? word.begin()
                                 : word.end() - static_cast<std::ptrdiff_t>(type.width()));
    return evm::U256::from_be(word);
}

bool is_continuation(char c) noexcept {
    return (static_cast<uint8_t>(c) & 0xC0U) == 0x80U;
}

}  // namespace

bool ExpressionRunner::convert(Frame& frame, const ExprInstruction& now) {
    ExprValue& value = frame.top();
    switch (now.op) {
        case ExprOp::kBoolToNumber: return true;
        case ExprOp::kWordToNumber: {
            std::string& bytes = next_text();
            append_word_bytes(bytes, value.number.low_word(), now.type);
            value.number = Int512::from_unsigned(evm::U256::from_be(as_bytes(bytes)));
            return true;
        }
        case ExprOp::kBytesToNumber:
            if (value.bytes.size() > 32) {
                return fail(frame, now,
                            fmt::format("{} bytes are no number, which has 32 at most",
                                        value.bytes.size()));
            }
            value.number = Int512::from_unsigned(evm::U256::from_be(as_bytes(value.bytes)));
            return true;
        case ExprOp::kNumberToWord: {
            const auto bits = static_cast<int>(now.type.width() * 8);
            if (!value.number.fits_unsigned(bits)) {
                return fail(frame, now,
                            fmt::format("{} does not fit {}", value.number.to_decimal(),
                                        to_string(now.type)));
            }
            std::array<uint8_t, 32> bytes{};
            value.number.low_word().to_be(bytes.data());
            value.number = Int512::from_unsigned(
                word_of_bytes(ByteView{bytes}.last(now.type.width()), now.type));
            return true;
        }
        case ExprOp::kBytesToWord:
            if (value.bytes.size() != now.type.width()) {
                return fail(
                    frame, now,
                    fmt::format("{} bytes are no {}", value.bytes.size(), to_string(now.type)));
            }
            value.number = Int512::from_unsigned(word_of_bytes(as_bytes(value.bytes), now.type));
            return true;
        case ExprOp::kWordToBytes: {
            std::string& bytes = next_text();
            append_word_bytes(bytes, value.number.low_word(), now.type);
            value.bytes = bytes;
            return true;
        }
        case ExprOp::kToText: {
            std::string& text = next_text();
            if (now.type.is_number()) {
                text = evm::decimal_text(value.number.to_decimal(), now.type.places);
            } else if (now.type.kind == FieldKind::kEnum) {
                text = storage::enum_name(now.type, value.number.low_word());
            } else if (now.type.kind == FieldKind::kBool) {
                text = value.number.is_zero() ? "false" : "true";
            } else if (now.type.is_dynamic()) {
                if (value.bytes.size() > kExpressionBytesMax / 2) {
                    return fail(frame, now, "the text would be longer than 1 MiB");
                }
                text = evm::to_hex(as_bytes(value.bytes));
            } else {
                std::string& bytes = next_text();
                append_word_bytes(bytes, value.number.low_word(), now.type);
                text = evm::to_hex(as_bytes(bytes));
            }
            value.bytes = text;
            return true;
        }
        default: return of_bytes(frame, now);
    }
}

bool ExpressionRunner::of_bytes(Frame& frame, const ExprInstruction& now) {
    switch (now.op) {
        case ExprOp::kConcat: {
            std::string& all = next_text();
            const ExprValue* parts = &frame.stack[frame.size - now.at];
            for (uint32_t i = 0; i < now.at; ++i) {
                if (all.size() + parts[i].bytes.size() > kExpressionBytesMax) {
                    return fail(frame, now, "the result would be longer than 1 MiB");
                }
                all += parts[i].bytes;
            }
            frame.size -= now.at;
            frame.push(ExprValue{{}, all});
            return true;
        }
        case ExprOp::kLower: {
            std::string& text = next_text();
            text = frame.top().bytes;
            std::ranges::transform(text, text.begin(), ascii_lower);
            frame.top().bytes = text;
            return true;
        }
        case ExprOp::kLength:
            frame.top().number = Int512{static_cast<int64_t>(frame.top().bytes.size())};
            return true;
        case ExprOp::kSlice: return slice(frame, now);
        case ExprOp::kKeccak:
            frame.top().number =
                Int512::from_unsigned(evm::U256::from_be(evm::keccak256(frame.top().bytes).view()));
            return true;
        case ExprOp::kAbiEncode: return abi_encode(frame, now);
        default: return fail(frame, now, "this operation is not known");
    }
}

bool ExpressionRunner::slice(Frame& frame, const ExprInstruction& now) {
    const Int512 count = frame.pop().number;
    const Int512 start = frame.pop().number;
    std::string_view& bytes = frame.top().bytes;
    if (!start.fits_u64() || !count.fits_u64() || start.limb[0] > bytes.size() ||
        count.limb[0] > bytes.size() - start.limb[0]) {
        return fail(frame, now,
                    fmt::format("{} bytes from {} on lie outside of {} bytes", count.to_decimal(),
                                start.to_decimal(), bytes.size()));
    }
    const std::string_view rest = bytes.substr(start.limb[0] + count.limb[0]);
    const std::string_view cut = bytes.substr(start.limb[0], count.limb[0]);
    const auto is_inside = [](std::string_view text) {
        return !text.empty() && is_continuation(text.front());
    };
    if (now.type.kind == FieldKind::kString &&
        (is_inside(cut) || is_inside(rest) || (cut.empty() && is_inside(rest)))) {
        return fail(frame, now, "it would cut through a character");
    }
    bytes = cut;
    return true;
}

/// Heads first, then the tails of bytes and text, each as its length and its bytes padded to words.
bool ExpressionRunner::abi_encode(Frame& frame, const ExprInstruction& now) {
    std::string& out = next_text();
    const ExprValue* values = &frame.stack[frame.size - now.at];
    const auto append_word = [&out](const evm::U256& word) {
        std::array<uint8_t, 32> bytes{};
        word.to_be(bytes.data());
        out += as_chars(ByteView{bytes});
    };
    uint64_t tail = uint64_t{32} * now.at;
    for (uint32_t i = 0; i < now.at; ++i) {
        const FieldType type = frame.program.types[now.kind + i];
        if (type.is_dynamic()) {
            append_word(tail);
            tail += 32 + (values[i].bytes.size() + 31) / 32 * 32;
            continue;
        }
        if (type.is_number() && !values[i].number.fits_unsigned(256) &&
            !values[i].number.fits_signed(256)) {
            return fail(
                frame, now,
                fmt::format("{} is neither uint256 nor int256", values[i].number.to_decimal()));
        }
        append_word(values[i].number.low_word());
    }
    if (tail > kExpressionBytesMax) {
        return fail(frame, now, "the result would be longer than 1 MiB");
    }
    for (uint32_t i = 0; i < now.at; ++i) {
        if (frame.program.types[now.kind + i].is_dynamic()) {
            const std::string_view bytes = values[i].bytes;
            append_word(bytes.size());
            out += bytes;
            out.append((32 - bytes.size() % 32) % 32, '\0');
        }
    }
    frame.size -= now.at;
    frame.push(ExprValue{{}, out});
    return true;
}

}  // namespace plumbline::engine
