// An indexer over a chain in memory, stepped on one thread: writer and network take turns in an
// order that follows from a seed, on a clock that only moves where nobody has anything to do.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/clock.hpp"
#include "engine/ingest/indexer.hpp"
#include "storage/database.hpp"
#include "storage/inspect.hpp"
#include "tests/engine/fake_chain.hpp"

namespace plumbline::test {

using engine::Indexer;
using engine::IndexerOptions;
using engine::IngestOptions;

/// Limits so small that each is met; another mixture for each seed.
inline IngestOptions small_options(uint64_t seed) {
    std::mt19937_64 random{seed};
    IngestOptions options;
    options.in_flight_max = 1 + random() % 6;
    options.ahead_max = 1 + random() % 10;
    options.ahead_bytes_max = 1 + random() % 40'000;
    options.queue_bytes_max = 1 + random() % 40'000;
    options.tail_blocks_max = 1 + random() % 8;
    options.child_addresses_max = random() % 2 == 0 ? 2 : 100;
    options.commit_events_max = 1 + random() % 50;
    options.commit_bytes_max = 1 + random() % 20'000;
    options.fold_cache_bytes = random() % 2 == 0 ? 1 : 1U << 20U;
    return options;
}

class SteppedIndex {
  public:
    /// Clock and buffers are its own; with a seed other than 0 the limits are small ones, too.
    /// Where it could not be opened, `open_error` says why.
    SteppedIndex(const FakeChain& chain, IndexerOptions options, uint64_t seed,
                 FakeNodeOptions node_options = {})
        : random_{seed * 7919 + 1} {
        node_options.seed = seed;
        node = std::make_unique<FakeNode>(chain, clock, node_options);
        options.clock = &clock;
        options.tiny_buffers = true;
        if (seed != 0) {
            options.ingest = small_options(seed);
        }
        Result<std::unique_ptr<Indexer>> opened = Indexer::open(std::move(options), *node);
        if (opened) {
            indexer = *std::move(opened);
        } else {
            open_error = opened.error();
        }
    }
    void step() {
        const bool has_moved = random_() % 2 == 0
                                   ? indexer->step_writer() || indexer->step_network(50)
                                   : indexer->step_network(50) || indexer->step_writer();
        if (!has_moved) {
            clock.advance(5);
        }
    }
    /// Steps until done; false when it failed or takes too long.
    bool finish(int steps_max = 400'000) {
        for (int i = 0; i < steps_max && !indexer->is_done() && !indexer->failure(); ++i) {
            step();
        }
        return indexer->is_done();
    }
    /// Steps until the index stands at the head and has nothing to do, then stops.
    bool settle(const FakeChain& chain, int steps_max = 400'000) {
        for (int i = 0; i < steps_max && !indexer->failure(); ++i) {
            step();
            const auto cursor = this->cursor();
            if (cursor && cursor->block_num == chain.head() &&
                cursor->block_hash == chain.blocks().back()->header.hash) {
                // Finality of the last head comes with it or shortly after.
                for (int n = 0; n < 200; ++n) {
                    step();
                }
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::optional<storage::Cursor> cursor() const {
        const storage::Database* database = indexer->database();
        return database == nullptr ? std::optional<storage::Cursor>{} : database->cursor();
    }
    std::vector<std::string> stop_and_dump() {
        EXPECT_TRUE(indexer->stop().has_value());
        Result<std::vector<std::string>> lines = storage::dump_lines(*indexer->database());
        EXPECT_TRUE(lines.has_value());
        std::vector<std::string> out = *std::move(lines);
        indexer.reset();
        return out;
    }
    [[nodiscard]] std::string why() const {
        return indexer->failure() ? indexer->failure()->message : "slow";
    }

    ManualClock clock;
    std::unique_ptr<FakeNode> node;
    std::unique_ptr<Indexer> indexer;
    std::optional<Error> open_error;

  private:
    std::mt19937_64 random_;
};

/// The first lines that differ, for a failure's message.
inline std::string difference(const std::vector<std::string>& a,
                              const std::vector<std::string>& b) {
    std::string out;
    int shown = 0;
    for (const std::string& line : a) {
        if (!std::ranges::binary_search(b, line) && std::ranges::find(b, line) == b.end() &&
            shown++ < 6) {
            out += "\n- " + line;
        }
    }
    shown = 0;
    for (const std::string& line : b) {
        if (std::ranges::find(a, line) == a.end() && shown++ < 6) {
            out += "\n+ " + line;
        }
    }
    return out;
}

inline void expect_same(const std::vector<std::string>& got,
                        const std::vector<std::string>& wanted) {
    EXPECT_TRUE(got == wanted) << difference(got, wanted);
}

}  // namespace plumbline::test
