// Providers' errors in words that may be shown and logged.
#pragma once

#include <string>
#include <string_view>

#include "rpc/eth_json.hpp"

namespace plumbline::rpc {

/// Longer texts of a provider are cut.
inline constexpr size_t kShownTextMax = 300;

/// `text` with its links as far as they can be no secret: https://host/words, without user info,
/// query and fragment. Of a path that may be a key only the host is left, and "(url)" of an
/// address that no reader can look at.
[[nodiscard]] std::string without_secret_links(std::string_view text);

/// A provider's text with such links, in one line, with nothing that acts on a terminal, and at
/// most `kShownTextMax` long (it may be a page of HTML). Secrets are out of it already
/// (rpc/foreign_text.hpp).
[[nodiscard]] std::string shown_text(std::string_view text);

/// What an answer that is not JSON is about, for people: of a web page (a challenge, a login, a
/// proxy's error page) its title, else its first characters. Not yet fit to be shown.
[[nodiscard]] std::string body_text(std::string_view body);

/// Of an answer that only a redirect or a web page can explain; empty otherwise. May be shown.
[[nodiscard]] std::string odd_answer_text(int http_status, std::string_view redirect,
                                          std::string_view body);

/// Of a status that says that nothing is at this URL; else empty.
[[nodiscard]] std::string_view gone_hint(int http_status);

/// `error -32000 "header not found" (data), HTTP 404`: data and status where they say something.
[[nodiscard]] std::string error_text(const RpcError& error, int http_status);

/// `text` of the provider `name`, which many texts begin with: without that.
[[nodiscard]] std::string_view own_words(std::string_view name, std::string_view text);
/// "NAME: TEXT", whether `text` begins with the name or not.
[[nodiscard]] std::string named_text(std::string_view name, std::string_view text);

/// "block 5", "blocks 5 to 9"
[[nodiscard]] std::string name_blocks(const evm::BlockRange& blocks);

}  // namespace plumbline::rpc
