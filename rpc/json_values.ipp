// Readers of single JSON values for rpc/eth_json*.cpp and only for them. Not a header of the layer
// (so not named like one, nor installed): it shows simdjson. Each reader looks at one value and
// says whether it is what it must be.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <simdjson.h>

#include "core/evm/bytes.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/uint256.hpp"
#include "rpc/eth_json.hpp"

namespace plumbline::rpc::json {

namespace ondemand = simdjson::ondemand;

// Malformed values end the reading of their call; `why` is the reason for people.
struct Fail {
    std::string why;
};

// ---- Text of scalars -----------------------------------------------------------------------

// The characters between the quotes, escapes untouched; nullopt where the value is no string.
// Hex text has no escapes, so a backslash simply fails to decode.
inline std::optional<std::string_view> string_of(ondemand::value& value) {
    const std::string_view token = value.raw_json_token();
    if (token.empty() || token.front() != '"') {
        return std::nullopt;
    }
    // The token runs to the next structural character, so white space may follow the quote.
    const size_t end = token.find_last_of('"');
    if (end == 0) {
        return std::nullopt;
    }
    return token.substr(1, end - 1);
}

inline bool is_null(ondemand::value& value) {
    return std::string_view{value.raw_json_token()}.starts_with("null");
}

#if defined(__SSE2__)
// 16 digits to 8 bytes; false where one is no digit.
inline bool decode_16_digits(const char* digits, uint8_t* out) noexcept {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(digits));
    const __m128i decimal = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    // Setting bit 5 makes letters lower-case.
    const __m128i letter =
        _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    // Unsigned "at most" by saturating subtraction: zero where it holds.
    const __m128i zero = _mm_setzero_si128();
    const __m128i is_decimal = _mm_cmpeq_epi8(_mm_subs_epu8(decimal, _mm_set1_epi8(9)), zero);
    const __m128i is_letter = _mm_cmpeq_epi8(_mm_subs_epu8(letter, _mm_set1_epi8(5)), zero);
    if (_mm_movemask_epi8(_mm_or_si128(is_decimal, is_letter)) != 0xffff) {
        return false;
    }
    const __m128i nibbles =
        _mm_or_si128(_mm_and_si128(is_decimal, decimal),
                     _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
    // In each 16-bit lane the first digit is the low byte: (first << 4) | second.
    const __m128i high = _mm_slli_epi16(_mm_and_si128(nibbles, _mm_set1_epi16(0x00ff)), 4);
    const __m128i joined = _mm_or_si128(high, _mm_srli_epi16(nibbles, 8));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(joined, zero));
    return true;
}
#endif

inline bool decode_digits(std::string_view digits, uint8_t* out) noexcept {
    size_t done = 0;
#if defined(__SSE2__)
    for (; done + 16 <= digits.size(); done += 16) {
        if (!decode_16_digits(digits.data() + done, out + done / 2)) {
            return false;
        }
    }
#endif
    return evm::decode_hex(digits.substr(done), out + done / 2);
}

template <size_t N>
bool read_fixed(ondemand::value& value, evm::FixedBytes<N>& out) {
    const auto text = string_of(value);
    return text && text->size() == 2 + 2 * N && (*text)[0] == '0' && (*text)[1] == 'x' &&
           decode_digits(text->substr(2), out.data());
}

inline bool read_bytes(ondemand::value& value, Bytes& out) {
    const auto text = string_of(value);
    if (!text || !text->starts_with("0x") || text->size() % 2 != 0) {
        return false;
    }
    out.resize((text->size() - 2) / 2);
    return decode_digits(text->substr(2), out.data());
}

inline bool parse_hex_quantity(std::string_view text, uint64_t& out) noexcept {
    if (text.size() < 3 || text[0] != '0' || text[1] != 'x') {
        return false;
    }
    text.remove_prefix(2);
    if (text.size() > 64) {
        return false;
    }
    uint64_t value = 0;
    for (const char c : text) {
        uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<uint32_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<uint32_t>(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<uint32_t>(c - 'A') + 10;
        } else {
            return false;
        }
        if ((value >> 60U) != 0) {
            return false;
        }
        value = (value << 4U) | digit;
    }
    out = value;
    return true;
}

