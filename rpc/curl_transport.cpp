#include "rpc/curl_transport.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>

#include <curl/curl.h>

#include "core/base/check.hpp"
#include "core/base/clock.hpp"

namespace plumbline::rpc {

namespace {

struct EasyDeleter {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};
struct SlistDeleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using Slist = std::unique_ptr<curl_slist, SlistDeleter>;

/// What a server says of its body's size is believed up to here.
constexpr size_t kBodyAtOnceMax = size_t{8} << 20;
/// For curl to receive into: large answers come in few pieces.
constexpr long kReceiveBytes = 256L << 10;  // NOLINT(google-runtime-int): curl's type
/// Bodies whose memory is kept: new memory costs more than what is received into it.
constexpr size_t kSparesMax = 2;

void init_curl_once() {
    static std::once_flag once;
    std::call_once(once,
                   [] { PLUMBLINE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

// Everything one request needs to stay alive while curl works on it.
struct Exchange {
    uint64_t id = 0;
    HttpRequest request;
    Slist headers;
    Bytes body;
    std::vector<Bytes>* spares = nullptr;
    bool too_large = false;
    std::optional<int64_t> retry_after_ms;
    Easy easy;
};

size_t on_body(char* data, size_t size, size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const size_t bytes = size * count;
    if (exchange.body.size() + bytes > exchange.request.body_size_max) {
        exchange.too_large = true;
        return 0;
    }
    if (exchange.body.capacity() == 0 && !exchange.spares->empty()) {
        exchange.body = std::move(exchange.spares->back());
        exchange.spares->pop_back();
    }
    const size_t needed = exchange.body.size() + bytes + kBodyPadding;
    if (exchange.body.capacity() < needed) {
        size_t room = std::max(needed, 2 * exchange.body.capacity());
        curl_off_t told = -1;
        if (exchange.body.empty() &&
            curl_easy_getinfo(exchange.easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &told) ==
                CURLE_OK &&
            told > 0) {
            // All at once, instead of copying what came so far again and again. No word is taken
            // for more than a body may have.
            room =
                std::max(room, std::min(static_cast<size_t>(told), kBodyAtOnceMax) + kBodyPadding);
        }
        exchange.body.reserve(room);
    }
    const auto* first = reinterpret_cast<const uint8_t*>(data);
    exchange.body.insert(exchange.body.end(), first, first + bytes);
    return bytes;
}

bool has_prefix_ignoring_case(std::string_view text, std::string_view lower_prefix) {
    return text.size() >= lower_prefix.size() &&
           std::ranges::equal(
               text.substr(0, lower_prefix.size()), lower_prefix, [](char a, char b) {
                   return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
               });
}

// RFC 9110 10.2.3: seconds, or a date.
std::optional<int64_t> parse_retry_after(std::string_view value) {
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
    return std::max<int64_t>(0, 1000 * (static_cast<int64_t>(when) - std::time(nullptr)));
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
    constexpr std::string_view kRetryAfter = "retry-after:";
    const std::string_view line{data, size * count};
    if (has_prefix_ignoring_case(line, kRetryAfter)) {
        static_cast<Exchange*>(user)->retry_after_ms =
            parse_retry_after(line.substr(kRetryAfter.size()));
    }
    return line.size();
}

TransportError classify(CURLcode code) {
    switch (code) {
        case CURLE_OK: return TransportError::kNone;
        case CURLE_OPERATION_TIMEDOUT: return TransportError::kTimeout;
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_INTERFACE_FAILED: return TransportError::kUnreachable;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return TransportError::kTls;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL: return TransportError::kBadUrl;
        default: return TransportError::kCut;
    }
}

template <typename T>
void set(CURL* easy, CURLoption option, T value) {
    PLUMBLINE_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace

struct CurlTransport::Impl {
    CurlOptions options;
    // Destroyed in reverse: exchanges are taken off the multi handle by ~CurlTransport first.
    Multi multi;
    std::map<CURL*, std::unique_ptr<Exchange>> exchanges;
    std::vector<Easy> idle;
    std::vector<Bytes> spares;  ///< empty bodies that have memory
    std::vector<HttpCompletion> failed_at_submit;
    uint64_t next_id = 1;

    // False where curl refuses the URL.
    bool prepare(Exchange& exchange) {
        CURL* easy = exchange.easy.get();
        curl_easy_reset(easy);
        if (curl_easy_setopt(easy, CURLOPT_URL, exchange.request.url.c_str()) != CURLE_OK) {
            return false;
        }
        set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        set(easy, CURLOPT_FOLLOWLOCATION, 0L);
        set(easy, CURLOPT_NOSIGNAL, 1L);
        set(easy, CURLOPT_BUFFERSIZE, kReceiveBytes);
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));  // NOLINT
        set(easy, CURLOPT_PIPEWAIT, 1L);
        set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        set(easy, CURLOPT_ACCEPT_ENCODING, "");
        set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        set(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
        set(easy, CURLOPT_CONNECTTIMEOUT_MS,
            static_cast<long>(options.connect_timeout_ms));  // NOLINT
        set(easy, CURLOPT_TIMEOUT_MS,
            static_cast<long>(std::max<int64_t>(1, exchange.request.timeout_ms)));  // NOLINT
        if (options.proxy != "env") {
            set(easy, CURLOPT_PROXY, options.proxy.c_str());
        }
        curl_slist* list = nullptr;
        // "Expect:" without a value keeps curl from waiting for a 100 before large bodies.
        for (const char* line : {"Content-Type: application/json", "Expect:"}) {
            list = curl_slist_append(list, line);
        }
        for (const auto& [name, value] : exchange.request.headers) {
            list = curl_slist_append(list, (name + ": " + value).c_str());
        }
        exchange.headers.reset(list);
        set(easy, CURLOPT_HTTPHEADER, list);
        set(easy, CURLOPT_POST, 1L);
        set(easy, CURLOPT_POSTFIELDS, exchange.request.body.data());
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE,
            static_cast<curl_off_t>(exchange.request.body.size()));
        if (exchange.request.method != "POST") {
            set(easy, CURLOPT_CUSTOMREQUEST, exchange.request.method.c_str());
        }
        set(easy, CURLOPT_WRITEFUNCTION, &on_body);
        set(easy, CURLOPT_WRITEDATA, &exchange);
        set(easy, CURLOPT_HEADERFUNCTION, &on_header);
        set(easy, CURLOPT_HEADERDATA, &exchange);
        return true;
    }

    void collect(std::vector<HttpCompletion>& completions) {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) {
                continue;
            }
            const CURLcode code = message->data.result;
            const auto found = exchanges.find(message->easy_handle);
            PLUMBLINE_CHECK(found != exchanges.end());
            curl_multi_remove_handle(multi.get(), found->first);
            const std::unique_ptr<Exchange> exchange = std::move(found->second);
            exchanges.erase(found);

            HttpCompletion completion;
            completion.id = exchange->id;
            completion.error = exchange->too_large ? TransportError::kTooLarge : classify(code);
            if (completion.error == TransportError::kTooLarge) {
                completion.error_text = "the response passed the size limit of " +
                                        std::to_string(exchange->request.body_size_max) + " bytes";
            } else if (code != CURLE_OK) {
                // curl's own detail may name the URL; its fixed text does not.
                completion.error_text = curl_easy_strerror(code);
            }
            long status = 0;  // NOLINT(google-runtime-int): curl's type
            curl_easy_getinfo(exchange->easy.get(), CURLINFO_RESPONSE_CODE, &status);
            completion.status = static_cast<int>(status);
            completion.retry_after_ms = exchange->retry_after_ms;
            completion.body = std::move(exchange->body);
            completions.push_back(std::move(completion));
            idle.push_back(std::move(exchange->easy));
        }
    }
};

CurlTransport::CurlTransport(CurlOptions options) : impl_{std::make_unique<Impl>()} {
    init_curl_once();
    impl_->options = std::move(options);
    impl_->multi.reset(curl_multi_init());
    CURLM* multi = impl_->multi.get();
    PLUMBLINE_CHECK(multi != nullptr);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));  // NOLINT
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      static_cast<long>(impl_->options.connections_max));  // NOLINT
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(impl_->options.connections_per_host_max));  // NOLINT
}

