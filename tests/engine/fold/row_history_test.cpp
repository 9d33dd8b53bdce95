// One row through the log: at every block it is what the index showed at that block.
#include "engine/fold/row_history.hpp"

#include <filesystem>
#include <fstream>
#include <random>

#include "engine/text/entity_text.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::test::row_history_test {
namespace {

constexpr std::string_view kToml = R"(
[contracts.hub]
abi = "hub.json"
address = "0x00000000000000000000000000000000000000aa"

[entities.user]
key = { account = "address" }
fields = { name = "string", points = "uint64", room = "uint256" }
drop = "points == 13"

[entities.room]
key = { id = "uint256" }
fields = { points = "uint64" }

[[on]]
event = "hub.Joined"
upsert = "user"
key = { account = "who" }
set = { name = "name", room = "room" }

[[on]]
event = "hub.Scored"
update = "user"
key = { account = "who" }
add = { points = "points" }

[[on]]
event = "hub.Scored"
upsert = "room"
key = { id = "user[who].room" }
add = { points = "points" }

[[on]]
event = "hub.Left"
delete = "user"
key = { account = "who" }
)";

Abis abis() {
    return {{"hub.json", abi_json({"event Joined(address indexed who, uint256 room, string name)",
                                   "event Scored(address indexed who, uint64 points)",
                                   "event Left(address indexed who)"})}};
}

constexpr uint64_t kUsers = 6;
constexpr uint64_t kRooms = 3;

class RowHistoryTest : public testing::Test {
  protected:
    /// Random events, some of which break a rule, and what every row was after each block.
    void live(uint64_t seed, uint64_t blocks) {
        std::mt19937_64 random{seed};
        for (uint64_t block = 1; block <= blocks; ++block) {
            std::vector<Emitted> events;
            for (uint32_t i = 0; random() % 3 != 0; ++i) {
                const AbiValue who = acc(random() % kUsers);
                switch (random() % 4) {
                    case 0:
                        events.push_back(mapping.emit(
                            "hub.Joined", {who, num(random() % kRooms), text("n")}, block, i));
                        break;
                    case 1: events.push_back(mapping.emit("hub.Left", {who}, block, i)); break;
                    default:
                        events.push_back(
                            mapping.emit("hub.Scored", {who, num(random() % 9)}, block, i));
                }
            }
            world.block(block, events);
            for (const auto& [entity, key] : keys()) {
                shown[block][entity + key] = world.row(entity, key);
            }
        }
        world.commit();
    }
    static std::vector<std::pair<std::string, std::string>> keys() {
        std::vector<std::pair<std::string, std::string>> out;
        for (uint64_t i = 0; i < kUsers; ++i) {
            out.emplace_back("user", "account=" + hex_of(i));
        }
        for (uint64_t i = 0; i < kRooms; ++i) {
            out.emplace_back("room", "id=" + std::to_string(i));
        }
        return out;
    }
    [[nodiscard]] size_t entity_of(const std::string& name) const {
        return static_cast<size_t>(mapping.plan->find_entity(name));
    }
    [[nodiscard]] std::string key_of(const std::string& entity, const std::string& key) const {
        return key_from_text(mapping.plan->entities()[entity_of(entity)], key).value();
    }
    [[nodiscard]] std::string shown_row(const std::string& entity, std::string_view key,
                                        std::string_view row) const {
        std::string out;
        if (!row.empty()) {
            const storage::EntityLayout& layout = mapping.plan->entities()[entity_of(entity)];
            EXPECT_OK(append_row_json(out, layout, storage::RowCodec{layout}, key, row));
        }
        return out;
    }
    [[nodiscard]] RowHistoryOptions options() const {
        RowHistoryOptions out;
        out.scratch_parent = scratch.path();
        return out;
    }

    Mapping mapping{kToml, abis()};
    World world{mapping};
    storage::test::TempDir scratch;
    std::map<uint64_t, std::map<std::string, std::string>> shown;
};

TEST_F(RowHistoryTest, AtEveryBlockARowIsWhatTheIndexShowedThen) {
    const uint64_t seed = test_seed(1);
    SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={}", seed));
    constexpr uint64_t kBlocks = 60;
    live(seed, kBlocks);
    const auto view = world.database->read_view();
    std::mt19937_64 random{seed};
    for (const auto& [entity, text] : keys()) {
        const std::string key = key_of(entity, text);
        const auto history =
            row_history(*view, mapping.plan, entity_of(entity), key, kBlocks, options());
        ASSERT_OK(history);
        EXPECT_TRUE(history->is_whole);
        size_t at = 0;
        std::string now;
        for (uint64_t block = 1; block <= kBlocks; ++block) {
            for (; at < history->versions.size() && history->versions[at].at.block_num <= block;
                 ++at) {
                now = shown_row(entity, key, history->versions[at].row);
            }
            EXPECT_EQ(now, shown[block][entity + text]) << entity << " " << text << " at " << block;
        }
        const uint64_t block = 1 + random() % kBlocks;
        const auto then = row_at(*view, mapping.plan, entity_of(entity), key, block, options());
        ASSERT_OK(then);
        EXPECT_EQ(*then ? shown_row(entity, key, (*then)->row) : "", shown[block][entity + text]);
    }
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path())) << "the fold leaves nothing behind";
}

