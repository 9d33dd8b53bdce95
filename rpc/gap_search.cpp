#include "rpc/gap_search.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "rpc/error_text.hpp"

namespace plumbline::rpc {

namespace {

constexpr uint64_t kWindowFirst = 5;  ///< with the number itself: most gaps are short
constexpr uint64_t kWindowMax = 1'024;

}  // namespace

GapSearch::GapSearch(Dispatcher& dispatcher, size_t provider, uint64_t block_num, Done done)
    : dispatcher_{dispatcher},
      provider_{provider},
      block_num_{block_num},
      done_{std::move(done)},
      from_{block_num},
      window_{kWindowFirst} {}

void GapSearch::start() {
    ask_above();
}

/// What is known of a head may be no more than that the provider has no block of that number, which
/// is what a gap looks like.
void GapSearch::ask_head() {
    is_head_asked_ = true;
    CallGroup group = CallGroup::of_provider(provider_);
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderLatest;
    group.done = [self = shared_from_this()](const GroupResult& result) {
        if (const auto* latest = result.error ? nullptr : result.answers[0].get<evm::Header>()) {
            self->head_ = latest->block_num;
        }
        self->ask_above();
    };
    dispatcher_.send(std::move(group));
}

void GapSearch::ask_above() {
    const uint64_t head = std::max(head_, dispatcher_.providers()[provider_].head().value_or(0));
    if (block_num_ > head && !is_head_asked_) {
        ask_head();
        return;
    }
    if (from_ > head || window_ > kWindowMax) {
        dispatcher_.at(dispatcher_.now(),
                       [self = shared_from_this()] { self->done_(std::nullopt); });
        return;
    }
    CallGroup group = CallGroup::of_provider(provider_);
    for (uint64_t n = from_; n <= head && n - from_ < window_; ++n) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kHeaderByNum;
        call.block_num = n;
    }
    group.done = [self = shared_from_this()](GroupResult result) {
        self->on_above(std::move(result));
    };
    dispatcher_.send(std::move(group));
}

void GapSearch::on_above(GroupResult result) {
    if (result.error) {
        done_(std::nullopt);
        return;
    }
    for (size_t i = 0; i < result.answers.size(); ++i) {
        Answer& answer = result.answers[i];
        const bool is_ours = from_ + i == block_num_;
        if (const auto* header = answer.get<evm::Header>()) {
            if (is_ours) {
                done_(std::nullopt);  // It has come.
            } else {
                ask_parent(*header);
            }
            return;
        }
        if (auto* error = answer.get<RpcError>(); is_ours && error != nullptr) {
            if (classify_refusal(*error).is_pruned) {  // That says nothing of gaps.
                done_(std::nullopt);
                return;
            }
            said_ = std::move(*error);
        }
    }
    from_ += result.answers.size();
    window_ *= 4;
    ask_above();
}

void GapSearch::ask_parent(const evm::Header& next) {
    CallGroup group = CallGroup::of_provider(provider_);
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderByHash;
    group.calls[0].hash = next.parent_hash;
    group.done = [self = shared_from_this(), next = next.block_num](const GroupResult& result) {
        self->on_parent(result, next);
    };
    dispatcher_.send(std::move(group));
}

void GapSearch::on_parent(const GroupResult& result, uint64_t next) {
    const auto* before = result.error ? nullptr : result.answers[0].get<evm::Header>();
    if (before == nullptr || before->block_num >= block_num_) {
        done_(std::nullopt);
        return;
    }
    learn();
    done_(evm::BlockGap{*before, next});
}

void GapSearch::learn() {
    Provider& provider = dispatcher_.providers()[provider_];
    if (said_ && provider.gap_words().learn(*said_)) {
        dispatcher_.log(LogLevel::kInfo, "provider " + provider.name() +
                                             " has an error for numbers without a block: " +
                                             error_text(*said_, 200));
    }
}

void fill_gap(const evm::BlockGap& gap, std::span<const uint64_t> block_nums,
              std::vector<std::optional<evm::Header>>& headers) {
    for (size_t i = 0; i < headers.size(); ++i) {
        if (!headers[i] && gap.contains(block_nums[i])) {
            headers[i] = evm::make_gap_header(block_nums[i], gap.before);
        }
    }
}

void fill_linked_gaps(std::span<const uint64_t> block_nums,
                      std::vector<std::optional<evm::Header>>& headers) {
    PLUMBLINE_CHECK(block_nums.size() == headers.size());
    for (size_t i = 1; i < headers.size(); ++i) {
        if (headers[i] || !headers[i - 1]) {
            continue;
        }
        const evm::Header& before = *headers[i - 1];
        size_t next = i;
        while (next < headers.size() && !headers[next] &&
               block_nums[next] == block_nums[next - 1] + 1) {
            ++next;
        }
        if (next < headers.size() && headers[next] &&
            block_nums[next] == block_nums[next - 1] + 1 &&
            headers[next]->parent_hash == before.hash) {
            for (size_t n = i; n < next; ++n) {
                headers[n] = evm::make_gap_header(block_nums[n], before);
            }
        }
        i = next;
    }
}

}  // namespace plumbline::rpc
