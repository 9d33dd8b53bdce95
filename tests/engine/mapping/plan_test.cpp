#include "engine/mapping/plan.hpp"

#include <algorithm>
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::plan_test {
namespace {

using test::abi_json;
using test::Abis;
using test::Mapping;
using test::message_of;
using test::read_config;

const Abis kAbis{
    {"Hub.json",
     abi_json({
         ("event Opened(uint256 indexed id, address indexed author, string text, uint8[] kinds, "
          "bytes32[] tags)"),
         "event Vote(uint256 indexed id, address indexed voter, uint8 option, int64 delta)",
         "event Vote(uint256 indexed id)",
         "event Policy((uint8 kind, (uint64 low, string name) limits) policy, bytes blob)",
         "event Named(string indexed name, uint256, bool flag, int256 big)",
         "event Secret(uint256 indexed id, uint256 value) anonymous",
         "event Secret2(uint256 indexed id, bool value) anonymous",
         "event Deployed(address vault, uint256 count)",
         "function items(uint256 id) view (address owner, uint64 count, string text, uint8[] all)",
         "function packed(uint256 id) view ((address owner, uint64 count) item)",
         "function itemCount() view (uint256)",
         "function change(uint256 id) nonpayable (bool)",
         "function pick((uint8 a) x) view (bool)",
     })},
    {"Vault.json", abi_json({"event Paid(uint256 amount)", "function paid() view (uint256)"})},
    {"Broken.json", "{\"abi\": 5}"},
    {"Proxy.json", abi_json({"function implementation() view (address)"})},
    {"Note.json",
     abi_json({
         "event LogNote(bytes4 indexed sig, address indexed guy, uint256 wad) anonymous",
         "event Plain(uint256 value) anonymous",
         "event Made(address child, uint256 indexed n) anonymous",
         "event Known(uint256 value)",
     })},
};

// The mapping begins at line 4; the blocks below at the lines their comments say.
const std::string kHead =
    "[contracts.hub]\n"                                                        // 4
    "abi = \"Hub.json\"\n"                                                     // 5
    "address = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"               // 6
    "[contracts.vault]\n"                                                      // 7
    "abi = \"Vault.json\"\n"                                                   // 8
    "factory = { event = \"hub.Deployed\", address = \"vault\" }\n"            // 9
    "[entities.item]\n"                                                        // 10
    "key = { id = \"uint256\" }\n"                                             // 11
    "fields = { owner = \"address\", text = \"string\", count = \"uint64\", "  // 12
    "delta = \"int64\", tag = \"bytes32\", flag = \"bool\", small = \"uint8\", blob = \"bytes\" }\n"
    "[entities.pair]\n"                             // 13
    "key = { a = \"uint256\", b = \"address\" }\n"  // 14
    "fields = { n = \"uint64\" }\n";                // 15

/// A handler at line 16 of event Opened that updates `item`.
std::string opened(const std::string& rest) {
    return "[[on]]\nevent = \"hub.Opened\"\nupdate = \"item\"\nkey = { id = \"id\" }\n" + rest;
}
/// Contract `note` at line 16, its `more` at line 19, and what stands behind.
std::string note(const std::string& more, const std::string& rest) {
    return "[contracts.note]\nabi = \"Note.json\"\naddress = "
           "\"0x00000000000000000000000000000000000000ab\"\n" +
           more + "\n" + rest;
}
/// A handler at line 20 of an event of `note`.
std::string on_note(const std::string& event, const std::string& rest) {
    return "[[on]]\nevent = \"note." + event +
           "\"\nupdate = \"item\"\nkey = { id = 1 }\nset = { count = 1 }\n" + rest;
}
const std::string kSayWhich =
    " is anonymous: any event that the ABI does not know may look like it. ";
std::string policy(const std::string& set) {
    return "[[on]]\nevent = \"hub.Policy\"\nupdate = \"item\"\nkey = { id = 1 }\nset = { " + set +
           " }\n";
}
std::string state(const std::string& rest) {
    return "[entities.thing]\nkey = { id = \"uint256\" }\nfields = { owner = \"address\", count = "
           "\"uint64\", text = \"string\" }\nstate = " +
           rest + "\n";
}

std::string compile_error(const std::string& mapping) {
    const auto config = read_config(kHead + mapping, kAbis);
    if (!config) {
        return "PARSER " + config.error().message;
    }
    const auto plan = Plan::compile(*config);
    return plan ? "" : plan.error().message;
}

struct Mistake {
    std::string what;
    std::string mapping;
    std::string message;
};

std::ostream& operator<<(std::ostream& out, const Mistake& mistake) {
    return out << mistake.mapping;
}

class PlanMistakeTest : public testing::TestWithParam<Mistake> {};

TEST_P(PlanMistakeTest, IsToldWithLineAndKnownNames) {
    EXPECT_EQ(compile_error(GetParam().mapping), GetParam().message);
}

const std::vector<Mistake> kMistakes{
    {"UnknownEvent",
     "[[on]]\nevent = \"hub.Opned\"\nupdate = \"item\"\nkey = { id = 1 }\nset = { count = 1 }\n",
     "test.toml:16:1: contract 'hub': no event \"Opned\"; did you mean 'Opened'? the ABI has: "
     "Deployed(address,uint256), "
     "Named(string,uint256,bool,int256), Opened(uint256,address,string,uint8[],bytes32[]), "
     "Policy((uint8,(uint64,string)),bytes), Secret(uint256,uint256), Secret2(uint256,bool), "
     "Vote(uint256), Vote(uint256,address,uint8,int64)"},
    {"AmbiguousEvent",
     "[[on]]\nevent = \"hub.Vote\"\nupdate = \"item\"\nkey = { id = 1 }\nset = { count = 1 }\n",
     "test.toml:16:1: contract 'hub': event \"Vote\" is ambiguous; write one of: Vote(uint256), "
     "Vote(uint256,address,uint8,int64)"},
    {"AmbiguousAnonymous",
     "[[on]]\nevent = \"hub.Secret\"\nupdate = \"item\"\nkey = { id = 1 }\nset = { count = 1 }\n",
     "test.toml:16:1: hub: the anonymous events Secret(uint256,uint256) and Secret2(uint256,bool) "
     "both have 1 topic: their logs cannot be told apart"},
    {"AnonymousWithoutACondition", note("", on_note("LogNote", "")),
     "test.toml:20:1: note.LogNote" + kSayWhich +
         "Say which logs it is with a `when` that has == or != of an indexed parameter (sig, guy) "
         "and a literal, or: [contracts.note] anonymous = [\"LogNote\"] takes every unknown log of "
         "2 topics for it"},
    {"AnonymousWithConditionsOfNoTopicOrNoLiteral",
     note("", on_note("LogNote", "when = [\"wad == 5\", \"guy != $log.address\"]\n")),
     "test.toml:20:1: note.LogNote" + kSayWhich +
         "Say which logs it is with a `when` that has == or != of an indexed parameter (sig, guy) "
         "and a literal, or: [contracts.note] anonymous = [\"LogNote\"] takes every unknown log of "
         "2 topics for it"},
    {"AnonymousWithOneHandlerOfTwoThatSaysNothing",
     note("", on_note("LogNote", "when = \"sig == 0x01020304\"\n") + on_note("LogNote", "")),
     "test.toml:26:1: note.LogNote" + kSayWhich +
         "Say which logs it is with a `when` that has == or != of an indexed parameter (sig, guy) "
         "and a literal, or: [contracts.note] anonymous = [\"LogNote\"] takes every unknown log of "
         "2 topics for it"},
    {"AnonymousWithoutTopics", note("", on_note("Plain", "when = \"value == 5\"\n")),
     "test.toml:20:1: note.Plain" + kSayWhich +
         "[contracts.note] anonymous = [\"Plain\"] takes every unknown log of 0 topics for it"},
    {"AnonymousFactory",
     note("",
          "[contracts.made]\nabi = \"Vault.json\"\nfactory = { event = \"note.Made\", address "
          "= \"child\" }\n"),
     "test.toml:22:21: note.Made" + kSayWhich +
         "[contracts.note] anonymous = [\"Made\"] takes every unknown log of 1 topic for it"},
    {"NamedEventAmongTheAnonymous", note("anonymous = [\"Known\"]", ""),
     "test.toml:16:1: contract 'note': anonymous: Known(uint256) is not anonymous: its topic tells "
     "it"},
    {"UnknownEventAmongTheAnonymous", note("anonymous = [\"Nope\"]", ""),
     "test.toml:16:1: contract 'note': no event \"Nope\"; the ABI has: Known(uint256), "
     "LogNote(bytes4,address,uint256), Made(address,uint256), Plain(uint256)"},
    {"UnknownParam", opened("set = { owner = \"autor\" }\n"),
     "test.toml:20:18: hub.Opened: \"autor\": no parameter \"autor\"; did you mean 'author'? there "
     "are: id, author, text, kinds, tags"},
    {"ArrayWithoutEach", opened("set = { small = \"kinds\" }\n"),
     "test.toml:20:18: hub.Opened: 'kinds' is an array (uint8[]); walk through it with each = "
     "[\"kinds\"]"},
    {"TupleWithoutMember", policy("small = \"policy.limits\""),
     "test.toml:20:18: hub.Policy: 'policy.limits' is a tuple; name one of its members: low, name"},
    {"UnknownMember", policy("small = \"policy.limits.lo\""),
     "test.toml:20:18: hub.Policy: \"policy.limits.lo\": no component \"lo\"; did you mean 'low'? "
     "there are: low, name"},
    {"TypesDiffer", opened("set = { owner = \"text\" }\n"),
     "test.toml:20:18: field 'item.owner' is address, but 'text' is string"},
    {"BytesAreNoString", policy("text = \"blob\""),
     "test.toml:20:17: field 'item.text' is string, but 'blob' is bytes; hex(blob) makes one of "
     "it"},
    {"HashedParam",
     "[[on]]\nevent = \"hub.Named\"\nupdate = \"item\"\nkey = { id = 1 }\nset = { text = \"name\" "
     "}\n",
     "test.toml:20:17: field 'item.text' is string, but 'name' is bytes32 (it is indexed: a log "
     "holds only its hash)"},
    {"NumberTooLarge", opened("set = { small = 256 }\n"),
     "test.toml:20:17: field 'item.small' is uint8, which cannot hold 256"},
    {"NumberBelowZero", opened("set = { count = -1 }\n"),
     "test.toml:20:17: field 'item.count' is uint64, which cannot hold -1"},
    {"ShortAddress", opened("set = { owner = \"0x1234\" }\n"),
     "test.toml:20:18: field 'item.owner' is address: write 0x and 40 hex digits, not 0x1234"},
    {"BoolForNumber", opened("set = { count = true }\n"),
     "test.toml:20:17: field 'item.count' is uint64: write a whole number, not true"},
    {"NumberForString", opened("set = { text = 5 }\n"),
     "test.toml:20:16: field 'item.text' is string: write a string in single quotes, not 5"},
    {"AddOnAddress", opened("add = { owner = \"author\" }\n"),
     "PARSER test.toml:20:9: add of item in [[on]]: 'owner' is of type address, and add works on "
     "numbers only"},
    {"SetOnKey", opened("set = { id = 1 }\n"),
     "PARSER test.toml:20:9: set of item in [[on]]: 'id' is in the key, which never changes"},
    {"UnknownField", opened("set = { ownr = \"author\" }\n"),
     "PARSER test.toml:20:9: set of item in [[on]]: unknown field 'ownr'; did you mean 'owner'? "
     "known: owner, text, count, delta, tag, flag, small, blob"},
    {"AllOfOneHandler", opened("set = { owner = \"autor\", text = \"txt\" }\n"),
     "test.toml:20:18: hub.Opened: \"autor\": no parameter \"autor\"; did you mean 'author'? there "
     "are: id, author, text, kinds, tags\ntest.toml:20:34: hub.Opened: \"txt\": no parameter "
     "\"txt\"; did you mean 'text'? there are: id, author, text, kinds, tags; a text is written in "
     "single quotes: \"'txt'\""},
    {"EachOfNoArray", opened("each = [\"text\"]\nset = { count = 1 }\n"),
     "test.toml:20:9: each: hub.Opened: 'text' is string, not an array"},
    {"EachUnknown", opened("each = [\"kindz\"]\nset = { count = 1 }\n"),
     "test.toml:20:9: each: hub.Opened: \"kindz\": no parameter \"kindz\"; did you mean 'kinds'? "
     "there are: id, author, "
     "text, kinds, tags"},
    {"EachIndexWithoutEach", opened("set = { count = \"$each.index\" }\n"),
     "PARSER test.toml:20:18: $each.index needs each in the same [[on]]"},
    {"CompareTwoLiterals", opened("when = \"1 == 1\"\nset = { count = 1 }\n"),
     "test.toml:20:9: the condition compares two literals, 1 and 1"},
    {"CompareTypes", opened("when = \"author == id\"\nset = { count = 1 }\n"),
     "test.toml:20:9: cannot compare 'author' (address) with 'id' (uint256)"},
    {"OrderOfAddresses",
     opened(
         "when = \"author < 0x5FbDB2315678afecb367f032d93F642f64180aa3\"\nset = { count = 1 }\n"),
     "test.toml:20:9: 'author' is address: only == and != compare it"},
    {"LiteralOutsideOther",
     "[[on]]\nevent = \"hub.Vote(uint256,address,uint8,int64)\"\nwhen = \"option == "
     "300\"\nupdate = \"item\"\nkey = { id = \"id\" }\nset = { count = 1 }\n",
     "test.toml:18:19: 'option' is uint8, which cannot hold 300"},
    {"LookupEntity", opened("set = { count = \"itm[id].count\" }\n"),
     "PARSER test.toml:20:18: look-up 'itm[id].count': unknown entity 'itm'; did you mean 'item'? "
     "known: item, pair"},
    {"LookupField", opened("set = { count = \"item[id].cont\" }\n"),
     "PARSER test.toml:20:18: look-up 'item[id].cont': unknown field 'cont'; did you mean 'count'? "
     "known: id, owner, text, count, delta, tag, flag, small, blob"},
    {"LookupKeyCount", opened("set = { count = \"pair[id].n\" }\n"),
     "PARSER test.toml:20:18: look-up 'pair[id].n': the key of pair has 2 fields (a, b), not 1"},
    {"LookupKeyType", opened("set = { count = \"pair[author, author].n\" }\n"),
     "test.toml:20:23: key field 'pair.a' is uint256, but 'author' is address; uint256(author) "
     "makes one of it"},
    {"KeyFieldMissing",
     "[[on]]\nevent = \"hub.Opened\"\nupdate = \"pair\"\nkey = { a = \"id\" }\nset = { n = 1 }\n",
     "PARSER test.toml:16:1: key of pair in [[on]] leaves out 'b'; its key is: a, b"},
    {"KeyFieldUnknown",
     "[[on]]\nevent = \"hub.Opened\"\nupdate = \"item\"\nkey = { idd = \"id\" }\nset = { count = 1 "
     "}\n",
     "PARSER test.toml:19:9: key of item in [[on]]: unknown field 'idd'; did you mean 'id'? known: "
     "id"},
    {"FactoryNoAddress",
     "[contracts.other]\nabi = \"Vault.json\"\nfactory = { event = \"hub.Deployed\", address = "
     "\"count\" }\n",
     "test.toml:18:47: the factory address of 'other' is address, but 'count' is uint256"},
    {"FactoryUnknownContract",
     "[contracts.other]\nabi = \"Vault.json\"\nfactory = { event = \"hubb.Deployed\", address = "
     "\"vault\" }\n",
     "PARSER test.toml:18:21: factory of [contracts.other]: unknown contract 'hubb'; did you mean "
     "'hub'? known: hub, vault, other"},
    {"FactoryUnknownParam",
     "[contracts.other]\nabi = \"Vault.json\"\nfactory = { event = \"hub.Deployed\", address = "
     "\"valt\" }\n",
     "test.toml:18:47: hub.Deployed: \"valt\": no parameter \"valt\"; did you mean 'vault'? there "
     "are: vault, count"},
    {"EventLeftOut",
     "[contracts.two]\nabi = \"Hub.json\"\naddress = "
     "\"0x00000000000000000000000000000000000000aa\"\nevents = [\"Deployed\"]\n[[on]]\nevent = "
     "\"two.Opened\"\nupdate = \"item\"\nkey = { id = \"id\" }\nset = { count = 1 }\n",
     "test.toml:20:1: two.Opened is handled, but the contract's `events` leaves it out, or its "
     "`filter` alone says what is asked for"},
    {"EventsUnknown",
     "[contracts.two]\nabi = \"Hub.json\"\naddress = "
     "\"0x00000000000000000000000000000000000000aa\"\nevents = [\"Deplyed\"]\n",
     "test.toml:16:1: contract 'two': events: no event \"Deplyed\"; did you mean 'Deployed'? the "
     "ABI has: "
     "Deployed(address,uint256), Named(string,uint256,bool,int256), "
     "Opened(uint256,address,string,uint8[],bytes32[]), Policy((uint8,(uint64,string)),bytes), "
     "Secret(uint256,uint256), Secret2(uint256,bool), Vote(uint256), "
     "Vote(uint256,address,uint8,int64)"},
    {"BrokenAbi",
     "[contracts.two]\nabi = \"Broken.json\"\naddress = "
     "\"0x00000000000000000000000000000000000000aa\"\n",
     "test.toml:16:1: contract 'two': ABI 'Broken.json': \"abi\": expected an array"},
    {"DropOnKey",
     "[entities.thing]\nkey = { id = \"uint256\" }\nfields = { n = \"uint8\" }\ndrop = \"id == "
     "0\"\n",
     "PARSER test.toml:19:9: drop of [entities.thing]: 'id' is in the key, which never changes"},
    {"DropUnknown",
     "[entities.thing]\nkey = { id = \"uint256\" }\nfields = { n = \"uint8\" }\ndrop = \"m == "
     "0\"\n",
     "PARSER test.toml:19:9: drop of [entities.thing]: unknown field 'm'; known: id, n"},
    {"StateUnknownGetter", state("{ call = \"hub.itms\", args = [\"id\"], returns = [\"owner\"] }"),
     "test.toml:19:9: state of 'thing': contract 'hub': no function \"itms\"; did you mean "
     "'items'? "
     "the "
     "ABI has: "
     "change(uint256), itemCount(), items(uint256), packed(uint256), pick((uint8))"},
    {"StateNoGetter", state("{ call = \"hub.change\", args = [\"id\"], returns = [true] }"),
     "test.toml:19:9: state of 'thing': hub.change(uint256) is no getter: it may change the "
     "contract"},
    {"StateArgCount",
     state(
         "{ call = \"hub.items\", args = [], returns = [\"owner\", \"count\", \"text\", \"_\"] }"),
     "test.toml:19:9: state of 'thing': items(uint256) takes 1 argument, not 0"},
    {"StateArgType",
     state("{ call = \"hub.items\", args = [\"owner\"], returns = [\"owner\", \"count\", \"text\", "
           "\"_\"] }"),
     "test.toml:19:40: state of 'thing': argument 1 of items(uint256) is uint256, but 'owner' is "
     "address"},
    {"StateArgTuple", state("{ call = \"hub.pick\", args = [\"id\"], returns = [true] }"),
     "test.toml:19:9: state of 'thing': argument 1 of pick((uint8)) is (uint8), which no field "
     "holds"},
    {"StateReturnCount",
     state("{ call = \"hub.items\", args = [\"id\"], returns = [\"owner\", \"count\"] }"),
     "test.toml:19:9: state of 'thing': items(uint256) returns 4 values (address owner, uint64 "
     "count, "
     "string text, uint8[] all), not 2; leave one out with \"_\""},
    {"StateReturnType",
     state("{ call = \"hub.items\", args = [\"id\"], returns = [\"text\", \"count\", \"text\", "
           "\"_\"] }"),
     "test.toml:19:9: state of 'thing': return 1 of items(uint256) is address, but field 'text' is "
     "string"},
    {"StateReturnArray",
     state("{ call = \"hub.items\", args = [\"id\"], returns = [\"owner\", \"count\", \"text\", "
           "\"count\"] }"),
     "test.toml:19:9: state of 'thing': return 4 of items(uint256) is uint8[], which no field "
     "holds; "
     "leave it out with \"_\""},
    {"StateComparesNothing",
     state("{ call = \"hub.items\", args = [\"id\"], returns = [\"_\", \"_\", \"_\", \"_\"] }"),
     "test.toml:19:9: state of 'thing': nothing of what items(uint256) returns is compared: name a "
     "field in returns, or a literal that it must equal"},
    {"StateReturnUnknown",
     state("{ call = \"hub.packed\", args = [\"id\"], returns = [\"ownr\", \"count\"] }"),
     "PARSER test.toml:19:59: state of [entities.thing]: unknown field 'ownr'; did you mean "
     "'owner'? known: id, owner, count, text"},
    {"StateGoneCount",
     state("{ call = \"hub.packed\", args = [\"id\"], returns = [\"owner\", \"count\"], deleted = "
           "[0] "
           "}"),
     "PARSER test.toml:19:87: deleted in state of [entities.thing] must have as many values as "
     "returns: "
     "2, not 1"},
    {"StateNeedsAt", state("{ call = \"vault.paid\", args = [], returns = [\"count\"] }"),
     "test.toml:19:9: state of 'thing': contract 'vault' has a factory: say with `at` which one to "
     "ask"},
    {"CountTakesNothing",
     "[entities.thing]\nkey = { id = \"uint256\" }\nfields = { n = \"uint8\" }\ncount = "
     "\"hub.items\"\n",
     "test.toml:16:1: state of 'thing': count 'hub.items': it must take nothing and return one "
     "uint"},
};

INSTANTIATE_TEST_SUITE_P(All, PlanMistakeTest, testing::ValuesIn(kMistakes),
                         [](const auto& test) { return test.param.what; });

std::string plan_fingerprint(const std::string& mapping, std::vector<EventHandler> handlers = {}) {
    const Mapping compiled{kHead + mapping, kAbis, std::move(handlers)};
    return compiled.plan->bundle().fingerprint;
}

TEST(PlanTest, ConfigsMadeInCodeAreCheckedLikeThoseOfAFile) {
    const auto good = read_config(kHead + opened("set = { owner = \"author\" }\n"), kAbis);
    ASSERT_OK(good);
    const auto message = [&good](const std::function<void(Config&)>& spoil) {
        Config config = *good;
        spoil(config);
        const auto plan = Plan::compile(config);
        return plan ? std::string{} : plan.error().message;
    };
    EXPECT_EQ(message([](Config&) {}), "");
    EXPECT_EQ(
        message([](Config& c) { c.handlers[0].set[0].field = "id"; }),
        "test.toml:20:9: set: 'id' is part of the key of 'item': a row keeps its key, so delete "
        "and insert instead");
    EXPECT_EQ(
        message([](Config& c) { c.handlers[0].set[0].field = "owwner"; }),
        "test.toml:20:9: set: 'item' has no field 'owwner'; did you mean 'owner'? known: owner, "
        "text, count, delta, tag, flag, small, blob");
    EXPECT_EQ(message([](Config& c) { c.handlers[0].add.swap(c.handlers[0].set); }),
              "test.toml:20:9: add: field 'item.owner' is address, not a number");
    EXPECT_EQ(message([](Config& c) { c.handlers[0].action = HandlerAction::kDelete; }),
              "test.toml:20:9: delete of 'item' takes no set");
    EXPECT_EQ(message([](Config& c) { c.handlers[0].key.clear(); }),
              "test.toml:16:1: update of 'item': key field 'id' is missing; the key is id");
    EXPECT_EQ(message([](Config& c) { c.handlers[0].key[0].field = "idd"; }),
              "test.toml:19:9: 'idd' is no key field of 'item'; did you mean 'id'? known: id");
    EXPECT_EQ(
        message([](Config& c) { c.handlers[0].entity = "itm"; }),
        "test.toml:16:1: update: unknown entity 'itm'; did you mean 'item'? known: item, pair");
    EXPECT_EQ(
        message([](Config& c) { c.handlers[0].events[0] = "hubb.Opened"; }),
        "test.toml:16:1: event 'hubb.Opened': unknown contract 'hubb'; did you mean 'hub'? known: "
        "hub, vault");
    EXPECT_EQ(message([](Config& c) { c.handlers[0].events[0] = "Opened"; }),
              "test.toml:16:1: event 'Opened': write contract.Event");
    EXPECT_EQ(message([](Config& c) { c.handlers[0].events.emplace_back("hub.Opened"); }),
              "test.toml:16:1: event 'hub.Opened' stands here twice");
    EXPECT_EQ(message([](Config& c) { c.entities[0].key.clear(); }),
              "test.toml:10:1: entity 'item' has no key");
    EXPECT_EQ(message([](Config& c) { c.entities[0].fields[0].name = "id"; }),
              "test.toml:10:1: entity 'item' has two fields 'id'");
    EXPECT_EQ(message([](Config& c) { c.entities[0].indexes = {{"x"}}; }),
              "test.toml:10:1: index of 'item': unknown field 'x'; known: id, owner, text, count, "
              "delta, tag, flag, small, blob");
}

TEST(PlanTest, MistakesThatCanBeFoundWithoutEachOtherAreToldTogether) {
    const std::string lines = compile_error(
        "[contracts.pool]\nabi = \"Vault.json\"\nfactory = { event = \"hub.Deplyed\", address = "
        "\"vault\" }\n"
        "[entities.thing]\nkey = { id = \"uint256\" }\n"
        "fields = { owner = \"address\", n = \"uint64\", text = \"string\" }\n"
        "count = \"hub.itmCount\"\ndrop = \"n == 'x'\"\n"
        "state = [{ call = \"hub.itms\", args = [\"id\"], returns = [\"owner\"], at = \"n\" },\n"
        "         { call = \"hub.packed\", args = [\"owner\"], returns = [\"text\", \"owner\"] }]\n"
        "[[on]]\nevent = \"hub.Opend\"\nupdate = \"item\"\nkey = { id = \"id\" }\n"
        "set = { count = 1 }\n");
    for (const char* said : {"18:21: contract 'hub': no event \"Deplyed\"",
                             "'n' is uint64: write a whole number, not 'x'",
                             "26:1: contract 'hub': no event \"Opend\"",
                             "24:10: state of 'thing': contract 'hub': no function \"itms\"",
                             "at is address, but 'n' is uint64",
                             "argument 1 of packed(uint256) is uint256, but 'owner' is address",
                             "return 1 of packed(uint256) is address, but field 'text' is string",
                             "return 2 of packed(uint256) is uint64, but field 'owner' is address",
                             "no function \"itmCount\""}) {
        EXPECT_THAT(lines, testing::HasSubstr(said));
    }
    EXPECT_EQ(std::ranges::count(lines, '\n'), 8) << lines;
}

TEST(PlanTest, AnAbiWithoutEventsIsOneMistakeHoweverManyHandlersNameIt) {
    const std::string handler =
        "[[on]]\nevent = \"proxy.Moved\"\nupdate = \"item\"\nkey = { id = \"id\" }\n"
        "set = { count = 1 }\n";
    EXPECT_EQ(compile_error("[contracts.proxy]\nabi = \"Proxy.json\"\naddress = "
                            "\"0x00000000000000000000000000000000000000ab\"\n" +
                            handler + handler),
              "test.toml: contract 'proxy': its ABI has no events; of a proxy, give the ABI of its "
              "implementation");
}

TEST(PlanTest, MistakesOfContractsAndOfEntitiesAreToldTogether) {
    auto config = read_config(kHead, kAbis);
    ASSERT_OK(config);
    config->contracts[1].abis[0].text = "{\"abi\": 5}";
    config->entities[0].indexes = {{"m"}};
    config->entities[1].indexes = {{"k"}};
    const auto plan = Plan::compile(*config);
    ASSERT_FALSE(plan.has_value());
    for (const char* said :
         {"contract 'vault': ABI 'Vault.json'", "index of 'item': unknown field 'm'",
          "index of 'pair': unknown field 'k'"}) {
        EXPECT_THAT(plan.error().message, testing::HasSubstr(said));
    }
}

TEST(PlanTest, EntitiesThatNoHandlerWritesAreToldWhereNoneIsInCpp) {
    const std::string mapping = opened("set = { owner = \"author\" }\n");
    EXPECT_THAT((Mapping{kHead + mapping, kAbis}.plan->unused()),
                testing::ElementsAre("test.toml:13:1: no [[on]] writes entity 'pair': it has no "
                                     "rows, unless a handler in C++ makes them"));
    EventHandler handler;
    handler.name = "pairs";
    handler.event = "hub.Named";
    handler.version = "1";
    handler.run = [](HandlerContext&) { return ok(); };
    EXPECT_THAT((Mapping{kHead + mapping, kAbis, {handler}}.plan->unused()), testing::IsEmpty());
}

TEST(PlanTest, FingerprintIgnoresCommentsLayoutAndEndpoints) {
    const std::string plain = plan_fingerprint(opened("set = { owner = \"author\" }\n"));
    EXPECT_EQ(plain.size(), 64U);
    EXPECT_EQ(plain, plan_fingerprint("# a comment\n\n" +
                                      opened("[on.set]\nowner = \"author\" # another\n")));
    auto config = read_config(kHead + opened("set = { owner = \"author\" }\n"), kAbis);
    ASSERT_OK(config);
    config->chain.rpc.push_back({"http://elsewhere", {{"x", "secret"}}});
    config->memory_mib = 1;
    EXPECT_EQ(plain, Plan::compile(*config).value()->bundle().fingerprint);
}

TEST(PlanTest, FingerprintChangesWithWhateverChangesARow) {
    const std::string plain = plan_fingerprint(opened("set = { owner = \"author\" }\n"));
    EXPECT_NE(plain, plan_fingerprint(opened("set = { count = 1 }\n")));
    EXPECT_NE(plan_fingerprint(opened("set = { count = 1 }\n")),
              plan_fingerprint(opened("set = { count = 2 }\n")));
    EXPECT_NE(plan_fingerprint(opened("set = { count = 1 }\n")),
              plan_fingerprint(opened("add = { count = 1 }\n")));
    EXPECT_NE(plan_fingerprint(opened("set = { text = \"'1'\" }\n")),
              plan_fingerprint(opened("set = { text = \"'2'\" }\n")));
    EXPECT_NE(plan_fingerprint(opened("when = \"id == 1\"\nset = { count = 1 }\n")),
              plan_fingerprint(opened("when = \"id != 1\"\nset = { count = 1 }\n")));
    EventHandler handler{"mine", "1",   "hub.Deployed",
                         {},     false, [](HandlerContext&) { return ok(); }};
    const std::string with_handler = plan_fingerprint("", {handler});
    EXPECT_NE(plan_fingerprint(""), with_handler);
    handler.version = "2";
    EXPECT_NE(with_handler, plan_fingerprint("", {handler}));
}

TEST(PlanTest, SourceFingerprintIsOfWhatIsAskedForAndNotFromWhere) {
    const auto source_fingerprint = [](const std::string& mapping) {
        const Mapping compiled{kHead + mapping, kAbis};
        return compiled.plan->sources().back().fingerprint;
    };
    const std::string two =
        "[contracts.two]\nabi = \"Hub.json\"\naddress = "
        "\"0x00000000000000000000000000000000000000aa\"\n";
    EXPECT_EQ(source_fingerprint(two), source_fingerprint(two + "start_block = 5\n"));
    EXPECT_NE(source_fingerprint(two), source_fingerprint(two + "events = [\"Deployed\"]\n"));
}

TEST(PlanTest, SourcesTellAddressesFactoriesAndTopics) {
    const Mapping mapping{kHead, kAbis};
    const auto& sources = mapping.plan->sources();
    ASSERT_EQ(sources.size(), 2U);
    EXPECT_EQ(sources[0].contract, "hub");
    EXPECT_EQ(sources[0].addresses.size(), 1U);
    EXPECT_TRUE(sources[0].topics0.empty());
    EXPECT_EQ(sources[0].abi_topics0.size(), 6U);  // the anonymous ones have none
    EXPECT_TRUE(sources[1].has_factory);
    EXPECT_FALSE(mapping.plan->needs_txn());
}

TEST(PlanTest, TheAuthorsWordForAnonymousEventsIsPartOfTheFingerprint) {
    const auto fingerprint = [](const std::string& mapping) {
        const Mapping compiled{kHead + mapping, kAbis};
        return compiled.plan->bundle().fingerprint;
    };
    const std::string when = on_note("LogNote", "when = \"sig == 0x01020304\"\n");
    EXPECT_NE(fingerprint(note("", when)), fingerprint(note("anonymous = [\"LogNote\"]", when)));
}

TEST(PlanTest, AContractWithAnAnonymousEventThatIsWantedIsNotAskedForByTopic) {
    const Mapping without{kHead + note("", ""), kAbis};
    EXPECT_EQ(without.plan->sources().back().abi_topics0.size(), 1U);
    const Mapping with{kHead + note("anonymous = \"Plain\"", ""), kAbis};
    EXPECT_TRUE(with.plan->sources().back().abi_topics0.empty());
}

TEST(PlanTest, CppHandlersOfAnonymousEventsNeedTheContractsWord) {
    EventHandler handler;
    handler.event = "note.LogNote";
    handler.name = "notes";
    handler.version = "1";
    handler.run = [](HandlerContext&) { return ok(); };
    const auto compile = [&handler](const std::string& more) {
        return Plan::compile(test::must_read_config(kHead + note(more, ""), kAbis), {handler});
    };
    EXPECT_THAT(message_of(compile("")), testing::HasSubstr("note.LogNote" + kSayWhich));
    EXPECT_TRUE(compile("anonymous = \"LogNote\"").has_value());
}

TEST(PlanTest, NeedsTxnOnlyForEventsWhoseHandlersNameIt) {
    const Mapping mapping{kHead + opened("set = { owner = \"$txn.from\" }\n") +
                              "[[on]]\nevent = \"hub.Deployed\"\nupdate = \"item\"\nkey = { id = "
                              "\"count\" }\nset = { count = 1 }\n",
                          kAbis};
    EXPECT_TRUE(mapping.plan->needs_txn());
    const auto opening = mapping.emit(
        "hub.Opened", {test::num(1), test::acc(1), test::text(""), test::list({}), test::list({})},
        1, 0);
    const auto deployed = mapping.emit("hub.Deployed", {test::acc(1), test::num(1)}, 1, 1);
    EXPECT_TRUE(mapping.plan->needs_txn(0, opening.log));
    EXPECT_FALSE(mapping.plan->needs_txn(0, deployed.log));
    EXPECT_FALSE(mapping.plan->needs_txn(1, opening.log));
}

TEST(PlanTest, FactoryEventsAnnounceTheirChildren) {
    const Mapping mapping{kHead, kAbis};
    const auto deployed = mapping.emit("hub.Deployed", {test::acc(5), test::num(1)}, 1, 1);
    std::vector<ChildAnnouncement> found;
    mapping.plan->find_children(0, deployed.log, deployed.data, found);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].source, 1U);
    EXPECT_EQ(found[0].address, test::address_of(5));
    mapping.plan->find_children(1, deployed.log, deployed.data, found);
    mapping.plan->find_children(0, deployed.log, ByteView{deployed.data}.first(10), found);
    EXPECT_EQ(found.size(), 1U);
}

