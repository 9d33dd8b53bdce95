#include "core/evm/header.hpp"

#include "core/evm/keccak.hpp"

namespace plumbline::evm {
namespace {

/// Calls `visit` with each optional field in the order the forks appended them, until it says stop.
template <typename AnyHeader, typename Visit>
void visit_tail(AnyHeader& header, Visit visit) {
    // London (EIP-1559), Shanghai (EIP-4895), Cancun (EIP-4844, EIP-4788), Prague (EIP-7685),
    // then EIP-7928 and EIP-7843.
    static_cast<void>(visit(header.base_fee_per_gas) && visit(header.withdrawals_root) &&
                      visit(header.blob_gas_used) && visit(header.excess_blob_gas) &&
                      visit(header.parent_beacon_root) && visit(header.requests_hash) &&
                      visit(header.block_access_list_hash) && visit(header.slot_number));
}

[[nodiscard]] std::array<uint8_t, 8> nonce_bytes(uint64_t nonce) noexcept {
    std::array<uint8_t, 8> out{};
    for (size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<uint8_t>(nonce >> (8 * (out.size() - 1 - i)));
    }
    return out;
}

}  // namespace

void append_rlp(Bytes& out, const Header& header) {
    const size_t mark = begin_rlp_list(out);
    append_rlp(out, header.parent_hash);
    append_rlp(out, header.ommers_hash);
    append_rlp(out, header.beneficiary);
    append_rlp(out, header.state_root);
    append_rlp(out, header.txns_root);
    append_rlp(out, header.receipts_root);
    append_rlp(out, header.logs_bloom);
    append_rlp(out, header.difficulty);
    append_rlp(out, header.block_num);
    append_rlp(out, header.gas_limit);
    append_rlp(out, header.gas_used);
    append_rlp(out, header.timestamp);
    append_rlp(out, ByteView{header.extra_data});
    append_rlp(out, header.mix_hash);
    // A string of 8 bytes, not a number: its leading zeros stay (Yellow Paper section 4.3).
    append_rlp(out, ByteView{nonce_bytes(header.nonce)});
    visit_tail(header, [&out](const auto& field) {
        if (field) {
            append_rlp(out, *field);
        }
        return field.has_value();
    });
    end_rlp_list(out, mark);
}

Hash compute_hash(const Header& header) {
    Bytes encoded;
    encoded.reserve(1024);
    append_rlp(encoded, header);
    return keccak256(encoded);
}

bool is_recomputable(const Header& header) noexcept {
    bool ended = false;
    bool gap = false;
    visit_tail(header, [&](const auto& field) {
        gap |= ended && field.has_value();
        ended |= !field.has_value();
        return true;
    });
    return !gap;
}

HeaderCheck check_hash(const Header& header) {
    if (!is_recomputable(header)) {
        return HeaderCheck::kNotRecomputable;
    }
    return compute_hash(header) == header.hash ? HeaderCheck::kMatches : HeaderCheck::kDiffers;
}

RlpError decode_header(ByteView encoded, Header& out) {
    ByteView rest = encoded;
    ByteView in;
    PLUMBLINE_TRY_RLP(read_rlp_list(rest, in));
    PLUMBLINE_TRY_RLP(expect_rlp_end(rest));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.parent_hash));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.ommers_hash));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.beneficiary));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.state_root));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.txns_root));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.receipts_root));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.logs_bloom));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.difficulty));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.block_num));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.gas_limit));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.gas_used));
    PLUMBLINE_TRY_RLP(read_rlp(in, out.timestamp));
    ByteView extra_data;
    PLUMBLINE_TRY_RLP(read_rlp_string(in, extra_data));
    out.extra_data.assign(extra_data.begin(), extra_data.end());
    PLUMBLINE_TRY_RLP(read_rlp(in, out.mix_hash));
    FixedBytes<8> nonce;
    PLUMBLINE_TRY_RLP(read_rlp(in, nonce));
    out.nonce = 0;
    for (const uint8_t byte : nonce.bytes) {
        out.nonce = (out.nonce << 8) | byte;
    }
    RlpError error = RlpError::kNone;
    visit_tail(out, [&](auto& field) {
        field.reset();
        if (!in.empty() && error == RlpError::kNone) {
            error = read_rlp(in, field.emplace());
        }
        return true;
    });
    PLUMBLINE_TRY_RLP(error);
    PLUMBLINE_TRY_RLP(expect_rlp_end(in));
    out.hash = keccak256(encoded);
    return RlpError::kNone;
}

}  // namespace plumbline::evm
