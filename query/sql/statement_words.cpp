#include "query/sql/statement_words.hpp"

#include <string>
#include <vector>

#include "core/base/ascii.hpp"

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

size_t skip_to(std::string_view sql, size_t at, std::string_view end) {
    const size_t found = sql.find(end, at);
    return found == std::string_view::npos ? sql.size() : found + end.size();
}

/// A word or name in lower case, without quotes; or one other character.
struct Token {
    std::string text;
    bool is_quoted = false;
};

std::vector<Token> tokens_of(std::string_view sql) {
    std::vector<Token> out;
    for (size_t at = 0; at < sql.size();) {
        const char c = sql[at];
        if (const size_t end = skip_quoted_or_comment(sql, at); end > at) {
            if (c != '-' && c != '/') {
                const size_t last = end - at < 2 ? end : end - 1;
                out.push_back({std::string{sql.substr(at + 1, last - at - 1)}, true});
            }
            at = end;
        } else if (is_name_part(c)) {
            const size_t first = at;
            while (at < sql.size() && is_name_part(sql[at])) {
                ++at;
            }
            out.push_back({std::string{sql.substr(first, at - first)}, false});
        } else {
            if (std::string_view{" \t\r\n\f"}.find(c) == std::string_view::npos) {
                out.push_back({std::string{c}, false});
            }
            ++at;
        }
    }
    for (Token& token : out) {
        for (char& c : token.text) {
            c = ascii_lower(c);
        }
    }
    return out;
}

/// `at` is behind the parenthesis.
size_t count_arguments(const std::vector<Token>& tokens, size_t at) {
    size_t count = 1;
    for (size_t depth = 1; at < tokens.size() && depth > 0; ++at) {
        if (tokens[at].is_quoted) {
            continue;
        }
        const std::string& text = tokens[at].text;
        if (text == "(") {
            ++depth;
        } else if (text == ")") {
            --depth;
        } else if (text == "," && depth == 1) {
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

StatementWords read_words(std::string_view sql) {
    StatementWords out;
    const std::vector<Token> tokens = tokens_of(sql);
    for (size_t i = 0; i < tokens.size(); ++i) {
        const std::string& text = tokens[i].text;
        const bool before_list = i + 1 < tokens.size() && tokens[i + 1].text == "(";
        if ((text == "min" || text == "max") && before_list) {
            out.extreme_arguments = std::max(out.extreme_arguments, count_arguments(tokens, i + 2));
        }
        if (!tokens[i].is_quoted) {
            out.orders += text == "order" ? 1U : 0U;
            out.has_compound |=
                text == "union" || text == "intersect" || text == "except" || text == "over";
        }
    }
    return out;
}

}  // namespace plumbline::query::sql
