// The steps of an index on one thread, each once, so that a simulator can count their instructions:
// reading the answers' JSON, folding the events, committing log and rows. What a step needs is made
// before it. bench/instructions runs it.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/community_index.hpp"
#include "bench/community_story.hpp"
#include "bench/must.hpp"
#include "bench/replay_chain.hpp"
#include "bench/token_story.hpp"
#include "engine/fold/fold.hpp"
#include "rpc/eth_json.hpp"
#include "rpc/transport.hpp"
#include "storage/commit_batch.hpp"

// Their names are what counting starts and stops at.
extern "C" {
void plumbline_step_parse(plumbline::Bytes& body);
void plumbline_step_fold(plumbline::engine::Fold& fold,
                         const std::vector<plumbline::evm::LogBatch>& blocks);
void plumbline_step_commit(plumbline::storage::Database& database,
                           plumbline::storage::CommitBatch& batch);
}

namespace plumbline::bench {
namespace {

constexpr uint64_t kEvents = 20'000;
constexpr uint64_t kBlocks = kEvents / kEventsPerBlock;
constexpr uint64_t kBlockSeconds = 12;

/// All the chain's logs as one answer to eth_getLogs.
Bytes answer() {
    TokenStory story{1};
    ChainOptions options;
    options.events = kEvents;
    options.events_per_block = kEventsPerBlock;
    const ReplayChain chain{story, options};
    const std::string text = fmt::format(R"({{"jsonrpc":"2.0","id":1,"result":[{}]}})",
                                         chain.logs_json(0, chain.head()));
    Bytes body;
    body.reserve(text.size() + rpc::kBodyPadding);
    body.assign(text.begin(), text.end());
    return body;
}

std::vector<evm::LogBatch> story_blocks() {
    std::vector<evm::LogBatch> out(kBlocks);
    CommunityStory story{1};
    for (uint64_t i = 0; i < kBlocks; ++i) {
        story.append_block(i + 1, kEventsPerBlock, out[i]);
    }
    return out;
}

void parse() {
    Bytes body = answer();
    plumbline_step_parse(body);
}

void append_log(const std::vector<evm::LogBatch>& blocks, storage::CommitBatch& batch) {
    for (uint64_t i = 0; i < kBlocks; ++i) {
        for (const evm::Log& log : blocks[i].logs) {
            batch.append_log(log, blocks[i].data(log));
        }
        batch.append_block({i + 1, made_up<32>(i + 1, 0), made_up<32>(i, 0),
                            (i + 1) * kBlockSeconds, kEventsPerBlock,
                            storage::ProofLevel::kFetched});
    }
    batch.set_cursor(kBlocks, made_up<32>(kBlocks, 0), kBlocks * kBlockSeconds);
    batch.set_finalized(kBlocks);
}

void fold_and_commit(const std::string& path) {
    const auto plan = community_plan();
    const auto blocks = story_blocks();
    const auto database = open_fresh(path, *plan);
    engine::Fold fold{plan, *database, engine::FoldOptions{size_t{1} << 30, true}};
    plumbline_step_fold(fold, blocks);
    const auto batch = database->make_batch();
    append_log(blocks, *batch);
    must_do(fold.flush(*batch));
    plumbline_step_commit(*database, *batch);
}

}  // namespace
}  // namespace plumbline::bench

[[gnu::noinline]] void plumbline_step_parse(plumbline::Bytes& body) {
    using plumbline::rpc::Call;
    plumbline::rpc::AnswerReader reader;
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kLogs;
    const auto answers = plumbline::bench::must(reader.read(body, calls, 1));
    const auto* batch = answers.front().get<plumbline::evm::LogBatch>();
    PLUMBLINE_CHECK(batch != nullptr && batch->logs.size() == plumbline::bench::kEvents);
}

[[gnu::noinline]] void plumbline_step_fold(plumbline::engine::Fold& fold,
                                           const std::vector<plumbline::evm::LogBatch>& blocks) {
    uint64_t block_num = 0;
    for (const plumbline::evm::LogBatch& block : blocks) {
        ++block_num;
        fold.begin_block({block_num, {}, block_num * plumbline::bench::kBlockSeconds, false});
        for (const plumbline::evm::Log& log : block.logs) {
            plumbline::bench::must_do(fold.apply(log, block.data(log), nullptr));
        }
    }
    PLUMBLINE_CHECK(fold.stats().quarantined == 0);
}

[[gnu::noinline]] void plumbline_step_commit(plumbline::storage::Database& database,
                                             plumbline::storage::CommitBatch& batch) {
    plumbline::bench::must_do(database.commit(batch, plumbline::storage::Durability::kBuffered));
}

int main() {
    plumbline::bench::parse();
    const std::string path = (std::filesystem::temp_directory_path() /
                              fmt::format("plumbline_instructions_{}", ::getpid()))
                                 .string();
    plumbline::bench::fold_and_commit(path);
    std::filesystem::remove_all(path);
}
