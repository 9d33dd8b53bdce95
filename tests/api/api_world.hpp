// What the API's tests share: a small real database, a context that answers as the service would,
// and a work queue in memory.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/routes/router.hpp"
#include "tests/engine/fold/fold_world.hpp"

namespace plumbline::api::test {

using engine::test::abi_json;
using engine::test::Abis;
using engine::test::acc;
using engine::test::Emitted;
using engine::test::Mapping;
using engine::test::num;
using engine::test::World;
using storage::test::message_of;

inline constexpr const char* kToken = "a-token-for-tests";

inline Abis hub_abis() {
    return {{"hub.json", abi_json({"event Joined(address indexed who, uint256 room, string name)",
                                   "event Scored(address indexed who, uint64 points)",
                                   "event Left(address indexed who, uint256 room)"})}};
}

inline constexpr std::string_view kHubToml = R"(
[contracts.hub]
abi = "hub.json"
address = "0x00000000000000000000000000000000000000aa"

[entities.user]
key = { account = "address" }
fields = { name = "string", points = "uint64", joined_block = "uint64" }
index = [["points"], ["joined_block", "points"]]

[entities.seat]
key = { room = "uint256", who = "address" }
fields = { since = "uint64" }
index = [["who"]]

[[on]]
event = "hub.Joined"
upsert = "user"
key = { account = "who" }
set = { name = "name", joined_block = "$block.number" }

[[on]]
event = "hub.Joined"
upsert = "seat"
key = { room = "room", who = "who" }
set = { since = "$block.timestamp" }

[[on]]
event = "hub.Scored"
update = "user"
key = { account = "who" }
add = { points = "points" }

[[on]]
event = "hub.Left"
delete = "seat"
key = { room = "room", who = "who" }
)";

class MemoryTasks final : public TaskControl {
  public:
    [[nodiscard]] Result<std::vector<storage::TaskRow>> list_tasks() const override {
        const std::scoped_lock lock{mutex_};
        return tasks_;
    }
    [[nodiscard]] Result<storage::TaskRow> add_task(const TaskRequest& request) override {
        if (request.kind.empty()) {
            return Error{ErrorCode::kInvalidArgument, "no kind"};
        }
        const std::scoped_lock lock{mutex_};
        ++changes;
        storage::TaskRow task;
        task.id = tasks_.size() + 1;
        task.kind = request.kind;
        task.args = request.args;
        task.origin = "api";
        tasks_.push_back(task);
        return task;
    }
    [[nodiscard]] Result<storage::TaskRow> cancel_task(uint64_t id) override {
        return set(id, storage::TaskState::kCancelled);
    }
    [[nodiscard]] Result<storage::TaskRow> retry_task(uint64_t id) override {
        return set(id, storage::TaskState::kWaiting);
    }
    [[nodiscard]] Result<uint64_t> clear_tasks(const std::string&) override {
        const std::scoped_lock lock{mutex_};
        ++changes;
        const uint64_t count = tasks_.size();
        tasks_.clear();
        return count;
    }

    int changes = 0;

  private:
    Result<storage::TaskRow> set(uint64_t id, storage::TaskState state) {
        const std::scoped_lock lock{mutex_};
        if (id == 0 || id > tasks_.size()) {
            return Error{ErrorCode::kNotFound, "no such task"};
        }
        ++changes;
        tasks_[id - 1].state = state;
        return tasks_[id - 1];
    }
    mutable std::mutex mutex_;
    std::vector<storage::TaskRow> tasks_;
};

class TestContext final : public ApiContext {
  public:
    explicit TestContext(std::shared_ptr<const engine::Plan> plan) : plan_{std::move(plan)} {
        now.state = engine::Lifecycle::kLive;
        now.is_ready = true;
        rpc::ProviderStats provider;
        provider.name = "one";
        provider.state = "ok";
        now.providers.push_back(provider);
    }
    [[nodiscard]] storage::Database* database() const override { return shown; }
    [[nodiscard]] std::shared_ptr<const engine::Plan> plan() const override { return plan_; }
    [[nodiscard]] engine::ServiceStatus status() const override { return now; }
    [[nodiscard]] std::string metrics_text() const override { return "plumbline_up 1\n"; }
    [[nodiscard]] TaskControl* tasks() const override { return &queue; }
    [[nodiscard]] const Clock& clock() const override { return system_clock(); }

    storage::Database* shown = nullptr;
    engine::ServiceStatus now;
    mutable MemoryTasks queue;

  private:
    std::shared_ptr<const engine::Plan> plan_;
};

/// Ten users in three rooms, points by number; blocks 1 to 12.
inline void fill(World& world, const Mapping& mapping) {
    for (uint64_t i = 1; i <= 10; ++i) {
        world.block(
            i, {mapping.emit("hub.Joined",
                             {acc(i), num(i % 3), engine::test::text("user " + std::to_string(i))},
                             i, 0),
                mapping.emit("hub.Scored", {acc(i), num(i % 4)}, i, 3)});
    }
    world.block(11, {mapping.emit("hub.Left", {acc(1), num(1)}, 11, 0),
                     mapping.emit("hub.Scored", {acc(99), num(1)}, 11, 1)});
    world.block(12, {});
    world.commit();
}

/// A whole API over a filled database.
struct ApiWorld {
    explicit ApiWorld(RouterOptions options = {.token = kToken})
        : mapping{kHubToml, hub_abis()},
          world{mapping},
          context{mapping.plan},
          router{context, with_report(std::move(options))} {
        fill(world, mapping);
        context.shown = world.database.get();
    }
    static RouterOptions with_report(RouterOptions options) {
        Report seats;
        seats.name = "seats";
        seats.entity = 1;
        options.reports.push_back(std::move(seats));
        return options;
    }
    Response send(std::string method, std::string target, std::string token = {},
                  std::string body = {}) {
        return router.handle({std::move(method), std::move(target),
                              token.empty() ? "" : "Bearer " + token, std::move(body)});
    }
    nlohmann::json get(const std::string& target, unsigned status = 200) {
        const Response answer = send("GET", target);
        EXPECT_EQ(answer.status, status) << target << ": " << answer.body;
        auto body = nlohmann::json::parse(answer.body, nullptr, false);
        EXPECT_FALSE(body.is_discarded()) << target << ": " << answer.body;
        return body;
    }

    Mapping mapping;
    World world;
    TestContext context;
    Router router;
};

}  // namespace plumbline::api::test
