#include "rpc/block_words_job.hpp"

#include <utility>

#include "core/base/check.hpp"
#include "rpc/error_text.hpp"

namespace plumbline::rpc {

BlockWordsJob::BlockWordsJob(Dispatcher& dispatcher, uint64_t block_num, Done done)
    : dispatcher_{dispatcher},
      block_num_{block_num},
      done_{std::move(done)} {}

void BlockWordsJob::start() {
    std::vector<size_t> asked;
    for (size_t i = 0; i < dispatcher_.providers().size(); ++i) {
        const Provider& provider = dispatcher_.providers()[i];
        if (provider.is_up() && provider.chain_id()) {
            asked.push_back(i);
        } else if (provider.is_apart() && provider.wants_probe()) {
            dispatcher_.probe_head(i, [](const GroupResult&) {});  // Nobody else asks it.
        }
    }
    open_ = asked.size();
    for (const size_t provider : asked) {
        ask(provider);
    }
    if (asked.empty()) {
        dispatcher_.at(dispatcher_.now(), [self = shared_from_this()] { self->finish(); });
    }
}

void BlockWordsJob::ask(size_t provider) {
    CallGroup group = CallGroup::of_provider(provider);
    group.calls.resize(1);
    group.calls[0].kind = Call::Kind::kHeaderByNum;
    group.calls[0].block_num = block_num_;
    group.done = [self = shared_from_this(), provider](const GroupResult& result) {
        self->on_answer(provider, result);
    };
    dispatcher_.send(std::move(group));
}

void BlockWordsJob::on_answer(size_t provider, const GroupResult& result) {
    const std::string& name = dispatcher_.providers()[provider].name();
    const Answer* answer = result.error ? nullptr : &result.answers.front();
    if (answer == nullptr) {
        reasons_ += "; " + named_text(name, result.error->message);
    } else if (const auto* header = answer->get<evm::Header>()) {
        words_.push_back({name, header->hash});
    } else if (answer->get<Answer::Null>() != nullptr) {
        words_.push_back({name, std::nullopt});
    } else if (const auto* refused = answer->get<RpcError>()) {
        reasons_ += "; " + name + ": " + error_text(*refused, refused->http_status);
    }
    PLUMBLINE_CHECK(open_ > 0);
    if (--open_ == 0) {
        finish();
    }
}

void BlockWordsJob::finish() {
    if (words_.empty()) {
        done_(Error{ErrorCode::kUnavailable,
                    "no provider told its block " + std::to_string(block_num_) + reasons_});
        return;
    }
    done_(std::move(words_));
}

}  // namespace plumbline::rpc
