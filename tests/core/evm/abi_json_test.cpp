#include "core/evm/abi_json.hpp"

#include <string>

#include <gtest/gtest.h>

#include "core/evm/hex.hpp"

namespace plumbline::evm::abi_json_test {
namespace {

const std::string kErc20 = R"([
  {"type":"constructor","inputs":[{"name":"supply","type":"uint256"}],"stateMutability":"nonpayable"},
  {"type":"event","name":"Transfer","anonymous":false,"inputs":[
    {"indexed":true,"internalType":"address","name":"from","type":"address"},
    {"indexed":true,"internalType":"address","name":"to","type":"address"},
    {"indexed":false,"internalType":"uint256","name":"value","type":"uint256"}]},
  {"type":"function","name":"balanceOf","stateMutability":"view",
   "inputs":[{"name":"owner","type":"address"}],"outputs":[{"name":"","type":"uint256"}]},
  {"type":"function","name":"transfer","stateMutability":"nonpayable",
   "inputs":[{"name":"to","type":"address"},{"name":"value","type":"uint256"}],
   "outputs":[{"name":"","type":"bool"}]},
  {"type":"error","name":"Bad","inputs":[]},
  {"type":"receive","stateMutability":"payable"},
  {"type":"fallback"}
])";

std::string event_with(std::string_view inputs) {
    return std::string{R"([{"type":"event","name":"E","inputs":)"} + std::string{inputs} + "}]";
}

std::string message(std::string_view json, std::string_view contract = {}) {
    const auto abi = read_abi(json, contract);
    return abi ? "no error" : abi.error().message;
}

TEST(AbiJsonTest, ReadsAPlainAbi) {
    const auto abi = read_abi(kErc20);
    ASSERT_TRUE(abi.has_value()) << abi.error().message;
    ASSERT_EQ(abi->events.size(), 1U);
    const AbiEvent& transfer = abi->events[0];
    EXPECT_EQ(transfer.signature(), "Transfer(address,address,uint256)");
    EXPECT_EQ(to_hex(transfer.topic0()),
              "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
    EXPECT_EQ(transfer.topic_count(), 3U);
    EXPECT_EQ(transfer.inputs[0].name, "from");
    EXPECT_TRUE(transfer.inputs[1].indexed);
    EXPECT_FALSE(transfer.inputs[2].indexed);
    ASSERT_EQ(abi->functions.size(), 2U);
    EXPECT_EQ(to_hex(abi->functions[0].selector()), "0x70a08231");
    EXPECT_TRUE(abi->functions[0].read_only);
    EXPECT_EQ(abi->functions[0].outputs[0].type.kind, TypeKind::kUint);
    EXPECT_EQ(to_hex(abi->functions[1].selector()), "0xa9059cbb");
    EXPECT_FALSE(abi->functions[1].read_only);
}

TEST(AbiJsonTest, TuplesMakeTheSignatureAndKeepTheirNames) {
    const auto abi =
        read_abi(event_with(R"([{"name":"orders","type":"tuple[2][]","indexed":false,"components":[
        {"name":"maker","type":"address"},
        {"name":"items","type":"tuple[]","components":[{"name":"id","type":"uint"},{"type":"function"}]}]}])"));
    ASSERT_TRUE(abi.has_value()) << abi.error().message;
    EXPECT_EQ(abi->events[0].signature(), "E((address,(uint256,function)[])[2][])");
    const AbiType& order = abi->events[0].inputs[0].type.children[0].children[0];
    EXPECT_EQ(order.names, (std::vector<std::string>{"maker", "items"}));
    EXPECT_EQ(order.children[1].children[0].names, (std::vector<std::string>{"id", ""}));
}

