#include "engine/ingest/patient_source.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/logging.hpp"
#include "engine/text/duration.hpp"

namespace plumbline::engine {

namespace {

/// Between a question and when the source counts it as waiting.
constexpr int64_t kOfOneQuestionMs = 100;

}  // namespace

bool PatientSource::open(uint64_t id, Fail fail) {
    // Whoever asks again what has failed has waited for an answer all the while.
    if (open_.empty() && is_answered_) {
        silent_since_ms_ = clock_.monotonic_ms();
        is_answered_ = false;
    }
    open_.emplace(id, Question{std::move(fail), clock_.monotonic_ms()});
    return !given_up_;
}

bool PatientSource::close(uint64_t id, const Error* refusal) {
    if (open_.erase(id) == 0) {
        return false;
    }
    if (refusal != nullptr) {
        last_refusal_ = refusal->message;
    } else {
        silent_since_ms_ = clock_.monotonic_ms();
        is_answered_ = true;
        last_refusal_.clear();
    }
    return true;
}

template <typename T, typename Ask>
void PatientSource::ask(Callback<T> done, const Ask& ask_source) {
    const uint64_t id = next_id_++;
    const auto shared = std::make_shared<Callback<T>>(std::move(done));
    if (open(id, [shared](const Error& error) { (*shared)(error); })) {
        ask_source([this, id, shared](Result<T> result) {
            if (close(id, result ? nullptr : &result.error())) {
                (*shared)(std::move(result));
            }
        });
    }
}

void PatientSource::get_chain_id(Callback<uint64_t> done) {
    ask<uint64_t>(std::move(done), [&](auto taken) { source_->get_chain_id(std::move(taken)); });
}

void PatientSource::get_heads(Callback<rpc::Heads> done) {
    ask<rpc::Heads>(std::move(done), [&](auto taken) { source_->get_heads(std::move(taken)); });
}

void PatientSource::get_headers(std::vector<uint64_t> block_nums,
                                Callback<std::vector<evm::Header>> done) {
    ask<std::vector<evm::Header>>(std::move(done), [&](auto taken) {
        source_->get_headers(std::move(block_nums), std::move(taken));
    });
}

void PatientSource::get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                                      Callback<std::vector<evm::Header>> done) {
    ask<std::vector<evm::Header>>(std::move(done), [&](auto taken) {
        source_->get_headers_below(std::move(block_nums), end, std::move(taken));
    });
}

void PatientSource::get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) {
    ask<evm::Header>(std::move(done),
                     [&](auto taken) { source_->get_header_by_hash(hash, std::move(taken)); });
}

void PatientSource::get_range(rpc::LogFilter filter, evm::BlockRange range, bool all_headers,
                              Callback<rpc::RangeLogs> done) {
    ask<rpc::RangeLogs>(std::move(done), [&](auto taken) {
        source_->get_range(std::move(filter), range, all_headers, std::move(taken));
    });
}

void PatientSource::get_txns(std::vector<evm::Hash> hashes,
                             Callback<std::vector<rpc::TxnInfo>> done) {
    ask<std::vector<rpc::TxnInfo>>(std::move(done), [&](auto taken) {
        source_->get_txns(std::move(hashes), std::move(taken));
    });
}

void PatientSource::get_txn_receipts(std::vector<rpc::TxnPlace> txns,
                                     Callback<std::vector<rpc::TxnReceiptInfo>> done) {
    ask<std::vector<rpc::TxnReceiptInfo>>(std::move(done), [&](auto taken) {
        source_->get_txn_receipts(std::move(txns), std::move(taken));
    });
}

void PatientSource::get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) {
    ask<evm::ReceiptBatch>(
        std::move(done), [&](auto taken) { source_->get_receipts(block_hash, std::move(taken)); });
}

void PatientSource::call(std::vector<rpc::CallRequest> requests, rpc::StateBlock block,
                         std::optional<size_t> provider, Callback<rpc::CallAnswers> done) {
    ask<rpc::CallAnswers>(std::move(done), [&](auto taken) {
        source_->call(std::move(requests), block, provider, std::move(taken));
    });
}

