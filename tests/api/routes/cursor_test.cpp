// Cursors of pages: they go on where the page before ended, or are refused.
#include <string>
#include <vector>

#include "tests/api/api_world.hpp"

namespace plumbline::api::test::cursor_test {
namespace {

using nlohmann::json;

/// The config with `from` written as `to`.
std::string changed(std::string from, std::string_view to) {
    std::string out{kHubToml};
    const size_t at = out.find(from);
    PLUMBLINE_CHECK(at != std::string::npos);
    return out.replace(at, from.size(), to);
}

std::string next_of(ApiWorld& api, const std::string& question) {
    return api.get(question + "limit=2")["next"];
}

struct ConfigCase {
    const char* what;
    std::string toml;
    const char* order;
    bool is_same;  ///< the order is what it was
};

TEST(CursorTest, AListCursorIsRefusedWhereTheConfigHasMadeItsOrderAnother) {
    const std::string more_fields =
        changed("{ name = \"string\"", "{ a = \"bool\", name = \"string\"");
    const std::vector<ConfigCase> cases = {
        {"nothing", std::string{kHubToml}, "points", true},
        {"a field that is not in the order", more_fields, "points", true},
        {"another index behind it", changed("\"points\"]]", "\"points\"], [\"name\"]]"), "points",
         true},
        {"a wider index", changed("[[\"points\"],", "[[\"points\", \"name\"],"), "points", false},
        {"a wider type", changed("points = \"uint64\"", "points = \"uint256\""), "points", false},
        {"an optional field", changed("_block = \"uint64\"", "_block = \"uint64?\""),
         "joined_block", false},
        {"another index in its place", changed("[[\"points\"],", "[[\"name\"], [\"points\"],"),
         "points", false},
    };
    ApiWorld before;
    for (const ConfigCase& one : cases) {
        SCOPED_TRACE(one.what);
        ApiWorld after{{.token = kToken}, one.toml};
        for (const std::string way : {"", "-"}) {
            const std::string asked =
                fmt::format("/v1/entities/user?fields=name&order={}{}&", way, one.order);
            const json all = after.get(asked);
            const json first = before.get(asked + "limit=2");
            const json rest = after.get(asked + "cursor=" + first["next"].get<std::string>(),
                                        one.is_same ? 200 : 400);
            if (one.is_same) {
                EXPECT_EQ(first["rows"].size() + rest["rows"].size(), all["rows"].size());
                EXPECT_EQ(rest["rows"].back(), all["rows"].back());
            } else {
                EXPECT_THAT(rest["error"]["message"].get<std::string>(),
                            testing::HasSubstr("before a change of the config"));
            }
        }
        after.get("/v1/entities/user?cursor=" + next_of(before, "/v1/entities/user?"));
    }
}

TEST(CursorTest, AListCursorIsRefusedInAnotherOrderOrEntity) {
    ApiWorld api;
    const std::string by_points = next_of(api, "/v1/entities/user?order=points&");
    const std::string by_key = next_of(api, "/v1/entities/user?");
    api.get("/v1/entities/user?order=-points&cursor=" + by_points, 400);
    api.get("/v1/entities/user?cursor=" + by_points, 400);
    api.get("/v1/entities/user?order=points&cursor=" + by_key, 400);
    api.get("/v1/entities/seat?cursor=" + by_key, 400);
}

class LogCursorTest : public testing::Test {
  protected:
    /// Blocks `from` to 12 once more, of another fork.
    void reorganise(uint64_t from, uint64_t to) {
        api.world.rollback(from - 1);
        for (uint64_t block = from; block <= to; ++block) {
            api.world.block(block, {api.mapping.emit("hub.Scored", {acc(3), num(7)}, block, 5)}, 1);
        }
        api.world.commit();
    }
    std::string why(const std::string& question) {
        return api.get(question, 400)["error"]["message"];
    }

    ApiWorld api{{.token = kToken}, kHubToml, {.finalized = 0}};
};

TEST_F(LogCursorTest, EventsGoOnBehindACursorWhoseBlockIsStillThere) {
    const std::string next = api.get("/v1/events?limit=10")["next"];  // block 5
    reorganise(9, 12);
    const json rest = api.get("/v1/events?cursor=" + next);
    ASSERT_FALSE(rest["events"].empty());
    EXPECT_EQ(rest["events"][0]["block"], 6);
    EXPECT_EQ(rest["events"].back()["block"], 12);
}

TEST_F(LogCursorTest, ACursorInABlockThatTheChainHasLeftIsRefused) {
    const std::string up = api.get("/v1/events?limit=20")["next"];                // block 10
    const std::string down = api.get("/v1/events?order=-block&limit=4")["next"];  // block 10
    reorganise(9, 9);
    EXPECT_THAT(why("/v1/events?cursor=" + up), testing::HasSubstr("block 10"));
    EXPECT_THAT(why("/v1/events?order=-block&cursor=" + down), testing::HasSubstr("from="));
    reorganise(9, 12);
    EXPECT_THAT(why("/v1/events?cursor=" + up), testing::HasSubstr("the chain left it"))
        << "as high as before, but another block";
    EXPECT_THAT(why("/v1/events?cursor=10-3"), testing::HasSubstr("cursor"))
        << "a number alone does not say which block";
}

TEST_F(LogCursorTest, AHistoryGoesOnBehindItsCursorOrRefusesIt) {
    const std::string user = "/v1/entities/user/" + engine::test::hex_of(3) + "/history";
    api.world.block(13, {api.mapping.emit("hub.Scored", {acc(3), num(1)}, 13, 0)});
    api.world.block(14, {api.mapping.emit("hub.Scored", {acc(3), num(1)}, 14, 0)});
    api.world.commit();
    const std::string next = api.get(user + "?limit=3")["next"];  // block 13
    EXPECT_EQ(api.get(user + "?cursor=" + next)["versions"].size(), 1U);
    reorganise(13, 14);
    EXPECT_THAT(why(user + "?cursor=" + next), testing::HasSubstr("block 13"));
}

}  // namespace
}  // namespace plumbline::api::test::cursor_test
