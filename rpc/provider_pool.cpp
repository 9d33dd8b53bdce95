#include "rpc/provider_pool.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "core/evm/hex.hpp"
#include "rpc/block_receipts.hpp"
#include "rpc/block_words_job.hpp"
#include "rpc/call_block_watch.hpp"
#include "rpc/checked_job.hpp"
#include "rpc/curl_transport.hpp"
#include "rpc/dispatcher.hpp"
#include "rpc/endpoints.hpp"
#include "rpc/headers_below_job.hpp"
#include "rpc/headers_job.hpp"
#include "rpc/heads_job.hpp"
#include "rpc/linked_job.hpp"
#include "rpc/proof_check.hpp"
#include "rpc/range_job.hpp"

namespace plumbline::rpc {

struct ProviderPool::Impl {
    PoolOptions options;
    std::unique_ptr<Transport> own_transport;  // before the dispatcher, which refers to it
    Dispatcher dispatcher;
    BloomTrust bloom;
    ProofMemory proof;
    std::optional<CallBlockWatch> call_blocks;
    size_t open = 0;      // questions
    size_t answered = 0;  // callbacks run, for poll's result

    Impl(PoolOptions given, Transport& transport, std::unique_ptr<Transport> owned,
         const Clock& clock, PoolObserver* observer)
        : options{with_each_once(std::move(given), observer)},
          own_transport{std::move(owned)},
          dispatcher{options, transport, clock, observer} {}

    static PoolOptions with_each_once(PoolOptions given, PoolObserver* observer) {
        DistinctEndpoints distinct = take_each_once(std::move(given.endpoints));
        given.endpoints = std::move(distinct.endpoints);
        for (const std::string& name : distinct.repeated) {
            if (observer != nullptr) {
                observer->on_provider(LogLevel::kWarning, name,
                                      "is given more than once: it is asked once and has one vote");
            }
        }
        return given;
    }

    // Counts the question in now and out when its callback runs.
    template <typename T>
    Callback<T> counted(Callback<T> done) {
        ++open;
        return [this, done = std::move(done)](Result<T> result) {
            --open;
            ++answered;
            done(std::move(result));
        };
    }

    // Sends `calls` and gives every answer as a `T`, or kNotFound naming the first that is null.
    template <typename T>
    void ask_all(std::vector<Call> calls, std::string what, Callback<std::vector<T>> done) {
        if (calls.empty()) {
            dispatcher.at(dispatcher.now(), [done = std::move(done)] { done(std::vector<T>{}); });
            return;
        }
        CallGroup group;
        group.calls = std::move(calls);
        std::vector<Call> asked = group.calls;
        group.done = [what = std::move(what), asked = std::move(asked),
                      done = std::move(done)](GroupResult result) {
            if (result.error) {
                done(std::move(*result.error));
                return;
            }
            std::vector<T> out;
            out.reserve(result.answers.size());
            for (size_t i = 0; i < result.answers.size(); ++i) {
                auto* value = result.answers[i].template get<T>();
                if (value == nullptr) {
                    done(Error{ErrorCode::kNotFound,
                               "no provider has " + what + " " + evm::to_hex(asked[i].hash)});
                    return;
                }
                out.push_back(std::move(*value));
            }
            done(std::move(out));
        };
        dispatcher.send(std::move(group));
    }

    template <typename T>
    void ask_one(std::vector<Call> calls, std::string what, Callback<T> done) {
        ask_all<T>(std::move(calls), std::move(what),
                   [done = counted<T>(std::move(done))](Result<std::vector<T>> answers) {
                       if (answers) {
                           done(std::move(answers->front()));
                       } else {
                           done(std::move(answers).error());
                       }
                   });
    }

