// The second half of opening: what is stored becomes facts in memory. Only reads. Internal to
// storage.
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/result.hpp"
#include "storage/stored_state.hpp"

namespace plumbline::storage {

struct Loaded {
    ChainIdentity identity;
    StoredState facts;
    std::shared_ptr<const Generation> published;
    Dictionaries dictionaries;
    /// The highest number of any family of `families`.
    uint32_t last_generation = 0;
};

/// kCorruption where part of it is missing or damaged.
[[nodiscard]] Result<Loaded> load_stored(const RocksHandles& core, const FamilyMap& families);

}  // namespace plumbline::storage
