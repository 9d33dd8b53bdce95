// The rules of RFC 9112 that a lax parser leaves out, on the bytes of a request's head as they
// came. Whatever two parsers may read differently is refused: a proxy in front may be the other
// one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline::api {

/// Bytes up to and with the empty line; 0 where it has not come yet. What cannot be a head ends at
/// its first control character, so that it need not be waited for.
[[nodiscard]] size_t head_size(std::string_view bytes);

struct HeadFault {
    unsigned status = 400;
    std::string message;
};

struct RequestHead {
    std::string_view host;  ///< as sent, with a port; empty: HTTP/1.0 without one
    std::string_view forwarded_for;
    std::optional<HeadFault> fault;
};

/// Views into `head`. A fault: a line that goes on from the one before (obs-fold), no or two Hosts,
/// two Authorizations, a transfer coding that is not just `chunked`.
[[nodiscard]] RequestHead read_head(std::string_view head);

/// Against DNS rebinding: a page of evil.example that resolves to this machine sends that name. A
/// loopback `address` is called by localhost or a loopback address, others by any IP address or
/// localhost; `hosts` are names that it is called by besides. In any case, with any port.
[[nodiscard]] bool is_own_host(std::string_view host, std::string_view address,
                               const std::vector<std::string>& hosts);

}  // namespace plumbline::api
