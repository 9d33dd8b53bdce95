// What a handler, or a library, throws on the writer's threads: the index ends with an error, and
// nothing of what was under way then comes into the database.
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "core/evm/keccak.hpp"
#include "engine/ingest/indexer.hpp"
#include "engine/ingest/writer.hpp"
#include "storage/inspect.hpp"
#include "tests/engine/fake_chain.hpp"
#include "tests/support/small_index.hpp"

namespace plumbline::engine::thrown_test {
namespace {

using test::FakeChain;
using test::FakeNode;
using test::hash_of;
using test::TempDir;
using testing::HasSubstr;

constexpr uint64_t kThrowsAt = 20;

/// Deposits in every block; in block `kThrowsAt` two, each before another event.
FakeChain made_chain() {
    FakeChain chain{1};
    const evm::Address who = test::make_address(5, 1);
    for (uint64_t block_num = 1; block_num <= 40; ++block_num) {
        std::vector<test::MadeLog> logs{test::deposited(test::hub_address(), who, block_num)};
        if (block_num == kThrowsAt) {
            logs.push_back(test::vault_made(test::make_address(2, 1)));
            logs.push_back(test::deposited(test::hub_address(), who, 1'000));
        }
        chain.mine_logs(logs);
    }
    return chain;
}

/// C++ handlers of both events; those of `event` throw where `throws`.
std::vector<EventHandler> handlers(std::string_view event, bool throws) {
    std::vector<EventHandler> out;
    for (const std::string_view name : {"hub.Deposited", "hub.VaultMade"}) {
        EventHandler handler;
        handler.name = name;
        handler.version = "1";
        handler.event = name;
        handler.run = [throws = throws && name == event](HandlerContext& context) -> Status {
            if (throws && context.block().block_num == kThrowsAt) {
                throw std::out_of_range{"map::at"};
            }
            return ok();
        };
        out.push_back(std::move(handler));
    }
    return out;
}

struct Ended {
    Status status;
    uint64_t head = 0;
    std::vector<std::string> lines;  ///< all that is stored
};

/// Runs to the head, on the threads of `Indexer::run`.
Ended run_index(const FakeChain& chain, const std::string& path,
                std::vector<EventHandler> handlers) {
    ManualClock clock;
    FakeNode node{chain, clock, {}};
    IndexerOptions options;
    options.config = test::must_read_config(test::deposits_toml(), test::chain_abis());
    options.db_path = path;
    options.until = {true, std::nullopt};
    options.handlers = std::move(handlers);
    options.tiny_buffers = true;
    Result<std::unique_ptr<Indexer>> indexer = Indexer::open(std::move(options), node);
    if (!indexer) {
        return {indexer.error(), 0, {}};
    }
    const std::stop_source never;
    Ended out;
    out.status = (*indexer)->run(never.get_token(), nullptr);
    if (const auto cursor = (*indexer)->database()->cursor()) {
        out.head = cursor->block_num;
    }
    auto lines = storage::dump_lines(*(*indexer)->database());
    EXPECT_TRUE(lines.has_value());
    out.lines = *std::move(lines);
    return out;
}

class ThrownTest : public testing::TestWithParam<std::string_view> {};

TEST_P(ThrownTest, WhatAHandlerThrowsEndsTheRunAndNothingOfItsBlockIsStoredOrAppliedTwice) {
    const FakeChain chain = made_chain();
    const TempDir dir;
    const Ended thrown = run_index(chain, dir.sub("db"), handlers(GetParam(), true));
    ASSERT_FALSE(thrown.status.has_value());
    EXPECT_THAT(thrown.status.error().message, HasSubstr("map::at"));
    EXPECT_LT(thrown.head, kThrowsAt);
    const Ended again = run_index(chain, dir.sub("db"), handlers(GetParam(), false));
    ASSERT_TRUE(again.status.has_value()) << again.status.error().message;
    const Ended fresh = run_index(chain, dir.sub("fresh"), handlers(GetParam(), false));
    EXPECT_EQ(again.lines, fresh.lines);
}

// Inside an event, a row of which is changed already; and between the changes of two events.
INSTANTIATE_TEST_SUITE_P(Events, ThrownTest, testing::Values("hub.Deposited", "hub.VaultMade"),
                         [](const auto& one) { return std::string{one.param.substr(4)}; });

/// Has no memory left for a new file, once told.
class ThrowingFiles final : public rocksdb::FileSystemWrapper {
  public:
    ThrowingFiles() : rocksdb::FileSystemWrapper{rocksdb::FileSystem::Default()} {}
    [[nodiscard]] const char* Name() const override { return "ThrowingFiles"; }
    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override {
        // Not where RocksDB calls: it would keep its locks.
        if (throws && name.find("PLUMBLINE_HEAD") != std::string::npos) {
            throw std::bad_alloc{};
        }
        return target()->NewWritableFile(name, options, result, debug);
    }
    std::atomic<bool> throws{false};
};

class Counter final : public IndexObserver {
  public:
    void on_commit(const CommitNotice& /*notice*/) override { ++commits; }
    void on_rollback(uint64_t /*block_num*/) override {}
    void on_refold() override {}
    int commits = 0;
};

TEST(ThrownCommitTest, NobodyIsToldOfACommitThatThrewBesideTheFoldAndItEndsTheWriter) {
    const test::Mapping mapping{test::deposits_toml(), test::chain_abis()};
    const TempDir dir;
    const auto files = std::make_shared<ThrowingFiles>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
    storage::OpenOptions open = storage::test::create_options();
    open.bundle = mapping.plan->bundle();
    open.env = env.get();
    const auto database = storage::test::must_open(dir.sub("db"), open);
    ManualClock clock;
    IngestOptions options;
    options.commit_interval_ms = 5'000;
    IngestChannel channel{size_t{1} << 20};
    IngestProgress progress;
    Counter observer;
    Writer writer{*database,
                  mapping.plan,
                  channel,
                  progress,
                  clock,
                  options,
                  [](storage::Database&) { return ok(); },
                  &observer};
    writer.commit_aside();
    uint64_t block_num = 0;
    const auto fold_one = [&] {
        ++block_num;
        FetchedRange fetched;
        fetched.range = {block_num, block_num};
        fetched.blocks = {
            {block_num, hash_of(block_num), hash_of(block_num - 1), test::time_of(block_num)}};
        fetched.sources = {0};
        fetched.finalized = UINT64_MAX;
        WorkItem item{block_num, 1, AppendWork{std::move(fetched), false}};
        ASSERT_TRUE(channel.queue.try_push(item, 1));
        writer.step();
    };
    files->throws = true;
    fold_one();
    clock.advance(5'000);
    writer.step();  // Begins the commit; from here on there is always more to fold.
    const auto fold_on = [&] {
        while (observer.commits == 0) {
            fold_one();
        }
    };
    EXPECT_THROW(fold_on(), std::bad_alloc);
    EXPECT_EQ(observer.commits, 0);
    files->throws = false;
    writer.give_up({ErrorCode::kIo, "no memory"});
    ASSERT_TRUE(channel.failure().has_value());
    EXPECT_FALSE(writer.step());
    EXPECT_TRUE(writer.finish().has_value());
    EXPECT_FALSE(database->cursor().has_value()) << "what is in hand goes with the fold";
    EXPECT_EQ(observer.commits, 0);
}

}  // namespace
}  // namespace plumbline::engine::thrown_test
