#include "rpc/refusal.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace plumbline::rpc {

namespace {

enum class TokenKind : uint8_t { kWord, kNumber, kHex, kSymbol };

struct Token {
    TokenKind kind = TokenKind::kWord;
    std::string text;  // lower case; the symbol itself
    uint64_t number = 0;
};

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

// Words in lower case with camelCase taken apart ("maxBlockRange" = max block range), numbers with
// thousands separators and k or m behind them, hex numbers, symbols. Method names (eth_getLogs)
// and links say nothing about the refusal and are left out.
class Tokenizer {
  public:
    explicit Tokenizer(std::string_view text) : text_{text} {}

    std::vector<Token> run() {
        while (at_ < text_.size() && tokens_.size() < kTokensMax) {
            const char c = text_[at_];
            if (text_.substr(at_).starts_with("http://") ||
                text_.substr(at_).starts_with("https://")) {
                skip_until_space();
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
        flush();
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

// Word stems to look for: a list in place, or one of the arrays below. Only for parameters: a list
// in place lives no longer than the call.
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

// The tokens and the questions the rules ask of them. A stem matches the start of a word; a stem
// that ends in '$' matches the whole word.
class Text {
  public:
    explicit Text(std::vector<Token> tokens) : tokens_{std::move(tokens)} {}

    [[nodiscard]] const std::vector<Token>& tokens() const { return tokens_; }

    [[nodiscard]] static bool matches(const Token& token, std::string_view stem) {
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
    [[nodiscard]] static bool matches_any(const Token& token, Stems stems) {
        return std::ranges::any_of(stems,
                                   [&](std::string_view stem) { return matches(token, stem); });
    }
    [[nodiscard]] bool has(Stems stems) const {
        return std::ranges::any_of(tokens_,
                                   [&](const Token& token) { return matches_any(token, stems); });
    }
    /// All stems of `sequence` in this order, with at most `gap` other tokens between two of them.
    [[nodiscard]] bool has_sequence(Stems sequence, size_t gap = 0) const {
        for (size_t start = 0; start < tokens_.size(); ++start) {
            if (matches(tokens_[start], *sequence.begin()) && follows(start, sequence, gap)) {
                return true;
            }
        }
        return false;
    }
    /// One of `left` and one of `right` within `distance` tokens of each other, in either order.
    [[nodiscard]] bool near(Stems left, Stems right, size_t distance) const {
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

    /// The stem-matching noun that the number at `index` counts: "10,000 blocks", "2K block range".
    [[nodiscard]] bool counts(size_t index, Stems nouns) const {
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
    [[nodiscard]] bool any_number_counts(Stems nouns) const {
        for (size_t i = 0; i < tokens_.size(); ++i) {
            if (tokens_[i].kind == TokenKind::kNumber && counts(i, nouns)) {
                return true;
            }
        }
        return false;
    }

  private:
    [[nodiscard]] bool follows(size_t start, Stems sequence, size_t gap) const {
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

    std::vector<Token> tokens_;
};

constexpr std::array<std::string_view, 0> kNoStems{};
constexpr std::array kBlockNouns =
    std::to_array<std::string_view>({"block", "range", "distance", "height"});
constexpr std::array kResultNouns = std::to_array<std::string_view>(
    {"result", "log$", "logs$", "event", "record", "entries", "item", "match"});
constexpr std::array kAddressNouns =
    std::to_array<std::string_view>({"address", "topic", "contracts$", "filters$"});
constexpr std::array kSizeNouns =
    std::to_array<std::string_view>({"byte", "kb$", "mb$", "gb$", "mib$", "kib$", "size"});
constexpr std::array kExcess = std::to_array<std::string_view>(
    {"exceed",  "too$",     "limit",  "max",     "more$",  "greater", "larger",   "bigger",
     "wider",   "higher",   "longer", "smaller", "less$",  "fewer",   "over$",    "threshold",
     "most$",   "up$",      "cap$",   "least$",  "narrow", "reduc",   "oversize", "allow",
     "support", "restrict", "beyond", "above",   "big$",   "large$"});

// ---- Rules, in the order they are tried ----------------------------------------------------

bool is_head_race(const Text& t) {
    return t.near({"beyond", "ahead", "past$", "future"},
                  {"head$", "latest", "tip$", "current$", "chain$"}, 4) ||
           t.has_sequence({"last", "accepted"}) || t.has_sequence({"future", "block"}) ||
           t.has({"unfinalized", "unfinalised"}) ||
           t.near({"not$", "yet$"},
                  {"finalized", "finalised", "synced", "imported", "indexed", "produced"}, 3) ||
           (t.has_sequence({"height", "not$", "available"}, 2)) ||
           t.near({"greater", "higher", "above", "exceed", "after$", "larger", "newer", "more$"},
                  {"head$", "latest", "tip$", "highest"}, 4) ||
           t.has_sequence({"greater", "than", "current"}, 1) ||
           (t.has({"node$", "server"}) && t.has({"behind", "syncing", "lagging"}));
}

bool is_missing_data(const Text& t, int64_t code) {
    const bool not_there =
        t.has_sequence({"not$", "found"}, 2) || t.has_sequence({"not$", "be$", "found"}, 1) ||
        (t.has({"cannot"}) && t.has({"found"})) || t.has_sequence({"not$", "available"}, 2) ||
        t.has_sequence({"not$", "exist"}, 1) || t.has({"missing", "unknown", "unavailable"});
    const bool thing =
        t.has({"block$", "blocks$", "header", "state", "trie", "history", "historical", "receipt",
               "resource", "height", "data$", "ancient", "body"});
    return code == 4444 || t.has_sequence({"missing", "trie"}) || t.has({"prun", "canonical"}) ||
           (t.has({"archive", "historical", "history"}) &&
            (not_there || t.has({"require", "only", "need", "access"}))) ||
           (not_there && thing && !t.has({"method", "backend", "server", "upstream", "service"}));
}

bool is_rate_text(const Text& t) {
    const bool size_words = t.has({"block", "range"}) || t.has({"result", "log$", "logs$"});
    return t.near({"per$", "/", "a$", "each"}, {"second", "sec$", "minute", "min$", "hour"}, 2) ||
           t.has({"rps$", "qps$", "throttl", "ratelimit", "cups$"}) ||
           t.has_sequence({"rate", "limit"}, 2) || t.has_sequence({"limit", "rate$"}, 4) ||
           t.has_sequence({"request", "rate"}, 1) ||
           t.has_sequence({"too$", "many", "request"}, 1) ||
           (t.has_sequence({"too$", "many", "call"}, 1) && !t.has({"batch"})) ||
           t.has_sequence({"compute", "unit"}) || t.has_sequence({"too$", "many", "concurrent"}) ||
           (t.has({"quota", "credit", "concurren"}) && t.has(kExcess)) ||
           (t.has({"quota"}) && t.has({"reach"})) ||
           (t.has({"upgrade"}) && t.has({"tier", "account", "plan"}) && !size_words) ||
           (t.near({"request", "requests", "call", "calls"}, {"limit", "limited"}, 4) &&
            !size_words && !t.has({"batch", "size", "large", "body"})) ||
           (t.has_sequence({"slow", "down"}));
}

bool is_billing(const Text& t, int http_status) {
    if (http_status == 402 || t.has_sequence({"payment", "required"})) {
        return true;
    }
    const bool period = t.has({"monthly", "daily", "month$", "day$"});
    const bool used_up =
        t.has({"limit", "capacity", "quota", "credit", "exceed", "reach", "exhaust", "count"});
    const bool size_words = t.has({"block", "range", "result"});
    return (period && used_up && !size_words) ||
           (t.has({"billing", "invoice", "unpaid", "overdue"})) ||
           (t.near({"reach", "exceed", "exhaust", "used"},
                   {"tier", "freetier", "plan", "subscription"}, 5) &&
            !size_words) ||
           (t.near({"limit"}, {"plan", "subscription"}, 4) && !size_words &&
            !t.near({"per$", "/"}, {"second", "sec$", "minute"}, 2)) ||
           (t.has({"subscription", "account", "project", "key$", "app$"}) &&
            t.has({"expired", "suspend", "disabled", "inactive", "deactivat", "blocked"})) ||
           (t.has({"insufficient", "out$"}) && t.has({"credit", "balance", "funds"}));
}

bool is_timeout(const Text& t) {
    return t.has({"timeout", "timedout"}) || t.has_sequence({"timed", "out"}) ||
           t.has_sequence({"time$", "out$"}) || t.has({"deadline"}) ||
           (t.has_sequence({"too$", "long"}) &&
            t.has({"took", "taking", "execut", "run", "query"})) ||
           t.has_sequence({"execution", "aborted"}) || t.has_sequence({"context", "cancel"});
}

bool is_batch(const Text& t) {
    return (t.has({"batch", "batches"}) &&
            (t.has(kExcess) || t.has({"size", "many", "disabled", "forbidden"}))) ||
           (t.has_sequence({"too$", "many", "calls$"}, 2) && t.has({"rpc"}));
}

bool is_response_size(const Text& t) {
    const bool answer = t.has({"response", "payload", "body", "content", "output"});
    return (answer && (t.near({"response", "payload", "body", "content", "output"},
                              {"size", "large", "big$", "exceed", "bytes", "too$", "limit"}, 4))) ||
           (t.has(kSizeNouns) && t.has({"bytes", "byte$", "mb$", "mib$"}) && t.has(kExcess)) ||
           (t.has_sequence({"result", "size"}, 1) && t.has(kExcess));
}

bool is_addresses(const Text& t) {
    return (t.near(kAddressNouns,
                   {"exceed", "too$", "many", "max", "limit", "less$", "fewer", "number$", "more$",
                    "up$"},
                   4) ||
            (t.any_number_counts(kAddressNouns) && t.has(kExcess)));
}

bool is_results(const Text& t) {
    if (t.any_number_counts({"block"}) && !t.any_number_counts(kResultNouns) &&
        !t.has({"result"})) {
        return false;
    }
    return t.has(kResultNouns) && (t.has({"exceed", "limit", "max", "more$", "over$", "greater",
                                          "larger", "too$", "cap$", "most$"}) ||
                                   t.has({"paginat"}));
}

bool is_blocks(const Text& t) {
    const bool noun = t.has({"block", "range", "distance"});
    return noun && (t.has(kExcess) || t.has({"wide$", "high$", "long$"}));
}

bool is_outage(const Text& t) {
    return t.has({"backend", "upstream", "unhealthy", "overload", "maintenance", "unavailable",
                  "crash", "panic", "unreachable", "econnrefused"}) ||
           t.has_sequence({"too$", "much", "load"}) || t.has_sequence({"no$", "server"}) ||
           t.has_sequence({"no$", "available"}, 2) || t.has_sequence({"bad", "gateway"}) ||
           t.has_sequence({"internal", "error"}, 2) || t.has_sequence({"server", "busy"}, 2) ||
           t.has_sequence({"connection", "refused"}, 1) ||
           t.has_sequence({"connection", "reset"}, 1) ||
           t.has_sequence({"try", "again", "later"}, 1) || t.has({"temporar"}) ||
           t.has_sequence({"service", "not"}, 2);
}

bool is_unsupported(const Text& t, int64_t code) {
    return code == -32601 ||
           (t.has({"method", "module"}) &&
            (t.has_sequence({"not$", "found"}, 2) || t.has_sequence({"not$", "support"}, 2) ||
             t.has_sequence({"not$", "available"}, 2) || t.has_sequence({"not$", "exist"}, 2) ||
             t.has({"unsupported", "unknown", "disabled"}) ||
             t.has_sequence({"not$", "allowed"}, 2) || t.has({"whitelist"})));
}

RefusalClass by_text(const Text& t, const RefusalText& in, bool& ambiguous) {
    using enum RefusalClass;
    if (is_unsupported(t, in.code)) {
        return kUnsupported;
    }
    if (is_batch(t)) {
        return kBatchTooLarge;
    }
    if (is_head_race(t)) {
        return kHeadRace;
    }
    if (is_billing(t, in.http_status)) {
        return kBilling;
    }
    if (is_rate_text(t)) {
        return kRateLimit;
    }
    if (is_timeout(t)) {
        return kTimeout;
    }
    if (is_response_size(t)) {
        return kResponseTooLarge;
    }
    if (is_results(t)) {
        return kTooManyResults;
    }
    if (is_addresses(t)) {
        return kTooManyAddresses;
    }
    if (is_missing_data(t, in.code)) {
        return kMissingData;
    }
    if (is_blocks(t)) {
        return kTooManyBlocks;
    }
    if (is_outage(t)) {
        // A load balancer says "no healthy backend" also when each backend choked on the range.
        ambiguous = t.has({"backend"});
        return kOutage;
    }
    if (t.has({"query", "filter", "request"}) &&
        t.has({"smaller", "exceed", "reduce", "narrow", "large$", "big$", "limit"})) {
        // "query must be smaller than size 1024" counts blocks; "query exceeds limit 10000"
        // results.
        return t.has({"smaller", "narrow"}) ? kTooManyBlocks : kTooManyResults;
    }
    if (t.has({"limit", "limits"}) && t.has({"exceed", "reach", "over$"})) {
        ambiguous = in.http_status != 429 && in.code != 429;
        return ambiguous ? kTooManyResults : kRateLimit;
    }
    return kUnknown;
}

RefusalClass by_code(const Text& t, const RefusalText& in) {
    using enum RefusalClass;
    const int status = in.http_status;
    if (status == 429 || in.code == 429 || in.code == -32029 || in.code == -32055) {
        return kRateLimit;
    }
    if (status == 413) {
        return kBatchTooLarge;
    }
    if (status == 408 || status == 504 || status == 524 || in.code == 408 || in.code == 504) {
        return kTimeout;
    }
    if (status == 401 || status == 403 || in.code == 401 || in.code == 403 ||
        t.has({"unauthorized", "unauthorised", "forbidden"}) || t.has_sequence({"api", "key"})) {
        return kBilling;
    }
    if (status >= 500 || (in.code >= 500 && in.code < 600)) {
        return kOutage;
    }
    if (in.code == -32001) {
        return kMissingData;
    }
    if (in.code == -32600 || in.code == -32602 || in.code == -32700 ||
        t.has({"invalid", "malformed", "parse"})) {
        return kBadRequest;
    }
    if (in.code == -32603) {
        return kOutage;
    }
    if (status >= 400) {
        return kBadRequest;
    }
    return kUnknown;
}

// ---- Hints ---------------------------------------------------------------------------------

// "[0x1a, 0x2b]", "range 6000000-6000509": two ascending numbers in brackets, or joined by a dash.
std::optional<evm::BlockRange> find_range(const std::vector<Token>& tokens) {
    const auto numeric = [&](size_t i) {
        return i < tokens.size() &&
               (tokens[i].kind == TokenKind::kNumber || tokens[i].kind == TokenKind::kHex);
    };
    for (size_t i = 0; i + 2 < tokens.size(); ++i) {
        size_t first = i;
        size_t second = 0;
        if (tokens[i].text == "[" && tokens[i].kind == TokenKind::kSymbol && numeric(i + 1)) {
            first = i + 1;
            second = i + 2;
        } else if (numeric(i) && tokens[i + 1].text == "-" && i > 0 &&
                   Text::matches(tokens[i - 1], "range")) {
            second = i + 2;
        } else {
            continue;
        }
        if (numeric(second) && tokens[first].number <= tokens[second].number) {
            return evm::BlockRange{tokens[first].number, tokens[second].number};
        }
    }
    return std::nullopt;
}

// Is the number part of "from block 5 to block 9", "5-9" or a negative code: not a limit?
bool is_position(const std::vector<Token>& tokens, size_t index) {
    for (size_t back = 1; back <= 2 && back <= index; ++back) {
        const Token& before = tokens[index - back];
        if (Text::matches(before, "from$")) {
            return true;
        }
        if (Text::matches(before, "to$")) {
            // "from 0 to 100000" is a position; "limited to 100", "set to 100", "up to 100" a
            // limit.
            for (size_t j = index - back; j > 0 && index - j < 6; --j) {
                if (Text::matches(tokens[j - 1], "from$")) {
                    return true;
                }
            }
        }
    }
    const bool dash_before = index > 0 && tokens[index - 1].text == "-";
    const bool dash_after = index + 1 < tokens.size() && tokens[index + 1].text == "-";
    return dash_before || dash_after;
}

// The smallest number that can be a limit: where a text tells what was asked and what is allowed,
// the allowed one is smaller. Numbers that count one of `others` are left out; where some number
// counts one of `nouns`, only those are looked at.
std::optional<uint64_t> find_limit(const Text& t, Stems nouns, Stems others) {
    const bool only_counted = t.any_number_counts(nouns);
    std::optional<uint64_t> best;
    for (size_t i = 0; i < t.tokens().size(); ++i) {
        const Token& token = t.tokens()[i];
        const bool counted = t.counts(i, nouns);
        if (token.kind != TokenKind::kNumber || token.number == 0 || is_position(t.tokens(), i) ||
            (!counted && t.counts(i, others)) || (i > 0 && t.tokens()[i - 1].text == "[")) {
            continue;
        }
        // "block range too large (2000), maximum allowed is 1000 blocks" has both kinds, and one
        // of "range 5000 > 3000" counts nothing at all: a smaller uncounted limit wins too.
        if (only_counted && !counted) {
            continue;
        }
        best = std::min(best.value_or(UINT64_MAX), token.number);
    }
    return best;
}

// "try again in 3 s", "retry after 500ms", {"backoff_seconds": 30}.
std::optional<int64_t> find_retry_after(const Text& t) {
    const auto& tokens = t.tokens();
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i].kind != TokenKind::kNumber || tokens[i].number > 86'400'000) {
            continue;
        }
        bool wait_word = false;
        std::string_view unit;
        for (size_t back = 1; back <= 4 && back <= i; ++back) {
            const Token& before = tokens[i - back];
            wait_word = wait_word ||
                        Text::matches_any(before, {"retry", "again", "backoff", "wait", "reset"});
            if (unit.empty() &&
                Text::matches_any(before, {"second", "ms$", "millisecond", "sec$", "minute"})) {
                unit = before.text;
            }
        }
        if (i + 1 < tokens.size() &&
            Text::matches_any(tokens[i + 1], {"s$", "sec", "ms$", "milli", "m$", "min"})) {
            unit = tokens[i + 1].text;
        }
        if (!wait_word || unit.empty()) {
            continue;
        }
        const auto number = static_cast<int64_t>(tokens[i].number);
        if (unit == "ms" || unit.starts_with("milli")) {
            return number;
        }
        return number * (unit == "m" || unit.starts_with("min") ? 60'000 : 1000);
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(RefusalClass refusal) noexcept {
    switch (refusal) {
        case RefusalClass::kTooManyBlocks: return "too_many_blocks";
        case RefusalClass::kTooManyResults: return "too_many_results";
        case RefusalClass::kTooManyAddresses: return "too_many_addresses";
        case RefusalClass::kBatchTooLarge: return "batch_too_large";
        case RefusalClass::kResponseTooLarge: return "response_too_large";
        case RefusalClass::kRateLimit: return "rate_limit";
        case RefusalClass::kHeadRace: return "head_race";
        case RefusalClass::kMissingData: return "missing_data";
        case RefusalClass::kBilling: return "billing";
        case RefusalClass::kOutage: return "outage";
        case RefusalClass::kTimeout: return "timeout";
        case RefusalClass::kUnsupported: return "unsupported";
        case RefusalClass::kBadRequest: return "bad_request";
        case RefusalClass::kUnknown: return "unknown";
    }
    return "unknown";
}

Refusal classify_refusal(const RefusalText& text) {
    std::string whole{text.message};
    whole += " . ";
    whole += text.data;
    const Text words{Tokenizer{whole}.run()};
    Refusal refusal;
    refusal.kind = by_text(words, text, refusal.ambiguous);
    if (refusal.kind == RefusalClass::kUnknown) {
        refusal.kind = by_code(words, text);
    }
    switch (refusal.kind) {
        case RefusalClass::kTooManyBlocks:
        case RefusalClass::kTooManyResults:
        case RefusalClass::kResponseTooLarge:
        case RefusalClass::kTimeout:
            refusal.range_hint = find_range(words.tokens());
            if (refusal.kind == RefusalClass::kTooManyBlocks ||
                words.any_number_counts({"block"})) {
                refusal.blocks_max = find_limit(words, {"block", "range"},
                                                {"result", "log", "event", "byte", "mb$"});
            }
            if (refusal.kind == RefusalClass::kTooManyResults ||
                words.any_number_counts({"log", "result"})) {
                refusal.results_max = find_limit(words, {"log", "result", "event"},
                                                 {"block", "range", "byte", "mb$"});
            }
            break;
        case RefusalClass::kTooManyAddresses:
            refusal.addresses_max = find_limit(words, kNoStems, {"block", "range", "byte"});
            break;
        case RefusalClass::kBatchTooLarge:
            refusal.batch_max = find_limit(words, kNoStems, {"byte", "mb$"});
            break;
        case RefusalClass::kRateLimit:
        case RefusalClass::kOutage: refusal.retry_after_ms = find_retry_after(words); break;
        default: break;
    }
    return refusal;
}

}  // namespace plumbline::rpc