    // Calls and proofs: what a provider says of the call itself is an answer.
    void ask_state(std::vector<Call> calls, std::optional<size_t> provider,
                   std::function<void(GroupResult)> done) {
        if (calls.empty()) {
            dispatcher.at(dispatcher.now(), [done = std::move(done)] { done(GroupResult{}); });
            return;
        }
        // What a proof says its root shows.
        if (!call_blocks || calls.front().kind != Call::Kind::kCall) {
            send_state(std::move(calls), provider, std::move(done));
            return;
        }
        const uint64_t block_num = calls.front().block.block_num;
        auto send = [this, calls = std::move(calls), provider,
                     done = std::move(done)](Status known) mutable {
            if (!known) {
                GroupResult none;
                none.error = std::move(known).error();
                done(std::move(none));
                return;
            }
            send_state(std::move(calls), provider, std::move(done));
        };
        if (provider) {
            call_blocks->when_known(*provider, block_num, std::move(send));
        } else {
            call_blocks->when_any_known(block_num, std::move(send));
        }
    }

    void send_state(std::vector<Call> calls, std::optional<size_t> provider,
                    std::function<void(GroupResult)> done) {
        CallGroup group;
        if (!provider && call_blocks && calls.front().kind == Call::Kind::kCall) {
            group.never = call_blocks->kept_from();
        }
        for (const Call& call : calls) {
            group.block_needed = std::max(group.block_needed.value_or(0), call.block.block_num);
        }
        group.calls = std::move(calls);
        group.only = provider;
        group.done = std::move(done);
        dispatcher.send(std::move(group));
    }

    /// From one provider at once, as long as every number of the chain has a block.
    void ask_linked(evm::BlockRange range, evm::Hash top_hash,
                    Callback<std::vector<evm::Header>> done) {
        if (proof.has_gaps) {
            ask_linked_by_hash(range, top_hash, std::move(done));
            return;
        }
        auto headers = std::make_shared<std::vector<evm::Header>>();
        std::vector<CheckedItem> items(1);
        items[0].what =
            "headers of blocks " + std::to_string(range.from) + " to " + std::to_string(range.to);
        for (uint64_t n = range.from; n <= range.to; ++n) {
            Call& call = items[0].calls.emplace_back();
            call.kind = Call::Kind::kHeaderByNum;
            call.block_num = n;
        }
        items[0].has_another_way = true;  // Who has none may have a gap there.
        items[0].check = [headers, range, top_hash](std::vector<Answer>& answers) {
            headers->clear();
            for (Answer& answer : answers) {
                auto* header = answer.get<evm::Header>();
                PLUMBLINE_CHECK(header != nullptr);
                headers->push_back(std::move(*header));
            }
            return check_linked(*headers, range, top_hash);
        };
        std::make_shared<CheckedJob>(
            dispatcher, proof, std::move(items),
            [this, headers, range, top_hash,
             done = std::move(done)](std::vector<Result<CheckedAnswer>> results) mutable {
                if (results[0]) {
                    done(std::move(*headers));
                } else if (results[0].error().code == ErrorCode::kNotFound) {
                    ask_linked_by_hash(range, top_hash, std::move(done));
                } else {
                    done(std::move(results[0]).error());
                }
            })
            ->start();
    }

    void ask_linked_by_hash(evm::BlockRange range, evm::Hash top_hash,
                            Callback<std::vector<evm::Header>> done) {
        std::make_shared<LinkedJob>(dispatcher, proof, range, top_hash, std::move(done))->start();
    }

    void ask_receipts(std::vector<evm::Header> headers, ReceiptsCallback done) {
        ++open;
        auto blooms = std::make_shared<std::vector<evm::Bloom>>(headers.size());
        auto items =
            receipts_items(std::move(headers),
                           [blooms, prover = std::make_shared<evm::ReceiptsProver>()](
                               const evm::Header& header, size_t place, evm::ReceiptBatch& batch) {
                               return check_receipts(header, *prover, batch, (*blooms)[place]);
                           });
        std::make_shared<CheckedJob>(
            dispatcher, proof, std::move(items),
            [this, blooms, done = std::move(done)](std::vector<Result<CheckedAnswer>> results) {
                std::vector<Result<BlockReceipts>> out;
                out.reserve(results.size());
                for (size_t i = 0; i < results.size(); ++i) {
                    if (!results[i]) {
                        out.emplace_back(std::move(results[i]).error());
                        continue;
                    }
                    out.emplace_back(BlockReceipts{
                        std::move(*results[i]->answers[0].get<evm::ReceiptBatch>()), (*blooms)[i],
                        std::move(results[i]->provider), results[i]->received_bytes});
                }
                --open;
                ++answered;
                done(std::move(out));
            })
            ->start();
    }

