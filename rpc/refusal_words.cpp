#include "rpc/refusal_words.hpp"

#include <algorithm>
#include <utility>

namespace plumbline::rpc {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || is_upper(c);
}
char to_lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_hex_digit(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

class Tokenizer {
  public:
    explicit Tokenizer(std::string_view text) : text_{text} {}

    std::vector<Token> run() {
        while (at_ < text_.size() && tokens_.size() < kTokensMax) {
            const char c = text_[at_];
            if (text_.substr(at_).starts_with("http://") ||
                text_.substr(at_).starts_with("https://")) {
                skip_until_space();
            } else if (const size_t id = id_length()) {
                at_ += id;
            } else if (is_letter(c)) {
                read_word();
            } else if (c == '0' && at_ + 2 < text_.size() && text_[at_ + 1] == 'x' &&
                       is_hex_digit(text_[at_ + 2])) {
                read_hex();
            } else if (is_digit(c)) {
                read_number();
            } else {
                read_symbol(c);
            }
        }
        return std::move(tokens_);
    }

  private:
    static constexpr size_t kTokensMax = 600;

    void skip_until_space() {
        while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '"') {
            ++at_;
        }
    }

    // How many characters from here on are a UUID, an id of hex digits or an IP address, which
    // count nothing; 0 where there is none.
    [[nodiscard]] size_t id_length() const {
        if (at_ > 0 && (is_hex_digit(text_[at_ - 1]) || is_letter(text_[at_ - 1]))) {
            return 0;
        }
        size_t end = at_;
        size_t digits = 0;
        size_t letters = 0;
        size_t dashes = 0;
        size_t dots = 0;
        for (; end < text_.size(); ++end) {
            const char c = text_[end];
            const bool goes_on = end + 1 < text_.size() && is_hex_digit(text_[end + 1]);
            if (is_digit(c)) {
                ++digits;
            } else if (is_hex_digit(c)) {
                ++letters;
            } else if (c == '-' && goes_on) {
                ++dashes;
            } else if (c == '.' && goes_on) {
                ++dots;
            } else {
                break;
            }
        }
        if (end < text_.size() && (is_letter(text_[end]) || text_[end] == '_')) {
            return 0;
        }
        const bool is_uuid = dashes == 4 && end - at_ == 36;
        const bool is_hex_id =
            dashes == 0 && dots == 0 && letters > 0 && digits > 0 && end - at_ >= 12;
        const bool is_ip = dots == 3 && letters == 0 && dashes == 0;
        return is_uuid || is_hex_id || is_ip ? end - at_ : 0;
    }

    // An identifier of letters, digits and underscores that starts with a letter.
    void read_word() {
        const size_t start = at_;
        while (at_ < text_.size() &&
               (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '_')) {
            ++at_;
        }
        const std::string_view word = text_.substr(start, at_ - start);
        for (const std::string_view prefix :
             {"eth_", "debug_", "trace_", "net_", "getLogs", "getBlock"}) {
            if (word.starts_with(prefix)) {
                return;
            }
        }
        std::string part;
        const auto flush = [&] {
            if (!part.empty()) {
                // Nothing that is said of a block.
                part = part == "blockchain" ? "chain" : part;
                tokens_.push_back({TokenKind::kWord, part, 0});
                part.clear();
            }
        };
        for (size_t i = 0; i < word.size(); ++i) {
            if (word[i] == '_') {
                flush();
                continue;
            }
            if (i > 0 && is_upper(word[i]) && !is_upper(word[i - 1])) {
                flush();
            }
            part += to_lower(word[i]);
        }
        // "isn't" = is not, "can't" = can not.
        const bool is_negated = part.ends_with('n') && at_ + 1 < text_.size() &&
                                (text_[at_] == '\'' || text_[at_] == '`') && text_[at_ + 1] == 't';
        if (is_negated) {
            at_ += 2;
            part = part == "can" ? part : part.substr(0, part.size() - 1);
        }
        flush();
        if (is_negated) {
            tokens_.push_back({TokenKind::kWord, "not", 0});
        }
    }

    void read_hex() {
        const size_t start = at_;
        at_ += 2;
        uint64_t value = 0;
        size_t digits = 0;
        while (at_ < text_.size() && is_hex_digit(text_[at_])) {
            const char c = to_lower(text_[at_++]);
            value = (value << 4U) | static_cast<uint64_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
            ++digits;
        }
        tokens_.push_back({digits <= 16 ? TokenKind::kHex : TokenKind::kSymbol,
                           std::string{text_.substr(start, at_ - start)}, value});
    }

    void read_number() {
        uint64_t value = 0;
        bool huge = false;
        const auto add = [&](char c) {
            huge = huge || value > UINT64_MAX / 10 - 10;
            value = huge ? value : 10 * value + static_cast<uint64_t>(c - '0');
        };
        while (at_ < text_.size()) {
            if (is_digit(text_[at_])) {
                add(text_[at_++]);
            } else if ((text_[at_] == ',' || text_[at_] == '_' || text_[at_] == '\'') &&
                       has_three_digits(at_ + 1)) {
                ++at_;
            } else {
                break;
            }
        }
        // A fraction is dropped: limits are whole numbers, and "1.5 s" becomes 1 s.
        if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
            ++at_;
            while (at_ < text_.size() && is_digit(text_[at_])) {
                ++at_;
            }
        }
        if (at_ < text_.size() && !(at_ + 1 < text_.size() && is_letter(text_[at_ + 1]))) {
            if (to_lower(text_[at_]) == 'k') {
                value *= 1000;
                ++at_;
            } else if (text_[at_] == 'M') {
                value *= 1'000'000;
                ++at_;
            }
        }
        tokens_.push_back({huge ? TokenKind::kSymbol : TokenKind::kNumber, {}, value});
    }

    [[nodiscard]] bool has_three_digits(size_t from) const {
        return from + 3 <= text_.size() && is_digit(text_[from]) && is_digit(text_[from + 1]) &&
               is_digit(text_[from + 2]) && !(from + 3 < text_.size() && is_digit(text_[from + 3]));
    }

    void read_symbol(char c) {
        ++at_;
        if (c == '[' || c == ']' || c == '-' || c == '/' || c == '>' || c == '<' || c == '.') {
            tokens_.push_back({TokenKind::kSymbol, std::string{c}, 0});
        }
    }

    std::string_view text_;
    size_t at_ = 0;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> split_refusal(std::string_view text) {
    std::vector<Token> tokens = Tokenizer{text}.run();
    // "10 calls in 1 batch": an article, and no number.
    for (size_t i = 0; i + 2 < tokens.size(); ++i) {
        Token& one = tokens[i + 1];
        if (RefusalWords::matches_any(tokens[i], {"in$", "per$"}) &&
            one.kind == TokenKind::kNumber && one.number == 1 &&
            RefusalWords::matches(tokens[i + 2], "batch$")) {
            one = {TokenKind::kWord, "a", 0};
        }
    }
    return tokens;
}