TEST(AbiJsonTest, ReadsArtifactsOfEveryCompiler) {
    const std::string text =
        "\"[{\\\"type\\\":\\\"event\\\",\\\"name\\\":\\\"Ping\\\",\\\"inputs\\\":[]}]\"";
    const std::string ping = R"([{"type":"event","name":"Ping","inputs":[]}])";
    for (const std::string& json :
         {R"({"abi":)" + ping + R"(,"bytecode":{"object":"0x00"},"ast":{"abi":3}})",    // Foundry
          R"({"_format":"hh-sol-artifact-1","contractName":"P","abi":)" + ping + "}",   // Hardhat
          R"({"contractName":"P","abi":)" + text + "}",                                 // text
          R"({"contracts":{"p.sol:P":{"abi":)" + ping + R"(},"p.sol:I":{"abi":[]}}})",  // combined
          R"({"contracts":{"p.sol:P":{"abi":)" + text +
              R"(},"q.sol:I":{"abi":"[]"}}})",  // old combined
          R"({"sources":{},"contracts":{"p.sol":{"P":{"abi":)" + ping + R"(},"L":{"abi":[]}}}})"}) {
        const auto abi = read_abi(json);
        ASSERT_TRUE(abi.has_value()) << json << " " << abi.error().message;
        ASSERT_EQ(abi->events.size(), 1U) << json;
        EXPECT_EQ(abi->events[0].name, "Ping");
    }
}

TEST(AbiJsonTest, SeveralContractsNeedAChoice) {
    const std::string json = R"({"contracts":{"a.sol":{
        "A":{"abi":[{"type":"event","name":"OfA","inputs":[]}]},
        "B":{"abi":[{"type":"event","name":"OfB","inputs":[]}]}}}})";
    EXPECT_EQ(message(json), "the file holds several contracts, say which one: a.sol:A, a.sol:B");
    EXPECT_EQ(read_abi(json, "B")->events[0].name, "OfB");
    EXPECT_EQ(read_abi(json, "a.sol:A")->events[0].name, "OfA");
    EXPECT_EQ(message(json, "C"), "no contract \"C\" in the file");
    EXPECT_EQ(message(R"({"contracts":{"a.sol":{"A":{"abi":[]}}}})"),
              "no contract in the file has an ABI");
}

constexpr const char* kNoAbi =
    "expected an array of ABI entries, an artifact with an \"abi\" array, a compiler's output, an "
    "explorer's answer, or lines like \"event Name(type name)\"";

