// Requests of any kind against the whole router over a real, small database: every answer is whole
// JSON (or the page, or metrics), and without the token nothing changes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/rpc/subscriptions.hpp"
#include "api/stream/stream.hpp"
#include "tests/api/api_world.hpp"

namespace {

using plumbline::api::Request;
using plumbline::api::Response;
using plumbline::api::test::ApiWorld;

std::string_view next_line(std::string_view& text) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// Lines: method, target, Authorization; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static ApiWorld api;
    std::string_view text{reinterpret_cast<const char*>(data), size};
    Request request;
    request.method = next_line(text);
    request.target = next_line(text);
    request.authorization = next_line(text);
    request.body = text;
    const auto tasks_before = api.queue->list();
    const Response answer = api.router.handle(request);
    PLUMBLINE_CHECK(answer.status >= 200 && answer.status < 600);
    PLUMBLINE_CHECK(answer.content_type != "application/json" ||
                    nlohmann::json::accept(answer.body));
    const bool has_token =
        request.authorization == "Bearer " + std::string{plumbline::api::test::kToken};
    PLUMBLINE_CHECK(has_token || api.queue->list() == tasks_before);
    // The same on a WebSocket, which may subscribe.
    if (request.target == "/rpc" && request.method == "POST") {
        const auto subscriptions = api.router.open_subscriptions("fuzz");
        request.subscriptions = subscriptions.get();
        const Response told = api.router.handle(request);
        PLUMBLINE_CHECK(told.body.empty() || nlohmann::json::accept(told.body));
        if (const auto news = api.router.rpc_news(*subscriptions)) {
            for (const std::string& one : *news) {
                PLUMBLINE_CHECK(nlohmann::json::accept(one));
            }
        }
    }
    // The stream's question is read from the same bytes.
    if (const auto target = plumbline::api::parse_target(request.target)) {
        static_cast<void>(plumbline::api::read_stream_filter(*api.mapping.plan, *target));
    }
    return 0;
}