    [[nodiscard]] std::string why_off(size_t provider) const {
        const std::string why = call_blocks ? call_blocks->why_off(provider) : std::string{};
        return why.empty() ? why : why + ": it gets no contract calls";
    }

    void ask_heads(Callback<Heads> done) {
        std::make_shared<HeadsJob>(dispatcher, std::move(done))->start();
    }
};

ProviderPool::ProviderPool(PoolOptions options, Transport& transport, const Clock& clock,
                           PoolObserver* observer)
    : impl_{std::make_unique<Impl>(std::move(options), transport, nullptr, clock, observer)} {}

ProviderPool::ProviderPool(PoolOptions options, std::unique_ptr<Transport> transport,
                           const Clock& clock, PoolObserver* observer) {
    Transport& used = *transport;
    impl_ = std::make_unique<Impl>(std::move(options), used, std::move(transport), clock, observer);
}

ProviderPool::~ProviderPool() = default;

void ProviderPool::watch_call_blocks() {
    impl_->call_blocks.emplace(impl_->dispatcher);
}

void ProviderPool::get_chain_id(Callback<uint64_t> done) {
    impl_->ask_heads([impl = impl_.get(),
                      done = impl_->counted<uint64_t>(std::move(done))](Result<Heads> heads) {
        if (const auto id = impl->dispatcher.chain_id(); id && heads) {
            done(*id);
            return;
        }
        done(heads ? Error{ErrorCode::kUnavailable, "no provider told its chain id"}
                   : std::move(heads).error());
    });
}

void ProviderPool::get_heads(Callback<Heads> done) {
    impl_->ask_heads(impl_->counted<Heads>(std::move(done)));
}

void ProviderPool::get_headers(std::vector<uint64_t> block_nums,
                               Callback<std::vector<evm::Header>> done) {
    std::make_shared<HeadersJob>(impl_->dispatcher, std::move(block_nums),
                                 impl_->counted<std::vector<evm::Header>>(std::move(done)))
        ->start();
}

void ProviderPool::get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                                     Callback<std::vector<evm::Header>> done) {
    std::make_shared<HeadersBelowJob>(impl_->dispatcher, std::move(block_nums), end,
                                      impl_->counted<std::vector<evm::Header>>(std::move(done)))
        ->start();
}

void ProviderPool::get_header_by_hash(evm::Hash hash, Callback<evm::Header> done) {
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kHeaderByHash;
    calls[0].hash = hash;
    impl_->ask_one<evm::Header>(std::move(calls), "block", std::move(done));
}

void ProviderPool::get_block_words(uint64_t block_num, Callback<std::vector<BlockWord>> done) {
    std::make_shared<BlockWordsJob>(impl_->dispatcher, block_num,
                                    impl_->counted<std::vector<BlockWord>>(std::move(done)))
        ->start();
}

void ProviderPool::set_apart(const std::set<std::string>& names) {
    for (Provider& provider : impl_->dispatcher.providers()) {
        provider.set_apart(names.contains(provider.name()));
    }
}

void ProviderPool::get_range(LogFilter filter, evm::BlockRange range, bool all_headers,
                             Callback<RangeLogs> done) {
    PLUMBLINE_CHECK(range.from <= range.to);
    std::make_shared<RangeJob>(impl_->dispatcher, impl_->bloom, impl_->proof,
                               LogQuery{std::move(filter), range, all_headers},
                               impl_->counted<RangeLogs>(std::move(done)))
        ->start();
}

void ProviderPool::get_txns(std::vector<evm::Hash> hashes, Callback<std::vector<TxnInfo>> done) {
    std::vector<Call> calls(hashes.size());
    for (size_t i = 0; i < calls.size(); ++i) {
        calls[i].kind = Call::Kind::kTxn;
        calls[i].hash = hashes[i];
    }
    impl_->ask_all<TxnInfo>(std::move(calls), "transaction",
                            impl_->counted<std::vector<TxnInfo>>(std::move(done)));
}

