// The page at "/".
#include "api/routes/handlers.hpp"
#include "api/routes/page.hpp"

namespace plumbline::api {

Response get_page(RequestContext& /*request*/) {
    Response out;
    out.content_type = "text/html; charset=utf-8";
    out.body = page_html();
    out.headers.emplace_back("Content-Security-Policy",
                             "default-src 'none'; style-src 'unsafe-inline'; "
                             "script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
                             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    return out;
}

Response get_stream(RequestContext& /*request*/) {
    Response out = fail(426, "UpgradeRequired", "this address takes a WebSocket");
    out.headers.emplace_back("Upgrade", "websocket");
    return out;
}

}  // namespace plumbline::api
