// Long lists of logs in parts: the parts are the list, and what ends one early is told in it.
#include "api/rpc/log_stream.hpp"

#include <algorithm>
#include <vector>

#include "tests/api/api_world.hpp"

namespace plumbline::api::test::log_stream_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr uint64_t kBlocks = 20;
constexpr size_t kLogsOfBlock = 50;

class LogStreamTest : public testing::Test {
  protected:
    LogStreamTest() : mapping_{kHubToml, hub_abis()}, world_{mapping_} {
        for (uint64_t block = 1; block <= kBlocks; ++block) {
            std::vector<Emitted> events;
            for (size_t i = 0; i < kLogsOfBlock; ++i) {
                events.push_back(mapping_.emit(
                    "hub.Joined", {acc(i + 1), num(block), engine::test::text("somebody")}, block,
                    static_cast<uint32_t>(i)));
            }
            world_.block(block, events);
        }
        world_.commit();
    }

    [[nodiscard]] LogStream stream(LogStreamLimits limits, uint64_t from = 0,
                                   uint64_t to = UINT64_MAX) {
        LogFilter filter;
        filter.from = from;
        filter.to = to;
        return {world_.database->read_view(), filter, kBlocks, clock_, limits};
    }

    /// The answer, whole. `parts`: how many it had.
    static json answer_of(AnswerParts& stream, size_t& parts) {
        std::string text = R"({"jsonrpc":"2.0","id":1,"result":[)";
        AnswerParts::Part part;
        for (parts = 0; !part.is_last; ++parts) {
            part = stream.next();
            text += part.text;
        }
        return json::parse(text);
    }

    Mapping mapping_;
    World world_;
    ManualClock clock_;
};

TEST_F(LogStreamTest, ThePartsAreTheWholeListInOrder) {
    size_t parts = 0;
    LogStream small = stream({.part_bytes = 2'000});
    const json answer = answer_of(small, parts);
    EXPECT_GT(parts, 100U);
    ASSERT_EQ(answer["result"].size(), kBlocks * kLogsOfBlock);
    EXPECT_FALSE(answer.contains("error"));
    for (size_t i = 0; i < answer["result"].size(); ++i) {
        const json& log = answer["result"][i];
        EXPECT_EQ(log["blockNumber"], evm::to_quantity(1 + i / kLogsOfBlock));
        EXPECT_EQ(log["logIndex"], evm::to_quantity(i % kLogsOfBlock));
        EXPECT_EQ(log["removed"], false);
    }
    LogStream large = stream({});
    EXPECT_EQ(answer_of(large, parts), answer);
    EXPECT_EQ(parts, 1U);
}

TEST_F(LogStreamTest, ARangeWithoutALogIsAnEmptyList) {
    size_t parts = 0;
    for (const auto& [from, to] :
         {std::pair{kBlocks + 1, kBlocks + 9}, std::pair{uint64_t{9}, uint64_t{3}},
          std::pair{uint64_t{0}, uint64_t{0}}}) {
        LogStream none = stream({}, from, to);
        EXPECT_EQ(answer_of(none, parts)["result"], json::array());
    }
}

TEST_F(LogStreamTest, TooManyBytesEndInAnErrorThatNamesTheBlocksThatAreThere) {
    size_t parts = 0;
    LogStream cut = stream({.part_bytes = 2'000, .bytes_max = 100'000}, 3);
    const json answer = answer_of(cut, parts);
    EXPECT_EQ(answer["error"]["code"], -32005);
    const json& last = answer["result"].back();
    const uint64_t through = std::stoull(last["blockNumber"].get<std::string>(), nullptr, 16) - 1;
    EXPECT_THAT(answer["error"]["message"].get<std::string>(),
                HasSubstr("block range [0x3, " + evm::to_quantity(through) + "]"));
    // Told is what it says: the blocks up to there are whole.
    const auto count = std::ranges::count_if(answer["result"], [&](const json& log) {
        return std::stoull(log["blockNumber"].get<std::string>(), nullptr, 16) <= through;
    });
    EXPECT_EQ(static_cast<size_t>(count), (through - 2) * kLogsOfBlock);
}

TEST_F(LogStreamTest, TooMuchTimeEndsInAnError) {
    LogStream slow = stream({.part_bytes = 2'000, .time_ms_max = 1'000});
    std::string text = R"({"result":[)" + slow.next().text;
    clock_.advance(1'000);
    const AnswerParts::Part last = slow.next();
    EXPECT_TRUE(last.is_last);
    EXPECT_EQ(json::parse(text + last.text)["error"]["code"], -32005);
}

TEST_F(LogStreamTest, WhoGivesUpSaysWhy) {
    LogStream left = stream({.part_bytes = 2'000});
    std::string text = R"({"result":[)" + left.next().text;
    const AnswerParts::Part last = left.give_up("nobody \"waits\"");
    EXPECT_TRUE(last.is_last);
    EXPECT_THAT(json::parse(text + last.text)["error"]["message"].get<std::string>(),
                HasSubstr("nobody \"waits\""));
}

TEST(LogStreamPlacesTest, AClientHasItsShareAndGivesItBack) {
    LogStreamPlaces places;
    std::vector<std::unique_ptr<LogStreamPlaces::Place>> held;
    for (size_t i = 0; i < LogStreamPlaces::kClientMax; ++i) {
        held.push_back(places.take("greedy"));
        ASSERT_NE(held.back(), nullptr);
    }
    EXPECT_EQ(places.take("greedy"), nullptr);
    for (size_t i = held.size(); i < LogStreamPlaces::kMax; ++i) {
        held.push_back(places.take("client " + std::to_string(i)));
        ASSERT_NE(held.back(), nullptr);
    }
    EXPECT_EQ(places.take("late"), nullptr);
    held.erase(held.begin());
    EXPECT_NE(places.take("greedy"), nullptr);
    EXPECT_NE(places.take("late"), nullptr);
}

}  // namespace
}  // namespace plumbline::api::test::log_stream_test
