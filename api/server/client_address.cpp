#include "api/server/client_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace plumbline::api {

namespace {

constexpr unsigned kIpBits = 128;
constexpr unsigned kMappedBits = 96;
constexpr size_t kHouseholdBytes = 8;

bool is_mapped(const IpBytes& address) {
    return std::all_of(address.begin(), address.begin() + 10, [](uint8_t b) { return b == 0; }) &&
           address[10] == 0xFF && address[11] == 0xFF;
}

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    const size_t last = text.find_last_not_of(" \t");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, last - first + 1);
}

std::string name_of(std::string_view text) {
    const auto address = parse_ip(text);
    if (!address || is_mapped(*address)) {
        return std::string{text.substr(0, INET6_ADDRSTRLEN)};
    }
    return fmt::format("{:02x}/64",
                       fmt::join(address->begin(), address->begin() + kHouseholdBytes, ""));
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) {
        text = text.substr(1, text.size() - 2);
    }
    const std::string zero_ended{text.substr(0, INET6_ADDRSTRLEN)};
    IpBytes out{};
    if (inet_pton(AF_INET6, zero_ended.c_str(), out.data()) == 1) {
        return out;
    }
    if (inet_pton(AF_INET, zero_ended.c_str(), out.data() + 12) == 1) {
        out[10] = 0xFF;
        out[11] = 0xFF;
        return out;
    }
    return std::nullopt;
}

bool is_loopback(const IpBytes& address) {
    IpBytes v6{};
    v6[15] = 1;
    return is_mapped(address) ? address[12] == 127 : address == v6;
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
    for (const std::string& text : networks) {
        const size_t slash = std::min(text.find('/'), text.size());
        const auto bytes = parse_ip(std::string_view{text}.substr(0, slash));
        if (!bytes) {
            continue;
        }
        unsigned bits = kIpBits;
        if (slash < text.size()) {
            std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
            bits += is_mapped(*bytes) ? kMappedBits : 0;
        }
        networks_.push_back({*bytes, std::min(bits, kIpBits)});
    }
}

bool TrustedProxies::contains(std::string_view address) const {
    const auto bytes = parse_ip(address);
    return bytes && std::ranges::any_of(networks_, [&](const Network& network) {
               const unsigned whole = network.bits / 8;
               if (!std::equal(bytes->begin(), bytes->begin() + whole, network.bytes.begin())) {
                   return false;
               }
               const unsigned rest = network.bits % 8;
               return rest == 0 || ((*bytes)[whole] ^ network.bytes[whole]) >> (8 - rest) == 0;
           });
}

std::string client_name(std::string_view peer, std::string_view forwarded_for,
                        const TrustedProxies& trusted) {
    while (trusted.contains(peer)) {
        const size_t comma = forwarded_for.rfind(',');
        const std::string_view last =
            trimmed(forwarded_for.substr(comma == std::string_view::npos ? 0 : comma + 1));
        if (!parse_ip(last)) {
            break;  // The proxy itself asks, or says something that cannot be believed.
        }
        peer = last;
        forwarded_for = forwarded_for.substr(0, comma == std::string_view::npos ? 0 : comma);
    }
    return name_of(peer);
}

}  // namespace plumbline::api
