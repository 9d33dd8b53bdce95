// Which webhooks have their task for the newest message of the stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/task/work_queue.hpp"

namespace plumbline::api {

/// One thread.
class WebhookTasks {
  public:
    /// `names`: of the tasks, which are their kinds too.
    explicit WebhookTasks(const std::vector<std::string>& names);

    /// Nothing is to be done for message `newest`.
    [[nodiscard]] bool has_all(uint64_t newest) const;
    /// Adds a task for each webhook that lacks one for message `newest`. False where one could not
    /// get it now and must get it soon; those that have it are left alone then.
    [[nodiscard]] bool add(engine::WorkQueue& queue, uint64_t newest);

  private:
    struct Webhook {
        std::string task;
        std::optional<uint64_t> seen;  ///< the newest message for which it has its task
    };
    [[nodiscard]] static bool add_one(engine::WorkQueue& queue, const std::string& name);

    std::vector<Webhook> webhooks_;
};

}  // namespace plumbline::api