inline bool read_quantity(ondemand::value& value, uint64_t& out) {
    if (const auto text = string_of(value)) {
        return parse_hex_quantity(*text, out);
    }
    return value.get_uint64().get(out) == simdjson::SUCCESS;
}

inline bool read_quantity32(ondemand::value& value, uint32_t& out) {
    uint64_t wide = 0;
    if (!read_quantity(value, wide) || wide > UINT32_MAX) {
        return false;
    }
    out = static_cast<uint32_t>(wide);
    return true;
}

inline bool read_u256(ondemand::value& value, evm::U256& out) {
    if (const auto text = string_of(value)) {
        if (text->size() < 3 || !text->starts_with("0x")) {
            return false;
        }
        const auto number = evm::U256::parse(*text);
        if (!number) {
            return false;
        }
        out = *number;
        return true;
    }
    uint64_t low = 0;
    if (value.get_uint64().get(low) != simdjson::SUCCESS) {
        return false;
    }
    out = evm::U256{low};
    return true;
}

// True where the raw key is exactly `name`. The body's padding makes the read safe.
template <size_t N>
inline bool key_is(const char* key, const char (&name)[N]) noexcept {
    return std::memcmp(key, name, N - 1) == 0 && key[N - 1] == '"';
}

// Calls `on_field(raw_key, value)` for each field until it returns a reason to stop.
template <typename OnField>
std::optional<Fail> for_each_field(ondemand::value& value, const char* what, OnField&& on_field) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
        return Fail{std::string{what} + " is not an object"};
    }
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field) != simdjson::SUCCESS) {
            return Fail{std::string{what} + " is broken JSON"};
        }
        if (const char* why = on_field(field.key().raw(), field.value())) {
            return Fail{std::string{what} + ": " + why};
        }
    }
    return std::nullopt;
}

// Calls `on_item(value)` for each element until it returns a failure.
template <typename OnItem>
std::optional<Fail> for_each_item(ondemand::value& value, const char* what, OnItem&& on_item) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) {
        return Fail{std::string{what} + " is not an array"};
    }
    for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) != simdjson::SUCCESS) {
            return Fail{std::string{what} + " is broken JSON"};
        }
        if (auto fail = on_item(element)) {
            return fail;
        }
    }
    return std::nullopt;
}

// null stays empty.
template <typename T, typename Read>
const char* read_optional(ondemand::value& value, std::optional<T>& out, Read&& read,
                          const char* why) {
    if (is_null(value)) {
        return nullptr;
    }
    T inner{};
    if (!read(value, inner)) {
        return why;
    }
    out = inner;
    return nullptr;
}

// Fields that chains with another layout leave out, or send as null or "0x" (TRON's stateRoot),
// stay zero: their header then simply does not hash, which is the hash check's business.
template <typename Out, typename Read>
const char* read_lenient(ondemand::value& value, Out& out, Read&& read, const char* why) {
    return is_null(value) || string_of(value) == "0x" || read(value, out) ? nullptr : why;
}

// ---- Whole results, each in the file of its name -------------------------------------------

/// `layout` is `Answer::header_layout`.
[[nodiscard]] std::optional<Fail> read_header(ondemand::value& value, evm::Header& header,
                                              uint64_t& layout);
/// Appends to `batch`.
[[nodiscard]] std::optional<Fail> read_logs(ondemand::value& value, evm::LogBatch& batch);
/// All receipts of the block with this hash, in transaction order.
[[nodiscard]] std::optional<Fail> read_receipts(ondemand::value& value, const evm::Hash& block_hash,
                                                evm::ReceiptBatch& batch);
/// The receipt of `call.txn_hash`, alone in its batch.
[[nodiscard]] std::optional<Fail> read_txn_receipt(ondemand::value& value, const Call& call,
                                                   evm::ReceiptBatch& batch);
/// The proofs of `call.address` and its slots, in the order asked.
[[nodiscard]] std::optional<Fail> read_proof(ondemand::value& value, const Call& call,
                                             AccountProof& proof);
/// Reads the result of `call` into `answer`.
[[nodiscard]] std::optional<Fail> read_result(ondemand::value& value, const Call& call,
                                              Answer& answer);

}  // namespace plumbline::rpc::json
