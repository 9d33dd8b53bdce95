// Contracts as they really are, folded: one event in several shapes, under several names, of
// several contracts of the config at one address; children that several events announce.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::shapes_test {
namespace {

using test::Abis;
using test::acc;
using test::address_of;
using test::hex_of;
using test::list;
using test::Mapping;
using test::num;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kErc20 = "Transfer(address indexed,address indexed,uint256)";
const std::string kErc721 = "Transfer(address indexed,address indexed,uint256 indexed)";

const Abis kAbis{
    {"A.txt",
     "event Transfer(address indexed from, address indexed to, uint256 value)\n"
     "event Uri(string indexed uri)\nevent Update(uint256 indexed assetId, address holder)\n"
     "event Price(address indexed token, uint256 price)"},
    {"B.txt",
     "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)\n"
     "event Uri(string uri)\nevent Update(uint256 indexed _assetId, address _holder)\n"
     "event Price(address token, uint256 indexed price)"},
    {"Made.txt",
     "event Made(address k)\nevent MadeToo(address k)\n"
     "event MadeAll((address k, uint256 n)[] list)"},
    {"K.txt", "event Hit(uint256 n)"},
};

std::string contract(std::string_view name, std::string_view abi, uint64_t address = 1,
                     std::string_view more = "") {
    return fmt::format("[contracts.{}]\nabi = {}\naddress = \"{}\"\n{}\n", name, abi,
                       hex_of(address), more);
}

const std::string kRow =
    "[entities.row]\nkey = { log = \"uint32\" }\nfields = { n = \"uint256\", times = \"uint64\" "
    "}\n";

std::string on(std::string_view events, std::string_view n = "0") {
    return fmt::format(
        "[[on]]\nevent = {}\nupsert = \"row\"\nkey = {{ log = \"$log.index\" }}\n"
        "set = {{ n = \"{}\" }}\nadd = {{ times = 1 }}\n",
        events, n);
}

std::string row(uint32_t index, uint64_t n, uint64_t times = 1) {
    return fmt::format(R"({{"log":{},"n":"{}","times":{}}})", index, n, times);
}

const std::string kBoth = R"(["A.txt", "B.txt"])";

TEST(ShapesTest, ShapesAreToldApartByTheNumberOfTopics) {
    const Mapping mapping{contract("t", kBoth) + kRow + on("\"t." + kErc20 + "\"", "value") +
                              on("\"t." + kErc721 + "\"", "tokenId + 1000"),
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("t." + kErc20, {acc(1), acc(2), num(3)}, 1, 0),
                    mapping.emit("t." + kErc721, {acc(1), acc(2), num(77)}, 1, 1)});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 3));
    EXPECT_EQ(world.row("row", "log=1"), row(1, 1077));
    EXPECT_THAT(world.quarantine(), IsEmpty());
}

TEST(ShapesTest, AShortNameHandlesAllShapes) {
    const Mapping mapping{contract("t", kBoth) + kRow + on("\"t.Transfer\""), kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("t." + kErc20, {acc(1), acc(2), num(3)}, 1, 0),
                    mapping.emit("t." + kErc721, {acc(1), acc(2), num(77)}, 1, 1)});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 0));
    EXPECT_EQ(world.row("row", "log=1"), row(1, 0));
}

TEST(ShapesTest, AParameterThatOneShapeLacksSaysWhatToWrite) {
    const auto config =
        test::read_config(contract("t", kBoth) + kRow + on("\"t.Transfer\"", "value"), kAbis);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    const auto plan = Plan::compile(*config);
    ASSERT_FALSE(plan.has_value());
    EXPECT_THAT(plan.error().message,
                HasSubstr("(in the shape " + kErc721 + "; to handle one only, write t." + kErc20 +
                          " or t." + kErc721 + ")"));
}

