#include "engine/proof/log/log_prover.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.hpp"
#include "core/base/logging.hpp"
#include "core/evm/hex.hpp"
#include "core/evm/state_sync.hpp"
#include "engine/proof/log/log_proof_start.hpp"
#include "engine/proof/log/proof_basis.hpp"

namespace plumbline::engine {

namespace {

using storage::ProofLevel;

constexpr size_t kPiecesOpen = 2;
constexpr uint64_t kReceiptsAskBytes = 4U << 20U;
constexpr uint64_t kReceiptsAskMax = 100;
constexpr uint64_t kHeadersAskMax = 1'000;

}  // namespace

LogProver::LogProver(rpc::ChainSource& source, LogProofInput input,
                     std::shared_ptr<const Plan> plan, const Clock& clock, LogProofOptions options)
    : source_{source},
      input_{std::move(input)},
      plan_{std::move(plan)},
      clock_{clock},
      options_{std::move(options)},
      judge_{plan_, input_.coverage, input_.children},
      budget_{options_.requests_per_second} {
    options_.range_blocks = std::max<uint64_t>(1, options_.range_blocks);
    options_.in_flight_max = std::max(1U, options_.in_flight_max);
    if (evm::has_state_syncs(input_.chain_id)) {
        judge_.expect_state_syncs();
    }
    judge_.remember_mistold([this] { return read_mistold_logs(); });
}

// --- steps -----------------------------------------------------------------------------------

bool LogProver::step() {
    if (retry_at_ms_ >= 0) {
        if (clock_.monotonic_ms() < retry_at_ms_ && !source_.has_given_up()) {
            return false;
        }
        retry_at_ms_ = -1;
    }
    switch (phase_) {
        case Phase::kStart: return start();
        case Phase::kAnchor: return ask_anchor();
        case Phase::kProfile: return step_profile();
        case Phase::kGap: return step_gap();
        case Phase::kWork: return step_work();
        case Phase::kDone: return false;
    }
    return false;
}

int64_t LogProver::wake_at_ms() const noexcept {
    return retry_at_ms_ >= 0 ? retry_at_ms_ : budget_.free_at_ms(clock_.monotonic_ms());
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
    return budget_.take(calls, clock_.monotonic_ms());
}

/// The question is asked again after a while, until it has failed too often.
void LogProver::note_failure(const Error& error, std::string_view doing) {
    if (retry_at_ms_ >= 0) {
        return;  // of questions asked together, one counts
    }
    if (++failures_ >= options_.failures_max || source_.has_given_up()) {
        fail(Error{error}.with_context(doing));
        return;
    }
    retry_at_ms_ = clock_.monotonic_ms() + backoff_.next();
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

/// The chain gives no ground to stand on, from here downwards: no findings, no level. What lies
/// above and has its headers is proven to its end.
void LogProver::end_unprovable(std::string why) {
    fall_short(std::move(why));
    next_.reset();
    std::erase_if(pieces_, [](const auto& piece) { return !piece->proof.has_headers(); });
    if (pieces_.empty()) {
        phase_ = Phase::kDone;
    }
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
        Result<evm::BlockId> found = find_anchor(*input_.view, range.to);
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

bool LogProver::ask_anchor() {
    if (is_waiting_) {
        return false;
    }
    is_waiting_ = true;
    // Of providers of several chains one that is of the index's is enough.
    source_.get_headers_below({}, anchor_,
                              guard_.wrap([this](const Result<std::vector<evm::Header>>& none) {
                                  on_anchor(none ? ok() : Status{none.error()});
                              }));
    return true;
}

void LogProver::on_anchor(const Status& is_there) {
    is_waiting_ = false;
    if (is_there) {
        note_success();
        next_ = anchor_;
        phase_ = Phase::kProfile;
        return;
    }
    if (is_there.error().code != ErrorCode::kReorg) {
        note_failure(is_there.error(), fmt::format("asking for block {}, which the index follows",
                                                   anchor_.block_num));
        return;
    }
    note_success();
    const auto cursor = input_.view->cursor();
    if (!options_.anchor && anchor_.block_num != cursor->block_num &&
        !cursor->block_hash.is_zero()) {
        // A damaged row must not keep the rest from being proven.
        anchor_ = {cursor->block_num, cursor->block_hash};
        blocks_total_ = anchor_.block_num - options_.range.from + 1;
        return;
    }
    fail({ErrorCode::kReorg,
          fmt::format("the index follows {} as block {}, which is not the chain's: the chain has "
                      "another branch now, or the block's row is damaged ({})",
                      evm::to_hex(anchor_.hash), anchor_.block_num, is_there.error().message)});
}

// --- the self-test ---------------------------------------------------------------------------

bool LogProver::step_profile() {
    return test_ ? end_profile() : start_profile();
}

bool LogProver::start_profile() {
    if (options_.profile) {
        profile_ = *options_.profile;
        return end_profile();
    }
    std::vector<uint64_t> nums = blocks_to_try(*input_.view, options_.range, options_.range_blocks);
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
    if (!profile_.receipts && options_.needs_receipts) {
        end_unprovable(fmt::format("not provable: {}", profile_.reason));
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
    if (is_waiting_) {
        return false;
    }
    if (next_->block_num == options_.range.to) {
        phase_ = Phase::kWork;
        return true;
    }
    const uint64_t count = budget_.cap(
        std::min({next_->block_num - options_.range.to, options_.range_blocks, kHeadersAskMax}));
    if (!may_ask(count)) {
        return false;
    }
    is_waiting_ = true;
    const evm::BlockRange asked{next_->block_num - count + 1, next_->block_num};
    source_.get_linked_headers(asked, next_->hash,
                               guard_.wrap([this, asked](Result<std::vector<evm::Header>> headers) {
                                   is_waiting_ = false;
                                   if (!headers) {
                                       on_header_failure(asked, headers.error());
                                       return;
                                   }
                                   note_success();
                                   next_ = {asked.from - 1, headers->front().parent_hash};
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
        OpenPiece& piece = *pieces_[i];
        moved |= piece.proof.has_headers() ? examine(piece) : ask_headers(piece);
        if (phase_ == Phase::kWork && piece.proof.is_examined()) {
            moved |= ask_receipts(piece);
        }
    }
    const auto is_ready = [](const OpenPiece& piece) {
        return piece.proof.is_examined() && piece.proof.due_count() == 0 &&
               piece.receipts_in_flight == 0;
    };
    while (phase_ == Phase::kWork && !pieces_.empty() && is_ready(*pieces_.front())) {
        finish_front();
        moved = true;
    }
    if (phase_ == Phase::kWork && pieces_.empty() && !next_) {
        phase_ = Phase::kDone;
        moved = true;
    }
    return moved;
}

/// The next range downwards, once the hash of its last block is known.
bool LogProver::open_piece() {
    if (!next_ || pieces_.size() >= kPiecesOpen) {
        return false;
    }
    const evm::BlockId top = *std::exchange(next_, std::nullopt);
    const uint64_t low = options_.range.from;
    const evm::BlockRange range{
        top.block_num - std::min(top.block_num - low, options_.range_blocks - 1), top.block_num};
    pieces_.push_back(std::make_unique<OpenPiece>(
        OpenPiece{++last_piece_id_, {range, top, options_, judge_, profile_}, false, 0, {}}));
    return true;
}

LogProver::OpenPiece* LogProver::find_piece(uint64_t id) noexcept {
    const auto found = std::ranges::find_if(
        pieces_, [id](const std::unique_ptr<OpenPiece>& piece) { return piece->id == id; });
    return found == pieces_.end() ? nullptr : found->get();
}

bool LogProver::ask_headers(OpenPiece& piece) {
    if (piece.is_asking_headers) {
        return false;
    }
    const uint64_t count = budget_.cap(std::min(piece.proof.missing_at_once(), kHeadersAskMax));
    if (!may_ask(count)) {
        return false;
    }
    piece.is_asking_headers = true;
    piece.calls.header_calls += count;
    const evm::BlockId top = *piece.proof.missing();
    const evm::BlockRange asked{top.block_num - count + 1, top.block_num};
    source_.get_linked_headers(
        asked, top.hash,
        guard_.wrap([this, asked, id = piece.id](Result<std::vector<evm::Header>> headers) {
            on_headers(id, asked, std::move(headers));
        }));
    return true;
}

void LogProver::on_headers(uint64_t id, evm::BlockRange asked,
                           Result<std::vector<evm::Header>> headers) {
    OpenPiece* piece = find_piece(id);
    if (piece != nullptr) {
        piece->is_asking_headers = false;
    }
    const bool has_none = !headers && (headers.error().code == ErrorCode::kIncompatible ||
                                       headers.error().code == ErrorCode::kNotFound);
    if (asked.to == 0 && has_none && piece != nullptr) {
        note_success();
        piece->proof.do_without_block_zero();
        return;
    }
    if (!headers) {
        on_header_failure(asked, headers.error());
        return;
    }
    if (piece == nullptr) {
        return;
    }
    note_success();
    piece->proof.add_headers(*std::move(headers));
    if (piece->proof.has_headers() && piece->proof.range().from > options_.range.from) {
        next_ = piece->proof.below();
    }
}

void LogProver::on_header_failure(evm::BlockRange asked, const Error& error) {
    if (error.code == ErrorCode::kIncompatible) {
        profile_.headers = false;
        profile_.kind = ChainKind::kNone;
        end_unprovable("not provable on this chain: " + error.message);
    } else if (error.code == ErrorCode::kNotFound) {
        end_unprovable(fmt::format("not provable: {}", error.message));
    } else {
        note_failure(error,
                     fmt::format("asking for headers of blocks {} to {}", asked.from, asked.to));
    }
}

Result<StoredRange> LogProver::read_stored(const evm::BlockRange& range) const {
    // What cannot be read counts as missing: the chain's receipts then tell what must be there.
    StoredRange out;
    PLUMBLINE_TRY(out.rows,
                  input_.view->list_blocks(range.from, range.to, storage::OnDamage::kSkip));
    const auto scan = input_.view->scan_logs(range.from, range.to, storage::OnDamage::kSkip);
    for (; scan->valid(); scan->next()) {
        out.logs.push(scan->record().log, scan->record().data);
    }
    PLUMBLINE_TRY_VOID(scan->status());
    return out;
}

MistoldLogs LogProver::read_mistold_logs() const {
    Result<MistoldLogs> mistold = read_mistold(*input_.view, input_.children);
    if (!mistold) {
        logging::warning("the journal cannot be read: who had told the log wrongly is not known",
                         {{"why", mistold.error().message}});
        return {};
    }
    return *std::move(mistold);
}

/// False where that was done before.
bool LogProver::examine(OpenPiece& piece) {
    if (piece.proof.is_examined()) {
        return false;
    }
    const evm::BlockRange range = piece.proof.range();
    Result<StoredRange> stored = read_stored(range);
    if (!stored) {
        fail(std::move(stored).error().with_context(
            fmt::format("reading blocks {} to {} of the database", range.from, range.to)));
        return true;
    }
    piece.basis = basis_of(*plan_, input_.coverage, input_.children, stored->rows, range);
    piece.proof.examine(*std::move(stored));
    return true;
}

// --- receipts --------------------------------------------------------------------------------

/// As many blocks as fill an answer of a good size.
uint64_t LogProver::receipts_at_once(const OpenPiece& piece) const noexcept {
    const uint64_t count = std::clamp<uint64_t>(
        kReceiptsAskBytes / std::max<size_t>(1, bytes_a_block_), 1, kReceiptsAskMax);
    return budget_.cap(std::min<uint64_t>(count, piece.proof.due_count()));
}

bool LogProver::ask_receipts(OpenPiece& piece) {
    bool asked_any = false;
    while (piece.proof.due_count() > 0 && piece.receipts_in_flight < options_.in_flight_max &&
           retry_at_ms_ < 0) {
        const uint64_t count = receipts_at_once(piece);
        if (!may_ask(count)) {
            break;
        }
        std::vector<size_t> asked = piece.proof.take_due(count);
        std::vector<evm::Header> headers;
        headers.reserve(asked.size());
        for (const size_t index : asked) {
            headers.push_back(piece.proof.header(index));
        }
        ++piece.receipts_in_flight;
        piece.calls.receipts_calls += count;
        asked_any = true;
        source_.get_proven_receipts(
            std::move(headers), guard_.wrap([this, id = piece.id, asked = std::move(asked)](
                                                std::vector<Result<rpc::BlockReceipts>> results) {
                on_receipts(id, asked, std::move(results));
            }));
    }
    return asked_any;
}

void LogProver::on_receipts(uint64_t id, const std::vector<size_t>& asked,
                            std::vector<Result<rpc::BlockReceipts>> results) {
    OpenPiece* piece = find_piece(id);
    if (piece == nullptr) {
        return;
    }
    --piece->receipts_in_flight;
    PLUMBLINE_CHECK(results.size() == asked.size());
    bool any_good = false;
    std::optional<Error> trouble;
    for (size_t i = 0; i < asked.size() && phase_ == Phase::kWork; ++i) {
        if (results[i]) {
            any_good = true;
            take_receipts(*piece, asked[i], *results[i]);
            continue;
        }
        const Error& error = results[i].error();
        if (error.code == ErrorCode::kIncompatible || error.code == ErrorCode::kNotFound) {
            take_refusal(*piece, asked[i], error);
            continue;
        }
        trouble = error;
        piece->proof.put_back(asked[i]);
    }
    if (any_good) {
        note_success();
    }
    if (trouble && phase_ == Phase::kWork) {
        note_failure(*trouble, "asking for receipts");
    }
}

/// Receipts that nobody has, or that nobody has right.
void LogProver::take_refusal(OpenPiece& piece, size_t index, const Error& error) {
    if (!piece.proof.refuse(index, error.code)) {
        return;
    }
    fall_short(fmt::format("not provable by receipts: {}", error.message));
    if (error.code == ErrorCode::kIncompatible) {
        profile_.add_unprovable(piece.proof.header(index), error);
        distrust_blooms();
    }
}

void LogProver::take_receipts(OpenPiece& piece, size_t index, const rpc::BlockReceipts& receipts) {
    bytes_a_block_ = (bytes_a_block_ * 7 + receipts.received_bytes) / 8;
    const bool had_blooms = profile_.blooms;
    profile_.add_receipts(piece.proof.header(index), receipts);
    for (const storage::ChildRow& child : piece.proof.accept(index, receipts.batch)) {
        for (const auto& open : pieces_) {
            open->proof.recheck(child);
        }
    }
    if (had_blooms && !profile_.blooms) {
        distrust_blooms();
    }
}

/// What blooms alone have settled is open again; what was handed over cannot be taken back.
void LogProver::distrust_blooms() {
    if (settled_by_bloom_above_) {
        fall_short(fmt::format("{}; the ranges above rested on blooms: prove them again",
                               profile_.reason));
    }
    for (const auto& piece : pieces_) {
        piece->proof.distrust_blooms();
    }
}

void LogProver::finish_front() {
    const std::unique_ptr<OpenPiece> open = std::move(pieces_.front());
    pieces_.pop_front();
    if (open->proof.leaves_block_zero_open()) {
        fall_short(
            "nobody's header of block 0 hashes to what block 1 says, so that what is stored "
            "of block 0 stays at `fetched`");
    }
    LogProofPiece piece = open->proof.finish();
    piece.basis = open->basis;
    piece.counts += open->calls;
    blocks_done_ += piece.range.size();
    settled_by_bloom_above_ = settled_by_bloom_above_ || piece.counts.by_bloom > 0;
    // Blocks with findings have no level: that they are bad is no shortfall of the proof.
    const bool is_short = std::ranges::any_of(piece.spans, [this](const LevelSpan& span) {
        return span.level > ProofLevel::kFetched && span.level < options_.level;
    });
    if (piece.counts.outside > 0) {
        fall_short(fmt::format(
            "{} events of blocks {} to {} are of state syncs, which no receipts root commits to: "
            "only another provider can confirm them, and their blocks stay at `linked`",
            piece.counts.outside, piece.range.from, piece.range.to));
    } else if (is_short) {
        fall_short(profile_.reason.empty() ? "not all receipts were asked for"
                                           : "not provable on this chain: " + profile_.reason);
    }
    pieces_out_.push_back(std::move(piece));
}

}  // namespace plumbline::engine
