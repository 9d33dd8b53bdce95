// Asks one endpoint, one question at a time: for the doctor, who wants the answer as it is, with
// none of the pool's checks, retries and splitting.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/clock.hpp"
#include "core/base/redactor.hpp"
#include "rpc/block_programs.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/transport.hpp"

namespace plumbline::engine {

struct Reply {
    std::optional<nlohmann::json> result;
    std::string error;  ///< why there is no result, fit to be shown: without secrets
    bool is_rpc_error = false;
    int64_t code = 0;       ///< of the error, where it has one
    bool has_data = false;  ///< the error brings some, as what a contract reverts with
};

/// How long an endpoint is waited for.
struct EndpointPatience {
    int64_t timeout_ms = 20'000;  ///< of a question
    /// After so long without any answer nothing is asked any more; 0 = never.
    int64_t silence_ms_max = 60'000;
    /// Told once of each question that waits for ten seconds; may be empty.
    std::function<void(const std::string& what)> on_wait;
    size_t body_size_max = 64U << 20U;  ///< of an answer
    /// True gives up at once; may be empty.
    std::function<bool()> should_stop = {};
    /// Waited in all where it says to slow down, or fails for a moment.
    int64_t pauses_ms_max = 60'000;
};

/// One thread: that which polls the transport. All references must outlive it.
class EndpointClient {
  public:
    EndpointClient(const rpc::Endpoint& endpoint, rpc::Transport& transport, const Clock& clock,
                   EndpointPatience patience);

    /// It has been silent for longer than is waited for.
    [[nodiscard]] bool has_given_up() const {
        return patience_.silence_ms_max > 0 && silent_ms() >= patience_.silence_ms_max;
    }
    /// Since the first question of those that were not answered, one after the other.
    [[nodiscard]] int64_t silent_ms() const {
        return silent_since_ms_ ? clock_.monotonic_ms() - *silent_since_ms_ : 0;
    }
    /// Why a question was left unanswered for the rate since this was last asked; mostly empty.
    [[nodiscard]] std::string take_limit() { return std::exchange(limit_, {}); }
    /// Waits for the answer, at most the timeout; asked to slow down, it pauses and asks again.
    [[nodiscard]] Reply ask(const std::string& method,
                            nlohmann::json params = nlohmann::json::array());
    /// The error where a batch of so many calls is not answered in full; empty where it is.
    [[nodiscard]] std::string ask_batch(uint64_t count);

  private:
    struct Posted {
        nlohmann::json answer;  ///< null where there is none
        std::string error;      ///< why there is none, fit to be shown
        int http_status = 200;
        std::optional<int64_t> retry_after_ms;
    };
    [[nodiscard]] Posted post(const std::string& method, std::string body);
    [[nodiscard]] std::string odd_answer(const rpc::HttpCompletion& done) const;
    [[nodiscard]] bool pause(const Posted& posted, Reply& reply, unsigned turn);
    [[nodiscard]] rpc::HttpCompletion await(uint64_t id, const std::string& method,
                                            int64_t start_ms);
    [[nodiscard]] Reply read(const nlohmann::json& answer, const Posted& posted) const;

    const rpc::Endpoint& endpoint_;
    rpc::Transport& transport_;
    const Clock& clock_;
    EndpointPatience patience_;
    std::optional<int64_t> silent_since_ms_;
    Redactor redactor_;
    int64_t paused_ms_ = 0;
    std::string limit_;
};

/// Runs `code` in an eth_call at `block`: in a creation or, `is_override`, in place of the code at
/// `kNowhere`.
[[nodiscard]] Reply run_code(EndpointClient& client, const char* code, nlohmann::json block,
                             bool is_override);

/// Short, in one line, without the URL that a provider may quote with its key.
[[nodiscard]] std::string clipped(std::string text);
/// A member of `object`, "" where there is no such text.
[[nodiscard]] std::string text_of(const nlohmann::json& object, const char* key);
[[nodiscard]] std::optional<uint64_t> quantity_of(const nlohmann::json& value);
[[nodiscard]] std::optional<uint64_t> quantity_of(const nlohmann::json& object, const char* key);

}  // namespace plumbline::engine
