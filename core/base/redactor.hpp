// Takes secrets out of text that others wrote: a provider's error may quote the URL it was called
// by, a proxy's page the headers. What may be a secret is known from the endpoint itself, so
// nothing is guessed from how a text looks.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plumbline {

/// What somebody is called by and with.
struct SecretEndpoint {
    std::string_view url;
    const std::vector<std::pair<std::string, std::string>>& headers;
    bool is_host_public = false;
};

/// One way to write a secret, or a part of it, in lower case.
struct SecretForm {
    std::string text;
    /// Of base64: the character beside it there has bits of the secret and of what is beside it.
    bool has_edge_before = false;
    bool has_edge_after = false;
    friend bool operator==(const SecretForm&, const SecretForm&) = default;
};

/// Knows secrets and replaces them by "(redacted)". Filled before it is shared; then any thread.
class Redactor {
  public:
    Redactor() = default;
    explicit Redactor(const SecretEndpoint& endpoint);

    /// User, password, their Basic credentials, path segments, query values, fragment, and labels
    /// of the host unless that is public. Public words (core/base/secret_words.hpp) are none.
    void add_url(std::string_view url, bool is_host_public);
    /// Its words; what is Basic's base64 as well decoded.
    void add_header_value(std::string_view value);
    /// Texts below 4 characters are ignored: they are no key, and would be found everywhere.
    void add(std::string_view secret);

    /// `text` without secrets, however they are written: in any case, percent-encoded,
    /// JSON-escaped, as an HTML character reference, in base64, or one of these in another; also
    /// the first 12 characters or more of a long one. Only the first `size_max` bytes are looked
    /// at and given back, more only to the end of a secret. Secrets of less than 8 characters are
    /// found between characters that are no letters and digits.
    [[nodiscard]] std::string redact(std::string_view text,
                                     size_t size_max = std::string_view::npos) const;
    [[nodiscard]] bool empty() const noexcept { return forms_.empty(); }

  private:
    void add_form(SecretForm form);
    std::vector<SecretForm> forms_;
};

}  // namespace plumbline
