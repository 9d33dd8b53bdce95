// Polling a filter: what a poll that fails leaves behind, and how far one poll goes.
#include "api/rpc/filter_store.hpp"

#include "tests/api/api_world.hpp"

namespace plumbline::api::test::filter_store_test {
namespace {

using nlohmann::json;

constexpr uint64_t kFinal = 3;

/// Blocks 1 to 5 with an event each; those above `kFinal` may be taken back.
class FilterStoreTest : public testing::Test {
  protected:
    FilterStoreTest() {
        for (uint64_t block = 1; block <= 5; ++block) {
            add_block(block, 0);
        }
        read();
    }
    void add_block(uint64_t block_num, uint64_t fork) {
        world.block(block_num,
                    {mapping.emit("hub.Scored", {acc(block_num), num(fork)}, block_num, 0)}, fork);
        world.commit();
    }
    /// Polls see the state of now.
    void read() {
        view = world.database->read_view();
        storage::CoverageRow row;
        row.source = mapping.plan->sources()[0].fingerprint;
        row.range = {0, view->cursor()->block_num};
        coverage = {row};
    }
    [[nodiscard]] LogSource source() const {
        return {*mapping.plan, *view, coverage, *view->cursor(), [] { return false; }};
    }
    Result<std::vector<json>> poll() {
        PLUMBLINE_TRY(const auto items, filters.take_changes(source(), id, 0));
        std::vector<json> out;
        for (const std::string& item : items) {
            out.push_back(json::parse(item));
        }
        return out;
    }

    Mapping mapping{kHubToml, hub_abis()};
    World world{mapping, {.finalized = kFinal}};
    std::unique_ptr<storage::ReadView> view;
    std::vector<storage::CoverageRow> coverage;
    FilterStore filters{1U << 20U};
    std::string id;
    const json of_hub = {{"address", "0x00000000000000000000000000000000000000aa"}};
};

TEST_F(FilterStoreTest, LogsTakenBackAreToldOnceEvenWhereThePollInBetweenFails) {
    const auto added = filters.add(source(), {.written = of_hub, .lives_on = true}, "somebody", 0);
    ASSERT_OK(added);
    id = *added;
    world.rollback(kFinal);
    add_block(4, 1);
    add_block(5, 1);
    read();
    const std::vector<storage::CoverageRow> covered = std::exchange(coverage, {});
    const auto failed = poll();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
    coverage = covered;
    const auto news = poll();
    ASSERT_OK(news);
    ASSERT_EQ(news->size(), 4U);
    for (size_t i = 0; i < news->size(); ++i) {
        EXPECT_EQ((*news)[i]["removed"], i < 2) << i;
        EXPECT_EQ((*news)[i]["blockNumber"], evm::to_quantity(4 + i % 2)) << i;
        EXPECT_EQ((*news)[i]["blockHash"],
                  evm::to_hex(storage::test::hash_of(4 + i % 2, i < 2 ? 0 : 1)))
            << i;
    }
    EXPECT_TRUE(poll()->empty());
}

TEST_F(FilterStoreTest, LogsAreTakenBackWhereTheBlocksInTheirPlaceAreFinalAndHaveNoRow) {
    const auto added = filters.add(source(), {.written = of_hub, .lives_on = true}, "somebody", 0);
    ASSERT_OK(added);
    id = *added;
    world.rollback(kFinal);
    world.batch->set_cursor(6, storage::test::hash_of(6, 1), 6);
    world.batch->set_finalized(6);
    ASSERT_OK(world.database->commit(*world.batch, storage::Durability::kBuffered));
    read();
    ASSERT_FALSE(view->get_block(4));
    const auto news = poll();
    ASSERT_OK(news);
    ASSERT_EQ(news->size(), 2U);
    EXPECT_EQ((*news)[0]["removed"], true);
    EXPECT_EQ((*news)[1]["blockNumber"], "0x5");
    EXPECT_TRUE(poll()->empty());
}

TEST_F(FilterStoreTest, AFilterOfBlocksThatWasLeftBehindGoesOnInBoundedSteps) {
    for (const bool tells_heads : {false, true}) {
        const auto added =
            filters.add(source(), {.tells_heads = tells_heads, .lives_on = true}, "somebody", 0);
        ASSERT_OK(added);
        storage::Cursor ahead = *view->cursor();
        ahead.block_num = 5 + 2 * FilterStore::kBlocksMax + 1;
        ahead.block_hash = storage::test::hash_of(ahead.block_num);
        evm::Header head;
        head.block_num = ahead.block_num;
        head.hash = ahead.block_hash;
        const LogSource far{*mapping.plan,
                            *view,
                            coverage,
                            ahead,
                            [] { return false; },
                            [&head](const evm::Hash&) { return std::optional{head}; }};
        const auto count = [&] { return filters.take_changes(far, *added, 0)->size(); };
        EXPECT_EQ(count(), 0U) << "the block is two steps away";
        EXPECT_EQ(count(), 0U);
        EXPECT_EQ(count(), 1U) << "it is told by the step that reaches it";
        EXPECT_EQ(count(), 0U);
    }
}

}  // namespace
}  // namespace plumbline::api::test::filter_store_test
