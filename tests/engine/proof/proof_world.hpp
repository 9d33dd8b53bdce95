// For the log proof's tests: a simulated chain whose headers, blooms and receipts are true, nodes
// that tell of it over JSON-RPC (and may lie), and a database that holds it (and may have been lied
// to).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/check.hpp"
#include "core/base/clock.hpp"
#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"
#include "engine/mapping/plan.hpp"
#include "engine/mapping/source_map.hpp"
#include "engine/proof/log/log_proof_run.hpp"
#include "rpc/provider_pool.hpp"
#include "rpc/transport.hpp"
#include "storage/commit_batch.hpp"
#include "storage/database.hpp"
#include "tests/sim/sim_chain.hpp"
#include "tests/sim/sim_run.hpp"
#include "tests/support/temp_dir.hpp"

namespace plumbline::engine::test {

using nlohmann::json;

/// Nodes "http://a", "http://b"... over one chain that stands still. Answers at once.
class ProofNodes final : public rpc::Transport {
  public:
    /// What a node does to an answer it would give: may change it, or put an error in its place.
    using Spoil = std::function<void(const std::string& method, const json& params, json& answer)>;

    ProofNodes(const sim::SimChain& chain, ManualClock& clock) : chain_{chain}, clock_{clock} {}

    std::map<std::string, Spoil> spoils;    ///< by url
    std::map<std::string, uint64_t> calls;  ///< by method

    uint64_t submit(rpc::HttpRequest request) override {
        const json asked = json::parse(request.body);
        json answer;
        if (asked.is_array()) {
            answer = json::array();
            for (const json& one : asked) {
                answer.push_back(answer_one(request.url, one));
            }
        } else {
            answer = answer_one(request.url, asked);
        }
        rpc::HttpCompletion done;
        done.id = ++last_id_;
        done.status = 200;
        const std::string text = answer.dump();
        done.body.reserve(text.size() + rpc::kBodyPadding);
        done.body.assign(text.begin(), text.end());
        ready_.push_back(std::move(done));
        return last_id_;
    }
    void poll(int64_t wait_ms, std::vector<rpc::HttpCompletion>& completions) override {
        clock_.advance(ready_.empty() ? std::max<int64_t>(1, wait_ms) : 1);
        std::ranges::move(ready_, std::back_inserter(completions));
        ready_.clear();
    }
    [[nodiscard]] size_t in_flight() const override { return ready_.size(); }

  private:
    json answer_one(const std::string& url, const json& asked) {
        const auto method = asked.at("method").get<std::string>();
        ++calls[method];
        json answer{{"jsonrpc", "2.0"}, {"id", asked.at("id")}};
        answer["result"] = result_of(method, asked.at("params"));
        if (const auto spoil = spoils.find(url); spoil != spoils.end() && spoil->second) {
            spoil->second(method, asked.at("params"), answer);
        }
        return answer;
    }
    json result_of(const std::string& method, const json& params) const {
        const sim::ChainView view = chain_.final_view();
        if (method == "eth_chainId") {
            return evm::to_quantity(sim::kChainId);
        }
        if (method == "eth_getBlockByNumber") {
            const auto tag = params[0].get<std::string>();
            const uint64_t num = tag == "latest" ? view.head
                                 : tag == "finalized"
                                     ? view.finalized
                                     : evm::parse_quantity(tag).value_or(UINT64_MAX);
            const sim::SimBlock* block = view.at(num);
            return block == nullptr || evm::is_gap(block->header) ? json{} : with_txns(*block);
        }
        if (method == "eth_getBlockByHash") {
            const sim::SimBlock* block =
                chain_.find(*evm::parse_hash(params[0].get<std::string>()));
            return block == nullptr ? json{} : with_txns(*block);
        }
        if (method == "eth_getBlockReceipts") {
            const sim::SimBlock* block =
                chain_.find(*evm::parse_hash(params[0].at("blockHash").get<std::string>()));
            return block == nullptr ? json{} : json::parse(block->receipts_json);
        }
        if (method == "eth_getTransactionReceipt") {
            const sim::SimBlock* block =
                chain_.find_txn(*evm::parse_hash(params[0].get<std::string>()));
            for (const json& receipt :
                 block == nullptr ? json::array() : json::parse(block->receipts_json)) {
                if (receipt.at("transactionHash") == params[0]) {
                    return receipt;
                }
            }
        }
        return {};
    }
    static json with_txns(const sim::SimBlock& block) {
        json out = json::parse(block.json);
        for (const json& receipt : json::parse(block.receipts_json)) {
            out["transactions"].push_back(receipt.at("transactionHash"));
        }
        return out;
    }

