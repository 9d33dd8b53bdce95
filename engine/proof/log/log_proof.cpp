#include "engine/proof/log/log_proof.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/trie.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

constexpr size_t kPiecesOpen = 2;
constexpr uint64_t kReceiptsAskBytes = 4U << 20U;
constexpr uint64_t kReceiptsAskMax = 100;
constexpr uint64_t kHeadersAskMax = 1'000;
constexpr uint64_t kAnchorSearchBlocks = 4'096;
constexpr int64_t kPollMs = 50;

/// splitmix64
uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

uint64_t word_of(const evm::Hash& hash) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8; ++i) {
        word = word << 8U | hash.bytes[i];
    }
    return word;
}

}  // namespace

LogProofCounts& LogProofCounts::operator+=(const LogProofCounts& other) noexcept {
    blocks += other.blocks;
    by_bloom += other.by_bloom;
    by_receipts += other.by_receipts;
    unsettled += other.unsettled;
    unprovable += other.unprovable;
    bad += other.bad;
    logs += other.logs;
    header_calls += other.header_calls;
    receipts_calls += other.receipts_calls;
    return *this;
}

Result<LogProofInput> read_log_proof_input(const storage::Database& database) {
    // Read before the snapshot, so that it holds all that they promise.
    LogProofInput input;
    PLUMBLINE_TRY(input.coverage, database.coverage());
    PLUMBLINE_TRY(input.children, database.children());
    input.view = database.read_view();
    return input;
}

LogProofOptions log_proof_options(const ProofConfig& config) {
    LogProofOptions options;
    options.level = config.level;
    options.sample = config.sample;
    options.requests_per_second = config.requests_per_second;
    options.range_blocks = config.range_blocks;
    return options;
}

/// What is known of one block of a piece.
struct LogProver::BlockState {
    enum class Need : uint8_t {
        kNothing,
        kWanted,  ///< receipts are due or on their way
        kDone
    };
    ProofLevel level = ProofLevel::kLinked;  ///< by its own evidence
    bool settled = false;
    bool by_bloom = false;
    bool unprovable = false;
    Need need = Need::kNothing;
    bool has_truth = false;
    uint32_t log_count = 0;
    std::vector<Finding> row_findings;
    std::vector<Finding> log_findings;
    evm::LogBatch truth;  ///< only with findings
    [[nodiscard]] bool is_bad() const { return !row_findings.empty() || !log_findings.empty(); }
};

/// A range on its way. Block 0 has no header that must hash: it is linked by its child alone.
struct LogProver::Piece {
    uint64_t id = 0;
    evm::BlockRange range;
    uint64_t first = 0;                ///< the first block whose header is fetched
    std::vector<evm::Header> headers;  ///< of blocks `first` to the range's end
    uint64_t open_to = 0;              ///< the highest block whose header is still missing
    evm::Hash open_hash;               ///< its hash
    bool has_headers = false;
    bool header_asked = false;
    bool examined = false;
    evm::BlockId top;
    evm::Hash below_hash;

    std::vector<storage::BlockRow> rows;
    evm::LogBatch stored;
    std::vector<size_t> log_begin;  ///< by header index: of `stored`; one more at the end
    std::vector<BlockState> states;
    std::deque<size_t> due;
    unsigned in_flight = 0;
    std::vector<storage::ChildRow> new_children;
    LogProofCounts counts;

    [[nodiscard]] evm::LogBatch stored_of(size_t index) const {
        evm::LogBatch out;
        for (size_t i = log_begin[index]; i < log_begin[index + 1]; ++i) {
            out.push(stored.logs[i], stored.data(stored.logs[i]));
        }
        return out;
    }
    [[nodiscard]] bool has_stored(size_t index) const {
        return log_begin[index] != log_begin[index + 1];
    }
    [[nodiscard]] bool is_ready() const { return examined && due.empty() && in_flight == 0; }
};

LogProver::LogProver(rpc::ChainSource& source, LogProofInput input,
                     std::shared_ptr<const Plan> plan, const Clock& clock, LogProofOptions options)
    : source_{source},
      input_{std::move(input)},
      plan_{std::move(plan)},
      clock_{clock},
      options_{std::move(options)},
      judge_{plan_, input_.coverage, input_.children},
      alive_{std::make_shared<const int>(0)} {
    options_.range_blocks = std::max<uint64_t>(1, options_.range_blocks);
    options_.in_flight_max = std::max(1U, options_.in_flight_max);
}

