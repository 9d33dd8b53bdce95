#include "rpc/refusal.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "rpc/eth_json.hpp"
#include "rpc/refusal_rules.hpp"
#include "rpc/refusal_words.hpp"

namespace plumbline::rpc {

namespace {

constexpr std::array<std::string_view, 0> kNoStems{};
/// More calls take no provider's batches.
constexpr uint64_t kBatchesMax = 100'000;

// "retry with the range 5-9", and not "the range 5-9 exceeds the limit".
bool is_advised(const std::vector<Token>& tokens, size_t index) {
    for (size_t back = 1; back <= 6 && back <= index; ++back) {
        if (RefusalWords::matches_any(tokens[index - back], {"retry", "try", "use$", "with$"})) {
            return true;
        }
    }
    return false;
}

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
                   RefusalWords::matches(tokens[i - 1], "range") && is_advised(tokens, i)) {
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

// Is the number part of "from block 5 to block 9", "5-9", "trace id 12", "Error 400" or a negative
// code: not a limit?
bool is_position(const std::vector<Token>& tokens, size_t index) {
    if (index > 0 &&
        RefusalWords::matches_any(tokens[index - 1], {"error", "status", "code", "id$", "node$",
                                                      "port$", "chain$", "version", "http$"})) {
        return true;
    }
    for (size_t back = 1; back <= 2 && back <= index; ++back) {
        const Token& before = tokens[index - back];
        if (RefusalWords::matches(before, "from$")) {
            return true;
        }
        if (RefusalWords::matches(before, "to$")) {
            // "from 0 to 100000" is a position; "limited to 100", "set to 100", "up to 100" a
            // limit.
            for (size_t j = index - back; j > 0 && index - j < 6; --j) {
                if (RefusalWords::matches(tokens[j - 1], "from$")) {
                    return true;
                }
            }
        }
    }
    // "fromBlock: 0x1 (1577836800)": what is known of the one before it.
    if (index > 0 && tokens[index - 1].kind == TokenKind::kHex) {
        return true;
    }
    const bool dash_before = index > 0 && tokens[index - 1].text == "-";
    const bool dash_after = index + 1 < tokens.size() && tokens[index + 1].text == "-";
    // "0 - 50 blocks range" is a limit all the same.
    const bool from_zero = dash_before && index > 1 &&
                           tokens[index - 2].kind == TokenKind::kNumber &&
                           tokens[index - 2].number == 0;
    return (dash_before && !from_zero) || dash_after;
}

// Words that make the number beside them a limit.
constexpr auto kLimitWords = std::to_array<std::string_view>(
    {"max", "limit", "most$", "up$", "allow", "cap$", "than$", ">", "exceed", "distance", "only$",
     "least$", "above$", "threshold"});

// "7 days (604800 seconds)" counts neither blocks nor logs.
constexpr auto kTimes =
    std::to_array<std::string_view>({"day", "hour", "minute", "second", "sec$", "ms$", "week"});

// The text says that this number is one: "max range: 800", "5000 max", "(5000 > 3000)". Any other
// number may be an id, an address, a status, a height.
bool is_called_limit(const std::vector<Token>& tokens, size_t index) {
    for (size_t back = 1; back <= 6 && back <= index; ++back) {
        if (RefusalWords::matches_any(tokens[index - back], kLimitWords)) {
            return true;
        }
    }
    return index + 1 < tokens.size() &&
           RefusalWords::matches_any(tokens[index + 1], {"max", "limit"});
}

// The smallest number that can be a limit: where a text tells what was asked and what is allowed,
// the allowed one is smaller. Numbers that count one of `others` are left out; where some number
// counts one of `nouns`, only those are looked at.
std::optional<uint64_t> find_limit(const RefusalWords& t, Stems nouns, Stems others) {
    bool only_counted = false;
    for (size_t i = 0; i < t.tokens().size(); ++i) {
        only_counted = only_counted || (t.tokens()[i].kind == TokenKind::kNumber &&
                                        t.counts(i, nouns) && !is_position(t.tokens(), i));
    }
    std::optional<uint64_t> best;
    for (size_t i = 0; i < t.tokens().size(); ++i) {
        const Token& token = t.tokens()[i];
        const bool counted = t.counts(i, nouns);
        if (token.kind != TokenKind::kNumber || token.number == 0 || is_position(t.tokens(), i) ||
            (!counted && (t.counts(i, others) || t.counts(i, kTimes))) ||
            (i > 0 && t.tokens()[i - 1].text == "[")) {
            continue;
        }
        if (only_counted ? !counted : !is_called_limit(t.tokens(), i)) {
            continue;
        }
        best = std::min(best.value_or(UINT64_MAX), token.number);
    }
    return best;
}

// What follows the number of a Go duration: "m0s" of "10m0s", "h10m0s", "s". In ms.
std::optional<int64_t> read_go_duration(int64_t number, std::string_view rest) {
    int64_t total = 0;
    while (!rest.empty()) {
        const bool is_ms = rest.starts_with("ms");
        const int64_t unit = is_ms            ? 1
                             : rest[0] == 'h' ? 3'600'000
                             : rest[0] == 'm' ? 60'000
                             : rest[0] == 's' ? 1'000
                                              : 0;
        if (unit == 0 || number > 86'400'000) {
            return std::nullopt;
        }
        total += number * unit;
        rest.remove_prefix(is_ms ? 2 : 1);
        number = 0;
        bool has_digits = false;
        for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1)) {
            number = std::min<int64_t>(10 * number + (rest[0] - '0'), 100'000'000);
            has_digits = true;
        }
        if (!has_digits && !rest.empty()) {
            return std::nullopt;
        }
    }
    return total;
}

