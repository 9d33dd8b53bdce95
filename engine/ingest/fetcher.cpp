// A job is a span of blocks. It is cut into ranges, each a slot:
//
//   1. Open a slot for the next blocks while requests and memory allow: its filters name what its
//      sources and the children guessed so far may have logged.
//   2. Send what is due; what fails is due again after a wait that doubles. Headers that nothing
//      links to the range's last block are asked for once that is known.
//   3. Answers may announce children: guess them, so that the slots after are asked about them.
//   4. The first slot, once answered, is built into a range (range_builder.hpp). If that finds a
//      child or a transaction that was not asked for: ask, and build again.
//
// Whatever says that the chain is not what the job was made for ends the job.
#include "engine/ingest/fetcher.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "core/base/backoff.hpp"
#include "core/base/check.hpp"
#include "engine/ingest/range_builder.hpp"
#include "engine/ingest/range_question.hpp"

namespace plumbline::engine {

namespace {

constexpr size_t kTxnsPerAsk = 500;
constexpr size_t kHeadersPerAsk = 200;
/// What fails is asked again as a whole.
constexpr size_t kCallsPerAsk = 1'000;
/// Blocks of a range that a handler of blocks runs at.
constexpr uint64_t kTicksPerSlot = 2'000;

size_t size_bytes(const rpc::RangeLogs& part) {
    return part.logs.arena.size() + part.logs.logs.size() * sizeof(evm::Log) +
           part.headers.size() * sizeof(evm::Header);
}

}  // namespace

/// One question to the chain about a slot.
struct Fetcher::Ask {
    using BlockNums = std::vector<uint64_t>;  ///< for their headers
    struct Below {                            ///< the same, of the chain with block `end`
        BlockNums block_nums;
        evm::BlockId end;
    };
    using TxnHashes = std::vector<evm::Hash>;
    using Receipts = std::vector<rpc::TxnPlace>;
    using Calls = std::vector<CallQuestion>;
    std::variant<rpc::LogFilter, BlockNums, Below, TxnHashes, Receipts, Calls> question;
    int64_t not_before_ms = 0;       ///< 0: now
    std::optional<Backoff> backoff;  ///< once it has failed
};

/// One range on its way.
struct Fetcher::Slot {
    uint64_t id = 0;
    RangeAnswers answers;
    std::deque<Ask> due;
    unsigned in_flight = 0;
    size_t bytes = 0;              ///< of the answers
    bool is_foreseen = false;      ///< its calls were asked for, as far as they could be told
    bool is_without_logs = false;  ///< nothing is looked for in it
    bool are_ticks_asked = false;  ///< once the range's last block is known