LogProver::~LogProver() {
    alive_.reset();
}

template <typename Handle>
auto LogProver::guarded(Handle handle) {
    return [alive = std::weak_ptr<const int>{alive_}, handle = std::move(handle)](auto result) {
        if (!alive.expired()) {
            handle(std::move(result));
        }
    };
}

LogProver::Piece* LogProver::find_piece(uint64_t id) noexcept {
    const auto found = std::ranges::find_if(
        pieces_, [id](const std::unique_ptr<Piece>& piece) { return piece->id == id; });
    return found == pieces_.end() ? nullptr : found->get();
}

// --- steps -----------------------------------------------------------------------------------

bool LogProver::step() {
    if (retry_at_ms_ >= 0) {
        if (clock_.monotonic_ms() < retry_at_ms_) {
            return false;
        }
        retry_at_ms_ = -1;
    }
    switch (phase_) {
        case Phase::kStart: return start();
        case Phase::kAnchor:
            if (!waiting_) {
                waiting_ = true;
                source_.get_headers({anchor_.block_num},
                                    guarded([this](Result<std::vector<evm::Header>> headers) {
                                        on_anchor(std::move(headers));
                                    }));
                return true;
            }
            return false;
        case Phase::kProfile: return test_ ? end_profile() : start_profile();
        case Phase::kGap: return step_gap();
        case Phase::kWork: return step_work();
        case Phase::kDone: return false;
    }
    return false;
}

int64_t LogProver::wake_at_ms() const noexcept {
    if (retry_at_ms_ >= 0) {
        return retry_at_ms_;
    }
    const auto budget_at = static_cast<int64_t>(std::ceil(tokens_at_ms_));
    return options_.requests_per_second > 0 && budget_at > clock_.monotonic_ms() ? budget_at : -1;
}

std::optional<LogProofPiece> LogProver::take() {
    if (pieces_out_.empty()) {
        return std::nullopt;
    }
    LogProofPiece piece = std::move(pieces_out_.front());
    pieces_out_.pop_front();
    return piece;
}

bool LogProver::may_ask(uint64_t calls) {
    if (options_.requests_per_second == 0) {
        return true;
    }
    const auto now = static_cast<double>(clock_.monotonic_ms());
    if (now < tokens_at_ms_) {
        return false;
    }
    tokens_at_ms_ =
        std::max(tokens_at_ms_, now) +
        1'000.0 * static_cast<double>(calls) / static_cast<double>(options_.requests_per_second);
    return true;
}

/// True where the question should be asked again, after a while.
bool LogProver::note_failure(const Error& error, std::string_view doing) {
    if (retry_at_ms_ >= 0) {
        return true;  // of questions asked together, one counts
    }
    if (++failures_ >= options_.failures_max) {
        fail(Error{error}.with_context(doing));
        return false;
    }
    retry_at_ms_ = clock_.monotonic_ms() + backoff_.next();
    return true;
}

void LogProver::note_success() {
    failures_ = 0;
    backoff_.reset();
}

void LogProver::fall_short(std::string why) {
    if (reason_.empty()) {
        reason_ = std::move(why);
    }
}

void LogProver::fail(Error error) {
    if (!failure_) {
        failure_ = std::move(error);
    }
    pieces_.clear();
    phase_ = Phase::kDone;
}

/// The chain gives no ground to stand on: no findings, no level.
void LogProver::end_unprovable(std::string why) {
    fall_short(std::move(why));
    pieces_.clear();
    phase_ = Phase::kDone;
}

// --- the anchor ------------------------------------------------------------------------------

bool LogProver::start() {
    const auto cursor = input_.view->cursor();
    const evm::BlockRange& range = options_.range;
    if (!cursor || range.from > range.to || range.to > cursor->block_num) {
        fail({ErrorCode::kInvalidArgument,
              cursor ? fmt::format("blocks {} to {} cannot be proven: the index holds blocks up to "
                                   "{}",
                                   range.from, range.to, cursor->block_num)
                     : "the index holds no block yet: there is nothing to prove"});
        return true;
    }
    if (options_.level < ProofLevel::kLinked) {
        phase_ = Phase::kDone;
        return true;
    }
    if (options_.anchor) {
        anchor_ = *options_.anchor;
    } else {
        Result<evm::BlockId> found = find_anchor();
        if (!found) {
            fail(std::move(found).error());
            return true;
        }
        anchor_ = *found;
    }
    blocks_total_ = anchor_.block_num - range.from + 1;
    phase_ = Phase::kAnchor;
    return true;
}

