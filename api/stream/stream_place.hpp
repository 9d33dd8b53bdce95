// Where a client's copy stands: after which block, and of what its rows and events were made. Two
// databases at one block hold the same only where the same mapping made them of the same log: after
// a changed config, a repair or another start from nothing they do not, and no block tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/evm/block_id.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// What a state was made of, in 64 bits each; 0: not known, equal to nothing.
struct StreamBasis {
    uint64_t log = 0;   ///< by the mapping and the generation: the same from block to block
    uint64_t rows = 0;  ///< by these and the digests of all rows: another one with each state

    /// What counts for a client that follows rows, or else events only.
    [[nodiscard]] uint64_t of(bool has_rows) const noexcept { return has_rows ? rows : log; }
};
/// Zeros where it cannot be read.
[[nodiscard]] StreamBasis basis_of(const storage::ReadView& view);

struct StreamPlace {
    evm::BlockId block;
    uint64_t basis = 0;  ///< of the rows, or of the log for whoever follows events only

    /// The same copy, as far as anybody can know.
    [[nodiscard]] bool is_same(const StreamPlace& other) const noexcept {
        return basis != 0 && *this == other;
    }
    friend bool operator==(const StreamPlace&, const StreamPlace&) = default;
};

/// "BLOCK-HASH-BASIS": how `known` names it.
[[nodiscard]] std::string to_text(const StreamPlace& place);
/// "BLOCK-HASH" is one whose basis is not known. Empty for what is neither.
[[nodiscard]] std::optional<StreamPlace> parse_place(std::string_view text);

/// 16 hex digits.
[[nodiscard]] std::string basis_text(uint64_t basis);
[[nodiscard]] std::optional<uint64_t> parse_basis(std::string_view text);

}  // namespace plumbline::api
