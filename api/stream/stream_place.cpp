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

StreamBasis basis_of(const storage::ReadView& view) {
    const storage::SchemaBundle& bundle = view.bundle();
    std::string text = fmt::format("{} #{}\n", bundle.fingerprint, view.generation());
    StreamBasis out{first_64_bits(text), 0};
    for (size_t i = 0; i < bundle.entities.size(); ++i) {
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