/// The lowest block at or above the range's end that is proven to be linked already, or that
/// stored parent hashes join to the cursor.
Result<evm::BlockId> LogProver::find_anchor() const {
    const auto cursor = input_.view->cursor();
    const uint64_t to = options_.range.to;
    for (uint64_t from = to; from <= cursor->block_num; from += kAnchorSearchBlocks) {
        PLUMBLINE_TRY(const std::vector<storage::BlockRow> rows,
                      input_.view->list_blocks(
                          from, std::min(cursor->block_num, from + kAnchorSearchBlocks - 1)));
        for (const storage::BlockRow& row : rows) {
            if (row.level >= ProofLevel::kLinked) {
                return evm::BlockId{row.block_num, row.hash};
            }
        }
    }
    evm::BlockId anchor{cursor->block_num, cursor->block_hash};
    while (anchor.block_num > to) {
        const auto row = input_.view->get_block(anchor.block_num);
        if (!row || row->hash != anchor.hash) {
            break;
        }
        anchor = {anchor.block_num - 1, row->parent_hash};
    }
    if (anchor.hash.is_zero()) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("the hash of block {} is not known: prove again after the next "
                                 "block",
                                 anchor.block_num)};
    }
    return anchor;
}

void LogProver::on_anchor(Result<std::vector<evm::Header>> headers) {
    waiting_ = false;
    if (!headers) {
        note_failure(headers.error(), fmt::format("asking for block {}, which the index follows",
                                                  anchor_.block_num));
        return;
    }
    note_success();
    if (headers->empty() || headers->front().hash != anchor_.hash) {
        const auto cursor = input_.view->cursor();
        if (!options_.anchor && anchor_.block_num != cursor->block_num &&
            !cursor->block_hash.is_zero()) {
            // A damaged row must not keep the rest from being proven.
            anchor_ = {cursor->block_num, cursor->block_hash};
            blocks_total_ = anchor_.block_num - options_.range.from + 1;
            return;
        }
        fail({ErrorCode::kReorg,
              fmt::format("block {} of the chain is {}, the index follows {}: the chain has "
                          "another branch now, or the block's row is damaged",
                          anchor_.block_num,
                          headers->empty() ? "unknown" : evm::to_hex(headers->front().hash),
                          evm::to_hex(anchor_.hash))});
        return;
    }
    next_to_ = anchor_.block_num;
    next_hash_ = anchor_.hash;
    phase_ = Phase::kProfile;
}

// --- the self-test ---------------------------------------------------------------------------

bool LogProver::start_profile() {
    if (options_.profile) {
        profile_ = *options_.profile;
        return end_profile();
    }
    const evm::BlockRange& range = options_.range;
    const uint64_t low = std::max<uint64_t>(1, range.from);
    std::vector<uint64_t> nums;
    if (range.to >= low) {
        nums = {range.to, low + (range.to - low) / 2, low};
    }
    const uint64_t near = range.to - std::min(range.to - range.from, options_.range_blocks - 1);
    if (const auto rows = input_.view->list_blocks(near, range.to)) {
        size_t taken = 0;
        for (size_t i = 0; i < rows->size() && taken < 2; ++i) {
            const storage::BlockRow& row = (*rows)[rows->size() - 1 - i];
            if (row.event_count > 0) {
                nums.push_back(row.block_num);
                ++taken;
            }
        }
    }
    if (nums.empty()) {
        return end_profile();
    }
    test_ = std::make_unique<ProfileTest>(source_, std::move(nums));
    return true;
}