TEST(ShapesTest, WhereTopicsAreAsManyTheDataTellsAndWhatItDoesNotTellIsNotGuessed) {
    const std::string by_token = "Price(address indexed,uint256)";
    const std::string by_price = "Price(address,uint256 indexed)";
    const Mapping mapping{contract("t", kBoth) + kRow + on("\"t." + by_token + "\"", "price") +
                              on("\"t." + by_price + "\"", "price + 1"),
                          kAbis};
    World world{mapping};
    const test::AbiValue large =
        test::AbiValue::number(evm::U256::from_be(evm::Hash{}.view()));  // zero: fits both
    auto wide = mapping.emit("t." + by_token, {acc(1), num(5)}, 1, 0);
    wide.data.front() = 0x80;  // 2^255 + 5: no address
    auto wide_topic = mapping.emit("t." + by_price, {acc(1), num(5)}, 1, 1);
    wide_topic.log.topics[1].bytes.front() = 0x80;
    world.block(1, {wide, wide_topic, mapping.emit("t." + by_price, {acc(1), large}, 1, 2)});
    EXPECT_THAT(world.row("row", "log=0"), HasSubstr("57896044618658097711785492504343953926634992"
                                                     "332820282019728792003956564819973\""));
    EXPECT_THAT(world.row("row", "log=1"), HasSubstr("819974\""));
    EXPECT_EQ(world.row("row", "log=2"), "");
    EXPECT_THAT(world.quarantine(),
                ElementsAre(HasSubstr("it is " + by_token + " as well as " + by_price)));
}

TEST(ShapesTest, NamesOfAllVersionsAreTakenForOneEvent) {
    for (const char* name : {"assetId", "_assetId"}) {
        const Mapping mapping{contract("t", kBoth) + kRow + on("\"t.Update\"", name), kAbis};
        World world{mapping};
        world.block(1, {mapping.emit("t.Update", {num(9), acc(2)}, 1, 0)});
        EXPECT_EQ(world.row("row", "log=0"), row(0, 9));
    }
}

TEST(ShapesTest, ContractsAtOneAddressReadALogEachByItsAbiInFileOrderOfTheHandlers) {
    const Mapping mapping{contract("old", "\"A.txt\"") + contract("new", "\"B.txt\"") + kRow +
                              on("\"new.Transfer\"", "tokenId") + on("\"old.Transfer\"", "value") +
                              on("\"new.Update\"", "7") + on("\"old.Update\"", "8"),
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("old.Transfer", {acc(1), acc(2), num(3)}, 1, 0),
                    mapping.emit("new.Transfer", {acc(1), acc(2), num(77)}, 1, 1),
                    mapping.emit("old.Update", {num(1), acc(2)}, 1, 2)});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 3));
    EXPECT_EQ(world.row("row", "log=1"), row(1, 77));
    EXPECT_EQ(world.row("row", "log=2"), row(2, 8, 2)) << "the last one in the file";
    EXPECT_THAT(world.quarantine(), IsEmpty());
}

TEST(ShapesTest, AnAbiThatALogDoesNotFitStandsInNobodysWay) {
    const Mapping mapping{contract("old", "\"A.txt\"") + contract("new", "\"B.txt\"") + kRow +
                              on("\"old.Price\"", "1") + on("\"new.Price\"", "2"),
                          kAbis};
    World world{mapping};
    auto wide = mapping.emit("new.Price", {acc(1), num(5)}, 1, 0);
    wide.log.topics[1].bytes.front() = 0x80;  // no address, so not what `old` has
    world.block(1, {wide});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 2));
    EXPECT_THAT(world.quarantine(), IsEmpty());
}

TEST(ShapesTest, ALogRunsAHandlerOnceWhoeverItBelongsTo) {
    const Mapping mapping{contract("a", "\"K.txt\"") + contract("b", "\"K.txt\"") + kRow +
                              on(R"(["a.Hit", "b.Hit"])", "n") + on("\"b.Hit\"", "n + 1"),
                          kAbis};
    World world{mapping};
    world.block(1, {mapping.emit("a.Hit", {num(4)}, 1, 0)});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 5, 2));
}

const std::string kFamily =
    contract("x", "\"Made.txt\"") +
    "[contracts.k]\nabi = \"K.txt\"\nfactory = [{ event = [\"x.Made\", \"x.MadeToo\"], address = "
    "\"k\" }, { event = \"x.MadeAll\", address = \"list.k\" }]\naddress = \"" +
    hex_of(20) + "\"\n";

TEST(ShapesTest, ChildrenComeFromAllFactoriesFromAllPlacesAndFromTheConfig) {
    const Mapping mapping{kFamily + kRow + on("\"k.Hit\"", "n"), kAbis};
    World world{mapping};
    const auto hit = [&](uint64_t who, uint32_t index) {
        return mapping.emit("k.Hit", {num(who)}, 1, index, address_of(who));
    };
    world.block(
        1, {mapping.emit("x.Made", {acc(11)}, 1, 0), mapping.emit("x.MadeToo", {acc(12)}, 1, 1),
            mapping.emit("x.MadeToo", {acc(11)}, 1, 2),
            mapping.emit(
                "x.MadeAll",
                {list({list({acc(13), num(0)}), list({acc(14), num(0)}), list({acc(20), num(0)})})},
                1, 3),
            hit(11, 4), hit(12, 5), hit(13, 6), hit(14, 7), hit(20, 8), hit(15, 9)});
    for (const auto& [index, who] :
         std::vector<std::pair<uint32_t, uint64_t>>{{4, 11}, {5, 12}, {6, 13}, {7, 14}, {8, 20}}) {
        EXPECT_EQ(world.row("row", fmt::format("log={}", index)), row(index, who));
    }
    EXPECT_EQ(world.row("row", "log=9"), "") << "nobody announced it";
}

