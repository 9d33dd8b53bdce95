// A provider's text as words and numbers, and the questions that rules ask of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline::rpc {

enum class TokenKind : uint8_t { kWord, kNumber, kHex, kSymbol };

struct Token {
    TokenKind kind = TokenKind::kWord;
    std::string text;     ///< of words, in lower case, and of symbols
    uint64_t number = 0;  ///< of numbers and hex numbers
};

/// Words in lower case with camelCase taken apart ("maxBlockRange" = max block range), numbers with
/// thousands separators and k or M behind them, hex numbers, symbols. Method names (eth_getLogs),
/// links, UUIDs, long hex ids and IP addresses say nothing about the refusal and are left out. The
/// first 600 tokens.
[[nodiscard]] std::vector<Token> split_refusal(std::string_view text);

/// Word stems to look for: a list in place, or a constant array. Only for parameters: a list in
/// place lives no longer than the call.
class Stems {
  public:
    Stems(std::initializer_list<std::string_view> list)
        : first_{list.begin()},
          last_{list.end()} {}  // NOLINT
    template <size_t N>
    Stems(const std::array<std::string_view, N>& list)  // NOLINT(google-explicit-constructor)
        : first_{list.data()},
          last_{list.data() + N} {}
    [[nodiscard]] const std::string_view* begin() const { return first_; }
    [[nodiscard]] const std::string_view* end() const { return last_; }

  private:
    const std::string_view* first_;
    const std::string_view* last_;
};

/// A stem matches the start of a word; a stem that ends in '$' matches the whole word; a symbol
/// matches itself. Distances count tokens of all kinds.
class RefusalWords {
  public:
    explicit RefusalWords(std::string_view text) : tokens_{split_refusal(text)} {}

    [[nodiscard]] const std::vector<Token>& tokens() const { return tokens_; }
    /// Without the parts that sell or point somewhere: "upgrade your plan for more", "visit our
    /// dashboard".
    [[nodiscard]] RefusalWords without_advice() const;

    [[nodiscard]] static bool matches(const Token& token, std::string_view stem);
    [[nodiscard]] static bool matches_any(const Token& token, Stems stems);
    /// One of the stems, anywhere.
    [[nodiscard]] bool has(Stems stems) const;
    [[nodiscard]] bool has_number(uint64_t number) const;
    /// All stems of `sequence` in this order, with at most `gap` other tokens between two of them.
    [[nodiscard]] bool has_sequence(Stems sequence, size_t gap = 0) const;
    /// One of `left` and one of `right` within `distance` tokens of each other, in either order.
    [[nodiscard]] bool near(Stems left, Stems right, size_t distance) const;
    /// True where the number at `index` counts one of `nouns`: "10,000 blocks", "2K block range".
    [[nodiscard]] bool counts(size_t index, Stems nouns) const;
    [[nodiscard]] bool any_number_counts(Stems nouns) const;

  private:
    RefusalWords() = default;
    [[nodiscard]] size_t advice_at(size_t index) const;
    [[nodiscard]] bool follows(size_t start, Stems sequence, size_t gap) const;

    std::vector<Token> tokens_;
};

}  // namespace plumbline::rpc
