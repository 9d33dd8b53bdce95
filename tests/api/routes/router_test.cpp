// The API without the network: every route, every mistake, the token.
#include <set>

#include "api/routes/proof_segments.hpp"
#include "engine/fold/rebuild.hpp"
#include "tests/api/api_world.hpp"

namespace plumbline::api::test::router_test {
namespace {

using nlohmann::json;

/// A path of the route's pattern that can be asked for.
std::string example_of(const Route& route) {
    std::string out{route.pattern};
    const auto put = [&out](const std::string& name, const std::string& value) {
        if (const size_t at = out.find(name); at != std::string::npos) {
            out.replace(at, name.size(), value);
        }
    };
    put("{name}", "user");
    put("{key}", engine::test::hex_of(3));
    put("{id}", "1");
    put("{report}", "seats");
    put("{contract}", "hub");
    put("{event}", "Scored");
    if (route.id == "ponder_db" || route.id == "ponder_live") {
        // {"json":{"sql":"select $1","params":["1"]}}
        out +=
            "?sql=%7B%22json%22%3A%7B%22sql%22%3A%22select%20%241%22%2C%22params%22%3A%5B%221%22"
            "%5D%7D%7D";
    }
    return out;
}

class RouterTest : public testing::Test {
  protected:
    void record(const storage::ProofRecord& row) {
        const auto cursor = *api.world.database->cursor();
        const auto batch = api.world.database->make_batch();
        batch->record_proof(row);
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        ASSERT_TRUE(api.world.database->commit(*batch, storage::Durability::kSync).has_value());
    }
    ApiWorld api;
};

TEST_F(RouterTest, EveryRouteThatReadsAnswers) {
    for (const Route& route : routes()) {
        if (route.changes || route.id == "stream") {
            continue;
        }
        const Response answer = api.send(std::string{route.method}, example_of(route), {},
                                         route.body.empty() ? "" : R"({"sql":"select 1"})");
        EXPECT_EQ(answer.status, 200U) << route.pattern << ": " << answer.body;
        EXPECT_FALSE(answer.body.empty()) << route.pattern;
    }
}

TEST_F(RouterTest, NothingChangesWithoutTheToken) {
    int seen = 0;
    for (const Route& route : routes()) {
        if (route.method == "GET") {
            EXPECT_FALSE(route.changes) << route.pattern << ": GET never changes anything";
            continue;
        }
        if (route.id == "sql" || route.id == "rpc") {
            continue;  // Questions too long for an address; they read only.
        }
        EXPECT_TRUE(route.changes) << route.pattern << ": whatever is not GET needs the token";
        ++seen;
        const std::string target = example_of(route);
        const std::string body = R"({"kind":"scrub"})";
        const std::string method{route.method};
        for (const std::string& authorization :
             {std::string{}, std::string{"Bearer "}, std::string{"Bearer wrong"},
              "Bearer " + std::string{kToken} + "x", std::string{kToken},
              "Bearer  " + std::string{kToken}, "Basic " + std::string{kToken},
              "Bearer " + std::string{kToken}.substr(1)}) {
            const Response answer = api.router.handle({method, target, authorization, body});
            EXPECT_EQ(answer.status, 401U) << route.pattern << " with '" << authorization << "'";
            // Whoever has sent one is told that it is the wrong one.
            EXPECT_EQ(answer.body.find("the token is wrong") != std::string::npos,
                      authorization.starts_with("Bearer "))
                << answer.body;
        }
    }
    EXPECT_GE(seen, 4);
    EXPECT_EQ(api.queue->list().size(), 0U);
}

TEST_F(RouterTest, TheSchemeHasNoCase) {
    for (const char* scheme : {"bearer ", "BEARER ", "BeArEr "}) {
        EXPECT_EQ(
            api.router
                .handle({"POST", "/v1/tasks", scheme + std::string{kToken}, R"({"kind":"scrub"})"})
                .status,
            202U)
            << scheme;
    }
}

TEST_F(RouterTest, WhatReadsAsManyRowsAsThereAreIsAScanAndWhatWatchesAProbe) {
    EXPECT_EQ(Router::cost("GET", "/v1/health"), RouteCost::kProbe);
    EXPECT_EQ(Router::cost("HEAD", "/v1/ready"), RouteCost::kProbe);
    EXPECT_EQ(Router::cost("GET", "/metrics"), RouteCost::kProbe);
    for (const char* target :
         {"/v1/events?param.name=nobody", "/v1/entities/user", "/v1/entities/user/x/history",
          "/v1/entities/user/x?at=5", "/v1/conflicts", "/v1/journal", "/v1/analytics/seats",
          "/v1/quarantine", "/v1/chain"}) {
        EXPECT_EQ(Router::cost("GET", target), RouteCost::kScan) << target;
    }
    for (const char* target : {"/v1/entities/user/x", "/v1/status", "/", "/nowhere", "%zz", ""}) {
        EXPECT_EQ(Router::cost("GET", target), RouteCost::kQuick) << target;
    }
    EXPECT_EQ(Router::cost("POST", "/v1/tasks"), RouteCost::kQuick);
    EXPECT_EQ(Router::cost("POST", "/rpc"), RouteCost::kRpc);
    EXPECT_EQ(Router::cost("GET", "/sql/db?sql=x"), RouteCost::kScan);
}

TEST_F(RouterTest, NoMethodOnAnyAddressChangesAnythingWithoutTheToken) {
    const auto commit_before = api.world.database->cursor()->commit_num;
    for (const Route& route : routes()) {
        for (const std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
                                         "TRACE", "CONNECT", "get", "post", "BREW", ""}) {
            for (const std::string token : {"", "wrong"}) {
                for (const std::string body :
                     {"", R"({"kind":"scrub"})", R"({"proof":"replay"})"}) {
                    const Response answer = api.send(method, example_of(route), token, body);
                    // Whatever is asked in SQL or by JSON-RPC is only read.
                    const bool reads = method == "GET" || method == "HEAD" ||
                                       (method == "POST" &&
                                        (route.pattern == "/v1/sql" || route.pattern == "/rpc"));
                    EXPECT_TRUE(reads || answer.status == 401 || answer.status == 405)
                        << method << " " << route.pattern << " said " << answer.status;
                }
            }
        }
    }
    EXPECT_EQ(api.queue->list().size(), 0U);
    EXPECT_EQ(api.world.database->cursor()->commit_num, commit_before);
    // With the token each of them does what it is for.
    for (const Route& route : routes()) {
        if (route.changes) {
            const unsigned status = api.send(std::string{route.method}, example_of(route), kToken,
                                             route.body.empty() ? "" : R"({})")
                                        .status;
            EXPECT_TRUE(status != 401 && status != 403 && status != 405) << route.pattern;
        }
    }
    EXPECT_GT(api.queue->list().size(), 0U);
}

TEST_F(RouterTest, WithoutAConfiguredTokenNothingChangesAtAll) {
    ApiWorld open{RouterOptions{}};
    for (const Route& route : routes()) {
        if (!route.changes) {
            continue;
        }
        for (const char* authorization : {"", "Bearer ", "Bearer x"}) {
            const Response answer = open.router.handle(
                {std::string{route.method}, example_of(route), authorization, ""});
            EXPECT_EQ(answer.status, 403U) << route.pattern;
        }
    }
    EXPECT_EQ(open.queue->list().size(), 0U);
}

TEST_F(RouterTest, TokensAreComparedWhole) {
    EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
    EXPECT_TRUE(equal_in_constant_time("", ""));
    for (const char* wrong : {"", "ab", "abd", "abcabc", "abca", "Abc"}) {
        EXPECT_FALSE(equal_in_constant_time(wrong, "abc")) << wrong;
    }
}

TEST_F(RouterTest, EveryAnswerFromTheIndexNamesItsBlockAndProof) {
    for (const char* target : {"/v1/entities", "/v1/entities/user", "/v1/events", "/v1/stats",
                               "/v1/chain", "/v1/status", "/v1/quarantine"}) {
        const json body = api.get(target);
        EXPECT_EQ(body["block"]["number"], 12) << target;
        EXPECT_EQ(body["block"]["hash"], evm::to_hex(storage::test::hash_of(12))) << target;
        EXPECT_TRUE(body["proof"]["level"].is_string()) << target;
    }
}

TEST_F(RouterTest, RowsThatAreOwedAFoldHaveNoLevel) {
    const auto commit = [this](const std::function<void(storage::CommitBatch&)>& fill) {
        const auto cursor = *api.world.database->cursor();
        const auto batch = api.world.database->make_batch();
        fill(*batch);
        batch->set_cursor(cursor.block_num, cursor.block_hash, cursor.timestamp);
        ASSERT_TRUE(api.world.database->commit(*batch, storage::Durability::kSync).has_value());
    };
    commit([this](storage::CommitBatch& batch) {
        batch.extend_coverage({api.mapping.plan->sources()[0].fingerprint,
                               {0, 12},
                               "one",
                               storage::ProofLevel::kReceipts});
    });
    EXPECT_EQ(api.get("/v1/entities/user")["proof"]["level"], "receipts");
    EXPECT_EQ(api.get("/v1/entities/user")["proof"]["proven_through"], 12);
    EXPECT_EQ(api.get("/v1/status")["proven"], json::parse(R"({"block":12,"level":"receipts"})"));
    commit([](storage::CommitBatch& batch) { batch.require_refold(); });
    EXPECT_EQ(api.get("/v1/entities/user")["proof"]["level"], "none");
    EXPECT_EQ(api.get("/v1/entities/user")["proof"]["proven_through"], 0);
    EXPECT_TRUE(api.get("/v1/status")["proven"].is_null());
    ASSERT_TRUE(engine::rebuild(*api.world.database, api.mapping.plan).has_value());
    EXPECT_EQ(api.get("/v1/entities/user")["proof"]["level"], "receipts");
}

TEST_F(RouterTest, AnswersCarryWhatIsKnownToBeWrongInWhatTheyAreMadeOf) {
    EXPECT_FALSE(api.get("/v1/entities/user")["proof"].contains("mismatches"));
    storage::ProofRecord known;
    known.proof = "log_known";
    known.detail = "3 3 0 0 no header\n5 5 2 0 \n7 7 1 0 ";
    record(known);
    storage::ProofRecord state;
    state.proof = "state";
    state.entity = "user";
    state.block_num = 12;
    state.mismatches = 4;
    record(state);
    const json expected = json::parse(
        R"([{"proof":"log","block":5,"count":3},
            {"proof":"state","entity":"user","block":12,"count":4}])");
    for (const char* target : {"/v1/entities/user", "/v1/events", "/v1/chain", "/v1/status"}) {
        EXPECT_EQ(api.get(target)["proof"]["mismatches"], expected) << target;
    }
    known.detail.clear();
    record(known);
    state.mismatches = 0;
    record(state);
    EXPECT_FALSE(api.get("/v1/entities/user")["proof"].contains("mismatches"));
}

