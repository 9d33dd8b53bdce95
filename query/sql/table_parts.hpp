// The kinds of tables. Internal to query/sql.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "core/evm/abi_decode.hpp"
#include "query/sql/table.hpp"

namespace plumbline::query::sql {

/// Makes names differ: SQL's do not tell capitals from small letters.
class Names {
  public:
    /// `name`, or `name_2`... where that is taken.
    [[nodiscard]] std::string take(std::string name);

  private:
    std::set<std::string> taken_;
};

/// Rows of `view.bundle().entities[entity]`.
[[nodiscard]] std::unique_ptr<Table> make_entity_table(const storage::EntityLayout& layout,
                                                       size_t entity);

/// The same as they were after the block that the hidden column `_at` is asked to be, which a
/// statement must say: `NAME_at(BLOCK)`.
[[nodiscard]] std::unique_ptr<Table> make_past_table(const storage::EntityLayout& layout,
                                                     size_t entity);

/// Logs of one event of `source`.
[[nodiscard]] std::unique_ptr<Table> make_event_table(std::string name,
                                                      std::shared_ptr<const engine::Plan> plan,
                                                      uint32_t source, evm::EventDecoder decoder);

/// Block rows that the database keeps.
[[nodiscard]] std::unique_ptr<Table> make_block_table(std::string name);

/// What contract calls answered.
[[nodiscard]] std::unique_ptr<Table> make_fact_table(std::string name);

/// `quarantine`, `journal`, `proofs`.
[[nodiscard]] std::vector<std::unique_ptr<Table>> make_list_tables(Names& names);

[[nodiscard]] inline Error too_late() {
    return Error{ErrorCode::kTimeout, "the statement took too long and was ended"};
}

[[nodiscard]] inline storage::FieldType uint_type(uint16_t bits) {
    return {storage::FieldKind::kUint, bits};
}
[[nodiscard]] inline storage::FieldType bytes_type(uint16_t bytes) {
    return {storage::FieldKind::kFixedBytes, static_cast<uint16_t>(8 * bytes)};
}

/// Blocks that a question's conditions on `column`, a uint64, leave.
struct BlockSpan {
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    bool is_empty = false;
};
[[nodiscard]] BlockSpan block_span(const Question& question, uint16_t column);

/// Cost and order of a walk along the log: by the block's column, then that of the place in it.
[[nodiscard]] TablePlan plan_by_block(const Question& question, uint16_t block, uint16_t place,
                                      uint64_t rows);

}  // namespace plumbline::query::sql
