// What the API's tests share: a small real database with a real work queue, and a context whose
// status the test sets.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/routes/router.hpp"
#include "engine/service/readiness.hpp"
#include "engine/task/proof_tasks.hpp"
#include "engine/task/tasks.hpp"
#include "engine/task/work_queue.hpp"
#include "engine/task/worker.hpp"
#include "storage/task_store.hpp"
#include "tests/support/small_index.hpp"

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

class TestContext final : public ApiContext {
  public:
    explicit TestContext(std::shared_ptr<const engine::Plan> plan) : plan_{std::move(plan)} {
        engine::add_standard_tasks(kinds_);
        engine::add_proof_tasks(kinds_, nullptr);
        kinds_.add({"webhook.app", "", "", nullptr, engine::TaskLane::kDelivery});
        now.state = engine::Lifecycle::kLive;
        now.has_database = true;
        now.progress.lag = 0;
        now.unready = engine::find_unready(now);
        rpc::ProviderStats provider;
        provider.name = "one";
        provider.state = "ok";
        now.providers.push_back(provider);
    }
    [[nodiscard]] storage::Database* database() const override { return shown; }
    [[nodiscard]] std::shared_ptr<const engine::Plan> plan() const override { return plan_; }
    [[nodiscard]] engine::ServiceStatus status() const override {
        return looks++ == 0 && before ? *before : now;
    }
    [[nodiscard]] std::optional<evm::Header> find_header(const evm::Hash& hash) const override {
        const auto found = std::ranges::find(headers, hash, &evm::Header::hash);
        return found == headers.end() ? std::nullopt : std::optional{*found};
    }
    [[nodiscard]] std::string metrics_text() const override { return "plumbline_up 1\n"; }
    [[nodiscard]] engine::WorkQueue* queue() const override { return shown_queue; }
    [[nodiscard]] Result<engine::TaskAdded> add_task(engine::TaskSpec spec) const override {
        PLUMBLINE_TRY_VOID(kinds_.check(spec.kind));
        return shown_queue->add(std::move(spec));
    }
    [[nodiscard]] const Clock& clock() const override { return system_clock(); }

    storage::Database* shown = nullptr;
    engine::WorkQueue* shown_queue = nullptr;
    engine::ServiceStatus now;
    std::optional<engine::ServiceStatus> before;  ///< what the first look finds
    mutable std::atomic<int> looks{0};
    std::vector<evm::Header> headers;

  private:
    engine::TaskKinds kinds_;
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
    explicit ApiWorld(RouterOptions options = {.token = kToken}, std::string_view toml = kHubToml,
                      engine::test::Pace pace = {})
        : mapping{toml, hub_abis()},
          world{mapping, pace},
          context{mapping.plan},
          router{context, with_report(std::move(options))} {
        fill(world, mapping);
        store = std::make_unique<storage::TaskStore>(*world.database);
        queue = engine::WorkQueue::open(*store, system_clock()).value();
        context.shown = world.database.get();
        context.shown_queue = queue.get();
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
    std::unique_ptr<storage::TaskStore> store;
    std::unique_ptr<engine::WorkQueue> queue;  ///< nobody runs what is in it
    TestContext context;
    Router router;
};

}  // namespace plumbline::api::test