TEST(AbiJsonTest, MistakesAreToldWithTheirPlace) {
    struct Case {
        std::string json;
        const char* message;
    };
    for (
        const Case& item : std::initializer_list<Case>{
            {"", "the ABI file is not valid JSON"},
            {"[", "the ABI file is not valid JSON"},
            {"[]]", "the ABI file is not valid JSON"},
            {"{}", kNoAbi},
            {"3", kNoAbi},
            {R"({"abi":3})", "\"abi\": expected an array"},
            {R"({"abi":"{}"})", "\"abi\": expected an array"},
            {"[3]", "abi[0]: expected an object"},
            {R"([{"type":3}])", "abi[0].type: expected a string"},
            {R"([{"type":"evnt"}])", "abi[0].type: unknown kind of entry \"evnt\""},
            {R"([{"type":"event","inputs":[]}])", "abi[0].name: expected a string"},
            {R"([{"type":"event","name":"a.b","inputs":[]}])",
             "abi[0].name: \"a.b\" is not an identifier"},
            {R"([{"type":"event","name":"E"}])", "abi[0].inputs: expected an array"},
            {R"([{"type":"event","name":"E","inputs":{}}])", "abi[0].inputs: expected an array"},
            {R"([{"type":"event","name":"E","inputs":[],"anonymous":1}])",
             "abi[0].anonymous: expected true or false"},
            {event_with("[3]"), "abi[0].inputs[0]: expected an object"},
            {event_with(R"([{"name":"a"}])"), "abi[0].inputs[0].type: expected a string"},
            {event_with(R"([{"name":3,"type":"bool"}])"),
             "abi[0].inputs[0].name: expected a string"},
            {event_with(R"([{"name":"0","type":"bool"}])"),
             "abi[0].inputs[0].name: \"0\" is not an identifier"},
            {event_with(R"([{"name":"a","type":"bool","indexed":"yes"}])"),
             "abi[0].inputs[0].indexed: expected true or false"},
            {event_with(R"([{"name":"a","type":"bool"},{"name":"b","type":"uint7"}])"),
             "abi[0].inputs[1].type: type \"uint7\": an integer has 8 to 256 bits, a multiple of "
             "8"},
            {event_with(R"([{"name":"a","type":"bool"},{"name":"a","type":"bool"}])"),
             "abi[0].inputs[1].name: \"a\" is used twice"},
            {event_with(R"([{"name":"a","type":"tuple"}])"),
             "abi[0].inputs[0].components: a tuple needs an array of components"},
            {event_with(R"([{"name":"a","type":"tuple","components":[]}])"),
             "abi[0].inputs[0].type: type \"()\": an empty tuple cannot be encoded"},
            {event_with(R"([{"name":"a","type":"tuplex","components":[{"type":"bool"}]}])"),
             "abi[0].inputs[0].type: type \"tuplex\": only [] and [k] may follow \"tuple\""},
            {event_with(R"([{"name":"a","type":"tuple","components":[{"name":"b","type":"bool"},
                             {"name":"b","type":"bool"}]}])"),
             "abi[0].inputs[0].components[1].name: \"b\" is used twice"},
            {event_with(
                 R"([{"name":"a","type":"tuple","components":[{"name":"b","type":"string[0]"}]}])"),
             "abi[0].inputs[0].components[0].type: type \"string[0]\": an array of fixed length 0 "
             "does not "
             "exist in Solidity"},
            {event_with(R"([{"indexed":true,"type":"bool"},{"indexed":true,"type":"bool"},
                             {"indexed":true,"type":"bool"},{"indexed":true,"type":"bool"}])"),
             "abi[0].inputs: 4 indexed parameters, at most 3 are possible"},
            {R"([{"type":"function","name":"f","inputs":[{"type":"uint9"}]}])",
             "abi[0].inputs[0].type: type \"uint9\": an integer has 8 to 256 bits, a multiple of "
             "8"},
            {R"([{"type":"function","name":"f","outputs":3}])",
             "abi[0].outputs: expected an array"},
        }) {
        EXPECT_EQ(message(item.json), item.message) << item.json;
    }
}

TEST(AbiJsonTest, AnonymousEventsMayIndexFour) {
    const std::string four =
        R"("inputs":[{"indexed":true,"type":"bool"},{"indexed":true,"type":"bool"},
        {"indexed":true,"type":"bool"},{"indexed":true,"type":"bool"}])";
    const auto abi = read_abi(R"([{"type":"event","name":"E","anonymous":true,)" + four + "}]");
    ASSERT_TRUE(abi.has_value());
    EXPECT_EQ(abi->events[0].topic_count(), 4U);
}

TEST(AbiJsonTest, LibraryFunctionsAreLeftOutAndNamed) {
    const auto abi = read_abi(R"([
        {"type":"function","name":"add","inputs":[{"name":"set","type":"Set.Data storage"}]},
        {"type":"function","name":"mode","inputs":[{"name":"m","type":"Lib.Mode"}]},
        {"type":"function","name":"settle","inputs":[{"name":"c","type":"tuple","components":[
            {"name":"state","type":"IExchangeState"}]},{"name":"m","type":"Mode[]"}]},
        {"type":"function","name":"all","inputs":[{"name":"m","type":"mapping(uint256 => address) storage"}]
},
        {"name":"ok","inputs":[],"constant":true,"outputs":[{"type":"bool"}]}])");
    ASSERT_TRUE(abi.has_value()) << abi.error().message;
    ASSERT_EQ(abi->functions.size(), 1U);
    EXPECT_EQ(abi->functions[0].name, "ok");
    EXPECT_TRUE(abi->functions[0].read_only);
    ASSERT_EQ(abi->skipped.size(), 4U);
    EXPECT_EQ(abi->skipped[1].rfind("abi[1].inputs[0].type: ", 0), 0U) << abi->skipped[1];
    EXPECT_EQ(abi->skipped[2].rfind("abi[2].inputs[0].components[0].type: ", 0), 0U);
}

