#include "engine/ingest/range_builder.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/block_gap.hpp"
#include "engine/calls/call_lookup.hpp"
#include "engine/ingest/tellers.hpp"
#include "engine/mapping/block_children.hpp"
#include "engine/mapping/block_tick.hpp"

namespace plumbline::engine {

namespace {

bool is_before(const evm::Log& a, const evm::Log& b) {
    return a.block_num != b.block_num ? a.block_num < b.block_num : a.log_index < b.log_index;
}

Error differ_about(uint64_t block_num) {
    return {ErrorCode::kReorg, fmt::format("two answers differ about block {}", block_num)};
}

/// One range, once. The steps are those at the top of the header.
class RangeBuilder {
  public:
    RangeBuilder(RangeAnswers& answers, const RangeContext& context)
        : answers_{answers},
          context_{context},
          finder_{
              context.plan, context.map,
              [&answers](uint32_t source, uint64_t /*block*/) { return answers.wants(source); },
              [&context](uint32_t source, uint64_t /*block*/) { return context.in_job[source]; }} {}

    RangeOutcome build();

  private:
    /// A log where it came from: its data stays there.
    struct Place {
        const evm::Log* log;
        const evm::LogBatch* batch;
    };
    using Headers = std::map<uint64_t, BlockInfo>;

    /// Empty: the range is whole and `out_` is it.
    std::optional<RangeOutcome> run();
    void line_up();
    std::optional<Error> make_ticks();
    std::optional<Error> attribute();
    std::optional<Error> drop_doubles();
    void find_children(size_t from, size_t to);
    std::optional<RangeOutcome> find_txns();
    storage::TxnNeeds needs_of(const evm::Log& log) const;
    bool look_up_txn(const evm::Log& log, storage::TxnNeeds needs, MoreTxns& missing,
                     storage::TxnFields& out) const;
    std::optional<RangeOutcome> find_calls();
    Status find_calls_of(const Place& place, const FoldBlock& block, size_t at);
    Result<Headers> read_headers() const;
    std::optional<Error> find_blocks();
    void take_logs();
    void take_headers();