TEST(PlanTest, StateResolvesArgumentsReturnsAndWhatGoneLooksLike) {
    const Mapping mapping{
        kHead +
            "[entities.thing]\nkey = { id = \"uint64\" }\nfields = { owner = \"address\", count "
            "= \"uint64\", text = \"string\" }\ncount = \"hub.itemCount\"\nstate = [{ call = "
            "\"hub.items\", args = [\"id\"], returns = [\"owner\", \"count\", \"text\", "
            "\"_\"] }, { call = \"hub.packed\", args = [\"item[count].count\"], returns = "
            "[\"owner\", 7], deleted = [\"0x0000000000000000000000000000000000000000\", 0] }]\n",
        kAbis};
    const auto& plans = mapping.plan->state_plans();
    ASSERT_EQ(plans.size(), 2U);
    EXPECT_EQ(plans[0].signature, "items(uint256)");
    EXPECT_EQ(plans[0].args[0].kind, StateOperand::Kind::kKey);
    EXPECT_FALSE(plans[0].returns_tuple);
    ASSERT_EQ(plans[0].returns.size(), 4U);
    EXPECT_EQ(plans[0].returns[2].kind, StatePlan::Return::Kind::kField);
    EXPECT_EQ(plans[0].returns[2].field, 2U);
    EXPECT_EQ(plans[0].returns[3].kind, StatePlan::Return::Kind::kIgnored);
    EXPECT_FALSE(plans[0].has_gone);
    EXPECT_TRUE(plans[1].returns_tuple);
    EXPECT_EQ(plans[1].args[0].kind, StateOperand::Kind::kLookup);
    EXPECT_EQ(plans[1].args[0].keys[0].kind, StateOperand::Kind::kField);
    EXPECT_EQ(plans[1].returns[1].literal.word, evm::U256{7});
    EXPECT_TRUE(plans[1].has_gone);
    EXPECT_EQ(plans[1].deleted.size(), 2U);
    EXPECT_TRUE(mapping.plan->entities()[2].keep_tombstones);
    EXPECT_FALSE(mapping.plan->entities()[0].keep_tombstones);
    ASSERT_EQ(mapping.plan->count_plans().size(), 1U);
    EXPECT_EQ(mapping.plan->count_plans()[0].signature, "itemCount()");
}

