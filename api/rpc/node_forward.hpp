// What the index does not have, asked of the config's own nodes where the config allows it: listed
// methods only, at a bounded rate. Who answered is said with each answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/mutex.hpp"
#include "core/base/redactor.hpp"
#include "engine/config/config.hpp"
#include "rpc/transport.hpp"

namespace plumbline::api {

/// What became of one call: a result as JSON, or an error.
struct NodeAnswer {
    std::string result{};
    int code = 0;  ///< of the error; 0: there is none
    std::string message{};
    std::string data{};  ///< of the error, hex (a revert's); may be empty
};

/// Thread-safe; who asks waits.
class NodeForward {
  public:
    /// Of one answer, or of all answers of a batch.
    static constexpr size_t kBytesMax = 32U << 20U;

    struct Options {
        std::vector<std::string> methods{};
        std::vector<engine::EndpointConfig> endpoints{};  ///< asked in this order
        uint64_t calls_per_second = 20;                   ///< of all clients; twice as many at once
    };
    explicit NodeForward(Options options);
    NodeForward(const NodeForward&) = delete;
    NodeForward& operator=(const NodeForward&) = delete;
    ~NodeForward();

    [[nodiscard]] bool takes(std::string_view method) const noexcept;
    /// An answer for each of `calls` ({"method":..,"params":..}), in their order. One node after
    /// the other is asked until one answers, within `timeout_ms`.
    [[nodiscard]] std::vector<NodeAnswer> ask(const std::vector<const nlohmann::json*>& calls,
                                              int64_t now_ms, int64_t timeout_ms);

  private:
    struct Node {
        engine::EndpointConfig endpoint;
        Redactor redactor;
        std::string name;  ///< may be shown
    };
    [[nodiscard]] bool take_tokens(size_t calls, int64_t now_ms) PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] std::unique_ptr<rpc::Transport> take_transport() PLUMBLINE_EXCLUDES(mutex_);
    void give_back(std::unique_ptr<rpc::Transport> transport) PLUMBLINE_EXCLUDES(mutex_);
    [[nodiscard]] static bool read_answers(const Node& node, const nlohmann::json& body,
                                           std::vector<NodeAnswer>& out);

    const Options options_;
    std::vector<Node> nodes_;
    Mutex mutex_;
    std::vector<std::unique_ptr<rpc::Transport>> idle_ PLUMBLINE_GUARDED_BY(mutex_);
    double tokens_ PLUMBLINE_GUARDED_BY(mutex_);
    int64_t filled_ms_ PLUMBLINE_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbline::api
