// One provider's health: whether, when and how much it may be asked.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/redactor.hpp"
#include "rpc/batch_limit.hpp"
#include "rpc/chain_source.hpp"
#include "rpc/gap_words.hpp"
#include "rpc/pool_options.hpp"
#include "rpc/provider_choice.hpp"
#include "rpc/refusal_brake.hpp"
#include "rpc/refused_blocks.hpp"
#include "rpc/slow_methods.hpp"
#include "rpc/told_head.hpp"

namespace plumbline::rpc {

/// scheme://host[:port] of a URL: all of it that may be shown, without labels of the host that may
/// be a secret unless that is public. "(unreadable url)" if it has no host.
[[nodiscard]] std::string display_name(std::string_view url, bool is_host_public = false);

/// Its name, or where it has none yet that of its URL.
[[nodiscard]] std::string display_name(const Endpoint& endpoint);

/// Knows what is secret of `endpoint`.
[[nodiscard]] Redactor make_redactor(const Endpoint& endpoint);

/// Deterministic jitter (splitmix64).
class Jitter {
  public:
    explicit Jitter(uint64_t seed) : state_{seed} {}
    /// 0 to `bound`, both included.
    [[nodiscard]] int64_t upto(int64_t bound);

  private:
    uint64_t state_;
};

/// Everything it is told comes from the dispatcher and from the jobs that check answers; all it
/// does with that is to answer the questions below. One thread; times are the clock's monotonic ms.
class Provider {
  public:
    Provider(const Endpoint& endpoint, const PoolOptions& options, const Clock& clock,
             Jitter& jitter);

    [[nodiscard]] const std::string& name() const { return stats_.name; }
    /// Whatever text comes from it passes through this before anything else sees it.
    [[nodiscard]] const Redactor& redactor() const { return redactor_; }

    // ---- May it be asked?
    /// Not down (as it is while it tells another chain's id) and not parked.
    [[nodiscard]] bool is_up() const { return is_up_at(clock_.monotonic_ms()); }
    /// That, and not set apart.
    [[nodiscard]] bool is_usable() const;
    /// Of another chain, as its block of a number says: only who names it asks it.
    void set_apart(bool is_apart) { is_apart_ = is_apart; }
    [[nodiscard]] bool is_apart() const { return is_apart_; }
    /// Down, and it is time to ask it for its head, which alone makes it usable again.
    [[nodiscard]] bool wants_probe() const;
    /// Usable, not told to wait, and with room for one more request.
    [[nodiscard]] bool is_free() const;
    /// When a provider that is not free only because of time will be; nullopt if it waits for
    /// something else (an answer).
    [[nodiscard]] std::optional<int64_t> free_at_ms() const;
    /// When it is asked again for what it told as its head and lacked; may be past.
    [[nodiscard]] int64_t asked_again_ms() const { return told_head_.ask_at_ms(); }
    /// Higher is worse: expected wait.
    [[nodiscard]] double cost() const;
    /// All of that at once, for a question that needs `block_needed`; `is_probing` is left false.
    [[nodiscard]] ProviderState state(std::optional<uint64_t> block_needed) const;