CurlTransport::~CurlTransport() {
    for (auto& [easy, exchange] : impl_->exchanges) {
        curl_multi_remove_handle(impl_->multi.get(), easy);
    }
    impl_->exchanges.clear();
    impl_->idle.clear();
}

uint64_t CurlTransport::submit(HttpRequest request) {
    auto exchange = std::make_unique<Exchange>();
    const uint64_t id = impl_->next_id++;
    exchange->id = id;
    exchange->request = std::move(request);
    exchange->spares = &impl_->spares;
    if (impl_->idle.empty()) {
        exchange->easy.reset(curl_easy_init());
        PLUMBLINE_CHECK(exchange->easy != nullptr);
    } else {
        exchange->easy = std::move(impl_->idle.back());
        impl_->idle.pop_back();
    }
    CURL* easy = exchange->easy.get();
    if (!impl_->prepare(*exchange) || curl_multi_add_handle(impl_->multi.get(), easy) != CURLM_OK) {
        HttpCompletion completion;
        completion.id = id;
        completion.error = TransportError::kBadUrl;
        completion.error_text = "the URL cannot be used";
        impl_->failed_at_submit.push_back(std::move(completion));
        return id;
    }
    impl_->exchanges.emplace(easy, std::move(exchange));
    return id;
}

void CurlTransport::poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) {
    Impl& impl = *impl_;
    const size_t before = completions.size();
    std::ranges::move(impl.failed_at_submit, std::back_inserter(completions));
    impl.failed_at_submit.clear();
    int running = 0;
    curl_multi_perform(impl.multi.get(), &running);
    impl.collect(completions);
    const int64_t start_ms = system_clock().monotonic_ms();
    while (completions.size() == before) {
        const int64_t waited = system_clock().monotonic_ms() - start_ms;
        if (waited >= wait_ms) {
            return;
        }
        curl_multi_poll(impl.multi.get(), nullptr, 0,
                        static_cast<int>(std::min<int64_t>(wait_ms - waited, 1000)), nullptr);
        curl_multi_perform(impl.multi.get(), &running);
        impl.collect(completions);
    }
}

void CurlTransport::give_back(Bytes body) {
    if (impl_->spares.size() < kSparesMax &&
        body.capacity() >= static_cast<size_t>(kReceiveBytes) &&
        body.capacity() <= kBodyAtOnceMax + kBodyPadding) {
        body.clear();
        impl_->spares.push_back(std::move(body));
    }
}

size_t CurlTransport::in_flight() const {
    return impl_->exchanges.size() + impl_->failed_at_submit.size();
}

}  // namespace plumbline::rpc
