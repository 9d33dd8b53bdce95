#include "bench/community_index.hpp"

#include <filesystem>

#include "bench/community_story.hpp"
#include "bench/must.hpp"
#include "core/evm/keccak.hpp"
#include "engine/config/config.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "tests/support/paths.hpp"

namespace plumbline::bench {

namespace {

constexpr uint64_t kBlocksPerCommit = 100;

evm::Hash hash_of_block(uint64_t block_num) {
    return evm::keccak256(std::to_string(block_num));
}

}  // namespace

std::shared_ptr<const engine::Plan> community_plan() {
    return must(engine::Plan::compile(
        must(engine::load_config(source_dir() + "/examples/community/plumbline.toml"))));
}

std::unique_ptr<storage::Database> open_fresh(const std::string& path, const engine::Plan& plan) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    storage::OpenOptions options;
    options.create = true;
    options.identity = storage::ChainIdentity{kChainId, {}};
    options.bundle = plan.bundle();
    return must(storage::Database::open(path, options));
}

void store_story(storage::Database& database, uint64_t events) {
    const auto batch = database.make_batch();
    CommunityStory story{1};
    const uint64_t blocks = events / kEventsPerBlock;
    for (uint64_t block = 1; block <= blocks; ++block) {
        evm::LogBatch logs;
        story.append_block(block, kEventsPerBlock, logs);
        for (const evm::Log& log : logs.logs) {
            batch->append_log(log, logs.data(log));
        }
        batch->append_block({block, hash_of_block(block), hash_of_block(block - 1), block * 12,
                             kEventsPerBlock, storage::ProofLevel::kFetched});
        if (block % kBlocksPerCommit == 0 || block == blocks) {
            batch->set_cursor(block, hash_of_block(block), block * 12);
            batch->set_finalized(block);
            must_do(database.commit(*batch, storage::Durability::kBuffered));
        }
    }
}

}  // namespace plumbline::bench
