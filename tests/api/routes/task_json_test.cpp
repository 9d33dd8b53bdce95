// A task as JSON, and the words for its state: the same for the API and the command.
#include "engine/task/task_json.hpp"

#include "tests/api/api_world.hpp"

namespace plumbline::api::test::task_json_test {
namespace {

using nlohmann::json;
using storage::TaskState;

TEST(TaskJsonTest, TheApiTellsTheMembersThatTheCommandTellsAndHowFarItIs) {
    ApiWorld api;
    engine::TaskSpec spec;
    spec.kind = "scrub";
    spec.args = "now";
    spec.priority = 250;
    const auto added = api.queue->add(spec);
    ASSERT_OK(added);
    std::string text;
    JsonWriter out{text};
    out.open_object();
    engine::add_task_members(out, *api.queue->get(added->id));
    out.close_object();
    json wanted = json::parse(text);
    EXPECT_EQ(wanted["priority"], 250) << "a number, not a letter";
    EXPECT_EQ(wanted.size(), 15U);
    wanted["progress"] = "";
    EXPECT_EQ(api.get("/v1/tasks")["tasks"], json::array({wanted}));
}

TEST(TaskJsonTest, EveryStateIsReadBackAndNoOtherWord) {
    for (uint8_t i = 0; i <= storage::kTaskStateLast; ++i) {
        const auto state = static_cast<TaskState>(i);
        EXPECT_EQ(storage::parse_task_state(storage::to_string(state)).value(), state);
    }
    for (const std::string word : {"", "Done", "unknown", "all"}) {
        EXPECT_EQ(
            message_of(storage::parse_task_state(word)),
            "state must be waiting, running, done, dead, parked or cancelled, not '" + word + "'");
    }
}

}  // namespace
}  // namespace plumbline::api::test::task_json_test
