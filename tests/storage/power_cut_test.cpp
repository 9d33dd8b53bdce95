// Power cuts at random operations: synced commits are never lost, and what is found is the state
// after some whole commit.
#include <cstdio>

#include "storage/database.hpp"
#include "tests/storage/chain_driver.hpp"
#include "tests/storage/fault_fs.hpp"

namespace plumbline::storage::power_cut_test {
namespace {

using namespace plumbline::storage::test;  // NOLINT(google-build-using-namespace)

constexpr uint64_t kSteps = 40;

using States = std::map<uint64_t, std::vector<std::string>>;

/// The content after every commit of a run without faults.
States reference_states(uint64_t seed) {
    States states;
    const std::unique_ptr<rocksdb::Env> memory{rocksdb::NewMemEnv(rocksdb::Env::Default())};
    OpenOptions options = create_options();
    options.env = memory.get();
    const auto db = must_open("/db", std::move(options));
    ChainDriver driver{seed};
    states[0] = *dump_lines(*db);
    for (uint64_t step = 0; step < kSteps; ++step) {
        const auto done = driver.next(*db);
        EXPECT_OK(done.status);
        states[db->cursor() ? db->cursor()->commit_num : 0] = *dump_lines(*db);
    }
    return states;
}

struct Outcome {
    uint64_t lost_unsynced = 0;
    bool died = false;
};

void run_one(uint64_t seed, Outcome& outcome) {
    SCOPED_TRACE("PLUMBLINE_SEED=" + std::to_string(seed));
    const States states = reference_states(seed);
    const TempDir dir;
    const std::string path = dir.sub("db");
    FaultEnv fault;
    std::mt19937_64 random{seed * 31 + 7};
    const auto options = [&](bool create) {
        OpenOptions out = create ? create_options() : open_options();
        out.env = fault.env.get();
        return out;
    };
    uint64_t safe = 0;
    uint64_t seen = 0;
    {
        auto db = must_open(path, options(true));
        fault.files->die_after(1 + random() % 600);
        ChainDriver driver{seed};
        for (uint64_t step = 0; step < kSteps; ++step) {
            const auto done = driver.next(*db);
            if (!done.status.has_value()) {
                outcome.died = true;
                break;
            }
            seen = db->cursor() ? db->cursor()->commit_num : 0;
            if (done.synced) {
                safe = seen;
            }
        }
    }
    fault.files->cut_power(random());
    // A second cut during recovery itself must not hurt either.
    if (random() % 3 == 0) {
        fault.files->die_after(1 + random() % 40);
        auto half = Database::open(path, options(false));
        half = Error{ErrorCode::kCancelled, "closed"};
        fault.files->cut_power(random());
    }
    auto opened = Database::open(path, options(false));
    ASSERT_OK(opened);
    const Database& db = **opened;
    const uint64_t found = db.cursor() ? db.cursor()->commit_num : 0;
    EXPECT_GE(found, safe) << "a synced commit was lost";
    EXPECT_FALSE(db.needs_refold());
    EXPECT_EQ(db.lost_blocks(), 0U);
    ASSERT_TRUE(states.count(found) == 1) << "commit " << found;
    SCOPED_TRACE("not the state after commit " + std::to_string(found));
    expect_same(*dump_lines(db), states.at(found));
    const auto marks = *read_watermarks(db);
    for (const auto& [family, mark] : marks) {
        EXPECT_EQ(mark, found == 0 ? 1 : found) << family;
    }
    outcome.lost_unsynced += seen > found ? seen - found : 0;
}

/// The seeds in parts, so that they run side by side.
class PowerCutTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, PowerCutTest, testing::Values(1000, 2000, 3000, 4000));

TEST_P(PowerCutTest, NeverLosesASyncedCommitNorHalvesOne) {
    const uint64_t first = test_seed(GetParam());
    const uint64_t runs = std::getenv("PLUMBLINE_SEED") == nullptr ? 25 : 1;
    Outcome total;
    uint64_t died = 0;
    for (uint64_t seed = first; seed < first + runs && !HasFailure(); ++seed) {
        Outcome outcome;
        run_one(seed, outcome);
        total.lost_unsynced += outcome.lost_unsynced;
        died += outcome.died ? 1 : 0;
    }
    std::printf("power cuts: %lu runs from seed %lu, %lu died at work, %lu unsynced commits lost\n",
                runs, first, died, total.lost_unsynced);
    // The harness must be able to lose something, or it proves nothing.
    if (runs > 1) {
        EXPECT_GT(died, runs / 4);
        EXPECT_GT(total.lost_unsynced, 0U);
    }
}

}  // namespace
}  // namespace plumbline::storage::power_cut_test
