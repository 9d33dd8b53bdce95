#include "rpc/error_text.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/ascii.hpp"
#include "core/base/url_parts.hpp"
#include "core/base/visible_text.hpp"

namespace plumbline::rpc {

namespace {

/// Of a text, so that a link at the end of what is shown is whole.
constexpr size_t kReadMax = 2'048;

/// Of "https://" in front of `text`, in any case; 0 where no URL begins.
size_t url_scheme_size(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
        if (starts_with_ignoring_case(text, scheme)) {
            return scheme.size();
        }
    }
    return 0;
}

/// Letters, in words that no key has: "rpc-keys", "pricing". Also "v2".
bool is_plain_segment(std::string_view segment) {
    constexpr size_t kWordMax = 14;
    constexpr size_t kSegmentMax = 24;
    size_t word = 0;
    for (size_t i = 0; i < segment.size(); ++i) {
        const char c = segment[i];
        const bool is_joint = c == '-' || c == '_' || c == '.';
        const bool is_capital = c >= 'A' && c <= 'Z';
        if (!is_joint && (is_capital ? word > 0 : !(c >= 'a' && c <= 'z')) &&
            !(is_ascii_digit(c) && segment.size() <= 3)) {
            return false;
        }
        word = is_joint ? 0 : word + 1;
        if (word > kWordMax) {
            return false;
        }
    }
    return segment.size() <= kSegmentMax;
}

/// Of what people look at: "dashboard.example.com".
bool is_plain_host(std::string_view host) {
    constexpr auto kFront = std::to_array<std::string_view>(
        {"www", "app", "dashboard", "docs", "doc", "console", "portal", "status", "developer",
         "developers", "help", "support", "account", "admin", "meganode", "cloud", "blog"});
    const std::vector<std::string_view> labels = secret_labels(host);
    return std::ranges::all_of(labels, [&](std::string_view label) {
        return std::ranges::find(kFront, label) != kFront.end();
    });
}

std::string shown_link(std::string_view link) {
    const UrlParts parts = split_url(link);
    const bool is_page = starts_with_ignoring_case(link, "http") && parts.user_info.empty() &&
                         parts.port.empty() && parts.host.find('.') != std::string_view::npos &&
                         parts.host.find_first_not_of("0123456789.") != std::string_view::npos &&
                         std::ranges::all_of(parts.host, [](char c) {
                             return is_ascii_letter(c) || is_ascii_digit(c) || c == '.' || c == '-';
                         });
    if (!is_page) {
        return "(url)";
    }
    std::string out = public_origin(parts, is_plain_host(parts.host));
    if (std::ranges::all_of(parts.path, is_plain_segment)) {
        for (const std::string_view segment : parts.path) {
            out.append(1, '/').append(segment);
        }
    }
    return out;
}

}  // namespace

std::string without_secret_links(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
        const std::string_view rest = text.substr(i);
        const size_t scheme = url_scheme_size(rest);
        if (scheme == 0) {
            out += text[i++];
            continue;
        }
        std::string_view link = rest.substr(
            0,
            std::min(rest.substr(scheme).find_first_of(" \t\r\n\"'`<>\\"), rest.size() - scheme) +
                scheme);
        while (link.size() > scheme &&
               std::string_view{".,;:!?)]"}.find(link.back()) != std::string_view::npos &&
               !link.ends_with("(redacted)")) {
            link.remove_suffix(1);
        }
        out += shown_link(link);
        i += link.size();
    }
    return out;
}

std::string shown_text(std::string_view text) {
    std::string out = without_secret_links(text.substr(0, kReadMax));
    std::ranges::replace_if(
        out, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    return visible_text(out, kShownTextMax);
}

std::string_view gone_hint(int http_status) {
    return http_status == 404 || http_status == 410
               ? " (nothing is there: the endpoint's URL may be wrong, or the endpoint gone)"
               : "";
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
               shown_text(body_text(body)) + "\" in place of JSON" +
               (gone_hint(http_status).empty() ? ": a proxy or a bot check in front of the endpoint"
                                               : std::string{gone_hint(http_status)});
    }
    return {};
}

std::string error_text(const RpcError& error, int http_status) {
    // Where nothing but the status came, the status is all there is to say.
    if (error.code == 0 && error.message.empty() && error.data.empty()) {
        return "HTTP " + std::to_string(http_status) + " without a text" +
               std::string{gone_hint(http_status)};
    }
    if (error.code == 0 && error.message.starts_with("HTTP ")) {
        return visible_text(error.message, 2 * kShownTextMax);  // odd_answer_text()
    }
    // A plain HTTP answer has no code of JSON-RPC.
    const std::string status = "HTTP " + std::to_string(http_status);
    const bool is_plain = error.code == 0 && http_status != 200;
    std::string out = is_plain          ? status
                      : error.code == 0 ? std::string{"error"}
                                        : "error " + std::to_string(error.code);
    out += " \"" + shown_text(error.message) + "\"";
    if (!error.data.empty()) {
        out += " (" + shown_text(error.data) + ")";
    }
    if (http_status != 200 && !is_plain) {
        out += ", " + status;
    }
    // One of a call: a block that is not there.
    if (error.code == 0 || http_status == 410) {
        out += gone_hint(http_status);
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