    // ---- What happened?
    void on_sent();
    /// The request is over. Exactly once for each `on_sent`, before one of the next three.
    void on_done(size_t bytes);
    /// It answered, whatever the answer is worth: before one of the next three as well.
    void on_response();
    void on_success(Call::Kind method, int64_t elapsed_ms);
    /// No answer came, or one that shows illness, to a request for `method`.
    /// `retry_after_ms`: it told when to come again.
    void on_failure(Call::Kind method, std::optional<int64_t> retry_after_ms = std::nullopt);
    /// Of a request of `calls`, sent at `sent_ms`; `has_logs`: one of them is eth_getLogs.
    void on_rate_limit(std::optional<int64_t> retry_after_ms, size_t calls, int64_t sent_ms,
                       bool has_logs = false);
    /// What it said, or what became of the last request, when one of the three above was called;
    /// may be shown. Forgotten once it works again.
    void on_error_text(std::string text) { stats_.last_error = std::move(text); }
    [[nodiscard]] bool has_error_text() const { return !stats_.last_error.empty(); }
    /// It did not answer a call of this method, in its own words; it may work otherwise.
    void on_refused_method(std::string_view method, const std::string& text) {
        refused_method_ = method;
        stats_.last_refusal = refused_method_ + ": " + text;
    }
    void on_answered_method(std::string_view method) {
        if (method == refused_method_) {
            stats_.last_refusal.clear();
        }
    }
    void on_refusal(RefusalClass kind) { ++stats_.refusals[static_cast<size_t>(kind)]; }
    /// A call had a value for its answer.
    void on_answered(bool is_log_call) {
        ++(is_log_call ? answered_log_calls_ : answered_others_);
        log_limits_in_row_ = is_log_call ? 0 : log_limits_in_row_;
    }
    /// It limited eth_getLogs, which may have a rate of their own: not before then, whatever it
    /// answers meanwhile; may be past.
    [[nodiscard]] int64_t logs_free_at_ms() const { return logs_free_at_ms_; }
    [[nodiscard]] uint64_t answered_log_calls() const { return answered_log_calls_; }
    [[nodiscard]] uint64_t answered_others() const { return answered_others_; }
    /// What it does not answer in time, or not at all.
    [[nodiscard]] SlowMethods& slow() { return slow_; }
    [[nodiscard]] const SlowMethods& slow() const { return slow_; }
    void on_transport_error() { ++stats_.transport_errors; }
    void on_malformed() { ++stats_.malformed; }
    /// Counts a proven lie; beyond the tolerated ones it is parked, unless nobody else could serve.
    void on_lie(bool others_can_serve);
    /// True the first time, until it works again: the user is to be told.
    [[nodiscard]] bool on_billing();
    /// A question other than a probe was refused as if for a bill: a probe is to show whether all
    /// are.
    void on_billing_doubt();
    /// Nobody else can be asked: whatever it is left alone for, for at most `wait_ms_max` from the
    /// moment on at which that began.
    void shorten_wait(int64_t wait_ms_max);
    /// Nobody can be asked now: it is probed every few seconds while it is down, or more often.
    void shorten_probe_pause(int64_t pause_ms_max);
    /// It is neither down nor left alone for longer than `ms` from now on.
    [[nodiscard]] bool is_back_within(int64_t ms) const;
    /// True once after it went down or was parked: the user is to be told. Of one that comes and
    /// goes, once a minute.
    [[nodiscard]] bool take_down_notice();
    /// True once when it works again after that.
    [[nodiscard]] bool take_back_notice();

