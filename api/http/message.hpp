// A request and its answer without the network: routes are plain functions from one to the other.
#pragma once

#include <memory>
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
    bool takes_parts = false;  ///< whoever asks can take an answer of which nobody knows the size
};

/// The rest of an answer that is made while it goes out. One thread at a time.
class AnswerParts {
  public:
    struct Part {
        std::string text;  ///< may be empty
        bool is_last = false;
    };

    AnswerParts() = default;
    AnswerParts(const AnswerParts&) = delete;
    AnswerParts& operator=(const AnswerParts&) = delete;
    virtual ~AnswerParts() = default;

    /// Takes a second at most. Not called after the last one.
    [[nodiscard]] virtual Part next() = 0;
    /// In place of what is still to come: says why there is no more.
    [[nodiscard]] virtual Part give_up(std::string_view why) = 0;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
    std::shared_ptr<AnswerParts> rest{};  ///< after `body`; null: that is all
};

}  // namespace plumbline::api