    [[nodiscard]] bool is_answered() const { return in_flight == 0 && due.empty(); }
    /// The range's last block, as the answers tell it.
    [[nodiscard]] std::optional<evm::BlockId> end() const;
};

std::optional<evm::BlockId> Fetcher::Slot::end() const {
    for (const rpc::RangeLogs& part : answers.parts) {
        for (const evm::Header& header : part.headers) {
            if (header.block_num == answers.range.to) {
                return evm::BlockId{header.block_num, header.hash};
            }
        }
    }
    return std::nullopt;
}

Fetcher::Fetcher(rpc::ChainSource& source, std::shared_ptr<const Plan> plan, const Clock& clock,
                 const IngestOptions& options, const storage::Database* database)
    : source_{source},
      plan_{std::move(plan)},
      clock_{clock},
      options_{options},
      map_{plan_->sources()},
      foresight_{*plan_, database},
      call_asker_{source, options.finality_depth, options.finality_depth_fallback} {
    has_factories_ = std::ranges::any_of(plan_->sources(), &Source::has_factory);
    reset_children({});
}

Fetcher::~Fetcher() = default;

void Fetcher::reset_children(const std::vector<storage::ChildRow>& children) {
    PLUMBLINE_CHECK(slots_.empty());
    foresight_.known().forget();
    map_.reset_children(children);
    candidates_.reset(plan_->sources().size());
    for (const storage::ChildRow& child : children) {
        if (const int source = map_.find_source(child.contract); source >= 0) {
            const auto i = static_cast<uint32_t>(source);
            candidates_.add(
                i, child.address,
                plan_->sources()[i].counts_from({child.block_num, child.log_index}).block_num);
            candidates_.confirm(i, child.address);
        }
    }
}

void Fetcher::start(FetchJob job) {
    PLUMBLINE_CHECK(job.range.from <= job.range.to);
    forget_slots();
    job_ = std::move(job);
    in_job_.assign(plan_->sources().size(), false);
    for (const uint32_t source : job_.sources) {
        in_job_[source] = true;
    }
    foresight_.known().distrust(job_.distrusted, job_.range.from);
    next_block_ = job_.range.from;
    all_opened_ = false;
    parent_hash_ = job_.parent_hash;
    trouble_.reset();
    state_ = FetchState::kWorking;
}

void Fetcher::cancel() {
    forget_slots();
    trouble_.reset();
    state_ = FetchState::kIdle;
}

/// Answers that are still to come find nobody.
void Fetcher::forget_slots() {
    answers_.cancel();
    call_asker_.cancel();
    foresight_.forget_claims();
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
        ask_ticks(*slots_[i]);
        ask_children(*slots_[i]);
        sent |= send_due(*slots_[i]);
    }
    while (state_ == FetchState::kWorking && open_slot()) {
        sent = true;
    }
    foresee_calls();
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

// --- asking ----------------------------------------------------------------------------------

bool Fetcher::may_open_slot() const noexcept {
    const size_t expected = held_bytes_ + size_t{in_flight_ + 1} * slot_bytes_average_;
    // How much a range weighs is not known before the first answer: a dense chain asked for eight
    // times over would take all memory.
    const size_t in_flight_max = has_answer_ ? options_.in_flight_max : 1;
    return !all_opened_ && in_flight_ < in_flight_max && slots_.size() < options_.ahead_max &&
           (slots_.empty() || expected <= options_.ahead_bytes_max);
}

bool Fetcher::open_slot() {
    if (!may_open_slot()) {
        return false;
    }
    PLUMBLINE_CHECK(next_block_ >= job_.range.from && next_block_ <= job_.range.to);
    PLUMBLINE_CHECK(slots_.empty() || slots_.back()->answers.range.to + 1 == next_block_);
    auto slot = std::make_unique<Slot>();
    slot->id = ++slot_id_;
    RangeAnswers& answers = slot->answers;
    answers.range = {next_block_, job_.range.to};
    answers.asked.assign(plan_->sources().size(), 0);
    RangeQuestion question{options_.child_addresses_max};
    for (const uint32_t i : job_.sources) {
        const Source& source = plan_->sources()[i];
        if (source.end_block < next_block_) {
            if (source.covered_to() > source.end_block) {
                answers.sources.push_back(i);  // For who is announced; nothing of it is asked.
                answers.asked[i] = kAllAsked;
            }
            continue;
        }
        if (source.first_block > next_block_) {
            // It must not be asked for earlier blocks: the range ends before it.
            answers.range.to = std::min(answers.range.to, source.first_block - 1);
            continue;
        }
        answers.range.to = std::min(answers.range.to, source.end_block);
        answers.sources.push_back(i);
        question.add_declared(source);
        const std::span<const ChildCandidate> children = candidates_.of(i);
        // How far the range goes is not known yet: all of them.
        const bool by_topic = question.add_children(source, children, UINT64_MAX);
        answers.asked[i] = by_topic ? kAllAsked : static_cast<uint32_t>(children.size());
    }
    std::vector<rpc::LogFilter> filters = std::move(question).filters();
    choose_range(*slot, filters);
    for (rpc::LogFilter& filter : filters) {
        slot->due.push_back({std::move(filter), 0, {}});
    }
    next_block_ = answers.range.to + 1;
    all_opened_ = answers.range.to == job_.range.to;
    slots_.push_back(std::move(slot));
    send_due(*slots_.back());
    return true;
}

/// How many blocks at once. Where there is nothing to look for in them, their headers are due: all
/// of the tail, else the one that says which chain the range is of.
void Fetcher::choose_range(Slot& slot, const std::vector<rpc::LogFilter>& filters) const {
    evm::BlockRange& range = slot.answers.range;
    uint64_t blocks_max = job_.tail ? options_.tail_blocks_max : options_.range_blocks_max;
    if (!has_answer_) {
        blocks_max = std::min(blocks_max, options_.range_blocks_first);
    }
    if (!filters.empty()) {
        blocks_max = std::min(blocks_max, std::max<uint64_t>(1, source_.suggest_range_size(
                                                                    filters.front(), range.from)));
    }
    for (const uint32_t i : slot.answers.sources) {
        if (const uint64_t every = plan_->sources()[i].every_blocks; every != 0) {
            blocks_max = std::min(blocks_max, every * kTicksPerSlot);
        }
    }
    range.to = std::min(range.to, range.from + (blocks_max - 1));
    slot.is_without_logs = filters.empty();
    if (filters.empty()) {
        Ask::BlockNums block_nums;
        for (uint64_t n = job_.tail ? range.from : range.to; n <= range.to; ++n) {
            block_nums.push_back(n);
        }
        slot.due.push_back({std::move(block_nums), 0, {}});
    }
}

/// Headers that no parent hash links to the range's others: its first where nothing was looked for
/// in it, and those that ticks are made of. Providers may follow different chains, so each question
/// names the range's last block. The tail has all headers, and they link.
void Fetcher::ask_ticks(Slot& slot) const {
    if (job_.tail || slot.are_ticks_asked || !slot.is_answered()) {
        return;
    }
    const std::optional<evm::BlockId> end = slot.end();
    if (!end) {
        return;  // Then the range is not whole either.
    }
    slot.are_ticks_asked = true;
    const evm::BlockRange& range = slot.answers.range;
    std::set<uint64_t> wanted;
    if (slot.is_without_logs) {
        wanted.insert(range.from);
    }
    for (const uint32_t i : slot.answers.sources) {
        const uint64_t every = plan_->sources()[i].every_blocks;
        if (every == 0) {
            continue;
        }
        for (uint64_t n = (range.from + every - 1) / every * every; n <= range.to; n += every) {
            wanted.insert(n);
        }
    }
    wanted.erase(range.to);  // It has come.
    Ask::BlockNums block_nums;
    for (const uint64_t n : wanted) {
        block_nums.push_back(n);
        if (block_nums.size() == kHeadersPerAsk) {
            slot.due.push_back({Ask::Below{std::exchange(block_nums, {}), *end}, 0, {}});
        }
    }
    if (!block_nums.empty()) {
        slot.due.push_back({Ask::Below{std::move(block_nums), *end}, 0, {}});
    }
}

/// Children that came up since the slot was asked for, and that its blocks may hold logs of.
void Fetcher::ask_children(Slot& slot) {
    if (!has_factories_ || !slot.is_answered()) {
        return;
    }
    RangeQuestion question{options_.child_addresses_max};
    for (const uint32_t i : slot.answers.sources) {
        uint32_t& asked = slot.answers.asked[i];
        const std::span<const ChildCandidate> children = candidates_.of(i);
        if (asked == kAllAsked || asked == children.size()) {
            continue;
        }
        PLUMBLINE_CHECK(asked < children.size());
        const bool by_topic = question.add_children(plan_->sources()[i], children.subspan(asked),
                                                    slot.answers.range.to);
        asked = by_topic ? kAllAsked : static_cast<uint32_t>(children.size());
    }
    for (rpc::LogFilter& filter : std::move(question).filters()) {
        slot.due.push_back({std::move(filter), 0, {}});
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

template <typename T, typename Take>
rpc::ChainSource::Callback<T> Fetcher::on_answer(uint64_t slot_id, Ask ask, Take take) {
    return answers_.wrap(
        [this, slot_id, ask = std::move(ask), take = std::move(take)](Result<T> result) mutable {
            Slot& slot = find_slot(slot_id);
            PLUMBLINE_CHECK(in_flight_ > 0 && slot.in_flight > 0);
            --in_flight_;
            --slot.in_flight;
            if (!result) {
                fail(slot, std::move(ask), std::move(result).error());
                return;
            }
            trouble_.reset();
            ++answer_count_;
            take(slot, *std::move(result));
        });
}

rpc::ChainSource::Callback<std::vector<evm::Header>> Fetcher::on_headers(uint64_t slot_id,
                                                                         Ask ask) {
    return on_answer<std::vector<evm::Header>>(slot_id, std::move(ask),
                                               [this](Slot& at, std::vector<evm::Header> found) {
                                                   rpc::RangeLogs part;
                                                   part.range = at.answers.range;
                                                   part.headers = std::move(found);
                                                   add_part(at, std::move(part));
                                               });
}

void Fetcher::send(Slot& slot, Ask ask) {
    ++in_flight_;
    ++slot.in_flight;
    // Copied, because the question goes on to where it is asked again should this one fail.
    if (const auto* asked = std::get_if<rpc::LogFilter>(&ask.question)) {
        rpc::LogFilter filter = *asked;
        // At the tip every question, also that about children, gets all headers: the pool is
        // stricter with a bloom's doubts there, because other providers may not be as far yet.
        source_.get_range(std::move(filter), slot.answers.range, job_.tail,
                          on_answer<rpc::RangeLogs>(slot.id, std::move(ask),
                                                    [this](Slot& at, rpc::RangeLogs part) {
                                                        add_part(at, std::move(part));
                                                    }));
    } else if (const auto* headers = std::get_if<Ask::BlockNums>(&ask.question)) {
        Ask::BlockNums block_nums = *headers;
        source_.get_headers(std::move(block_nums), on_headers(slot.id, std::move(ask)));
    } else if (const auto* below = std::get_if<Ask::Below>(&ask.question)) {
        Ask::Below asked_below = *below;
        source_.get_headers_below(std::move(asked_below.block_nums), asked_below.end,
                                  on_headers(slot.id, std::move(ask)));
    } else if (const auto* txns = std::get_if<Ask::TxnHashes>(&ask.question)) {
        Ask::TxnHashes hashes = *txns;
        source_.get_txns(
            std::move(hashes),
            on_answer<std::vector<rpc::TxnInfo>>(
                slot.id, std::move(ask), [](Slot& at, const std::vector<rpc::TxnInfo>& found) {
                    for (const rpc::TxnInfo& txn : found) {
                        at.answers.txns[txn.hash] = {txn.from, txn.to, txn.value, txn.body, {}};
                    }
                }));
    } else if (const auto* places = std::get_if<Ask::Receipts>(&ask.question)) {
        Ask::Receipts wanted = *places;
        source_.get_txn_receipts(std::move(wanted),
                                 on_answer<std::vector<rpc::TxnReceiptInfo>>(
                                     slot.id, std::move(ask),
                                     [](Slot& at, const std::vector<rpc::TxnReceiptInfo>& found) {
                                         for (const rpc::TxnReceiptInfo& txn : found) {
                                             at.answers.receipts[txn.hash] = txn.receipt;
                                         }
                                     }));
    } else if (const auto* calls = std::get_if<Ask::Calls>(&ask.question)) {
        Ask::Calls questions = *calls;
        call_asker_.ask(
            std::move(questions),
            on_answer<std::vector<storage::CallFact>>(
                slot.id, std::move(ask), [this](Slot& at, std::vector<storage::CallFact> facts) {
                    const size_t before = at.answers.calls.size_bytes();
                    for (storage::CallFact& fact : facts) {
                        at.answers.calls.add(std::move(fact), true);
                    }
                    const size_t bytes = at.answers.calls.size_bytes() - before;
                    at.bytes += bytes;
                    held_bytes_ += bytes;
                }));
    }
}

/// A slot goes only when it has no question open, or with the whole job.
Fetcher::Slot& Fetcher::find_slot(uint64_t id) noexcept {
    const auto found = std::ranges::find(slots_, id, [](const auto& slot) { return slot->id; });
    PLUMBLINE_CHECK(found != slots_.end());
    return **found;
}

void Fetcher::fail(Slot& slot, Ask ask, Error error) {
    // The chain is not what the job was made for: its head decides anew. Everything else is the
    // network's trouble and passes.
    // Below finality, state that is not there is a node's, not the chain's.
    const bool lacks_state = std::holds_alternative<Ask::Calls>(ask.question) && !job_.tail &&
                             error.code == ErrorCode::kNotFound;
    if (!lacks_state && (error.code == ErrorCode::kReorg || error.code == ErrorCode::kNotFound)) {
        stop(FetchState::kStale, std::move(error));
        return;
    }
    if (lacks_state) {
        check_blocks(slot, std::get<Ask::Calls>(ask.question));
    }
    if (!ask.backoff) {
        ask.backoff.emplace(options_.retry_ms_min, options_.retry_ms_max);
    }
    ask.not_before_ms = clock_.monotonic_ms() + ask.backoff->next();
    const evm::BlockRange& range = slot.answers.range;
    trouble_ = std::move(error).with_context(fmt::format("blocks {} to {}", range.from, range.to));
    slot.due.push_back(std::move(ask));
}

/// State that nobody has may be that of blocks that are the chain's no more: then the job is over.
void Fetcher::check_blocks(Slot& slot, const std::vector<CallQuestion>& calls) {
    std::map<uint64_t, evm::Hash> blocks;
    std::vector<uint64_t> block_nums;
    for (const CallQuestion& question : calls) {
        const evm::BlockId& block = question.asked.value_or(question.block);
        if (blocks.emplace(block.block_num, block.hash).second) {
            block_nums.push_back(block.block_num);
        }
    }
    ++in_flight_;
    ++slot.in_flight;
    source_.get_headers(
        std::move(block_nums), answers_.wrap([this, id = slot.id, blocks = std::move(blocks)](
                                                 const Result<std::vector<evm::Header>>& told) {
            --in_flight_;
            --find_slot(id).in_flight;
            if (!told) {
                return;  // The calls are asked again all the same.
            }
            for (const evm::Header& header : *told) {
                const auto block = blocks.find(header.block_num);
                if (block != blocks.end() && block->second != header.hash) {
                    stop(FetchState::kStale,
                         Error{ErrorCode::kReorg,
                               fmt::format("block {} is another one by now", header.block_num)});
                }
            }
        }));
}

/// The job is over, whatever else comes.
void Fetcher::stop(FetchState state, Error error) {
    trouble_ = std::move(error);
    state_ = state;
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
    slot.answers.parts.push_back(std::move(part));
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
        for (uint32_t source = 0; source < candidates_.source_count(); ++source) {
            if (!map_.has_child(source, log.address) && candidates_.contains(source, log.address)) {
                plan_->find_children(source, log, logs.data(log), found);
            }
        }
        for (const ChildAnnouncement& child : found) {
            if (in_job_[child.source]) {
                candidates_.add(child.source, child.address,
                                plan_->sources()[child.source]
                                    .counts_from({log.block_num, log.log_index})
                                    .block_num);
            }
        }
    }
}

// --- handing over ----------------------------------------------------------------------------

/// Ranges before it may have confirmed children that it was not asked about.
bool Fetcher::is_asked_about_confirmed(const Slot& slot) const noexcept {
    return std::ranges::all_of(slot.answers.sources, [&](uint32_t source) {
        const uint32_t asked = slot.answers.asked[source];
        return asked == kAllAsked || asked >= candidates_.confirmed_end(source);
    });
}

std::optional<FetchedRange> Fetcher::take() {
    if (state_ != FetchState::kWorking || slots_.empty()) {
        return std::nullopt;
    }
    Slot& slot = *slots_.front();
    ask_ticks(slot);
    send_due(slot);
    if (!slot.is_answered()) {
        return std::nullopt;
    }
    if (!is_asked_about_confirmed(slot)) {
        ask_children(slot);
        send_due(slot);
        if (!slot.is_answered()) {
            return std::nullopt;
        }
    }
    std::optional<FetchedRange> fetched = build(slot);
    if (!fetched) {
        send_due(slot);
        return std::nullopt;
    }
    PLUMBLINE_CHECK(held_bytes_ >= slot.bytes);
    held_bytes_ -= slot.bytes;
    if (fetched->calls) {
        foresight_.hand_over(slot.id, *fetched->calls);
    }
    slots_.pop_front();
    if (slots_.empty() && all_opened_) {
        state_ = FetchState::kDone;
    }
    return fetched;
}

/// The range's final form, now that everything before it is known. Empty where more must be asked
/// (it is then due) or the job is over.
std::optional<FetchedRange> Fetcher::build(Slot& slot) {
    foresight_.known().refresh();
    RangeOutcome outcome = build_range(
        slot.answers, {*plan_, map_, candidates_, in_job_, has_factories_, job_.tail,
                       job_.finalized, parent_hash_, foresight_.finder(), &foresight_.known()});
    if (auto* fetched = std::get_if<FetchedRange>(&outcome)) {
        parent_hash_ = fetched->blocks.back().hash;
        return std::move(*fetched);
    }
    if (std::holds_alternative<MoreChildren>(outcome)) {
        ask_children(slot);
    } else if (const auto* txns = std::get_if<MoreTxns>(&outcome)) {
        ask_txns(slot, *txns);
    } else if (auto* calls = std::get_if<MoreCalls>(&outcome)) {
        ask_calls(slot, std::move(calls->questions));
    } else if (auto* unreadable = std::get_if<Unreadable>(&outcome)) {
        stop(FetchState::kFailed, std::move(unreadable->error));
    } else if (auto* contradiction = std::get_if<Contradiction>(&outcome)) {
        stop(FetchState::kStale, std::move(contradiction->error));
    } else if (auto* broken = std::get_if<BrokenLink>(&outcome)) {
        const bool is_first = slot.answers.range.from == job_.range.from;
        stop(is_first ? FetchState::kForked : FetchState::kStale, std::move(broken->error));
    }
    return std::nullopt;
}

// --- contract calls ahead ----------------------------------------------------------------------

/// Range by range: those behind one whose logs are not there yet wait for it.
void Fetcher::foresee_calls() {
    if (foresight_.finder() == nullptr || state_ != FetchState::kWorking) {
        return;
    }
    for (size_t i = 0; i < slots_.size() && in_flight_ < options_.in_flight_max; ++i) {
        Slot& slot = *slots_[i];
        if (slot.is_foreseen) {
            continue;
        }
        if (!slot.is_answered()) {
            return;
        }
        slot.is_foreseen = true;
        ask_calls(slot, foresight_.foresee(slot.answers, map_, slot.id));
        send_due(slot);
    }
}

void Fetcher::ask_calls(Slot& slot, std::vector<CallQuestion> questions) {
    Ask::Calls part;
    for (CallQuestion& question : questions) {
        part.push_back(std::move(question));
        if (part.size() == kCallsPerAsk) {
            slot.due.push_back({std::exchange(part, {}), 0, {}});
        }
    }
    if (!part.empty()) {
        slot.due.push_back({std::move(part), 0, {}});
    }
}

void Fetcher::ask_txns(Slot& slot, const MoreTxns& more) {
    const auto ask_each = [&slot](const auto& list) {
        for (size_t from = 0; from < list.size(); from += kTxnsPerAsk) {
            const auto begin = list.begin() + static_cast<std::ptrdiff_t>(from);
            const size_t count = std::min(kTxnsPerAsk, list.size() - from);
            std::remove_cvref_t<decltype(list)> part{begin,
                                                     begin + static_cast<std::ptrdiff_t>(count)};
            slot.due.push_back({std::move(part), 0, {}});
        }
    };
    slot.answers.txns_asked.insert(more.hashes.begin(), more.hashes.end());
    for (const rpc::TxnPlace& txn : more.receipts) {
        slot.answers.receipts_asked.insert(txn.hash);
    }
    ask_each(more.hashes);
    ask_each(more.receipts);
}

}  // namespace plumbline::engine
