// Carries groups of JSON-RPC calls to providers: chooses who is asked, cuts batches, waits, retries
// elsewhere, and gives back one settled answer for each call. What a refused range means is the
// asker's business (range_job.hpp); everything that asking again or asking another can cure is
// cured here.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rpc/call_group.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/provider.hpp"
#include "rpc/provider_set.hpp"
#include "rpc/transport.hpp"

namespace plumbline::rpc {

/// One thread. `done` callbacks run inside `poll`.
class Dispatcher {
  public:
    Dispatcher(const PoolOptions& options, Transport& transport, const Clock& clock,
               PoolObserver* observer);

    void send(CallGroup group);
    /// Sends what can be sent, receives, runs callbacks. Waits at most `wait_ms`.
    void poll(int64_t wait_ms);
    [[nodiscard]] size_t open_groups() const { return groups_.size(); }

    [[nodiscard]] std::vector<Provider>& providers() { return providers_; }
    [[nodiscard]] const std::vector<Provider>& providers() const { return providers_; }
    [[nodiscard]] int64_t now() const { return clock_.monotonic_ms(); }
    [[nodiscard]] const PoolOptions& options() const { return options_; }
    [[nodiscard]] Jitter& jitter() { return jitter_; }
    void log(LogLevel level, const std::string& message) const;
    /// Runs `task` from `poll` once `at_ms` has come.
    void at(int64_t at_ms, std::function<void()> task);
    /// The chain id all providers must have; set by the first answer.
    [[nodiscard]] std::optional<uint64_t> chain_id() const { return chain_id_; }
    /// Asks a provider for chain id, head and finalized head, and notes what it says.
    void probe_head(size_t provider, std::function<void(GroupResult)> done);

  private:
    struct PendingGroup {
        CallGroup group;
        std::vector<std::optional<Answer>> settled;
        std::vector<size_t> todo;  // indices not on their way and not settled
        bool prepared = false;
        uint32_t attempts = 0;
        uint32_t requests_out = 0;
        int64_t not_before_ms = 0;
        int64_t deadline_ms = 0;
        int64_t first_sent_ms = 0;
        ProviderSet failed;     // providers that failed in this round
        ProviderSet said_null;  // providers that do not have what some index asks for
        std::vector<std::optional<Answer>> fallback;  // null or error, should nobody know better
        std::optional<Refusal> unclear;               // a refused range that no rule understood
        std::string unclear_text;
        uint32_t waits = 0;  // rate limits met
        std::map<size_t, std::string> reasons;
        ErrorCode last_code = ErrorCode::kUnavailable;
        std::optional<size_t> sticky;  // one_backend: who has the rest of the group
        Traffic traffic;
        size_t last_provider = 0;
        bool finished = false;
    };
    struct InFlightRequest {
        uint64_t group = 0;
        size_t provider = 0;
        std::vector<size_t> indices;
        std::vector<Call> calls;
        uint64_t first_id = 0;
        int64_t sent_ms = 0;
    };
    enum class Choice : uint8_t { kChosen, kWait, kNobody };

    void pump();
    void pump_group(uint64_t id, PendingGroup& active);
    [[nodiscard]] Choice choose(const PendingGroup& active, size_t& provider);
    void nobody_left(PendingGroup& active);
    void submit(uint64_t id, PendingGroup& active, size_t provider);
    void receive(HttpCompletion& completion);
    void receive_answers(PendingGroup& active, const InFlightRequest& request_in_flight,
                         HttpCompletion& completion);
    void receive_failure(PendingGroup& active, const InFlightRequest& request_in_flight,
                         const HttpCompletion& completion);
    // How a whole response bears on the provider's health; one response counts once.
    struct Health {
        bool failed = false;
        bool limited = false;
        std::optional<int64_t> retry_after_ms;
    };
    void receive_null(PendingGroup& active, const InFlightRequest& request_in_flight,
                      size_t position);
    void receive_error(PendingGroup& active, const InFlightRequest& request_in_flight,
                       size_t position, const RpcError& error, int http_status, Health& health);
    [[nodiscard]] bool receive_call_error(PendingGroup& active,
                                          const InFlightRequest& request_in_flight, size_t position,
                                          const RpcError& error, int http_status);
    /// Call `index` is to be asked again; `blame` keeps this provider out until the round is over.
    void put_back(PendingGroup& active, const InFlightRequest& request_in_flight, size_t position,
                  const std::string& reason, ErrorCode code, bool blame);
    void put_back_all(PendingGroup& active, const InFlightRequest& request_in_flight,
                      const std::string& reason, ErrorCode code, bool blame);
    void end_with_refusal(PendingGroup& active, size_t provider, Refusal refusal,
                          const std::string& text);
    void end_with_error(PendingGroup& active, Error error);
    void finish_if_settled(PendingGroup& active);
    void fail_provider(size_t provider, const std::string& reason);
    [[nodiscard]] std::string describe(const PendingGroup& active) const;
    [[nodiscard]] int64_t next_wake_ms(int64_t wait_ms) const;
    void run_due_tasks();
    void refresh_head(size_t provider);
    void run_finished();
    void close_finished();

    const PoolOptions& options_;
    Transport& transport_;
    const Clock& clock_;
    PoolObserver* observer_;
    Jitter jitter_;
    std::vector<Provider> providers_;
    AnswerReader reader_;
    std::map<uint64_t, PendingGroup> groups_;
    std::map<uint64_t, InFlightRequest> in_flight_;  // by transport id
    std::multimap<int64_t, std::function<void()>> tasks_;
    std::vector<std::pair<std::function<void(GroupResult)>, GroupResult>> finished_;
    uint64_t next_group_ = 1;
    uint64_t next_call_id_ = 1;
    std::optional<uint64_t> chain_id_;
    std::vector<HttpCompletion> completions_;
};

}  // namespace plumbline::rpc
