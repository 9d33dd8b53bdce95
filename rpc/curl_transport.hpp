// Transport over libcurl's multi interface: HTTP/2 where TLS negotiates it, keep-alive,
// compression, certificates always verified, no redirects.
#pragma once

#include <memory>
#include <string>

#include "rpc/transport.hpp"

namespace plumbline::rpc {

struct CurlOptions {
    int64_t connect_timeout_ms = 10'000;
    int connections_max = 64;           ///< overall
    int connections_per_host_max = 16;  ///< HTTP/2 streams share one
    /// Bytes of all bodies on their way together. Of more, one body goes on at a time, up to its
    /// request's own limit; the others wait, which counts into their timeouts.
    size_t bodies_shared_max = size_t{20} << 20;
    /// "" = no proxy, whatever the environment says (the default: a local node must never be
    /// reached through one); "env" = http_proxy, https_proxy, no_proxy; else a proxy URL.
    std::string proxy;
    std::string user_agent = "plumbline";
};

class CurlTransport final : public Transport {
  public:
    explicit CurlTransport(CurlOptions options = {});
    CurlTransport(const CurlTransport&) = delete;
    CurlTransport& operator=(const CurlTransport&) = delete;
    ~CurlTransport() override;

    uint64_t submit(HttpRequest request) override;
    void poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) override;
    void give_back(Bytes&& body) override;
    [[nodiscard]] size_t in_flight() const override;
    /// Of the bodies on their way.
    [[nodiscard]] size_t held_bytes() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace plumbline::rpc
