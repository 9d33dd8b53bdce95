#include "rpc/provider.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/url_parts.hpp"

namespace plumbline::rpc {

namespace {

constexpr size_t kFilterClassesMax = 256;
/// Between two probes of one that is down where nobody else can be asked.
constexpr int64_t kAloneProbeMs = 5'000;
/// Between two lines about answers that are not used.
constexpr int64_t kFaultLineMs = 600'000;
/// Between two lines that say that it is down.
constexpr int64_t kDownLineMs = 60'000;
/// For eth_getLogs alone, where no time is told.
constexpr int64_t kLogsPauseMsMax = 4'000;

// Filters with the same events and about as many addresses are one class: a growing list of
// factory children must not forget what was learnt.
uint64_t filter_class(const LogFilter& filter) {
    uint64_t hash = 0xcbf29ce484222325ULL;
    const auto mix = [&hash](uint64_t word) {
        hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29U;
    };
    for (const evm::Hash& topic : filter.topics0) {
        mix(evm::FixedBytesHash{}(topic));
    }
    for (const std::vector<evm::Hash>& topics : filter.more_topics) {
        for (const evm::Hash& topic : topics) {
            mix(evm::FixedBytesHash{}(topic));
        }
    }
    mix(static_cast<uint64_t>(std::bit_width(filter.addresses.size())));
    if (filter.addresses.size() == 1) {
        mix(evm::FixedBytesHash{}(filter.addresses.front()));
    }
    return hash;
}

}  // namespace

std::string display_name(std::string_view url, bool is_host_public) {
    const std::string origin = public_origin(split_url(url), is_host_public);
    return origin.empty() ? "(unreadable url)" : origin;
}

std::string display_name(const Endpoint& endpoint) {
    return endpoint.name.empty() ? display_name(endpoint.url, endpoint.is_host_public)
                                 : endpoint.name;
}

Redactor make_redactor(const Endpoint& endpoint) {
    Redactor out{SecretEndpoint{endpoint.url, endpoint.headers, endpoint.is_host_public}};
    out.add_header_value(endpoint.bearer_token);
    return out;
}

int64_t Jitter::upto(int64_t bound) {
    state_ += 0x9E3779B97F4A7C15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    z ^= z >> 31U;
    return bound <= 0 ? 0 : static_cast<int64_t>(z % (static_cast<uint64_t>(bound) + 1));
}

Provider::Provider(const Endpoint& endpoint, const PoolOptions& options, const Clock& clock,
                   Jitter& jitter)
    : options_{options},
      clock_{clock},
      jitter_{jitter},
      redactor_{make_redactor(endpoint)},
      window_{static_cast<double>(options.in_flight_per_provider_max)},
      batches_{options.batch_max},
      addresses_max_{options.addresses_max},
      told_head_{options.head_poll_ms} {
    stats_.name = display_name(endpoint);
}

bool Provider::is_usable() const {
    return is_usable_at(clock_.monotonic_ms());
}

bool Provider::is_up_at(int64_t now) const {
    return !is_parked(now) && !open_until_ms_;
}

bool Provider::wants_probe() const {
    return wants_probe_at(clock_.monotonic_ms());
}

bool Provider::wants_probe_at(int64_t now) const {
    return !is_parked(now) && open_until_ms_ && now >= *open_until_ms_;
}

bool Provider::is_free() const {
    return is_free_at(clock_.monotonic_ms());
}

bool Provider::is_free_at(int64_t now) const {
    if (!(is_up_at(now) || wants_probe_at(now)) || now < wait_until_ms_) {
        return false;
    }
    // A provider that was down or parked gets one request to show that it is back.
    const bool probing = open_until_ms_ || parked_until_ms_;
    return in_flight_ < (probing ? 1U : static_cast<uint32_t>(window_));
}

std::optional<int64_t> Provider::free_at_ms() const {
    return free_after(clock_.monotonic_ms());
}

std::optional<int64_t> Provider::free_after(int64_t now) const {
    int64_t at = wait_until_ms_;
    at = std::max(at, parked_until_ms_.value_or(0));
    at = std::max(at, open_until_ms_.value_or(0));
    return at > now ? std::optional{at} : std::nullopt;
}

ProviderState Provider::state(std::optional<uint64_t> block_needed) const {
    const int64_t now = clock_.monotonic_ms();
    ProviderState out;
    out.is_usable = is_usable_at(now);
    out.is_apart = is_apart_ && is_up_at(now);
    out.wants_probe = wants_probe_at(now);
    out.is_chain_known = stats_.chain_id.has_value();
    out.is_foreign = is_foreign();
    out.is_free = is_free_at(now);
    if (block_needed && stats_.head && *stats_.head < *block_needed) {
        if (told_head_.holds(*block_needed, now)) {
            out.head = now < told_head_.ask_at_ms() ? ProviderState::Head::kLacking
                                                    : ProviderState::Head::kTold;
        } else {
            out.head = is_behind_at(*block_needed, now) ? ProviderState::Head::kBehind
                                                        : ProviderState::Head::kStale;
        }
    }
    out.cost = cost();
    out.free_at_ms = free_after(now);
    return out;
}

double Provider::cost() const {
    const double latency = std::max(1.0, stats_.latency_ms);
    return latency * static_cast<double>(in_flight_ + 1) *
           (1.0 + static_cast<double>(failures_in_row_)) *
           (1.0 + 4.0 * static_cast<double>(stats_.lies));
}

void Provider::on_sent() {
    ++in_flight_;
    ++stats_.requests;
    unanswered_since_ms_ = unanswered_since_ms_.value_or(clock_.monotonic_ms());
}

void Provider::on_done(size_t bytes) {
    PLUMBLINE_CHECK_MSG(in_flight_ > 0, "a provider answers what was not sent to it");
    --in_flight_;
    stats_.received_bytes += bytes;
}

void Provider::on_response() {
    unanswered_since_ms_.reset();
    if (in_flight_ > 0) {
        unanswered_since_ms_ = clock_.monotonic_ms();
    }
}

void Provider::on_success(Call::Kind method, int64_t elapsed_ms) {
    if (open_until_ms_ && failing_ && *failing_ != SlowMethods::method_of(method)) {
        slow_.on_ill(*std::exchange(failing_, std::nullopt), clock_.monotonic_ms());
    }
    const auto elapsed = static_cast<double>(elapsed_ms);
    stats_.latency_ms = stats_.latency_ms == 0 ? elapsed : 0.8 * stats_.latency_ms + 0.2 * elapsed;
    failures_in_row_ = 0;
    rate_limits_in_row_ = 0;
    if (!needs_probe_) {
        breaker_rounds_ = 0;
        open_until_ms_.reset();
    } else if (open_until_ms_ && chain_strikes_ == 0) {
        open_until_ms_ = std::min(*open_until_ms_, clock_.monotonic_ms());  // A probe may do now.
    }
    if (clock_.monotonic_ms() >= wait_until_ms_ && is_up()) {
        stats_.last_error.clear();
    }
    // Answers to requests sent before it was parked do not free it.
    if (parked_until_ms_ && clock_.monotonic_ms() >= *parked_until_ms_) {
        parked_until_ms_.reset();
        billing_ = false;
    }
    window_ =
        std::min(static_cast<double>(options_.in_flight_per_provider_max), window_ + 1.0 / window_);
}

void Provider::on_failure(Call::Kind method, std::optional<int64_t> retry_after_ms) {
    if (retry_after_ms) {
        wait_for(std::min(*retry_after_ms, options_.retry_after_ms_max));
    }
    if (failures_in_row_ == 0) {
        failing_ = SlowMethods::method_of(method);
    } else if (failing_ != SlowMethods::method_of(method)) {
        failing_.reset();
    }
    ++failures_in_row_;
    if (failures_in_row_ >= options_.breaker_failures || open_until_ms_) {
        const int64_t base =
            std::min(options_.breaker_ms_max,
                     options_.breaker_ms_first << std::min<uint32_t>(breaker_rounds_, 20));
        // Failures of requests that were out together count as one round.
        if (!open_until_ms_ || clock_.monotonic_ms() >= *open_until_ms_) {
            ++breaker_rounds_;
            open_breaker(base);
        }
    }
}

void Provider::open_breaker(int64_t wait_ms) {
    open_since_ms_ = clock_.monotonic_ms();
    open_until_ms_ = open_since_ms_ + wait_ms / 2 + jitter_.upto(wait_ms / 2);
}

void Provider::on_probe_answered(uint64_t head) {
    needs_probe_ = false;
    probe_failures_ = 0;
    chain_strikes_ = 0;
    breaker_rounds_ = 0;
    open_until_ms_.reset();
    stats_.last_error.clear();
    on_head(head);
    told_head_.on_told(head, head_at_ms_);
}

void Provider::on_probe_failed() {
    failing_.reset();
    needs_probe_ = true;
    open_breaker(std::min(options_.breaker_ms_max,
                          options_.breaker_ms_first << std::min<uint32_t>(probe_failures_, 20)));
    ++probe_failures_;
}

void Provider::on_other_chain() {
    needs_probe_ = true;
    open_breaker(std::min(options_.chain_probe_ms_max,
                          options_.breaker_ms_first << std::min<uint32_t>(chain_strikes_, 20)));
    ++chain_strikes_;
}

void Provider::on_rate_limit(std::optional<int64_t> retry_after_ms, size_t calls, int64_t sent_ms,
                             bool has_logs) {
    const int64_t now = clock_.monotonic_ms();
    window_ = std::max(1.0, window_ / 2);
    // One that is down is sent a probe at a time, and is back as soon as one is answered.
    const int64_t base =
        std::min(open_until_ms_ ? kAloneProbeMs : options_.backoff_ms_max,
                 2 * options_.backoff_ms_first << std::min<uint32_t>(rate_limits_in_row_, 16));
    // Those that were out together are one limit, and a smaller batch is tried as soon as the last
    // one was.
    const bool is_of_last = limited_ms_ && sent_ms <= *limited_ms_;
    if (!batches_.on_vain_batch(calls, sent_ms, now, has_logs) && !is_of_last) {
        ++rate_limits_in_row_;
    }
    if (has_logs && !is_of_last) {
        const int64_t pause_ms =
            std::min(kLogsPauseMsMax,
                     options_.backoff_ms_first << std::min<uint32_t>(++log_limits_in_row_, 16));
        logs_free_at_ms_ = now + pause_ms / 2 + jitter_.upto(pause_ms / 2);
    }
    limited_ms_ = now;
    const int64_t wait = retry_after_ms ? std::min(*retry_after_ms, options_.retry_after_ms_max)
                                        : base / 2 + jitter_.upto(base / 2);
    wait_for(wait);
}

void Provider::wait_for(int64_t ms) {
    const int64_t now = clock_.monotonic_ms();
    if (now >= wait_until_ms_) {
        wait_since_ms_ = now;
    }
    wait_until_ms_ = std::max(wait_until_ms_, now + ms);
}

void Provider::park(int64_t ms) {
    parked_since_ms_ = clock_.monotonic_ms();
    parked_until_ms_ = parked_since_ms_ + ms;
}

void Provider::shorten_wait(int64_t wait_ms_max) {
    wait_until_ms_ = std::min(wait_until_ms_, wait_since_ms_ + wait_ms_max);
    if (parked_until_ms_) {
        parked_until_ms_ = std::min(*parked_until_ms_, parked_since_ms_ + wait_ms_max);
    }
}

void Provider::shorten_probe_pause(int64_t pause_ms_max) {
    // One of another chain is asked for nothing else: that it is down keeps nobody waiting.
    if (open_until_ms_ && chain_strikes_ == 0) {
        open_until_ms_ =
            std::min(*open_until_ms_, open_since_ms_ + std::min(pause_ms_max, kAloneProbeMs));
    }
}

bool Provider::is_back_within(int64_t ms) const {
    const int64_t now = clock_.monotonic_ms();
    return is_usable_at(now) && wait_until_ms_ <= now + ms;
}

void Provider::on_lie(bool others_can_serve) {
    ++stats_.lies;
    if (others_can_serve && stats_.lies > options_.lies_tolerated) {
        park(options_.lie_park_ms);
    }
}

bool Provider::on_billing() {
    park(options_.billing_park_ms);
    down_told_ = true;
    return !std::exchange(billing_, true);
}

void Provider::on_billing_doubt() {
    if (!open_until_ms_) {
        needs_probe_ = true;
        open_since_ms_ = clock_.monotonic_ms();
        open_until_ms_ = open_since_ms_;
    }
}

bool Provider::on_odd_logs(const evm::BlockRange& range) {
    const bool is_part = odd_range_ && range.from >= odd_range_->from && range.to <= odd_range_->to;
    if (is_part && range.size() > 1) {
        return false;
    }
    if (!is_part) {
        odd_range_ = range;
    }
    return odd_logs_.on_refused(range.from, {}, clock_.monotonic_ms());
}

/// One log alone cannot.
void Provider::on_sound_logs(uint64_t block_num, size_t count) {
    if (count > 1) {
        odd_logs_.on_answered(block_num);
    }
}

std::optional<uint64_t> Provider::take_fault_notice() {
    ++faults_untold_;
    const int64_t now = clock_.monotonic_ms();
    if (fault_told_ms_ && now - *fault_told_ms_ < kFaultLineMs) {
        return std::nullopt;
    }
    fault_told_ms_ = now;
    return std::exchange(faults_untold_, 0);
}

bool Provider::take_down_notice() {
    const int64_t now = clock_.monotonic_ms();
    if (is_up_at(now) || down_told_ || (down_told_ms_ && now - *down_told_ms_ < kDownLineMs)) {
        return false;
    }
    down_told_ = true;
    down_told_ms_ = now;
    return true;
}

bool Provider::take_back_notice() {
    return std::exchange(down_told_, false);
}

void Provider::on_head(uint64_t block_num) {
    stats_.head = block_num;
    head_at_ms_ = clock_.monotonic_ms();
}

void Provider::on_vain_head(uint64_t known) {
    told_head_.forget();
    on_head(known);
}

void Provider::on_behind(uint64_t block_num) {
    const int64_t now = clock_.monotonic_ms();
    if (told_head_.holds(block_num, now)) {
        told_head_.on_lacked(block_num, now);
    }
    if (block_num > 0 && (!stats_.head || *stats_.head >= block_num)) {
        on_head(block_num - 1);
    }
}

bool Provider::is_behind(uint64_t block_num) const {
    return is_behind_at(block_num, clock_.monotonic_ms());
}

bool Provider::is_behind_at(uint64_t block_num, int64_t now) const {
    return stats_.head && *stats_.head < block_num && now - head_at_ms_ < options_.head_stale_ms &&
           !told_head_.holds(block_num, now);
}

bool Provider::needs_head_refresh(uint64_t block_num) const {
    return stats_.head && *stats_.head < block_num && !is_behind(block_num) && !has_told(block_num);
}

void Provider::on_too_many_addresses(size_t addresses, std::optional<uint64_t> told) {
    const uint64_t half = std::max<uint64_t>(1, addresses / 2);
    const uint64_t next = told && *told >= 1 && *told < addresses ? *told : half;
    addresses_max_ = static_cast<uint32_t>(std::min<uint64_t>(addresses_max_, next));
}

Provider::OfFilter& Provider::of_filter(const LogFilter& filter) {
    const uint64_t key = filter_class(filter);
    if (of_filters_.size() >= kFilterClassesMax && !of_filters_.contains(key)) {
        of_filters_.clear();
    }
    last_class_ = key;
    return of_filters_.try_emplace(key, OfFilter{RangeController{options_.range, clock_}, {}})
        .first->second;
}

std::string Provider::standing() const {
    const ProviderStats known = stats();
    return known.name + ": " + known.state +
           (known.last_error.empty() ? "" : ", " + known.last_error);
}

ProviderStats Provider::stats() const {
    ProviderStats out = stats_;
    const int64_t now = clock_.monotonic_ms();
    out.in_flight = in_flight_;
    if (unanswered_since_ms_) {
        out.silent_ms = now - *unanswered_since_ms_;
    }
    out.window = window_;
    out.batch_max = batch_max();
    if (last_class_) {
        if (const auto found = of_filters_.find(*last_class_); found != of_filters_.end()) {
            out.blocks_cap = found->second.ranges.cap();
        }
    }
    out.usable = is_usable_at(now) && !billing_;
    if (without_logs_.is_known() || pruned_.is_known()) {
        out.limitation = refused_blocks_text_;
    }
    if (odd_logs_.is_known()) {
        out.oddity = oddity_;
    }
    if (chain_strikes_ > 0 || is_apart_) {
        out.state = "other chain";
    } else if (billing_) {
        out.state = "refused";  // Also while a probe is to show whether that is over.
    } else if (is_parked(now)) {
        out.state = "lied";
    } else if (open_until_ms_ && limited_ms_.value_or(-1) <= open_since_ms_) {
        out.state = "down";
    } else if (open_until_ms_ || now < wait_until_ms_) {
        out.state = "rate limited";  // In answer to a probe, it is there.
    } else {
        out.state = stats_.chain_id ? "ok" : "starting";
    }
    return out;
}

}  // namespace plumbline::rpc
