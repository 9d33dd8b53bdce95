#include "tests/sim/sim_oracle.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "api/routes/proof_segments.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/uint256.hpp"
#include "engine/mapping/coverage_gaps.hpp"
#include "storage/read_view.hpp"

namespace plumbline::sim {

using storage::ProofLevel;

namespace {

using Place = std::pair<uint64_t, uint32_t>;

/// One contract of the config, and who its children are so far.
struct Watched {
    SimContract contract;
    std::set<evm::Hash> topics;
    std::string parent;
    evm::Hash announcement;
    std::map<evm::Address, Place> children;  ///< by their earliest announcement

    explicit Watched(SimContract from) : contract{std::move(from)} {
        for (const std::string& event : contract.events) {
            topics.insert(evm::keccak256(event));
        }
        if (const size_t dot = contract.factory.find('.'); dot != std::string::npos) {
            parent = contract.factory.substr(0, dot);
            announcement = evm::keccak256(contract.factory.substr(dot + 1));
        }
    }
    [[nodiscard]] bool wants(const evm::Log& log) const {
        if (log.block_num < contract.start_block || log.block_num > contract.end_block ||
            (!topics.empty() && !topics.contains(log.topics[0]))) {
            return false;
        }
        if (std::ranges::find(contract.addresses, log.address) != contract.addresses.end()) {
            return true;
        }
        const auto child = children.find(log.address);
        if (child == children.end()) {
            return false;
        }
        switch (contract.since.kind) {
            case engine::ChildSince::kBlock: return log.block_num >= child->second.first;
            case engine::ChildSince::kAnnouncement:
                return Place{log.block_num, log.log_index} > child->second;
            case engine::ChildSince::kNumber: break;
        }
        return log.block_num >= contract.since.block;
    }
    /// True where that is news.
    bool learn(const evm::Log& log, ByteView data) {
        if (log.topics[0] != announcement) {
            return false;
        }
        const auto child = evm::Address::from(
            contract.parameter == "vault" ? log.topics[1].view().subspan(12) : data.subspan(12));
        const Place place{log.block_num, log.log_index};
        const auto [at, is_new] = children.try_emplace(child, place);
        if (!is_new && at->second <= place) {
            return false;
        }
        at->second = place;
        return true;
    }
};

template <typename Visit>
void for_each_log(const Branch& branch, Visit&& visit) {
    for (const SimBlock* block : branch) {
        if (block != nullptr) {
            for (const evm::Log& log : block->logs.logs) {
                visit(log, block->logs.data(log));
            }
        }
    }
}

bool is_same_tick(const storage::LogRecord& stored, const Place& place) {
    const uint64_t blocks = place.second - kTickIndex;
    const evm::Log& log = stored.log;
    return blocks > 0 && place.first % blocks == 0 && log.topic_count == 2 &&
           log.topics[0] == evm::keccak256("Tick(uint256)") && stored.data.empty() &&
           evm::U256::from_be(log.topics[1].view()) == evm::U256{blocks};
}

bool is_same(const storage::LogRecord& stored, const evm::Log& truth, ByteView data) {
    const evm::Log& log = stored.log;
    return log.address == truth.address && log.topic_count == truth.topic_count &&
           std::equal(truth.topics.begin(), truth.topics.begin() + truth.topic_count,
                      log.topics.begin()) &&
           log.txn_hash == truth.txn_hash && log.txn_index == truth.txn_index &&
           std::ranges::equal(stored.data, data);
}

}  // namespace

Places wanted_logs(const Branch& branch, const ConfigOptions& config) {
    std::vector<Watched> contracts;
    for (const SimContract& contract : contracts_of(config)) {
        contracts.emplace_back(contract);
    }
    // Who is announced late may have announced others before: until nobody new comes up.
    for (bool has_news = true; has_news;) {
        has_news = false;
        for_each_log(branch, [&](const evm::Log& log, ByteView data) {
            for (const Watched& parent : contracts) {
                if (!parent.wants(log)) {
                    continue;
                }
                for (Watched& child : contracts) {
                    has_news = (child.parent == parent.contract.name && child.learn(log, data)) ||
                               has_news;
                }
            }
        });
    }
    Places out;
    for_each_log(branch, [&](const evm::Log& log, ByteView /*data*/) {
        if (std::ranges::any_of(contracts,
                                [&](const Watched& contract) { return contract.wants(log); })) {
            out.emplace(log.block_num, log.log_index);
        }
    });
    if (const uint64_t every = config.every_blocks; every > 0) {
        const uint64_t first = first_tick_block(config);
        for (uint64_t n = 0; n < branch.size(); n += every) {
            if (n >= first) {
                out.emplace(n, kTickIndex + static_cast<uint32_t>(every));
            }
        }
    }
    return out;
}

void Oracle::use(const ConfigOptions& config) {
    config_ = config;
    is_fresh_ = false;
}

void Oracle::look_at_branch(const storage::Cursor& cursor) {
    if (is_fresh_ && head_ == cursor.block_hash && branch_.size() == cursor.block_num + 1) {
        return;
    }
    head_ = cursor.block_hash;
    const bool is_other = other_ != nullptr && chain_.find(head_) == nullptr;
    branch_ = (is_other ? *other_ : chain_).branch_to(head_, cursor.block_num);
    wanted_ = wanted_logs(branch_, config_);
    is_fresh_ = true;
}

Result<Oracle::State> Oracle::compare(const storage::Database& database) {
    const auto view = database.read_view();
    const storage::Cursor cursor = *view->cursor();
    look_at_branch(cursor);
    State out;
    out.missing.resize(cursor.block_num + 1);
    out.altered.resize(cursor.block_num + 1);
    out.rows.resize(cursor.block_num + 1);
    auto wanted = wanted_.begin();
    const auto pass = [&](const Place& until) {
        for (; wanted != wanted_.end() && *wanted < until; ++wanted) {
            if (wanted->second >= kTickIndex) {
                out.missing[wanted->first] =
                    fmt::format("its tick of every {} blocks is missing (the index is at {})",
                                wanted->second - kTickIndex, cursor.block_num);
                continue;
            }
            const evm::Log& log = branch_[wanted->first]->logs.logs[wanted->second];
            out.missing[wanted->first] = fmt::format(
                "log {} of {} is missing (topic {}; the index is at {})", wanted->second,
                evm::to_hex(log.address), evm::to_hex(log.topics[0]), cursor.block_num);
        }
    };
    std::set<uint64_t> ticks;  // these blocks have a tick, which is made of the block's row
    const auto scan = view->scan_logs(0, cursor.block_num);
    for (; scan->valid(); scan->next()) {
        const evm::Log& log = scan->record().log;
        const Place place{log.block_num, log.log_index};
        pass(place);
        if (wanted != wanted_.end() && *wanted == place) {
            ++wanted;
        }
        const SimBlock* block = branch_[place.first];
        if (place.second >= kTickIndex) {
            ticks.insert(place.first);
            if (!is_same_tick(scan->record(), place)) {
                out.altered[place.first] = fmt::format("log {} is no tick", place.second);
            }
            continue;
        }
        if (block == nullptr || place.second >= block->logs.logs.size() ||
            !is_same(scan->record(), block->logs.logs[place.second],
                     block->logs.data(block->logs.logs[place.second]))) {
            out.altered[place.first] = fmt::format("log {} is not the chain's", place.second);
        }
    }
    PLUMBLINE_TRY_VOID(scan->status());
    pass({UINT64_MAX, 0});
    PLUMBLINE_TRY(const auto rows, view->list_blocks(0, cursor.block_num));
    for (const storage::BlockRow& row : rows) {
        const SimBlock* block = branch_[row.block_num];
        if (block == nullptr) {
            continue;  // A number without a block: what stands for it is made here.
        }
        if (row.hash != block->header.hash || row.parent_hash != block->header.parent_hash ||
            row.timestamp != block->header.timestamp) {
            out.rows[row.block_num] = "its row is not the chain's";
            if (ticks.contains(row.block_num)) {
                out.altered[row.block_num] = "its tick is of another block";
            }
        }
    }
    return out;
}

std::string Oracle::judge(const State& state, ProofLevel level, uint64_t from, uint64_t to) const {
    for (uint64_t num = from; num <= to && num < state.missing.size(); ++num) {
        std::string wrong;
        if (level >= ProofLevel::kFetched && (trusts_fetched_ || level >= ProofLevel::kReceipts)) {
            wrong = !state.missing[num].empty() ? state.missing[num] : state.altered[num];
        }
        if (wrong.empty() && level >= ProofLevel::kLinked) {
            wrong = state.rows[num];
        }
        if (!wrong.empty()) {
            return fmt::format("block {} is called {}, but {}", num, storage::to_string(level),
                               wrong);
        }
    }
    return {};
}

std::string Oracle::check_levels(const storage::Database& database, const engine::Plan& plan) {
    const auto cursor = database.cursor();
    if (!cursor) {
        return {};
    }
    const auto coverage = database.coverage();
    const auto state = compare(database);
    if (!coverage || !state) {
        return {};  // The disk fails just now.
    }
    for (const api::ProofSegment& segment :
         api::proof_segments(plan.sources(), *coverage, 0, cursor->block_num)) {
        if (std::string wrong = judge(*state, segment.level, segment.from, segment.to);
            !wrong.empty()) {
            return wrong;
        }
    }
    return {};
}

std::string Oracle::check_answer(const storage::Database& database, ProofLevel level,
                                 uint64_t proven_through) {
    const auto cursor = database.cursor();
    const auto state = cursor ? compare(database) : Result<State>{State{}};
    if (!cursor || !state) {
        return {};
    }
    std::string wrong = judge(*state, level, 0, cursor->block_num);
    if (wrong.empty() && proven_through > cursor->block_num) {
        wrong = fmt::format("blocks up to {} are called proven, the index ends at {}",
                            proven_through, cursor->block_num);
    }
    if (wrong.empty() && proven_through > 0 && trusts_fetched_) {
        wrong = judge(*state, ProofLevel::kBloom, 0, proven_through);
    }
    return wrong.empty() ? "" : "an answer says: " + wrong;
}

std::string Oracle::check_log(const storage::Database& database, bool exactly) {
    const auto cursor = database.cursor();
    if (!cursor) {
        return "the index is empty";
    }
    const auto state = compare(database);
    if (!state) {
        return state.error().message;
    }
    for (uint64_t num = 0; num <= cursor->block_num; ++num) {
        for (const std::string* wrong :
             {&state->missing[num], &state->altered[num], &state->rows[num]}) {
            if (!wrong->empty()) {
                return fmt::format("block {}: {}", num, *wrong);
            }
        }
    }
    if (exactly && cursor->event_count != wanted_.size()) {
        return fmt::format("{} logs stored, the config wants {}", cursor->event_count,
                           wanted_.size());
    }
    return {};
}

}  // namespace plumbline::sim