TEST(PlanTest, HandlersInCppAreCheckedLikeTheConfig) {
    const auto config = read_config(kHead, kAbis);
    ASSERT_OK(config);
    const auto compile = [&](EventHandler handler) {
        const auto plan = Plan::compile(*config, {std::move(handler)});
        return plan ? std::string{} : plan.error().message;
    };
    const auto nothing = [](HandlerContext&) { return ok(); };
    EXPECT_EQ(compile({"mine", "1", "hub.Opened", {"id", "kinds", "text"}, false, nothing}), "");
    EXPECT_EQ(compile({"mine", "", "hub.Opened", {}, false, nothing}),
              "C++ handler 'mine': it needs a name, a version and a function");
    EXPECT_THAT(compile({"mine", "1", "hub.Opened", {"idd"}, false, nothing}),
                testing::HasSubstr("idd"));
    EXPECT_THAT(compile({"mine", "1", "hub.Policy", {"policy"}, false, nothing}),
                testing::HasSubstr("not one value or an array of them"));
}

TEST(PlanTest, TheCommunityExampleCompiles) {
    const auto config = load_config(source_dir() + "/examples/community/plumbline.toml");
    ASSERT_OK(config);
    const auto plan = Plan::compile(*config);
    ASSERT_OK(plan);
    EXPECT_EQ((*plan)->entities().size(), 6U);
    EXPECT_GE((*plan)->state_plans().size(), 6U);
}

}  // namespace
}  // namespace plumbline::engine::plan_test
