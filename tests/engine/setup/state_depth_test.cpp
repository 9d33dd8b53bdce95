// Since which block a node has state, and what a config asks that it lacks.
#include "engine/setup/state_depth.hpp"

#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/evm/hex.hpp"

namespace plumbline::engine::state_depth_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// A node that has state of the blocks `since` to its head.
class Node final : public rpc::Transport {
  public:
    explicit Node(std::optional<uint64_t> since) : since_{since} {}
    uint64_t submit(rpc::HttpRequest request) override {
        const json asked = json::parse(request.body);
        const uint64_t block = *evm::parse_quantity(asked["params"][1].get<std::string>());
        json answer{{"jsonrpc", "2.0"}, {"id", 1}};
        if (hiccups > 0) {
            --hiccups;
            answer["error"] = {{"code", -32000}, {"message", "come again"}};
        } else if (since_ && block >= *since_) {
            answer["result"] = "0x0";
        } else {
            answer["error"] = {{"code", -32000}, {"message", "missing trie node 00 (path )"}};
        }
        const std::string text = answer.dump();
        done_.id = ++questions;
        done_.status = 200;
        done_.body.assign(text.begin(), text.end());
        return done_.id;
    }
    void poll(int64_t /*wait_ms*/, std::vector<rpc::HttpCompletion>& completions) override {
        completions.push_back(done_);
    }
    [[nodiscard]] size_t in_flight() const override { return 0; }

    unsigned questions = 0;
    unsigned hiccups = 0;

  private:
    std::optional<uint64_t> since_;
    rpc::HttpCompletion done_;
};

constexpr uint64_t kHead = 25'000'000;

StateDepth look(Node& node, uint64_t from = 1) {
    const rpc::Endpoint endpoint{"http://node.example", {}, {}};
    EndpointClient client{endpoint, node, system_clock(), {}};
    return find_state_depth(client, kHead, from);
}

TEST(StateDepthTest, TheFirstBlockWithStateIsFoundInFewQuestions) {
    for (const uint64_t since : {uint64_t{1}, uint64_t{2}, uint64_t{77}, uint64_t{12'345'678},
                                 kHead - 127, kHead - 1, kHead}) {
        Node node{since};
        const StateDepth depth = look(node);
        EXPECT_EQ(depth.since, since);
        EXPECT_EQ(depth.is_whole, since == 1);
        EXPECT_EQ(depth.asked, node.questions);
        EXPECT_LE(node.questions, kStateQuestionsMax);
    }
    Node none{std::nullopt};
    const StateDepth depth = look(none);
    EXPECT_FALSE(depth.since);
    EXPECT_THAT(depth.why, HasSubstr("missing trie node"));
    EXPECT_LE(none.questions, 4U);
}

TEST(StateDepthTest, ARefusalThatSaysNothingOfStateIsAskedOnceMore) {
    Node node{uint64_t{1}};
    node.hiccups = 1;
    EXPECT_EQ(look(node).since, 1U);
    EXPECT_EQ(node.questions, 2U);
}

Config config_with(const std::string& call_a, const std::string& call_b) {
    const std::string text = R"x(
[chain]
id = 1
rpc = "http://127.0.0.1:1"
[contracts.old]
abi = "a.json"
address = "0x00000000000000000000000000000000000000a4"
start_block = 100
[contracts.young]
abi = "a.json"
address = "0x00000000000000000000000000000000000000a5"
start_block = 900
[entities.item]
key = { id = "uint256" }
fields = { n = "uint256" }
[[on]]
event = "old.Made"
upsert = "item"
key = { id = "id" }
set = { n = "$call.a" }
calls = { a = { call = "function n() view returns (uint256)")x" +
                             call_a + R"x( } }
[[on]]
event = "young.Made"
upsert = "item"
key = { id = "id" }
set = { n = "$call.b" }
calls = { b = { call = "function m() view returns (uint256)")x" +
                             call_b + " } }\n";
    auto config = parse_config(text, "test.toml", [](const std::string&) {
        return Result<std::string>{
            R"([{"type":"event","name":"Made","inputs":[{"name":"id","type":"uint256","indexed":false}]}])"};
    });
    EXPECT_TRUE(config) << config.error().message;
    return *std::move(config);
}

TEST(StateDepthTest, WhatCallsAskOfOldBlocksIsHeldAgainstWhatThereIs) {
    const std::string head = R"(, once = true, state = "head")";
    const auto both = find_old_calls(config_with("", ""));
    ASSERT_TRUE(both);
    EXPECT_EQ(both->from, 100U);
    EXPECT_EQ(both->names, (std::vector<std::string>{"a", "b"}));
    const auto one = find_old_calls(config_with(head, ""));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->from, 900U);
    EXPECT_FALSE(find_old_calls(config_with(head, head)));
    StateDepth depth;
    depth.since = 500;
    EXPECT_EQ(describe_missing_state(*one, "http://node.example", depth), "");
    const std::string lacks = describe_missing_state(*both, "http://node.example", depth);
    EXPECT_THAT(lacks,
                HasSubstr("contract calls (a, b) ask the state of events' blocks, from 100"));
    EXPECT_THAT(lacks, HasSubstr("state since block 500 only"));
    EXPECT_THAT(lacks, HasSubstr("state = \"head\""));
}

}  // namespace
}  // namespace plumbline::engine::state_depth_test
