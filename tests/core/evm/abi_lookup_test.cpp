// One event in several shapes and under several names, and the kinds of files that ABIs come in.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/evm/abi_decode.hpp"
#include "core/evm/abi_json.hpp"

namespace plumbline::evm::abi_lookup_test {
namespace {

Abi abi_of(const std::string& text, std::string_view contract = {}) {
    auto abi = read_abi(text, contract);
    EXPECT_TRUE(abi.has_value()) << abi.error().message;
    return abi ? *std::move(abi) : Abi{};
}

/// "E(bool indexed) E(bool)", or the message.
std::string found(const Abi& abi, std::string_view name) {
    const auto events = abi.find_events(name);
    if (!events) {
        return events.error().message;
    }
    std::string out;
    for (const AbiEvent* event : *events) {
        out += (out.empty() ? "" : " ") + event->shape();
    }
    return out;
}

const std::string kShapes =
    "event Transfer(address indexed from, address indexed to, uint256 value)\n"
    "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)\n"
    "event Uri(string indexed uri)\nevent Uri(string uri)\n"
    "event Other(uint256 a)\nevent Other(address a)";

TEST(AbiLookupTest, ANameMeansAllShapesOfOneEventAndIndexedSaysWhich) {
    const Abi abi = abi_of(kShapes);
    const std::string erc20 = "Transfer(address indexed,address indexed,uint256)";
    const std::string erc721 = "Transfer(address indexed,address indexed,uint256 indexed)";
    EXPECT_EQ(found(abi, "Transfer"), erc20 + " " + erc721);
    EXPECT_EQ(found(abi, "Transfer(address,address,uint256)"), erc20 + " " + erc721);
    EXPECT_EQ(found(abi, erc20), erc20);
    EXPECT_EQ(found(abi, "Uri"), "Uri(string indexed) Uri(string)");
    EXPECT_EQ(found(abi, "Uri(string)"), "Uri(string)") << "the one with nothing indexed is there";
    EXPECT_EQ(found(abi, "Other"),
              "event \"Other\" is ambiguous; write one of: Other(address), Other(uint256)");
    EXPECT_EQ(abi.find_event("Uri").error().message,
              "event \"Uri\" is ambiguous; write one of: Uri(string indexed), Uri(string)");
    EXPECT_EQ(found(abi, "Nobody"),
              "no event \"Nobody\"; the ABI has: Other(address), Other(uint256), " + erc721 + ", " +
                  erc20 + ", Uri(string indexed), Uri(string)");
}

TEST(AbiLookupTest, EveryEventIsFoundAloneByItsName) {
    const Abi abi = abi_of(kShapes + "\nevent Plain()\nevent Plain(bool a)\nevent Lone(bool a)");
    for (const AbiEvent& event : abi.events) {
        const auto events = abi.find_events(abi.name_of(event));
        ASSERT_TRUE(events.has_value()) << event.shape();
        ASSERT_EQ(events->size(), 1U) << event.shape();
        EXPECT_EQ(events->front(), &event);
    }
    EXPECT_EQ(abi.name_of(abi.events.back()), "Lone");
}

TEST(AbiLookupTest, WhatDiffersInNamesOnlyIsOneEventWithTheNamesOfEither) {
    Abi abi = abi_of("event Update(uint256 indexed assetId, address holder)");
    abi.add(abi_of("event Update(uint256 indexed _assetId, address _holder)"));
    abi.add(abi_of("event Update(uint256 indexed assetId, address holder)"));
    ASSERT_EQ(abi.events.size(), 1U);
    ASSERT_EQ(abi.events[0].twins.size(), 1U);
    const auto decoder = EventDecoder::compile(abi.events[0]);
    ASSERT_TRUE(decoder.has_value());
    EXPECT_EQ(decoder->compile_path("holder")->steps, decoder->compile_path("_holder")->steps);
    EXPECT_EQ(decoder->compile_path("_assetId")->steps.front(), 0U);
    EXPECT_FALSE(decoder->compile_path("nobody").has_value());
}

TEST(AbiLookupTest, ANameThatMeansTwoParametersIsRefused) {
    const Abi abi = abi_of("event Moved(address a, address b)\nevent Moved(address b, address c)");
    const auto decoder = EventDecoder::compile(abi.events.at(0));
    ASSERT_TRUE(decoder.has_value());
    EXPECT_EQ(decoder->compile_path("a")->steps.front(), 0U);
    EXPECT_EQ(decoder->compile_path("c")->steps.front(), 1U);
    EXPECT_NE(decoder->compile_path("b").error().message.find("write $arg.N"), std::string::npos);
    EXPECT_TRUE(decoder->compile_path("$arg.1").has_value());
}

TEST(AbiLookupTest, AnEventThatCannotBeReadRefusesNoOther) {
    const Abi abi = abi_of(R"([
        {"type":"event","name":"Price","inputs":[{"name":"p","type":"fixed128x18"}]},
        {"type":"event","name":"Ok","inputs":[]}])");
    EXPECT_EQ(found(abi, "Ok"), "Ok()");
    EXPECT_EQ(found(abi, "Price").substr(0, 58),
              "event \"Price\" cannot be read: abi[0].inputs[0].type: type ");
}

TEST(AbiLookupTest, AbisAreTakenOutOfTheFilesThatPeopleHave) {
    const std::string abi =
        R"([{"type":"event","name":"Ok","inputs":[{"name":"a","type":"bool","indexed":false}]}])";
    std::string quoted = abi;
    for (size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2) {
        quoted.insert(at, "\\");
    }
    const std::string contracts = fmt::format(
        R"({{"contracts":{{"a.sol":{{"Hub":{{"abi":{0},"evm":{{"bytecode":{{"object":"00"}}}}}},"None":{{"abi":[]}}}}}}}})",
        abi);
    const std::vector<std::string> files{
        abi,
        fmt::format(R"({{"abi":{}}})", abi),
        fmt::format(R"({{"status":"1","message":"OK","result":"{}"}})", quoted),
        fmt::format(R"({{"status":"1","message":"OK","result":[{{"SourceCode":"x","ABI":"{}"}}]}})",
                    quoted),
        contracts,
        fmt::format(R"({{"_format":"hh-sol-build-info-1","input":{{"sources":{{}}}},"output":{}}})",
                    contracts),
        R"j(["event Ok(bool a)"])j",
        "event Ok(bool a);",
    };
    for (const std::string& file : files) {
        EXPECT_EQ(abi_of(file).events, abi_of(abi).events) << file;
    }
    EXPECT_EQ(
        read_abi(R"({"status":"0","message":"NOTOK","result":"Contract source code not verified"})")
            .error()
            .message,
        "the explorer's answer holds no ABI: Contract source code not verified");
}

TEST(AbiLookupTest, AWalkGoesThroughAllArraysOnTheWay) {
    const Abi abi = abi_of("event Made((address a, address[] more)[2] groups, uint256[][] grid)");
    const auto decoder = EventDecoder::compile(abi.events[0]);
    ASSERT_TRUE(decoder.has_value());
    const auto steps = [&](const char* text) { return decoder->compile_walk(text)->steps; };
    constexpr uint32_t kEach = ValuePath::kEach;
    EXPECT_EQ(steps("groups.a"), (std::vector<uint32_t>{0, kEach, 0}));
    EXPECT_EQ(steps("groups.more"), (std::vector<uint32_t>{0, kEach, 1, kEach}));
    EXPECT_EQ(steps("groups[1].more"), (std::vector<uint32_t>{0, 1, 1, kEach}));
    EXPECT_EQ(steps("grid"), (std::vector<uint32_t>{1, kEach, kEach}));
}

}  // namespace
}  // namespace plumbline::evm::abi_lookup_test
