#include "query/sql/statement_words.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/ascii.hpp"
#include "query/sql/session.hpp"

namespace plumbline::query::sql {

namespace {

/// Behind what is quoted by `quote` from `at` on; a doubled quote stands for itself.
size_t skip_quoted(std::string_view sql, size_t at, char quote) {
    for (++at; at < sql.size(); ++at) {
        if (sql[at] == quote) {
            if (at + 1 < sql.size() && sql[at + 1] == quote) {
                ++at;
                continue;
            }
            return at + 1;
        }
    }
    return at;
}

bool is_blank(char c) {
    return std::string_view{" \t\r\n\f"}.find(c) != std::string_view::npos;
}

size_t skip_to(std::string_view sql, size_t at, std::string_view end) {
    const size_t found = sql.find(end, at);
    return found == std::string_view::npos ? sql.size() : found + end.size();
}

struct Token {
    enum class Kind : uint8_t { kName, kText, kNumber, kParameter, kMark };
    Kind kind = Kind::kMark;
    std::string text;  ///< in lower case, without quotes
    bool is_quoted = false;
    size_t at = 0;  ///< in the statement

    [[nodiscard]] bool is_mark(std::string_view mark) const {
        return kind == Kind::kMark && text == mark;
    }
    [[nodiscard]] bool is_word(std::string_view word) const {
        return kind == Kind::kName && !is_quoted && text == word;
    }
    [[nodiscard]] bool is_value() const {
        return kind == Kind::kText || kind == Kind::kNumber || kind == Kind::kParameter;
    }
};

Token quoted(std::string_view sql, size_t at, size_t end) {
    const auto kind = sql[at] == '\'' ? Token::Kind::kText : Token::Kind::kName;
    const size_t size = end - at < 2 ? 0 : end - at - 2;
    return {kind, std::string{sql.substr(at + 1, size)}, true, at};
}

std::vector<Token> tokens_of(std::string_view sql) {
    using Kind = Token::Kind;
    std::vector<Token> out;
    for (size_t at = 0; at < sql.size();) {
        const char c = sql[at];
        if (const size_t end = skip_quoted_or_comment(sql, at); end > at) {
            if (c != '-' && c != '/') {
                out.push_back(quoted(sql, at, end));
            }
            at = end;
            continue;
        }
        const bool is_parameter = c == '?' || c == ':' || c == '@' || c == '$';
        if (is_parameter || is_name_part(c)) {
            const size_t first = at;
            for (++at; at < sql.size() && is_name_part(sql[at]); ++at) {
            }
            out.push_back({is_parameter        ? Kind::kParameter
                           : is_ascii_digit(c) ? Kind::kNumber
                                               : Kind::kName,
                           std::string{sql.substr(first, at - first)}, false, first});
            continue;
        }
        const bool goes_on = !out.empty() && at > 0 && out.back().kind == Kind::kMark &&
                             (c == '=' || c == '>') && sql[at - 1] == out.back().text.back() &&
                             std::string_view{"<>!="}.find(sql[at - 1]) != std::string_view::npos;
        if (goes_on) {
            out.back().text += c;
        } else if (!is_blank(c)) {
            out.push_back({Kind::kMark, std::string{c}, false, at});
        }
        ++at;
    }
    for (Token& token : out) {
        for (char& c : token.text) {
            c = ascii_lower(c);
        }
    }
    return out;
}

/// What `StatementWords::is_plain` may be made of; a word that is not here is a name, and then no
/// other name may stand beside it.
bool is_plain_word(const Token& token) {
    constexpr std::string_view kWords[] = {"select", "from", "where", "and",    "order", "by",
                                           "asc",    "desc", "limit", "offset", "as"};
    return std::ranges::any_of(kWords, [&](std::string_view word) { return token.is_word(word); });
}

/// Whether the operator at `at` holds a column against a value, and no more than that.
bool is_plain_comparison(const std::vector<Token>& tokens, size_t at) {
    const auto is_column = [](const Token& side) { return side.kind == Token::Kind::kName; };
    if (at < 2 || at + 1 >= tokens.size()) {
        return false;
    }
    const Token& left = tokens[at - 1];
    const Token& right = tokens[at + 1];
    const bool has_table = is_column(left) && tokens[at - 2].is_mark(".") && at >= 4;
    const Token& before = tokens[at - (has_table ? 4 : 2)];
    return (before.is_word("where") || before.is_word("and")) &&
           ((is_column(left) && right.is_value()) || (left.is_value() && is_column(right)));
}

bool is_plain(const std::vector<Token>& tokens) {
    constexpr std::string_view kCompares[] = {"=", "==", "<", "<=", ">", ">=", "<>", "!="};
    if (tokens.empty() || !tokens.front().is_word("select")) {
        return false;
    }
    std::string_view part = "select";
    for (size_t i = 1; i < tokens.size(); ++i) {
        const Token& before = tokens[i - 1];
        const Token& token = tokens[i];
        if (token.kind != Token::Kind::kMark) {
            if (before.kind != Token::Kind::kMark && !is_plain_word(before) &&
                !is_plain_word(token)) {
                return false;
            }
            if (token.is_word("select")) {
                return false;
            }
            if (token.is_word("from") || token.is_word("where") || token.is_word("order") ||
                token.is_word("limit")) {
                part = token.text;
            }
        } else if (std::ranges::find(kCompares, token.text) != std::end(kCompares)) {
            if (part != "where" || !is_plain_comparison(tokens, i)) {
                return false;
            }
        } else if (token.text == ",") {
            if (part != "select" && part != "order") {
                return false;
            }
        } else if (token.text == "*") {
            if (!before.is_word("select") && !before.is_mark(",") && !before.is_mark(".")) {
                return false;
            }
        } else if (token.text != "." && token.text != ";") {
            return false;
        }
    }
    return true;
}

/// SQLite's rule for the names of types, which are between `from` and `to`.
bool is_text_type(const std::vector<Token>& tokens, size_t from, size_t to) {
    std::string name;
    for (; from < to; ++from) {
        name += tokens[from].text + " ";
    }
    const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
    return !has("int") && (has("char") || has("clob") || has("text"));
}

/// `at` is behind the parenthesis.
size_t count_arguments(const std::vector<Token>& tokens, size_t at) {
    size_t count = 1;
    for (size_t depth = 1; at < tokens.size() && depth > 0; ++at) {
        if (tokens[at].is_mark("(")) {
            ++depth;
        } else if (tokens[at].is_mark(")")) {
            --depth;
        } else if (tokens[at].is_mark(",") && depth == 1) {
            ++count;
        }
    }
    return count;
}

}  // namespace

bool is_name_part(char c) noexcept {
    return is_ascii_letter(c) || is_ascii_digit(c) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

size_t skip_quoted_or_comment(std::string_view sql, size_t at) {
    const char c = sql[at];
    if (c == '\'' || c == '"' || c == '`') {
        return skip_quoted(sql, at, c);
    }
    if (c == '[') {
        return skip_to(sql, at, "]");
    }
    if (sql.substr(at, 2) == "--") {
        return skip_to(sql, at, "\n");
    }
    return sql.substr(at, 2) == "/*" ? skip_to(sql, at + 2, "*/") : at;
}

std::string with_casts_to_text(std::string_view sql) {
    const std::vector<Token> tokens = tokens_of(sql);
    std::map<size_t, std::string_view> added;  // by place
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
        if (!tokens[i].is_word("cast") || !tokens[i + 1].is_mark("(")) {
            continue;
        }
        size_t as = 0;
        size_t end = i + 2;
        for (size_t depth = 1; end < tokens.size(); ++end) {
            depth += tokens[end].is_mark("(") ? 1U : 0U;
            depth -= tokens[end].is_mark(")") ? 1U : 0U;
            if (depth == 0) {
                break;
            }
            as = depth == 1 && tokens[end].is_word("as") ? end : as;
        }
        if (as != 0 && is_text_type(tokens, as + 1, end)) {
            added[tokens[i + 1].at + 1] = "likely(";
            added[tokens[as].at] = ") ";
        }
    }
    std::string out;
    size_t from = 0;
    for (const auto& [place, text] : added) {
        out += sql.substr(from, place - from);
        out += text;
        from = place;
    }
    return out.append(sql.substr(from));
}

std::optional<std::string> take_statement(std::string& sql) {
    bool has_words = false;
    for (size_t at = 0; at < sql.size();) {
        const size_t end = skip_quoted_or_comment(sql, at);
        const bool is_comment = end > at && (sql[at] == '-' || sql[at] == '/');
        if (end == at && sql[at] == ';') {
            std::string taken = sql.substr(0, at + 1);
            sql.erase(0, at + 1);
            if (has_words) {
                return taken;
            }
            at = 0;
            continue;
        }
        const bool is_open = is_comment && sql[at] == '/' &&
                             (end < at + 4 || std::string_view{sql}.substr(end - 2, 2) != "*/");
        has_words |= is_open || (!is_comment && !is_blank(sql[at]));
        at = std::max(end, at + 1);
    }
    if (!has_words) {
        sql.clear();
    }
    return std::nullopt;
}

StatementWords read_words(std::string_view sql) {
    StatementWords out;
    const std::vector<Token> tokens = tokens_of(sql);
    out.is_plain = is_plain(tokens);
    for (size_t i = 0; i < tokens.size(); ++i) {
        const Token& token = tokens[i];
        const bool is_extreme =
            token.kind == Token::Kind::kName && (token.text == "min" || token.text == "max");
        if (is_extreme && i + 1 < tokens.size() && tokens[i + 1].is_mark("(")) {
            out.extreme_arguments = std::max(out.extreme_arguments, count_arguments(tokens, i + 2));
        }
        constexpr std::string_view kLists[] = {"printf", "format",     "char",
                                               "concat", "json_array", "json_object"};
        const bool is_list = token.kind == Token::Kind::kName &&
                             std::ranges::find(kLists, token.text) != std::end(kLists);
        if (is_list && i + 1 < tokens.size() && tokens[i + 1].is_mark("(")) {
            out.list_arguments = std::max(out.list_arguments, count_arguments(tokens, i + 2));
        }
        out.orders += token.is_word("order") ? 1U : 0U;
        out.has_json_tree |= token.text == "json_tree";
        out.has_window |= token.is_word("over");
        out.has_outer_join |=
            token.is_word("left") || token.is_word("right") || token.is_word("full");
    }
    return out;
}

}  // namespace plumbline::query::sql
