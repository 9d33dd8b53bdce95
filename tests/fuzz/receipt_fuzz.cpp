// A receipt that decodes encodes to the same bytes; one that does not leaves the batch as it was.
#include "core/evm/receipt.hpp"

#include <cstdint>
#include <cstdlib>

#include "core/evm/keccak.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

using plumbline::Bytes;
using plumbline::ByteView;
using namespace plumbline::evm;  // NOLINT(google-build-using-namespace)

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteView input{data, size};
    ReceiptBatch batch;
    if (decode_receipt(input, batch) != RlpError::kNone) {
        require(batch.receipts.empty() && batch.logs.logs.empty() && batch.logs.arena.empty());
        return 0;
    }
    const Receipt& receipt = batch.receipts.at(0);
    Bytes claimed;
    append_receipt(claimed, batch, receipt, *receipt.bloom);
    require(plumbline::equal(claimed, input));

    Bytes recomputed;
    append_receipt(recomputed, batch, receipt);
    require(plumbline::equal(recomputed, input) == !find_wrong_bloom(batch).has_value());
    const auto digest = ReceiptsProver{}.compute(batch);
    const ByteView value{recomputed};
    require(digest && digest->root == ordered_trie_root({&value, 1}));
    require(digest->bloom == compute_bloom(batch));
    return 0;
}
