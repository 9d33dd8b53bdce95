// What a config may keep secret: values from the environment, and how they are taken out of text
// that is stored or shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/config/config.hpp"

namespace plumbline::engine {

/// A URL without userinfo, query and fragment, with "redacted" for each path segment, and each
/// label of a host that is not public, that may be a key (core/base/url_parts.hpp). What is no URL
/// at all gives "http://redacted.invalid".
[[nodiscard]] std::string redact_url(std::string_view url, bool is_host_public = false);

/// It comes from a stored config that lost a secret: there is no sense in asking it.
[[nodiscard]] bool is_redacted(const EndpointConfig& endpoint);

/// A string literal of the config to be written anew.
struct TextEdit {
    SourcePos pos;            ///< of its opening quote
    std::string replacement;  ///< the new value, not yet quoted
};

/// The text with comments blanked (an old key may be commented out) and `edits` done. Lines stay
/// where they are, but for secrets written over several lines. kInvalidArgument where an edit is
/// not at a string literal.
[[nodiscard]] Result<std::string> redact_config(std::string_view text, std::vector<TextEdit> edits);

/// The value behind "env:NAME", or `text` itself where it has no such prefix. The error names the
/// variable, never its value.
[[nodiscard]] Result<std::string> resolve_env(std::string_view text);

}  // namespace plumbline::engine