TEST_F(RouterTest, TheStatusTellsWhetherAnythingCanBeChangedAtAll) {
    EXPECT_EQ(api.get("/v1/status")["takes_changes"], true);
    ApiWorld without{RouterOptions{}};
    EXPECT_EQ(without.get("/v1/status")["takes_changes"], false);
}

TEST_F(RouterTest, OnlyWhatProofsFoundIsListedAndCountedOnceEverywhere) {
    for (const char* name : {"log", "log_frontier", "log_known", "log_retries"}) {
        storage::ProofRecord one;
        one.proof = name;
        one.mismatches = 26;
        record(one);
    }
    const json conflicts = api.get("/v1/conflicts");
    EXPECT_EQ(conflicts["summary"]["mismatches"], 26);
    ASSERT_EQ(conflicts["conflicts"].size(), 1U) << conflicts;
    EXPECT_EQ(conflicts["conflicts"][0]["proof"], "log");
    const json reports = api.get("/v1/reports")["reports"];
    ASSERT_EQ(reports.size(), 1U) << reports;
    EXPECT_EQ(reports[0]["proof"], "log");
}

TEST_F(RouterTest, TheStatusIsOfOneMomentWhereTheIndexWentOnSinceItWasMade) {
    api.context.now.progress.head_block = 12;
    api.context.now.progress.next_block = 3;
    api.context.now.progress.lag = 10;
    const json status = api.get("/v1/status");
    ASSERT_EQ(status["block"]["number"], 12);
    EXPECT_EQ(status["progress"]["head_block"], 12);
    EXPECT_EQ(status["progress"]["lag"], 0) << "block 12 of 12";
    EXPECT_EQ(status["ready"], true);
    EXPECT_EQ(status["not_ready"], json::array());
}

TEST_F(RouterTest, WhereNobodyHasToldTheHeadItIsWhatIsStoredAndTheLagIsUnknown) {
    api.context.now.progress.head_block.reset();
    api.context.now.progress.lag.reset();
    const json progress = api.get("/v1/status")["progress"];
    // What is stored is of the chain.
    EXPECT_EQ(progress["head_block"], 12);
    EXPECT_EQ(progress["lag"], nullptr);
}

TEST_F(RouterTest, TheHeadItsAgeAndWhatIsSaidOfItAreOfOneBlockWhereOneWasStoredBetweenTwoLooks) {
    const auto tell_head = [](engine::ServiceStatus& status, uint64_t block_num, int64_t age_s) {
        status.progress.head_block = block_num;
        status.progress.next_block = block_num + 1;
        status.progress.ages.head_ms = age_s * 1000;
        status.progress.ages.head_max_ms = 120'000;
        if (age_s > 120) {
            status.progress.lag.reset();
            status.waits = {"the chain's head, block " + std::to_string(block_num) + ", is old"};
            status.degraded = status.waits;
        }
        status.unready = engine::find_unready(status);
    };
    api.context.before = api.context.now;
    tell_head(*api.context.before, 11, 600);
    tell_head(api.context.now, 12, 3);
    const json status = api.get("/v1/status");
    ASSERT_EQ(status["block"]["number"], 12);
    EXPECT_EQ(status["progress"]["head_block"], 12);
    EXPECT_EQ(status["progress"]["head_age_seconds"], 3);
    EXPECT_EQ(status["progress"]["lag"], 0);
    EXPECT_EQ(status["reasons"], json::array());
    EXPECT_EQ(status["ready"], true);
}

TEST_F(RouterTest, WhatCannotBeMeantIsNoEmptyAnswer) {
    for (const auto& [target, why] : std::vector<std::pair<std::string, std::string>>{
             {"/v1/chain?from=300&to=2", "from is above to"},
             {"/v1/events?from=300&to=2", "from is above to"},
             {"/v1/tasks?state=foo", "state must be waiting"}}) {
        const Response answer = api.send("GET", target);
        EXPECT_EQ(answer.status, 400U) << target;
        EXPECT_NE(answer.body.find(why), std::string::npos) << answer.body;
    }
}

TEST_F(RouterTest, ProgressTellsTheSamplesAndAnUnknownLagAsNull) {
    EXPECT_EQ(api.get("/v1/progress")["samples"], json::array());
    api.context.now.history = std::make_shared<engine::ProgressSamples>(
        engine::ProgressSamples{{1'700'000'000, 12, 3, 40}, {1'700'000'010, 15, std::nullopt, 44}});
    EXPECT_EQ(api.get("/v1/progress")["samples"],
              json::parse(R"([{"time":1700000000,"next_block":12,"lag":3,"events":40},
                              {"time":1700000010,"next_block":15,"lag":null,"events":44}])"));
}

TEST_F(RouterTest, ConflictsTellWhatDiffersWhyAndWhatRepairWouldDo) {
    storage::ProofRecord state;
    state.proof = "state";
    state.entity = "user";
    state.block_num = 12;
    state.mismatches = 1;
    record(state);
    const auto conflict = [this] { return api.get("/v1/conflicts")["conflicts"][0]; };
    EXPECT_EQ(conflict()["findings"], json::array()) << "nobody has kept a report of it";
    EXPECT_THAT(conflict()["remedy"].get<std::string>(), testing::HasSubstr("on_drift"));

    engine::TaskSpec spec;
    spec.kind = "prove_state";
    ASSERT_TRUE(api.queue->add(spec).has_value());
    const auto task = api.queue->take();
    ASSERT_TRUE(task.has_value() && task->has_value());
    const json result = json::parse(
        R"({"proof":"state","findings":[
             {"kind":"state differs","entity":"room","key":"id=1"},
             {"kind":"state differs","entity":"user","key":"account=0x3","field":"points",
              "stored":"1","expected":"4","block":9,"text":"user: points"}]})");
    ASSERT_TRUE(api.queue->finish((*task)->id, engine::TaskOutcome::done(result.dump())));
    ASSERT_EQ(conflict()["findings"].size(), 1U) << conflict();
    EXPECT_EQ(conflict()["findings"][0]["expected"], "4");
    EXPECT_THAT(conflict()["cause"].get<std::string>(), testing::HasSubstr("without an event"));
}

TEST_F(RouterTest, WhatARepairHasMendedIsNoConflictAnyMore) {
    const auto end = [this](const char* kind, const std::string& result) {
        engine::TaskSpec spec;
        spec.kind = kind;
        ASSERT_TRUE(api.queue->add(spec).has_value());
        const auto task = api.queue->take();
        ASSERT_TRUE(task.has_value() && task->has_value());
        ASSERT_TRUE(api.queue->finish((*task)->id, engine::TaskOutcome::done(result)));
    };
    const std::string damaged = R"({"kind":"state differs","entity":"user","key":"account=0x5"})";
    const std::string drifted = R"({"kind":"state differs","entity":"user","key":"account=0x1"})";
    storage::ProofRecord state;
    state.proof = "state";
    state.entity = "user";
    state.mismatches = 2;
    record(state);
    end("prove_state", R"({"proof":"state","findings":[)" + damaged + "," + drifted + "]}");
    const auto findings = [this] { return api.get("/v1/conflicts")["conflicts"][0]["findings"]; };
    EXPECT_EQ(findings().size(), 2U);
    end("repair", R"({"dry_run":true,"found":{"state":[]}})");
    end("refetch", R"({"dry_run":false,"found":{"log":[]}})");
    EXPECT_EQ(findings().size(), 2U) << "neither has looked and written down what it saw";
    state.mismatches = 1;
    record(state);
    end("repair", R"({"dry_run":false,"found":{"log":[],"state":[)" + drifted + "]}}");
    EXPECT_EQ(findings(), json::array({json::parse(drifted)}));
    // One that mended at rest leaves no report: what was found before it is not told of it.
    state.time_s = static_cast<uint64_t>(system_clock().unix_ms() / 1000) + 100;
    record(state);
    EXPECT_EQ(findings(), json::array());
}

TEST_F(RouterTest, ConflictsTellWhatTheNewestRepairDidAndWhatAPlanWouldDo) {
    EXPECT_TRUE(api.get("/v1/conflicts")["repair"].is_null());
    EXPECT_TRUE(api.get("/v1/conflicts")["plan"].is_null());
    const auto add = [this](const char* args) {
        engine::TaskSpec spec;
        spec.kind = "repair";
        spec.args = args;
        ASSERT_TRUE(api.queue->add(spec).has_value());
    };
    const auto end = [this](const char* result) {
        const auto task = api.queue->take();
        ASSERT_TRUE(task.has_value() && task->has_value());
        ASSERT_TRUE(api.queue->finish((*task)->id, engine::TaskOutcome::done(result)));
    };
    add("dry-run user");
    end(R"({"task":"repair","dry_run":true,"whole":false,"steps":["fold user again"],"left":[]})");
    add("user");
    json conflicts = api.get("/v1/conflicts");
    EXPECT_EQ(conflicts["plan"]["steps"], json::array({"fold user again"}));
    EXPECT_EQ(conflicts["plan"]["entity"], "user");
    EXPECT_EQ(conflicts["repair"]["state"], "waiting");
    EXPECT_EQ(conflicts["repair"]["steps"], json::array());

    storage::ProofRecord state;
    state.proof = "state";
    state.entity = "user";
    state.mismatches = 1;
    record(state);
    end(R"({"task":"repair","dry_run":false,"whole":false,"leaves_drift":true,"steps":[],
            "left":["user: points"],"unproven":["the replay was stopped"],
            "found":{"state":[{"kind":"state differs","entity":"user","key":"a","field":"points"}]}})");
    conflicts = api.get("/v1/conflicts");
    EXPECT_EQ(conflicts["repair"]["state"], "done");
    EXPECT_EQ(conflicts["repair"]["whole"], false);
    EXPECT_EQ(conflicts["repair"]["left"], json::array({"user: points", "the replay was stopped"}));
    EXPECT_THAT(conflicts["conflicts"][0]["remedy"].get<std::string>(),
                testing::StartsWith("correct the mapping"))
        << "another repair would change nothing";
    EXPECT_THAT(conflicts["conflicts"][0]["cause"].get<std::string>(),
                testing::HasSubstr("no row is damaged"))
        << "what the repair has ruled out is no cause any more";
    EXPECT_TRUE(conflicts["plan"].is_null()) << "what it told was carried out";

    engine::TaskSpec spec;
    spec.kind = "prove_state";
    ASSERT_TRUE(api.queue->add(spec).has_value());
    end(R"({"findings":[{"kind":"state differs","entity":"user","key":"b","field":"points"}]})");
    EXPECT_THAT(api.get("/v1/conflicts")["conflicts"][0]["remedy"].get<std::string>(),
                testing::Not(testing::StartsWith("correct the mapping")))
        << "the repair before it did not know of this one";
}

