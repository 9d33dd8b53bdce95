#include "api/stream/stream_place.hpp"

#include <charconv>

#include <fmt/format.h>

#include "core/evm/hex.hpp"
#include "core/evm/keccak.hpp"

namespace plumbline::api {

namespace {

constexpr size_t kBasisDigits = 16;

uint64_t first_64_bits(std::string_view text) {
    const evm::Hash hash = evm::keccak256(text);
    uint64_t out = 0;
    for (size_t i = 0; i < sizeof(out); ++i) {
        out = out << 8U | hash.bytes[i];
    }
    return out;
}

}  // namespace

uint64_t abis_of(const engine::Plan& plan) {
    std::string text;
    for (const auto& [name, json] : plan.bundle().abis) {
        text += fmt::format("{} {}\n{}\n", name, json.size(), json);
    }
    return first_64_bits(text);
}

LogBasis::LogBasis(const storage::ReadView& view, uint64_t abis)
    : maker_{first_64_bits(
          fmt::format("{} #{} {}", view.bundle().fingerprint, view.generation(), abis))} {}

uint64_t LogBasis::after(uint64_t logs) const {
    return first_64_bits(fmt::format("{} {}", maker_, logs));
}

Result<uint64_t> count_logs(const storage::ReadView& view, uint64_t block_num) {
    using storage::log_digest_prefix;
    uint64_t out = 0;
    for (uint8_t level = storage::kLogDigestRoot; level > 0; --level) {
        const auto below = static_cast<uint8_t>(level - 1);
        const uint64_t last = log_digest_prefix(below, block_num);
        PLUMBLINE_TRY(const auto nodes,
                      view.digest_children({}, level, log_digest_prefix(level, block_num)));
        for (const auto& [prefix, node] : nodes) {
            // The node that the block is in is divided at the next level; a block is whole.
            out += prefix < last || (below == 0 && prefix == last) ? node.count : 0;
        }
    }
    return out;
}

StreamBasis basis_of(const storage::ReadView& view, uint64_t abis) {
    const auto logs = view.digest_root({});
    if (!logs) {
        return {};
    }
    StreamBasis out{LogBasis{view, abis}.after(logs->count), 0};
    std::string text = fmt::format("{}\n", out.log);
    for (size_t i = 0; i < view.bundle().entities.size(); ++i) {
        const auto root = view.digest_root({static_cast<int>(i)});
        if (!root) {
            return {};
        }
        text += fmt::format("{} {}\n", root->count, to_string(root->sum));
    }
    out.rows = first_64_bits(text);
    return out;
}

std::string basis_text(uint64_t basis) {
    return fmt::format("{:016x}", basis);
}

std::optional<uint64_t> parse_basis(std::string_view text) {
    uint64_t out = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, out, 16);
    if (text.size() != kBasisDigits || error != std::errc{} || last != end) {
        return std::nullopt;
    }
    return out;
}

std::string to_text(const StreamPlace& place) {
    return fmt::format("{}-{}{}", place.block.block_num, evm::to_hex(place.block.hash),
                       place.basis == 0 ? "" : "-" + basis_text(place.basis));
}

std::optional<StreamPlace> parse_place(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const size_t behind_hash = text.find('-', dash + 1);
    StreamPlace out;
    const char* end = text.data() + dash;
    const auto [last, error] = std::from_chars(text.data(), end, out.block.block_num);
    const bool has_basis = behind_hash != std::string_view::npos;
    const auto hash = evm::parse_hash(
        text.substr(dash + 1, has_basis ? behind_hash - dash - 1 : std::string_view::npos));
    const auto basis =
        has_basis ? parse_basis(text.substr(behind_hash + 1)) : std::optional<uint64_t>{0};
    if (error != std::errc{} || last != end || !hash || !basis) {
        return std::nullopt;
    }
    out.block.hash = *hash;
    out.basis = *basis;
    return out;
}

}  // namespace plumbline::api
