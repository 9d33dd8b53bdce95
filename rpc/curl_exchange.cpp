#include "rpc/curl_exchange.ipp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <string>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/limit_advice.hpp"
#include "rpc/provider.hpp"

namespace plumbline::rpc {

namespace {

/// All at once where the server said how much comes, instead of copying what came so far again and
/// again. No word is taken for more than a body may have.
size_t find_capacity(const CurlExchange& exchange, size_t needed) {
    const size_t most = exchange.request.body_size_max;
    const size_t at_once = exchange.body.size() >= kBodyAtOnceMax ? most : kBodyAtOnceMax;
    curl_off_t told = -1;
    if (curl_easy_getinfo(exchange.easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &told) ==
            CURLE_OK &&
        told > 0 && static_cast<size_t>(told) + kBodyPadding >= needed) {
        return std::max(needed, std::min(static_cast<size_t>(told), at_once) + kBodyPadding);
    }
    return std::max(needed, std::min(2 * exchange.body.capacity(), most + kBodyPadding));
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
    auto& exchange = *static_cast<CurlExchange*>(user);
    const size_t bytes = size * count;
    if (exchange.body.size() + bytes > exchange.request.body_size_max) {
        exchange.too_large = true;
        return 0;
    }
    if (!exchange.room->take(exchange, bytes)) {
        return CURL_WRITEFUNC_PAUSE;
    }
    if (exchange.body.capacity() == 0 && !exchange.spares->empty()) {
        exchange.body = std::move(exchange.spares->back());
        exchange.spares->pop_back();
    }
    const size_t needed = exchange.body.size() + bytes + kBodyPadding;
    if (exchange.body.capacity() < needed) {
        exchange.body.reserve(find_capacity(exchange, needed));
    }
    const auto* first = reinterpret_cast<const uint8_t*>(data);
    exchange.body.insert(exchange.body.end(), first, first + bytes);
    return bytes;
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
    constexpr std::string_view kRetryAfter = "retry-after:";
    const std::string_view line{data, size * count};
    if (starts_with_ignoring_case(line, kRetryAfter)) {
        static_cast<CurlExchange*>(user)->retry_after_ms =
            parse_retry_after(line.substr(kRetryAfter.size()), std::time(nullptr));
    }
    return line.size();
}

bool has_header(const HttpRequest& request, std::string_view name) {
    return std::ranges::any_of(request.headers, [name](const auto& header) {
        return equal_ignoring_case(header.first, name);
    });
}

// As curl's own, but that it keeps why there was none, of which curl says nothing.
curl_socket_t on_socket(void* exchange, curlsocktype /*purpose*/, curl_sockaddr* address) {
    const int opened =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    static_cast<CurlExchange*>(exchange)->socket_errno = opened < 0 ? errno : 0;
    return opened < 0 ? CURL_SOCKET_BAD : opened;
}

// Not the other side's fault. Where no socket was asked for (name servers, certificates) it is
// tried out whether there are descriptors left.
bool lacks_descriptors(CURLcode code, int socket_errno) {
    const auto is_lack = [](int error) { return error == EMFILE || error == ENFILE; };
    if (is_lack(socket_errno)) {
        return true;
    }
    if (code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_COULDNT_RESOLVE_PROXY &&
        code != CURLE_SSL_CACERT_BADFILE && code != CURLE_FAILED_INIT) {
        return false;
    }
    const int spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (spare < 0) {
        return is_lack(errno);
    }
    ::close(spare);
    return false;
}

// Sets options until curl refuses one; that one's code stays.
class Setup {
  public:
    explicit Setup(CURL* easy) : easy_{easy} {}

    template <typename T>
    void set(CURLoption option, T value) {
        if (code_ == CURLE_OK) {
            code_ = curl_easy_setopt(easy_, option, value);
        }
    }
    void set_long(CURLoption option, int64_t value) {
        set(option, static_cast<long>(value));  // NOLINT(google-runtime-int): curl's type
    }
    void add_header(Slist& list, const char* line) {
        curl_slist* longer = curl_slist_append(list.get(), line);
        if (longer == nullptr) {
            code_ = code_ == CURLE_OK ? CURLE_OUT_OF_MEMORY : code_;
            return;
        }
        static_cast<void>(list.release());  // `longer` is the same list, or its first entry
        list.reset(longer);
    }
    [[nodiscard]] CURLcode code() const { return code_; }

