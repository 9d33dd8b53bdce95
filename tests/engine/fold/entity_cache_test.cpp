#include "engine/fold/entity_cache.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/small_index.hpp"

namespace plumbline::engine::entity_cache_test {
namespace {

using storage::test::create_options;
using storage::test::must_open;
using storage::test::TempDir;
using storage::test::test_bundle;
using storage::test::test_seed;
using storage::test::user_key;
using storage::test::user_row;

constexpr size_t kUser = 0;

/// A cache over a real database; `user` rows only.
struct Harness {
    explicit Harness(size_t bytes, bool starts_empty = false)
        : database{must_open(dir.sub("db"), create_options())},
          batch{database->make_batch()},
          cache{database->entities().size(), *database, bytes, starts_empty} {}

    std::string row(uint64_t id, int64_t score, size_t text = 3) const {
        return user_row(codec, id, std::string(text, 'x'), score, {1, 0});
    }
    /// The row as the cache sees it; "" where there is none.
    std::string get(uint64_t id) {
        EntityCache::Entry* entry = cache.find(kUser, user_key(id));
        PLUMBLINE_CHECK(entry != nullptr);
        return entry->row;
    }
    void put(uint64_t id, const std::string& row) {
        EntityCache::Entry* entry = cache.find(kUser, user_key(id));
        PLUMBLINE_CHECK(entry != nullptr);
        cache.touch(*entry);
        entry->row = row;
    }
    void flush() {
        cache.flush(*batch, std::nullopt);
        ASSERT_OK(database->commit(*batch, storage::Durability::kBuffered));
        batch->clear();
    }
    void flush_cold() {
        cache.flush_cold(*batch);
        ASSERT_OK(database->commit(*batch, storage::Durability::kBuffered));
        batch->clear();
    }
    std::string stored(uint64_t id) const {
        std::string out;
        const auto found = database->latest_row(kUser, user_key(id), out);
        PLUMBLINE_CHECK(found.has_value());
        return *found ? out : std::string{};
    }

