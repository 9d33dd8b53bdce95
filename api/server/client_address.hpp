// Who a request comes from, as far as limits go.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plumbline::api {

/// An IP address, IPv4 as the IPv6 address that stands for it (RFC 4291, 2.5.5.2).
using IpBytes = std::array<uint8_t, 16>;
/// With or without brackets; empty where `text` is none.
[[nodiscard]] std::optional<IpBytes> parse_ip(std::string_view text);
[[nodiscard]] bool is_loopback(const IpBytes& address);

/// Proxies whose word on their clients is taken. Any thread.
class TrustedProxies {
  public:
    TrustedProxies() = default;
    /// Addresses and networks ("10.0.0.0/8"); what is neither is ignored.
    explicit TrustedProxies(const std::vector<std::string>& networks);
    [[nodiscard]] bool contains(std::string_view address) const;

  private:
    struct Network {
        IpBytes bytes;
        unsigned bits;
    };
    std::vector<Network> networks_;
};

/// The client's name for limits: its address; of an IPv6 address the /64 it is in, which is one
/// household's. `forwarded_for` is the value of X-Forwarded-For, believed only where `peer` is a
/// trusted proxy: its last address that is no trusted proxy.
[[nodiscard]] std::string client_name(std::string_view peer, std::string_view forwarded_for,
                                      const TrustedProxies& trusted);

}  // namespace plumbline::api
