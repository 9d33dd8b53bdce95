#include "rpc/heads_job.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::rpc {

namespace {

/// Backends of one provider are apart by so much: a block so far below a head is shown by any.
constexpr uint64_t kBackendLagBlocks = 8;

uint64_t head_of(const ToldHeads& told) {
    return told.heads.latest.block_num;
}

/// Of a head far below another nobody can say what it would be there.
bool is_near_below(const ToldHeads& told, uint64_t head) {
    return head_of(told) <= head && head_of(told) + kHeadOutlierBlocks >= head;
}

/// Who calls nothing final but block 0 has no finality yet, or none at all.
bool tells_finality(const Heads& heads) {
    return heads.finalized && heads.finalized->block_num > 0;
}

}  // namespace

size_t find_believed(const std::vector<ToldHeads>& told) {
    PLUMBLINE_CHECK(!told.empty());
    std::vector<size_t> places(told.size());
    std::iota(places.begin(), places.end(), size_t{0});
    std::ranges::stable_sort(
        places, [&](size_t a, size_t b) { return head_of(told[a]) > head_of(told[b]); });
    size_t best = 0;
    while (best + 2 < places.size() &&
           head_of(told[places[best]]) > head_of(told[places[best + 1]]) + kHeadOutlierBlocks) {
        ++best;
    }
    return places[best];
}

std::optional<evm::Header> agreed_finality(const std::vector<ToldHeads>& told, size_t best) {
    const uint64_t head = head_of(told[best]);
    std::vector<const evm::Header*> final_blocks;
    for (size_t i = 0; i < told.size(); ++i) {
        if (is_near_below(told[i], head) && tells_finality(told[i].heads)) {
            final_blocks.push_back(&*told[i].heads.finalized);
        }
    }
    if (final_blocks.empty()) {
        return told[best].heads.finalized;
    }
    std::ranges::stable_sort(final_blocks, [](const evm::Header* a, const evm::Header* b) {
        return a->block_num > b->block_num;
    });
    return *final_blocks[final_blocks.size() > 1 ? 1 : 0];
}

std::optional<uint64_t> second_head(const std::vector<ToldHeads>& told, size_t best) {
    std::optional<uint64_t> second;
    for (size_t i = 0; i < told.size(); ++i) {
        if (i != best && is_near_below(told[i], head_of(told[best]))) {
            second = std::max(second.value_or(0), head_of(told[i]));
        }
    }
    return second;
}

std::optional<uint64_t> must_show_above(const std::vector<ToldHeads>& told, size_t best,
                                        uint64_t shown) {
    const uint64_t head = head_of(told[best]);
    uint64_t known = shown;
    bool is_alone = true;
    for (size_t i = 0; i < told.size(); ++i) {
        if (i != best && head_of(told[i]) <= head) {
            known = std::max(known, head_of(told[i]));
            is_alone = false;
        }
    }
    const uint64_t lead = is_alone ? kHeadOutlierBlocks : kHeadLeadBlocks;
    return head > known && head - known > lead ? std::optional{known} : std::nullopt;
}

HeadsJob::HeadsJob(Dispatcher& dispatcher, Done done)
    : dispatcher_{dispatcher},
      done_{std::move(done)},
      ticket_{dispatcher.waits().open(method_name(Call::Kind::kHeaderLatest), std::nullopt,
                                      dispatcher.now())} {}

void HeadsJob::start() {
    std::vector<size_t> asked;
    const std::vector<Provider>& providers = dispatcher_.providers();
    for (size_t i = 0; i < providers.size(); ++i) {
        if (!providers[i].is_apart() && (providers[i].is_up() || providers[i].wants_probe())) {
            asked.push_back(i);
        }
    }
    if (asked.empty()) {
        for (const Provider& provider : providers) {
            reasons_.push_back(provider.standing());
        }
        dispatcher_.at(dispatcher_.now(),
                       [self = shared_from_this()] { self->fail("no provider can be asked now"); });
        return;
    }
    open_ = asked.size();
    for (const size_t provider : asked) {
        probe(provider);
    }
}

void HeadsJob::probe(size_t provider) {
    // With the ticket, for a probe asks again by itself, and what it hears meanwhile is the reason.
    dispatcher_.probe_head(
        provider,
        [self = shared_from_this(), provider](GroupResult result) {
            self->on_head(provider, std::move(result));
        },
        ticket_);
}

