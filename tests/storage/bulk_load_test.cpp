// Commits to an unpublished generation that go in as table files: the same as the usual way, and a
// crash before publishing leaves the old generation.
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::bulk_load_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

constexpr uint64_t kUsers = 600;

/// Rounds of inserts, changes and deletes of users, each a commit; some large, some small.
void fill_generation(Database& db, Durability durability, uint64_t seed) {
    const RowCodec codec{db.entities()[0]};
    std::mt19937_64 random{seed};
    std::vector<std::string> rows(kUsers);
    for (uint32_t round = 1; round <= 8; ++round) {
        const auto batch = db.make_batch();
        for (uint64_t id = 0; id < kUsers; ++id) {
            if (random() % (round % 3 == 0 ? 100 : 3) != 0) {
                continue;
            }
            const std::string before = rows[id];
            rows[id] = random() % 4 == 0
                           ? std::string{}
                           : user_row(codec, random() % 20, "user" + std::to_string(id),
                                      static_cast<int64_t>(random() % 50), {round, 0});
            batch->change_row(0, user_key(id), before, rows[id], std::nullopt);
        }
        // Twice in one commit: the last counts.
        const std::string before = rows[0];
        rows[0] = user_row(codec, 1, "user0", 5, {round, 1});
        batch->change_row(0, user_key(0), before, rows[0], std::nullopt);
        batch->quarantine({round, 0, "hub.Event", "no"});
        ASSERT_OK(db.commit(*batch, durability));
        // What a fold's cache misses would read.
        for (uint64_t id = 0; id < kUsers; id += 7) {
            std::string row;
            const auto found = db.latest_row(0, user_key(id), row);
            ASSERT_OK(found);
            ASSERT_EQ(*found ? row : std::string{}, rows[id]) << "user " << id;
        }
    }
}

std::vector<std::string> content(const Database& db) {
    DumpOptions options;
    options.want = [](std::string_view family) { return family != "default"; };
    return *dump_lines(db, options);
}

class BulkLoadTest : public testing::TestWithParam<uint64_t> {
  protected:
    uint64_t seed_ = test_seed(GetParam());
    testing::ScopedTrace trace_{__FILE__, __LINE__, "PLUMBLINE_SEED=" + std::to_string(seed_)};
    TempDir dir_;
};

TEST_P(BulkLoadTest, GivesWhatTheUsualWayGives) {
    std::vector<std::vector<std::string>> contents;
    std::vector<uint64_t> counts;
    for (const Durability durability : {Durability::kBuffered, Durability::kBulk}) {
        const std::string path = dir_.sub(durability == Durability::kBulk ? "bulk" : "usual");
        auto db = must_open(path, create_options());
        ASSERT_OK(db->start_generation(test_bundle()));
        fill_generation(*db, durability, seed_);
        ASSERT_OK(db->publish_generation());
        contents.push_back(content(*db));
        counts.push_back(db->entity_count(0));
        db.reset();
        db = must_open(path, open_options());
        expect_same(content(*db), contents.back());
        EXPECT_EQ(db->entity_count(0), counts.back());
    }
    expect_same(contents[1], contents[0]);
    EXPECT_EQ(counts[1], counts[0]);
}

TEST_P(BulkLoadTest, WithoutAGenerationUnderWayItIsAnOrdinaryCommit) {
    auto db = must_open(dir_.sub("db"), create_options());
    fill_generation(*db, Durability::kBulk, seed_);
    auto wanted = must_open(dir_.sub("wanted"), create_options());
    fill_generation(*wanted, Durability::kBuffered, seed_);
    expect_same(content(*db), content(*wanted));
}

TEST_P(BulkLoadTest, WhatWasNotPublishedIsGoneAtTheNextOpen) {
    auto db = must_open(dir_.sub("db"), create_options());
    fill_generation(*db, Durability::kBuffered, seed_);
    ASSERT_OK(db->sync());
    const auto count = db->entity_count(0);
    ASSERT_OK(db->start_generation(test_bundle()));
    fill_generation(*db, Durability::kBulk, seed_ + 1);
    std::ofstream{dir_.sub("db") + "/bulk-17.sst"} << "half a table";
    db.reset();
    db = must_open(dir_.sub("db"), open_options());
    EXPECT_EQ(db->entity_count(0), count);
    EXPECT_EQ(db->bundle().fingerprint, test_bundle().fingerprint);
    for (const auto& file : std::filesystem::directory_iterator{dir_.sub("db")}) {
        EXPECT_FALSE(file.path().filename().string().starts_with("bulk-")) << file.path();
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, BulkLoadTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace plumbline::storage::bulk_load_test