TEST(AbiJsonTest, AMistypedTypeIsAMistakeAndNoLibrarys) {
    for (const char* type : {"uint7", "bytes33", "boolean", "int", "addressee", "tuples"}) {
        const auto abi =
            read_abi(R"([{"name":"f","inputs":[{"type":")" + std::string{type} + R"("}]}])");
        // "int" is what Solidity writes for int256; everything else is none.
        EXPECT_EQ(abi.has_value(), std::string_view{type} == "int") << type;
    }
}

TEST(AbiJsonTest, LimitsAreKept) {
    std::string many = "[";
    for (int i = 0; i < 4097; ++i) {
        many += (i == 0 ? "" : ",") + std::string{"{\"type\":\"fallback\"}"};
    }
    EXPECT_EQ(message(many + "]"), "the ABI has more than 4096 entries");
    EXPECT_EQ(message(std::string(kAbiJsonSizeMax + 1, ' ')), "the ABI file is larger than 64 MiB");
    EXPECT_EQ(message(std::string(1'000'000, '[')),
              "the ABI file is nested deeper than 256 levels");
    EXPECT_EQ(message("[5, \"" + std::string(1000, '[') + "\"]"), "abi[0]: expected an object");
    std::string deep = R"({"name":"x","type":"bool"})";
    for (int i = 0; i < 17; ++i) {
        deep = R"({"type":"tuple","components":[)" + deep + "]}";
    }
    EXPECT_NE(message(event_with("[" + deep + "]")).find("nested deeper than 16 levels"),
              std::string::npos);
    std::string wide;
    for (int i = 0; i < 257; ++i) {
        wide += (i == 0 ? "" : ",") + std::string{R"({"type":"bool"})"};
    }
    EXPECT_EQ(message(event_with("[" + wide + "]")), "abi[0].inputs: more than 256 parameters");
}

TEST(AbiJsonTest, LookUpTakesNamesAndSignatures) {
    const auto abi = read_abi(R"([
        {"type":"event","name":"A","inputs":[{"type":"bool"}]},
        {"type":"event","name":"A","inputs":[{"type":"bool"}]},
        {"type":"event","name":"B","inputs":[{"type":"bool"}]},
        {"type":"event","name":"B","inputs":[{"type":"address"}]},
        {"type":"event","name":"C","inputs":[{"type":"bool","indexed":true}]},
        {"type":"event","name":"C","inputs":[{"type":"bool"}]},
        {"type":"function","name":"f","inputs":[]},
        {"type":"function","name":"f","inputs":[{"type":"bool"}]}])");
    ASSERT_TRUE(abi.has_value()) << abi.error().message;
    EXPECT_EQ(abi->events.size(), 5U) << "the exact repeat of A is dropped";
    EXPECT_EQ((*abi->find_event("A"))->signature(), "A(bool)");
    EXPECT_EQ((*abi->find_event("B(address)"))->signature(), "B(address)");
    EXPECT_EQ((*abi->find_function("f(bool)"))->inputs.size(), 1U);
    EXPECT_EQ(abi->find_event("B").error().message,
              "event \"B\" is ambiguous; write one of: B(address), B(bool)");
    EXPECT_EQ(abi->find_event("C").error().message,
              "event \"C\" is ambiguous; write one of: C(bool indexed), C(bool)");
    EXPECT_EQ(
        abi->find_event("D").error().message,
        "no event \"D\"; the ABI has: A(bool), B(address), B(bool), C(bool indexed), C(bool)");
    EXPECT_EQ(abi->find_event("B(uint256)").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace plumbline::evm::abi_json_test
