// A request and its answer without the network: routes are plain functions from one to the other.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plumbline::api {

class Subscriptions;

struct Request {
    std::string method = "GET";
    std::string target;         ///< path and query as sent: "/v1/events?from=5"
    std::string authorization;  ///< the header of that name
    std::string body;
    std::string client{};  ///< who asks, for limits: an address; empty: nobody in particular
    /// Of the WebSocket that asks at /rpc; null: it is HTTP. Outlives the request.
    Subscriptions* subscriptions = nullptr;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
};

}  // namespace plumbline::api
