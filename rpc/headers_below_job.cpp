#include "rpc/headers_below_job.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/evm/hex.hpp"
#include "rpc/error_text.hpp"
#include "rpc/gap_search.hpp"
#include "rpc/gap_words.hpp"

namespace plumbline::rpc {

HeadersBelowJob::HeadersBelowJob(Dispatcher& dispatcher, std::vector<uint64_t> block_nums,
                                 evm::BlockId end, Done done)
    : dispatcher_{dispatcher},
      block_nums_{std::move(block_nums)},
      end_{end},
      done_{std::move(done)} {
    const uint64_t first = block_nums_.empty() ? end.block_num : block_nums_.front();
    block_nums_.push_back(end.block_num);
    ticket_ = dispatcher_.waits().open(
        method_name(Call::Kind::kHeaderByNum),
        evm::BlockRange{std::min(first, end.block_num), end.block_num}, dispatcher_.now());
}

void HeadersBelowJob::start() {
    if (choose()) {
        ask();
        return;
    }
    dispatcher_.at(dispatcher_.now(), [self = shared_from_this()] { self->ask(); });
}

std::optional<size_t> HeadersBelowJob::choose() const {
    const std::vector<Provider>& providers = dispatcher_.providers();
    const ProviderSet liars = dispatcher_.liars();
    const auto rank = [&](size_t i) {
        return std::tuple{providers[i].head().value_or(0) < end_.block_num, liars.contains(i),
                          !providers[i].is_free(), providers[i].cost()};
    };
    std::optional<size_t> best;
    for (size_t i = 0; i < providers.size(); ++i) {
        if (providers[i].is_usable() && !asked_.contains(i) && (!best || rank(i) < rank(*best))) {
            best = i;
        }
    }
    return best;
}

void HeadersBelowJob::ask() {
    const std::optional<size_t> chosen = choose();
    if (!chosen) {
        finish(Error{code_.value_or(ErrorCode::kUnavailable), describe_failure()});
        return;
    }
    provider_ = *chosen;
    asked_.insert(provider_);
    CallGroup group = CallGroup::of_provider(provider_);
    for (const uint64_t block_num : block_nums_) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kHeaderByNum;
        call.block_num = block_num;
    }
    group.ticket = ticket_;
    group.done = [self = shared_from_this()](GroupResult result) {
        self->on_answers(std::move(result));
    };
    dispatcher_.send(std::move(group));
}

/// Only where somebody answered it may be about the chain.
std::string HeadersBelowJob::describe_failure() const {
    const std::vector<Provider>& providers = dispatcher_.providers();
    const bool is_answered = code_.value_or(ErrorCode::kUnavailable) != ErrorCode::kUnavailable;
    std::string out = is_answered
                          ? "no provider gave headers of the chain with block " +
                                std::to_string(end_.block_num) + ' ' + evm::to_hex(end_.hash)
                          : "no provider answers for block " + std::to_string(end_.block_num);
    for (size_t i = 0; i < providers.size(); ++i) {
        if (const auto reason = reasons_.find(i); reason != reasons_.end()) {
            out += "; " + named_text(providers[i].name(), reason->second);
        } else if (!is_answered) {
            out += "; " + providers[i].standing();
        }
    }
    return out;
}

void HeadersBelowJob::on_answers(GroupResult result) {
    if (result.error) {
        pass_over(result.error->message, ErrorCode::kUnavailable);
        return;
    }
    headers_.clear();
    for (Answer& answer : result.answers) {
        if (const auto* refused = answer.get<RpcError>()) {
            const Refusal refusal = classify_refusal(*refused);
            if (!may_mean_no_block(refusal.kind) || refusal.is_pruned) {
                pass_over(error_text(*refused, refused->http_status), ErrorCode::kUnavailable);
                return;
            }
        }
        auto* header = answer.get<evm::Header>();
        headers_.push_back(header != nullptr ? std::optional{std::move(*header)} : std::nullopt);
    }
    fill_linked_gaps(block_nums_, headers_);
    take_headers();
}

/// The end decides whether it is the chain; a number that is still open is a gap, or not there.
void HeadersBelowJob::take_headers() {
    if (const auto& end = headers_.back(); end && end->hash != end_.hash) {
        pass_over("its block " + std::to_string(end_.block_num) + " is " + evm::to_hex(end->hash),
                  ErrorCode::kReorg);
        return;
    }
    for (size_t i = headers_.size(); i-- > 0;) {
        if (headers_[i]) {
            continue;
        }
        std::make_shared<GapSearch>(
            dispatcher_, provider_, block_nums_[i],
            [self = shared_from_this(), i](const std::optional<evm::BlockGap>& gap) {
                if (!gap) {
                    self->pass_over("it has no block " + std::to_string(self->block_nums_[i]),
                                    ErrorCode::kNotFound);
                    return;
                }
                fill_gap(*gap, self->block_nums_, self->headers_);
                self->take_headers();
            })
            ->start();
        return;
    }
    std::vector<evm::Header> out;
    for (size_t i = 0; i + 1 < headers_.size(); ++i) {
        out.push_back(*std::move(headers_[i]));
    }
    finish(std::move(out));
}

void HeadersBelowJob::pass_over(std::string reason, ErrorCode code) {
    ticket_->on_refused(dispatcher_.providers()[provider_].name(), reason);
    reasons_[provider_] = std::move(reason);
    if (code == ErrorCode::kReorg || !code_ ||
        (code_ == ErrorCode::kNotFound && code == ErrorCode::kUnavailable)) {
        code_ = code;
    }
    ask();
}

void HeadersBelowJob::finish(Result<std::vector<evm::Header>> result) {
    ticket_->close();
    std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace plumbline::rpc