  private:
    CURL* easy_;
    CURLcode code_ = CURLE_OK;
};

}  // namespace

bool BodyRoom::take(CurlExchange& exchange, size_t bytes) {
    if (held_ + bytes > shared_max_ && large_ != &exchange) {
        if (large_ != nullptr) {
            stopped_.push_back(&exchange);
            return false;
        }
        large_ = &exchange;
    }
    held_ += bytes;
    return true;
}

void BodyRoom::leave(const CurlExchange& exchange) {
    held_ -= exchange.body.size();
    large_ = large_ == &exchange ? nullptr : large_;
    std::erase(stopped_, &exchange);
}

std::vector<CurlExchange*> BodyRoom::take_stopped() {
    return large_ == nullptr ? std::exchange(stopped_, {}) : std::vector<CurlExchange*>{};
}

CURLcode CurlExchange::prepare(const CurlOptions& options) {
    curl_easy_reset(easy.get());
    Setup setup{easy.get()};
    setup.set(CURLOPT_URL, request.url.c_str());
    setup.set(CURLOPT_PROTOCOLS_STR, "http,https");
    setup.set_long(CURLOPT_FOLLOWLOCATION, 0);
    setup.set_long(CURLOPT_NOSIGNAL, 1);
    // A look-up that is given up is left to its thread; else curl waits for the name server,
    // which can hang for 30 s, and with it every other request.
    setup.set_long(CURLOPT_QUICK_EXIT, 1);
    setup.set_long(CURLOPT_BUFFERSIZE, int64_t{kReceiveBytes});
    setup.set_long(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    setup.set_long(CURLOPT_PIPEWAIT, 1);
    setup.set_long(CURLOPT_TCP_KEEPALIVE, 1);
    setup.set(CURLOPT_ACCEPT_ENCODING, "");
    setup.set_long(CURLOPT_SSL_VERIFYPEER, 1);
    setup.set_long(CURLOPT_SSL_VERIFYHOST, 2);
    setup.set(CURLOPT_USERAGENT, options.user_agent.c_str());
    setup.set_long(CURLOPT_CONNECTTIMEOUT_MS, options.connect_timeout_ms);
    setup.set_long(CURLOPT_TIMEOUT_MS, std::max<int64_t>(1, request.timeout_ms));
    if (options.proxy != "env") {
        setup.set(CURLOPT_PROXY, options.proxy.c_str());
    }
    headers.reset();
    // "Expect:" without a value keeps curl from waiting for a 100 before large bodies.
    setup.add_header(headers, "Expect:");
    if (!has_header(request, "Content-Type")) {  // one that is there twice may be refused
        setup.add_header(headers, "Content-Type: application/json");
    }
    for (const auto& [name, value] : request.headers) {
        setup.add_header(headers, (name + ": " + value).c_str());
    }
    setup.set(CURLOPT_HTTPHEADER, headers.get());
    setup.set_long(CURLOPT_POST, 1);
    setup.set(CURLOPT_POSTFIELDS, request.body.data());
    setup.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    if (request.method != "POST") {
        setup.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    setup.set(CURLOPT_WRITEFUNCTION, &on_body);
    setup.set(CURLOPT_WRITEDATA, this);
    setup.set(CURLOPT_HEADERFUNCTION, &on_header);
    setup.set(CURLOPT_HEADERDATA, this);
    setup.set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
    setup.set(CURLOPT_OPENSOCKETDATA, this);
    return setup.code();
}

HttpCompletion CurlExchange::complete(CURLcode code) {
    HttpCompletion completion;
    completion.id = id;
    completion.error = too_large ? TransportError::kTooLarge : classify_curl_code(code);
    if (completion.error == TransportError::kTooLarge) {
        completion.error_text = "the response passed the size limit of " +
                                std::to_string(request.body_size_max) + " bytes";
    } else if (code != CURLE_OK) {
        // curl's own detail may name the URL; its fixed text does not.
        completion.error_text =
            lacks_descriptors(code, socket_errno)
                ? std::string{"the system opens no more files or connections for this process: "
                              "raise its limit "} +
                      kOpenFilesAdvice
                : curl_easy_strerror(code);
        if (code == CURLE_SSL_CONNECT_ERROR) {
            completion.error_text += " (https:// to a server that speaks http:// only?)";
        }
    }
    long status = 0;  // NOLINT(google-runtime-int): curl's type
    if (curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
        completion.status = static_cast<int>(status);
    }
    completion.retry_after_ms = retry_after_ms;
    room->leave(*this);
    const char* redirect = nullptr;
    if (curl_easy_getinfo(easy.get(), CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK &&
        redirect != nullptr) {
        completion.redirect = display_name(redirect);
    }
    completion.body = std::move(body);
    return completion;
}

TransportError classify_curl_code(CURLcode code) noexcept {
    switch (code) {
        case CURLE_OK: return TransportError::kNone;
        case CURLE_OPERATION_TIMEDOUT: return TransportError::kTimeout;
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_INTERFACE_FAILED:
        // Nothing was sent for want of memory or of a handle: a later try may find it.
        case CURLE_FAILED_INIT:
        case CURLE_OUT_OF_MEMORY: return TransportError::kUnreachable;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return TransportError::kTls;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        // An option was refused: too long a URL, a proxy of a kind this curl does not know.
        case CURLE_BAD_FUNCTION_ARGUMENT:
        case CURLE_NOT_BUILT_IN: return TransportError::kBadUrl;
        default: return TransportError::kCut;
    }
}

std::optional<int64_t> parse_retry_after(std::string_view value, int64_t now_unix_s) {
    const size_t start = value.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
        return std::nullopt;
    }
    const size_t end = value.find_last_not_of(" \t\r\n");
    const std::string text{value.substr(start, end - start + 1)};
    if (!text.empty() && text.size() <= 9 &&
        std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
        int64_t seconds = 0;
        std::from_chars(text.data(), text.data() + text.size(), seconds);
        return 1000 * seconds;
    }
    const time_t when = curl_getdate(text.c_str(), nullptr);
    if (when < 0) {
        return std::nullopt;
    }
    return std::max<int64_t>(0, 1000 * (static_cast<int64_t>(when) - now_unix_s));
}

}  // namespace plumbline::rpc
