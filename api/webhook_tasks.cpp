#include "api/webhook_tasks.hpp"

#include <algorithm>
#include <utility>

#include "core/base/logging.hpp"

namespace plumbline::api {

WebhookTasks::WebhookTasks(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        webhooks_.push_back({name, std::nullopt});
    }
}

bool WebhookTasks::has_all(uint64_t newest) const {
    return std::ranges::all_of(webhooks_,
                               [newest](const Webhook& webhook) { return webhook.seen == newest; });
}

bool WebhookTasks::add(engine::WorkQueue& queue, uint64_t newest) {
    for (Webhook& webhook : webhooks_) {
        if (webhook.seen != newest && add_one(queue, webhook.task)) {
            webhook.seen = newest;
        }
    }
    return has_all(newest);
}

/// False where it has none that is sure to look after now.
bool WebhookTasks::add_one(engine::WorkQueue& queue, const std::string& name) {
    engine::TaskSpec spec;
    spec.kind = name;
    spec.name = name;
    spec.origin = "webhook";
    spec.attempts_max = engine::kAttemptsUnlimited;
    if (const std::optional<engine::TaskRow> last = queue.newest(name)) {
        if (last->state == engine::TaskState::kRunning) {
            return false;  // It may have looked before the news came.
        }
        if (last->state == engine::TaskState::kWaiting) {
            return true;  // In its time: a receiver that is down is not asked at every block.
        }
        spec.args = last->args;
    }
    const auto added = queue.add(std::move(spec));
    if (!added) {
        logging::debug("a webhook has to wait", {{"task", name}, {"why", added.error().message}});
    }
    return added.has_value();
}

}  // namespace plumbline::api