void ProviderPool::get_txn_receipts(std::vector<TxnPlace> txns,
                                    Callback<std::vector<TxnReceiptInfo>> done) {
    std::vector<Call> calls(txns.size());
    for (size_t i = 0; i < calls.size(); ++i) {
        calls[i].kind = Call::Kind::kTxnGas;
        calls[i].hash = txns[i].hash;
        calls[i].txn_block = txns[i].block_hash;
    }
    impl_->ask_all<TxnReceiptInfo>(std::move(calls), "the receipt, in that block, of transaction",
                                   impl_->counted<std::vector<TxnReceiptInfo>>(std::move(done)));
}

void ProviderPool::get_receipts(evm::Hash block_hash, Callback<evm::ReceiptBatch> done) {
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kReceipts;
    calls[0].hash = block_hash;
    impl_->ask_one<evm::ReceiptBatch>(std::move(calls), "receipts of block", std::move(done));
}

std::vector<std::string> ProviderPool::provider_names() const {
    std::vector<std::string> out;
    for (const Provider& provider : impl_->dispatcher.providers()) {
        out.push_back(provider.name());
    }
    return out;
}

void ProviderPool::call(std::vector<CallRequest> requests, StateBlock block,
                        std::optional<size_t> provider, Callback<CallAnswers> done) {
    std::vector<Call> calls(requests.size());
    for (size_t i = 0; i < calls.size(); ++i) {
        calls[i].kind = Call::Kind::kCall;
        calls[i].block = requests[i].block.value_or(block);
        calls[i].request = std::make_shared<const CallRequest>(std::move(requests[i]));
    }
    impl_->ask_state(std::move(calls), provider,
                     [done = impl_->counted<CallAnswers>(std::move(done))](GroupResult result) {
                         if (result.error) {
                             done(*std::move(result.error));
                             return;
                         }
                         CallAnswers out;
                         out.traffic = result.traffic;
                         for (Answer& answer : result.answers) {
                             auto* value = answer.get<CallResult>();
                             PLUMBLINE_CHECK(value != nullptr);
                             out.results.push_back(std::move(*value));
                         }
                         done(std::move(out));
                     });
}

void ProviderPool::get_proof(evm::Address address, std::vector<evm::Hash> slots, StateBlock block,
                             std::optional<size_t> provider, Callback<AccountProof> done) {
    std::vector<Call> calls(1);
    calls[0].kind = Call::Kind::kProof;
    calls[0].block = block;
    calls[0].address = address;
    calls[0].slots = std::make_shared<const std::vector<evm::Hash>>(std::move(slots));
    impl_->ask_state(std::move(calls), provider,
                     [done = impl_->counted<AccountProof>(std::move(done))](GroupResult result) {
                         if (result.error) {
                             done(*std::move(result.error));
                             return;
                         }
                         if (auto* proof = result.answers.front().get<AccountProof>()) {
                             proof->traffic = result.traffic;
                             done(std::move(*proof));
                             return;
                         }
                         const auto* refused = result.answers.front().get<CallResult>();
                         PLUMBLINE_CHECK(refused != nullptr);
                         done(Error{refused->kind == CallResult::Kind::kMissingState
                                        ? ErrorCode::kNotFound
                                        : ErrorCode::kInvalidArgument,
                                    refused->why});
                     });
}

void ProviderPool::get_linked_headers(evm::BlockRange range, evm::Hash top_hash,
                                      Callback<std::vector<evm::Header>> done) {
    PLUMBLINE_CHECK(range.from <= range.to);
    impl_->ask_linked(range, top_hash, impl_->counted<std::vector<evm::Header>>(std::move(done)));
}

void ProviderPool::get_proven_receipts(std::vector<evm::Header> headers, ReceiptsCallback done) {
    impl_->ask_receipts(std::move(headers), std::move(done));
}

namespace {

constexpr uint64_t kRangeByReceipts = 64;  ///< blocks

}  // namespace

