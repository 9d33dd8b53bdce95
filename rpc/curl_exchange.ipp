// One HTTP request on a libcurl easy handle, for rpc/curl_*.cpp and only for them. Not a header of
// the layer (so not named like one, nor installed): it shows curl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <curl/curl.h>

#include "rpc/curl_transport.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

struct EasyDeleter {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct SlistDeleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Slist = std::unique_ptr<curl_slist, SlistDeleter>;

/// A body is given this much memory at once on the server's word (Content-Length), and all of what
/// was told once so much has really come.
inline constexpr size_t kBodyAtOnceMax = size_t{8} << 20;
/// For curl to receive into: large answers come in few pieces.
inline constexpr size_t kReceiveBytes = size_t{256} << 10;

struct CurlExchange;

/// How much the bodies of all exchanges hold together. They share `shared_max`; beyond that one
/// body at a time goes on growing, and the others stop receiving until it is there. One thread.
class BodyRoom {
  public:
    explicit BodyRoom(size_t shared_max) : shared_max_{shared_max} {}
    /// Whether `exchange` may take so many bytes more, which then count. If not, it is among
    /// `stopped` until it asks again.
    [[nodiscard]] bool take(CurlExchange& exchange, size_t bytes);
    /// Its body is gone from here.
    void leave(const CurlExchange& exchange);
    /// Those that may go on now; empty while the room is full.
    [[nodiscard]] std::vector<CurlExchange*> take_stopped();
    [[nodiscard]] size_t held() const noexcept { return held_; }

  private:
    size_t shared_max_;
    size_t held_ = 0;
    const CurlExchange* large_ = nullptr;
    std::vector<CurlExchange*> stopped_;
};

/// A request and everything that must stay alive while curl works on it. Neither moved nor copied:
/// curl holds its address. One thread.
struct CurlExchange {
    uint64_t id = 0;
    HttpRequest request;
    Slist headers;
    Bytes body;
    std::vector<Bytes>* spares = nullptr;  ///< bodies whose memory may be taken
    BodyRoom* room = nullptr;
    bool too_large = false;  ///< why the body was not taken any further
    int socket_errno = 0;    ///< why there was no socket; 0: there was
    std::optional<int64_t> retry_after_ms;
    Easy easy;  ///< last, so that it goes first: it points into the rest

    CurlExchange() = default;
    CurlExchange(const CurlExchange&) = delete;
    CurlExchange& operator=(const CurlExchange&) = delete;

    /// Sets the handle up from nothing for `request`. What curl says against it (no memory, a URL
    /// or a proxy it cannot use) otherwise; the handle must then not be used.
    [[nodiscard]] CURLcode prepare(const CurlOptions& options);
    /// What became of the transfer that ended with `code`. Takes the body.
    [[nodiscard]] HttpCompletion complete(CURLcode code);
};

/// What a transfer's end means to the pool.
[[nodiscard]] TransportError classify_curl_code(CURLcode code) noexcept;

/// The value of Retry-After (RFC 9110, 10.2.3: seconds, or a date) in milliseconds from
/// `now_unix_s` on; empty where it is neither, 0 for a date that is past.
[[nodiscard]] std::optional<int64_t> parse_retry_after(std::string_view value, int64_t now_unix_s);

}  // namespace plumbline::rpc
