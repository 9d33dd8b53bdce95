#include "rpc/linked_job.hpp"

#include <algorithm>
#include <utility>

#include "core/evm/block_gap.hpp"
#include "core/evm/hex.hpp"

namespace plumbline::rpc {

namespace {

/// Why `header` cannot be the one with the hash that was asked for.
std::optional<Error> check_content(const evm::Header& header) {
    if (evm::check_hash(header) != evm::HeaderCheck::kMatches) {
        return Error{ErrorCode::kIncompatible,
                     "block " + std::to_string(header.block_num) +
                         ": its header does not hash to the hash it claims"};
    }
    return std::nullopt;
}

}  // namespace

LinkedJob::LinkedJob(Dispatcher& dispatcher, ProofMemory& memory, evm::BlockRange range,
                     evm::Hash top_hash, Done done)
    : dispatcher_{dispatcher},
      memory_{memory},
      range_{range},
      done_{std::move(done)},
      wanted_{top_hash} {}

void LinkedJob::start() {
    CallGroup group;
    for (uint64_t n = range_.from; n <= range_.to; ++n) {
        Call& call = group.calls.emplace_back();
        call.kind = Call::Kind::kHeaderByNum;
        call.block_num = n;
    }
    group.done = [self = shared_from_this()](GroupResult result) {
        self->on_headers(std::move(result));
    };
    dispatcher_.send(std::move(group));
}

void LinkedJob::on_headers(GroupResult result) {
    if (result.error) {
        finish(*std::move(result.error));
        return;
    }
    for (Answer& answer : result.answers) {
        auto* header = answer.get<evm::Header>();
        if (header != nullptr && !check_content(*header)) {
            const evm::Hash hash = header->hash;
            known_.insert_or_assign(hash, std::move(*header));
        }
    }
    walk();
}

/// As far down as the known headers lead.
void LinkedJob::walk() {
    while (out_.size() < range_.size()) {
        const auto found = known_.find(wanted_);
        if (found == known_.end()) {
            ask_by_hash();
            return;
        }
        const evm::Header& header = found->second;
        uint64_t num = range_.to - out_.size();
        if (header.block_num > num) {
            finish(Error{ErrorCode::kReorg, "block " + std::to_string(header.block_num) +
                                                " stands where block " + std::to_string(num) +
                                                " or one below it should"});
            return;
        }
        for (; num > header.block_num && out_.size() < range_.size(); --num) {
            memory_.has_gaps = true;
            out_.push_back(evm::make_gap_header(num, header));
        }
        if (out_.size() < range_.size()) {
            wanted_ = header.parent_hash;
            out_.push_back(header);
        }
    }
    std::reverse(out_.begin(), out_.end());
    finish(std::move(out_));
}

void LinkedJob::ask_by_hash() {
    std::vector<CheckedItem> items(1);
    items[0].what = "the header of block " + evm::to_hex(wanted_);
    Call& call = items[0].calls.emplace_back();
    call.kind = Call::Kind::kHeaderByHash;
    call.hash = wanted_;
    items[0].check = [](std::vector<Answer>& answers) {
        return check_content(*answers[0].get<evm::Header>());
    };
    std::make_shared<CheckedJob>(
        dispatcher_, memory_, std::move(items),
        [self = shared_from_this()](std::vector<Result<CheckedAnswer>> results) {
            if (!results[0]) {
                self->finish(std::move(results[0]).error());
                return;
            }
            self->known_.insert_or_assign(self->wanted_,
                                          std::move(*results[0]->answers[0].get<evm::Header>()));
            self->walk();
        })
        ->start();
}

void LinkedJob::finish(Result<std::vector<evm::Header>> result) {
    std::exchange(done_, nullptr)(std::move(result));
}

}  // namespace plumbline::rpc