bool LogProver::end_profile() {
    if (test_) {
        if (!test_->is_done()) {
            return false;
        }
        const Result<ChainProfile> result = test_->result();
        test_.reset();
        if (!result) {
            if (result.error().code == ErrorCode::kNotFound) {
                end_unprovable(fmt::format("not provable: {}", result.error().message));
            } else {
                note_failure(result.error(), "trying what can be proven");
            }
            return true;
        }
        note_success();
        profile_ = *result;
    }
    if (!profile_.headers) {
        end_unprovable(fmt::format("not provable on this chain: {}", profile_.reason));
        return true;
    }
    if (!profile_.receipts && options_.level > ProofLevel::kLinked) {
        fall_short(fmt::format("not provable on this chain beyond `linked`: {}", profile_.reason));
    }
    phase_ = Phase::kGap;
    return true;
}

// --- down to the range -----------------------------------------------------------------------

bool LogProver::step_gap() {
    if (waiting_) {
        return false;
    }
    if (next_to_ == options_.range.to) {
        phase_ = Phase::kWork;
        return true;
    }
    uint64_t count =
        std::min({next_to_ - options_.range.to, options_.range_blocks, kHeadersAskMax});
    if (options_.requests_per_second > 0) {
        count = std::min(count, options_.requests_per_second);
    }
    if (!may_ask(count)) {
        return false;
    }
    waiting_ = true;
    const evm::BlockRange asked{next_to_ - count + 1, next_to_};
    source_.get_linked_headers(asked, next_hash_,
                               guarded([this, asked](Result<std::vector<evm::Header>> headers) {
                                   waiting_ = false;
                                   if (!headers) {
                                       on_headers(0, asked, std::move(headers));
                                       return;
                                   }
                                   note_success();
                                   next_to_ = asked.from - 1;
                                   next_hash_ = headers->front().parent_hash;
                                   blocks_done_ += asked.size();
                               }));
    return true;
}

// --- the ranges ------------------------------------------------------------------------------

bool LogProver::step_work() {
    bool moved = false;
    while (open_piece()) {
        moved = true;
    }
    for (size_t i = 0; i < pieces_.size() && phase_ == Phase::kWork && retry_at_ms_ < 0; ++i) {
        Piece& piece = *pieces_[i];
        moved |= piece.has_headers ? examine(piece) : ask_headers(piece);
        if (phase_ == Phase::kWork && piece.examined) {
            moved |= ask_receipts(piece);
        }
    }
    while (phase_ == Phase::kWork && !pieces_.empty() && pieces_.front()->is_ready()) {
        finish_front();
        moved = true;
    }
    if (phase_ == Phase::kWork && pieces_.empty() && !has_next_) {
        phase_ = Phase::kDone;
        moved = true;
    }
    return moved;
}

/// The next range downwards, once the hash of its last block is known.
bool LogProver::open_piece() {
    if (!has_next_ || pieces_.size() >= kPiecesOpen ||
        (!pieces_.empty() && !pieces_.back()->has_headers)) {
        return false;
    }
    auto piece = std::make_unique<Piece>();
    piece->id = ++piece_id_;
    piece->range = {next_to_ - std::min(next_to_ - options_.range.from, options_.range_blocks - 1),
                    next_to_};
    piece->first = std::max<uint64_t>(1, piece->range.from);
    piece->top = {next_to_, next_hash_};
    piece->open_to = next_to_;
    piece->open_hash = next_hash_;
    if (piece->range.to == 0) {
        piece->has_headers = true;
        has_next_ = false;
    }
    pieces_.push_back(std::move(piece));
    return true;
}

bool LogProver::ask_headers(Piece& piece) {
    if (piece.header_asked) {
        return false;
    }
    uint64_t count = std::min(piece.open_to - piece.first + 1, kHeadersAskMax);
    if (options_.requests_per_second > 0) {
        count = std::min(count, options_.requests_per_second);
    }
    if (!may_ask(count)) {
        return false;
    }
    piece.header_asked = true;
    piece.counts.header_calls += count;
    const evm::BlockRange asked{piece.open_to - count + 1, piece.open_to};
    source_.get_linked_headers(
        asked, piece.open_hash,
        guarded([this, asked, id = piece.id](Result<std::vector<evm::Header>> headers) {
            on_headers(id, asked, std::move(headers));
        }));
    return true;
}

