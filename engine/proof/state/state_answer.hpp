// What one getter's own answer tells of one row. Asks nobody anything.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/proof/finding.hpp"
#include "engine/proof/state/state_digest.hpp"
#include "engine/proof/state/state_program.hpp"
#include "engine/proof/state/state_proof.hpp"
#include "rpc/chain_source.hpp"
#include "storage/layout.hpp"

namespace plumbline::engine {

/// The question that an answer is for.
struct AskedRow {
    std::string_view key;
    evm::Hash leaf;  ///< of the answer that the row expects
    evm::Address target;
    /// What the program in the node saw instead of the leaf; empty where it was not asked, or could
    /// not tell.
    std::optional<LeafStatus> seen;
};

/// A value of a row that the contract tells otherwise; `detail` is the caller's.
[[nodiscard]] Finding make_state_finding(const storage::EntityLayout& layout, std::string_view key,
                                         std::string_view row, std::string field,
                                         std::string stored, std::string expected);

/// Settles questions for one getter: counts each in the entity's account as equal, differing or
/// unproven, and adds a finding for each value that differs. One thread. All references must
/// outlive it.
class StateAnswerJudge {
  public:
    /// A row as stored, a tombstone where it was deleted; empty where there is none.
    using ReadRow = std::function<std::optional<std::string>(std::string_view key)>;

    StateAnswerJudge(const storage::EntityLayout& layout, const StateDigester& digester,
                     ReadRow read_row, EntityState& state, Findings& findings)
        : layout_{layout},
          digester_{digester},
          read_row_{std::move(read_row)},
          state_{state},
          findings_{findings} {}

    void settle(const AskedRow& asked, const rpc::CallResult& result);

  private:
    void settle_equal(const AskedRow& asked);
    void settle_reverted(const AskedRow& asked, std::string_view row, const std::string& why);
    void settle_answered(const AskedRow& asked, std::string_view row, ByteView answer);
    void add_difference(const AskedRow& asked, std::string_view row, std::string field,
                        std::string stored, std::string expected, std::string_view detail);
    [[nodiscard]] std::string name_of(size_t place) const;
    [[nodiscard]] const StatePlan& plan() const noexcept { return digester_.plan(); }

    const storage::EntityLayout& layout_;
    const StateDigester& digester_;
    ReadRow read_row_;
    EntityState& state_;
    Findings& findings_;
};

}  // namespace plumbline::engine
