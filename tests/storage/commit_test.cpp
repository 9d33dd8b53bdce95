// Commits against a model: indexes, counts, tombstones, undo, pruning, coverage.
#include <set>

#include "storage/database.hpp"
#include "storage/inspect.hpp"
#include "storage/read_view.hpp"
#include "storage/record_codec.hpp"
#include "tests/storage/chain_driver.hpp"

namespace plumbline::storage::commit_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

std::vector<std::string> lines_of(const Database& db) {
    const auto lines = dump_lines(db);
    EXPECT_OK(lines);
    return *lines;
}

std::string vote_key(std::string_view question, uint64_t voter) {
    std::string key;
    append_key_dynamic(key, question);
    append_key_word(key, *parse_field_type("address"),
                    evm::U256::from_be(address_of(voter).view()));
    return key;
}

void commit_block(Database& db, uint64_t block_num, uint32_t events, uint64_t fork = 0,
                  std::optional<uint64_t> finalized = {}) {
    const auto batch = db.make_batch();
    batch->append_block(make_block(block_num, events, fork));
    for (uint32_t i = 0; i < events; ++i) {
        const TestLog log = make_log(block_num, i, fork);
        batch->append_log(log.log, log.data);
    }
    // An older block that comes later leaves the cursor where it is.
    if (const auto cursor = db.cursor(); !cursor || cursor->block_num <= block_num) {
        batch->set_cursor(block_num, hash_of(block_num, fork), make_block(block_num, 0).timestamp);
    }
    if (finalized) {
        batch->set_finalized(*finalized);
    }
    ASSERT_OK(db.commit(*batch, Durability::kSync));
}

/// Rows of both entities by key; what the database must show.
using Model = std::map<std::string, std::string>;

void expect_model(const Database& db, size_t entity, const Model& model) {
    const auto view = db.read_view();
    const RowCodec codec{db.entities()[entity]};
    Model live;
    for (const auto& [key, row] : model) {
        if (!RowCodec::is_tombstone(row)) {
            live[key] = row;
        }
    }
    EXPECT_EQ(db.entity_count(entity), live.size());
    Model found;
    const auto scan = view->scan_entity(entity, "", "");
    for (; scan->valid(); scan->next()) {
        found.emplace(scan->key(), scan->row());
    }
    ASSERT_OK(scan->status());
    EXPECT_EQ(found, live);
    Model all;
    const auto raw = view->scan_entity(entity, "", "", true);
    for (; raw->valid(); raw->next()) {
        all.emplace(raw->key(), raw->row());
    }
    EXPECT_EQ(all, model);
    for (size_t index = 0; index < db.entities()[entity].indexes.size(); ++index) {
        Model by_index;
        std::string last;
        size_t rows = 0;
        const auto walk = view->scan_index(entity, index, "", "");
        for (; walk->valid(); walk->next(), ++rows) {
            EXPECT_LT(last, walk->position());
            last = walk->position();
            by_index.emplace(walk->key(), walk->row());
        }
        ASSERT_OK(walk->status());
        EXPECT_EQ(rows, live.size());
        EXPECT_EQ(by_index, live);
    }
}

TEST(CommitTest, IndexesAndCountsFollowTheRows) {
    const uint64_t seed = test_seed(4242);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    const TempDir dir;
    const SchemaBundle bundle = test_bundle();
    const RowCodec user{bundle.entities[0]};
    const RowCodec vote{bundle.entities[1]};
    Model users;
    Model votes;
    auto db = must_open(dir.sub("db"), create_options());
    for (uint64_t block = 1; block <= 60; ++block) {
        auto batch = db->make_batch();
        for (int i = 0; i < 30; ++i) {
            const ChangedAt at{block, static_cast<uint32_t>(i)};
            const uint64_t id = random() % 60;
            std::string key = user_key(id);
            std::string after = random() % 3 == 0
                                    ? ""
                                    : user_row(user, random() % 6, std::string(random() % 50, 'n'),
                                               static_cast<int64_t>(random() % 11) - 5, at);
            batch->change_row(0, key, users[key], after, {});
            users[key] = after;
            key = vote_key(std::string(1, static_cast<char>(random() % 3)), random() % 20);
            after = vote.empty_row();
            vote.set_word(after, 0, evm::U256{random() % 5});
            RowCodec::set_changed_at(after, at);
            if (random() % 3 == 0) {
                after = votes[key].empty() ? "" : vote.make_tombstone(at);
            }
            batch->change_row(1, key, votes[key], after, {});
            votes[key] = after;
        }
        batch->set_cursor(block, hash_of(block), block);
        ASSERT_OK(db->commit(*batch, Durability::kBuffered));
        if (block % 20 == 0) {
            ASSERT_OK(db->sync());
            batch.reset();
            db.reset();
            db = must_open(dir.sub("db"), open_options());
            std::erase_if(users, [](const auto& item) { return item.second.empty(); });
            std::erase_if(votes, [](const auto& item) { return item.second.empty(); });
            expect_model(*db, 0, users);
            expect_model(*db, 1, votes);
        }
    }
}

