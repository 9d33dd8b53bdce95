// Handles go round in a circle:
//
//   new or idle -> CurlExchange::prepare -> multi handle -> done -> idle
//
// and leave it wherever curl reports a failure. A transfer that timed out while it waited for
// another one's connection (CURLOPT_PIPEWAIT, connection limits) keeps state that
// curl_easy_reset() does not clear: setting such a handle up again fails (libcurl 7.88.1).
#include "rpc/curl_transport.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/clock.hpp"
#include "core/base/sleep.hpp"
#include "rpc/curl_exchange.ipp"

namespace plumbline::rpc {

namespace {

struct MultiDeleter {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};
using Multi = std::unique_ptr<CURLM, MultiDeleter>;

/// Bodies whose memory is kept: new memory costs more than what is received into it.
constexpr size_t kSparesMax = 2;

// Once for the process, whoever is first.
CURLcode init_curl() {
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    return code;
}

// Empty where curl has none to give. A limit that curl does not take is not worth failing for.
Multi make_multi(const CurlOptions& options) {
    Multi multi{init_curl() == CURLE_OK ? curl_multi_init() : nullptr};
    if (multi != nullptr) {
        const auto set = [&](CURLMoption option, int value) {
            static_cast<void>(curl_multi_setopt(multi.get(), option,
                                                static_cast<long>(value)));  // NOLINT: curl's type
        };
        set(CURLMOPT_PIPELINING, static_cast<int>(CURLPIPE_MULTIPLEX));
        set(CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connections_max);
        set(CURLMOPT_MAX_HOST_CONNECTIONS, options.connections_per_host_max);
    }
    return multi;
}

}  // namespace

struct CurlTransport::Impl {
    CurlOptions options;
    /// Empty until the first request, where curl could not make one, and after it failed.
    Multi multi;
    /// Those on the multi handle, and no others.
    std::map<CURL*, std::unique_ptr<CurlExchange>> exchanges;
    std::vector<Easy> idle;     ///< handles whose last transfer succeeded
    std::vector<Bytes> spares;  ///< empty bodies that have memory
    BodyRoom room;
    std::vector<HttpCompletion> failed_at_submit;
    uint64_t next_id = 1;

    explicit Impl(CurlOptions of) : options{std::move(of)}, room{options.bodies_shared_max} {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        std::vector<HttpCompletion> unheard;
        abandon_multi(unheard);
    }

    /// Takes the exchange on its way, or says why not.
    [[nodiscard]] CURLcode start(std::unique_ptr<CurlExchange>& exchange) {
        if (multi == nullptr) {
            multi = make_multi(options);
        }
        if (idle.empty()) {
            exchange->easy.reset(multi == nullptr ? nullptr : curl_easy_init());
        } else {
            exchange->easy = std::move(idle.back());
            idle.pop_back();
        }
        CURL* easy = exchange->easy.get();
        if (multi == nullptr || easy == nullptr) {
            return CURLE_FAILED_INIT;
        }
        if (const CURLcode code = exchange->prepare(options); code != CURLE_OK) {
            return code;
        }
        if (curl_multi_add_handle(multi.get(), easy) != CURLM_OK) {
            return CURLE_FAILED_INIT;
        }
        exchanges.emplace(easy, std::move(exchange));
        return CURLE_OK;
    }

    void collect(std::vector<HttpCompletion>& completions) {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) {
                continue;
            }
            const CURLcode code = message->data.result;
            const auto found = exchanges.find(message->easy_handle);
            PLUMBLINE_CHECK_MSG(found != exchanges.end(), "every handle here was added by start()");
            const CURLMcode removed = curl_multi_remove_handle(multi.get(), found->first);
            const std::unique_ptr<CurlExchange> exchange = std::move(found->second);
            exchanges.erase(found);
            completions.push_back(exchange->complete(code));
            if (code == CURLE_OK && removed == CURLM_OK) {
                idle.push_back(std::move(exchange->easy));
            }
        }
    }

    /// Whoever completed last was handed over, so that its memory is free again.
    void resume_stopped() {
        for (CurlExchange* exchange : room.take_stopped()) {
            // May call on_body at once, which may stop it again.
            static_cast<void>(curl_easy_pause(exchange->easy.get(), CURLPAUSE_CONT));
        }
    }

    /// Lets curl work and takes what is done. A multi handle that fails is given up with all that
    /// is on it; the next request makes a new one.
    void perform(std::vector<HttpCompletion>& completions) {
        int running = 0;
        if (multi == nullptr) {
            return;
        }
        resume_stopped();
        const CURLMcode code = curl_multi_perform(multi.get(), &running);
        collect(completions);
        if (code != CURLM_OK) {
            abandon_multi(completions);
        }
    }

    /// Waits until there is something to do, for at most `wait_ms`.
    void wait(int64_t wait_ms, std::vector<HttpCompletion>& completions) {
        if (multi == nullptr) {
            sleep_ms(wait_ms);
        } else if (curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(wait_ms), nullptr) !=
                   CURLM_OK) {
            abandon_multi(completions);
        }
    }

    /// Ends every exchange as cut. curl wants them taken off before the multi handle or they go.
    void abandon_multi(std::vector<HttpCompletion>& completions) {
        for (auto& [easy, exchange] : exchanges) {
            static_cast<void>(curl_multi_remove_handle(multi.get(), easy));
            completions.push_back(exchange->complete(CURLE_RECV_ERROR));
        }
        exchanges.clear();
        multi.reset();
    }
};

CurlTransport::CurlTransport(CurlOptions options)
    : impl_{std::make_unique<Impl>(std::move(options))} {}

CurlTransport::~CurlTransport() = default;

uint64_t CurlTransport::submit(HttpRequest request) {
    auto exchange = std::make_unique<CurlExchange>();
    const uint64_t id = impl_->next_id++;
    exchange->id = id;
    exchange->request = std::move(request);
    exchange->spares = &impl_->spares;
    exchange->room = &impl_->room;
    if (const CURLcode code = impl_->start(exchange); code != CURLE_OK) {
        HttpCompletion completion;
        completion.id = id;
        completion.error = classify_curl_code(code);
        completion.error_text = curl_easy_strerror(code);
        impl_->failed_at_submit.push_back(std::move(completion));
    }
    return id;
}

void CurlTransport::poll(int64_t wait_ms, std::vector<HttpCompletion>& completions) {
    Impl& impl = *impl_;
    const size_t before = completions.size();
    std::ranges::move(impl.failed_at_submit, std::back_inserter(completions));
    impl.failed_at_submit.clear();
    impl.perform(completions);
    const int64_t start_ms = system_clock().monotonic_ms();
    while (completions.size() == before) {
        const int64_t waited = system_clock().monotonic_ms() - start_ms;
        if (waited >= wait_ms) {
            return;
        }
        impl.wait(std::min<int64_t>(wait_ms - waited, 1000), completions);
        impl.perform(completions);
    }
}

void CurlTransport::give_back(Bytes&& body) {
    if (impl_->spares.size() < kSparesMax && body.capacity() >= kReceiveBytes &&
        body.capacity() <= kBodyAtOnceMax + kBodyPadding) {
        body.clear();
        impl_->spares.push_back(std::move(body));
    }
}

size_t CurlTransport::held_bytes() const noexcept {
    return impl_->room.held();
}

size_t CurlTransport::in_flight() const {
    return impl_->exchanges.size() + impl_->failed_at_submit.size();
}

}  // namespace plumbline::rpc
