#include "rpc/error_text.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/visible_text.hpp"

namespace plumbline::rpc {

namespace {

/// Of "https://" in front of `text`, in any case; 0 where no URL begins.
size_t url_scheme_size(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
        if (starts_with_ignoring_case(text, scheme)) {
            return scheme.size();
        }
    }
    return 0;
}

}  // namespace

std::string shown_text(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size() && out.size() < kShownTextMax;) {
        const std::string_view rest = text.substr(i);
        if (const size_t scheme = url_scheme_size(rest); scheme > 0) {
            out += "(url)";
            i += scheme +
                 std::min(rest.substr(scheme).find_first_of(" \t\r\n\"'<>)"), rest.size() - scheme);
            continue;
        }
        const char c = text[i++];
        out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
    }
    return visible_text(out, kShownTextMax);
}

namespace {

// In any case; the bodies looked at are short.
size_t find_ignoring_case(std::string_view text, std::string_view lower) {
    const auto found = std::search(text.begin(), text.end(), lower.begin(), lower.end(),
                                   [](char a, char b) { return ascii_lower(a) == b; });
    return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

bool is_web_page(std::string_view body) {
    const size_t start = body.find_first_not_of(" \t\r\n");
    return start != std::string_view::npos && body[start] == '<';
}

}  // namespace

std::string body_text(std::string_view body) {
    constexpr size_t kLookedAt = 4096;
    constexpr std::string_view kTitle = "<title>";
    body = body.substr(0, kLookedAt);
    if (is_web_page(body)) {
        if (const size_t title = find_ignoring_case(body, kTitle); title != body.npos) {
            const std::string_view rest = body.substr(title + kTitle.size());
            return std::string{rest.substr(0, std::min(rest.find('<'), kShownTextMax))};
        }
    }
    return std::string{body.substr(0, kShownTextMax)};
}

std::string odd_answer_text(int http_status, std::string_view redirect, std::string_view body) {
    if (http_status >= 300 && http_status < 400) {
        return "HTTP " + std::to_string(http_status) + ": it redirects" +
               (redirect.empty() ? "" : " to " + std::string{redirect}) +
               "; redirects are not followed, so give the endpoint's final URL";
    }
    if (is_web_page(body)) {
        return "HTTP " + std::to_string(http_status) + " with a web page \"" +
               shown_text(body_text(body)) +
               "\" in place of JSON: a proxy or a bot check in front of the endpoint";
    }
    return {};
}

std::string error_text(const RpcError& error, int http_status) {
    // Where nothing but the status came, the status is all there is to say.
    if (error.code == 0 && error.message.empty() && error.data.empty()) {
        return "HTTP " + std::to_string(http_status) + " without a text";
    }
    if (error.code == 0 && error.message.starts_with("HTTP ")) {
        return visible_text(error.message, 2 * kShownTextMax);  // odd_answer_text()
    }
    std::string out =
        "error " + std::to_string(error.code) + " \"" + shown_text(error.message) + "\"";
    if (!error.data.empty()) {
        out += " (" + shown_text(error.data) + ")";
    }
    if (http_status != 200) {
        out += ", HTTP " + std::to_string(http_status);
    }
    return out;
}

std::string_view own_words(std::string_view name, std::string_view text) {
    const bool is_named =
        !name.empty() && text.starts_with(name) && text.substr(name.size()).starts_with(": ");
    return is_named ? text.substr(name.size() + 2) : text;
}

std::string named_text(std::string_view name, std::string_view text) {
    return std::string{name} + ": " + std::string{own_words(name, text)};
}

std::string name_blocks(const evm::BlockRange& blocks) {
    return blocks.from == blocks.to
               ? "block " + std::to_string(blocks.from)
               : "blocks " + std::to_string(blocks.from) + " to " + std::to_string(blocks.to);
}

}  // namespace plumbline::rpc