// "try again in 3 s", "retry after 500ms", "retry in 10m0s", {"backoff_seconds": 30}.
std::optional<int64_t> find_retry_after(const RefusalWords& t) {
    const auto& tokens = t.tokens();
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i].kind != TokenKind::kNumber || tokens[i].number > 86'400'000) {
            continue;
        }
        bool is_wait = false;
        std::string_view unit_before;
        for (size_t back = 1; back <= 4 && back <= i; ++back) {
            const Token& before = tokens[i - back];
            is_wait = is_wait || RefusalWords::matches_any(before, {"retry", "again", "backoff",
                                                                    "wait", "reset", "suspend"});
            if (unit_before.empty() &&
                RefusalWords::matches_any(before,
                                          {"second", "ms$", "millisecond", "sec$", "minute"})) {
                unit_before = before.text;
            }
        }
        if (!is_wait) {
            continue;
        }
        const auto number = static_cast<int64_t>(tokens[i].number);
        std::string_view unit = unit_before;
        if (i + 1 < tokens.size() && tokens[i + 1].kind == TokenKind::kWord) {
            if (const auto duration = read_go_duration(number, tokens[i + 1].text)) {
                return duration;
            }
            if (RefusalWords::matches_any(tokens[i + 1], {"sec", "milli", "min"})) {
                unit = tokens[i + 1].text;
            }
        }
        if (unit == "ms" || unit.starts_with("milli")) {
            return number;
        }
        if (!unit.empty()) {
            return number * (unit.starts_with("min") ? 60'000 : 1'000);
        }
    }
    return std::nullopt;
}

// "base height: 161939999", "earliest available block is 900", "first available state
// is 900".
std::optional<uint64_t> find_first_kept(const RefusalWords& t) {
    const auto& tokens = t.tokens();
    for (size_t i = 1; i < tokens.size(); ++i) {
        if (tokens[i].kind != TokenKind::kNumber && tokens[i].kind != TokenKind::kHex) {
            continue;
        }
        for (size_t back = 1; back <= 4 && back <= i; ++back) {
            const Token& before = tokens[i - back];
            if (before.kind == TokenKind::kNumber) {
                break;
            }
            if (RefusalWords::matches_any(before, {"earliest", "oldest", "base$", "lowest"}) ||
                (RefusalWords::matches(before, "first$") &&
                 RefusalWords::matches_any(tokens[i - back + 1],
                                           {"available", "retained", "stored", "kept$"}))) {
                return tokens[i].number;
            }
        }
    }
    return std::nullopt;
}

// "25/second", "per minute", "allowed_rps".
std::optional<int64_t> find_rate_time(const RefusalWords& t) {
    constexpr std::array kBefore = std::to_array<std::string_view>({"per$", "/", "a$", "each"});
    if (t.has({"rps$", "qps$", "cups$"}) || t.near(kBefore, {"second", "sec$", "s$"}, 2)) {
        return 1'000;
    }
    if (t.near(kBefore, {"minute", "min$"}, 2)) {
        return 60'000;
    }
    return t.near(kBefore, {"hour"}, 2) ? std::optional{int64_t{3'600'000}} : std::nullopt;
}

// What the text says of how much would be taken, or when.
void read_hints(const RefusalWords& words, const RefusalText& text, Refusal& refusal) {
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
            // A number of pages is none of results.
            if ((refusal.kind == RefusalClass::kTooManyResults && !words.has({"paginat"})) ||
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
            if (refusal.batch_max.value_or(0) > kBatchesMax) {
                refusal.batch_max.reset();  // It counts bytes.
            }
            if (!refusal.batch_max && words.has({"method"}) &&
                words.near({"part$", "in$", "within$"}, {"batch", "batches"}, 3)) {
                refusal.batch_max = 1;  // Not in a batch of any size.
            }
            break;
        case RefusalClass::kMissingData:
            refusal.blocks_from = find_first_kept(words);
            refusal.is_pruned = refusal.blocks_from || text.code == 4444 ||
                                words.has({"prun", "history", "historical", "ancient"});
            break;
        case RefusalClass::kRateLimit:
            refusal.rate_ms = find_rate_time(words);
            refusal.retry_after_ms = find_retry_after(words);
            break;
        case RefusalClass::kOutage: refusal.retry_after_ms = find_retry_after(words); break;
        default: break;
    }
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

namespace {

/// Does the message say by itself what is the matter? An object beside it tells numbers of the
/// request and of the provider then ("latestBlock": 116721620), which are no limits. Messages that
/// are only a code in words ("Internal error", "Invalid params") say nothing.
bool is_enough(const RefusalWords& message, const RefusalText& text) {
    if (!text.data.starts_with('{')) {
        return false;
    }
    const RefusalRule* const rule = find_refusal_rule(message, text);
    return rule != nullptr &&
           (rule->kind == RefusalClass::kMissingData || rule->kind == RefusalClass::kHeadRace) &&
           !rule->fits(RefusalWords{""}, text);
}

}  // namespace

Refusal classify_refusal(const RpcError& error) {
    return classify_refusal(RefusalText{error.http_status, error.code, error.message, error.data});
}

Refusal classify_refusal(const RefusalText& text) {
    std::string whole{text.message};
    if (!is_enough(RefusalWords{text.message}, text)) {
        whole += " . ";
        whole += text.data;
    }
    const RefusalWords words{whole};
    Refusal refusal;
    if (const RefusalRule* rule = find_refusal_rule(words, text)) {
        refusal.kind = rule->kind;
        refusal.ambiguous = rule->ambiguous;
    }
    read_hints(words, text, refusal);
    return refusal;
}

}  // namespace plumbline::rpc
