#include "core/evm/abi_human.hpp"

#include <string>

#include <gtest/gtest.h>

namespace plumbline::evm::abi_human_test {
namespace {

TEST(AbiHumanTest, LinesSayWhatTheSameJsonSays) {
    const auto lines = read_abi(R"(// of a token

event Transfer(address indexed from, address indexed to, uint value);
event Log(bytes4 indexed sig) anonymous
event Made(tuple(address maker, uint256[2] price)[] orders, (bool a) one)
function balanceOf(address owner) external view returns (uint256)
function set(Order calldata order) payable
struct Order { address maker; Price price; }
struct Price { uint256 amount; string[] notes; }
constructor(address owner)
error Bad(uint256 why)
)");
    const auto json = read_abi(R"([
{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},
 {"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256"}]},
{"type":"event","name":"Log","anonymous":true,"inputs":[{"name":"sig","type":"bytes4","indexed":true}]},
{"type":"event","name":"Made","inputs":[{"name":"orders","type":"tuple[]","components":[
  {"name":"maker","type":"address"},{"name":"price","type":"uint256[2]"}]},
 {"name":"one","type":"tuple","components":[{"name":"a","type":"bool"}]}]},
{"type":"function","name":"balanceOf","stateMutability":"view","inputs":[{"name":"owner","type":"address"}],
 "outputs":[{"name":"","type":"uint256"}]},
{"type":"function","name":"set","stateMutability":"payable","inputs":[{"name":"order","type":"tuple","components":[
  {"name":"maker","type":"address"},{"name":"price","type":"tuple","components":[
   {"name":"amount","type":"uint256"},{"name":"notes","type":"string[]"}]}]}],"outputs":[]}])");
    ASSERT_TRUE(lines.has_value()) << lines.error().message;
    ASSERT_TRUE(json.has_value()) << json.error().message;
    EXPECT_EQ(lines->events, json->events);
    EXPECT_EQ(lines->functions, json->functions);
    const auto list = read_abi(
        R"j(["event Transfer(address indexed from, address indexed to, uint value)",
            "event Log(bytes4 indexed sig) anonymous"])j");
    ASSERT_TRUE(list.has_value()) << list.error().message;
    EXPECT_EQ(list->events[0], json->events[0]);
    EXPECT_EQ(list->events[1], json->events[1]);
}

TEST(AbiHumanTest, MistakesSayTheLine) {
    const auto message = [](const std::string& text) {
        const auto abi = read_abi(text);
        return abi ? std::string{"no mistake"} : abi.error().message;
    };
    EXPECT_EQ(message("event A(uint256 a)\nevent B(uint9 b)"),
              "line 2: type \"uint9\": an integer has 8 to 256 bits, a multiple of 8");
    EXPECT_EQ(message("event A(uint256 a"), "line 1: \",\" or \")\" is expected at \"\"");
    EXPECT_EQ(message("event A(uint256 a, bool a)"), "line 1: \"a\" is used twice at \")\"");
    EXPECT_EQ(message("event A(uint256 7a)"),
              "line 1: a name does not begin with a digit at \")\"");
    EXPECT_EQ(message("event A(bool indexed, bool indexed, bool indexed, bool indexed)"),
              "line 1: 4 indexed parameters, at most 3 are possible at \"\"");
    EXPECT_EQ(message("event A(uint256 a) nonsense()"),
              "line 1: the end of the declaration is expected at \"()\"");
    EXPECT_EQ(message("import {x} from 'y';\nevent A()"),
              "line 1: a declaration starts with event, function, struct, error, constructor, "
              "fallback or receive; this one stands at \"import {x} from 'y';\"");
    EXPECT_EQ(message("[\"event A()\", \"struct S\"]"),
              "abi[1]: a struct is written struct Name { type member; }, in one line, at \"\"");
    EXPECT_EQ(message("[\"struct S { S s; }\", \"event A(S s)\"]").substr(0, 40),
              "abi[1]: nested deeper than 16 levels at ");
    EXPECT_NE(message("event A(" + std::string(20, '(') + "bool").find("nested deeper than 16"),
              std::string::npos);
    std::string many;
    for (char c = 'A'; c < 'M'; ++c) {
        many += std::string{"struct "} + c + " {";
        for (int i = 0; i < 9; ++i) {
            many += std::string{" "} + static_cast<char>(c + 1) + " m" + std::to_string(i) + ";";
        }
        many += " }\n";
    }
    EXPECT_NE(message(many + "struct M { bool b; }\nevent E(A a)").find("more than 65536"),
              std::string::npos);
    EXPECT_EQ(message("event A(" + std::string(70'000, ' ') + ")"), "line 1: longer than 64 KiB");
}

TEST(AbiHumanTest, CommentsSayNothingWhereverTheyStand) {
    const auto abi = read_human_abi(
        "// first\n"
        "/* a comment\n   of lines: event Not(uint256 a) */ event A(uint256 a) // behind it\n"
        "event B(uint256 /* in it */ b, /**/ bool c)//\n"
        "# a line\n");
    ASSERT_TRUE(abi) << abi.error().message;
    ASSERT_EQ(abi->events.size(), 2U);
    EXPECT_EQ(abi->events[0].signature(), "A(uint256)");
    EXPECT_EQ(abi->events[1].signature(), "B(uint256,bool)");
    EXPECT_EQ(abi->events[1].inputs[0].name, "b");
    const auto file = read_abi("/* by hand */ event A(uint256 a)", "");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->events.size(), 1U);
    const auto open = read_human_abi("event A(uint256 a)\n/* never closed");
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().message, "line 2: the comment that begins here has no end");
    const auto wrong = read_human_abi("/* one\ntwo */\nevent A(uint25 a)");
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("line 3"), std::string::npos) << wrong.error().message;
}

TEST(AbiHumanTest, AFixedPointEventIsLeftOutAlone) {
    const auto abi = read_abi("event Price(fixed128x18 price)\nevent A(bool a)");
    ASSERT_TRUE(abi.has_value()) << abi.error().message;
    EXPECT_EQ(abi->events.size(), 1U);
    ASSERT_EQ(abi->skipped_events.size(), 1U);
    EXPECT_EQ(abi->skipped_events[0].first, "Price");
}

}  // namespace
}  // namespace plumbline::evm::abi_human_test
