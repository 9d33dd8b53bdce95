// What folds do with stored corrections besides reading them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "storage/commit_batch.hpp"
#include "storage/read_view.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

/// `row` takes the place of the stored one of its block and number.
void rewrite_correction(CommitBatch& batch, const CorrectionRow& row);

/// The rows in quarantine of `log_index` in blocks that have corrections.
[[nodiscard]] Result<std::vector<QuarantineRow>> list_quarantined_corrections(const ReadView& view,
                                                                              uint32_t log_index);

}  // namespace plumbline::storage
