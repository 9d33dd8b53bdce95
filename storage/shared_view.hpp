// One view for all who read the newest state: to open a view reads four records and takes RocksDB's
// one lock twice, which is most of what a row by its key costs.
#pragma once

#include <memory>

#include "storage/database.hpp"
#include "storage/read_view.hpp"

namespace plumbline::storage {

/// The newest state, as `Database::read_view` has it. The same view until something is written; the
/// database keeps it until then, so that it holds back nothing that a later write makes old.
/// Thread-safe, beside the writer.
[[nodiscard]] std::shared_ptr<const ReadView> shared_view(const Database& database);

}  // namespace plumbline::storage