void PatientSource::get_proof(evm::Address address, std::vector<evm::Hash> slots,
                              rpc::StateBlock block, std::optional<size_t> provider,
                              Callback<rpc::AccountProof> done) {
    ask<rpc::AccountProof>(std::move(done), [&](auto taken) {
        source_->get_proof(address, std::move(slots), block, provider, std::move(taken));
    });
}

void PatientSource::get_linked_headers(evm::BlockRange range, evm::Hash top_hash,
                                       Callback<std::vector<evm::Header>> done) {
    ask<std::vector<evm::Header>>(std::move(done), [&](auto taken) {
        source_->get_linked_headers(range, top_hash, std::move(taken));
    });
}

void PatientSource::get_proven_receipts(std::vector<evm::Header> headers, ReceiptsCallback done) {
    const uint64_t id = next_id_++;
    const size_t count = headers.size();
    const auto shared = std::make_shared<ReceiptsCallback>(std::move(done));
    const auto fail = [shared, count](const Error& error) {
        std::vector<Result<rpc::BlockReceipts>> results;
        for (size_t i = 0; i < count; ++i) {
            results.emplace_back(error);
        }
        (*shared)(std::move(results));
    };
    if (open(id, fail)) {
        source_->get_proven_receipts(
            std::move(headers),
            [this, id, shared](std::vector<Result<rpc::BlockReceipts>> results) {
                const bool is_answered = std::ranges::any_of(
                    results, [](const auto& result) { return result.has_value(); });
                const bool is_refused = !is_answered && !results.empty();
                if (close(id, is_refused ? &results.front().error() : nullptr)) {
                    (*shared)(std::move(results));
                }
            });
    }
}

size_t PatientSource::poll(int64_t wait_ms) {
    if (given_up_ && !open_.empty()) {
        return fail_all();
    }
    const size_t answered = source_->poll(wait_ms);
    if (given_up_ || (open_.empty() && is_answered_)) {
        return answered;
    }
    const int64_t now = clock_.monotonic_ms();
    tell_waits(now);
    give_up_if_silent(now);
    return given_up_ ? answered + fail_all() : answered;
}

/// Each reason is a line, once.
void PatientSource::tell_waits(int64_t now) {
    for (const rpc::OpenWait& wait : source_->waits(kWaitToTellMs)) {
        if (reasons_.is_new(wait.provider + ' ' + wait.method + ' ' + reason_key(wait.reason),
                            now)) {
            logging::warning("waiting for the chain", {{"why", describe_wait(wait)}});
        }
    }
}

void PatientSource::give_up_if_silent(int64_t now) {
    if (timeout_ms_ <= 0 || now - silent_since_ms_ < timeout_ms_) {
        return;
    }
    // The age of a question counts from its last part that was answered: one that is younger than
    // it was asked has come to something. One that is asked behind others that came to nothing has
    // waited with them.
    const std::vector<rpc::OpenWait> waits = source_->waits(0);
    const int64_t age_ms = waits.empty() ? 0 : waits.front().waiting_ms;
    const bool has_come = !waits.empty() && !open_.empty() &&
                          age_ms + kOfOneQuestionMs < now - open_.begin()->second.since_ms;
    if (has_come && age_ms < timeout_ms_) {
        return;
    }
    const int64_t silent_ms =
        now - (has_come ? std::max(silent_since_ms_, now - age_ms) : silent_since_ms_);
    std::string why = waits.empty() ? last_refusal_ : describe_wait(waits.front());
    if (why.empty()) {
        why = "no endpoint answers";
    }
    given_up_ = Error{ErrorCode::kUnavailable,
                      fmt::format("nothing has come from the chain for {}: {}; look at the "
                                  "endpoints with `plumbline doctor`, or give a longer --timeout",
                                  format_duration(silent_ms / 1000), why)};
}

/// A callback may ask again: that is for the next poll.
size_t PatientSource::fail_all() {
    const auto failed = std::exchange(open_, {});
    for (const auto& [id, question] : failed) {
        question.fail(*given_up_);
    }
    return failed.size();
}

}  // namespace plumbline::engine