    RangeAnswers& answers_;
    const RangeContext& context_;
    FetchedRange out_;
    std::vector<Place> places_;  ///< of all logs, after `attribute` of those that somebody wants
    evm::LogBatch ticks_;        ///< of the range's blocks (engine/mapping/block_tick.hpp)
    size_t log_count_ = 0;       ///< of all logs
    BlockChildren finder_;
    std::vector<LogPlace> block_logs_;      ///< scratch: those of one block
    std::vector<ChildAnnouncement> fresh_;  ///< added to the map by this range
    std::optional<CallLookup> lookup_;
    std::vector<NeededCall> needed_;  ///< scratch: those of one log
    bool asked_about_all_ = true;     ///< whom the range announces, it was asked about
};

RangeOutcome RangeBuilder::build() {
    if (std::optional<RangeOutcome> other = run()) {
        for (const ChildAnnouncement& child : fresh_) {
            context_.map.remove_child(child.source, child.address);
        }
        return *std::move(other);
    }
    for (const ChildAnnouncement& child : fresh_) {
        context_.candidates.confirm(child.source, child.address);
    }
    PLUMBLINE_CHECK(out_.blocks.back().block_num == out_.range.to);
    PLUMBLINE_CHECK(out_.txn_of_log.empty() || out_.txn_of_log.size() == out_.logs.logs.size());
    return std::move(out_);
}

std::optional<RangeOutcome> RangeBuilder::run() {
    out_.range = answers_.range;
    out_.sources = answers_.sources;
    out_.tail = context_.tail;
    out_.finalized = context_.finalized;
    out_.told_by = join_tellers(answers_.range, answers_.parts);
    if (std::optional<Error> error = make_ticks()) {
        return Contradiction{*std::move(error)};
    }
    line_up();
    if (std::optional<Error> error = attribute()) {
        return Contradiction{*std::move(error)};
    }
    if (!asked_about_all_) {
        return MoreChildren{};
    }
    if (std::optional<RangeOutcome> other = find_txns()) {
        return other;
    }
    if (std::optional<Error> error = find_blocks()) {
        return Contradiction{*std::move(error)};
    }
    if (context_.parent_hash && out_.parent_hash != *context_.parent_hash) {
        return BrokenLink{
            {ErrorCode::kReorg,
             fmt::format("block {} does not follow the block before it", out_.range.from)}};
    }
    if (std::optional<RangeOutcome> other = find_calls()) {
        return other;
    }
    take_logs();
    take_headers();
    return std::nullopt;
}

/// Those that the range's sources want, of the headers that came.
std::optional<Error> RangeBuilder::make_ticks() {
    std::unordered_map<uint64_t, evm::Hash> hashes;
    const evm::BlockRange& range = answers_.range;
    for (const uint32_t source : answers_.sources) {
        const uint64_t every = context_.plan.sources()[source].every_blocks;
        if (every == 0) {
            continue;
        }
        if (hashes.empty()) {
            for (const rpc::RangeLogs& part : answers_.parts) {
                for (const evm::Header& header : part.headers) {
                    hashes.emplace(header.block_num, header.hash);
                }
            }
        }
        for (uint64_t n = (range.from + every - 1) / every * every; n <= range.to; n += every) {
            const auto found = hashes.find(n);
            if (found == hashes.end()) {
                return Error{ErrorCode::kReorg,
                             fmt::format("the header of block {} was left out of an answer", n)};
            }
            ticks_.push(make_tick(every, n, found->second), ByteView{});
        }
    }
    return std::nullopt;
}

void RangeBuilder::line_up() {
    for (const rpc::RangeLogs& part : answers_.parts) {
        log_count_ += part.logs.logs.size();
    }
    places_.reserve(log_count_);
    for (const rpc::RangeLogs& part : answers_.parts) {
        for (const evm::Log& log : part.logs.logs) {
            places_.push_back({&log, &part.logs});
        }
    }
    for (const evm::Log& tick : ticks_.logs) {
        places_.push_back({&tick, &ticks_});
    }
    // One answer is in order as it is; should it not be, the next step says so.
    if (answers_.parts.size() > 1 || !ticks_.logs.empty()) {
        std::ranges::stable_sort(
            places_, [](const Place& a, const Place& b) { return is_before(*a.log, *b.log); });
    }
}

/// Keeps the places that a source wants, without doubles, and learns whom they announce.
std::optional<Error> RangeBuilder::attribute() {
    if (std::optional<Error> error = drop_doubles()) {
        return error;
    }
    size_t kept = 0;
    for (size_t from = 0; from < places_.size();) {
        const uint64_t block_num = places_[from].log->block_num;
        size_t to = from;
        while (to < places_.size() && places_[to].log->block_num == block_num) {
            ++to;
        }
        if (context_.has_factories) {
            find_children(from, to);
        }
        for (; from < to; ++from) {
            bool is_wanted = false;
            context_.map.for_each_source(*places_[from].log, [&](uint32_t source) {
                is_wanted = is_wanted || answers_.wants(source);
            });
            if (is_wanted) {
                places_[kept++] = places_[from];
            }
        }
    }
    places_.resize(kept);
    return std::nullopt;
}

/// Two filters may both have found a log. One answer does not tell a log twice.
std::optional<Error> RangeBuilder::drop_doubles() {
    const evm::Log* last = nullptr;
    size_t kept = 0;
    for (const Place& place : places_) {
        const evm::Log& log = *place.log;
        if (last != nullptr && !is_before(*last, log)) {
            if (answers_.parts.size() == 1 || is_before(log, *last) ||
                last->block_hash != log.block_hash) {
                return differ_about(log.block_num);
            }
            continue;
        }
        last = &log;
        places_[kept++] = place;
    }
    places_.resize(kept);
    return std::nullopt;
}

/// Those that the logs of one block, the places `from` to before `to`, announce.
void RangeBuilder::find_children(size_t from, size_t to) {
    block_logs_.clear();
    for (size_t at = from; at < to; ++at) {
        block_logs_.push_back({places_[at].log, places_[at].batch->data(*places_[at].log)});
    }
    for (const FoundChild& child : finder_.find(block_logs_)) {
        const Source& source = context_.plan.sources()[child.source];
        const uint64_t first =
            source.counts_from({child.row.block_num, child.row.log_index}).block_num;
        const size_t index = context_.candidates.add(child.source, child.row.address, first);
        const uint32_t asked = answers_.asked[child.source];
        asked_about_all_ = asked_about_all_ &&
                           (!answers_.wants(child.source) || asked == kAllAsked || asked > index);
        fresh_.push_back({child.source, child.row.address});
        out_.children.push_back(child.row);
    }
}

storage::TxnNeeds RangeBuilder::needs_of(const evm::Log& log) const {
    storage::TxnNeeds needs;
    context_.map.for_each_source(log, [&](uint32_t source) {
        if (answers_.wants(source)) {
            needs.add(context_.plan.txn_needs(source, log));
        }
    });
    return needs;
}

/// False where it is not there: then it joins `missing`, unless it was asked for before.
bool RangeBuilder::look_up_txn(const evm::Log& log, storage::TxnNeeds needs, MoreTxns& missing,
                               storage::TxnFields& out) const {
    const auto found = answers_.txns.find(log.txn_hash);
    const auto receipt = answers_.receipts.find(log.txn_hash);
    if (found == answers_.txns.end() && !answers_.txns_asked.contains(log.txn_hash) &&
        (missing.hashes.empty() || missing.hashes.back() != log.txn_hash)) {
        missing.hashes.push_back(log.txn_hash);
    }
    if (needs.receipt && receipt == answers_.receipts.end() &&
        !answers_.receipts_asked.contains(log.txn_hash)) {
        missing.receipts.push_back({log.txn_hash, log.block_hash});
    }
    if (found == answers_.txns.end() || (needs.receipt && receipt == answers_.receipts.end()) ||
        (needs.body && !found->second.body)) {
        return false;
    }
    out = found->second;
    if (!needs.body) {
        out.body.reset();
    }
    if (needs.receipt) {
        out.receipt = receipt->second;
    }
    return true;
}

/// Fills in the transactions that the mapping names. Empty: all are there.
std::optional<RangeOutcome> RangeBuilder::find_txns() {
    const Plan& plan = context_.plan;
    if (!plan.needs_txn()) {
        return std::nullopt;
    }
    // Of one transaction an event may need more than another.
    struct Wanted {
        storage::TxnNeeds needs;
        uint32_t index = kNoTxn;  ///< in `out_.txns`
    };
    std::unordered_map<evm::Hash, std::vector<Wanted>, evm::FixedBytesHash> seen;
    MoreTxns missing;
    bool is_left_out = false;
    std::vector<uint32_t> txn_of_log(places_.size(), kNoTxn);
    for (size_t i = 0; i < places_.size(); ++i) {
        const evm::Log& log = *places_[i].log;
        const storage::TxnNeeds needs = needs_of(log);
        if (!needs.any()) {
            continue;
        }
        std::vector<Wanted>& known = seen[log.txn_hash];
        const auto same = std::ranges::find(known, needs, &Wanted::needs);
        if (same != known.end()) {
            txn_of_log[i] = same->index;
            continue;
        }
        known.push_back({needs, kNoTxn});
        storage::TxnFields txn;
        if (!look_up_txn(log, needs, missing, txn)) {
            is_left_out = true;
            continue;
        }
        known.back().index = static_cast<uint32_t>(out_.txns.size());
        out_.txns.push_back(std::move(txn));
        txn_of_log[i] = known.back().index;
    }
    if (!missing.empty()) {
        return missing;
    }
    if (is_left_out) {
        return Contradiction{{ErrorCode::kNotFound,
                              "a transaction, or its nonce, gas or input, was left out of an "
                              "answer"}};
    }
    if (!out_.txns.empty()) {
        out_.txn_of_log = std::move(txn_of_log);
    }
    return std::nullopt;
}

/// What each log's handlers name of calls: known, or answered meanwhile, or to be asked. A `once`
/// call is asked for the first log that names it.
std::optional<RangeOutcome> RangeBuilder::find_calls() {
    if (context_.finder == nullptr) {
        return std::nullopt;
    }
    out_.calls = std::make_shared<CallSet>();
    lookup_.emplace(*out_.calls, *context_.known, answers_.calls);
    size_t block = 0;
    for (size_t i = 0; i < places_.size(); ++i) {
        while (out_.blocks[block].block_num != places_[i].log->block_num) {
            ++block;
        }
        const BlockInfo& info = out_.blocks[block];
        if (Status found =
                find_calls_of(places_[i], {info.block_num, info.hash, info.timestamp}, i);
            !found) {
            return Unreadable{std::move(found).error()};
        }
    }
    if (std::vector<CallQuestion> questions = lookup_->take_questions(); !questions.empty()) {
        return MoreCalls{std::move(questions)};
    }
    return std::nullopt;
}

Status RangeBuilder::find_calls_of(const Place& place, const FoldBlock& block, size_t at) {
    const ByteView data = place.batch->data(*place.log);
    Status found;
    needed_.clear();
    context_.map.for_each_source(*place.log, [&](uint32_t source) {
        if (found && answers_.wants(source)) {
            found = context_.finder->find(source, *place.log, data, block, out_.txn(at), *lookup_,
                                          needed_);
        }
    });
    PLUMBLINE_TRY_VOID(std::move(found));
    for (NeededCall& need : needed_) {
        PLUMBLINE_TRY_VOID(
            lookup_->need(question_of(std::move(need), {block.block_num, block.hash})));
    }
    return ok();
}

/// Of all answers, where they agree and neighbouring blocks join.
Result<RangeBuilder::Headers> RangeBuilder::read_headers() const {
    Headers known;
    for (const rpc::RangeLogs& part : answers_.parts) {
        for (const evm::Header& header : part.headers) {
            const BlockInfo info{header.block_num, header.hash, header.parent_hash,
                                 header.timestamp};
            const auto [place, is_new] = known.try_emplace(info.block_num, info);
            if (!is_new && !(place->second == info)) {
                return differ_about(info.block_num);
            }
        }
    }
    for (auto at = known.begin(); at != known.end(); ++at) {
        const auto next = std::next(at);
        if (next != known.end() && next->first == at->first + 1 &&
            next->second.parent_hash != at->second.hash) {
            return Error{ErrorCode::kReorg, fmt::format("block {} does not follow the block "
                                                        "before it",
                                                        next->first)};
        }
    }
    return known;
}

/// The blocks that the index keeps, or needs to go on from.
std::optional<Error> RangeBuilder::find_blocks() {
    Result<Headers> headers = read_headers();
    if (!headers) {
        return std::move(headers).error();
    }
    const Headers& known = *headers;
    const auto first = known.find(answers_.range.from);
    const auto last = known.find(answers_.range.to);
    bool is_complete = first != known.end() && last != known.end();
    if (is_complete && context_.tail) {
        for (uint64_t n = answers_.range.from; n <= answers_.range.to && is_complete; ++n) {
            const auto found = known.find(n);
            is_complete = found != known.end();
            if (is_complete) {
                out_.blocks.push_back(found->second);
            }
        }
    }
    for (const Place& place : places_) {
        const auto found = known.find(place.log->block_num);
        is_complete =
            is_complete && found != known.end() && found->second.hash == place.log->block_hash;
        if (is_complete && !context_.tail &&
            (out_.blocks.empty() || out_.blocks.back().block_num != found->first)) {
            out_.blocks.push_back(found->second);
        }
    }
    if (!is_complete) {
        return Error{ErrorCode::kReorg, fmt::format("headers of blocks {} to {} do not fit their "
                                                    "logs",
                                                    answers_.range.from, answers_.range.to)};
    }
    out_.parent_hash = first->second.parent_hash;
    if (out_.blocks.empty() || out_.blocks.back().block_num != answers_.range.to) {
        out_.blocks.push_back(last->second);
    }
    return std::nullopt;
}

/// Near the end, because it empties the answers.
void RangeBuilder::take_logs() {
    if (answers_.parts.size() == 1 && places_.size() == log_count_ && ticks_.logs.empty()) {
        out_.logs = std::move(answers_.parts.front().logs);
        return;
    }
    for (const Place& place : places_) {
        out_.logs.push(*place.log, place.batch->data(*place.log));
    }
}

/// As `take_logs`.
void RangeBuilder::take_headers() {
    for (rpc::RangeLogs& part : answers_.parts) {
        for (evm::Header& header : part.headers) {
            if (header.block_num + kHeadersKept > answers_.range.to && !evm::is_gap(header)) {
                out_.headers.push_back(std::move(header));
            }
        }
    }
}

}  // namespace

bool RangeAnswers::wants(uint32_t source) const {
    return std::ranges::find(sources, source) != sources.end();
}

RangeOutcome build_range(RangeAnswers& answers, const RangeContext& context) {
    return RangeBuilder{answers, context}.build();
}

}  // namespace plumbline::engine
