#include "engine/proof/state/state_walk.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "core/base/check.hpp"

namespace plumbline::engine {
namespace {

/// Keys that are asked one by one in the last step of a descent, rather than in smaller buckets.
constexpr size_t kSingleKeysMax = 600;
constexpr uint32_t kDescentFactor = 16;
/// A refusal may be the fault of one dear key: after so many answers more is tried again.
constexpr size_t kAnswersBeforeGrowth = 8;

/// Before the first key: the transaction itself, what the program holds back, its start.
constexpr uint64_t kCallGas = 250'000;
constexpr uint64_t kGasByte = 16;

}  // namespace

StateWalk::StateWalk(StateGetter getter, StateQuestions questions, std::vector<evm::Hash> leaves,
                     StateForm form, const StateLimits& limits)
    : getter_{std::move(getter)},
      questions_{std::move(questions)},
      leaves_{std::move(leaves)},
      form_{form},
      limits_{limits} {
    PLUMBLINE_CHECK(questions_.size() == leaves_.size() && limits.bucket > 0);
    if (limits_.byte_gas == 0) {
        limits_.byte_gas = default_byte_gas(form);
    }
    if (!leaves_.empty()) {
        Work all;
        all.keys.resize(leaves_.size());
        std::iota(all.keys.begin(), all.keys.end(), 0U);
        all.bucket = limits.bucket;
        work_.push_back(std::move(all));
    }
}

size_t StateWalk::count_that_fits(const StatePacking& packing, size_t left, uint32_t bucket) const {
    const size_t head = packing.head_size();
    const size_t key = std::max<size_t>(packing.key_size(), 1);
    const auto room = [](size_t limit, size_t used) { return limit > used ? limit - used : 0; };

    size_t count = std::min(left, keys_max_);
    const size_t body = room(limits_.body_bytes, state_call_params_size(form_, head));
    count = std::min(count, body / (2 * key));
    if (form_ == StateForm::kCreate) {
        count = std::min(count, room(limits_.initcode_bytes, state_program().size() + head) / key);
    }
    count = std::min(count, room(limits_.answer_bytes, 32) / 32 * bucket);
    const uint64_t answer_gas = uint64_t{32} * limits_.byte_gas / bucket;
    const uint64_t key_gas = gas_a_key_ + key * kGasByte + answer_gas;
    count = std::min<size_t>(count, room(limits_.gas, kCallGas) / key_gas);
    count = std::max<size_t>(count, 1);
    // Whole buckets, unless these are the last.
    return count < left && count > bucket ? count / bucket * bucket : count;
}

void StateWalk::plan_descent() {
    if (differing_.empty()) {
        return;
    }
    Work work;
    work.bucket = differing_.size() <= kSingleKeysMax
                      ? 1
                      : std::max<uint32_t>(differing_bucket_ / kDescentFactor, 1);
    work.keys.swap(differing_);
    differing_bucket_ = 0;
    std::ranges::sort(work.keys);
    work_.push_back(std::move(work));
}

std::optional<StateCall> StateWalk::next() {
    if (work_.empty()) {
        plan_descent();
    }
    if (work_.empty() || no_code_) {
        return std::nullopt;
    }
    const Work& work = work_.front();
    const auto left = std::span{work.keys}.subspan(work.first);
    StatePacking packing{getter_, questions_, left};
    size_t count = count_that_fits(packing, left.size(), work.bucket);
    const StatePacking exact{getter_, questions_, left.first(count)};
    asked_ = static_cast<uint32_t>(count);
    asked_bucket_ = std::min(work.bucket, asked_);
    StateCallSpec spec;
    spec.bucket = asked_bucket_;
    spec.key_gas = limits_.key_gas;
    spec.byte_gas = limits_.byte_gas;
    return make_state_call(form_, limits_.gas, exact.arguments(count, spec));
}

void StateWalk::advance(size_t count) {
    Work& work = work_.front();
    work.first += count;
    asked_ = 0;
    if (work.first == work.keys.size()) {
        work_.pop_front();
    }
}

void StateWalk::settle(uint32_t key, const evm::Hash& digest) {
    StateMismatch mismatch;
    mismatch.question = key;
    for (const LeafStatus status :
         {LeafStatus::kReverted, LeafStatus::kOutOfGas, LeafStatus::kShape, LeafStatus::kNoCode}) {
        const std::array leaf{state_leaf(getter_, status, {})};
        if (bucket_digest(leaf) == digest) {
            mismatch.status = status;
        }
    }
    mismatches_.push_back(mismatch);
}

Status StateWalk::accept(ByteView answer) {
    PLUMBLINE_CHECK(asked_ > 0);
    PLUMBLINE_TRY(const StateAnswer parsed, parse_state_answer(answer, asked_, asked_bucket_));
    calls_++;
    if (parsed.outcome == StateAnswer::Outcome::kNoCode) {
        no_code_ = true;
        asked_ = 0;
        return ok();
    }
    if (parsed.done == 0) {
        split_first_bucket();
        return ok();
    }
    if (++accepted_ % kAnswersBeforeGrowth == 0 && keys_max_ < SIZE_MAX / 2) {
        keys_max_ *= 2;
    }
    const Work& work = work_.front();
    std::vector<evm::Hash> expected;
    for (size_t first = 0; first < parsed.done; first += asked_bucket_) {
        const size_t count = std::min<size_t>(asked_bucket_, parsed.done - first);
        const auto keys = std::span{work.keys}.subspan(work.first + first, count);
        expected.clear();
        for (const uint32_t key : keys) {
            expected.push_back(leaves_[key]);
        }
        const evm::Hash& digest = parsed.digests[first / asked_bucket_];
        if (bucket_digest(expected) == digest) {
            equal_ += count;
        } else if (count == 1) {
            settle(keys.front(), digest);
        } else {
            differing_.insert(differing_.end(), keys.begin(), keys.end());
            differing_bucket_ = std::max(differing_bucket_, asked_bucket_);
        }
    }
    // The dearest bucket tells what a key may cost; room for one dearer than those seen.
    const uint64_t gas_a_key = parsed.bucket_gas / std::min(asked_bucket_, parsed.done);
    gas_a_key_ = std::max<uint64_t>(gas_a_key + gas_a_key / 16, 1'000);
    advance(parsed.done);
    return ok();
}

/// The gas did not last for one bucket, so something in it is dear: only there buckets get smaller.
void StateWalk::split_first_bucket() {
    Work& work = work_.front();
    if (asked_bucket_ == 1) {
        unsettled_.push_back(work.keys[work.first]);
        advance(1);
        return;
    }
    const auto first = work.keys.begin() + static_cast<ptrdiff_t>(work.first);
    Work dear;
    dear.keys.assign(first, first + asked_bucket_);
    dear.bucket = std::max<uint32_t>(asked_bucket_ / kDescentFactor, 1);
    advance(asked_bucket_);
    work_.push_front(std::move(dear));
}

void StateWalk::refuse() {
    PLUMBLINE_CHECK(asked_ > 0);
    calls_++;
    Work& work = work_.front();
    if (asked_ == 1) {
        unsettled_.push_back(work.keys[work.first]);
        advance(1);
        return;
    }
    keys_max_ = asked_ / 2;
    accepted_ = 0;
    work.bucket =
        std::max<uint32_t>(std::min(work.bucket / 2, static_cast<uint32_t>(keys_max_)), 1);
    asked_ = 0;
}

}  // namespace plumbline::engine
