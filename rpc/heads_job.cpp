#include "rpc/heads_job.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace plumbline::rpc {

Heads believed_heads(std::vector<Heads> told) {
    PLUMBLINE_CHECK(!told.empty());
    std::ranges::stable_sort(told, [](const Heads& a, const Heads& b) {
        return a.latest.block_num > b.latest.block_num;
    });
    size_t best = 0;
    while (best + 2 < told.size() &&
           told[best].latest.block_num > told[best + 1].latest.block_num + kHeadOutlierBlocks) {
        ++best;
    }
    return std::move(told[best]);
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
        if (providers[i].is_usable() || providers[i].wants_probe()) {
            asked.push_back(i);
        }
    }
    if (asked.empty()) {
        for (const Provider& provider : providers) {
            const ProviderStats known = provider.stats();
            reasons_.push_back(known.name + ": " + known.state +
                               (known.last_error.empty() ? "" : ", " + known.last_error));
        }
        dispatcher_.at(dispatcher_.now(),
                       [self = shared_from_this()] { self->fail("no provider can be asked now"); });
        return;
    }
    open_ = asked.size();
    for (const size_t provider : asked) {
        Call latest;
        latest.kind = Call::Kind::kHeaderLatest;
        ticket_->on_asked(providers[provider].name(), latest);
        dispatcher_.probe_head(provider, [self = shared_from_this(), provider](GroupResult result) {
            self->on_head(provider, std::move(result));
        });
    }
}

void HeadsJob::on_head(size_t provider, GroupResult result) {
    PLUMBLINE_CHECK(open_ > 0);
    --open_;
    if (is_over_) {
        return;
    }
    if (result.error) {
        ticket_->on_refused(dispatcher_.providers()[provider].name(), result.error->message);
        reasons_.push_back(result.error->message);
    } else {
        Heads heads;
        heads.latest = std::move(*result.answers[HeadWatch::kLatestAt].get<evm::Header>());
        if (auto* finalized = result.answers[HeadWatch::kFinalizedAt].get<evm::Header>()) {
            heads.finalized = std::move(*finalized);
        }
        told_.push_back(std::move(heads));
    }
    if (open_ == 0 && told_.empty()) {
        fail("no provider told its head");
    } else if (open_ == 0) {
        finish();
    } else if (!told_.empty() && !std::exchange(has_deadline_, true)) {
        dispatcher_.at(dispatcher_.now() + dispatcher_.options().heads_grace_ms,
                       [self = shared_from_this()] { self->finish(); });
    }
}

void HeadsJob::finish() {
    if (!std::exchange(is_over_, true)) {
        ticket_->close();
        done_(believed_heads(std::move(told_)));
    }
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
        text = "no endpoint serves the chain that is asked for";
    }
    for (const std::string& reason : reasons_) {
        text += "; " + reason;
    }
    done_(Error{is_hopeless ? ErrorCode::kIncompatible : ErrorCode::kUnavailable, std::move(text)});
}

}  // namespace plumbline::rpc