TEST(RouterOptionsTest, StatusTellsWhereWebhooksStandAndEntitiesHowFieldsAreShown) {
    ApiWorld api{{.token = kToken, .webhooks = {"app"}, .decimals = {{"user.points", 18}}}};
    const auto hook = [&api] { return api.get("/v1/status")["webhooks"][0]; };
    EXPECT_EQ(hook()["name"], "app");
    EXPECT_TRUE(hook()["delivered_block"].is_null());
    engine::TaskSpec spec;
    spec.kind = spec.name = "webhook.app";
    spec.args = "309-0x" + std::string(64, 'a') + " 308-0x" + std::string(64, 'b');
    ASSERT_TRUE(api.queue->add(spec).has_value());
    EXPECT_EQ(hook()["delivered_block"], 309);
    const json entities = api.get("/v1/entities")["entities"];
    size_t shown = 0;
    for (const json& entity : entities) {
        for (const json& field : entity["fields"]) {
            shown += field.contains("decimals") ? 1U : 0U;
            if (entity["name"] == "user" && field["name"] == "points") {
                EXPECT_EQ(field["decimals"], 18);
            }
        }
    }
    EXPECT_EQ(shown, 1U);
}

TEST(RouterOptionsTest, AReportOfAFieldSaysHowManyDecimalsThatIsShownWith) {
    const Mapping mapping{kHubToml, hub_abis()};
    RouterOptions options{.decimals = {{"user.points", 18}}};
    options.reports = read_reports(
                          "[reports.points]\nentity = \"user\"\nmetric = \"sum\"\nof = "
                          "\"points\"\n[reports.twice]\nentity = \"user\"\nmetric = "
                          "\"sum\"\nof = \"points * 2\"\n[reports.users]\nentity = "
                          "\"user\"\nmetric = \"count\"\n",
                          "test.toml", *mapping.plan)
                          .value();
    ApiWorld api{std::move(options)};
    EXPECT_EQ(api.get("/v1/analytics/points")["decimals"], 18);
    EXPECT_TRUE(api.get("/v1/analytics/twice")["decimals"].is_null());
    EXPECT_TRUE(api.get("/v1/analytics/users")["decimals"].is_null());
}

TEST_F(RouterTest, ARowAtAnEarlierBlockAndAllItsChanges) {
    const std::string user = "/v1/entities/user/" + engine::test::hex_of(3);
    const json before = api.get(user);
    api.world.block(13, {api.mapping.emit("hub.Scored", {acc(3), num(20)}, 13, 4)});
    api.world.commit();
    EXPECT_EQ(api.get(user)["row"]["points"], 23);
    const json then = api.get(user + "?at=12");
    EXPECT_EQ(then["row"], before["row"]);
    EXPECT_EQ(then["block"]["number"], 13);
    EXPECT_EQ(then["at"]["number"], 12);
    EXPECT_TRUE(then["at"]["hash"].is_null()) << "a final block without events leaves no row";
    EXPECT_EQ(api.get(user + "?at=11")["at"]["hash"], evm::to_hex(storage::test::hash_of(11)));
    EXPECT_EQ(api.get(user + "?at=13")["row"]["points"], 23);
    EXPECT_EQ(api.get(user + "?at=2", 404)["block"]["number"], 13);
    EXPECT_THAT(api.get(user + "?at=14", 404)["error"]["message"].get<std::string>(),
                testing::HasSubstr("stands at block 13"));
    api.get(user + "?at=x", 400);

    const json history = api.get(user + "/history?fields=points");
    ASSERT_EQ(history["versions"].size(), 3U) << history;
    EXPECT_EQ(history["versions"][0]["event"]["event"], "Joined");
    EXPECT_EQ(history["versions"][0]["row"]["points"], 0);
    EXPECT_EQ(history["versions"][1]["row"]["points"], 3);
    EXPECT_EQ(history["versions"][2]["changed_at"]["block"], 13);
    EXPECT_EQ(history["versions"][2]["event"]["params"]["points"], 20);
    EXPECT_TRUE(history["next"].is_null());
    EXPECT_EQ(api.get(user + "/history?to=12")["versions"].size(), 2U);
    const json first = api.get(user + "/history?limit=2");
    const json rest = api.get(user + "/history?limit=2&cursor=" + first["next"].get<std::string>());
    EXPECT_EQ(first["versions"].size(), 2U);
    EXPECT_EQ(rest["versions"].size(), 1U);
    // Deleted, and never there.
    const json seat =
        api.get("/v1/entities/seat/room=1,who=" + engine::test::hex_of(1) + "/history");
    ASSERT_EQ(seat["versions"].size(), 2U);
    EXPECT_TRUE(seat["versions"][1]["row"].is_null());
    EXPECT_EQ(
        api.get("/v1/entities/user/" + engine::test::hex_of(77) + "/history")["versions"].size(),
        0U);
}

TEST_F(RouterTest, QuestionsAboutThePastHaveALimit) {
    ApiWorld narrow{RouterOptions{.history_events_max = 5}};
    const std::string user = "/v1/entities/user/" + engine::test::hex_of(3);
    EXPECT_THAT(narrow.get(user + "/history", 413)["error"]["message"].get<std::string>(),
                testing::HasSubstr("more than the 5 events"));
    ApiWorld closed{RouterOptions{.history_events_max = 0}};
    EXPECT_THAT(closed.get(user + "?at=3", 503)["error"]["message"].get<std::string>(),
                testing::HasSubstr("history_events_max"));
}

TEST_F(RouterTest, OneRowByItsKey) {
    const std::string account = engine::test::hex_of(3);
    const json row = api.get("/v1/entities/user/" + account);
    EXPECT_EQ(row["key"], "account=" + account);
    EXPECT_EQ(row["row"]["name"], "user 3");
    EXPECT_EQ(row["row"]["points"], 3);
    EXPECT_EQ(row["changed_at"]["block"], 3);
    EXPECT_EQ(api.get("/v1/entities/user/account%3D" + account), row);
    const json some = api.get("/v1/entities/user/" + account + "?fields=points,account");
    EXPECT_EQ(some["row"].dump(), json({{"points", 3}, {"account", account}}).dump());
    EXPECT_EQ(api.get("/v1/entities/seat/room=0,who=" + account)["row"]["room"], "0");
}

TEST_F(RouterTest, MistakesSayWhatIsKnown) {
    const std::vector<std::tuple<std::string, unsigned, std::string>> cases = {
        {"/v1/entities/nobody", 404, "there are: user, seat"},
        {"/v1/entities/usr", 404, "did you mean 'user'? there are: user, seat"},
        {"/v1/entities/user?fields=pointz", 400, "did you mean 'points'? known: "},
        {"/v1/entities/user/0x12", 400, "expected 20 bytes"},
        {"/v1/entities/user/" + engine::test::hex_of(77), 404, "at block 12"},
        {"/v1/entities/user/" + engine::test::hex_of(3) + "/history?cursor=1", 400, "cursor"},
        {"/v1/entities/user?where=name=x", 400, "an index (points)"},
        {"/v1/entities/user?where=nonsense", 400, "field=value"},
        {"/v1/entities/user?order=nope", 400, "key | points | joined_block,points"},
        {"/v1/entities/user?order=name", 400, "index = [[\"name\"]] in [entities.user]"},
        {"/v1/entities/user?order=name&scan=true", 400, "index = [[\"name\"]]"},
        {"/v1/entities/user?name.gt=x", 400, "or add scan=true"},
        {"/v1/entities/user?points.like=5", 400, "gte, in"},
        {"/v1/entities/user?points.gt=x", 400, "points: 'x' is not a value of type uint64"},
        {"/v1/entities/user?points.gt=9999999999999999999999999999999999999999999999999999999999999"
         "99999999999999999999",
         400, "it does not fit"},
        {"/v1/entities/user?scan=yes", 400, "true or false"},
        {"/v1/entities/user?key=" + engine::test::hex_of(3) + "&limit=3", 400, "limit does not go"},
        {"/v1/events?param.nope=3", 400, "there are: who, room, name, points"},
        {"/v1/events?param.points=x", 400, "points: 'x' is not a value"},
        {"/v1/events?event=Scord", 400,
         "no event 'Scord'; did you mean 'Scored'? known: Joined, Scored, Left"},
        {"/v1/events?contract=hub&event=Lft", 400, "no event 'Lft' of hub; did you mean 'Left'?"},
        {"/v1/events?contract=hubb", 400, "no contract 'hubb'; did you mean 'hub'? known: hub"},
        {"/v1/events/hub/Scord", 404, "no event 'Scord' of hub; did you mean 'Scored'?"},
        {"/v1/events/other/Scored", 404, "no contract 'other'; known: hub"},
        {"/v1/events?order=who", 400, "-block for the newest"},
        {"/v1/events?points=3", 400, "param.NAME"},
        {"/v1/entities/user?limit=0", 400, "from 1 to 1000"},
        {"/v1/entities/user?limit=1001", 400, "from 1 to 1000"},
        {"/v1/entities/user?limit=5&limit=6", 400, "given twice"},
        {"/v1/entities/user?cursor=zz", 400, "cursor"},
        {"/v1/entities/user?fields=nope", 400, "no field 'nope'"},
        {"/v1/entities/user?fields=", 400, "leave it out for all"},
        {"/v1/entities/user?color=red", 400, "where, order, fields, limit, cursor"},
        {"/v1/events?from=x", 400, "whole number"},
        {"/v1/events?from=9&to=3", 400, "above"},
        {"/v1/events?cursor=1", 400, "cursor"},
        {"/v1/%zz", 400, "hex digits"},
        {"/v1/nothing", 404, "openapi"},
        {"/v1/stream", 426, "WebSocket"},
    };
    for (const auto& [target, status, message] : cases) {
        const json body = api.get(target, status);
        EXPECT_THAT(body["error"]["message"].get<std::string>(), testing::HasSubstr(message))
            << target;
    }
    const Response answer = api.send("PUT", "/v1/tasks");
    EXPECT_EQ(answer.status, 405U);
}

