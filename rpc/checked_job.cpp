#include "rpc/checked_job.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/base/check.hpp"
#include "rpc/error_text.hpp"
#include "rpc/gap_words.hpp"

namespace plumbline::rpc {

namespace {

constexpr unsigned kRoundsMax = 4;
constexpr int64_t kNoReceiptsMs = 600'000;

}  // namespace

CheckedJob::CheckedJob(Dispatcher& dispatcher, ProofMemory& memory, std::vector<CheckedItem> items,
                       Done done)
    : dispatcher_{dispatcher},
      memory_{memory},
      items_(items.size()),
      done_{std::move(done)} {
    for (size_t i = 0; i < items.size(); ++i) {
        items_[i].ask = std::move(items[i]);
    }
}

void CheckedJob::start() {
    if (!items_.empty() && ticket_ == nullptr) {
        const Call& first = items_.front().ask.calls.front();
        std::optional<evm::BlockRange> blocks = blocks_of(first);
        if (const auto last = blocks_of(items_.back().ask.calls.back()); blocks && last) {
            blocks->to = std::max(blocks->to, last->to);
        }
        ticket_ = dispatcher_.waits().open(method_name(first.kind), blocks, dispatcher_.now());
    }
    ask();
}

void CheckedJob::send(CallGroup group) {
    group.ticket = ticket_;
    ++groups_out_;
    dispatcher_.send(std::move(group));
}

bool CheckedJob::lacks_receipts(size_t provider) const {
    const auto known = memory_.no_receipts_until_ms.find(provider);
    return known != memory_.no_receipts_until_ms.end() && dispatcher_.now() < known->second;
}

/// The best provider that has not failed this item in this round; empty where there is none.
std::optional<size_t> CheckedJob::choose(const Item& item) const {
    const ProviderSet passed_over = item.failed | item.wrong | item.absent;
    const bool is_receipts = item.ask.calls[0].kind == Call::Kind::kReceipts;
    std::optional<size_t> best;
    const std::vector<Provider>& providers = dispatcher_.providers();
    for (size_t i = 0; i < providers.size(); ++i) {
        if (passed_over.contains(i) || !providers[i].is_usable() ||
            (is_receipts && lacks_receipts(i))) {
            continue;
        }
        const auto rank = [&](size_t provider) {
            const Call& first = item.ask.calls[0];
            const bool is_last =
                avoid_.contains(provider) ||
                providers[provider].slow().of(first.kind).is_last(dispatcher_.now()) ||
                (is_receipts && providers[provider].would_refuse(first.block_num, false));
            return std::tuple{is_last, !providers[provider].is_free(), providers[provider].cost()};
        };
        if (!best || rank(i) < rank(*best)) {
            best = i;
        }
    }
    return best;
}

bool CheckedJob::nobody_has_receipts(const Item& item) const {
    if (item.ask.calls[0].kind != Call::Kind::kReceipts) {
        return false;
    }
    for (size_t i = 0; i < dispatcher_.providers().size(); ++i) {
        if (!lacks_receipts(i)) {
            return false;
        }
    }
    return true;
}

void CheckedJob::ask() {
    std::map<size_t, std::vector<size_t>> by_provider;
    bool anybody_failed = false;
    for (size_t i = 0; i < items_.size(); ++i) {
        Item& item = items_[i];
        if (item.result) {
            continue;
        }
        if (const auto provider = choose(item)) {
            by_provider[*provider].push_back(i);
        } else if (item.rounds + 1 < kRoundsMax && !nobody_has_receipts(item) &&
                   (!item.failed.empty() || (item.wrong | item.absent).empty())) {
            ++item.rounds;
            item.failed.clear();
            item.unaware.clear();
            anybody_failed = true;
        } else {
            give_up(item);
        }
    }
    for (auto& [provider, items] : by_provider) {
        ask_provider(provider, std::move(items));
    }
    if (groups_out_ > 0) {
        return;
    }
    const PoolOptions& options = dispatcher_.options();
    const int64_t wait =
        anybody_failed
            ? options.backoff_ms_first + dispatcher_.jitter().upto(options.backoff_ms_first * 4)
            : 0;
    if (!std::exchange(waiting_, true)) {
        dispatcher_.at(dispatcher_.now() + wait, [self = shared_from_this()] {
            self->waiting_ = false;
            self->end_step();
        });
    }
}

/// Goes on with what is open, or ends. Never called from within `start`.
void CheckedJob::end_step() {
    if (groups_out_ > 0 || waiting_) {
        return;
    }
    if (!std::ranges::all_of(items_, [](const Item& item) { return item.result.has_value(); })) {
        ask();
        return;
    }
    if (const Done done = std::exchange(done_, nullptr)) {
        if (ticket_ != nullptr && !is_shared_ticket_) {
            ticket_->close();
        }
        std::vector<Result<CheckedAnswer>> results;
        results.reserve(items_.size());
        for (Item& item : items_) {
            results.push_back(*std::move(item.result));
        }
        done(std::move(results));
    }
}

void CheckedJob::ask_provider(size_t provider, std::vector<size_t> items) {
    std::vector<size_t> together;
    CallGroup group = CallGroup::of_provider(provider);
    group.checks_headers = true;
    for (const size_t i : items) {
        const std::vector<Call>& calls = items_[i].ask.calls;
        if (calls.size() == 1 && calls[0].kind == Call::Kind::kReceipts &&
            memory_.no_block_receipts.contains(provider)) {
            ask_by_txn(i, provider);
            continue;
        }
        together.push_back(i);
        group.calls.insert(group.calls.end(), calls.begin(), calls.end());
    }
    if (together.empty()) {
        return;
    }
    group.done = [self = shared_from_this(), provider,
                  together = std::move(together)](GroupResult result) {
        --self->groups_out_;
        self->on_answers(provider, together, std::move(result));
        self->end_step();
    };
    send(std::move(group));
}

void CheckedJob::on_answers(size_t provider, const std::vector<size_t>& items, GroupResult result) {
    size_t next = 0;
    for (const size_t i : items) {
        Item& item = items_[i];
        if (result.error) {
            if (item.ask.calls[0].kind == Call::Kind::kReceipts && item.rounds > 0 &&
                !item.tried_by_txn.contains(provider)) {
                ask_by_txn(i, provider);
            } else {
                not_answered(item, provider, result.error->message);
            }
            continue;
        }
        const size_t count = item.ask.calls.size();
        std::vector<Answer> answers;
        answers.reserve(count);
        const RpcError* refused = nullptr;
        bool is_absent = false;
        for (size_t n = 0; n < count; ++n) {
            Answer& answer = answers.emplace_back(std::move(result.answers[next + n]));
            if (const auto* error = answer.get<RpcError>()) {
                refused = error;
            }
            is_absent = is_absent || answer.get<Answer::Null>() != nullptr;
        }
        next += count;
        if (refused != nullptr) {
            const Call::Kind kind = item.ask.calls[0].kind;
            const RefusalClass refusal = classify_refusal(*refused).kind;
            const bool is_unsupported = refusal == RefusalClass::kUnsupported;
            // Whatever it says: what lasts may be about the method, or about how much it answers.
            const bool is_lasting = item.rounds > 0 && !item.tried_by_txn.contains(provider);
            if (kind == Call::Kind::kReceipts && (is_lasting || is_unsupported)) {
                if (is_unsupported) {
                    memory_.no_block_receipts.insert(provider);
                }
                ask_by_txn(i, provider);
            } else if (kind == Call::Kind::kHeaderByNum && may_mean_no_block(refusal)) {
                item.absent.insert(provider);
                item.reasons[provider] = error_text(*refused, refused->http_status);
            } else {
                not_answered(item, provider, error_text(*refused, refused->http_status));
            }
        } else if (is_absent && !item.ask.reads_nulls) {
            item.absent.insert(provider);
            item.reasons[provider] = "it has none";
        } else {
            take(item, provider, std::move(answers), result.received_bytes / items.size());
        }
    }
}

void CheckedJob::take(Item& item, size_t provider, std::vector<Answer> answers, size_t bytes) {
    auto& providers = dispatcher_.providers();
    if (auto error = item.ask.check(answers)) {
        take_fault(item, provider, *std::move(error));
        return;
    }
    for (size_t i = 0; i < providers.size(); ++i) {
        if (item.ask.is_proof && item.unproven.contains(i)) {
            dispatcher_.convict(i, ": " + item.ask.what + ": " + item.reasons[i]);
        }
    }
    item.result.emplace(
        CheckedAnswer{std::move(answers), providers[provider].name(), bytes, provider});
    if (!is_shared_ticket_) {
        ticket_->on_progress(dispatcher_.now());
    }
}

void CheckedJob::take_fault(Item& item, size_t provider, Error error) {
    item.reasons[provider] = error.message;
    ticket_->on_refused(dispatcher_.providers()[provider].name(), error.message);
    switch (error.code) {
        case ErrorCode::kNotFound: item.absent.insert(provider); return;
        case ErrorCode::kUnavailable:
            item.failed.insert(provider);
            item.unaware.insert(provider);
            return;
        case ErrorCode::kIncompatible: item.unproven.insert(provider); break;
        default: break;
    }
    item.wrong.insert(provider);
    item.check_error = std::move(error);
}

void CheckedJob::not_answered(Item& item, size_t provider, std::string reason) {
    item.failed.insert(provider);
    item.reasons[provider] = std::move(reason);
}

void CheckedJob::give_up(Item& item) {
    Error error{ErrorCode::kUnavailable, "no provider gave " + item.ask.what};
    if (item.ask.has_another_way && !item.absent.empty()) {
        error.code = ErrorCode::kNotFound;
    } else if (!item.wrong.empty()) {
        error.code = item.check_error->code;
        error.message = "no provider gave believable " + item.ask.what;
    } else if (nobody_has_receipts(item)) {
        error.code = ErrorCode::kInvalidArgument;
    } else if (item.failed == item.unaware && !item.absent.empty()) {
        error.code = ErrorCode::kNotFound;
    }
    for (const auto& [provider, reason] : item.reasons) {
        error.message += "; " + named_text(dispatcher_.providers()[provider].name(), reason);
    }
    item.result.emplace(std::move(error));
}

// ---- A node without eth_getBlockReceipts: transaction by transaction ------------------------

void CheckedJob::ask_by_txn(size_t item, size_t provider) {
    items_[item].tried_by_txn.insert(provider);
    CallGroup group = CallGroup::of_provider(provider);
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kBlockTxns;
    group.calls[0].hash = items_[item].ask.calls[0].hash;
    group.done = [self = shared_from_this(), item, provider](const GroupResult& result) {
        --self->groups_out_;
        self->on_txns(item, provider, result);
        self->end_step();
    };
    send(std::move(group));
}

void CheckedJob::on_txns(size_t item, size_t provider, const GroupResult& result) {
    Item& target = items_[item];
    const auto* hashes = result.error ? nullptr : result.answers[0].get<std::vector<evm::Hash>>();
    if (hashes == nullptr) {
        not_answered(target, provider,
                     result.error ? result.error->message : "it has no such block");
        return;
    }
    if (hashes->empty()) {
        std::vector<Answer> none(1);
        none[0].value = evm::ReceiptBatch{};
        take(target, provider, std::move(none), result.received_bytes);
        return;
    }
    CallGroup group = CallGroup::of_provider(provider);
    for (const evm::Hash& hash : *hashes) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kTxnReceipt;
        call.hash = target.ask.calls[0].hash;
        call.txn_hash = hash;
    }
    group.done = [self = shared_from_this(), item, provider,
                  bytes = result.received_bytes](GroupResult answers) {
        --self->groups_out_;
        self->on_txn_receipts(item, provider, std::move(answers), bytes);
        self->end_step();
    };
    send(std::move(group));
}