TEST(CommitTest, IndexScansByPrefixAndPosition) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const RowCodec codec{test_bundle().entities[0]};
    const auto batch = db->make_batch();
    for (uint64_t id = 0; id < 30; ++id) {
        batch->change_row(0, user_key(id), "",
                          user_row(codec, id % 3, "n", static_cast<int64_t>(id) - 15, {1, 0}), {});
    }
    batch->set_cursor(1, hash_of(1), 1);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    const auto view = db->read_view();
    std::string owner;
    append_key_word(owner, *parse_field_type("address"), evm::U256::from_be(address_of(1).view()));
    std::vector<std::string> keys;
    std::string after;
    // Two at a time, as pages are read.
    for (bool more = true; more;) {
        more = false;
        const auto scan = view->scan_index(0, 0, owner, after);
        for (int i = 0; i < 2 && scan->valid(); ++i, scan->next()) {
            keys.emplace_back(scan->key());
            after = scan->position();
            more = true;
        }
    }
    std::vector<std::string> wanted;
    for (uint64_t id = 1; id < 30; id += 3) {
        wanted.push_back(user_key(id));
    }
    EXPECT_EQ(keys, wanted);
    // Negative scores come first.
    const auto by_score = view->scan_index(0, 1, "", "");
    for (uint64_t id = 0; id < 30; ++id, by_score->next()) {
        ASSERT_TRUE(by_score->valid());
        EXPECT_EQ(by_score->key(), user_key(id));
    }
    EXPECT_FALSE(by_score->valid());
    const auto page = view->scan_entity(0, "", user_key(27));
    ASSERT_TRUE(page->valid());
    EXPECT_EQ(page->key(), user_key(28));
}

TEST(CommitTest, RollbackLeavesNoTrace) {
    const uint64_t first = test_seed(1);
    for (uint64_t seed = first; seed < first + 10; ++seed) {
        SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
        const TempDir dir;
        auto db = must_open(dir.sub("db"), create_options());
        ChainDriver driver{seed};
        // Content after each block; what a rollback to it must give again. Rows and numbers of the
        // meta family included.
        std::map<uint64_t, std::vector<std::string>> at_block;
        uint64_t last_commit = 1;
        for (int step = 0; step < 60; ++step) {
            const uint64_t head = driver.head();
            ASSERT_OK(driver.next(*db).status);
            ASSERT_TRUE(db->cursor().has_value() || driver.head() == 0);
            if (!db->cursor()) {
                continue;
            }
            EXPECT_GE(db->cursor()->commit_num, last_commit);
            last_commit = db->cursor()->commit_num;
            if (driver.head() < head) {
                // Finality that came later has pruned undo and block rows meanwhile.
                const auto content = [](std::vector<std::string> lines) {
                    std::erase_if(lines, [](const std::string& line) {
                        return line.starts_with("undo ") || line.starts_with("blocks ") ||
                               line.starts_with("log_digest ") ||
                               line.starts_with("default cursor") ||
                               line.starts_with("default totals");
                    });
                    return lines;
                };
                expect_same(content(lines_of(*db)), content(at_block.at(driver.head())));
                at_block.erase(at_block.upper_bound(driver.head()), at_block.end());
            }
            at_block[driver.head()] = lines_of(*db);
        }
    }
}