TEST(ShapesTest, LogsBehindTheEndBlockDoNotCountAndAnnounceNobody) {
    const Mapping mapping{contract("x", "\"Made.txt\"", 1, "end_block = 5") +
                              contract("y", "\"K.txt\"", 2, "end_block = 5") +
                              "[contracts.k]\nabi = \"K.txt\"\nfactory = { event = \"x.Made\", "
                              "address = \"k\" }\n" +
                              kRow + on(R"(["y.Hit", "k.Hit"])", "n"),
                          kAbis};
    World world{mapping};
    world.block(5,
                {mapping.emit("y.Hit", {num(1)}, 5, 0), mapping.emit("x.Made", {acc(11)}, 5, 1)});
    world.block(6, {mapping.emit("y.Hit", {num(1)}, 6, 2), mapping.emit("x.Made", {acc(12)}, 6, 3),
                    mapping.emit("k.Hit", {num(11)}, 6, 4, address_of(11)),
                    mapping.emit("k.Hit", {num(12)}, 6, 5, address_of(12))});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 1));
    EXPECT_EQ(world.row("row", "log=2"), "");
    EXPECT_EQ(world.row("row", "log=4"), row(4, 11)) << "announced in time";
    EXPECT_EQ(world.row("row", "log=5"), "");
}

TEST(ShapesTest, AFilterLetsThroughWhatOneOfItsTablesAllows) {
    const std::string filter = fmt::format(
        "events = [\"Transfer\", \"Update\"]\n"
        "filter = {{ Transfer = [{{ from = \"{0}\" }}, {{ to = [\"{0}\", \"{1}\"] }}] }}",
        hex_of(7), hex_of(8));
    const Mapping mapping{contract("t", "\"A.txt\"", 1, filter) + kRow +
                              on(R"(["t.Transfer"])", "value") + on("\"t.Update\"", "assetId"),
                          kAbis};
    World world{mapping};
    const auto transfer = [&](uint64_t from, uint64_t to, uint32_t index) {
        return mapping.emit("t.Transfer", {acc(from), acc(to), num(index)}, 1, index);
    };
    world.block(1, {transfer(7, 1, 0), transfer(1, 8, 1), transfer(8, 1, 2),
                    mapping.emit("t.Update", {num(3), acc(1)}, 1, 3)});
    EXPECT_EQ(world.row("row", "log=0"), row(0, 0));
    EXPECT_EQ(world.row("row", "log=1"), row(1, 1));
    EXPECT_EQ(world.row("row", "log=2"), "");
    EXPECT_EQ(world.row("row", "log=3"), row(3, 3)) << "not filtered";
}

TEST(ShapesTest, AFilterOfWhatIsNotIndexedOrNotHandledSaysWhy) {
    const auto message = [](const std::string& more) {
        const auto config = test::read_config(contract("t", "\"A.txt\"", 1, more), kAbis);
        if (!config) {
            return config.error().message;
        }
        const auto plan = Plan::compile(*config);
        return plan ? std::string{} : plan.error().message;
    };
    EXPECT_THAT(message("filter = { Transfer = { value = 5 } }"),
                HasSubstr("'value' is not indexed"));
    EXPECT_THAT(message("filter = { Transfer = { from = 5 } }"), HasSubstr("is address: write"));
    EXPECT_THAT(message("filter = { Transfer = { form = 5 } }"),
                HasSubstr("no parameter \"form\""));
    EXPECT_THAT(message("filter = { Nobody = { from = 5 } }"), HasSubstr("no event \"Nobody\""));
    EXPECT_THAT(message("events = [\"Update\"]\nfilter = { Transfer = { from = 5 } }"),
                HasSubstr("list of events leaves it out"));
    EXPECT_EQ(message("filter = { Uri = { uri = \"'ipfs'\" } }"), "") << "by its hash";
}

}  // namespace
}  // namespace plumbline::engine::shapes_test