void CheckedJob::on_txn_receipts(size_t item, size_t provider, GroupResult result, size_t bytes) {
    Item& target = items_[item];
    evm::ReceiptBatch whole;
    for (Answer& answer : result.answers) {
        const auto* one = answer.get<evm::ReceiptBatch>();
        if (const auto* refused = answer.get<RpcError>()) {
            if (classify_refusal(*refused).kind == RefusalClass::kUnsupported) {
                memory_.no_receipts_until_ms[provider] = dispatcher_.now() + kNoReceiptsMs;
            }
            not_answered(target, provider, error_text(*refused, refused->http_status));
            return;
        }
        if (one == nullptr) {
            not_answered(target, provider, "it does not have all receipts of the block");
            return;
        }
        for (evm::Receipt receipt : one->receipts) {
            const auto begin = static_cast<uint32_t>(whole.logs.logs.size());
            for (const evm::Log& log : one->logs_of(receipt)) {
                whole.logs.push(log, one->logs.data(log));
            }
            receipt.log_begin = begin;
            whole.receipts.push_back(receipt);
        }
    }
    if (result.error) {
        not_answered(target, provider, result.error->message);
        return;
    }
    std::vector<Answer> joined(1);
    joined[0].value = std::move(whole);
    memory_.no_block_receipts.insert(provider);
    take(target, provider, std::move(joined), bytes + result.received_bytes);
}

}  // namespace plumbline::rpc
