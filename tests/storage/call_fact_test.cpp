// What contract calls answered, beside the log: bytes, digests, rollbacks.
#include "storage/call_fact.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "storage/asked_blocks.hpp"
#include "storage/database.hpp"
#include "storage/meta_codec.hpp"
#include "storage/raw_access.hpp"
#include "storage/raw_scan.hpp"
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::call_fact_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

CallFact make_fact(uint64_t block, std::string input, std::string data, bool is_once = false) {
    return {block,
            {address_of(7), std::move(input)},
            CallOutcome::kAnswered,
            CallPin::kHash,
            is_once,
            {},
            std::move(data),
            "node"};
}

void add_block(Database& db, uint64_t block, const std::vector<CallFact>& facts) {
    const auto batch = db.make_batch();
    const TestLog log = make_log(block, 0);
    batch->append_log(log.log, log.data, nullptr);
    for (const CallFact& fact : facts) {
        batch->put_call(fact);
    }
    batch->append_block(make_block(block, 1));
    batch->set_cursor(block, hash_of(block), block);
    ASSERT_OK(db.commit(*batch, Durability::kSync));
}

void expect_digests_fit(Database& db) {
    const auto before = *db.read_view()->digest_root({});
    ASSERT_OK(db.rebuild_log_digest());
    EXPECT_EQ(*db.read_view()->digest_root({}), before);
}

TEST(CallFactTest, BytesAreTheWrittenOnesAndNothingElseIsRead) {
    CallFact fact = make_fact(258, "abcd", "xy", true);
    EXPECT_EQ(call_key(258, fact.call).substr(0, 8), (std::string{0, 0, 0, 0, 0, 0, 1, 2}));
    for (const CallPin pin : {CallPin::kHash, CallPin::kNumber, CallPin::kHead}) {
        fact.pin = pin;
        fact.asked = pin == CallPin::kHead ? evm::BlockId{300, hash_of(3)} : evm::BlockId{};
        const std::string value = encode_call(fact);
        EXPECT_EQ(*decode_call(call_key(258, fact.call), value), fact);
        for (size_t size = 0; size < value.size() - 2; ++size) {
            EXPECT_ERROR(decode_call(call_key(258, fact.call), value.substr(0, size)),
                         ErrorCode::kCorruption);
        }
    }
    EXPECT_ERROR(decode_call("short", encode_call(fact)), ErrorCode::kCorruption);
    EXPECT_EQ(*decode_once(encode_once(300)), 300U);
}

TEST(CallFactTest, TheLayoutIsThatOfTheDocument) {
    CallFact fact;
    fact.block_num = 258;
    fact.call.to.bytes.fill(0x33);
    fact.call.input = "\x31\x3c\xe5\x67";
    fact.is_once = true;
    fact.data = std::string(31, '\0') + '\x12';
    fact.provider = "node";
    EXPECT_EQ(evm::to_hex(as_bytes(call_key(fact.block_num, fact.call))),
              "0x0000000000000102" + std::string(40, '3') + "313ce567");
    EXPECT_EQ(evm::to_hex(as_bytes(encode_call(fact))),
              "0x01000001046e6f6465" + std::string(62, '0') + "12");
    EXPECT_EQ(evm::to_hex(as_bytes(once_key(fact.call))), "0x" + std::string(40, '3') + "313ce567");
    EXPECT_EQ(evm::to_hex(as_bytes(encode_once(258))), "0x018202");
    evm::BlockId asked{258, {}};
    asked.hash.bytes.fill(0x11);
    EXPECT_EQ(asked_key(asked), "asked:0000000000000102:0x" + std::string(64, '1'));
    EXPECT_EQ(evm::to_hex(as_bytes(encode_asked(asked))), "0x018202" + std::string(64, '1'));
}

TEST(CallFactTest, AFactIsFoundByItsBlockAndOneForGoodWithoutIt) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const CallFact price = make_fact(1, "price", "10");
    const CallFact name = make_fact(1, "name", "x", true);
    add_block(*db, 1, {name, price});
    const auto view = db->read_view();
    EXPECT_EQ(**view->get_call(1, price.call), price);
    EXPECT_FALSE(view->get_call(2, price.call)->has_value());
    EXPECT_FALSE(view->get_once(price.call)->has_value());
    EXPECT_EQ(**view->get_once(name.call), name);
}

TEST(CallFactTest, FactsGoWithTheirBlockAndTheDigestsFollow) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    add_block(*db, 1, {make_fact(1, "a", "1"), make_fact(1, "b", "2", true)});
    const auto root = *db->read_view()->digest_root({});
    add_block(*db, 2, {make_fact(2, "a", "3"), make_fact(2, "c", "4", true)});
    expect_digests_fit(*db);
    EXPECT_NE(*db->read_view()->digest_root({}), root);
    ASSERT_OK(db->rollback(1));
    EXPECT_EQ(*db->read_view()->digest_root({}), root);
    const auto view = db->read_view();
    EXPECT_FALSE(view->get_call(2, {address_of(7), "a"})->has_value());
    EXPECT_FALSE(view->get_once({address_of(7), "c"})->has_value());
    EXPECT_TRUE(view->get_once({address_of(7), "b"})->has_value());
    expect_digests_fit(*db);
}