    // ---- What is known of it?
    /// It was probed and told our chain's id and its head: whatever was wrong with it is over.
    void on_probe_answered(uint64_t head);
    /// It was probed and told no head. It is down at once, until a later probe is answered; each
    /// that is not makes the pause until the next one longer.
    void on_probe_failed();
    void on_head(uint64_t block_num);
    /// It told a head that it does not show: what is known of it reaches up to `known`.
    void on_vain_head(uint64_t known);
    /// It does not have `block_num` (yet). Where it told that block, or a later one, as its head a
    /// moment ago, it is asked again soon.
    void on_behind(uint64_t block_num);
    /// It has it.
    void on_shown(uint64_t block_num) { told_head_.on_shown(block_num); }
    /// It told this block, or a later one, as its head a moment ago.
    [[nodiscard]] bool has_told(uint64_t block_num) const {
        return told_head_.holds(block_num, clock_.monotonic_ms());
    }
    /// Known to lack `block_num` by knowledge that is not stale.
    [[nodiscard]] bool is_behind(uint64_t block_num) const;
    /// Its head is below `block_num` as far as we know, but that knowledge is stale.
    [[nodiscard]] bool needs_head_refresh(uint64_t block_num) const;
    [[nodiscard]] std::optional<uint64_t> head() const { return stats_.head; }
    /// Blocks that it has not got any more.
    [[nodiscard]] RefusedBlocks& pruned() { return pruned_; }
    /// Blocks whose logs it does not give, though it has them.
    [[nodiscard]] RefusedBlocks& without_logs() { return without_logs_; }
    /// It gave logs of these blocks that cannot be right, again. True where that is its way from
    /// now on: parts of blocks that have counted count once more as single blocks only.
    [[nodiscard]] bool on_odd_logs(const evm::BlockRange& range);
    /// It gave so many logs, from this block on, that do not contradict each other.
    void on_sound_logs(uint64_t block_num, size_t count);
    /// Asked for this block, or with `logs` for its logs, it would refuse, or give what cannot be
    /// used: others first.
    [[nodiscard]] bool would_refuse(uint64_t block_num, bool logs) const {
        const int64_t now = clock_.monotonic_ms();
        return pruned_.holds(block_num, now) ||
               (logs && (without_logs_.holds(block_num, now) || odd_logs_.holds(block_num, now)));
    }
    /// What was heard of `odd_logs`, for as long as it holds; may be shown.
    void on_oddity(std::string text) { oddity_ = std::move(text); }
    /// An answer of it was not used. The number of those since the last line about that, this one
    /// too, where it is time for another; they come by the thousand.
    [[nodiscard]] std::optional<uint64_t> take_fault_notice();
    /// Why it is passed over for a block's logs.
    [[nodiscard]] const std::string& no_logs_text() const {
        return odd_logs_.is_known() ? oddity_ : refused_blocks_text_;
    }
    /// What it was heard of above, for as long as it holds; may be shown.
    void on_refused_blocks(std::string text) { refused_blocks_text_ = std::move(text); }
    /// What it answers for numbers without a block.
    [[nodiscard]] GapWords& gap_words() { return gap_words_; }
    /// Its chain id was learnt.
    void on_chain_id(uint64_t chain_id) { stats_.chain_id = chain_id; }
    /// It told another chain's id. A balancer may do so once, so it is asked again, less and less
    /// often and without end.
    void on_other_chain();
    [[nodiscard]] std::optional<uint64_t> chain_id() const { return stats_.chain_id; }
    /// It told another chain's id so often in a row that it is believed.
    [[nodiscard]] bool is_foreign() const {
        return chain_strikes_ >= options_.chain_strikes_believed;
    }
    [[nodiscard]] uint32_t chain_strikes() const { return chain_strikes_; }

    // ---- How much at once?
    [[nodiscard]] uint32_t in_flight() const { return in_flight_; }
    [[nodiscard]] uint32_t batch_max() const { return batches_.size(clock_.monotonic_ms()); }
    /// What refused batches teach.
    [[nodiscard]] BatchLimit& batches() { return batches_; }
    [[nodiscard]] uint32_t addresses_max() const { return addresses_max_; }
    /// The same of a filter's addresses.
    void on_too_many_addresses(size_t addresses, std::optional<uint64_t> told);
    /// The controller for filters like `filter`.
    [[nodiscard]] RangeController& ranges(const LogFilter& filter) {
        return of_filter(filter).ranges;
    }
    /// Whether eth_getLogs with filters like `filter` are worth a request.
    [[nodiscard]] VainLogs& vain_logs(const LogFilter& filter) {
        return of_filter(filter).vain_logs;
    }
    [[nodiscard]] RefusalBrake& brake(CallFamily family) {
        return brakes_[static_cast<size_t>(family)];
    }
    [[nodiscard]] const RefusalBrakes& brakes() const { return brakes_; }

    /// "NAME: STATE, what was wrong last": for messages.
    [[nodiscard]] std::string standing() const;
    [[nodiscard]] ProviderStats stats() const;

  private:
    [[nodiscard]] bool is_parked(int64_t now) const {
        return parked_until_ms_ && now < *parked_until_ms_;
    }
    [[nodiscard]] bool is_up_at(int64_t now) const;
    [[nodiscard]] bool is_usable_at(int64_t now) const { return is_up_at(now) && !is_apart_; }
    [[nodiscard]] bool wants_probe_at(int64_t now) const;
    [[nodiscard]] bool is_free_at(int64_t now) const;
    [[nodiscard]] bool is_behind_at(uint64_t block_num, int64_t now) const;
    [[nodiscard]] std::optional<int64_t> free_after(int64_t now) const;

