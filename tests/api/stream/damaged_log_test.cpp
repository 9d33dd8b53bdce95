// The live stream over a database that is damaged: a client is told so, and never less than all.
#include <atomic>

#include "api/http/request_target.hpp"
#include "api/stream/stream.hpp"
#include "api/stream/stream_renderer.hpp"
#include "storage/raw_access.hpp"
#include "storage/record_codec.hpp"
#include "tests/api/api_world.hpp"

namespace plumbline::api::test::damaged_log_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class DamagedLogTest : public testing::Test {
  protected:
    DamagedLogTest() { fill(world, mapping); }

    /// Puts what is no record in the place of the `index`th of that family.
    void damage(const char* family, size_t index) {
        damage_at(family, [index](const std::vector<std::string>& keys) { return keys.at(index); });
    }
    void add_garbage(const char* family) {
        damage_at(family, [](const std::vector<std::string>&) { return std::string{"garbage"}; });
    }
    template <typename Pick>
    void damage_at(const char* family, Pick pick) {
        world.stop();
        world.database.reset();
        {
            const auto raw = storage::RawAccess::open(world.dir.sub("db"));
            ASSERT_OK(raw);
            const auto keys = (*raw)->list_keys(family);
            ASSERT_OK(keys);
            ASSERT_OK((*raw)->put(family, pick(*keys), "x"));
        }
        world.database =
            storage::test::must_open(world.dir.sub("db"), storage::test::open_options());
    }
    /// All that a new client of these events gets, at most 100 messages.
    std::vector<json> follow(const std::string& question) {
        StreamHub hub{
            mapping.plan, [this] { return world.database.get(); }, [] { return true; }, {}};
        const auto target = parse_target("/v1/stream?" + question);
        auto filter = read_stream_filter(*mapping.plan, *target);
        EXPECT_OK(filter);
        const auto reader = hub.subscribe(*std::move(filter));
        EXPECT_OK(reader);
        std::vector<json> out;
        for (auto text = (*reader)->next(); text && out.size() < 100; text = (*reader)->next()) {
            out.push_back(json::parse(*text));
        }
        EXPECT_EQ((*reader)->is_over(), out.back()["type"] == "drop");
        return out;
    }
    /// The blocks that were told whole, and then the end with this reason.
    void expect_end(const std::vector<json>& messages, const std::vector<uint64_t>& blocks,
                    const char* reason = "the log cannot be read") {
        std::vector<uint64_t> told;
        for (const json& message : messages) {
            if (message["type"] == "block") {
                told.push_back(message["block"]);
            }
        }
        EXPECT_EQ(told, blocks);
        ASSERT_EQ(messages.back()["type"], "drop") << messages.back();
        EXPECT_THAT(messages.back()["reason"].get<std::string>(), HasSubstr(reason));
    }

    Mapping mapping{kHubToml, hub_abis()};
    World world{mapping};
};

TEST_F(DamagedLogTest, WithoutDamageAllBlocksWithEventsAreTold) {
    const auto messages = follow("event=*&from=0");
    EXPECT_EQ(messages.back()["type"], "ready");
    EXPECT_EQ(std::ranges::count(messages, "block",
                                 [](const json& one) { return one["type"].get<std::string>(); }),
              11);
}

TEST_F(DamagedLogTest, ABlockWhoseRowCannotBeReadEndsTheStreamAndIsNotPassedOver) {
    damage("blocks", 2);
    expect_end(follow("event=*&from=0"), {1, 2});
}

TEST_F(DamagedLogTest, ABlockOfWhichAnEventCannotBeReadIsNotToldAsWhole) {
    damage("log", 3);  // the second of block 2
    expect_end(follow("event=*&from=0"), {1});
}

TEST_F(DamagedLogTest, EventsAreNotToldWithoutNamesWhereContractsCannotBeRead) {
    add_garbage("children");
    ASSERT_FALSE(world.database->children());
    expect_end(follow("event=*&from=0"), {});
}

TEST_F(DamagedLogTest, ACommitWhoseContractsCannotBeReadIsToldAsARange) {
    add_garbage("children");
    const StreamFeed feed{
        mapping.plan, [this] { return world.database.get(); }, [] { return true; }, {}};
    StreamRenderer renderer{feed};
    const auto commit = [this] {
        StreamInput input;
        input.range = {13, 13};
        const Emitted event = mapping.emit("hub.Scored", {acc(1), num(1)}, 13, 0);
        input.logs.push(event.log, event.data);
        return input;
    };
    const StreamRecord record = renderer.render(commit());
    EXPECT_EQ(record.kind, StreamRecord::Kind::kRange);
    EXPECT_TRUE(record.events.empty());
    EXPECT_EQ(record.to, 13U);
}

TEST_F(DamagedLogTest, ResultsOfProofsThatCouldNotBeReadAreLookedForAgainWithoutANewCommit) {
    const storage::ProofRecord proof{"log", "", 13,    storage::test::hash_of(13), 1, true, 13,
                                     0,     "", "fine"};
    World mended{mapping};
    fill(mended, mapping);
    for (World* one : {&world, &mended}) {
        one->batch->record_proof(proof);
        one->block(13, {});
        one->commit();
    }
    World before{mapping};
    fill(before, mapping);
    damage_at("default", [](const auto&) { return storage::proof_key("log", ""); });
    ASSERT_FALSE(world.database->read_view()->list_proofs());
    ASSERT_EQ(world.database->cursor()->commit_num, mended.database->cursor()->commit_num);

    std::atomic<storage::Database*> shown{before.database.get()};
    std::atomic<int> looks{0};
    StreamHub hub{mapping.plan,
                  [&] {
                      ++looks;
                      looks.notify_all();
                      return shown.load();
                  },
                  [] { return true; },
                  {}};
    hub.start();
    // A look by now may be of what was shown before; behind the third one, one of it is over.
    const auto await_looks = [&looks] {
        const int wanted = looks + 3;
        for (int seen = looks; seen < wanted; seen = looks) {
            looks.wait(seen);
        }
    };
    await_looks();
    shown = world.database.get();
    await_looks();
    EXPECT_EQ(hub.newest_seq(), 0U);
    shown = mended.database.get();
    await_looks();
    await_looks();
    EXPECT_EQ(hub.newest_seq(), 1U) << "the result is told";
    hub.stop();
}

}  // namespace
}  // namespace plumbline::api::test::damaged_log_test