/// All keys of a listing, page by page.
std::vector<std::string> all_keys(ApiWorld& api, const std::string& question, uint64_t limit) {
    std::vector<std::string> out;
    std::string cursor;
    do {
        const json page = api.get(fmt::format("{}{}limit={}{}", question,
                                              question.find('?') == std::string::npos ? '?' : '&',
                                              limit, cursor.empty() ? "" : "&cursor=" + cursor));
        EXPECT_LE(page["rows"].size(), limit);
        for (const json& row : page["rows"]) {
            out.push_back(row["key"]);
        }
        cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
    } while (!cursor.empty());
    return out;
}

TEST_F(RouterTest, PagesOfAnySizeGiveTheSameRowsInTheSameOrder) {
    for (const std::string question :
         {"/v1/entities/user", "/v1/entities/user?order=points",
          "/v1/entities/user?order=joined_block,points", "/v1/entities/user?where=points=2",
          "/v1/entities/seat?where=room=1", "/v1/entities/seat?order=who"}) {
        const auto whole = all_keys(api, question, 1000);
        EXPECT_FALSE(whole.empty()) << question;
        for (const uint64_t limit : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7}}) {
            EXPECT_EQ(all_keys(api, question, limit), whole) << question << " by " << limit;
        }
    }
    EXPECT_EQ(all_keys(api, "/v1/entities/user?where=points=2", 5).size(), 3U);  // 2, 6, 10
    const json by_points = api.get("/v1/entities/user?order=points&fields=points");
    uint64_t last = 0;
    for (const json& row : by_points["rows"]) {
        EXPECT_GE(row["row"]["points"].get<uint64_t>(), last);
        last = row["row"]["points"];
    }
}

