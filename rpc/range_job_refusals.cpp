// The part of RangeJob for what does not come as it was asked for: refusals, answers that cannot be
// right, and single blocks whose logs are taken from their receipts in the end.
#include <algorithm>
#include <utility>

#include "core/evm/block_gap.hpp"
#include "rpc/error_text.hpp"
#include "rpc/range_job.hpp"

namespace plumbline::rpc {

namespace {

/// Times that neither a block's logs nor its receipts may be had before the job ends.
constexpr uint32_t kReceiptsAttemptsMax = 3;

/// The refusal says that the place is dense; otherwise cutting is an attempt.
bool is_about_size(RefusalClass kind) {
    return is_size_refusal(kind) || kind == RefusalClass::kTimeout;
}

}  // namespace

void RangeJob::on_refusal(RangePiece& piece, size_t provider, const Refusal& refusal,
                          const Error& error) {
    Provider& refuser = dispatcher_.providers()[provider];
    RangeController& ranges = refuser.ranges(*filter_);
    const uint64_t from = piece.range.from;
    const size_t addresses = std::min<size_t>(filter_->addresses.size(), refuser.addresses_max());
    piece.refused_code = error.code;
    piece.reasons[provider] = error.message;
    switch (choose_step(refusal, piece.range, addresses, others_left(piece, provider))) {
        case RefusalStep::kFewerAddresses:
            refuser.on_too_many_addresses(addresses, refusal.addresses_max);
            ask(from);
            return;
        case RefusalStep::kShorterRange:
            ranges.on_too_many_blocks(piece.range.size(), refusal.blocks_max);
            ask(from);
            return;
        case RefusalStep::kSplit: {
            const PieceCut cut = find_cut(refusal, piece.range);
            if (!is_about_size(refusal.kind)) {
                piece.suspect = refusal.kind;
                ranges.on_too_dense(piece.range.size());
                ask_first_part(piece, cut.first_size);
                return;
            }
            if (!piece.cut_by_refusal) {
                ranges.on_too_dense(piece.range.size());
            }
            RangePiece& rest = pieces_.cut(from, cut.first_size);
            piece.cut_by_refusal = true;
            rest.cut_by_refusal = !cut.by_hint;
            ask(rest.range.from);
            ask(from);
            return;
        }
        case RefusalStep::kReceipts: ask_dense(piece); return;
        case RefusalStep::kAskAnother:
            try_again(piece, provider, error.message, Blame::kNobody);
            return;
    }
}

// Somebody else may still give this piece.
bool RangeJob::others_left(const RangePiece& piece, size_t refuser) const {
    const auto& providers = dispatcher_.providers();
    for (size_t i = 0; i < providers.size(); ++i) {
        if (i != refuser && !piece.avoid.contains(i) && providers[i].is_usable() &&
            providers[i].chain_id() && !providers[i].is_behind(piece.range.to)) {
            return true;
        }
    }
    return false;
}

// The rest waits until this part shows whether a smaller question is answered: all parts at once
// would be as many vain requests as there are blocks.
void RangeJob::ask_first_part(RangePiece& piece, uint64_t first_size) {
    RangePiece& rest = pieces_.cut(piece.range.from, first_size);
    piece.cut_by_refusal = true;
    piece.one_at_a_time = true;
    rest.one_at_a_time = true;
    deferred_.insert(rest.range.from);
    ask(piece.range.from);
}

// One wrong answer may be an accident. When it comes again the blocks are the reason, so that one
// is looked for whose receipts can tell what is right.
void RangeJob::take_fault(RangePiece& piece, size_t provider, const std::string& fault) {
    const bool comes_again = piece.is_doubted || piece.attempts > 0;
    if (!comes_again || others_left(piece, provider)) {
        try_again(piece, provider, fault, Blame::kProvider);
        return;
    }
    if (!piece.is_doubted) {
        note_fault(piece, provider, fault);
    }
    piece.is_doubted = true;
    piece.refused_code = ErrorCode::kDecode;
    piece.reasons[provider] = fault;
    ticket_->on_refused(provider_name(provider), fault);
    take_odd_logs(piece, provider, fault);
    if (piece.range.size() > 1) {
        ask_first_part(piece, piece.range.size() / 2);
    } else {
        ask_dense(piece);
    }
}

// What comes time after time is the provider's way: receipts take the place of its logs then,
// without asking for those first.
void RangeJob::take_odd_logs(const RangePiece& piece, size_t provider, const std::string& fault) {
    Provider& teller = dispatcher_.providers()[provider];
    if (teller.on_odd_logs(piece.range)) {
        const std::string what =
            "gives logs that contradict themselves, such as those of " + name_blocks(piece.range) +
            " (" + fault +
            "): where nobody else gives them they are read from the receipts of each block, which "
            "takes far more requests; take another provider if it goes on";
        teller.on_oddity(what);
        dispatcher_.tell(LogLevel::kWarning, teller, what);
    }
}

// ---- A block's logs from its receipts ------------------------------------------------------

void RangeJob::ask_dense(RangePiece& piece) {
    CallGroup group;
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderByNum;
    group.calls[0].block_num = piece.range.from;
    send(std::move(group), piece.range.from, &RangeJob::on_dense_header);
}

void RangeJob::on_dense_header(RangePiece& piece, GroupResult result) {
    if (result.error) {
        fail(*std::move(result.error));
        return;
    }
    piece.clear_answer();
    auto* header = result.answers[0].get<evm::Header>();
    if (header == nullptr) {
        prove_gaps(piece, std::move(result), &RangeJob::on_dense_gap);
        return;
    }
    piece.headers.emplace(header->block_num, std::move(*header));
    ask_all_receipts(piece);
}

/// Of all of its blocks, whose headers are there.
void RangeJob::ask_all_receipts(RangePiece& piece) {
    std::vector<evm::Header> headers;
    for (const auto& [block_num, header] : piece.headers) {
        if (!evm::is_gap(header)) {
            headers.push_back(header);
        }
    }
    if (headers.empty()) {
        check_piece(piece);
        return;
    }
    send_for_receipts(
        std::move(headers), {}, piece.range.from,
        [](RangeJob& job, RangePiece& open, std::vector<Result<CheckedAnswer>> receipts) {
            job.on_all_receipts(open, std::move(receipts));
        });
}

void RangeJob::on_no_receipts(RangePiece& piece, uint64_t block_num, const Error& error) {
    ticket_->on_refused("", error.message);
    if (++piece.receipts_attempts < kReceiptsAttemptsMax &&
        error.code != ErrorCode::kInvalidArgument) {
        try_again(piece, piece.provider, error.message, Blame::kNobody);
        return;
    }
    std::string text = "no provider gives the logs of block " + std::to_string(block_num) +
                       ", nor its receipts: " + error.message;
    for (const auto& [provider, reason] : piece.reasons) {
        text += "; " + named_text(provider_name(provider), reason);
    }
    fail(Error{piece.refused_code, std::move(text)});
}

void RangeJob::on_all_receipts(RangePiece& piece, std::vector<Result<CheckedAnswer>> receipts) {
    piece.logs.clear();
    size_t place = 0;
    for (const auto& [block_num, header] : piece.headers) {
        if (evm::is_gap(header)) {
            continue;
        }
        Result<CheckedAnswer>& answer = receipts.at(place);
        if (!answer) {
            on_no_receipts(piece, block_num, answer.error());
            return;
        }
        piece.received_bytes += answer->received_bytes;
        if (place++ == 0) {
            piece.provider = answer->provider_index;
        } else if (answer->provider_index != piece.provider) {
            piece.told_by_others[block_num] = answer->provider_index;
        }
        const auto* batch = answer->answers[0].get<evm::ReceiptBatch>();
        append_logs(check_.matching(batch->logs), {block_num, block_num}, piece.logs);
    }
    if (const auto fault = check_.find_fault(piece.logs, piece.range)) {
        try_again(piece, piece.provider, "its receipts: " + *fault, Blame::kProvider);
        return;
    }
    check_piece(piece);
}

}  // namespace plumbline::rpc
