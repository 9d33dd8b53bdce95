// Stored logs as dumps show them: whole, and named only where it is certain what they are.
#include "engine/text/event_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::event_text_test {
namespace {

using test::abi_json;
using test::Abis;
using test::AbiValue;
using test::Emitted;
using test::hash_of;
using test::Mapping;
using test::num;

using nlohmann::json;
using testing::StartsWith;

const Abis kAbis{{"Hub.json", abi_json({"event Put(uint256 indexed id, string text)",
                                        "event Note(bytes4 indexed sig, uint256 wad) anonymous"})}};

std::string hub(const std::string& more) {
    return "[contracts.hub]\nabi = \"Hub.json\"\naddress = "
           "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n" +
           more;
}

storage::LogRecord record_of(const Emitted& event) {
    return {event.log, event.data, std::nullopt};
}

class EventTextTest : public testing::Test {
  protected:
    /// One event of each kind: known, anonymous, of no ABI.
    void emit(const std::string& more) {
        mapping_.emplace(hub(more), kAbis);
        text_.emplace(mapping_->plan, std::vector<storage::ChildRow>{});
        put_ = mapping_->emit("hub.Put", {num(7), AbiValue::text("a, \"b\"")}, 5, 0);
        note_ =
            mapping_->emit("hub.Note", {AbiValue::fixed_bytes(Bytes{1, 2, 3, 4}), num(9)}, 5, 1);
        unknown_ = note_;
        unknown_.log.topics[0] = hash_of(77);
    }
    [[nodiscard]] json whole(const Emitted& event) {
        std::string out;
        text_->append_json(out, record_of(event), block_);
        return json::parse(out, nullptr, false);
    }
    [[nodiscard]] std::string csv(const Emitted& event) {
        std::string out;
        text_->append_csv(out, record_of(event), block_);
        return out;
    }

    const EventBlock block_{hash_of(5), 1'700'000'000};
    std::optional<Mapping> mapping_;
    std::optional<EventText> text_;
    Emitted put_, note_, unknown_;
};

TEST_F(EventTextTest, EveryDumpedEventHasItsBlocksHashAndTimeAndItsTopics) {
    emit("");
    for (const Emitted* event : {&put_, &note_, &unknown_}) {
        const json shown = whole(*event);
        EXPECT_EQ(shown["block_hash"], evm::to_hex(block_.hash));
        EXPECT_EQ(shown["timestamp"], 1'700'000'000);
        ASSERT_EQ(shown["topics"].size(), event->log.topic_count);
        for (size_t i = 0; i < event->log.topic_count; ++i) {
            EXPECT_EQ(shown["topics"][i], evm::to_hex(event->log.topics[i]));
        }
        EXPECT_THAT(csv(*event), StartsWith("5," + evm::to_hex(block_.hash) + ",1700000000,"));
    }
    EXPECT_EQ(whole(put_)["params"], (json{{"id", "7"}, {"text", "a, \"b\""}}));
    EXPECT_FALSE(whole(put_).contains("data"));
}

TEST_F(EventTextTest, TheShorterFormIsAsItWas) {
    emit("");
    std::string out;
    text_->append_json(out, record_of(put_));
    const json shown = json::parse(out, nullptr, false);
    EXPECT_FALSE(shown.contains("block_hash") || shown.contains("topics"));
    EXPECT_EQ(shown["event"], "Put");
}

TEST_F(EventTextTest, CsvHasAFieldForEveryColumnAndTheSameValuesAsJson) {
    emit("");
    std::string header;
    EventText::append_csv_header(header);
    const auto columns = std::count(header.begin(), header.end(), ',');
    const std::string unknown = csv(unknown_);
    EXPECT_EQ(std::count(unknown.begin(), unknown.end(), ','), columns);
    EXPECT_TRUE(
        unknown.ends_with(",hub,," + evm::to_hex(hash_of(77)) + ",," + evm::to_hex(unknown_.data)))
        << unknown;
    EXPECT_TRUE(csv(put_).ends_with(R"(,hub,Put,)" + evm::to_hex(put_.log.topics[0]) + " " +
                                    evm::to_hex(put_.log.topics[1]) +
                                    R"(,"{""id"":""7"",""text"":""a, \""b\""""}",)"))
        << csv(put_);
}

TEST_F(EventTextTest, AnAnonymousEventIsNamedOnlyWhereTheAuthorSaysSo) {
    emit("");
    EXPECT_TRUE(whole(note_)["event"].is_null());
    EXPECT_EQ(whole(note_)["data"], evm::to_hex(note_.data));
    emit(
        "[entities.note]\nkey = { id = \"uint32\" }\n[[on]]\nevent = \"hub.Note\"\nwhen = \"sig == "
        "0x01020304\"\ninsert = \"note\"\nkey = { id = \"$log.index\" }\n");
    EXPECT_EQ(whole(note_)["event"], "Note");
    EXPECT_TRUE(whole(unknown_)["event"].is_null());
    emit("anonymous = \"Note\"\n");
    EXPECT_EQ(whole(note_)["event"], "Note");
    EXPECT_TRUE(whole(unknown_)["event"].is_null()) << "its first topic is no bytes4";
}

}  // namespace
}  // namespace plumbline::engine::event_text_test