    const sim::SimChain& chain_;
    ManualClock& clock_;
    std::vector<rpc::HttpCompletion> ready_;
    uint64_t last_id_ = 0;
};

/// What the index would hold of the chain: each wanted log, and the children that they announce.
struct HonestIndex {
    std::map<uint64_t, evm::LogBatch> logs;  ///< by block, none empty
    std::vector<storage::ChildRow> children;
};

inline HonestIndex make_honest_index(const sim::SimChain& chain, const Plan& plan) {
    HonestIndex out;
    SourceMap map{plan.sources()};
    const sim::ChainView view = chain.final_view();
    std::vector<ChildAnnouncement> found;
    for (uint64_t n = 0; n <= view.head; ++n) {
        const sim::SimBlock& block = *view.at(n);
        for (bool has_new = true; has_new;) {
            has_new = false;
            for (const evm::Log& log : block.logs.logs) {
                found.clear();
                map.for_each_source(log, [&](uint32_t source) {
                    plan.find_children(source, log, block.logs.data(log), found);
                });
                for (const ChildAnnouncement& child : found) {
                    if (!map.has_child(child.source, child.address)) {
                        has_new = true;
                        map.add_child(child.source, child.address, n, log.log_index);
                        out.children.push_back({plan.sources()[child.source].contract,
                                                child.address, n, log.log_index});
                    }
                }
            }
        }
        for (const evm::Log& log : block.logs.logs) {
            bool wanted = false;
            map.for_each_source(log, [&](uint32_t /*source*/) { wanted = true; });
            if (wanted) {
                out.logs[n].push(log, block.logs.data(log));
            }
        }
    }
    return out;
}

/// A database with exactly these logs of the chain's blocks, all of it covered by "http://a", and
/// final up to `finalized`.
inline std::unique_ptr<storage::Database> make_database(const std::string& path,
                                                        const std::vector<evm::Header>& headers,
                                                        const Plan& plan, const HonestIndex& index,
                                                        uint64_t finalized = UINT64_MAX) {
    storage::OpenOptions options;
    options.create = true;
    options.identity = storage::ChainIdentity{sim::kChainId, headers.front().hash};
    options.bundle = plan.bundle();
    auto opened = storage::Database::open(path, std::move(options));
    PLUMBLINE_CHECK_MSG(opened.has_value(), opened ? "" : opened.error().message.c_str());
    std::unique_ptr<storage::Database> database = *std::move(opened);
    const auto batch = database->make_batch();
    for (const evm::Header& header : headers) {
        const uint64_t n = header.block_num;
        const auto logs = index.logs.find(n);
        const size_t count = logs == index.logs.end() ? 0 : logs->second.logs.size();
        for (size_t i = 0; i < count; ++i) {
            const evm::Log& log = logs->second.logs[i];
            batch->append_log(log, logs->second.data(log));
        }
        if (count > 0 || n == headers.back().block_num) {
            batch->append_block({n, header.hash, header.parent_hash, header.timestamp,
                                 static_cast<uint32_t>(count), storage::ProofLevel::kFetched});
        }
    }
    for (const storage::ChildRow& child : index.children) {
        batch->append_child(child);
    }
    for (const Source& source : plan.sources()) {
        batch->extend_coverage({source.fingerprint,
                                {0, headers.back().block_num},
                                "http://a",
                                storage::ProofLevel::kFetched});
    }
    const evm::Header& head = headers.back();
    batch->set_cursor(head.block_num, head.hash, head.timestamp);
    // As in an index of final blocks: of those without logs only the newest has a row.
    batch->set_finalized(std::min(head.block_num, finalized));
    const Status committed = database->commit(*batch, storage::Durability::kBuffered);
    PLUMBLINE_CHECK_MSG(committed.has_value(), committed ? "" : committed.error().message.c_str());
    return database;
}

inline std::vector<evm::Header> headers_of(const sim::SimChain& chain) {
    std::vector<evm::Header> headers;
    const sim::ChainView view = chain.final_view();
    for (const sim::SimBlock* block : *view.branch) {
        headers.push_back(block->header);
    }
    return headers;
}

/// One node without JSON in between, over headers that a test may have changed.
class PlainSource final : public rpc::ChainSource {
  public:
    PlainSource(const sim::SimChain& chain, std::vector<evm::Header> headers)
        : chain_{chain},
          headers_{std::move(headers)} {}

