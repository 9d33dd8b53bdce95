#include "rpc/block_receipts.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "rpc/proof_check.hpp"

namespace plumbline::rpc {

std::vector<CheckedItem> receipts_items(std::vector<evm::Header> headers, ReceiptsCheck check) {
    std::vector<CheckedItem> items(headers.size());
    for (size_t i = 0; i < headers.size(); ++i) {
        items[i].what = "receipts of block " + std::to_string(headers[i].block_num);
        Call& call = items[i].calls.emplace_back();
        call.kind = Call::Kind::kReceipts;
        call.block_num = headers[i].block_num;
        call.hash = headers[i].hash;
        items[i].check = [header = std::move(headers[i]), i, check](std::vector<Answer>& answers) {
            auto* batch = answers[0].get<evm::ReceiptBatch>();
            PLUMBLINE_CHECK(batch != nullptr);
            return check(header, i, *batch);
        };
    }
    return items;
}

void ask_block_receipts(const ReceiptsContext& context, std::vector<evm::Header> headers,
                        CheckedJob::Done done) {
    auto items = receipts_items(
        std::move(headers),
        [prover = std::make_shared<evm::ReceiptsProver>()](
            const evm::Header& header, size_t /*place*/,
            evm::ReceiptBatch& batch) -> std::optional<Error> {
            evm::Bloom bloom;
            if (!check_receipts(header, *prover, batch, bloom)) {
                return std::nullopt;
            }
            if (batch.logs.logs.empty() && !header.logs_bloom.is_zero()) {
                return Error{ErrorCode::kDecode, "they have no logs, and the block's bloom has"};
            }
            // On chains whose root cannot be recomputed they are worth as much as logs are.
            const bool is_of_block = std::ranges::all_of(batch.logs.logs, [&](const evm::Log& log) {
                return log.block_num == header.block_num && log.block_hash == header.hash;
            });
            return is_of_block ? std::nullopt
                               : std::optional{
                                     Error{ErrorCode::kDecode, "they have logs of another block"}};
        });
    auto job = std::make_shared<CheckedJob>(context.dispatcher, context.memory, std::move(items),
                                            std::move(done));
    job->avoid(context.avoid);
    job->share(context.ticket);
    job->start();
}

}  // namespace plumbline::rpc
