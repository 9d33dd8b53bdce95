// Where a client's copy stands: after which block, and of what its rows and events were made. Two
// databases at one block hold the same only where the same mapping made them of the same log: after
// a changed config or ABI, a repair or another start from nothing they do not, and no block tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/evm/block_id.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// What a state was made of, in 64 bits each; 0: not known, equal to nothing.
struct StreamBasis {
    uint64_t log = 0;   ///< `LogBasis` after the state's block
    uint64_t rows = 0;  ///< by that and the digests of all rows

    /// What counts for a client that follows rows, or else events only.
    [[nodiscard]] uint64_t of(bool has_rows) const noexcept { return has_rows ? rows : log; }
};
/// `abis`: `abis_of` the plan whose words the events are told in. Zeros where it cannot be read.
[[nodiscard]] StreamBasis basis_of(const storage::ReadView& view, uint64_t abis);

/// In which names and parameters a plan's ABIs tell events: those without a handler are not in its
/// fingerprint.
[[nodiscard]] uint64_t abis_of(const engine::Plan& plan);

/// Of what the log's events up to a block are made: mapping, ABIs, generation, and how many logs
/// are stored up to there. That number is the same for one log whenever it is asked for, and
/// another one where a database fetched more contracts or events, or lacked some.
class LogBasis {
  public:
    LogBasis(const storage::ReadView& view, uint64_t abis);
    /// After a block up to which there are `logs`.
    [[nodiscard]] uint64_t after(uint64_t logs) const;

  private:
    uint64_t maker_;
};
/// How many logs there are of blocks up to `block_num`, by the digests: some hundred nodes are
/// read.
[[nodiscard]] Result<uint64_t> count_logs(const storage::ReadView& view, uint64_t block_num);

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
