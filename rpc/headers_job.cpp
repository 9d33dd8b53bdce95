#include "rpc/headers_job.hpp"

#include <algorithm>
#include <utility>

#include "rpc/gap_search.hpp"

namespace plumbline::rpc {

namespace {

/// So near to the head a backend may be behind: with one of two that is, a block is not found by
/// accident one time in five hundred.
constexpr uint64_t kNearHead = 128;
constexpr uint32_t kAsksNearHead = 8;
/// Deeper down a backend lacks what it has pruned.
constexpr uint32_t kAsksDeep = 2;
/// Between two: a quarter of the time between two looks at the head, before the first half of that.
/// All of them take less than whoever waits for the block may be without a word.
constexpr uint32_t kPauseShift = 2;

}  // namespace

HeadersJob::HeadersJob(Dispatcher& dispatcher, std::vector<uint64_t> block_nums, Done done)
    : dispatcher_{dispatcher},
      block_nums_{std::move(block_nums)},
      done_{std::move(done)},
      headers_(block_nums_.size()) {}

void HeadersJob::start() {
    if (block_nums_.empty()) {
        dispatcher_.at(dispatcher_.now(),
                       [self = shared_from_this()] { self->done_(std::vector<evm::Header>{}); });
        return;
    }
    ask();
}

/// For all that is open.
void HeadersJob::ask() {
    CallGroup group;
    for (size_t i = 0; i < headers_.size(); ++i) {
        if (!headers_[i]) {
            Call& call = group.calls.emplace_back();
            call.kind = Call::Kind::kHeaderByNum;
            call.block_num = block_nums_[i];
        }
    }
    group.done = [self = shared_from_this()](GroupResult result) {
        self->on_answers(std::move(result));
    };
    dispatcher_.send(std::move(group));
}

void HeadersJob::on_answers(GroupResult result) {
    if (result.error) {
        done_(*std::move(result.error));
        return;
    }
    auto answer = result.answers.begin();
    for (std::optional<evm::Header>& header : headers_) {
        if (header) {
            continue;
        }
        if (auto* told = answer->get<evm::Header>()) {
            header = std::move(*told);
        }
        ++answer;
    }
    reasons_ = std::move(result.reasons);
    fill_linked_gaps(block_nums_, headers_);
    resolve();
}

/// The first number that is still open: asked about, or the end.
void HeadersJob::resolve() {
    std::vector<evm::Header> out;
    for (size_t i = 0; i < headers_.size(); ++i) {
        if (headers_[i]) {
            continue;
        }
        const uint64_t block_num = block_nums_[i];
        if (const auto provider = choose(block_num)) {
            asked_.insert(*provider);
            std::make_shared<GapSearch>(
                dispatcher_, *provider, block_num,
                [self = shared_from_this()](const std::optional<evm::BlockGap>& gap) {
                    self->on_gap(gap);
                })
                ->start();
        } else if (!refresh_heads(block_num) && !ask_again(block_num)) {
            done_(Error{ErrorCode::kNotFound,
                        "no provider has block " + std::to_string(block_num) + reasons_});
        }
        return;
    }
    for (std::optional<evm::Header>& header : headers_) {
        out.push_back(*std::move(header));
    }
    done_(std::move(out));
}

/// Somebody who knows of a later block.
std::optional<size_t> HeadersJob::choose(uint64_t block_num) const {
    const std::vector<Provider>& providers = dispatcher_.providers();
    for (size_t i = 0; i < providers.size(); ++i) {
        if (providers[i].is_usable() && !asked_.contains(i) &&
            providers[i].head().value_or(0) > block_num) {
            return i;
        }
    }
    return std::nullopt;
}

/// Once, where nobody is known to be above `block_num` and nobody said why there is no header: a
/// probe that is not answered takes its provider out. False where that was done, or nobody can be
/// asked.
bool HeadersJob::refresh_heads(uint64_t block_num) {
    if (std::exchange(are_heads_fresh_, true) || !reasons_.empty()) {
        return false;
    }
    const std::vector<Provider>& providers = dispatcher_.providers();
    std::vector<size_t> usable;
    for (size_t i = 0; i < providers.size(); ++i) {
        if (!providers[i].is_usable()) {
            continue;
        }
        if (providers[i].head().value_or(0) > block_num) {
            return false;
        }
        usable.push_back(i);
    }
    heads_open_ = usable.size();
    for (const size_t provider : usable) {
        dispatcher_.probe_head(provider, [self = shared_from_this()](const GroupResult&) {
            if (--self->heads_open_ == 0) {
                self->asked_ = {};
                self->resolve();
            }
        });
    }
    return !usable.empty();
}

/// After a pause, where somebody has told a head that reaches it. False: enough was asked, or
/// nobody is known to be there.
bool HeadersJob::ask_again(uint64_t block_num) {
    uint64_t head = 0;
    for (const Provider& provider : dispatcher_.providers()) {
        if (provider.is_usable()) {
            head = std::max(
                {head, provider.head().value_or(0), provider.has_told(block_num) ? block_num : 0});
        }
    }
    const bool is_near_head = head - std::min(head, block_num) <= kNearHead;
    if (head < block_num || asked_again_ >= (is_near_head ? kAsksNearHead : kAsksDeep)) {
        return false;
    }
    if (is_near_head) {
        asked_ = {};  // A search for a gap is short there, and may have met that backend as well.
    }
    const int64_t pause_ms =
        std::max<int64_t>(1, dispatcher_.options().head_poll_ms >>
                                 (asked_again_ == 0 ? kPauseShift + 1 : kPauseShift));
    ++asked_again_;
    dispatcher_.at(dispatcher_.now() + pause_ms, [self = shared_from_this()] { self->ask(); });
    return true;
}

void HeadersJob::on_gap(const std::optional<evm::BlockGap>& gap) {
    if (gap) {
        asked_ = {};
        fill_gap(*gap, block_nums_, headers_);
    }
    resolve();
}

}  // namespace plumbline::rpc