void LogProver::on_headers(uint64_t id, evm::BlockRange asked,
                           Result<std::vector<evm::Header>> headers) {
    Piece* piece = find_piece(id);
    if (piece != nullptr) {
        piece->header_asked = false;
    }
    if (!headers) {
        const Error& error = headers.error();
        const std::string doing =
            fmt::format("asking for headers of blocks {} to {}", asked.from, asked.to);
        if (error.code == ErrorCode::kIncompatible) {
            profile_.headers = false;
            profile_.kind = ChainKind::kNone;
            end_unprovable("not provable on this chain: " + error.message);
        } else if (error.code == ErrorCode::kNotFound) {
            end_unprovable(fmt::format("not provable: {}", error.message));
        } else {
            note_failure(error, doing);
        }
        return;
    }
    if (piece == nullptr) {
        return;
    }
    note_success();
    // Ranges come from the top downwards.
    piece->headers.insert(piece->headers.begin(), std::make_move_iterator(headers->begin()),
                          std::make_move_iterator(headers->end()));
    piece->open_hash = piece->headers.front().parent_hash;
    piece->open_to = asked.from - 1;
    piece->has_headers = asked.from == piece->first;
    if (!piece->has_headers) {
        return;
    }
    piece->below_hash = piece->open_hash;
    has_next_ = piece->range.from > options_.range.from;
    if (has_next_) {
        next_to_ = piece->range.from - 1;
        next_hash_ = piece->below_hash;
    }
}

Status LogProver::load_stored(Piece& piece) const {
    // What cannot be read counts as missing: the chain's receipts then tell what must be there.
    PLUMBLINE_TRY(piece.rows, input_.view->list_blocks(piece.range.from, piece.range.to,
                                                       storage::OnDamage::kSkip));
    const auto scan =
        input_.view->scan_logs(piece.range.from, piece.range.to, storage::OnDamage::kSkip);
    for (; scan->valid(); scan->next()) {
        piece.stored.push(scan->record().log, scan->record().data);
    }
    PLUMBLINE_TRY_VOID(scan->status());
    piece.log_begin.assign(piece.headers.size() + 1, piece.stored.logs.size());
    size_t next = 0;
    for (size_t i = 0; i < piece.stored.logs.size(); ++i) {
        while (next < piece.headers.size() &&
               piece.first + next <= piece.stored.logs[i].block_num) {
            piece.log_begin[next++] = i;
        }
    }
    return ok();
}

/// What headers alone tell of the range. False where that was done before.
bool LogProver::examine(Piece& piece) {
    if (piece.examined) {
        return false;
    }
    piece.examined = true;
    if (Status loaded = load_stored(piece); !loaded) {
        fail(std::move(loaded).error().with_context(fmt::format(
            "reading blocks {} to {} of the database", piece.range.from, piece.range.to)));
        return true;
    }
    piece.states.resize(piece.headers.size());
    size_t row = 0;
    while (row < piece.rows.size() && piece.rows[row].block_num < piece.first) {
        ++row;
    }
    for (size_t i = 0; i < piece.headers.size(); ++i) {
        const uint64_t block_num = piece.first + i;
        const bool has_row = row < piece.rows.size() && piece.rows[row].block_num == block_num;
        BlockState& state = piece.states[i];
        state.log_count = static_cast<uint32_t>(piece.log_begin[i + 1] - piece.log_begin[i]);
        judge_.judge_row(piece.headers[i], has_row ? &piece.rows[row] : nullptr, state.log_count,
                         state.row_findings);
        row += has_row ? 1U : 0U;
        examine_block(piece, i);
    }
    add_spot_checks(piece);
    return true;
}

void LogProver::examine_block(Piece& piece, size_t index) {
    const evm::Header& header = piece.headers[index];
    BlockState& state = piece.states[index];
    state.settled = false;
    state.by_bloom = false;
    if (options_.level < ProofLevel::kBloom || !profile_.receipts) {
        return;
    }
    if (header.receipts_root == evm::kEmptyTrieRoot) {
        settle(piece, index, judge_.judge_empty(header, piece.stored_of(index)), true);
        return;
    }
    if (profile_.blooms) {
        state.level = ProofLevel::kBloom;
        if (!piece.has_stored(index) && !judge_.may_hold(header)) {
            state.settled = true;
            state.by_bloom = true;
            return;
        }
        state.log_findings.clear();
        judge_.judge_bloom(header, piece.stored_of(index), state.log_findings);
    }
    want_receipts(piece, index);
}