TEST(CallFactTest, AFactIsReplacedAndTakenAwayInStoredBlocks) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    add_block(*db, 1, {});
    add_block(*db, 2, {make_fact(2, "a", "1", true), make_fact(2, "b", "1")});
    {
        // A lower start: the same call is named by an earlier block now.
        const auto batch = db->make_batch();
        batch->remove_call(make_fact(2, "a", "1", true));
        batch->put_call(make_fact(1, "a", "0", true));
        batch->put_call(make_fact(2, "b", "2"));
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    }
    const auto view = db->read_view();
    EXPECT_EQ((*view->get_once({address_of(7), "a"}))->block_num, 1U);
    EXPECT_EQ((*view->get_call(2, {address_of(7), "b"}))->data, "2");
    EXPECT_FALSE(view->get_call(2, {address_of(7), "a"})->has_value());
    expect_digests_fit(*db);
}

TEST(CallFactTest, WhichBlocksFactsOfTheHeadNameIsKeptUntilItIsForgotten) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    const auto of_head = [](uint64_t block, std::string input, const evm::BlockId& asked) {
        CallFact fact = make_fact(block, std::move(input), "1", true);
        fact.pin = CallPin::kHead;
        fact.asked = asked;
        return fact;
    };
    const evm::BlockId low{9, hash_of(1)};
    const evm::BlockId left{300, hash_of(2)};
    const evm::BlockId high{300, hash_of(3)};
    const auto asked = [&](uint64_t from, uint64_t to, size_t limit = SIZE_MAX) {
        return *list_asked(*db->read_view(), from, to, limit);
    };
    add_block(*db, 1, {of_head(1, "a", high), of_head(1, "b", low), make_fact(1, "c", "1")});
    // Of what is in doubt it is not known any more which block said it.
    add_block(*db, 2, {of_head(2, "d", high), of_head(2, "e", left), of_head(2, "f", {77, {}})});
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    std::vector<evm::BlockId> all{low, left, high};
    if (high.hash < left.hash) {
        std::swap(all[1], all[2]);
    }
    EXPECT_EQ(asked(0, UINT64_MAX), all);
    EXPECT_EQ(asked(0, 299), std::vector{low});
    EXPECT_EQ(asked(300, 300).size(), 2U);
    EXPECT_EQ(asked(10, UINT64_MAX, 1), std::vector{all[1]});
    EXPECT_EQ(asked(301, UINT64_MAX), std::vector<evm::BlockId>{});
    ASSERT_OK(db->rollback(1));
    EXPECT_EQ(asked(0, UINT64_MAX), all) << "it costs a look to have one too many";
    const auto batch = db->make_batch();
    forget_asked(*batch, low);
    forget_asked(*batch, left);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    EXPECT_EQ(asked(0, UINT64_MAX), std::vector{high});
    EXPECT_TRUE(db->read_view()->get_once({address_of(7), "b"})->has_value());
}

TEST(CallFactTest, WhoSaidItAndFactsOfTheHeadAreNoPartOfTheDigest) {
    CallFact fact = make_fact(1, "a", "1", true);
    const Digest hash = hash_call(fact);
    fact.provider = "another";
    EXPECT_EQ(hash_call(fact), hash);
    fact.data = "2";
    EXPECT_NE(hash_call(fact), hash);
    fact.pin = CallPin::kHead;
    EXPECT_EQ(hash_call(fact), Digest{});
}

TEST(CallFactTest, ALongCutAtOpenTakesFactsInSmallCommitsEachWithWhereTheyStand) {
    const TempDir dir;
    const std::string path = dir.sub("db");
    {
        const auto db = must_open(path, create_options());  // Eight rows a commit.
        add_block(*db, 1, {make_fact(1, "a", "1", true)});
        Watermark at_one;
        at_one.commit_num = db->cursor()->commit_num;
        at_one.block_num = 1;
        std::vector<CallFact> facts;
        for (int i = 0; i < 40; ++i) {
            facts.push_back(make_fact(2, fmt::format("once{:02}", i), "1", true));
            facts.push_back(make_fact(2, fmt::format("plain{:02}", i), "1"));
        }
        std::ranges::sort(facts, {}, &CallFact::call);
        add_block(*db, 2, facts);
        ASSERT_OK(poke_family(*db, "dict", "", encode_watermark(at_one)));
    }
    const auto count = [&path](std::string_view family) {
        const auto keys = (*RawAccess::open(path))->list_keys(family);
        return static_cast<size_t>(
            std::ranges::count_if(*keys, [](const std::string& key) { return !key.empty(); }));
    };
    std::set<size_t> left;
    for (int looks = 0;; ++looks) {
        ASSERT_LT(looks, 200);
        int more = looks;
        OpenOptions options = open_options();
        options.should_stop = [&more] { return more-- == 0; };
        if (Database::open(path, std::move(options))) {
            break;
        }
        left.insert(count("calls"));
        // The plain ones come last, so they go first.
        EXPECT_EQ(count("calls_once"), std::min<size_t>(count("calls"), 41));
    }
    EXPECT_GT(left.size(), 3U);
    EXPECT_EQ(count("calls"), 1U);
    EXPECT_EQ(count("calls_once"), 1U);
}

}  // namespace
}  // namespace plumbline::storage::call_fact_test