TEST(CommitTest, RollbackEqualsADatabaseThatNeverSawTheFork) {
    const TempDir dir;
    const RowCodec codec{test_bundle().entities[0]};
    const auto grow = [&](Database& db, uint64_t block, uint64_t fork) {
        const auto batch = db.make_batch();
        batch->append_block(make_block(block, 4, fork));
        for (uint32_t i = 0; i < 4; ++i) {
            const TestLog log = make_log(block, i, fork);
            batch->append_log(log.log, log.data);
        }
        std::string before;
        ASSERT_OK(db.latest_row(0, user_key(block % 3), before));
        batch->change_row(0, user_key(block % 3), before, user_row(codec, fork, "f", 1, {block, 0}),
                          block);
        batch->append_child({"vault", address_of(block + fork), block, 0});
        batch->extend_coverage({"src", {block, block}, "node", ProofLevel::kLinked});
        batch->quarantine({block, 1, "hub.X", std::to_string(fork)});
        batch->set_cursor(block, hash_of(block, fork), make_block(block, 0).timestamp);
        ASSERT_OK(db.commit(*batch, Durability::kSync));
    };
    auto forked = must_open(dir.sub("forked"), create_options());
    auto straight = must_open(dir.sub("straight"), create_options());
    for (uint64_t block = 1; block <= 20; ++block) {
        grow(*forked, block, block > 10 ? 1 : 0);
    }
    for (uint64_t block = 1; block <= 10; ++block) {
        grow(*straight, block, 0);
    }
    auto old_view = forked->read_view();
    ASSERT_OK(forked->rollback(10));
    expect_same(lines_of(*forked), lines_of(*straight));
    for (uint64_t block = 11; block <= 15; ++block) {
        grow(*forked, block, 2);
        grow(*straight, block, 2);
    }
    expect_same(lines_of(*forked), lines_of(*straight));
    // A view from before the rollback still reads the old fork, dictionary included.
    auto scan = old_view->scan_logs(11, 20);
    uint64_t seen = 0;
    for (; scan->valid(); scan->next(), ++seen) {
        const auto& log = scan->record().log;
        EXPECT_EQ(log.address, make_log(log.block_num, log.log_index, 1).log.address);
    }
    ASSERT_OK(scan->status());
    EXPECT_EQ(seen, 40U);
    scan.reset();
    old_view.reset();
    forked.reset();
    straight.reset();
    forked = must_open(dir.sub("forked"), open_options());
    straight = must_open(dir.sub("straight"), open_options());
    expect_same(lines_of(*forked), lines_of(*straight));
    EXPECT_EQ(forked->quarantine_count(), 15U);
    EXPECT_EQ(forked->cursor()->event_count, 60U);
}

TEST(CommitTest, ADamagedKeyBelowARollbackIsDamageAndNothingIsChanged) {
    for (const char* family : {"log", "blocks", "undo#1"}) {
        SCOPED_TRACE(family);
        const TempDir dir;
        const auto db = must_open(dir.sub("db"), create_options());
        commit_block(*db, 255, 2);
        commit_block(*db, 256, 2);
        // Behind all of block 255, before all of 256.
        ASSERT_OK(poke_family(*db, family, block_key(256).substr(0, 7), "x"));
        EXPECT_ERROR(db->rollback(255), ErrorCode::kCorruption);
        EXPECT_EQ(db->cursor()->block_num, 256U);
        EXPECT_EQ(db->cursor()->event_count, 4U);
    }
}

TEST(CommitTest, RollbackStopsWhereUndoEnds) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    for (uint64_t block = 1; block <= 10; ++block) {
        commit_block(*db, block, block % 2 == 0 ? 2 : 0, 0,
                     block == 10 ? std::optional<uint64_t>{7} : std::nullopt);
    }
    EXPECT_ERROR(db->rollback(6), ErrorCode::kNotFound);
    EXPECT_ERROR(db->rollback(11), ErrorCode::kInvalidArgument);
    // Event-less rows below the finalized block are gone, the finalized one is there.
    EXPECT_ERROR(db->read_view()->get_block(5), ErrorCode::kNotFound);
    ASSERT_OK(db->read_view()->get_block(7));
    EXPECT_EQ(db->read_view()->block_row_count(), 7U);
    EXPECT_EQ(db->read_view()->list_blocks(0, 100)->size(), 7U);
    ASSERT_OK(db->rollback(7));
    EXPECT_EQ(db->cursor()->block_hash, hash_of(7));
    EXPECT_EQ(db->cursor()->finalized, 7U);
    EXPECT_EQ(db->cursor()->event_count, 6U);
    const RowCodec codec{test_bundle().entities[0]};
    auto batch = db->make_batch();
    batch->change_row(0, user_key(1), "", user_row(codec, 1, "n", 1, {9, 0}), {});
    batch->set_cursor(9, hash_of(9), 9);
    ASSERT_OK(db->commit(*batch, Durability::kSync));
    batch.reset();
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_ERROR(db->rollback(8), ErrorCode::kNotFound);
    ASSERT_OK(db->truncate_log(4));
    EXPECT_TRUE(db->needs_refold());
    EXPECT_EQ(db->cursor()->block_num, 4U);
    EXPECT_EQ(db->cursor()->finalized, 4U);
    EXPECT_EQ(db->cursor()->event_count, 4U);
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_TRUE(db->needs_refold());
}

