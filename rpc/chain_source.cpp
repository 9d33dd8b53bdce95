#include "rpc/chain_source.hpp"

#include <memory>
#include <string>
#include <utility>

#include "rpc/proof_check.hpp"

namespace plumbline::rpc {

// For sources with one node: what it says either fits or it does not.

void ChainSource::get_linked_headers(evm::BlockRange range, evm::Hash top_hash,
                                     Callback<std::vector<evm::Header>> done) {
    std::vector<uint64_t> block_nums;
    for (uint64_t n = range.from; n <= range.to; ++n) {
        block_nums.push_back(n);
    }
    get_headers(std::move(block_nums), [range, top_hash, done = std::move(done)](
                                           Result<std::vector<evm::Header>> headers) {
        if (headers) {
            if (auto error = check_linked(*headers, range, top_hash)) {
                done(*std::move(error));
                return;
            }
        }
        done(std::move(headers));
    });
}

void ChainSource::get_headers_below(std::vector<uint64_t> block_nums, evm::BlockId end,
                                    Callback<std::vector<evm::Header>> done) {
    block_nums.push_back(end.block_num);
    get_headers(std::move(block_nums),
                [end, done = std::move(done)](Result<std::vector<evm::Header>> headers) {
                    if (headers && (headers->empty() || headers->back().hash != end.hash)) {
                        done(Error{ErrorCode::kReorg, "block " + std::to_string(end.block_num) +
                                                          " is another one by now"});
                        return;
                    }
                    if (headers) {
                        headers->pop_back();
                    }
                    done(std::move(headers));
                });
}

void ChainSource::get_block_words(uint64_t block_num, Callback<std::vector<BlockWord>> done) {
    get_headers({block_num}, [done = std::move(done)](Result<std::vector<evm::Header>> headers) {
        if (headers && !headers->empty()) {
            done(std::vector<BlockWord>{{"", headers->front().hash}});
        } else if (!headers && headers.error().code != ErrorCode::kNotFound) {
            done(std::move(headers).error());
        } else {
            done(std::vector<BlockWord>{{"", std::nullopt}});
        }
    });
}

void ChainSource::get_proven_receipts(std::vector<evm::Header> headers, ReceiptsCallback done) {
    struct Job {
        std::vector<evm::Header> headers;
        std::vector<std::optional<Result<BlockReceipts>>> results;
        evm::ReceiptsProver prover;
        ReceiptsCallback done;
        size_t open = 0;
    };
    auto job = std::make_shared<Job>();
    job->headers = std::move(headers);
    job->results.resize(job->headers.size());
    job->done = std::move(done);
    job->open = job->headers.size();
    for (size_t i = 0; i < job->headers.size(); ++i) {
        get_receipts(job->headers[i].hash, [job, i](Result<evm::ReceiptBatch> batch) {
            if (batch) {
                BlockReceipts out{*std::move(batch), {}, "", 0};
                auto error = check_receipts(job->headers[i], job->prover, out.batch, out.bloom);
                if (error) {
                    job->results[i].emplace(*std::move(error));
                } else {
                    job->results[i].emplace(std::move(out));
                }
            } else {
                job->results[i].emplace(std::move(batch).error());
            }
            if (--job->open > 0) {
                return;
            }
            std::vector<Result<BlockReceipts>> results;
            results.reserve(job->results.size());
            for (auto& result : job->results) {
                results.push_back(*std::move(result));
            }
            job->done(std::move(results));
        });
    }
    if (job->headers.empty()) {
        job->done({});
    }
}

}  // namespace plumbline::rpc
