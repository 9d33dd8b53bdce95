#include "engine/fold/rebuild.hpp"

#include "engine/text/entity_text.hpp"
#include "tests/engine/item_chain.hpp"

namespace plumbline::engine::rebuild_test {
namespace {

using test::grow;
using test::kAbis;
using test::kMapping;
using test::Mapping;
using test::num;
using test::Pace;
using test::whole;
using test::World;
using testing::HasSubstr;

class RebuildTest : public testing::TestWithParam<uint64_t> {
  protected:
    uint64_t seed_ = test::test_seed(GetParam());
    testing::ScopedTrace trace_{__FILE__, __LINE__, fmt::format("PLUMBLINE_SEED={}", seed_)};
    Mapping mapping_{kMapping, kAbis};
};

TEST_P(RebuildTest, GivesEveryFamilyByteForByte) {
    for (const uint64_t finalized : {uint64_t{0}, uint64_t{3'000}, UINT64_MAX}) {
        SCOPED_TRACE(fmt::format("finalized {}", finalized));
        World world{mapping_, Pace{.blocks_per_commit = 10, .finalized = finalized}};
        grow(world, mapping_, seed_, 120);
        const auto wanted = whole(*world.database);
        const auto cursor = world.database->cursor();
        for (const size_t cache : {size_t{1}, size_t{1} << 20}) {
            world.stop();
            RebuildOptions options;
            options.cache_bytes = cache;
            options.commit_bytes = cache;
            uint64_t told = 0;
            options.on_progress = [&told](const RebuildProgress& progress) {
                told = progress.events;
            };
            ASSERT_OK(rebuild(*world.database, mapping_.plan, options));
            EXPECT_EQ(told, cursor->event_count);
            storage::test::expect_same(whole(*world.database), wanted);
            world.reopen();
            storage::test::expect_same(whole(*world.database), wanted);
            EXPECT_EQ(world.database->cursor()->block_num, cursor->block_num);
        }
    }
}

TEST_P(RebuildTest, AnotherMappingIsAsIfItHadAlwaysBeenThere) {
    const Mapping other{kMapping + R"(
[entities.count]
key = { who = "address" }
fields = { puts = "uint64" }
[[on]]
event = "hub.Put"
upsert = "count"
key = { who = "$log.address" }
add = { puts = 1 }
)",
                        kAbis};
    const Pace pace{.blocks_per_commit = 10, .finalized = 3'000};
    World world{mapping_, pace};
    grow(world, mapping_, seed_, 60);
    World wanted{other, pace};
    grow(wanted, other, seed_, 60);
    world.stop();
    ASSERT_OK(rebuild(*world.database, other.plan));
    storage::test::expect_same(whole(*world.database), whole(*wanted.database));
    EXPECT_EQ(world.database->bundle().fingerprint, other.plan->bundle().fingerprint);
}

TEST_P(RebuildTest, UndoThatItWroteTakesBlocksBack) {
    const Pace pace{.blocks_per_commit = 10, .finalized = 50};
    World world{mapping_, pace};
    grow(world, mapping_, seed_, 100);
    world.stop();
    ASSERT_OK(rebuild(*world.database, mapping_.plan));
    const auto blocks = world.database->read_view()->list_blocks(51, UINT64_MAX);
    ASSERT_OK(blocks);
    ASSERT_GT(blocks->size(), 10U);
    const uint64_t target = (*blocks)[blocks->size() / 2].block_num;
    World copy{mapping_, pace};
    grow(copy, mapping_, seed_, 100);
    copy.stop();
    ASSERT_OK(copy.database->rollback(target));
    ASSERT_OK(world.database->rollback(target));
    storage::test::expect_same(whole(*world.database), whole(*copy.database));
}

INSTANTIATE_TEST_SUITE_P(Seeds, RebuildTest, testing::Values(1, 2));

TEST(RebuildOnceTest, CancelledKeepsTheOldRowsAndTheNextOpenForgetsTheRest) {
    const Mapping mapping{kMapping, kAbis};
    World world{mapping, Pace{.blocks_per_commit = 10}};
    grow(world, mapping, 1, 50);
    const auto wanted = whole(*world.database);
    world.stop();
    RebuildOptions options;
    options.is_cancelled = [] { return true; };
    EXPECT_ERROR(rebuild(*world.database, mapping.plan, options), ErrorCode::kCancelled);
    storage::test::expect_same(whole(*world.database), wanted);
    world.reopen();
    storage::test::expect_same(whole(*world.database), wanted);
    world.stop();
    ASSERT_OK(rebuild(*world.database, mapping.plan));
    storage::test::expect_same(whole(*world.database), wanted);
}

TEST(RebuildOnceTest, AfterOneThatWasCancelledTheIndexGoesOnWithTheRowsOfBefore) {
    const Mapping mapping{kMapping, kAbis};
    World world{mapping};
    World straight{mapping};
    const auto put = [&](World& to, uint64_t block) {
        to.block(block, {mapping.emit("hub.Put", {num(block), num(block)}, block, 0)});
    };
    for (uint64_t block = 1; block <= 20; ++block) {
        put(world, block);
        put(straight, block);
    }
    world.stop();
    RebuildOptions options;
    options.is_cancelled = [] { return true; };
    EXPECT_ERROR(rebuild(*world.database, mapping.plan, options), ErrorCode::kCancelled);
    world.start();
    put(world, 21);
    put(straight, 21);
    EXPECT_EQ(world.row("item", "id=21"), straight.row("item", "id=21"));
    EXPECT_NE(world.row("item", "id=21"), "");
    storage::test::expect_same(whole(*world.database), whole(*straight.database));
}

/// A row of `item` as a correction would store it.
std::string item_row(const Mapping& mapping, uint64_t amount) {
    const storage::RowCodec& codec = mapping.plan->codec(0);
    std::string row = codec.empty_row();
    codec.set_word(row, 0, evm::U256{amount});
    return row;
}

class CorrectionTest : public testing::Test {
  protected:
    CorrectionTest() {
        const auto put = [&](uint64_t block, uint64_t id, uint64_t amount) {
            world_.block(block, {mapping_.emit("hub.Put", {num(id), num(amount)}, block, 0)});
        };
        put(1, 1, 10);
        put(3, 2, 20);
        put(6, 3, 30);
        world_.block(7, {mapping_.emit("hub.Del", {num(2)}, 7, 0)});
        put(9, 4, 40);
        world_.stop();
    }
    void correct(uint64_t block, uint64_t id, const std::string& row,
                 const std::string& entity = "item") {
        const auto batch = world_.database->make_batch();
        batch->append_correction(
            {block, 0, entity,
             *key_from_text(mapping_.plan->entities()[0], fmt::format("id={}", id)), row, "test"});
        batch->require_refold();
        ASSERT_OK(world_.database->commit(*batch, storage::Durability::kSync));
    }
    void fold() {
        ASSERT_OK(rebuild(*world_.database, mapping_.plan));
        EXPECT_FALSE(world_.database->needs_refold());
        world_.start();
    }

    Mapping mapping_{kMapping, kAbis};
    World world_{mapping_, Pace{.finalized = 5}};
};

TEST_F(CorrectionTest, HoldsAfterEveryFold) {
    correct(4, 1, item_row(mapping_, 11));  // a block without events
    correct(9, 4, "");                      // the last block: deleted
    correct(9, 5, item_row(mapping_, 55));  // a row that no event made
    correct(8, 3, item_row(mapping_, 33));  // a block without events that is not final
    for (int round = 0; round < 2; ++round) {
        fold();
        EXPECT_THAT(world_.row("item", "id=1"), HasSubstr("\"amount\":11,"));
        EXPECT_EQ(world_.row("item", "id=4"), "");
        EXPECT_THAT(world_.row("item", "id=5"), HasSubstr("\"amount\":55,"));
        EXPECT_THAT(world_.row("item", "id=3"), HasSubstr("\"amount\":33,"));
        EXPECT_EQ(world_.database->entity_count(0), 3U);
        world_.stop();
    }
}

TEST_F(CorrectionTest, LaterEventsWorkOnTheCorrectedRow) {
    correct(6, 2, item_row(mapping_, 22));
    correct(8, 2, item_row(mapping_, 23));
    fold();
    // Deleted by the event of block 7 in between, or this insert would be a rule violation.
    EXPECT_THAT(world_.row("item", "id=2"), HasSubstr("\"amount\":23,"));
    EXPECT_TRUE(world_.quarantine().empty());
    world_.stop();
    ASSERT_OK(world_.database->rollback(7));
    world_.start();
    EXPECT_EQ(world_.row("item", "id=2"), "") << "the correction went with its block";
    EXPECT_EQ(world_.database->read_view()->list_corrections()->size(), 1U);
}

TEST_F(CorrectionTest, OneThatDoesNotFitGoesToQuarantine) {
    correct(4, 1, "no row");
    correct(4, 1, item_row(mapping_, 1), "nothing");
    fold();
    EXPECT_THAT(world_.row("item", "id=1"), HasSubstr("\"amount\":10,"));
    EXPECT_EQ(world_.quarantine().size(), 1U) << "one place, one row";
}

TEST(RebuildOnceTest, AnEmptyLogGivesEmptyEntities) {
    const Mapping mapping{kMapping, kAbis};
    World world{mapping};
    world.stop();
    ASSERT_OK(rebuild(*world.database, mapping.plan));
    EXPECT_EQ(world.database->entity_count(0), 0U);
}

TEST(RebuildOnceTest, MissingTransactionFieldsSayWhatToDo) {
    const Mapping mapping{kMapping, kAbis};
    World world{mapping};
    grow(world, mapping, 1, 20);
    world.stop();
    const Mapping other{kMapping + R"(
[entities.sender]
key = { who = "address" }
[[on]]
event = "hub.Put"
upsert = "sender"
key = { who = "$txn.from" }
)",
                        kAbis};
    const Status done = rebuild(*world.database, other.plan);
    EXPECT_ERROR(done, ErrorCode::kNotFound);
    EXPECT_THAT(done.error().message, HasSubstr("hub.Put at block"));
    EXPECT_THAT(done.error().message, HasSubstr("plumbline run fetches them"));
}

}  // namespace
}  // namespace plumbline::engine::rebuild_test