TEST(CommitTest, OldLogsThatComeAgainAreCountedOnce) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    commit_block(*db, 10, 3);
    commit_block(*db, 5, 2);   // an older range, of a contract added later
    commit_block(*db, 10, 4);  // refetched: one log more
    EXPECT_EQ(db->cursor()->event_count, 6U);
    EXPECT_EQ(db->read_view()->block_row_count(), 2U);
    EXPECT_EQ(db->read_view()->get_block(10)->event_count, 4U);
}

TEST(CommitTest, CoverageJoinsEqualNeighbours) {
    const auto cover = [](uint64_t from, uint64_t to, const char* provider = "a",
                          ProofLevel level = ProofLevel::kFetched) {
        return CoverageRow{"s", {from, to}, provider, level};
    };
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    const auto lay = [&](const std::vector<CoverageRow>& rows) {
        const auto batch = db->make_batch();
        for (const CoverageRow& row : rows) {
            batch->extend_coverage(row);
        }
        ASSERT_OK(db->commit(*batch, Durability::kSync));
    };
    lay({cover(0, 9), cover(10, 19), cover(30, 39)});
    EXPECT_EQ(*db->coverage(), (std::vector{cover(0, 19), cover(30, 39)}));
    lay({cover(15, 34)});
    EXPECT_EQ(*db->coverage(), (std::vector{cover(0, 39)}));
    lay({cover(10, 19, "b", ProofLevel::kReceipts)});
    EXPECT_EQ(*db->coverage(),
              (std::vector{cover(0, 9), cover(10, 19, "b", ProofLevel::kReceipts), cover(20, 39)}));
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    lay({cover(5, 50)});
    EXPECT_EQ(*db->coverage(), (std::vector{cover(0, 50)}));
    lay({cover(0, 50, "c")});
    EXPECT_EQ(*db->coverage(), (std::vector{cover(0, 50, "c")}));
    lay({cover(51, 51, "c"), cover(UINT64_MAX - 1, UINT64_MAX)});
    EXPECT_EQ(*db->coverage(), (std::vector{cover(0, 51, "c"), cover(UINT64_MAX - 1, UINT64_MAX)}));
}

TEST(CommitTest, CoverageEqualsAMapOfBlocks) {
    const uint64_t seed = test_seed(99);
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    std::map<uint64_t, std::string> model;
    for (int i = 0; i < 300; ++i) {
        const uint64_t from = random() % 60;
        const uint64_t to = from + random() % 12;
        const std::string provider(1, static_cast<char>('a' + random() % 3));
        const auto batch = db->make_batch();
        batch->extend_coverage({"s", {from, to}, provider, ProofLevel::kFetched});
        ASSERT_OK(db->commit(*batch, Durability::kBuffered));
        for (uint64_t block = from; block <= to; ++block) {
            model[block] = provider;
        }
        std::map<uint64_t, std::string> found;
        std::optional<CoverageRow> last;
        const std::vector<CoverageRow> rows = *db->coverage();
        for (const CoverageRow& row : rows) {
            for (uint64_t block = row.range.from; block <= row.range.to; ++block) {
                EXPECT_TRUE(found.emplace(block, row.provider).second);
            }
            if (last && last->range.to + 1 == row.range.from) {
                EXPECT_NE(last->provider, row.provider) << "equal neighbours not joined";
            }
            last = row;
        }
        ASSERT_EQ(found, model);
    }
}

TEST(CommitTest, AStaleBatchIsRefused) {
    const TempDir dir;
    const auto db = must_open(dir.sub("db"), create_options());
    const auto one = db->make_batch();
    const auto two = db->make_batch();
    const TestLog first = make_log(11, 1);
    const TestLog second = make_log(31, 2);
    one->append_log(first.log, first.data);
    two->append_log(second.log, second.data);
    ASSERT_OK(db->commit(*one, Durability::kSync));
    EXPECT_ERROR(db->commit(*two, Durability::kSync), ErrorCode::kInvalidArgument);
    two->clear();
    two->append_log(second.log, second.data);
    ASSERT_OK(db->commit(*two, Durability::kSync));
}