TEST_F(RouterTest, PagesStayWholeWhileTheWriterCommits) {
    const auto before = all_keys(api, "/v1/entities/user", 1000);
    std::set<std::string> seen;
    std::string cursor;
    uint64_t block = 13;
    do {
        const json page =
            api.get("/v1/entities/user?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
        EXPECT_EQ(page["block"]["number"], block - 1);
        for (const json& row : page["rows"]) {
            EXPECT_TRUE(seen.insert(row["key"]).second) << "twice: " << row["key"];
        }
        cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
        // Between two pages the world goes on: new users, changed points.
        api.world.block(
            block,
            {api.mapping.emit("hub.Joined", {acc(1000 + block), num(1), engine::test::text("new")},
                              block, 0),
             api.mapping.emit("hub.Scored", {acc(2), num(5)}, block, 1)});
        api.world.commit();
        ++block;
    } while (!cursor.empty());
    for (const std::string& key : before) {
        EXPECT_TRUE(seen.contains(key)) << key;
    }
}

TEST_F(RouterTest, EventsByNameBlockAndPage) {
    const json all = api.get("/v1/events");
    EXPECT_EQ(all["events"].size(), 22U);
    EXPECT_TRUE(all["next"].is_null());
    EXPECT_EQ(all["events"][0]["event"], "Joined");
    EXPECT_EQ(api.get("/v1/events?event=Scored")["events"].size(), 11U);
    EXPECT_EQ(api.get("/v1/events?contract=hub&event=Left")["events"].size(), 1U);
    EXPECT_EQ(api.get("/v1/events/hub/Left")["events"].size(), 1U);
    EXPECT_EQ(api.get("/v1/events?from=3&to=4")["events"].size(), 4U);
    json paged = json::array();
    std::string cursor;
    do {
        const json page =
            api.get("/v1/events?limit=5" + (cursor.empty() ? "" : "&cursor=" + cursor));
        paged.insert(paged.end(), page["events"].begin(), page["events"].end());
        cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
    } while (!cursor.empty());
    EXPECT_EQ(paged, all["events"]);
}

TEST_F(RouterTest, ACountOfEventsIsOfTheWholeQuestionWhateverThePage) {
    const auto count = [&](const std::string& question) {
        const json page = api.get("/v1/events" + question + "limit=1&count=true");
        EXPECT_EQ(page["count_is_exact"], true) << question;
        EXPECT_LE(page["events"].size(), 1U);
        return page["count"].get<uint64_t>();
    };
    EXPECT_EQ(count("?"), 22U);
    EXPECT_EQ(count("?from=0&"), 22U);
    EXPECT_EQ(count("?from=3&to=4&order=-block&"), 4U);
    EXPECT_EQ(count("?event=Scored&"), 11U);
    EXPECT_EQ(count("/hub/Left?"), 1U);
    EXPECT_EQ(count("?param.points.gte=2&"), 5U);
    EXPECT_EQ(count("?from=500&"), 0U);
    const std::string next = api.get("/v1/events?event=Scored&limit=2")["next"];
    EXPECT_EQ(count("?event=Scored&cursor=" + next + "&"), 11U);
    EXPECT_FALSE(api.get("/v1/events").contains("count"));
    api.get("/v1/events?count=many", 400);
}

TEST_F(RouterTest, FieldsMayBeGivenAgainAndWithCommas) {
    const json both = api.get("/v1/entities/user?limit=1&fields=points,name")["rows"];
    EXPECT_EQ(both[0]["row"].size(), 2U);
    EXPECT_EQ(api.get("/v1/entities/user?limit=1&fields=points&fields=name")["rows"], both);
    api.get("/v1/entities/user?fields=points&fields=", 400);
    api.get("/v1/entities/user?fields=points&fields=nmae", 400);
}

TEST_F(RouterTest, EventsNewestFirstAreTheSameEventsTheOtherWayRound) {
    const json all = api.get("/v1/events?from=2&to=9");
    json turned = json::array();
    std::string cursor;
    do {
        const json page = api.get("/v1/events?from=2&to=9&order=-block&limit=3" +
                                  (cursor.empty() ? "" : "&cursor=" + cursor));
        turned.insert(turned.end(), page["events"].begin(), page["events"].end());
        cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
    } while (!cursor.empty());
    std::reverse(turned.begin(), turned.end());
    EXPECT_EQ(turned, all["events"]);
}

TEST_F(RouterTest, EventsByTheValuesOfTheirParameters) {
    const auto count = [&](const std::string& question) {
        return api.get("/v1/events?" + question)["events"].size();
    };
    EXPECT_EQ(count("param.who=" + engine::test::hex_of(3)), 2U);
    EXPECT_EQ(count("event=Scored&param.who=" + engine::test::hex_of(3)), 1U);
    EXPECT_EQ(count("param.points.gte=2"), 5U);   // 2, 3, 6, 7, 10
    EXPECT_EQ(count("param.points.in=0,3"), 4U);  // 3, 4, 7, 8
    EXPECT_EQ(count("param.points.ne=1"), 7U);
    EXPECT_EQ(count("param.name=user+7"), 1U);
    EXPECT_EQ(count("param.room=1&param.who=" + engine::test::hex_of(1)), 2U);  // Joined, Left
    EXPECT_EQ(count("param.room=1&param.name=user+4"), 1U);
    EXPECT_EQ(count("param.points.gt=7"), 0U);
    EXPECT_EQ(count("param.points=2&order=-block&limit=1"), 1U);
}

TEST_F(RouterTest, RowsByRangesListsAndInAnyDirection) {
    const auto points = [&](const std::string& question) {
        std::vector<uint64_t> out;
        const json page = api.get("/v1/entities/user?fields=points&" + question);
        for (const json& row : page["rows"]) {
            out.push_back(row["row"]["points"]);
        }
        return out;
    };
    using testing::ElementsAre;
    EXPECT_THAT(points("order=-points"), ElementsAre(3, 3, 2, 2, 2, 1, 1, 1, 0, 0));
    EXPECT_THAT(points("points.gte=2"), ElementsAre(2, 2, 2, 3, 3));
    EXPECT_THAT(points("points.gt=0&points.lt=3&order=-points"), ElementsAre(2, 2, 2, 1, 1, 1));
    EXPECT_THAT(points("points.in=0,3"), ElementsAre(0, 0, 3, 3));
    EXPECT_THAT(points("points.ne=1"), ElementsAre(0, 0, 2, 2, 2, 3, 3));
    EXPECT_THAT(points("points=2"), ElementsAre(2, 2, 2));
    EXPECT_THAT(points("joined_block=3&points.gte=2"), ElementsAre(3));
    EXPECT_THAT(points("order=-joined_block&limit=3"), ElementsAre(2, 1, 0));  // 10, 9, 8
    EXPECT_THAT(points("name=user+7&scan=true"), ElementsAre(3));
    for (const std::string question :
         {"/v1/entities/user?order=-points", "/v1/entities/user?order=-key",
          "/v1/entities/user?points.ne=1", "/v1/entities/user?points.in=0,3&order=-points",
          "/v1/entities/user?name.gte=user+3&scan=true&order=-points",
          "/v1/entities/seat?order=-room,-who", "/v1/entities/seat?room=2&order=-who"}) {
        const auto whole = all_keys(api, question, 1000);
        EXPECT_FALSE(whole.empty()) << question;
        for (const uint64_t limit : {uint64_t{1}, uint64_t{2}, uint64_t{3}}) {
            EXPECT_EQ(all_keys(api, question, limit), whole) << question << " by " << limit;
        }
    }
    auto forward = all_keys(api, "/v1/entities/user?order=points", 3);
    std::reverse(forward.begin(), forward.end());
    EXPECT_EQ(all_keys(api, "/v1/entities/user?order=-points", 3), forward);
    const std::string next = api.get("/v1/entities/user?order=points&limit=2")["next"];
    api.get("/v1/entities/user?order=-points&cursor=" + next, 400);
}

TEST_F(RouterTest, NullEqualsNullAloneAndNothingIsAboveOrBelowIt) {
    // Of ten users one left, a room with number 1.
    ApiWorld some{{.token = kToken}, R"toml(
[contracts.hub]
abi = "hub.json"
address = "0x00000000000000000000000000000000000000aa"

[entities.user]
key = { account = "address" }
fields = { name = "string", left = "uint64?" }
index = [["left"]]

[[on]]
event = "hub.Joined"
upsert = "user"
key = { account = "who" }
set = { name = "name" }

[[on]]
event = "hub.Left"
update = "user"
key = { account = "who" }
set = { left = "uint64(room)" }
)toml"};
    const std::vector<std::pair<std::string, size_t>> cases = {
        {"left=null", 9},       {"left.eq=null", 9},      {"left.ne=null", 1}, {"left.in=null", 9},
        {"left.in=null,1", 10}, {"left.in=1,null,2", 10}, {"left.in=1,2", 1},  {"left.ne=1", 0},
        {"left.ne=2", 1},       {"left.gt=0", 1},         {"left.lt=2", 1},    {"left.gte=1", 1},
        {"left.lte=0", 0},
    };
    for (const auto& [question, wanted] : cases) {
        for (const char* way : {"", "&order=-left", "&order=key&scan=true"}) {
            EXPECT_EQ(some.get("/v1/entities/user?" + question + way)["rows"].size(), wanted)
                << question << way;
        }
    }
    for (const char* bound : {"gt", "gte", "lt", "lte"}) {
        const json refused = some.get(fmt::format("/v1/entities/user?left.{}=null", bound), 400);
        EXPECT_THAT(refused["error"]["message"].get<std::string>(),
                    testing::AllOf(testing::HasSubstr("left"), testing::HasSubstr("ne=null")));
        EXPECT_THAT(some.get(fmt::format("/v1/entities/user?account.{}=null", bound), 400).dump(),
                    testing::HasSubstr("0x"))
            << "no field that can be null";
    }
}

TEST_F(RouterTest, ACountIsOfTheWholeQuestionWhateverThePage) {
    const auto count = [&](const std::string& question) {
        const json page = api.get("/v1/entities/user?limit=1&count=true&" + question);
        EXPECT_EQ(page["count_is_exact"], true) << question;
        return page["count"].get<uint64_t>();
    };
    EXPECT_EQ(count(""), 10U);
    EXPECT_EQ(count("points=2"), 3U);
    EXPECT_EQ(count("points.in=0,3&order=-points"), 4U);
    EXPECT_EQ(count("name.gt=user+5&scan=true"), 4U);  // 6 to 9
    const std::string next = api.get("/v1/entities/user?points=2&limit=2")["next"];
    EXPECT_EQ(count("points=2&cursor=" + next), 3U);
    EXPECT_FALSE(api.get("/v1/entities/user").contains("count"));
}

TEST_F(RouterTest, SeveralKeysComeInTheirOrderAndWhatIsMissingIsNamed) {
    const std::string a = engine::test::hex_of(7);
    const std::string b = engine::test::hex_of(2);
    const std::string none = engine::test::hex_of(77);
    const json page =
        api.get("/v1/entities/user?fields=name&key=" + a + "&key=" + none + "&key=account=" + b);
    ASSERT_EQ(page["rows"].size(), 2U);
    EXPECT_EQ(page["rows"][0]["row"]["name"], "user 7");
    EXPECT_EQ(page["rows"][1]["row"]["name"], "user 2");
    EXPECT_EQ(page["missing"], json::array({none}));
}

/// The answer to a statement.
json ask_sql(ApiWorld& api, const json& body, unsigned status = 200) {
    const Response answer = api.send("POST", "/v1/sql", {}, body.dump());
    EXPECT_EQ(answer.status, status) << body << ": " << answer.body;
    return json::parse(answer.body, nullptr, false);
}

TEST_F(RouterTest, WhatFoldsOrScansEndsWithTheService) {
    api.world.block(13, {api.mapping.emit("hub.Scored", {acc(3), num(20)}, 13, 4)});
    api.world.commit();
    const std::string user = "/v1/entities/user/" + engine::test::hex_of(3);
    const std::vector<std::string> folds = {user + "?at=12", user + "/history"};
    const json past = {{"sql", "select count(*) from user_at(12)"}};
    api.router.set_stopping(true);
    for (const std::string& target : folds) {
        const Response late = api.send("GET", target);
        EXPECT_EQ(late.status, 503U) << target;
        EXPECT_THAT(late.headers, testing::Contains(testing::Pair("Retry-After", "5"))) << target;
    }
    ask_sql(api, past, 503);
    EXPECT_EQ(api.get(user)["row"]["points"], 23) << "what reads one row is answered to the end";
    api.router.set_stopping(false);
    for (const std::string& target : folds) {
        api.get(target);
    }
    EXPECT_EQ(ask_sql(api, past)["rows"], json::parse("[[10]]"));
}

TEST_F(RouterTest, SqlOverRowsEventsAndBlocksOfOneState) {
    const json by_points = ask_sql(
        api, {{"sql", "select points, count(*) from user group by points order by points desc"}});
    EXPECT_EQ(by_points["columns"], json::array({"points", "count(*)"}));
    EXPECT_EQ(by_points["rows"], json::parse("[[3,2],[2,3],[1,3],[0,2]]"));
    EXPECT_EQ(by_points["block"]["number"], 12);
    EXPECT_EQ(by_points["is_whole"], true);
    const json joined = ask_sql(
        api, {{"sql",
               "select u.name, e._block, e.points from hub_Scored e join user u on u.account = "
               "e.who where e._block between ? and ? and e.points > 0 order by e._block desc"},
              {"params", {3, 7}}});
    EXPECT_EQ(joined["rows"], json::parse(R"([["user 7",7,3],["user 6",6,2],["user 5",5,1],
                                              ["user 3",3,3]])"));
    EXPECT_EQ(ask_sql(api, {{"sql", "select who, room from hub_Left"}})["rows"],
              json::array({json::array({engine::test::hex_of(1), "1"})}));
    EXPECT_EQ(ask_sql(api, {{"sql", "select count(*) > 9, max(events) from blocks"}})["rows"],
              json::parse("[[1,2]]"));
    EXPECT_EQ(
        ask_sql(api, {{"sql", "select _block from user where points = 3 order by 1"}})["rows"],
        json::parse("[[3],[7]]"));
    EXPECT_EQ(
        ask_sql(api, {{"sql", "select block, event from quarantine where block > 3"}})["rows"],
        json::parse(R"([[11,"hub.Scored"]])"));
    EXPECT_EQ(ask_sql(api, {{"sql",
                             "select (select count(*) from journal), (select count(*) from "
                             "proofs)"}})["rows"],
              json::parse("[[0,0]]"));
    EXPECT_EQ(ask_sql(api, {{"sql", "select count(*) from facts where block > 3"}})["rows"],
              json::parse("[[0]]"));
    EXPECT_EQ(ask_sql(api, {{"sql", "select name from user where points = :p and name > :n"},
                            {"params", {{"p", 3}, {"n", "user 4"}}}})["rows"],
              json::parse(R"([["user 7"]])"));
    const json tables = api.get("/v1/sql");
    EXPECT_EQ(tables["tables"][0]["name"], "user");
    EXPECT_EQ(tables["tables"][1]["columns"][0]["type"], "uint256");
}

TEST_F(RouterTest, SqlTellsRowsOfEarlierBlocks) {
    // A block's rows by SQL are those that the row's own address tells.
    for (const uint64_t block : {1U, 4U, 9U, 12U}) {
        const json rows = ask_sql(api, {{"sql", "select account, points, _block from user_at(?)"},
                                        {"params", {block}}})["rows"];
        size_t there = 0;
        for (uint64_t one = 1; one <= 12; ++one) {
            const std::string user = engine::test::hex_of(one);
            const Response then =
                api.send("GET", "/v1/entities/user/" + user + "?at=" + std::to_string(block));
            const auto row =
                std::ranges::find_if(rows, [&](const json& r) { return r[0] == user; });
            ASSERT_EQ(then.status == 200, row != rows.end()) << user << " at " << block;
            if (then.status == 200) {
                ++there;
                EXPECT_EQ((*row)[1], json::parse(then.body)["row"]["points"]);
                EXPECT_LE((*row)[2], block);
            }
        }
        EXPECT_EQ(rows.size(), there);
    }
    // A row that is deleted now; an index, an order, and a join with what is now.
    EXPECT_EQ(ask_sql(api, {{"sql", "select count(*) from seat where who = ?"},
                            {"params", {engine::test::hex_of(1)}}})["rows"],
              json::parse("[[0]]"));
    EXPECT_EQ(ask_sql(api, {{"sql", "select room, _at from seat_at(5) where who = ?"},
                            {"params", {engine::test::hex_of(1)}}})["rows"],
              json::parse(R"([["1",5]])"));
    const json ordered =
        ask_sql(api, {{"sql",
                       "select b.account, n.points, b.points from user_at(6) b join user n using "
                       "(account) where b.points >= 0 order by b.points desc, b.account limit 3"}});
    EXPECT_EQ(ordered["rows"].size(), 3U);
    EXPECT_GE(ordered["rows"][0][2], ordered["rows"][1][2]);
    EXPECT_EQ(ask_sql(api, {{"sql",
                             "select (select count(*) from user_at(2)) < (select count(*) "
                             "from user_at(9))"}})["rows"],
              json::parse("[[1]]"));
}

TEST_F(RouterTest, SqlOfEarlierBlocksHasALimitAndNeedsABlock) {
    const auto why = [&](ApiWorld& world, const char* sql, unsigned status) {
        return ask_sql(world, {{"sql", sql}}, status)["error"]["message"].get<std::string>();
    };
    using testing::HasSubstr;
    EXPECT_THAT(why(api, "select * from user_at", 400), HasSubstr("user_at(BLOCK)"));
    EXPECT_THAT(why(api, "select * from user_at where _at > 3", 400), HasSubstr("user_at(BLOCK)"));
    EXPECT_THAT(why(api, "select * from user_at where _at in (3, 4)", 400),
                HasSubstr("user_at(BLOCK)"));
    EXPECT_THAT(why(api, "select * from user_at(13)", 400), HasSubstr("stands at block 12"));
    for (const char* block : {"-1", "'-1'", "null", "1.5", "'99999999999999999999999'"}) {
        const std::string sql = std::string{"select count(*) from user_at("} + block + ")";
        EXPECT_THAT(why(api, sql.c_str(), 400), HasSubstr("user_at: a block is")) << sql;
    }
    EXPECT_THAT(why(api, "select * from user(12)", 400), HasSubstr("too many arguments on user()"));
    EXPECT_THAT(why(api, "select * from user_at(12, 3)", 400), HasSubstr("too many arguments"));
    EXPECT_THAT(why(api,
                    "select (select count(*) from user_at(1)), (select count(*) from user_at(2)), "
                    "(select count(*) from user_at(3)), (select count(*) from user_at(4)), "
                    "(select count(*) from user_at(5))",
                    413),
                HasSubstr("4 earlier blocks"));
    ApiWorld narrow{RouterOptions{.history_events_max = 5}};
    EXPECT_THAT(why(narrow, "select * from user_at(12)", 413), HasSubstr("5 events"));
    ApiWorld closed{RouterOptions{.history_events_max = 0}};
    EXPECT_THAT(why(closed, "select * from user_at(12)", 503), HasSubstr("history_events_max"));
    // One after the other: the turn is given back.
    EXPECT_EQ(ask_sql(api, {{"sql", "select count(*) from user_at(12)"}})["rows"],
              ask_sql(api, {{"sql", "select count(*) from user"}})["rows"]);
}

TEST_F(RouterTest, SqlIsRefusedWithAReasonAndEndsAtItsLimits) {
    const auto why = [&](const json& body, unsigned status = 400) {
        return ask_sql(api, body, status)["error"]["message"].get<std::string>();
    };
    using testing::HasSubstr;
    EXPECT_THAT(why(json::object()), HasSubstr("select ..."));
    EXPECT_THAT(why({{"sql", "select 1"}, {"x", 1}}), HasSubstr("params, an array"));
    EXPECT_THAT(why({{"sql", "select ?"}, {"params", {json::object()}}}), HasSubstr("strings"));
    EXPECT_THAT(why({{"sql", "attach 'x' as y"}}), HasSubstr("only SELECT"));
    EXPECT_THAT(why({{"sql", "select * from seat where room > 1e18"}}), HasSubstr("as text"));
    EXPECT_THAT(why({{"sql", "select nope from user"}}), HasSubstr("no such column: nope"));
    const std::string endless =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    const Response late = api.send("POST", "/v1/sql", {}, json{{"sql", endless}}.dump());
    EXPECT_EQ(late.status, 503U);
    EXPECT_THAT(late.body, testing::AllOf(HasSubstr("too long"), HasSubstr("500 ms"),
                                          HasSubstr("sql_ms_max")));
    EXPECT_THAT(late.headers, testing::Contains(testing::Pair("Retry-After", "5")));
    ApiWorld narrow{RouterOptions{.sql_rows_max = 3}};
    const json cut = ask_sql(narrow, {{"sql", "select * from user"}});
    EXPECT_EQ(cut["rows"].size(), 3U);
    EXPECT_EQ(cut["is_whole"], false);
    ApiWorld closed{RouterOptions{.sql_ms_max = 0}};
    EXPECT_THAT(ask_sql(closed, {{"sql", "select 1"}}, 503)["error"]["message"].get<std::string>(),
                HasSubstr("sql_ms_max"));
    EXPECT_EQ(Router::cost("POST", "/v1/sql"), RouteCost::kScan);
}

/// JSON's parsers make floating point numbers of them.
TEST_F(RouterTest, SqlTakesWholeNumbersInParamsToTheLastDigitOrNotAtAll) {
    const auto ask = [&](const std::string& params, unsigned status) {
        const Response answer =
            api.send("POST", "/v1/sql", {}, R"({"sql":"select ?","params":)" + params + "}");
        EXPECT_EQ(answer.status, status) << params << ": " << answer.body;
        return json::parse(answer.body, nullptr, false);
    };
    for (const std::string wide :
         {"9223372036854775808", "18446744073709551615", "18446744073709551616",
          "-9223372036854775809", "1000000000000000000000000000000"}) {
        for (const std::string& params : {"[" + wide + "]", R"({"1":)" + wide + "}"}) {
            EXPECT_THAT(ask(params, 400)["error"]["message"].get<std::string>(),
                        testing::AllOf(testing::HasSubstr(wide + " is not from"),
                                       testing::HasSubstr("send it as a string")));
        }
        EXPECT_EQ(ask("[\"" + wide + "\"]", 200)["rows"][0][0], wide);
        EXPECT_EQ(ask(R"(["\" )" + wide + "\"]", 200)["rows"][0][0], "\" " + wide);
    }
    EXPECT_EQ(ask("[9223372036854775807]", 200)["rows"][0][0], "9223372036854775807");
    EXPECT_EQ(ask("[-9223372036854775808]", 200)["rows"][0][0], "-9223372036854775808");
    EXPECT_THAT(ask("[9007199254740993.0]", 400)["error"]["message"].get<std::string>(),
                testing::HasSubstr("params: 9007199254740993.0 is more than SQL's numbers hold"));
    EXPECT_EQ(ask("[-2.5e3]", 200)["rows"][0][0], -2500);
    EXPECT_EQ(ask("[1e30]", 200)["rows"][0][0], 1e30) << "whoever writes so means one";
}

TEST_F(RouterTest, ASqlSessionFollowsTheIndex) {
    const json question = {{"sql", "select count(*) from user"}};
    EXPECT_EQ(ask_sql(api, question)["rows"][0][0], 10);
    api.world.block(
        13, {api.mapping.emit("hub.Joined", {acc(500), num(1), engine::test::text("new")}, 13, 0)});
    api.world.commit();
    const json after = ask_sql(api, question);
    EXPECT_EQ(after["rows"][0][0], 11);
    EXPECT_EQ(after["block"]["number"], 13);
}

TEST_F(RouterTest, QuarantineSaysWhy) {
    const json body = api.get("/v1/quarantine");
    EXPECT_EQ(body["total"], 1);
    EXPECT_EQ(body["events"][0]["block"], 11);
    EXPECT_FALSE(body["events"][0]["reason"].get<std::string>().empty());
}

TEST_F(RouterTest, HealthReadyAndStatusFollowTheService) {
    EXPECT_EQ(api.get("/v1/health")["status"], "ok");
    EXPECT_EQ(api.get("/v1/ready")["ready"], true);
    EXPECT_EQ(api.get("/v1/ready")["reasons"], json::array());
    api.context.now.unready = {"40 blocks behind the head"};
    api.context.now.degraded = {"6 events are in quarantine"};
    EXPECT_EQ(api.get("/v1/health")["status"], "degraded");
    EXPECT_EQ(api.get("/v1/ready", 503)["reasons"], json::array({"40 blocks behind the head"}))
        << "what does not make it not ready is none of its reasons";
    EXPECT_EQ(api.get("/v1/status")["providers"][0]["name"], "one");
}

TEST_F(RouterTest, BeforeThereIsAnIndexTheAnswerIsUnavailable) {
    api.context.shown = nullptr;
    EXPECT_EQ(api.get("/v1/entities/user", 503)["error"]["code"], "Unavailable");
    EXPECT_TRUE(api.get("/v1/status")["block"].is_null());
    EXPECT_EQ(api.get("/v1/health")["status"], "ok");
}

TEST_F(RouterTest, WhatTheServiceDeliversByItselfIsRefusedAsATask) {
    const Response refused = api.send("POST", "/v1/tasks", kToken, R"({"kind":"webhook.app"})");
    EXPECT_EQ(refused.status, 400U) << refused.body;
    EXPECT_NE(refused.body.find("the service itself adds 'webhook.app'"), std::string::npos);
    EXPECT_EQ(api.get("/v1/tasks")["total"], 0U);
    const Response unknown = api.send("POST", "/v1/tasks", kToken, R"({"kind":"nothing"})");
    EXPECT_EQ(unknown.status, 400U);
    EXPECT_EQ(unknown.body.find("webhook"), std::string::npos) << "is not among what may be added";
}

TEST_F(RouterTest, AListOfTasksEndsWithTheOneThatPassesItsBytes) {
    for (int i = 0; i < 5; ++i) {
        engine::TaskSpec spec;
        spec.kind = "scrub";
        spec.args = std::string(1U << 20U, static_cast<char>('a' + i));
        ASSERT_TRUE(api.context.shown_queue->add(spec));
    }
    const auto list = api.get("/v1/tasks");
    EXPECT_EQ(list["total"], 5U);
    EXPECT_EQ(list["tasks"].size(), 2U);
}

TEST_F(RouterTest, TasksTellHowFarTheyAreAndWhatRunsByItself) {
    api.context.now.schedule = {{"prove_log", 10'000}, {"prove_state", 0}};
    ASSERT_EQ(api.send("POST", "/v1/tasks", kToken, R"({"kind":"scrub"})").status, 202U);
    ASSERT_TRUE(api.context.shown_queue->take());
    api.context.shown_queue->tell_progress(1, "scrub: log 5 of 10");
    ASSERT_EQ(api.send("POST", "/v1/tasks", kToken, R"({"kind":"compact"})").status, 202U);
    const auto list = api.get("/v1/tasks");
    EXPECT_EQ(list["tasks"][0]["progress"], "");
    EXPECT_EQ(list["tasks"][1]["progress"], "scrub: log 5 of 10");
    EXPECT_EQ(list["schedule"].dump(), R"([{"interval_ms":10000,"kind":"prove_log"}])")
        << "what is off does not run";
}

TEST_F(RouterTest, TasksAreAddedListedRetriedCancelledAndCleared) {
    const Response added =
        api.send("POST", "/v1/tasks", kToken, R"({"kind":"scrub","args":"fast"})");
    EXPECT_EQ(added.status, 202U) << added.body;
    EXPECT_EQ(json::parse(added.body)["task"]["id"], 1);
    EXPECT_EQ(api.get("/v1/tasks")["tasks"][0]["args"], "fast");
    EXPECT_EQ(api.get("/v1/tasks?state=dead")["tasks"].size(), 0U);
    EXPECT_EQ(api.send("DELETE", "/v1/tasks/1", kToken).status, 200U);
    EXPECT_EQ(api.get("/v1/tasks?state=cancelled")["tasks"].size(), 1U);
    EXPECT_EQ(api.send("POST", "/v1/tasks/1/retry", kToken).status, 200U);
    EXPECT_EQ(api.send("POST", "/v1/tasks/7/retry", kToken).status, 404U);
    EXPECT_EQ(api.send("POST", "/v1/tasks/x/retry", kToken).status, 400U);
    EXPECT_EQ(json::parse(api.send("POST", "/v1/tasks/clear", kToken).body)["cleared"], 0)
        << "it waits again";
    EXPECT_EQ(api.send("POST", "/v1/tasks/clear?state=waiting", kToken).status, 400U);
    EXPECT_EQ(api.send("DELETE", "/v1/tasks/1", kToken).status, 200U);
    EXPECT_EQ(json::parse(api.send("POST", "/v1/tasks/clear", kToken).body)["cleared"], 1);
    for (const char* body :
         {"[]", "{", R"({"kind":5})", R"({"what":"x"})", R"({"kind":"a","priority":256})",
          R"({"kind":"a","priority":-1})", "{}"}) {
        EXPECT_EQ(api.send("POST", "/v1/tasks", kToken, body).status, 400U) << body;
    }
}

TEST_F(RouterTest, ForcedWorkGoesIntoTheQueueFirst) {
    const std::vector<std::tuple<std::string, std::string, std::string, std::string>> cases = {
        {"/v1/sync", "", "prove_state", ""},
        {"/v1/sync", R"({"entity":"user"})", "prove_state", "user"},
        {"/v1/reconcile", R"({"entity":"seat"})", "repair", "seat"},
        {"/v1/prove", R"({"proof":"log","from":3,"to":9})", "prove_log", "3 9"},
        {"/v1/prove", R"({"proof":"state","entity":"user"})", "prove_state", "user"},
        {"/v1/prove", R"({"proof":"replay"})", "prove_replay", ""},
    };
    for (const auto& [target, body, kind, args] : cases) {
        const Response answer = api.send("POST", target, kToken, body);
        ASSERT_EQ(answer.status, 202U) << answer.body;
        const json task = json::parse(answer.body)["task"];
        EXPECT_EQ(task["kind"], kind);
        EXPECT_EQ(task["args"], args);
    }
    for (const auto& [target, body] : std::vector<std::pair<std::string, std::string>>{
             {"/v1/prove", ""},
             {"/v1/prove", R"({"proof":"magic"})"},
             {"/v1/prove", R"({"proof":"log","from":3})"},
             {"/v1/prove", R"({"proof":"log","entity":"user"})"}}) {
        EXPECT_EQ(api.send("POST", target, kToken, body).status, 400U) << body;
    }
    EXPECT_EQ(api.send("POST", "/v1/sync", kToken, R"({"entity":"nobody"})").status, 404U);
}

TEST_F(RouterTest, OpenApiSaysExactlyTheRoutes) {
    const json document = api.get("/v1/openapi.json");
    std::set<std::string> said;
    for (const auto& [path, item] : document["paths"].items()) {
        for (const auto& [method, operation] : item.items()) {
            if (operation["operationId"].get<std::string>().find('.') != std::string::npos) {
                continue;  // Of one entity or event of the config.
            }
            std::string name = method + " " + path;
            for (const json& parameter : operation["parameters"]) {
                name += " " + parameter["name"].get<std::string>();
            }
            name += operation.contains("security") ? " token" : "";
            EXPECT_TRUE(said.insert(name).second) << name;
            EXPECT_TRUE(operation.contains("responses"));
        }
    }
    std::set<std::string> wanted;
    for (const Route& route : routes()) {
        std::string name{route.method};
        for (char& c : name) {
            c = static_cast<char>(std::tolower(c));
        }
        name += " " + std::string{route.pattern};
        for (size_t at = route.pattern.find('{'); at != std::string_view::npos;
             at = route.pattern.find('{', at + 1)) {
            name += " " +
                    std::string{route.pattern.substr(at + 1, route.pattern.find('}', at) - at - 1)};
        }
        for (const QueryParam& param : route.query) {
            name += " " + std::string{param.name};
        }
        name += route.changes ? " token" : "";
        wanted.insert(name);
    }
    EXPECT_EQ(said, wanted);
}

TEST_F(RouterTest, AnAddressMayNameTheHostAsProxiesWriteIt) {
    EXPECT_EQ(api.send("GET", "http://index.example:8080/v1/health").status, 200U);
    EXPECT_EQ(api.send("GET", "HTTPS://index.example/v1/entities/user?limit=1").status, 200U);
    EXPECT_EQ(api.send("GET", "http://index.example").content_type,
              api.send("GET", "/").content_type);
    EXPECT_EQ(api.send("GET", "http://index.example?x=1").status, 400U)
        << "no parameter of the page";
    EXPECT_EQ(api.send("GET", "ftp://index.example/v1/health").status, 400U);
    EXPECT_EQ(api.send("GET", "v1/health").status, 400U);
}

TEST_F(RouterTest, TwoHundredKeysAreOneRequestAndFarMoreAreToldWhatToDo) {
    std::string asked = "/v1/entities/seat?fields=since";
    for (uint64_t i = 0; i < 200; ++i) {
        asked += fmt::format("&key=room=1,who={}", engine::test::hex_of(i));
    }
    EXPECT_EQ(api.get(asked)["missing"].size(), 197U) << "three of them have a seat in room 1";
    for (uint64_t i = 0; i < 100; ++i) {
        asked += "&key=room=1,who=" + engine::test::hex_of(i);
    }
    EXPECT_THAT(api.get(asked, 400)["error"]["message"].get<std::string>(),
                testing::HasSubstr("POST /v1/sql"));
}

TEST_F(RouterTest, AnIdOfJsonRpcComesBackAsItWasOrIsRefused) {
    const auto ask = [&](const std::string& id) {
        return api.send("POST", "/rpc", {}, R"({"method":"eth_chainId","id":)" + id + "}").body;
    };
    for (const std::string id :
         {"1", "-5", "18446744073709551615", "\"18446744073709551616\"", "1.5"}) {
        EXPECT_THAT(ask(id), testing::AllOf(testing::HasSubstr("\"id\":" + id),
                                            testing::HasSubstr("0x7a69")));
    }
    for (const std::string id : {"18446744073709551616", "-9223372036854775809", "1e300"}) {
        EXPECT_THAT(ask(id), testing::AllOf(testing::HasSubstr("\"id\":null"),
                                            testing::HasSubstr("-32600")));
    }
}

TEST(OpenApiTest, AFieldThatIsNamedAsAParameterHasItsComparisonsAndNotItsBareName) {
    std::string toml{kHubToml};
    const size_t at = toml.find("joined_block = \"uint64\" }");
    ASSERT_NE(at, std::string::npos);
    toml.insert(at, "limit = \"uint64\", ");
    ApiWorld named{{.token = kToken}, toml};
    const json parameters =
        named.get("/v1/openapi.json")["paths"]["/v1/entities/user"]["get"]["parameters"];
    std::map<std::string, int> seen;
    for (const json& one : parameters) {
        ++seen[one["name"].get<std::string>()];
    }
    EXPECT_EQ(seen["limit"], 1) << "the parameter";
    for (const char* compare : {"limit.gt", "limit.gte", "limit.lt", "limit.lte", "limit.ne",
                                "limit.in", "points", "points.in"}) {
        EXPECT_EQ(seen[compare], 1) << compare;
    }
    EXPECT_EQ(named.get("/v1/entities/user?limit.gt=5&scan=true")["rows"].size(), 0U);
}

TEST_F(RouterTest, OpenApiNamesTheFieldsAndOrdersOfAnEntityAndTheServerTakesEach) {
    const json document = api.get("/v1/openapi.json");
    const auto schema_of = [&](const std::string& path, const std::string& name) {
        for (const json& one : document["paths"][path]["get"]["parameters"]) {
            if (one["name"] == name) {
                return one["schema"];
            }
        }
        return json{};
    };
    for (const std::string entity : {"user", "seat"}) {
        const std::string path = "/v1/entities/" + entity;
        const json orders = schema_of(path, "order")["enum"];
        EXPECT_GE(orders.size(), 4U) << entity;
        for (const json& order : orders) {
            const auto answer = api.send("GET", path + "?order=" + order.get<std::string>());
            // Columns behind the first need a value for those before them.
            EXPECT_TRUE(answer.status == 200U ||
                        answer.body.find("has no key or index to be asked") != std::string::npos)
                << order << answer.body;
        }
        const json fields = schema_of(path, "fields");
        EXPECT_EQ(fields["type"], "array");
        for (const json& field : fields["items"]["enum"]) {
            api.get(path + "?fields=" + field.get<std::string>());
        }
        for (const std::string deeper : {"/{key}", "/{key}/history"}) {
            EXPECT_EQ(schema_of(path + deeper, "fields"), fields);
        }
    }
    EXPECT_EQ(schema_of("/v1/entities/seat", "order")["enum"][0], "key");
    const json by_block = json::parse(R"(["block","-block"])");
    EXPECT_EQ(schema_of("/v1/events", "order")["enum"], by_block);
    EXPECT_EQ(schema_of("/v1/events/hub/Left", "order")["enum"], by_block);
}

/// Where `value` is not as `schema` says, or "" where it is.
std::string misfit(const json& document, const json& schema, const json& value,
                   const std::string& at) {
    if (schema.contains("$ref")) {
        const std::string name = schema["$ref"].get<std::string>().substr(21);
        return misfit(document, document["components"]["schemas"].at(name), value, at);
    }
    if (schema.contains("oneOf")) {
        std::string why;
        for (const json& one : schema["oneOf"]) {
            const std::string found = misfit(document, one, value, at);
            if (found.empty()) {
                return "";
            }
            why += found + "; ";
        }
        return why;
    }
    if (!schema.contains("type")) {
        return "";
    }
    const std::string type = schema["type"];
    const bool fits = type == "object"    ? value.is_object()
                      : type == "array"   ? value.is_array()
                      : type == "string"  ? value.is_string()
                      : type == "integer" ? value.is_number_integer()
                      : type == "number"  ? value.is_number()
                      : type == "boolean" ? value.is_boolean()
                                          : value.is_null();
    if (!fits) {
        return at + " is no " + type;
    }
    if (schema.contains("enum") &&
        std::ranges::find(schema["enum"], value) == schema["enum"].end()) {
        return at + " is none of " + schema["enum"].dump();
    }
    for (const json& item : type == "array" ? value : json::array()) {
        if (std::string found = misfit(document, schema["items"], item, at + "[]");
            !found.empty()) {
            return found;
        }
    }
    if (type != "object") {
        return "";
    }
    for (const json& name : schema.value("required", json::array())) {
        if (!value.contains(name)) {
            return at + " lacks " + name.get<std::string>();
        }
    }
    for (const auto& [name, member] : value.items()) {
        const bool is_known = schema["properties"].contains(name);
        const json& of = is_known ? schema["properties"][name] : schema["additionalProperties"];
        if (of.is_boolean()) {
            return at + " has " + name + ", which the schema does not";
        }
        if (std::string found = misfit(document, of, member, at + "." + name); !found.empty()) {
            return found;
        }
    }
    return "";
}

TEST_F(RouterTest, EveryAnswerIsAsItsSchemaSays) {
    const json document = api.get("/v1/openapi.json");
    const auto expect_fit = [&](const std::string& path, const std::string& method,
                                const Response& answer) {
        const json& responses = document["paths"].at(path).at(method)["responses"];
        const bool is_done = answer.status < 300;
        const std::string status = is_done ? std::to_string(answer.status) : "default";
        ASSERT_TRUE(responses.contains(status)) << method << " " << path << ": " << answer.status;
        const json& content = responses[status]["content"];
        ASSERT_TRUE(content.contains("application/json")) << path;
        EXPECT_EQ(misfit(document, content["application/json"]["schema"], json::parse(answer.body),
                         "answer"),
                  "")
            << path << ": " << answer.body;
    };
    for (const Route& route : routes()) {
        if (route.id == "page" || route.id == "metrics" || route.id == "stream" ||
            route.id == "ponder_live") {
            continue;
        }
        std::string method{route.method};
        std::ranges::transform(method, method.begin(), [](char c) { return std::tolower(c); });
        const bool is_sql = route.id == "sql" && !route.body.empty();
        const std::string body = is_sql                   ? R"({"sql":"select 1, null, 'a', 1.5"})"
                                 : route.id == "add_task" ? R"({"kind":"scrub"})"
                                 : route.id == "prove"    ? R"({"proof":"replay"})"
                                                          : "";
        const Response answer =
            api.send(std::string{route.method}, example_of(route), kToken, body);
        if (route.method == "GET") {
            EXPECT_EQ(answer.status, 200U) << route.pattern << answer.body;
        }
        expect_fit(std::string{route.pattern}, method, answer);
    }
    // What only some questions have, and the paths of this config.
    const std::string user = engine::test::hex_of(3);
    for (const auto& [path, target] : std::vector<std::pair<std::string, std::string>>{
             {"/v1/entities/user", "/v1/entities/user?count=true&limit=2"},
             {"/v1/entities/user", "/v1/entities/user?key=" + user},
             {"/v1/entities/user", "/v1/entities/user?limit=0"},
             {"/v1/entities/seat", "/v1/entities/seat?room.gte=1"},
             {"/v1/entities/user/{key}", "/v1/entities/user/" + user},
             {"/v1/entities/user/{key}", "/v1/entities/user/" + user + "?at=5"},
             {"/v1/entities/user/{key}", "/v1/entities/user/" + engine::test::hex_of(99)},
             {"/v1/entities/user/{key}/history", "/v1/entities/user/" + user + "/history"},
             {"/v1/events/hub/Joined", "/v1/events/hub/Joined?order=-block"},
             {"/v1/events/hub/Scored", "/v1/events/hub/Scored?param.points.gt=1"},
             {"/v1/events", "/v1/events?limit=30"}}) {
        expect_fit(path, "get", api.send("GET", target));
    }
    EXPECT_EQ(api.get("/v1/events/hub/Scored")["events"].size(), 11U);
    EXPECT_EQ(api.send("GET", "/v1/events/hub/Nothing").status, 404U);
    const json& points = document["components"]["schemas"]["entity.user"]["properties"]["points"];
    EXPECT_EQ(points["oneOf"][1]["format"], "uint64");
    EXPECT_EQ(document["components"]["schemas"]["event.hub.Joined"]["properties"]["params"]
                      ["properties"]["room"]["format"],
              "uint256");
}

TEST(ProofSegmentsTest, TheLowestOfAllSourcesCounts) {
    using storage::ProofLevel;
    std::vector<engine::Source> sources(2);
    sources[0].fingerprint = "a";
    sources[1].fingerprint = "b";
    sources[1].first_block = 50;
    const std::vector<storage::CoverageRow> coverage = {
        {"a", {0, 99}, "p", ProofLevel::kReceipts},
        {"a", {100, 199}, "p", ProofLevel::kFetched},
        {"b", {50, 79}, "p", ProofLevel::kBloom},
        {"b", {90, 199}, "p", ProofLevel::kReceipts},
        {"gone", {0, 500}, "p", ProofLevel::kReceipts},
    };
    const std::vector<ProofSegment> wanted = {
        {0, 49, ProofLevel::kReceipts},   {50, 79, ProofLevel::kBloom},
        {80, 89, ProofLevel::kNone},      {90, 99, ProofLevel::kReceipts},
        {100, 199, ProofLevel::kFetched}, {200, 210, ProofLevel::kNone}};
    EXPECT_EQ(proof_segments(sources, coverage, 0, 210), wanted);
    EXPECT_EQ(proof_segments(sources, coverage, 85, 85),
              (std::vector<ProofSegment>{{85, 85, ProofLevel::kNone}}));
    sources[0].end_block = 99;
    EXPECT_EQ(proof_segments(sources, coverage, 90, 210),
              (std::vector<ProofSegment>{{90, 199, ProofLevel::kReceipts},
                                         {200, 210, ProofLevel::kNone}}))
        << "behind its end a source holds nothing back";
}

TEST(ProofSegmentsTest, WhatAnotherConfigHasLeftCountsWhereNoSourceOfTodayHasAny) {
    using storage::ProofLevel;
    std::vector<engine::Source> sources(1);
    sources[0].fingerprint = "a";
    sources[0].first_block = 50;
    sources[0].end_block = 99;
    const std::vector<storage::CoverageRow> coverage = {
        {"a", {10, 99}, "p", ProofLevel::kReceipts},
        {"gone", {15, 200}, "p", ProofLevel::kFetched},
        {"left", {10, 14}, "p", ProofLevel::kBloom},
        {"left", {15, 60}, "p", ProofLevel::kFetched},
        {"left", {100, 109}, "p", ProofLevel::kLinked},
    };
    EXPECT_EQ(proof_segments(sources, coverage, 0, 120),
              (std::vector<ProofSegment>{{0, 9, ProofLevel::kReceipts},
                                         {10, 14, ProofLevel::kBloom},
                                         {15, 49, ProofLevel::kFetched},
                                         {50, 99, ProofLevel::kReceipts},
                                         {100, 109, ProofLevel::kLinked},
                                         {110, 120, ProofLevel::kReceipts}}));
}

TEST(ProofSegmentsTest, ChildrenAreProvenNoFurtherThanWhatAnnouncesThem) {
    using storage::ProofLevel;
    std::vector<engine::Source> sources(3);  // "a" announces "b", "b" announces "c".
    sources[0].fingerprint = "a";
    sources[1].fingerprint = "b";
    sources[1].parents = {0};
    sources[1].first_block = 20;
    sources[1].end_block = 69;
    sources[2].fingerprint = "c";
    sources[2].parents = {1};
    sources[2].first_block = 60;
    sources[2].end_block = 89;
    const std::vector<storage::CoverageRow> coverage = {
        {"a", {0, 39}, "p", ProofLevel::kReceipts},   {"a", {40, 44}, "p", ProofLevel::kFetched},
        {"a", {45, 199}, "p", ProofLevel::kReceipts}, {"b", {20, 199}, "p", ProofLevel::kReceipts},
        {"c", {60, 199}, "p", ProofLevel::kReceipts},
    };
    const std::vector<ProofSegment> wanted = {{0, 39, ProofLevel::kReceipts},
                                              {40, 89, ProofLevel::kFetched},
                                              {90, 199, ProofLevel::kReceipts}};
    EXPECT_EQ(proof_segments(sources, coverage, 0, 199), wanted)
        << "behind the children's end the factory alone counts";
    EXPECT_EQ(proof_segments(sources, coverage, 80, 95),
              (std::vector<ProofSegment>{{80, 89, ProofLevel::kFetched},
                                         {90, 95, ProofLevel::kReceipts}}))
        << "the hole is below what is asked for";
}

}  // namespace
}  // namespace plumbline::api::test::router_test
