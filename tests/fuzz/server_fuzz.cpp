// Bytes on a connection to the real server: as HTTP, or after the upgrade as WebSocket frames. The
// server answers or ends the connection, keeps nothing of it, and goes on serving others.
#include "api/server/server.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <thread>

#include "api/stream/stream.hpp"
#include "tests/api/api_world.hpp"
#include "tests/api/http_client.hpp"

namespace {

using plumbline::api::Server;
using plumbline::api::StreamHub;
using plumbline::api::test::ApiWorld;
using plumbline::test::HttpClient;

struct Served {
    ApiWorld api;
    StreamHub hub{
        api.mapping.plan, [this] { return api.world.database.get(); }, [] { return true; }, {}};
    std::unique_ptr<Server> server = Server::start(api.router, &hub, {}).value();
};

/// Lines become masked frames: a byte's low half is the opcode, the rest of the line the payload.
void send_lines(HttpClient& client, std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        if (end > 0 &&
            !client.send_frame(static_cast<uint8_t>(text[0]) & 0x0fU, text.substr(1, end - 1))) {
            return;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// The first byte: 'f' raw frames, 'l' lines that are made into frames, 'r' such lines to JSON-RPC,
/// else HTTP from there on.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Served served;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto tasks_before = served.api.queue->list();
    {
        HttpClient client{served.server->port()};
        if (text.starts_with('r')) {
            PLUMBLINE_CHECK(client.upgrade("/rpc").status == 101);
            send_lines(client, text.substr(1));
        } else if (text.starts_with('f') || text.starts_with('l')) {
            PLUMBLINE_CHECK(client.upgrade("/v1/stream?snapshot=true").status == 101);
            if (text.starts_with('f')) {
                client.send(text.substr(1));
            } else {
                send_lines(client, text.substr(1));
            }
        } else {
            client.send(text);
        }
        client.finish();
        PLUMBLINE_CHECK_MSG(client.drain(10'000), "the server keeps a connection that has ended");
    }
    const bool has_token = text.find(plumbline::api::test::kToken) != std::string_view::npos;
    PLUMBLINE_CHECK(has_token || served.api.queue->list() == tasks_before);
    for (int i = 0; served.server->stats().streams + served.server->stats().connections > 0; ++i) {
        PLUMBLINE_CHECK_MSG(i < 10'000, "the server forgets no connection");
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    HttpClient next{served.server->port()};
    PLUMBLINE_CHECK(next.get("/v1/health", "Connection: close\r\n").status == 200);
    return 0;
}