TEST(GenerationTest, IsSeenOnlyOncePublished) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    const RowCodec codec{test_bundle().entities[0]};
    const auto put = [&](uint64_t id) {
        const auto batch = db->make_batch();
        batch->change_row(0, user_key(id), "", user_row(codec, id, "n", 1, {1, 0}), {});
        ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    };
    commit_block(*db, 1, 3);
    put(1);
    SchemaBundle bundle = test_bundle();
    bundle.fingerprint = "fp-2";
    bundle.entities[0].indexes.pop_back();
    ASSERT_OK(db->start_generation(bundle));
    put(2);
    const auto old_view = db->read_view();
    ASSERT_OK(old_view->get_row(0, user_key(1)));
    EXPECT_ERROR(old_view->get_row(0, user_key(2)), ErrorCode::kNotFound);
    EXPECT_EQ(db->entity_count(0), 1U);
    // Begun again, and then left unfinished by a restart.
    ASSERT_OK(db->start_generation(bundle));
    put(3);
    db.reset();
    EXPECT_OK(old_view->get_row(0, user_key(1)));
}

TEST(GenerationTest, OneThatIsBegunAgainLeavesNothingOfTheFirst) {
    const TempDir dir;
    auto db = must_open(dir.sub("db"), create_options());
    commit_block(*db, 1, 3);
    ASSERT_OK(db->start_generation(test_bundle()));
    commit_block(*db, 2, 3);
    ASSERT_OK(db->start_generation(test_bundle()));
    ASSERT_OK(db->publish_generation());
    const auto lines = dump_lines(*db, {});
    ASSERT_OK(lines);
    EXPECT_EQ(
        std::ranges::count_if(
            *lines, [](const std::string& line) { return line.starts_with("default bundle"); }),
        1);
}

TEST(GenerationTest, SurvivesRestartsAndDropsWhatIsNotPublished) {
    const TempDir dir;
    const RowCodec codec{test_bundle().entities[0]};
    auto db = must_open(dir.sub("db"), create_options());
    const auto put = [&](uint64_t id) {
        const auto batch = db->make_batch();
        batch->change_row(0, user_key(id), "", user_row(codec, id, "n", 1, {1, 0}), {});
        ASSERT_OK(db->commit(*batch, Durability::kBuffered));
    };
    commit_block(*db, 1, 3);
    put(1);
    SchemaBundle bundle = test_bundle();
    bundle.fingerprint = "fp-2";
    ASSERT_OK(db->start_generation(bundle));
    put(2);
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_EQ(db->bundle().fingerprint, "fp-1");
    EXPECT_EQ(db->entity_count(0), 1U);
    ASSERT_OK(db->truncate_log(0));
    EXPECT_TRUE(db->needs_refold());
    ASSERT_OK(db->start_generation(bundle));
    put(4);
    put(5);
    auto old_view = db->read_view();
    ASSERT_OK(db->publish_generation());
    EXPECT_FALSE(db->needs_refold());
    EXPECT_EQ(db->entity_count(0), 2U);
    ASSERT_OK(old_view->get_row(0, user_key(1)));
    old_view.reset();
    ASSERT_OK(db->read_view()->get_row(0, user_key(5)));
    put(6);
    db.reset();
    db = must_open(dir.sub("db"), open_options());
    EXPECT_EQ(db->bundle(), bundle);
    EXPECT_EQ(db->entity_count(0), 3U);
    EXPECT_ERROR(db->publish_generation(), ErrorCode::kInvalidArgument);
    SchemaBundle retold = bundle;
    retold.config_text = "# said otherwise\n";
    ASSERT_OK(db->update_bundle(retold));
    EXPECT_EQ(db->bundle(), retold);
    retold.fingerprint = "fp-3";
    EXPECT_ERROR(db->update_bundle(retold), ErrorCode::kInvalidArgument);
}

TEST(GenerationTest, AFoldedOneEqualsOneMadeAtOnce) {
    const TempDir dir;
    const RowCodec codec{test_bundle().entities[0]};
    const auto fill = [&](Database& db) {
        const auto batch = db.make_batch();
        for (uint64_t id = 0; id < 20; ++id) {
            batch->change_row(0, user_key(id), "", user_row(codec, id, "n", 1, {1, 0}), {});
        }
        ASSERT_OK(db.commit(*batch, Durability::kBuffered));
    };
    const auto straight = must_open(dir.sub("a"), create_options());
    commit_block(*straight, 1, 3);
    fill(*straight);
    const auto folded = must_open(dir.sub("b"), create_options());
    commit_block(*folded, 1, 3);
    ASSERT_OK(folded->start_generation(test_bundle()));
    fill(*folded);
    ASSERT_OK(folded->publish_generation());
    expect_same(lines_of(*folded), lines_of(*straight));
}

}  // namespace
}  // namespace plumbline::storage::commit_test
