#include "engine/service/wait_watch.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/ingest/silence_advice.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kWaitsMax = 8;
constexpr size_t kErrorsMax = 3;
/// What a late answer brings may take as long to be seen.
constexpr int64_t kAnswerSeenMs = 5'000;
/// Heads are asked for more often, whatever else is done.
constexpr int64_t kHeadsSilentMs = 30'000;
/// A head below our last block is no late answer, which may come any moment.
constexpr int64_t kLowerHeadTellMs = 5'000;
/// A wait of a kind that came and went is a line once more where it lasts so long.
constexpr int64_t kHiddenTellMs = 30'000;
constexpr std::string_view kChainWait = "waiting for the chain: ";
/// Below it the next table file may find no room. Of a small disk a part is enough: whoever has
/// made room there has made what there is to be made.
constexpr uint64_t kDiskFreeMin = uint64_t{4} << 20U;
constexpr uint64_t kDiskFreePart = 16;

/// What is wrong with it; empty: it answers.
std::string ailment_of(const rpc::ProviderStats& provider) {
    if (!provider.last_error.empty()) {
        return provider.last_error;
    }
    return provider.silent_ms
               ? fmt::format("no answer for {}", format_duration(*provider.silent_ms / 1000))
               : "";
}

/// "; NAME: what is wrong with it" of the first providers that do not work; of each that it
/// answers, where none is out of order.
std::string describe_providers(const std::vector<rpc::ProviderStats>& providers) {
    const bool is_any_ill = std::ranges::any_of(
        providers, [](const rpc::ProviderStats& one) { return !ailment_of(one).empty(); });
    std::string out;
    size_t count = 0;
    for (const rpc::ProviderStats& provider : providers) {
        const std::string ailment = ailment_of(provider);
        if ((!is_any_ill || !ailment.empty()) && count++ < kErrorsMax) {
            out += fmt::format("; {}: {}{}", provider.name, is_any_ill ? ailment : "answers",
                               is_any_ill || provider.last_refusal.empty()
                                   ? ""
                                   : ", but last said of " + provider.last_refusal);
        }
    }
    return out;
}

/// "; NAME: tells block 5" of the first.
std::string describe_heads(const std::vector<rpc::ProviderStats>& providers) {
    std::string out;
    for (size_t i = 0; i < std::min(providers.size(), kErrorsMax); ++i) {
        const rpc::ProviderStats& one = providers[i];
        const std::string ailment = ailment_of(one);
        out += fmt::format("; {}: {}", one.name,
                           !ailment.empty() ? ailment
                           : one.head       ? fmt::format("tells block {}", *one.head)
                                            : "tells no head");
    }
    return out;
}

/// Nobody answers anything, be it with words.
bool is_chain_away(const std::vector<rpc::ProviderStats>& providers) {
    return !providers.empty() && std::ranges::all_of(providers, [](const auto& one) {
        return !one.usable || !ailment_of(one).empty();
    });
}

/// What is to be said of each is said of each, in a line of its own.
bool has_own_line(const rpc::ProviderStats& provider) {
    return !provider.usable;
}

/// What is waited for where nobody answers is one thing, and has one line: the first, without what
/// the providers' own lines say.
void keep_one_chain_wait(const std::vector<rpc::ProviderStats>& providers,
                         std::vector<std::string>& waits) {
    const auto is_of_chain = [](const std::string& text) { return text.starts_with(kChainWait); };
    const auto first = std::ranges::find_if(waits, is_of_chain);
    if (first == waits.end()) {
        return;
    }
    waits.erase(std::remove_if(first + 1, waits.end(), is_of_chain), waits.end());
    if (std::ranges::all_of(providers, has_own_line)) {
        first->resize(std::min(first->find("; "), first->size()));
    }
}

}  // namespace

void WaitWatch::find(ServiceStatus& status, int64_t now_ms) {
    status.waits = find_chain_waits(status.providers, now_ms);
    status.progress.is_waiting = status.progress.is_waiting || !status.waits.empty();
    add_head_waits(status);
    add_limitations(status);
    add_disk_wait(now_ms, status.waits);
}