    void get_chain_id(Callback<uint64_t> done) override {
        open_.emplace_back([done] { done(uint64_t{sim::kChainId}); });
    }
    void get_heads(Callback<rpc::Heads> done) override {
        open_.emplace_back([this, done] { done(rpc::Heads{headers_.back(), headers_.back()}); });
    }
    void get_headers(std::vector<uint64_t> block_nums,
                     Callback<std::vector<evm::Header>> done) override {
        open_.emplace_back([this, block_nums, done] {
            std::vector<evm::Header> out;
            for (const uint64_t n : block_nums) {
                out.push_back(headers_.at(n));
            }
            done(std::move(out));
        });
    }
    void get_header_by_hash(evm::Hash, Callback<evm::Header> done) override {
        open_.emplace_back([done] { done(Error{ErrorCode::kNotFound, "not here"}); });
    }
    void get_range(rpc::LogFilter, evm::BlockRange, bool, Callback<rpc::RangeLogs> done) override {
        open_.emplace_back([done] { done(Error{ErrorCode::kUnavailable, "not here"}); });
    }
    void get_txns(std::vector<evm::Hash>, Callback<std::vector<rpc::TxnInfo>> done) override {
        open_.emplace_back([done] { done(Error{ErrorCode::kUnavailable, "not here"}); });
    }
    void get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) override {
        open_.emplace_back([this, block_hash, done] {
            const auto found = std::ranges::find(headers_, block_hash, &evm::Header::hash);
            if (found == headers_.end()) {
                done(Error{ErrorCode::kNotFound, "no such block"});
                return;
            }
            ++receipts_asked;
            done(plumbline::test::receipts_of(chain_.final_view().at(found->block_num)->logs));
        });
    }
    uint64_t suggest_range_size(const rpc::LogFilter&, uint64_t) override { return 1; }
    size_t poll(int64_t) override {
        const auto now = std::exchange(open_, {});
        for (const auto& answer : now) {
            answer();
        }
        return now.size();
    }
    size_t in_flight() const override { return open_.size(); }

    uint64_t receipts_asked = 0;

  private:
    const sim::SimChain& chain_;
    std::vector<evm::Header> headers_;
    std::vector<std::function<void()>> open_;
};

/// All of it together.
class ProofWorld {
  public:
    explicit ProofWorld(uint64_t seed, uint64_t blocks, unsigned providers = 2,
                        double gap_chance = 0)
        : chain{chain_options(seed, blocks, gap_chance)},
          nodes{chain, clock} {
        auto compiled = Plan::compile(sim::make_config({}));
        PLUMBLINE_CHECK(compiled.has_value());
        plan = *compiled;
        honest = make_honest_index(chain, *plan);
        rpc::PoolOptions options;
        for (unsigned i = 0; i < providers; ++i) {
            options.endpoints.push_back(
                {std::string{"http://"} + static_cast<char>('a' + i), {}, {}});
        }
        pool = std::make_unique<rpc::ProviderPool>(options, nodes, clock);
    }

    /// The database as `index` has it.
    void store(const HonestIndex& index, uint64_t finalized = UINT64_MAX) {
        database = make_database(directory.sub("db"), headers_of(chain), *plan, index, finalized);
    }
    [[nodiscard]] const evm::Header& header(uint64_t n) const {
        return chain.final_view().at(n)->header;
    }
    [[nodiscard]] uint64_t head() const { return chain.final_view().head; }
    [[nodiscard]] Result<LogProofOutcome> prove(LogProofOptions options) {
        auto input = read_log_proof_input(*database);
        PLUMBLINE_CHECK(input.has_value());
        return prove_range(*pool, *std::move(input), plan, clock, std::move(options));
    }

    ManualClock clock;
    sim::SimChain chain;
    ProofNodes nodes;
    std::shared_ptr<const Plan> plan;
    HonestIndex honest;
    plumbline::test::TempDir directory;
    std::unique_ptr<storage::Database> database;
    std::unique_ptr<rpc::ProviderPool> pool;

  private:
    static sim::ChainOptions chain_options(uint64_t seed, uint64_t blocks, double gap_chance) {
        sim::ChainOptions options;
        options.seed = seed;
        options.blocks_at_start = blocks;
        options.blocks_live = 0;
        options.logs_max = 4;
        options.gap_chance = gap_chance;
        return options;
    }
};

}  // namespace plumbline::engine::test