uint64_t ProviderPool::suggest_range_size(const LogFilter& filter, uint64_t from) {
    uint64_t best = 1;
    for (Provider& provider : impl_->dispatcher.providers()) {
        if (provider.is_usable()) {
            // Its sizes are of eth_getLogs; a range by receipts is cut by itself.
            const uint64_t least = provider.would_refuse(from, true) ? kRangeByReceipts : 1;
            best = std::max({best, least, provider.ranges(filter).size()});
        }
    }
    return best;
}

size_t ProviderPool::poll(int64_t wait_ms) {
    impl_->answered = 0;
    impl_->dispatcher.poll(wait_ms);
    return impl_->answered;
}

size_t ProviderPool::in_flight() const {
    return impl_->open;
}

std::vector<std::string> ProviderPool::take_convicted() {
    return impl_->dispatcher.take_convicted();
}

std::vector<ProviderStats> ProviderPool::stats() const {
    std::vector<ProviderStats> out;
    for (const Provider& provider : impl_->dispatcher.providers()) {
        out.push_back(provider.stats());
        if (const std::string off = impl_->why_off(out.size() - 1); !off.empty()) {
            out.back().oddity += (out.back().oddity.empty() ? "" : "; ") + off;
        }
    }
    return out;
}

namespace {

/// Where nobody refused the question itself: what is wrong with those that could be asked.
std::string describe_errors(const Dispatcher& dispatcher, OpenWait& wait) {
    std::string out;
    for (const Provider& provider : dispatcher.providers()) {
        const ProviderStats known = provider.stats();
        // It may answer other methods than the one that is waited for.
        const bool is_of_method = known.last_refusal.starts_with(wait.method + ": ");
        const std::string& said =
            known.last_error.empty() && is_of_method ? known.last_refusal : known.last_error;
        if (!said.empty()) {
            wait.provider = wait.provider.empty() ? known.name : wait.provider;
            out += out.empty() ? "" : "; ";
            out += known.name + " (" + known.state + "): " + said;
        }
    }
    return out;
}

/// What is in the way of a question that nobody is asked now, where no provider has said anything.
/// A probe goes before it, which asks for no question in particular.
std::string describe_idle(const Dispatcher& dispatcher, OpenWait& wait) {
    std::string states;
    for (const Provider& provider : dispatcher.providers()) {
        if (provider.in_flight() > 0) {
            wait.provider = provider.name();
            return "its answer to other requests, of its head first of all, has not come yet";
        }
        states += states.empty() ? "" : ", ";
        const ProviderStats known = provider.stats();
        states += provider.name() + ": " + known.state;
        states += known.last_refusal.empty() ? "" : ", " + known.last_refusal;
    }
    return "nobody can be asked (" + states + ")";
}

}  // namespace

std::vector<OpenWait> ProviderPool::waits(int64_t waiting_ms) const {
    const Dispatcher& dispatcher = impl_->dispatcher;
    const std::optional<int64_t> moved_ms = dispatcher.waits().last_progress_ms();
    const bool is_moving = moved_ms && dispatcher.now() - *moved_ms < waiting_ms;
    std::vector<OpenWait> out;
    for (OpenWait& wait : dispatcher.waits().older_than(waiting_ms, dispatcher.now())) {
        if (wait.reason.empty()) {
            wait.reason = describe_errors(dispatcher, wait);
            if (!wait.reason.empty() && wait.attempts == 0) {
                wait.reason.insert(0, "what is asked before it fails: ");
            }
        }
        if (wait.reason.empty() && is_moving && wait.out_ms.value_or(0) < waiting_ms) {
            continue;  // Others are answered: its turn has not come yet, or only just.
        }
        if (wait.reason.empty()) {
            wait.reason = wait.out_ms ? "no answer yet" : describe_idle(dispatcher, wait);
        }
        out.push_back(std::move(wait));
    }
    return out;
}

std::unique_ptr<ChainSource> make_chain_source(PoolOptions options, PoolObserver* observer) {
    CurlOptions transport;
    transport.bodies_shared_max = options.bodies_shared_max;
    auto pool = std::make_unique<ProviderPool>(
        std::move(options), std::make_unique<CurlTransport>(std::move(transport)), system_clock(),
        observer);
    pool->watch_call_blocks();
    return pool;
}

}  // namespace plumbline::rpc