/// That nothing is to be indexed yet; whose logs cannot be used; and, where the index is still on
/// its way, what a provider does not give, which makes it slow. The pool has told it in a line.
void WaitWatch::add_limitations(ServiceStatus& status) const {
    const uint64_t first = indexer_.progress().first_block;
    if (const auto head = status.progress.head_block; head && *head < first) {
        status.waits.push_back(fmt::format(
            "every start_block is above the chain's head, block {}: nothing is indexed before "
            "block {}",
            *head, first));
    }
    for (const rpc::ProviderStats& provider : status.providers) {
        if (!provider.oddity.empty() && status.waits.size() < kWaitsMax) {
            status.waits.push_back(fmt::format("provider {} {}", provider.name, provider.oddity));
        }
    }
    if (indexer_.progress().state.load() != Lifecycle::kBackfilling) {
        return;
    }
    for (const rpc::ProviderStats& provider : status.providers) {
        if (!provider.limitation.empty() && status.waits.size() < kWaitsMax) {
            status.waits.push_back(
                fmt::format("provider {} {}", provider.name, provider.limitation));
        }
    }
}

void WaitWatch::add_disk_wait(int64_t now_ms, std::vector<std::string>& out) const {
    const IngestProgress& progress = indexer_.progress();
    const int64_t since = progress.disk_waiting_since_ms;
    if (since >= 0 && now_ms - since >= kWaitToTellMs) {
        out.push_back(fmt::format(
            "waiting for the disk, which takes no writes for {}: {}; make room where {} lies, and "
            "it goes on by itself",
            format_duration((now_ms - since) / 1000), progress.disk_error.get(),
            indexer_.db_path()));
        return;
    }
    std::error_code error;
    const auto disk = std::filesystem::space(indexer_.db_path(), error);
    if (!error && disk.available < std::min(kDiskFreeMin, disk.capacity / kDiskFreePart)) {
        out.push_back(fmt::format(
            "the disk is {}full, {} KiB are free: commits stop once the files that are open have "
            "no room; make room where {} lies",
            disk.available == 0 ? "" : "nearly ", disk.available >> 10U, indexer_.db_path()));
    }
}

void WaitWatch::doubt_lag(ProgressNumbers& now, int64_t now_ms) const {
    const IngestProgress& progress = indexer_.progress();
    const int64_t since = progress.waiting_since_ms;
    const uint64_t lower = progress.lower_head;
    const uint64_t usual =
        indexer_.config().http ? indexer_.config().http->ready_lag : ServiceStatus{}.ready_lag;
    if (lower > 0 && since >= 0 && now_ms - since >= kLowerHeadTellMs &&
        lower + usual < now.next_block) {
        now.lag.reset();
    }
}

namespace {

std::string wait_key(const rpc::OpenWait& wait) {
    return wait.provider + ' ' + wait.method + ' ' + reason_key(wait.reason);
}

/// Since when something of the chain is waited for: questions that are late, a task, ingest since
/// `ingest_since_ms` (or -1). A proof may have given up while the chain is away all the same.
std::optional<int64_t> earliest_wait(const std::vector<rpc::OpenWait>& late, bool is_task_waiting,
                                     int64_t ingest_since_ms,
                                     const std::vector<rpc::ProviderStats>& providers,
                                     int64_t now_ms) {
    std::optional<int64_t> out;
    const auto add = [&out](int64_t since_ms) { out = std::min(out.value_or(since_ms), since_ms); };
    if (ingest_since_ms >= 0) {
        add(ingest_since_ms);
    }
    if (!late.empty()) {
        add(now_ms - late.front().waiting_ms);
    }
    if (is_task_waiting) {
        add(now_ms - kWaitToTellMs);
    }
    if (!providers.empty() && std::ranges::none_of(providers, &rpc::ProviderStats::usable)) {
        add(now_ms);
    }
    return out;
}

}  // namespace

