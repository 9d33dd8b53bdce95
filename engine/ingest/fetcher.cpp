#include "engine/ingest/fetcher.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "core/base/backoff.hpp"
#include "core/base/check.hpp"

namespace plumbline::engine {

namespace {

constexpr uint32_t kAllAsked = UINT32_MAX;
constexpr size_t kTxnsPerAsk = 500;

size_t size_bytes(const rpc::RangeLogs& part) {
    return part.logs.arena.size() + part.logs.logs.size() * sizeof(evm::Log) +
           part.headers.size() * sizeof(evm::Header);
}

bool is_before(const evm::Log& a, const evm::Log& b) {
    return a.block_num != b.block_num ? a.block_num < b.block_num : a.log_index < b.log_index;
}

void sort_unique(std::vector<evm::Address>& addresses) {
    std::ranges::sort(addresses);
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

void sort_unique(std::vector<evm::Hash>& hashes) {
    std::ranges::sort(hashes);
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

}  // namespace

/// One question to the chain about a slot.
struct Fetcher::Ask {
    enum class Kind : uint8_t { kLogs, kHeaders, kTxns };
    Kind kind = Kind::kLogs;
    rpc::LogFilter filter;
    std::vector<uint64_t> block_nums;
    std::vector<evm::Hash> txn_hashes;
    int64_t not_before_ms = 0;
    unsigned failures = 0;
};

/// One range on its way.
struct Fetcher::Slot {
    uint64_t id = 0;
    evm::BlockRange range;
    std::vector<uint32_t> sources;  ///< those of the job that have started by its blocks
    std::vector<uint32_t> asked;    ///< by source: how many candidates were asked for
    std::vector<rpc::RangeLogs> parts;
    std::unordered_map<evm::Hash, storage::TxnFields, evm::FixedBytesHash> txns;
    std::unordered_set<evm::Hash, evm::FixedBytesHash> txns_asked;
    std::deque<Ask> due;
    unsigned in_flight = 0;
    size_t bytes = 0;

    [[nodiscard]] bool wants(uint32_t source) const {
        return std::ranges::find(sources, source) != sources.end();
    }
    [[nodiscard]] bool is_answered() const { return in_flight == 0 && due.empty(); }
};

Fetcher::Fetcher(rpc::ChainSource& source, std::shared_ptr<const Plan> plan, const Clock& clock,
                 const IngestOptions& options)
    : source_{source},
      plan_{std::move(plan)},
      clock_{clock},
      options_{options},
      map_{plan_->sources()} {
    has_factories_ = std::ranges::any_of(plan_->sources(), &Source::has_factory);
    reset_children({});
}

Fetcher::~Fetcher() = default;

void Fetcher::reset_children(const std::vector<storage::ChildRow>& children) {
    PLUMBLINE_CHECK(slots_.empty());
    const size_t count = plan_->sources().size();
    map_.reset_children(children);
    candidates_.assign(count, {});
    candidate_index_.assign(count, {});
    settled_.assign(count, 0);
    for (const storage::ChildRow& child : children) {
        if (const int source = map_.find_source(child.contract); source >= 0) {
            const auto i = static_cast<size_t>(source);
            const size_t index =
                add_candidate(static_cast<uint32_t>(i), child.address, child.block_num);
            settled_[i] = std::max(settled_[i], index + 1);
        }
    }
}

void Fetcher::start(FetchJob job) {
    forget_slots();
    job_ = std::move(job);
    in_job_.assign(plan_->sources().size(), false);
    for (const uint32_t source : job_.sources) {
        in_job_[source] = true;
    }
    next_block_ = job_.range.from;
    all_opened_ = false;
    parent_hash_ = job_.parent_hash;
    trouble_.reset();
    alive_ = std::make_shared<const int>(0);
    state_ = FetchState::kWorking;
}

void Fetcher::cancel() {
    forget_slots();
    alive_.reset();
    trouble_.reset();
    state_ = FetchState::kIdle;
}

void Fetcher::forget_slots() {
    slots_.clear();
    in_flight_ = 0;
    held_bytes_ = 0;
}

bool Fetcher::step() {
    if (state_ != FetchState::kWorking) {
        return false;
    }
    bool sent = false;
    for (size_t i = 0; i < slots_.size() && state_ == FetchState::kWorking; ++i) {
        ask_children(*slots_[i]);
        sent |= send_due(*slots_[i]);
    }
    while (state_ == FetchState::kWorking && open_slot()) {
        sent = true;
    }
    return sent;
}

int64_t Fetcher::wake_at_ms() const noexcept {
    int64_t wake = -1;
    for (const auto& slot : slots_) {
        for (const Ask& ask : slot->due) {
            if (ask.not_before_ms > 0 && (wake < 0 || ask.not_before_ms < wake)) {
                wake = ask.not_before_ms;
            }
        }
    }
    return wake;
}

bool Fetcher::open_slot() {
    const size_t expected = held_bytes_ + size_t{in_flight_ + 1} * slot_bytes_average_;
    // How much a range weighs is not known before the first answer: a dense chain asked for eight
    // times over would take all memory.
    const size_t in_flight_max = has_answer_ ? options_.in_flight_max : 1;
    if (all_opened_ || in_flight_ >= in_flight_max || slots_.size() >= options_.ahead_max ||
        (!slots_.empty() && expected > options_.ahead_bytes_max)) {
        return false;
    }
    auto slot = std::make_unique<Slot>();
    slot->id = ++slot_id_;
    slot->range = {next_block_, job_.range.to};
    slot->asked.assign(plan_->sources().size(), 0);
    // A source that starts later must not be asked for earlier blocks: the range ends before it.
    Ask main;
    std::vector<evm::Hash> topic_asks;
    bool every_topic_known = true;
    for (const uint32_t i : job_.sources) {
        const Source& source = plan_->sources()[i];
        if (source.start_block > next_block_) {
            slot->range.to = std::min(slot->range.to, source.start_block - 1);
            continue;
        }
        slot->sources.push_back(i);
    }
    for (const uint32_t i : slot->sources) {
        const Source& source = plan_->sources()[i];
        main.filter.addresses.insert(main.filter.addresses.end(), source.addresses.begin(),
                                     source.addresses.end());
        bool by_address = !source.addresses.empty();
        const std::vector<evm::Hash>& topics =
            source.topics0.empty() ? source.abi_topics0 : source.topics0;
        if (candidates_[i].size() > options_.child_addresses_max && !topics.empty()) {
            topic_asks.insert(topic_asks.end(), topics.begin(), topics.end());
            slot->asked[i] = kAllAsked;
        } else {
            for (const Candidate& candidate : candidates_[i]) {
                main.filter.addresses.push_back(candidate.address);
                by_address = true;
            }
            slot->asked[i] = static_cast<uint32_t>(candidates_[i].size());
        }
        if (by_address) {
            every_topic_known = every_topic_known && !source.topics0.empty();
            main.filter.topics0.insert(main.filter.topics0.end(), source.topics0.begin(),
                                       source.topics0.end());
        }
    }
    if (!every_topic_known) {
        main.filter.topics0.clear();
    }
    sort_unique(main.filter.addresses);
    sort_unique(main.filter.topics0);
    if (main.filter.addresses.empty() && topic_asks.empty()) {
        // Nothing to look for in these blocks; no filter may be empty, it would ask for everything.
        main.kind = Ask::Kind::kHeaders;
    } else if (main.filter.addresses.empty()) {
        sort_unique(topic_asks);
        main.filter.topics0 = std::exchange(topic_asks, {});
    }
    uint64_t blocks_max = job_.tail ? options_.tail_blocks_max : options_.range_blocks_max;
    if (main.kind == Ask::Kind::kLogs) {
        blocks_max =
            std::min(blocks_max,
                     std::max<uint64_t>(1, source_.suggest_range_size(main.filter, next_block_)));
    }
    slot->range.to = std::min(slot->range.to, next_block_ + (blocks_max - 1));
    if (main.kind == Ask::Kind::kHeaders) {
        const uint64_t step = job_.tail ? 1 : std::max<uint64_t>(1, slot->range.size() - 1);
        for (uint64_t n = slot->range.from; n <= slot->range.to; n += step) {
            main.block_nums.push_back(n);
        }
    }
    all_opened_ = slot->range.to == job_.range.to;
    next_block_ = slot->range.to + 1;
    slot->due.push_back(std::move(main));
    if (!topic_asks.empty()) {
        sort_unique(topic_asks);
        Ask by_topic;
        by_topic.filter.topics0 = std::move(topic_asks);
        slot->due.push_back(std::move(by_topic));
    }
    slots_.push_back(std::move(slot));
    send_due(*slots_.back());
    return true;
}

/// Children that came up since the slot was asked for, and that its blocks may hold logs of.
void Fetcher::ask_children(Slot& slot) {
    if (!has_factories_ || !slot.is_answered()) {
        return;
    }
    Ask by_address;
    Ask by_topic;
    bool every_topic_known = true;
    for (const uint32_t i : slot.sources) {
        if (slot.asked[i] == kAllAsked || slot.asked[i] == candidates_[i].size()) {
            continue;
        }
        const Source& source = plan_->sources()[i];
        std::vector<evm::Address> fresh;
        for (size_t n = slot.asked[i]; n < candidates_[i].size(); ++n) {
            if (candidates_[i][n].block_num <= slot.range.to) {
                fresh.push_back(candidates_[i][n].address);
            }
        }
        slot.asked[i] = static_cast<uint32_t>(candidates_[i].size());
        const std::vector<evm::Hash>& topics =
            source.topics0.empty() ? source.abi_topics0 : source.topics0;
        if (fresh.size() > options_.child_addresses_max && !topics.empty()) {
            by_topic.filter.topics0.insert(by_topic.filter.topics0.end(), topics.begin(),
                                           topics.end());
            slot.asked[i] = kAllAsked;
        } else if (!fresh.empty()) {
            by_address.filter.addresses.insert(by_address.filter.addresses.end(), fresh.begin(),
                                               fresh.end());
            by_address.filter.topics0.insert(by_address.filter.topics0.end(),
                                             source.topics0.begin(), source.topics0.end());
            every_topic_known = every_topic_known && !source.topics0.empty();
        }
    }
    if (!by_address.filter.addresses.empty()) {
        if (!every_topic_known) {
            by_address.filter.topics0.clear();
        }
        sort_unique(by_address.filter.addresses);
        sort_unique(by_address.filter.topics0);
        slot.due.push_back(std::move(by_address));
    }
    if (!by_topic.filter.topics0.empty()) {
        sort_unique(by_topic.filter.topics0);
        slot.due.push_back(std::move(by_topic));
    }
}

bool Fetcher::send_due(Slot& slot) {
    bool sent = false;
    const int64_t now = clock_.monotonic_ms();
    const uint64_t id = slot.id;
    for (size_t left = slot.due.size(); left > 0; --left) {
        Ask ask = std::move(slot.due.front());
        slot.due.pop_front();
        // The first slot must always get on, or a full window would wait for itself.
        const bool has_room = in_flight_ < options_.in_flight_max || id == slots_.front()->id;
        if (ask.not_before_ms > now || !has_room) {
            slot.due.push_back(std::move(ask));
            continue;
        }
        send(slot, std::move(ask));
        sent = true;
    }
    return sent;
}

void Fetcher::send(Slot& slot, Ask ask) {
    ++in_flight_;
    ++slot.in_flight;
    const uint64_t id = slot.id;
    const std::weak_ptr<const int> alive = alive_;
    // Runs inside a later `poll`, when this job may be long gone.
    const auto answered = [this, alive, id]() -> Slot* {
        if (alive.expired()) {
            return nullptr;
        }
        --in_flight_;
        Slot* found = find_slot(id);
        PLUMBLINE_CHECK(found != nullptr);
        --found->in_flight;
        return found;
    };
    switch (ask.kind) {
        case Ask::Kind::kLogs: {
            rpc::LogFilter filter = ask.filter;
            PLUMBLINE_CHECK(!filter.addresses.empty() || !filter.topics0.empty());
            // At the tip every question, also that about children, gets all headers: the pool is
            // stricter with a bloom's doubts there, because other providers may not be as far yet.
            source_.get_range(
                std::move(filter), slot.range, job_.tail,
                [this, answered, ask = std::move(ask)](Result<rpc::RangeLogs> result) mutable {
                    Slot* found = answered();
                    if (found == nullptr) {
                        return;
                    }
                    if (!result) {
                        fail(found->id, std::move(ask), std::move(result).error());
                        return;
                    }
                    trouble_.reset();
                    add_part(*found, *std::move(result));
                });
            break;
        }
        case Ask::Kind::kHeaders: {
            std::vector<uint64_t> block_nums = ask.block_nums;
            source_.get_headers(std::move(block_nums),
                                [this, answered, ask = std::move(ask)](
                                    Result<std::vector<evm::Header>> result) mutable {
                                    Slot* found = answered();
                                    if (found == nullptr) {
                                        return;
                                    }
                                    if (!result) {
                                        fail(found->id, std::move(ask), std::move(result).error());
                                        return;
                                    }
                                    trouble_.reset();
                                    rpc::RangeLogs part;
                                    part.range = found->range;
                                    part.headers = *std::move(result);
                                    add_part(*found, std::move(part));
                                });
            break;
        }
        case Ask::Kind::kTxns: {
            std::vector<evm::Hash> hashes = ask.txn_hashes;
            source_.get_txns(std::move(hashes),
                             [this, answered, ask = std::move(ask)](
                                 Result<std::vector<rpc::TxnInfo>> result) mutable {
                                 Slot* found = answered();
                                 if (found == nullptr) {
                                     return;
                                 }
                                 if (!result) {
                                     fail(found->id, std::move(ask), std::move(result).error());
                                     return;
                                 }
                                 trouble_.reset();
                                 for (const rpc::TxnInfo& txn : *result) {
                                     found->txns[txn.hash] = {txn.from, txn.to, txn.value};
                                 }
                             });
            break;
        }
    }
}

Fetcher::Slot* Fetcher::find_slot(uint64_t id) noexcept {
    const auto found = std::ranges::find(slots_, id, [](const auto& slot) { return slot->id; });
    return found == slots_.end() ? nullptr : found->get();
}

void Fetcher::fail(uint64_t slot_id, Ask ask, Error error) {
    // The chain is not what the job was made for: its head decides anew. Everything else is the
    // network's trouble and passes.
    if (error.code == ErrorCode::kReorg || error.code == ErrorCode::kNotFound) {
        trouble_ = std::move(error);
        state_ = FetchState::kStale;
        return;
    }
    Slot* slot = find_slot(slot_id);
    PLUMBLINE_CHECK(slot != nullptr);
    Backoff backoff{options_.retry_ms_min, options_.retry_ms_max};
    int64_t wait = backoff.next();
    for (unsigned i = 0; i < std::min(ask.failures, 20U); ++i) {
        wait = backoff.next();
    }
    ++ask.failures;
    ask.not_before_ms = clock_.monotonic_ms() + wait;
    trouble_ = std::move(error).with_context(
        fmt::format("blocks {} to {}", slot->range.from, slot->range.to));
    slot->due.push_back(std::move(ask));
}

void Fetcher::add_part(Slot& slot, rpc::RangeLogs part) {
    const size_t bytes = size_bytes(part);
    slot.bytes += bytes;
    held_bytes_ += bytes;
    has_answer_ = true;
    slot_bytes_average_ = slot_bytes_average_ == 0 ? bytes : (slot_bytes_average_ * 7 + bytes) / 8;
    if (has_factories_) {
        guess_children(part.logs);
    }
    slot.parts.push_back(std::move(part));
}

/// Looks for announcements without waiting for the blocks before, so that the children's logs are
/// already on their way when the range's turn comes. A guess too many costs a request, no more.
void Fetcher::guess_children(const evm::LogBatch& logs) {
    std::vector<ChildAnnouncement> found;
    for (const evm::Log& log : logs.logs) {
        found.clear();
        map_.for_each_source_at_any_time(log, [&](uint32_t source) {
            plan_->find_children(source, log, logs.data(log), found);
        });
        for (uint32_t source = 0; source < candidate_index_.size(); ++source) {
            if (!map_.has_child(source, log.address) &&
                candidate_index_[source].contains(log.address)) {
                plan_->find_children(source, log, logs.data(log), found);
            }
        }
        for (const ChildAnnouncement& child : found) {
            if (in_job_[child.source]) {
                add_candidate(child.source, child.address, log.block_num);
            }
        }
    }
}

size_t Fetcher::add_candidate(uint32_t source, const evm::Address& address, uint64_t block_num) {
    std::vector<Candidate>& list = candidates_[source];
    const auto [place, is_new] = candidate_index_[source].try_emplace(address, list.size());
    if (!is_new && list[place->second].block_num <= block_num) {
        return place->second;
    }
    // Announced earlier than was known: ranges between the two must ask for it, so it counts as
    // new.
    place->second = list.size();
    list.push_back({address, block_num});
    return place->second;
}

bool Fetcher::is_settled(const Slot& slot) const noexcept {
    return std::ranges::all_of(slot.sources, [&](uint32_t source) {
        return slot.asked[source] == kAllAsked || slot.asked[source] >= settled_[source];
    });
}

std::optional<FetchedRange> Fetcher::take() {
    if (state_ != FetchState::kWorking || slots_.empty()) {
        return std::nullopt;
    }
    Slot& slot = *slots_.front();
    if (!slot.is_answered()) {
        return std::nullopt;
    }
    if (!is_settled(slot)) {
        ask_children(slot);
        send_due(slot);
        if (!slot.is_answered()) {
            return std::nullopt;
        }
    }
    std::optional<FetchedRange> fetched = finish(slot);
    if (!fetched) {
        send_due(slot);
        return std::nullopt;
    }
    held_bytes_ -= slot.bytes;
    slots_.pop_front();
    if (slots_.empty() && all_opened_) {
        state_ = FetchState::kDone;
    }
    return fetched;
}

/// The range's final form, now that everything before it is known. Empty where more must be asked
/// (it is then due) or the state has changed.
std::optional<FetchedRange> Fetcher::finish(Slot& slot) {
    FetchedRange out;
    out.range = slot.range;
    out.sources = slot.sources;
    out.tail = job_.tail;
    out.finalized = job_.finalized;
    for (const rpc::RangeLogs& part : slot.parts) {
        if (!part.provider.empty()) {
            out.provider = part.provider;
            break;
        }
    }
    // 1. One list in (block, log index) order.
    struct Place {
        const evm::Log* log;
        const evm::LogBatch* batch;
    };
    std::vector<Place> places;
    for (const rpc::RangeLogs& part : slot.parts) {
        for (const evm::Log& log : part.logs.logs) {
            places.push_back({&log, &part.logs});
        }
    }
    if (slot.parts.size() > 1) {
        std::ranges::stable_sort(
            places, [](const Place& a, const Place& b) { return is_before(*a.log, *b.log); });
    }
    // 2. In that order: whose is it, and whom does it announce?
    std::vector<bool> keep(places.size(), false);
    std::vector<ChildAnnouncement> found;
    std::vector<ChildAnnouncement> fresh;
    bool is_complete = true;
    size_t kept = 0;
    for (size_t i = 0; i < places.size(); ++i) {
        const evm::Log& log = *places[i].log;
        if (i > 0 && !is_before(*places[i - 1].log, log)) {
            const evm::Log& other = *places[i - 1].log;
            if (slot.parts.size() == 1 || is_before(log, other) ||
                other.block_hash != log.block_hash) {
                trouble_ = Error{ErrorCode::kReorg,
                                 fmt::format("two answers differ about block {}", log.block_num)};
                state_ = FetchState::kStale;
                break;
            }
            continue;
        }
        found.clear();
        map_.for_each_source(log, [&](uint32_t source) {
            if (!slot.wants(source)) {
                return;
            }
            keep[i] = true;
            if (has_factories_) {
                plan_->find_children(source, log, places[i].batch->data(log), found);
            }
        });
        kept += keep[i] ? 1U : 0U;
        for (const ChildAnnouncement& child : found) {
            if (!in_job_[child.source] || map_.has_child(child.source, child.address)) {
                continue;
            }
            const size_t index = add_candidate(child.source, child.address, log.block_num);
            is_complete = is_complete &&
                          (!slot.wants(child.source) || slot.asked[child.source] == kAllAsked ||
                           slot.asked[child.source] > index);
            map_.add_child(child.source, child.address, log.block_num, log.log_index);
            fresh.push_back(child);
            out.children.push_back({plan_->sources()[child.source].contract, child.address,
                                    log.block_num, log.log_index});
        }
    }
    if (is_complete && state_ == FetchState::kWorking) {
        if (slot.parts.size() == 1 && kept == places.size()) {
            out.logs = std::move(slot.parts.front().logs);
        } else {
            for (size_t i = 0; i < places.size(); ++i) {
                if (keep[i]) {
                    out.logs.push(*places[i].log, places[i].batch->data(*places[i].log));
                }
            }
        }
        if (collect_txns(slot, out)) {
            if (collect_blocks(slot, out) && check_link(out)) {
                for (const ChildAnnouncement& child : fresh) {
                    const size_t index = candidate_index_[child.source].at(child.address);
                    settled_[child.source] = std::max(settled_[child.source], index + 1);
                }
                if (!out.blocks.empty()) {
                    parent_hash_ = out.blocks.back().hash;
                }
                return out;
            }
        } else if (slot.parts.size() == 1 && slot.parts.front().logs.logs.empty()) {
            slot.parts.front().logs = std::move(out.logs);
        }
    }
    for (const ChildAnnouncement& child : fresh) {
        map_.remove_child(child.source, child.address);
    }
    if (state_ == FetchState::kWorking) {
        ask_children(slot);
    }
    return std::nullopt;
}

/// Fills in the transactions that the mapping names; false, with an ask due, where one is missing.
bool Fetcher::collect_txns(Slot& slot, FetchedRange& out) {
    if (!plan_->needs_txn()) {
        return true;
    }
    std::vector<evm::Hash> missing;
    std::unordered_map<evm::Hash, uint32_t, evm::FixedBytesHash> places;
    std::vector<uint32_t> txn_of_log(out.logs.logs.size(), kNoTxn);
    for (size_t i = 0; i < out.logs.logs.size(); ++i) {
        const evm::Log& log = out.logs.logs[i];
        bool is_needed = false;
        map_.for_each_source(log, [&](uint32_t source) {
            is_needed = is_needed || (slot.wants(source) && plan_->needs_txn(source, log));
        });
        if (!is_needed) {
            continue;
        }
        const auto found = slot.txns.find(log.txn_hash);
        if (found == slot.txns.end()) {
            if (slot.txns_asked.insert(log.txn_hash).second) {
                missing.push_back(log.txn_hash);
            } else if (missing.empty()) {
                trouble_ = Error{ErrorCode::kNotFound, "a transaction was left out of an answer"};
                state_ = FetchState::kStale;
                return false;
            }
            continue;
        }
        const auto [place, is_new] =
            places.try_emplace(log.txn_hash, static_cast<uint32_t>(out.txns.size()));
        if (is_new) {
            out.txns.push_back(found->second);
        }
        txn_of_log[i] = place->second;
    }
    for (size_t from = 0; from < missing.size(); from += kTxnsPerAsk) {
        const size_t to = std::min(missing.size(), from + kTxnsPerAsk);
        Ask ask;
        ask.kind = Ask::Kind::kTxns;
        ask.txn_hashes.assign(missing.begin() + static_cast<std::ptrdiff_t>(from),
                              missing.begin() + static_cast<std::ptrdiff_t>(to));
        slot.due.push_back(std::move(ask));
    }
    if (!missing.empty()) {
        return false;
    }
    if (!out.txns.empty()) {
        out.txn_of_log = std::move(txn_of_log);
    }
    return true;
}

/// The blocks that the index keeps or needs to go on from. False: answers disagree, or neighbouring
/// blocks do not join.
bool Fetcher::collect_blocks(const Slot& slot, FetchedRange& out) {
    std::map<uint64_t, BlockInfo> known;
    for (const rpc::RangeLogs& part : slot.parts) {
        for (const evm::Header& header : part.headers) {
            const BlockInfo info{header.block_num, header.hash, header.parent_hash,
                                 header.timestamp};
            const auto [place, is_new] = known.try_emplace(info.block_num, info);
            if (!is_new && !(place->second == info)) {
                trouble_ = Error{ErrorCode::kReorg,
                                 fmt::format("two answers differ about block {}", info.block_num)};
                state_ = FetchState::kStale;
                return false;
            }
        }
    }
    for (auto at = known.begin(); at != known.end(); ++at) {
        const auto next = std::next(at);
        if (next != known.end() && next->first == at->first + 1 &&
            next->second.parent_hash != at->second.hash) {
            trouble_ =
                Error{ErrorCode::kReorg,
                      fmt::format("block {} does not follow the block before it", next->first)};
            state_ = FetchState::kStale;
            return false;
        }
    }
    bool is_complete = known.contains(slot.range.from) && known.contains(slot.range.to);
    if (is_complete) {
        out.parent_hash = known.at(slot.range.from).parent_hash;
    }
    if (job_.tail) {
        for (uint64_t n = slot.range.from; n <= slot.range.to && is_complete; ++n) {
            const auto found = known.find(n);
            is_complete = found != known.end();
            if (is_complete) {
                out.blocks.push_back(found->second);
            }
        }
    }
    for (const evm::Log& log : out.logs.logs) {
        const auto found = known.find(log.block_num);
        is_complete = is_complete && found != known.end() && found->second.hash == log.block_hash;
        if (is_complete && !job_.tail &&
            (out.blocks.empty() || out.blocks.back().block_num != log.block_num)) {
            out.blocks.push_back(found->second);
        }
    }
    if (!is_complete) {
        trouble_ =
            Error{ErrorCode::kReorg, fmt::format("headers of blocks {} to {} do not fit their logs",
                                                 slot.range.from, slot.range.to)};
        state_ = FetchState::kStale;
        return false;
    }
    if (out.blocks.empty() || out.blocks.back().block_num != slot.range.to) {
        out.blocks.push_back(known.at(slot.range.to));
    }
    return true;
}

/// The range must follow the one before it, and the first one what the job goes on from.
bool Fetcher::check_link(const FetchedRange& fetched) {
    if (!parent_hash_ || fetched.parent_hash == *parent_hash_) {
        return true;
    }
    state_ = fetched.range.from == job_.range.from ? FetchState::kForked : FetchState::kStale;
    trouble_ = Error{ErrorCode::kReorg, fmt::format("block {} does not follow the block before it",
                                                    fetched.range.from)};
    return false;
}

}  // namespace plumbline::engine
