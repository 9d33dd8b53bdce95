// What the strict reader takes, the writer gives back byte for byte; proofs made of the same bytes
// never read out of bounds.
#include "core/evm/rlp.hpp"

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/evm/header.hpp"
#include "core/evm/keccak.hpp"
#include "core/evm/proof.hpp"

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

/// Writes again all items of `in`; false where one is not canonical. Nesting is bounded by `depth`.
bool copy_items(ByteView in, Bytes& out, int depth) {
    while (!in.empty()) {
        RlpItem item;
        if (read_rlp(in, item) != RlpError::kNone) {
            return false;
        }
        if (!item.is_list) {
            append_rlp(out, item.payload);
            require(rlp_size(item.payload) == item.whole.size());
        } else if (depth == 0) {
            out.insert(out.end(), item.whole.begin(), item.whole.end());
        } else {
            const size_t mark = begin_rlp_list(out);
            if (!copy_items(item.payload, out, depth - 1)) {
                return false;
            }
            end_rlp_list(out, mark);
        }
    }
    return true;
}

void check_numbers(ByteView data) {
    ByteView in = data;
    uint64_t number = 0;
    if (read_rlp(in, number) == RlpError::kNone) {
        Bytes out;
        append_rlp(out, number);
        require(plumbline::equal(out, data.first(data.size() - in.size())));
    }
    in = data;
    U256 word;
    if (read_rlp(in, word) == RlpError::kNone) {
        Bytes out;
        append_rlp(out, word);
        require(plumbline::equal(out, data.first(data.size() - in.size())));
    }
}

void check_header(ByteView data) {
    Header header;
    if (decode_header(data, header) == RlpError::kNone) {
        Bytes out;
        append_rlp(out, header);
        require(plumbline::equal(out, data));
        require(check_hash(header) == HeaderCheck::kMatches);
    }
}

/// Items become proof nodes; the root is the first one's hash so that the walk gets going.
void check_proof(ByteView data) {
    std::vector<Bytes> nodes;
    for (RlpItem item; nodes.size() < 8 && read_rlp(data, item) == RlpError::kNone;) {
        nodes.emplace_back(item.whole.begin(), item.whole.end());
    }
    if (nodes.empty()) {
        return;
    }
    ProofValue value;
    const bool is_good =
        verify_proof(keccak256(nodes.front()), Hash{}, nodes, value) == ProofError::kNone;
    require(is_good || !value.is_present);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteView input{data, size};
    Bytes out;
    if (copy_items(input, out, 32)) {
        require(plumbline::equal(out, input));
    }
    check_numbers(input);
    check_header(input);
    check_proof(input);
    return 0;
}