/// What of the chain is waited for longer than is good, the longest first. Each new reason is a
/// line too.
std::vector<std::string> WaitWatch::find_chain_waits(
    const std::vector<rpc::ProviderStats>& providers, int64_t now_ms) {
    std::vector<std::string> out;
    const auto add = [&](const std::string& text) {
        if (out.size() < kWaitsMax) {
            out.push_back(std::string{kChainWait} + text);
        }
    };
    const std::vector<rpc::OpenWait> late = source_.waits(kWaitToTellMs);
    const std::string of_task = ear_.waiting_for();
    const IngestProgress& progress = indexer_.progress();
    const int64_t since = progress.waiting_since_ms;
    const std::optional<int64_t> waiting_since =
        earliest_wait(late, !of_task.empty(), since, providers, now_ms);
    if (calm_.ends(waiting_since, now_ms) && !is_told_) {
        told_.forget();  // An outage of its own, whatever the last one was told of.
    }
    // Where the newest word is that nothing is waited for, that is not true for long.
    const bool is_hidden = !is_told_ && waiting_since && now_ms - *waiting_since >= kHiddenTellMs;
    const auto tell = [&](std::string key, const std::string& text) {
        if (told_.is_new(std::move(key), now_ms) || is_hidden) {
            logging::warning("waiting for the chain", {{"why", text}});
            is_told_ = true;  // Its end is a line too, once.
        }
        add(text);
    };
    for (const rpc::OpenWait& wait : late) {
        late_ms_ = now_ms;
        tell(wait_key(wait), describe_wait(wait));
    }
    const uint64_t lower = progress.lower_head;
    if (lower > 0 && since >= 0 && now_ms - since >= kLowerHeadTellMs) {
        // Told by ingest when it came up.
        add(fmt::format("for {}: {}{}", format_duration((now_ms - since) / 1000),
                        progress.waiting_for.get(), describe_heads(providers)));
        is_told_ = true;
    }
    // Where the questions themselves say it, that they are open says nothing more.
    if (lower == 0 && since >= 0 && now_ms - since >= kWaitToTellMs &&
        (out.empty() || progress.has_trouble)) {
        const std::string text = progress.waiting_for.get();
        const std::string shown =
            fmt::format("for {}: {}", format_duration((now_ms - since) / 1000), text);
        // One that is nearly as old as the wait says who is to answer.
        const std::vector<rpc::OpenWait> open = source_.waits(kWaitToTellMs / 2);
        if (progress.has_trouble) {
            add(shown);  // Told when it came up.
        } else if (!open.empty()) {
            tell(wait_key(open.front()), describe_wait(open.front()));
        } else if (!late_ms_ || now_ms - *late_ms_ >= kAnswerSeenMs) {
            // No question is late by itself: whoever is asked answers, and nothing comes of it.
            tell(reason_key(text), shown + describe_providers(providers));
        }
    }
    if (!of_task.empty()) {
        tell("task " + reason_key(of_task), "a proof: " + of_task);
    }
    if (!waiting_since && std::exchange(is_told_, false)) {
        logging::info("nothing is waited for any more");
    }
    return out;
}

/// A head that nobody tells, or that is old.
void WaitWatch::add_head_waits(ServiceStatus& status) {
    std::vector<std::string>& out = status.waits;
    const uint64_t head = status.progress.head_block.value_or(0);
    const HeadAges& ages = status.progress.ages;
    // At the start what is waited for says more: which chain it is, and what each provider
    // answered.
    const bool is_away = status.state != Lifecycle::kStarting && is_chain_away(status.providers);
    if (is_away) {
        keep_one_chain_wait(status.providers, out);
    }
    if (ages.is_silent()) {
        if (is_away) {
            // What else is waited for has the same cause.
            std::erase_if(out, [](const std::string& one) { return one.starts_with(kChainWait); });
        }
        out.push_back(fmt::format(
            "no provider has told the chain's head for {} (ready_age: {}){}: {}",
            format_duration(ages.ready_ms / 1000), format_duration(ages.ready_max_ms / 1000),
            std::ranges::all_of(status.providers, has_own_line)
                ? ""
                : describe_providers(status.providers),
            advice_on_silence(status.providers)));
    }
    if (!is_away && !ages.is_silent() && ages.is_stale() && !ages.is_told_old() &&
        ages.ready_ms > kHeadsSilentMs) {
        out.push_back(fmt::format(
            "no provider has told the chain's head for {}, and the last one is too old by now "
            "(head_age: {}){}",
            format_duration(ages.ready_ms / 1000), format_duration(ages.head_max_ms / 1000),
            describe_providers(status.providers)));
    }
    if (is_away || indexer_.progress().lower_head > 0) {
        return;  // It is known why no newer one is told.
    }
    if (ages.is_told_old()) {
        out.push_back(fmt::format(
            "the chain's head, block {}, is {} old (head_age: {}){}{}", head,
            format_duration(*ages.head_ms / 1000), format_duration(ages.head_max_ms / 1000),
            ages.is_rising_old()
                ? " by this machine's clock, and new blocks come all the same: the clock is wrong, "
                  "or every provider is behind by as much"
                : ": the chain stands still, or every provider does, or this machine's clock is "
                  "wrong",
            describe_providers(status.providers)));
        if (!std::exchange(is_old_head_told_, true)) {
            logging::warning("the chain's head is old", {{"why", out.back()}});
        }
    } else if (!ages.is_stale() && std::exchange(is_old_head_told_, false)) {
        logging::info("the chain's head is old no longer", {{"head", head}});
    }
}

}  // namespace plumbline::engine