void LogProver::want_receipts(Piece& piece, size_t index) {
    BlockState& state = piece.states[index];
    if (options_.level < ProofLevel::kReceipts || state.need == BlockState::Need::kWanted ||
        (state.log_findings.empty() && !is_sampled(piece.headers[index]))) {
        return;
    }
    state.need = BlockState::Need::kWanted;
    piece.due.push_back(index);
}

bool LogProver::is_sampled(const evm::Header& header) const noexcept {
    if (options_.sample >= 1.0) {
        return true;
    }
    const uint64_t word = mix(word_of(header.hash) ^ mix(options_.seed));
    return static_cast<double>(word >> 11U) * 0x1.0p-53 < options_.sample;
}

/// A few of the blocks that blooms have settled, always the same ones for a seed.
void LogProver::add_spot_checks(Piece& piece) {
    if (options_.level < ProofLevel::kReceipts || !profile_.receipts || !profile_.blooms) {
        return;
    }
    std::vector<std::pair<uint64_t, size_t>> order;
    for (size_t i = 0; i < piece.states.size(); ++i) {
        if (piece.states[i].by_bloom) {
            order.emplace_back(mix(word_of(piece.headers[i].hash) ^ options_.seed), i);
        }
    }
    const size_t count = std::min<size_t>(order.size(), options_.spot_checks);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end());
    for (size_t i = 0; i < count; ++i) {
        BlockState& state = piece.states[order[i].second];
        state.need = BlockState::Need::kWanted;
        piece.due.push_back(order[i].second);
    }
}

bool LogProver::ask_receipts(Piece& piece) {
    bool asked_any = false;
    while (!piece.due.empty() && piece.in_flight < options_.in_flight_max && retry_at_ms_ < 0) {
        uint64_t count = std::clamp<uint64_t>(
            kReceiptsAskBytes / std::max<size_t>(1, bytes_a_block_), 1, kReceiptsAskMax);
        count = std::min<uint64_t>(count, piece.due.size());
        if (options_.requests_per_second > 0) {
            count = std::min(count, options_.requests_per_second);
        }
        if (!may_ask(count)) {
            break;
        }
        std::vector<size_t> asked;
        std::vector<evm::Header> headers;
        for (uint64_t i = 0; i < count; ++i) {
            asked.push_back(piece.due.front());
            headers.push_back(piece.headers[piece.due.front()]);
            piece.due.pop_front();
        }
        ++piece.in_flight;
        piece.counts.receipts_calls += count;
        asked_any = true;
        source_.get_proven_receipts(std::move(headers),
                                    guarded([this, id = piece.id, asked = std::move(asked)](
                                                std::vector<Result<rpc::BlockReceipts>> results) {
                                        on_receipts(id, asked, std::move(results));
                                    }));
    }
    return asked_any;
}

void LogProver::on_receipts(uint64_t id, const std::vector<size_t>& asked,
                            std::vector<Result<rpc::BlockReceipts>> results) {
    Piece* piece = find_piece(id);
    if (piece == nullptr) {
        return;
    }
    --piece->in_flight;
    PLUMBLINE_CHECK(results.size() == asked.size());
    bool any_good = false;
    std::optional<Error> trouble;
    for (size_t i = 0; i < asked.size() && phase_ == Phase::kWork; ++i) {
        const size_t index = asked[i];
        if (results[i]) {
            any_good = true;
            take_receipts(*piece, index, *std::move(results[i]));
            continue;
        }
        const Error& error = results[i].error();
        if (error.code == ErrorCode::kIncompatible || error.code == ErrorCode::kNotFound) {
            take_refusal(*piece, index, error);
            continue;
        }
        trouble = error;
        piece->due.push_back(index);
    }
    if (any_good) {
        note_success();
    }
    if (trouble && phase_ == Phase::kWork) {
        note_failure(*trouble, "asking for receipts");
    }
}

/// Receipts that nobody has, or that nobody has right.
void LogProver::take_refusal(Piece& piece, size_t index, const Error& error) {
    BlockState& state = piece.states[index];
    state.need = BlockState::Need::kDone;
    if (error.code == ErrorCode::kNotFound && state.by_bloom) {
        return;  // a spot check that cannot be made takes nothing from the bloom's evidence
    }
    state.unprovable = true;
    state.settled = false;
    state.by_bloom = false;
    fall_short(fmt::format("not provable by receipts: {}", error.message));
    if (error.code == ErrorCode::kIncompatible) {
        state.level = ProofLevel::kLinked;
        state.log_findings.clear();
        profile_.add_unprovable(piece.headers[index], error);
        distrust_blooms();
    }
}

