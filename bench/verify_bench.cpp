// Proves the state of an index that is made by formula (tests/contracts/StateCases.sol, StateLoad)
// both ways, and prints one JSON line for each: what bench/verify shows.
//
//   verify_bench CONFIG.toml --rpc URL --count N --db DIR
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "engine/text/entity_text.hpp"
#include "rpc/provider_pool.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"

namespace {

using namespace plumbline;  // NOLINT(google-build-using-namespace)

std::string voter(uint64_t i) {
    std::array<uint8_t, 32> word{};
    evm::U256{i}.to_be(word.data());
    const evm::Hash hash = evm::keccak256(ByteView{word});
    return evm::to_hex(evm::Address::from(hash.view().subspan(12)));
}

void put(storage::CommitBatch& batch, const engine::Plan& plan, const std::string& entity,
         const std::vector<std::string>& texts) {
    const auto at = static_cast<size_t>(plan.find_entity(entity));
    const storage::EntityLayout& layout = plan.entities()[at];
    const storage::RowCodec codec{layout};
    std::string key;
    std::string row = codec.empty_row();
    for (size_t i = 0; i < texts.size(); i++) {
        const storage::FieldType type = layout.column(i).type;
        const storage::KeyValue value = *engine::parse_value(type, texts[i]);
        if (i < layout.key.size()) {
            engine::append_key_value(key, type, value);
        } else {
            codec.set_word(row, i - layout.key.size(), value.word);
        }
    }
    batch.change_row(at, key, "", row, std::nullopt);
}

Status fill(storage::Database& database, const engine::Plan& plan, uint64_t count,
            const evm::Header& head) {
    const auto batch = database.make_batch();
    for (uint64_t i = 0; i < count; i++) {
        put(*batch, plan, "vote",
            {std::to_string(1 + i / 200), voter(i), std::to_string(i % 4),
             fmt::format("1000000000000{:06}", i), std::to_string(1'700'000'000 + i), "0",
             std::to_string(i % 3)});
        std::array<uint8_t, 32> c{};
        for (size_t b = 0; b < 8; b++) {  // i << 100
            c[19 - b] = static_cast<uint8_t>((i << 4U) >> (8 * b));
        }
        put(*batch, plan, "item",
            {std::to_string(i), std::to_string(i), std::to_string(i * i), evm::to_hex(c),
             voter(i)});
    }
    batch->set_cursor(head.block_num, head.hash, head.timestamp);
    return database.commit(*batch, storage::Durability::kSync);
}

Status run(const std::string& config_path, const std::string& url, const std::string& db,
           uint64_t count) {
    PLUMBLINE_TRY(const engine::Config config, engine::load_config(config_path));
    PLUMBLINE_TRY(const auto plan, engine::Plan::compile(config));
    rpc::PoolOptions pool;
    pool.endpoints = {{url, {}, {}}};
    pool.batch_max = 100;
    const auto source = rpc::make_chain_source(std::move(pool));
    PLUMBLINE_TRY(const auto heads, rpc::await<rpc::Heads>(*source, 20'000, [&](auto done) {
                      source->get_heads(std::move(done));
                  }));
    storage::OpenOptions open;
    open.create = true;
    open.identity = storage::ChainIdentity{config.chain.id, evm::Hash{}};
    open.bundle = plan->bundle();
    PLUMBLINE_TRY(const auto database, storage::Database::open(db, std::move(open)));
    PLUMBLINE_TRY_VOID(fill(*database, *plan, count, heads.latest));
    const auto view = database->read_view();
    for (const char* entity : {"item", "vote"}) {
        for (const bool plain : {true, false}) {
            engine::StateProofOptions options;
            options.entities = {static_cast<uint32_t>(plan->find_entity(entity))};
            options.plain_only = plain;
            const engine::StateOutcome out = prove_state(*source, *view, plan, std::move(options));
            if (!out.is_equal() || out.entities.front().equal != count) {
                return Error{
                    ErrorCode::kCorruption,
                    fmt::format("{}: {} of {} equal", entity, out.entities.front().equal, count)};
            }
            std::printf(
                "{\"entity\":\"%s\",\"way\":\"%s\",\"calls\":%lu,\"sent\":%lu,"
                "\"received\":%lu,\"ms\":%ld}\n",
                entity, out.way.c_str(), static_cast<unsigned long>(out.traffic.requests),
                static_cast<unsigned long>(out.traffic.sent),
                static_cast<unsigned long>(out.traffic.received),
                static_cast<long>(out.elapsed_ms));
        }
    }
    return ok();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Proves the state of a generated index both ways"};
    std::string config;
    std::string url;
    std::string db;
    uint64_t count = 10'000;
    app.add_option("config", config)->required();
    app.add_option("--rpc", url)->required();
    app.add_option("--db", db)->required();
    app.add_option("--count", count);
    CLI11_PARSE(app, argc, argv);
    if (const auto done = run(config, url, db, count); !done) {
        std::fprintf(stderr, "verify_bench: %s\n", done.error().message.c_str());
        return 1;
    }
    return 0;
}
