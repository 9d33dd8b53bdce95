#include "api/webhook_troubles.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/text/duration.hpp"

namespace plumbline::api {

namespace {

/// A receiver that starts anew misses a post or two; that is no reason yet.
constexpr int64_t kLastsMs = 10'000;
constexpr size_t kToldMax = 8;

}  // namespace

void WebhookTroubles::recall(std::string_view webhook, int64_t since_ms, std::string answer) {
    open_.try_emplace(std::string{webhook}, Trouble{since_ms, std::move(answer), {}});
}

bool WebhookTroubles::failed(std::string_view webhook, const std::string& answer,
                             int64_t begun_ms) {
    Trouble& trouble =
        open_.try_emplace(std::string{webhook}, Trouble{begun_ms, {}, {}}).first->second;
    trouble.answer = answer;
    if (std::ranges::find(trouble.told, answer) != trouble.told.end() ||
        trouble.told.size() == kToldMax) {
        return false;
    }
    trouble.told.push_back(answer);
    return true;
}

std::optional<int64_t> WebhookTroubles::taken(std::string_view webhook, int64_t now_ms) {
    const auto found = open_.find(webhook);
    if (found == open_.end()) {
        return std::nullopt;
    }
    const int64_t lasted = std::max<int64_t>(0, now_ms - found->second.since_ms);
    open_.erase(found);
    return lasted;
}

std::vector<std::string> WebhookTroubles::reasons(int64_t now_ms) const {
    std::vector<std::string> out;
    for (const auto& [name, trouble] : open_) {
        if (const int64_t lasts = now_ms - trouble.since_ms; lasts >= kLastsMs) {
            out.push_back(fmt::format("webhook {} takes nothing for {}: {}", name,
                                      engine::format_duration(lasts / 1'000), trouble.answer));
        }
    }
    return out;
}

}  // namespace plumbline::api
