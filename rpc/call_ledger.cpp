#include "rpc/call_ledger.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::rpc {

CallLedger::CallLedger(size_t calls)
    : places_(calls, Place::kWaiting),
      waiting_(calls),
      answers_(calls),
      fallbacks_(calls) {
    PLUMBLINE_CHECK_MSG(calls > 0, "a group without calls would never end");
    std::iota(waiting_.begin(), waiting_.end(), size_t{0});
}

std::vector<size_t> CallLedger::take(size_t count_max) {
    PLUMBLINE_CHECK(!waiting_.empty() && count_max > 0);
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(count_max, waiting_.size()));
    std::vector<size_t> out{waiting_.begin(), end};
    waiting_.erase(waiting_.begin(), end);
    for (const size_t call : out) {
        PLUMBLINE_CHECK(places_.at(call) == Place::kWaiting);
        places_[call] = Place::kOut;
    }
    out_count_ += out.size();
    return out;
}

void CallLedger::put_back(size_t call) {
    PLUMBLINE_CHECK_MSG(is_out(call), "a call is put back that is not out");
    places_[call] = Place::kWaiting;
    --out_count_;
    waiting_.push_back(call);
}

void CallLedger::settle(size_t call, Answer answer) {
    PLUMBLINE_CHECK_MSG(is_out(call), "a call is answered that is not out");
    places_[call] = Place::kSettled;
    --out_count_;
    answers_[call] = std::move(answer);
}

bool CallLedger::settle_late(size_t call, Answer answer) {
    if (places_.at(call) == Place::kSettled) {
        return false;
    }
    if (places_[call] == Place::kWaiting) {
        std::erase(waiting_, call);
        places_[call] = Place::kOut;
        ++out_count_;
    }
    settle(call, std::move(answer));
    return true;
}

void CallLedger::restart() {
    std::ranges::fill(places_, Place::kWaiting);
    std::ranges::fill(answers_, std::nullopt);
    out_count_ = 0;
    waiting_.resize(places_.size());
    std::iota(waiting_.begin(), waiting_.end(), size_t{0});
}

void CallLedger::keep_fallback(size_t call, Answer answer) {
    fallbacks_.at(call) = std::move(answer);
}

void CallLedger::settle_by_fallbacks() {
    std::erase_if(waiting_, [&](size_t call) {
        if (!fallbacks_[call]) {
            return false;
        }
        places_[call] = Place::kSettled;
        answers_[call] = std::exchange(fallbacks_[call], std::nullopt);
        return true;
    });
}

std::vector<Answer> CallLedger::take_answers() {
    PLUMBLINE_CHECK_MSG(is_settled(), "answers are taken while calls are open");
    std::vector<Answer> out;
    out.reserve(answers_.size());
    for (auto& answer : answers_) {
        PLUMBLINE_CHECK_MSG(answer.has_value(), "answers are taken twice");
        out.push_back(*std::exchange(answer, std::nullopt));
    }
    return out;
}

}  // namespace plumbline::rpc