void LogProver::take_receipts(Piece& piece, size_t index, rpc::BlockReceipts receipts) {
    const evm::Header& header = piece.headers[index];
    bytes_a_block_ = (bytes_a_block_ * 7 + receipts.received_bytes) / 8;
    const bool had_blooms = profile_.blooms;
    profile_.add_receipts(header, receipts);
    BlockVerdict verdict = judge_.judge(header, receipts.batch, piece.stored_of(index));
    settle(piece, index, std::move(verdict), true);
    if (had_blooms && !profile_.blooms) {
        distrust_blooms();
    }
}

void LogProver::settle(Piece& piece, size_t index, BlockVerdict verdict, bool has_truth) {
    BlockState& state = piece.states[index];
    state.need = BlockState::Need::kDone;
    state.settled = true;
    state.by_bloom = false;
    state.unprovable = false;
    state.level = ProofLevel::kReceipts;
    state.has_truth = has_truth;
    state.log_findings = std::move(verdict.findings);
    state.truth.clear();
    if (state.is_bad()) {
        state.truth = std::move(verdict.truth);
    }
    for (storage::ChildRow& child : verdict.new_children) {
        for (const auto& open : pieces_) {
            recheck_for_child(*open, child);
        }
        piece.new_children.push_back(std::move(child));
    }
}

/// A contract that nobody knew of: what was said of the blocks behind its announcement is open
/// again where they may have its logs.
void LogProver::recheck_for_child(Piece& piece, const storage::ChildRow& child) {
    if (!piece.examined || piece.states.size() != piece.headers.size()) {
        return;
    }
    for (size_t i = 0; i < piece.headers.size(); ++i) {
        BlockState& state = piece.states[i];
        if (piece.first + i < child.block_num || state.need == BlockState::Need::kWanted ||
            piece.headers[i].receipts_root == evm::kEmptyTrieRoot ||
            (profile_.blooms && !LogJudge::may_hold(piece.headers[i], child.address))) {
            continue;
        }
        state.settled = false;
        state.by_bloom = false;
        want_receipts(piece, i);
    }
}

/// What blooms alone have settled is open again; what was handed over cannot be taken back.
void LogProver::distrust_blooms() {
    if (settled_by_bloom_above_) {
        fall_short(fmt::format("{}; the ranges above rested on blooms: prove them again",
                               profile_.reason));
    }
    for (const auto& piece : pieces_) {
        distrust_blooms(*piece);
    }
}

void LogProver::distrust_blooms(Piece& piece) {
    for (size_t i = 0; i < piece.states.size(); ++i) {
        BlockState& state = piece.states[i];
        if (state.need == BlockState::Need::kDone) {
            continue;
        }
        state.by_bloom = false;
        state.settled = false;
        state.level = ProofLevel::kLinked;
        state.log_findings.clear();
        want_receipts(piece, i);
    }
}

// --- the end of a range ----------------------------------------------------------------------

void LogProver::finish_front() {
    const std::unique_ptr<Piece> piece = std::move(pieces_.front());
    pieces_.pop_front();
    blocks_done_ += piece->range.size();
    pieces_out_.push_back(make_piece(*piece));
}

