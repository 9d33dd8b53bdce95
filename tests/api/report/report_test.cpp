// Reports declared in the config: what they count, what they may say, what they may cost.
#include "tests/api/api_world.hpp"

namespace plumbline::api::test::report_test {
namespace {

using nlohmann::json;

constexpr std::string_view kReports = R"~(
[reports.by_room]
about = "Seats taken in each room"
entity = "seat"
group_by = "room"

[reports.top]
entity = "user"
group_by = "name"
metric = "max"
of = "points"
top = 2

[reports.by_block]
event = "hub.Scored"
group_by = "$block.number/5"

[reports.mean]
entity = "seat"
group_by = ["room"]
metric = "ratio"
of = "user[who].points"
to = "user[who].joined_block"

[reports.kinds]
entity = "user"
metric = "distinct"
of = "points"

[reports.good]
entity = "user"
where = ["points >= 2", "name != 'user 10'"]

[reports.sum_by_day]
entity = "user"
group_by = ["joined_block/day"]
metric = "sum"
of = "points"

[reports.odd_doubled]
entity = "user"
where = "points % 2 == 1"
group_by = "(points)"
metric = "sum"
of = "points * 2"

[reports.halves]
entity = "user"
metric = "sum"
of = "div(points, 2, 1)"

[reports.of_others]
entity = "seat"
where = "exists(user[who])"
metric = "sum"
of = "(user[who].points ?? 100) * (if(room == room, 1, 0))"

[reports.divided]
entity = "user"
metric = "sum"
of = "1 / points"

[reports.by_two_steps]
entity = "user"
group_by = ["joined_block/2", "joined_block/4"]
top = 1

[reports.scored]
event = "hub.Scored"
metric = "sum"
of = "points"

[reports.scored_of_one]
event = "hub.Scored"
where = ["points > 0", "$block.number > 0"]
group_by = "$log.address"
)~";

std::vector<Report> reports_of(const Mapping& mapping) {
    auto reports = read_reports(mapping.config.text, "test.toml", *mapping.plan);
    PLUMBLINE_CHECK_MSG(reports.has_value(), message_of(reports).c_str());
    return *std::move(reports);
}

class ReportTest : public testing::Test {
  protected:
    ReportTest()
        : mapping_{std::string{kHubToml} + std::string{kReports}, hub_abis()},
          world_{mapping_},
          context_{mapping_.plan},
          router_{context_, {.token = {}, .reports = reports_of(mapping_)}} {
        fill(world_, mapping_);
        context_.shown = world_.database.get();
    }
    json get(const std::string& target, unsigned status = 200) {
        const Response answer = router_.handle({"GET", target, "", ""});
        EXPECT_EQ(answer.status, status) << answer.body;
        return json::parse(answer.body, nullptr, false);
    }
    /// "by=value", groups in the order given.
    std::vector<std::string> groups(const std::string& report) {
        std::vector<std::string> out;
        const json body = get("/v1/analytics/" + report);
        EXPECT_EQ(body["block"]["number"], 12);
        for (const json& group : body["groups"]) {
            std::string by;
            for (const auto& [name, value] : group["by"].items()) {
                by += value.is_string() ? value.get<std::string>() : value.dump();
            }
            out.push_back(by + "=" + group["value"].dump());
        }
        return out;
    }

