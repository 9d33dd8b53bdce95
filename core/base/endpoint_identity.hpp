// Which URLs name one endpoint, and by which names endpoints are told apart where people can see.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/redactor.hpp"

namespace plumbline {

/// The same text for URLs that surely lead to one place: scheme, host and port as they are dialled
/// (case, default port, a last dot, the spellings of an IP address, the loopback names of one
/// port), the path without dot segments and slashes at its end, percent-encoding by RFC 3986, no
/// fragment. Secret where the URL is. A text that is no URL is given back.
[[nodiscard]] std::string canonical_url(std::string_view url);

/// One endpoint however it is written: the same place, asked with the same headers.
[[nodiscard]] bool is_same_endpoint(const SecretEndpoint& a, const SecretEndpoint& b);

/// For each endpoint the index of the first one that is the same, mostly its own.
[[nodiscard]] std::vector<size_t> first_of_same(std::span<const SecretEndpoint> endpoints);

/// For each endpoint a name that may be shown: scheme://host[:port] without labels of the host that
/// may be a secret ("(unreadable url)" without a host); behind it "#2", "#3" for the second and
/// third endpoint of that name. The same endpoint has the same name.
[[nodiscard]] std::vector<std::string> public_names(std::span<const SecretEndpoint> endpoints);

/// By their names, of which one is of another time or of other endpoints: nothing tells these two
/// apart but a number behind the name, which may have been given to another one then.
[[nodiscard]] bool may_be_same_endpoint(std::string_view name, std::string_view other);

}  // namespace plumbline