    /// What is learnt of filters alike.
    struct OfFilter {
        RangeController ranges;
        VainLogs vain_logs;
    };
    [[nodiscard]] OfFilter& of_filter(const LogFilter& filter);

    void park(int64_t ms);
    void wait_for(int64_t ms);
    /// For about `wait_ms`.
    void open_breaker(int64_t wait_ms);

    const PoolOptions& options_;
    const Clock& clock_;
    Jitter& jitter_;
    Redactor redactor_;
    uint64_t answered_log_calls_ = 0;
    uint64_t answered_others_ = 0;
    ProviderStats stats_;  ///< counters and what is known of it; `stats()` adds the moment's state

    // How much at once. Learnt from refusals, so that a provider's limits need no configuration.
    uint32_t in_flight_ = 0;
    std::optional<int64_t> unanswered_since_ms_;  ///< asked, and no answer since
    double window_;  ///< requests at once; halves on a rate limit, grows by one a window of answers
    BatchLimit batches_;
    uint32_t addresses_max_;  ///< never grows again: limits of plans do not change while we run

    // Rate limits. Apart from failures: a provider that limits is well.
    int64_t wait_until_ms_ = 0;
    int64_t wait_since_ms_ = 0;
    uint32_t rate_limits_in_row_ = 0;    ///< for the length of the next wait
    std::optional<int64_t> limited_ms_;  ///< the last of these
    uint32_t log_limits_in_row_ = 0;     ///< since eth_getLogs were last answered
    int64_t logs_free_at_ms_ = 0;

    // The breaker. Once open, time alone does not close it: a head probe that is answered does.
    bool needs_probe_ = false;     ///< a probe opened it: other answers say nothing
    uint32_t probe_failures_ = 0;  ///< in a row, for the length of the next pause
    uint32_t chain_strikes_ = 0;   ///< in a row, as well
    bool is_apart_ = false;
    uint32_t failures_in_row_ = 0;
    std::optional<Call::Kind> failing_;  ///< the one method of all failures in the last row
    uint32_t breaker_rounds_ = 0;  ///< openings since it last worked, for the length of the next
    std::optional<int64_t> open_until_ms_;  ///< open; from this moment on a probe may go
    int64_t open_since_ms_ = 0;             ///< where it is open: since the last probe

    SlowMethods slow_;

    // Parked: left alone whatever it answers, for a bill or for lies. Ends by time alone.
    std::optional<int64_t> parked_until_ms_;
    int64_t parked_since_ms_ = 0;
    bool billing_ = false;    ///< the observer heard of the bill, and it has not worked since
    bool down_told_ = false;  ///< the observer heard that it is down, and not yet that it is back
    std::optional<int64_t> down_told_ms_;

    std::string refused_method_;  ///< of `stats_.last_refusal`
    GapWords gap_words_;
    static constexpr uint32_t kLogRefusalsBelieved = 8;
    RefusedBlocks pruned_{1};
    RefusedBlocks without_logs_{kLogRefusalsBelieved};
    std::string refused_blocks_text_;
    static constexpr uint32_t kOddLogsBelieved = 3;
    RefusedBlocks odd_logs_{kOddLogsBelieved};
    std::optional<evm::BlockRange> odd_range_;  ///< the last that counted as a whole
    std::string oddity_;
    uint64_t faults_untold_ = 0;
    std::optional<int64_t> fault_told_ms_;
    int64_t head_at_ms_ = 0;  ///< when `stats_.head` was learnt: it says little after a while
    ToldHead told_head_;
    RefusalBrakes brakes_;
    std::map<uint64_t, OfFilter> of_filters_;  ///< by class of filter
    std::optional<uint64_t> last_class_;       ///< of the filter asked last, for `stats()`
};

}  // namespace plumbline::rpc
