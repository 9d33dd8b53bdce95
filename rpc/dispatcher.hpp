// Carries groups of JSON-RPC calls to providers: chooses who is asked, cuts batches, waits, retries
// elsewhere, and gives back one settled answer for each call. What a refused range means is the
// asker's business (range_job.hpp); everything that asking again or asking another can cure is
// cured here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rpc/answer_intake.hpp"
#include "rpc/call_group.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/head_watch.hpp"
#include "rpc/header_trust.hpp"
#include "rpc/pending_group.hpp"
#include "rpc/provider.hpp"
#include "rpc/provider_choice.hpp"
#include "rpc/transport.hpp"
#include "rpc/wait_board.hpp"

namespace plumbline::rpc {

/// One thread. `done` callbacks and tasks run inside `poll`, and may send further groups; each
/// group's `done` runs exactly once, unless the dispatcher is destroyed first. All references must
/// outlive it; `observer` may be null. Endpoints beyond
/// `ProviderSet::kMax` are left out, with an error in the log.
class Dispatcher {
  public:
    Dispatcher(const PoolOptions& options, Transport& transport, const Clock& clock,
               PoolObserver* observer);

    /// Queues a group of at least one call. Nothing is sent and no callback runs before `poll`.
    void send(CallGroup group);
    /// Sends what can be sent, receives, runs callbacks. Waits at most `wait_ms`.
    void poll(int64_t wait_ms);

    /// In the order of `PoolOptions::endpoints`; their places never change.
    [[nodiscard]] std::vector<Provider>& providers() { return providers_; }
    [[nodiscard]] const std::vector<Provider>& providers() const { return providers_; }
    /// Monotonic, in ms.
    [[nodiscard]] int64_t now() const { return clock_.monotonic_ms(); }
    [[nodiscard]] const PoolOptions& options() const { return options_; }
    [[nodiscard]] Jitter& jitter() { return jitter_; }
    void log(LogLevel level, const std::string& message) const;
    /// "provider NAME what"
    void tell(LogLevel level, const Provider& provider, const std::string& what) const;
    /// What is open in the pool. Questions of several groups take their ticket here.
    [[nodiscard]] WaitBoard& waits() { return waits_; }
    [[nodiscard]] const WaitBoard& waits() const { return waits_; }
    /// Runs `task` from `poll` once `at_ms` (monotonic) has come.
    void at(int64_t at_ms, std::function<void()> task);
    /// The chain id all providers must have; set by the first answer.
    [[nodiscard]] std::optional<uint64_t> chain_id() const { return heads_.chain_id(); }
    /// Asks a provider for chain id, head and finalized head (`HeadWatch` says where in the
    /// answers), and notes what it says. kIncompatible: it serves another chain.
    void probe_head(size_t provider, std::function<void(GroupResult)> done,
                    std::shared_ptr<WaitTicket> ticket = nullptr);
    /// The highest head that was shown to be there (heads_job.hpp), 0 at first.
    [[nodiscard]] uint64_t head_shown() const { return heads_.head_shown(); }
    void take_shown_head(uint64_t block_num) { heads_.on_head_shown(block_num); }
    /// It told a head that it does not show: it is taken to be at `block_num`. `reason` as it may
    /// be shown.
    void take_vain_head(size_t provider, uint64_t block_num, const std::string& reason);
    void forget_vain_head(size_t provider) { heads_.forget_vain_head(provider); }
    /// `provider` was proven to lie, by a hash or root that was recomputed and by nothing less:
    /// counts it, tells `what` (": receipts of block 5: .."), and keeps the name for
    /// `take_convicted`.
    void convict(size_t provider, const std::string& what);
    /// Names of those convicted since the last call, each once; of the only one never, for there is
    /// nobody else to ask.
    [[nodiscard]] std::vector<std::string> take_convicted();
    /// All that were ever convicted: worth asking last.
    [[nodiscard]] ProviderSet liars() const { return liars_; }
    /// Another provider than this one has the block, as far as is known, and can be asked.
    [[nodiscard]] bool others_have(uint64_t block_num, size_t provider) const;

  private:
    /// How a whole response bears on its provider's health: one response counts once, however many
    /// of its calls were refused.
    struct ResponseHealth {
        bool is_ill = false;
        bool is_refused = false;  ///< for the account's sake, which is told elsewhere
        bool is_limited = false;
        bool is_batch_limited = false;  ///< and more than its eth_getLogs: perhaps by its size
        std::optional<int64_t> retry_after_ms;
        /// By family: calls that had a value for an answer, less those that were refused for
        /// neither their size nor their rate.
        std::array<int64_t, kCallFamilies> answered = {};
        std::string reason;  ///< why it is ill or limits, in its own words
    };

    // ---- Sending
    void pump();
    void pump_group(uint64_t id, PendingGroup& active);
    [[nodiscard]] bool gives_way(const PendingGroup& active) const;
    [[nodiscard]] std::span<const ProviderState> look_at_providers(
        std::optional<uint64_t> block_needed, const CallGroup* group);
    [[nodiscard]] ProviderChoice choose(const PendingGroup& active);
    void end_round(PendingGroup& active);
    [[nodiscard]] int64_t pause_ms(uint32_t rounds_done);
    void give_up_overdue();
    [[nodiscard]] bool is_overdue(const InFlightRequest& request);
    [[nodiscard]] bool lacks_what_was_told(const PendingGroup& active) const;
    void submit(uint64_t id, PendingGroup& active, size_t provider);
    [[nodiscard]] HttpRequest make_request(const CallGroup& group, const InFlightRequest& sent);

