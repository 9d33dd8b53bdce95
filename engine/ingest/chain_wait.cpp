#include "engine/ingest/chain_wait.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/text/duration.hpp"
#include "rpc/error_text.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kReasonsMax = 64;
constexpr size_t kKeyBytesMax = 300;
constexpr int64_t kNewsMs = 600'000;

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

std::string reason_key(std::string_view reason) {
    std::string out;
    for (size_t i = 0; i < reason.size() && out.size() < kKeyBytesMax;) {
        if (!is_word(reason[i])) {
            out += reason[i++];
            continue;
        }
        const size_t begin = i;
        bool has_digit = false;
        for (; i < reason.size() && is_word(reason[i]); ++i) {
            has_digit |= reason[i] >= '0' && reason[i] <= '9';
        }
        // Ids are words with digits in them; so are the words that are one and the same each time,
        // which cost nothing to lose.
        out += has_digit ? std::string_view{"#"} : reason.substr(begin, i - begin);
    }
    return out;
}

bool ReasonLog::is_new(std::string key, int64_t now_ms) {
    if (const auto known = seen_.find(key); known != seen_.end()) {
        const int64_t last = std::exchange(known->second, now_ms);
        return now_ms - last >= kNewsMs;
    }
    if (seen_.size() >= kReasonsMax) {
        seen_.erase(std::min_element(seen_.begin(), seen_.end(), [](const auto& a, const auto& b) {
            return a.second < b.second;
        }));
    }
    seen_.emplace(std::move(key), now_ms);
    return true;
}

bool Calm::ends(std::optional<int64_t> since_ms, int64_t now_ms) {
    if (!since_ms) {
        since_ms_ = since_ms_.value_or(now_ms);
        return false;
    }
    const std::optional<int64_t> calm_since = std::exchange(since_ms_, std::nullopt);
    return calm_since && *since_ms - *calm_since >= kMs;
}

void ChainWait::trouble(const Error& error, std::string_view doing) {
    const int64_t now = clock_.monotonic_ms();
    std::string text = fmt::format("{}: {}", doing, error.message);
    const bool is_news = reasons_.is_new(reason_key(text), now);
    // The newest word may be that the chain answers again, which is not true for long.
    const int64_t since = progress_.waiting_since_ms;
    const bool is_hidden = !is_told_ && since >= 0 && now - since >= kWaitToTellMs;
    if (is_news || is_hidden) {
        is_told_ = true;
        logging::warning(fmt::format("{}; trying again", text), {{"error", to_string(error.code)}});
    }
    wait(now, std::move(text));
    progress_.has_trouble = true;
}

void ChainWait::wait(int64_t since_ms, std::string text) {
    int64_t none = -1;
    progress_.waiting_since_ms.compare_exchange_strong(none, since_ms);
    progress_.waiting_for.set(std::move(text));
}

void ChainWait::over() {
    const int64_t now = clock_.monotonic_ms();
    progress_.answered_ms = now;
    const int64_t since = progress_.waiting_since_ms.exchange(-1);
    if (since < 0) {
        return;
    }
    progress_.has_trouble = false;
    progress_.waiting_for.set({});
    if (std::exchange(is_told_, false)) {
        logging::info("the chain answers again");
    }
    if (now - since >= kWaitToTellMs) {
        reasons_.forget();  // The next time is another one.
    }
}

std::string describe_wait(const rpc::OpenWait& wait) {
    std::string out = wait.provider.empty() ? "" : wait.provider + ": ";
    out += wait.method;
    if (wait.range) {
        out += " of " + rpc::name_blocks(*wait.range);
    }
    const std::string asked = wait.attempts == 0   ? "not asked yet"
                              : wait.attempts == 1 ? "asked once"
                                                   : fmt::format("asked {} times", wait.attempts);
    return out + fmt::format(", for {}, {}: {}", format_duration(wait.waiting_ms / 1000), asked,
                             wait.reason);
}

}  // namespace plumbline::engine