void HeadsJob::on_head(size_t provider, GroupResult result) {
    PLUMBLINE_CHECK(open_ > 0);
    --open_;
    if (is_choosing_ || is_over_) {
        return;
    }
    if (result.error) {
        ticket_->on_refused(dispatcher_.providers()[provider].name(), result.error->message);
        reasons_.push_back(result.error->message);
    } else {
        Heads heads;
        heads.latest = std::move(*result.answers[HeadWatch::kLatestAt].get<evm::Header>());
        auto* finalized = result.answers[HeadWatch::kFinalizedAt].get<evm::Header>();
        if (finalized != nullptr && finalized->block_num > heads.latest.block_num) {
            if (!asked_again_.contains(provider)) {
                asked_again_.insert(provider);
                ++open_;
                probe(provider);
                return;
            }
            finalized = nullptr;  // Nothing above the head is final: it says nothing.
        }
        if (finalized != nullptr) {
            heads.finalized = std::move(*finalized);
        }
        told_.push_back({provider, std::move(heads)});
    }
    if (open_ == 0) {
        choose();
    } else if (!told_.empty() && !std::exchange(has_deadline_, true)) {
        dispatcher_.at(dispatcher_.now() + dispatcher_.options().heads_grace_ms,
                       [self = shared_from_this()] { self->choose(); });
    }
}

/// Once all have told theirs, or after a while.
void HeadsJob::choose() {
    if (!std::exchange(is_choosing_, true)) {
        choose_next();
    }
}

void HeadsJob::choose_next() {
    if (told_.empty()) {
        fail(reasons_.empty() ? "no provider told its head" : "no provider told a head to go by");
        return;
    }
    const size_t best = find_believed(told_);
    if (const auto above = must_show_above(told_, best, dispatcher_.head_shown())) {
        ask_to_show(best, *above);
    } else {
        finish(best);
    }
}

/// By number, a little below, for the backend that answers may be behind; and by the head's own
/// hash, for that number may be a gap of the chain.
void HeadsJob::ask_to_show(size_t best, uint64_t above) {
    const evm::Header& latest = told_[best].heads.latest;
    CallGroup group = CallGroup::of_provider(told_[best].provider);
    group.timeout_ms = dispatcher_.options().head_timeout_ms;
    group.checks_headers = true;  // `on_shown`
    group.calls.resize(2);
    group.calls[0].kind = Call::Kind::kHeaderByNum;
    group.calls[0].block_num = std::max(above + 1, latest.block_num - kBackendLagBlocks);
    group.calls[1].kind = Call::Kind::kHeaderByHash;
    group.calls[1].hash = latest.hash;
    group.ticket = ticket_;
    const auto on_answer = [self = shared_from_this(), best, above,
                            question = ++shows_](const GroupResult& result) {
        if (self->shows_ == question) {
            ++self->shows_;
            self->on_shown(best, above, result);
        }
    };
    // One that is told to wait would be waited for, while others may have the head.
    dispatcher_.at(dispatcher_.now() + group.timeout_ms, [on_answer] {
        GroupResult late;
        late.error = Error{ErrorCode::kTimeout, "no answer in time"};
        on_answer(late);
    });
    asked_num_ = group.calls[0].block_num;
    group.done = on_answer;
    dispatcher_.send(std::move(group));
}

void HeadsJob::on_shown(size_t best, uint64_t above, const GroupResult& result) {
    const evm::Header& latest = told_[best].heads.latest;
    if (!result.error) {
        const auto* by_num = result.answers[0].get<evm::Header>();
        const auto* by_hash = result.answers[1].get<evm::Header>();
        if ((by_num != nullptr && by_num->block_num == asked_num_) ||
            (by_hash != nullptr && by_hash->block_num == latest.block_num &&
             by_hash->hash == latest.hash)) {
            dispatcher_.take_shown_head(latest.block_num);
            finish(best);
            return;
        }
    }
    const size_t provider = told_[best].provider;
    std::string reason =
        "tells block " + std::to_string(latest.block_num) + " as its head and does not show it";
    if (result.error) {
        reason += ": " + result.error->message;
    }
    const std::string& name = dispatcher_.providers()[provider].name();
    ticket_->on_refused(name, reason);
    reasons_.push_back(name + " " + reason);
    dispatcher_.take_vain_head(provider, above, reason);
    told_.erase(told_.begin() + static_cast<std::ptrdiff_t>(best));
    choose_next();
}

void HeadsJob::finish(size_t best) {
    is_over_ = true;
    ticket_->close();
    for (const ToldHeads& told : told_) {
        dispatcher_.forget_vain_head(told.provider);
    }
    Heads heads = told_[best].heads;
    heads.finalized = agreed_finality(told_, best);
    heads.second_num = second_head(told_, best);
    done_(std::move(heads));
}

/// Waiting helps, unless every endpoint was found to serve another chain: none is asked again.
void HeadsJob::fail(std::string text) {
    PLUMBLINE_CHECK_MSG(!is_over_, "a question for heads is answered twice");
    is_over_ = true;
    ticket_->close();
    const std::vector<Provider>& providers = dispatcher_.providers();
    const bool is_hopeless =
        !providers.empty() && std::ranges::all_of(providers, &Provider::is_foreign);
    if (is_hopeless) {
        text = "no endpoint serves the chain that is asked for: its id is wrong, or the endpoints";
    }
    for (const std::string& reason : reasons_) {
        text += "; " + reason;
    }
    done_(Error{is_hopeless ? ErrorCode::kIncompatible : ErrorCode::kUnavailable, std::move(text)});
}

}  // namespace plumbline::rpc