    // ---- Receiving (dispatcher_receive.cpp)
    void receive(HttpCompletion& completion);
    void receive_failure(PendingGroup& active, const InFlightRequest& request,
                         const HttpCompletion& completion);
    void receive_response(PendingGroup& active, const InFlightRequest& request,
                          HttpCompletion& completion);
    void receive_http_error(PendingGroup& active, const InFlightRequest& request,
                            HttpCompletion& completion, ResponseHealth& health);
    void receive_answers(PendingGroup& active, const InFlightRequest& request,
                         std::vector<Answer> answers, int http_status, ResponseHealth& health);
    void apply(PendingGroup& active, const InFlightRequest& request, size_t position,
               CallVerdict verdict, ResponseHealth& health);
    void take_news(const InFlightRequest& request, const ProviderNews& news,
                   ResponseHealth& health);
    void name_teller(Answer& answer, size_t provider) const;
    void decide(PendingGroup& active, const InFlightRequest& request, size_t call, CallFate fate);
    void count_rate_limit(PendingGroup& active, size_t provider);
    void put_deadlines_off(std::optional<int64_t> told_ms);
    void take_billing(const InFlightRequest& request, const std::string& text);
    void take_refused_blocks(Provider& provider, const ProviderNews& news, const std::string& text);
    void take_vain_logs(Provider& provider, const Call& call, RefusalClass kind,
                        const std::string& text);
    static void take_answered_block(Provider& provider, const Call& call);
    void read_answers(PendingGroup& active, const InFlightRequest& request,
                      HttpCompletion& completion, ResponseHealth& health);
    [[nodiscard]] bool take_batch_doubt(PendingGroup& active, const InFlightRequest& request,
                                        const std::vector<Answer>& answers, int http_status);
    void learn_of_batches(const InFlightRequest& request, const std::vector<Answer>& answers,
                          int http_status);
    [[nodiscard]] bool has_others(const PendingGroup& active, size_t provider) const;
    [[nodiscard]] AskedCall as_asked(const PendingGroup& active, const InFlightRequest& request,
                                     size_t position) const;
    void take_brakes(const InFlightRequest& request, const ResponseHealth& health);
    void take_health(const InFlightRequest& request, const ResponseHealth& health);
    void tell_if_down(size_t provider, const std::string& reason);
    void tell_if_back(size_t provider);
    void take_other_chain(size_t provider, const std::string& reason);
    void fail_provider(const InFlightRequest& request, const std::string& reason,
                       std::optional<int64_t> retry_after_ms = std::nullopt);

    // ---- Headers that must hash (dispatcher_lies.cpp)
    [[nodiscard]] std::optional<CallVerdict> judge_header(const AskedCall& asked, size_t provider,
                                                          const Answer& answer);

    // ---- Ending
    void end_with_refusal(PendingGroup& active, const EndGroup& end);
    void end_with_error(PendingGroup& active, ErrorCode code, std::string text);
    void finish_if_settled(PendingGroup& active);
    void finish(PendingGroup& active, GroupResult result);
    [[nodiscard]] std::string describe(const PendingGroup& active) const;
    [[nodiscard]] std::string describe_all(const PendingGroup& active) const;

    // ---- The loop
    [[nodiscard]] int64_t next_wake_ms(int64_t wait_ms) const;
    void shorten_waits();
    void run_due_tasks();
    void run_finished();
    void close_finished();
    [[nodiscard]] bool is_consistent() const;

    // ---- Heads
    void refresh_head(size_t provider);
    void take_head(size_t provider, GroupResult& result);

    const PoolOptions& options_;
    Transport& transport_;
    const Clock& clock_;
    PoolObserver* observer_;
    Jitter jitter_;
    std::vector<Provider> providers_;
    HeadWatch heads_;
    HeaderTrust header_trust_;
    std::map<size_t, int64_t> lie_told_ms_;  ///< by provider
    ProviderSet liars_;
    ProviderSet convicted_;  ///< of these, not taken yet
    AnswerReader reader_;
    WaitBoard waits_;  ///< before all that holds tickets
    /// By id, which only grows: groups are served in the order sent, and those that are added
    /// during a walk come at its end.
    std::map<uint64_t, PendingGroup> groups_;
    std::map<uint64_t, InFlightRequest> in_flight_;  ///< by transport id
    std::multimap<int64_t, std::function<void()>> tasks_;
    /// Callbacks wait here until no group is being worked on: they send, which changes `groups_`.
    std::vector<std::pair<std::function<void(GroupResult)>, GroupResult>> finished_;
    uint64_t next_group_ = 1;
    uint64_t next_call_id_ = 1;
    // Kept for their memory.
    std::vector<HttpCompletion> completions_;
    std::vector<ProviderState> states_;
};

}  // namespace plumbline::rpc
