// A secret on the first line, a text behind it: whatever the text, the secret is not in what is
// left, and what is left stays as it is when it is looked at again.
#include "core/base/redactor.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/check.hpp"
#include "core/base/visible_text.hpp"

namespace {

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kSecretMin = 8;
    constexpr size_t kSecretMax = 100;
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const size_t end = std::min(input.find('\n'), input.size());
    const std::string_view secret = input.substr(0, end);
    const std::string_view text = input.substr(std::min(end + 1, input.size()));
    plumbline::Redactor of_url;
    of_url.add_url(secret, false);
    of_url.add_header_value(secret);
    static_cast<void>(of_url.redact(text));
    // One with a parenthesis may be made of what stands in its place.
    if (secret.size() < kSecretMin || secret.size() > kSecretMax ||
        secret.find_first_of("()") != std::string_view::npos) {
        return 0;
    }
    plumbline::Redactor redactor;
    redactor.add(secret);
    const std::string left = redactor.redact(text);
    PLUMBLINE_CHECK(lower(left).find(lower(secret)) == std::string::npos);
    PLUMBLINE_CHECK(redactor.redact(left) == left);
    PLUMBLINE_CHECK(lower(redactor.redact(text, size / 2)).find(lower(secret)) ==
                    std::string::npos);
    const std::string shown = plumbline::visible_text(left);
    PLUMBLINE_CHECK(plumbline::visible_text(shown) == shown);
    return 0;
}