LogProofPiece LogProver::make_piece(Piece& piece) {
    LogProofPiece out;
    out.range = piece.range;
    out.top = piece.top;
    out.below = {piece.range.from == 0 ? 0 : piece.range.from - 1, piece.below_hash};
    out.counts = piece.counts;
    out.counts.blocks = piece.range.size();
    out.new_children = std::move(piece.new_children);
    if (piece.first > piece.range.from) {
        // Nothing happens in block 0, so nothing can be stored of it.
        for (const evm::Log& log : piece.stored.logs) {
            if (log.block_num < piece.first) {
                Finding finding;
                finding.kind = FindingKind::kLogInvented;
                finding.log_index = log.log_index;
                finding.provider = judge_.provider_of(log);
                finding.detail = "block 0 has no transactions";
                out.findings.push_back(std::move(finding));
            }
        }
        ++out.counts.by_receipts;
    }
    ProofLevel base = options_.level;
    std::vector<uint64_t> bad;
    for (size_t i = 0; i < piece.states.size(); ++i) {
        BlockState& state = piece.states[i];
        const uint64_t block_num = piece.first + i;
        out.counts.by_bloom += state.settled && state.by_bloom ? 1U : 0U;
        out.counts.by_receipts += state.settled && !state.by_bloom ? 1U : 0U;
        out.counts.unprovable += state.unprovable ? 1U : 0U;
        out.counts.unsettled += !state.settled && !state.unprovable ? 1U : 0U;
        if (state.is_bad()) {
            ++out.counts.bad;
            bad.push_back(block_num);
            std::ranges::move(state.row_findings, std::back_inserter(out.findings));
            std::ranges::move(state.log_findings, std::back_inserter(out.findings));
            out.proven.push_back(
                {std::move(piece.headers[i]), std::move(state.truth), state.has_truth});
            continue;
        }
        out.counts.logs += state.has_truth ? state.log_count : 0U;
        base = std::min(base, state.settled ? options_.level : state.level);
        if (state.log_count > 0) {
            out.blocks.emplace_back(block_num, std::min(state.level, options_.level));
        }
    }
    uint64_t next = piece.range.from;
    for (const uint64_t block_num : bad) {
        if (next < block_num) {
            out.spans.push_back({{next, block_num - 1}, base});
        }
        if (!out.spans.empty() && out.spans.back().level == ProofLevel::kFetched &&
            out.spans.back().range.to + 1 == block_num) {
            out.spans.back().range.to = block_num;
        } else {
            out.spans.push_back({{block_num, block_num}, ProofLevel::kFetched});
        }
        next = block_num + 1;
    }
    if (next <= piece.range.to) {
        out.spans.push_back({{next, piece.range.to}, base});
    }
    settled_by_bloom_above_ = settled_by_bloom_above_ || out.counts.by_bloom > 0;
    if (base < options_.level) {
        fall_short(profile_.reason.empty() ? "not all receipts were asked for"
                                           : "not provable on this chain: " + profile_.reason);
    }
    return out;
}

// --- for commands ----------------------------------------------------------------------------

void add_piece(LogProofOutcome& outcome, LogProofPiece piece) {
    outcome.range =
        outcome.range ? evm::BlockRange{piece.range.from, outcome.range->to} : piece.range;
    outcome.below = piece.below;
    outcome.counts += piece.counts;
    for (const LevelSpan& span : piece.spans) {
        outcome.level =
            outcome.level == ProofLevel::kNone ? span.level : std::min(outcome.level, span.level);
    }
    for (Finding& finding : piece.findings) {
        outcome.findings.add(std::move(finding));
    }
    for (ProvenBlock& block : piece.proven) {
        if (outcome.proven.size() < Findings::kKeptMax) {
            outcome.proven.push_back(std::move(block));
        }
    }
    std::ranges::move(piece.new_children, std::back_inserter(outcome.new_children));
}

Result<LogProofOutcome> prove_range(rpc::ChainSource& source, LogProofInput input,
                                    std::shared_ptr<const Plan> plan, const Clock& clock,
                                    LogProofOptions options, const std::stop_token& stop,
                                    const PieceCallback& on_piece) {
    const evm::BlockRange range = options.range;
    LogProver prover{source, std::move(input), std::move(plan), clock, std::move(options)};
    LogProofOutcome outcome;
    while (!prover.is_done() && !stop.stop_requested()) {
        const bool moved = prover.step();
        while (auto piece = prover.take()) {
            if (on_piece) {
                on_piece(*piece, prover.blocks_done(), prover.blocks_total());
            }
            add_piece(outcome, *std::move(piece));
        }
        if (prover.is_done()) {
            break;
        }
        int64_t wait = moved ? 0 : kPollMs;
        if (const int64_t wake = prover.wake_at_ms(); wake >= 0) {
            wait = std::clamp<int64_t>(wake - clock.monotonic_ms(), 0, wait);
        }
        source.poll(wait);
    }
    if (prover.failure()) {
        return *prover.failure();
    }
    outcome.is_complete = outcome.range == range;
    outcome.profile = prover.profile();
    outcome.reason = prover.reason();
    return outcome;
}

}  // namespace plumbline::engine