TEST_F(RowHistoryTest, PagesOfAHistoryAreItsParts) {
    live(test_seed(2), 80);
    const auto view = world.database->read_view();
    const std::string key = key_of("room", "id=1");
    const auto whole = row_history(*view, mapping.plan, entity_of("room"), key, 80, options());
    ASSERT_OK(whole);
    ASSERT_GT(whole->versions.size(), 4U);
    RowHistoryOptions paged = options();
    paged.versions_max = 2;
    std::vector<storage::ChangedAt> seen;
    for (bool is_whole = false; !is_whole;) {
        const auto page = row_history(*view, mapping.plan, entity_of("room"), key, 80, paged);
        ASSERT_OK(page);
        for (const RowVersion& version : page->versions) {
            seen.push_back(version.at);
            paged.after = version.at;
        }
        is_whole = page->is_whole;
    }
    ASSERT_EQ(seen.size(), whole->versions.size());
    for (size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i], whole->versions[i].at);
    }
}

TEST_F(RowHistoryTest, WhatCostsTooMuchSaysHowFarItCame) {
    live(test_seed(3), 60);
    const auto view = world.database->read_view();
    const std::string key = key_of("room", "id=1");
    RowHistoryOptions few = options();
    few.events_max = 10;
    const auto too_many = row_history(*view, mapping.plan, entity_of("room"), key, 60, few);
    ASSERT_FALSE(too_many.has_value());
    EXPECT_EQ(too_many.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(too_many.error().message, testing::HasSubstr("more than the 10 events"));
    RowHistoryOptions late = options();
    late.is_late = [] { return true; };
    const auto too_late = row_history(*view, mapping.plan, entity_of("room"), key, 60, late);
    ASSERT_FALSE(too_late.has_value());
    EXPECT_EQ(too_late.error().code, ErrorCode::kTimeout);
    // A row that has not changed since costs nothing.
    EXPECT_TRUE(row_at(*view, mapping.plan, entity_of("room"), key, 60, few).has_value());
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST_F(RowHistoryTest, AllRowsOfABlockAreThoseThatTheIndexShowedThen) {
    live(test_seed(5), 40);
    const auto view = world.database->read_view();
    for (const uint64_t block : {1U, 7U, 23U, 40U}) {
        const auto then = rows_at(*view, mapping.plan, block, options());
        ASSERT_OK(then);
        for (const auto& [entity, key] : keys()) {
            const std::string stored = key_of(entity, key);
            const auto row = (*then)->get_row(entity_of(entity), stored);
            EXPECT_EQ(row ? shown_row(entity, stored, *row) : "", shown[block][entity + key])
                << entity << " " << key << " at " << block;
        }
    }
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST_F(RowHistoryTest, WhatAKilledProcessLeftGoesWithTheNextQuestion) {
    live(test_seed(5), 4);
    // Left behind: nobody holds its lock. Being made: it has none yet.
    const std::filesystem::path left = scratch.path() + "/plumbline-scratch-1-abcdef";
    const std::filesystem::path fresh = scratch.path() + "/plumbline-scratch-1-fedcba";
    std::filesystem::create_directory(left);
    std::filesystem::create_directory(fresh);
    std::ofstream{left / "LOCK"} << "";
    ASSERT_OK(rows_at(*world.database->read_view(), mapping.plan, 4, options()));
    EXPECT_FALSE(std::filesystem::exists(left));
    EXPECT_TRUE(std::filesystem::exists(fresh));
}

TEST_F(RowHistoryTest, ARepairIsAVersionToo) {
    world.block(1, {mapping.emit("hub.Joined", {acc(1), num(1), text("a")}, 1, 0)});
    world.block(2, {mapping.emit("hub.Scored", {acc(1), num(5)}, 2, 0)});
    world.block(3, {});
    world.commit();
    const std::string key = key_of("room", "id=1");
    std::string row = world.database->read_view()->get_row(entity_of("room"), key).value();
    const storage::RowCodec codec{mapping.plan->entities()[entity_of("room")]};
    const auto batch = world.database->make_batch();
    storage::CorrectionRow correction;
    correction.block_num = 2;
    correction.entity = "room";
    correction.key = key;
    batch->append_correction(correction);
    ASSERT_OK(world.database->commit(*batch, storage::Durability::kBuffered));
    const auto view = world.database->read_view();
    const auto history = row_history(*view, mapping.plan, entity_of("room"), key, 3, options());
    ASSERT_OK(history);
    ASSERT_EQ(history->versions.size(), 2U);
    EXPECT_FALSE(history->versions[0].is_correction);
    EXPECT_TRUE(history->versions[1].is_correction);
    EXPECT_TRUE(history->versions[1].row.empty());
}

TEST_F(RowHistoryTest, AnotherMappingIsRefused) {
    live(test_seed(4), 5);
    const Mapping other{std::string{kToml} +
                            "\n[[on]]\nevent = \"hub.Left\"\nupsert = \"room\"\n"
                            "key = { id = \"1\" }\nadd = { points = 1 }\n",
                        abis()};
    const auto refused = row_history(*world.database->read_view(), other.plan, 1,
                                     key_of("room", "id=1"), 5, options());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace plumbline::engine::test::row_history_test