    Mapping mapping_;
    World world_;
    TestContext context_;
    Router router_;
};

using Groups = std::vector<std::string>;

TEST_F(ReportTest, CountsAndSumsAreThoseOfTheRows) {
    EXPECT_EQ(groups("by_room"), (Groups{"0=3", "1=3", "2=3"}));
    EXPECT_EQ(groups("top"), (Groups{"user 3=3", "user 7=3"}));
    EXPECT_EQ(groups("kinds"), (Groups{"=4"}));
    EXPECT_EQ(groups("good"), (Groups{"=4"}));
    EXPECT_EQ(groups("sum_by_day"), (Groups{"0=\"15\""}));
    EXPECT_EQ(groups("mean")[0], "0=0.333333");
}

TEST_F(ReportTest, EventsAreCountedByRangesOfBlocks) {
    EXPECT_EQ(groups("by_block"), (Groups{"0=4", "5=5", "10=2"}));
}

TEST_F(ReportTest, ValuesAreExpressionsOverRows) {
    // Twice the points, of those who have an odd number of them.
    EXPECT_EQ(groups("odd_doubled"), (Groups{"1=\"6\"", "3=\"12\""}));
    EXPECT_EQ(groups("halves"), (Groups{"=\"7.5\""}));
    EXPECT_EQ(groups("of_others"), (Groups{"=\"14\""}));
}

TEST_F(ReportTest, OneColumnByTwoStepsHasTwoNames) {
    const json by = get("/v1/analytics/by_two_steps")["groups"][0]["by"];
    EXPECT_TRUE(by.contains("joined_block")) << by;
    EXPECT_TRUE(by.contains("joined_block/4")) << by;
}

TEST_F(ReportTest, ParametersOfEventsAreSummedAndTested) {
    // The 15 of the rows, and one that no user took.
    EXPECT_EQ(groups("scored"), (Groups{"=\"16\""}));
    EXPECT_EQ(groups("scored_of_one"), (Groups{"0x00000000000000000000000000000000000000aa=9"}));
}

TEST_F(ReportTest, ABrokenRuleNamesTheRowAndThePart) {
    const json body = get("/v1/analytics/divided", 400);
    EXPECT_THAT(body.dump(), testing::HasSubstr("'user' (account=0x"));
    EXPECT_THAT(body.dump(), testing::HasSubstr("'1 / points': division by zero"));
}

TEST_F(ReportTest, ListedAndLimited) {
    const json list = get("/v1/analytics");
    EXPECT_EQ(list["reports"].size(), 14U);
    EXPECT_EQ(list["reports"][0]["about"], "Seats taken in each room");
    EXPECT_EQ(get("/v1/analytics/by_room?limit=1")["groups"].size(), 1U);
    EXPECT_EQ(get("/v1/analytics/by_room?limit=1")["total"], 3);
    get("/v1/analytics/nothing", 404);
}

TEST_F(ReportTest, ANewCommitIsCountedAgain) {
    EXPECT_EQ(groups("by_room")[0], "0=3");
    world_.block(13,
                 {mapping_.emit("hub.Joined", {acc(50), num(0), engine::test::text("x")}, 13, 0)});
    world_.commit();
    EXPECT_EQ(get("/v1/analytics/by_room")["groups"][0]["value"], 4);
}

TEST_F(ReportTest, WhatCostsTooMuchIsRefused) {
    const auto view = world_.database->read_view();
    const std::vector<Report> reports = reports_of(mapping_);
    EXPECT_ERROR(count_report(reports[0], *view, mapping_.plan, system_clock(), {.scan_max = 5}),
                 ErrorCode::kTooLarge);
    EXPECT_ERROR(count_report(reports[0], *view, mapping_.plan, system_clock(), {.groups_max = 1}),
                 ErrorCode::kTooLarge);
}

TEST(ReportMistakeTest, ADayThatIsAColumnOrAParameterTooIsRefusedWithBothWaysOut) {
    const std::string days =
        "[entities.stay]\nkey = { id = \"uint64\" }\nfields = { at = \"uint64\", day = \"uint64\" "
        "}\n";
    const Mapping mapping{std::string{kHubToml} + days, hub_abis()};
    const auto message = [&](const std::string& group) {
        const auto read =
            read_reports("[reports.r]\nentity = \"stay\"\ngroup_by = \"" + group + "\"", "c.toml",
                         *mapping.plan);
        return read ? std::string{} : read.error().message;
    };
    EXPECT_EQ(message("at/day"),
              "c.toml:3:12: [reports.r]: 'at/day' may be the calendar's day or a division by the "
              "value 'day': write (at / day) for the division, at/86400 for the day");
    for (const char* group : {"(at / day)", "at/86400", "at/hour"}) {
        EXPECT_EQ(message(group), "") << group;
    }
}

TEST(ReportMistakeTest, AllOfOneReportAreToldTogetherAndNotWhatFollowsFromThem) {
    const Mapping mapping{kHubToml, hub_abis()};
    const auto lines = [&](const std::string& text) {
        const auto read = read_reports("[reports.r]\n" + text, "c.toml", *mapping.plan);
        return read ? std::string{} : read.error().message;
    };
    const std::string all = lines(
        "entity = \"user\"\nwhere = [\"points > x\", \"points + 1\"]\ngroup_by = [\"nope\", "
        "\"points/0\"]\nmetric = \"sum\"\nof = \"y + 1\"\ntop = 0\n");
    for (const char* said : {"'x' is no column", "'points + 1' is not true or false",
                             "'nope' is no column", "not 0", "'y' is no column", "top"}) {
        EXPECT_THAT(all, testing::HasSubstr(said));
    }
    EXPECT_EQ(std::ranges::count(all, '\n'), 5) << all;
    // What may be another's misspelt key is not called missing, and what it is for not judged.
    EXPECT_EQ(std::ranges::count(lines("entty = \"user\"\nmetric = \"sum\"\nof = \"name\""), '\n'),
              0);
    EXPECT_EQ(
        std::ranges::count(lines("entity = \"user\"\nmetrc = \"distinct\"\nof = \"name\""), '\n'),
        0);
}

TEST(ReportMistakeTest, EachIsNamedWithItsPlace) {
    const Mapping mapping{kHubToml, hub_abis()};
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"entity = \"nobody\"", "no entity 'nobody'"},
        {"about = \"x\"", "one of entity and event"},
        {"entity = \"user\"\nevent = \"hub.Joined\"", "one of entity and event"},
        {"entity = \"user\"\ngroup_by = \"nope\"", "'nope' is no column of 'user'"},
        {"entity = \"user\"\ngroup_by = \"name/day\"", "no unsigned number"},
        {"entity = \"user\"\ngroup_by = \"points/week\"", "day, hour or a number"},
        {"event = \"hub.Joined\"\ngroup_by = \"$block.timestamp/week\"", "day, hour or a number"},
        {"entity = \"user\"\ngroup_by = \"points/0\"", "a number above 0, not 0"},
        {"entity = \"user\"\ngroup_by = [\"points\", \"name\", \"points\"]", "'points' twice"},
        {"entity = \"user\"\nmetric = \"mean\"", "count, sum, min, max, distinct or ratio"},
        {"entity = \"user\"\nmetric = \"sum\"", "goes with `of`"},
        {"entity = \"user\"\nof = \"points\"", "goes without `of`"},
        {"entity = \"user\"\nmetric = \"sum\"\nof = \"name\"", "'name' is no number"},
        {"entity = \"user\"\nmetric = \"ratio\"\nof = \"points\"", "goes with `to`"},
        {"entity = \"user\"\nwhere = \"points > x\"", "'x' is no column of 'user'"},
        {"entity = \"seat\"\ngroup_by = \"user[room].points\"",
         "key field 'user.account' is address, but 'room' is uint256"},
        {"event = \"hub.Joined\"\nmetric = \"sum\"\nof = \"x\"", "no parameter"},
        {"event = \"hub.Joined\"\nmetric = \"sum\"\nof = \"$txn.value\"", "its transaction says"},
        {"event = \"hub.Gone\"", "Gone"},
        {"event = \"pub.Joined\"", "one of the contracts hub"},
        {"entity = \"user\"\nwhere = \"points + 1\"", "not true or false"},
        {"entity = \"user\"\ngroup_by = \"points + \"", "expected a value, found the end"},
        {"entity = \"user\"\ntop = 0", "top"},
        {"entity = \"user\"\nlimit = 5", "limit"},
    };
    for (const auto& [text, message] : cases) {
        const auto read = read_reports("[reports.r]\n" + text, "c.toml", *mapping.plan);
        ASSERT_FALSE(read.has_value()) << text;
        EXPECT_THAT(read.error().message, testing::HasSubstr(message)) << text;
        EXPECT_THAT(read.error().message, testing::ContainsRegex("toml:[0-9]+")) << text;
    }
}

}  // namespace
}  // namespace plumbline::api::test::report_test