/// How many tokens of advice begin at `index`.
size_t RefusalWords::advice_at(size_t index) const {
    const auto begins = [&](size_t at) {
        return matches_any(tokens_[at], {"upgrad", "visit", "contact"}) ||
               (at + 1 < tokens_.size() &&
                ((matches(tokens_[at], "head$") && matches(tokens_[at + 1], "over$")) ||
                 (matches(tokens_[at], "sign$") && matches(tokens_[at + 1], "up$")) ||
                 (matches(tokens_[at], "learn$") && matches(tokens_[at + 1], "more$")) ||
                 (matches(tokens_[at], "more$") && matches(tokens_[at + 1], "information$")) ||
                 (matches(tokens_[at], "create$") &&
                  matches_any(tokens_[at + 1], {"an$", "account"}))));
    };
    size_t start = index;
    while (start < tokens_.size() &&
           matches_any(tokens_[start], {"please", "you", "can$", "or$", "for$", "and$", "to$",
                                        "should", "consider", "kindly"})) {
        ++start;
    }
    if (start >= tokens_.size() || !begins(start)) {
        return 0;
    }
    size_t end = start;
    while (end < tokens_.size() && tokens_[end].text != ".") {
        ++end;
    }
    return end - index;
}

RefusalWords RefusalWords::without_advice() const {
    RefusalWords out;
    for (size_t i = 0; i < tokens_.size();) {
        const size_t advice = advice_at(i);
        if (advice == 0) {
            out.tokens_.push_back(tokens_[i++]);
        }
        i += advice;
    }
    return out;
}

bool RefusalWords::matches(const Token& token, std::string_view stem) {
    if (token.kind == TokenKind::kSymbol) {
        return token.text == stem;
    }
    if (token.kind != TokenKind::kWord) {
        return false;
    }
    if (stem.ends_with('$')) {
        return token.text == stem.substr(0, stem.size() - 1);
    }
    return token.text.starts_with(stem);
}

bool RefusalWords::matches_any(const Token& token, Stems stems) {
    return std::ranges::any_of(stems, [&](std::string_view stem) { return matches(token, stem); });
}

bool RefusalWords::has(Stems stems) const {
    return std::ranges::any_of(tokens_,
                               [&](const Token& token) { return matches_any(token, stems); });
}

bool RefusalWords::has_number(uint64_t number) const {
    return std::ranges::any_of(tokens_, [&](const Token& token) {
        return token.kind == TokenKind::kNumber && token.number == number;
    });
}

bool RefusalWords::has_sequence(Stems sequence, size_t gap) const {
    for (size_t start = 0; start < tokens_.size(); ++start) {
        if (matches(tokens_[start], *sequence.begin()) && follows(start, sequence, gap)) {
            return true;
        }
    }
    return false;
}

bool RefusalWords::near(Stems left, Stems right, size_t distance) const {
    for (size_t i = 0; i < tokens_.size(); ++i) {
        if (!matches_any(tokens_[i], left)) {
            continue;
        }
        const size_t first = i > distance ? i - distance : 0;
        const size_t last = std::min(tokens_.size(), i + distance + 1);
        for (size_t j = first; j < last; ++j) {
            if (j != i && matches_any(tokens_[j], right)) {
                return true;
            }
        }
    }
    return false;
}

bool RefusalWords::counts(size_t index, Stems nouns) const {
    for (size_t j = index + 1; j < tokens_.size() && j <= index + 2; ++j) {
        if (matches_any(tokens_[j], nouns)) {
            return true;
        }
        // "block range = 5120, max block range = 5000": the next phrase has begun.
        if (tokens_[j].kind != TokenKind::kWord || matches_any(tokens_[j], {"max", "limit"})) {
            return false;
        }
    }
    return false;
}

bool RefusalWords::any_number_counts(Stems nouns) const {
    for (size_t i = 0; i < tokens_.size(); ++i) {
        if (tokens_[i].kind == TokenKind::kNumber && counts(i, nouns)) {
            return true;
        }
    }
    return false;
}

bool RefusalWords::follows(size_t start, Stems sequence, size_t gap) const {
    size_t at = start;
    for (const auto* stem = sequence.begin() + 1; stem != sequence.end(); ++stem) {
        size_t next = at + 1;
        const size_t limit = std::min(tokens_.size(), at + 2 + gap);
        while (next < limit && !matches(tokens_[next], *stem)) {
            ++next;
        }
        if (next >= limit) {
            return false;
        }
        at = next;
    }
    return true;
}

}  // namespace plumbline::rpc