    TempDir dir;
    std::unique_ptr<storage::Database> database;
    std::unique_ptr<storage::CommitBatch> batch;
    storage::RowCodec codec{test_bundle().entities[kUser]};
    EntityCache cache;
};

TEST(EntityCacheTest, AnEmptyDatabaseIsNotAskedForWhatItCannotHave) {
    Harness harness{size_t{1} << 20};
    for (uint64_t id = 0; id < 100; ++id) {
        EXPECT_EQ(harness.get(id), "");
        harness.put(id, harness.row(id, 1));
    }
    harness.cache.commit_event();
    harness.flush();
    EXPECT_EQ(harness.cache.database_reads(), 0U);
    EXPECT_EQ(harness.stored(42), harness.row(42, 1));
}

TEST(EntityCacheTest, EvictedRowsComeBackAndNewKeysStillNeedNoRead) {
    Harness harness{20'000};
    for (uint64_t id = 0; id < 1'000; ++id) {
        harness.put(id, harness.row(id, 1));
        harness.cache.commit_event();
        harness.cache.trim();
        if (id % 50 == 49) {
            harness.flush();
        }
    }
    EXPECT_LT(harness.cache.size(), 500U);
    // A filter answers for new keys; one in a hundred may be asked for in vain.
    EXPECT_LT(harness.cache.database_reads(), 50U);
    for (uint64_t id = 0; id < 1'000; ++id) {
        ASSERT_EQ(harness.get(id), harness.row(id, 1)) << id;
        harness.cache.trim();
    }
    EXPECT_GT(harness.cache.database_reads(), 500U);
}

TEST(EntityCacheTest, AFullFilterFallsBackToAsking) {
    Harness harness{1'000};  // no room for a filter at all
    for (uint64_t id = 0; id < 200; ++id) {
        harness.put(id, harness.row(id, 1));
        harness.cache.commit_event();
        harness.flush();
        harness.cache.trim();
    }
    for (uint64_t id = 0; id < 200; ++id) {
        ASSERT_EQ(harness.get(id), harness.row(id, 1)) << id;
        harness.cache.trim();
    }
    EXPECT_EQ(harness.get(1'000), "");
}

TEST(EntityCacheTest, AStoredEntityIsAskedFor) {
    Harness harness{size_t{1} << 20};
    harness.put(1, harness.row(1, 1));
    harness.cache.commit_event();
    harness.flush();
    EntityCache second{harness.database->entities().size(), *harness.database, 1 << 20, false};
    EntityCache::Entry* entry = second.find(kUser, user_key(1));
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->row, harness.row(1, 1));
    ASSERT_NE(second.find(kUser, user_key(2)), nullptr);
    EXPECT_EQ(second.database_reads(), 2U);
}

TEST(EntityCacheTest, RollbackRestoresRowsAndForgetsWhatWasNotDirtyBefore) {
    Harness harness{size_t{1} << 20};
    harness.put(1, harness.row(1, 1));
    harness.cache.commit_event();
    const size_t pending = harness.cache.pending_bytes();
    harness.put(1, harness.row(1, 2, 100));
    harness.put(2, harness.row(2, 2));
    harness.put(1, harness.row(1, 3));
    EXPECT_EQ(harness.cache.event_rows(), 2U);
    harness.cache.rollback_event();
    EXPECT_EQ(harness.get(1), harness.row(1, 1));
    EXPECT_EQ(harness.get(2), "");
    EXPECT_LE(harness.cache.pending_bytes(), pending + 200);
    harness.flush();
    EXPECT_TRUE(harness.cache.is_clean());
    EXPECT_EQ(harness.cache.pending_bytes(), 0U);
    EXPECT_EQ(harness.stored(1), harness.row(1, 1));
    EXPECT_EQ(harness.stored(2), "");
}

TEST(EntityCacheTest, RowsOfAFlushThatIsUnderWayAreNotEvicted) {
    Harness harness{1'000};
    for (uint64_t id = 0; id < 50; ++id) {
        harness.put(id, harness.row(id, 1));
        harness.cache.commit_event();
        harness.cache.trim();
    }
    EXPECT_EQ(harness.cache.size(), 50U);  // changed rows stay however small the bound
    harness.cache.flush(*harness.batch, std::nullopt);
    for (int i = 0; i < 10; ++i) {
        harness.cache.trim();
    }
    EXPECT_EQ(harness.get(7), harness.row(7, 1));  // the disk does not have it yet
    ASSERT_OK(harness.database->commit(*harness.batch, storage::Durability::kBuffered));
    harness.batch->clear();
    harness.cache.flush(*harness.batch, std::nullopt);
    for (int i = 0; i < 10; ++i) {
        harness.cache.trim();
    }
    EXPECT_LT(harness.cache.size(), 20U);
    EXPECT_EQ(harness.get(7), harness.row(7, 1));
}

TEST(EntityCacheTest, AColdFlushWritesHalfOfTheBytesAndLeavesWhatManyEventsChange) {
    Harness harness{size_t{1} << 20};
    for (int event = 0; event < 5; ++event) {
        harness.put(1000, harness.row(1000, event));
        harness.cache.commit_event();
    }
    for (uint64_t id = 0; id < 9; ++id) {
        harness.put(id, harness.row(id, 1));
        harness.cache.commit_event();
    }
    const size_t pending = harness.cache.pending_bytes();
    harness.flush_cold();
    EXPECT_EQ(harness.cache.rows_written(), 5U);
    EXPECT_LE(harness.cache.pending_bytes(), pending / 2);
    EXPECT_EQ(harness.stored(1000), "");
    EXPECT_EQ(harness.stored(0), harness.row(0, 1));  // of those changed once, the first
    EXPECT_EQ(harness.stored(8), "");
    EXPECT_EQ(harness.get(1000), harness.row(1000, 4));
    harness.flush();
    EXPECT_EQ(harness.stored(1000), harness.row(1000, 4));
    EXPECT_TRUE(harness.cache.is_clean());
}

TEST(EntityCacheTest, WhatAColdFlushLeavesIsTakenBackAsIfNothingHadBeen) {
    Harness harness{size_t{1} << 20};
    harness.put(1, harness.row(1, 1));
    harness.cache.commit_event();
    harness.flush();
    for (int event = 2; event < 9; ++event) {
        harness.put(1, harness.row(1, event));
        harness.put(static_cast<uint64_t>(event), harness.row(2, 0));
        harness.cache.commit_event();
    }
    harness.flush_cold();
    EXPECT_EQ(harness.stored(1), harness.row(1, 1));
    harness.put(1, harness.row(1, 99));
    harness.put(77, harness.row(77, 1));
    harness.cache.rollback_event();
    EXPECT_EQ(harness.get(1), harness.row(1, 8));
    EXPECT_EQ(harness.get(77), "");
    harness.flush();
    EXPECT_EQ(harness.stored(1), harness.row(1, 8));
    EXPECT_EQ(harness.stored(77), "");
}

TEST(EntityCacheTest, ResetForgetsPendingChanges) {
    Harness harness{size_t{1} << 20};
    harness.put(1, harness.row(1, 1));
    harness.cache.commit_event();
    harness.flush();
    harness.put(1, harness.row(1, 2));
    harness.put(2, harness.row(2, 2));
    harness.cache.reset();
    EXPECT_TRUE(harness.cache.is_clean());
    EXPECT_EQ(harness.get(1), harness.row(1, 1));
    EXPECT_EQ(harness.get(2), "");
}

TEST(EntityCacheTest, RandomOperationsAgreeWithAMap) {
    for (const size_t bytes : {size_t{500}, size_t{10'000}, size_t{1} << 20}) {
        const uint64_t seed = test_seed(bytes);
        SCOPED_TRACE(fmt::format("PLUMBLINE_SEED={} bytes={}", seed, bytes));
        std::mt19937_64 random{seed};
        Harness harness{bytes};
        std::map<uint64_t, std::string> model;
        std::map<uint64_t, std::string> event = model;
        for (int step = 0; step < 20'000; ++step) {
            const uint64_t id = random() % 300;
            switch (random() % 8) {
                case 0:
                case 1:
                case 2:
                    event[id] =
                        harness.row(id, static_cast<int64_t>(random() % 1000), random() % 40);
                    harness.put(id, event[id]);
                    break;
                case 3:
                    event.erase(id);
                    harness.put(id, "");
                    break;
                case 4: ASSERT_EQ(harness.get(id), event.contains(id) ? event[id] : ""); break;
                case 5:
                    harness.cache.commit_event();
                    harness.cache.trim();
                    model = event;
                    break;
                case 6:
                    harness.cache.rollback_event();
                    harness.cache.trim();
                    event = model;
                    break;
                default:
                    if (random() % 20 == 0) {
                        harness.cache.commit_event();
                        model = event;
                        if (random() % 2 == 0) {
                            harness.flush();
                        } else {
                            harness.flush_cold();
                        }
                        harness.cache.trim();
                    }
            }
        }
        harness.cache.commit_event();
        harness.flush();
        for (uint64_t id = 0; id < 300; ++id) {
            ASSERT_EQ(harness.stored(id), event.contains(id) ? event[id] : "") << id;
        }
    }
}

TEST(KeyFilterTest, NeverForgetsAndSeldomErrs) {
    KeyFilter filter;
    std::mt19937_64 random{7};
    std::vector<uint64_t> keys(100'000);
    for (uint64_t& key : keys) {
        key = random();
        filter.add(key, size_t{1} << 20);
    }
    for (const uint64_t key : keys) {
        ASSERT_TRUE(filter.may_contain(key));
    }
    int wrong = 0;
    for (int i = 0; i < 100'000; ++i) {
        wrong += filter.may_contain(random()) ? 1 : 0;
    }
    EXPECT_LT(wrong, 5'000);
    filter.clear();
    EXPECT_FALSE(filter.may_contain(keys[0]));
}

TEST(KeyFilterTest, SaturatesWhereItMayNotGrow) {
    KeyFilter filter;
    std::mt19937_64 random{7};
    for (int i = 0; i < 100'000; ++i) {
        filter.add(random(), 10'000);
    }
    EXPECT_EQ(filter.size_bytes(), 0U);
    EXPECT_TRUE(filter.may_contain(1));
}

TEST(EntityCacheDeathTest, RowsAreNotEvictedOrFlushedInsideAnEvent) {
    Harness harness{size_t{1} << 20};
    harness.put(1, harness.row(1, 1));
    EXPECT_DEATH(harness.cache.trim(), "trim inside an event");
    EXPECT_DEATH(harness.cache.flush(*harness.batch, std::nullopt), "flush inside an event");
}

TEST(EntityCacheDeathTest, ARowThatWasEvictedIsNotChanged) {
    Harness harness{1'000};
    EntityCache::Entry* entry = harness.cache.find(kUser, user_key(1));
    ASSERT_NE(entry, nullptr);
    for (uint64_t id = 2; id < 100; ++id) {
        static_cast<void>(harness.get(id));
    }
    harness.cache.trim();
    ASSERT_LT(harness.cache.size(), 50U);
    EXPECT_DEATH(harness.cache.touch(*entry), "a row that was evicted");
}

}  // namespace
}  // namespace plumbline::engine::entity_cache_test
