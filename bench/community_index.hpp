// The community example's index for benches: its plan, a fresh database, a generated log in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/mapping/plan.hpp"
#include "storage/database.hpp"

namespace plumbline::bench {

inline constexpr uint32_t kEventsPerBlock = 100;

/// Of examples/community/plumbline.toml.
[[nodiscard]] std::shared_ptr<const engine::Plan> community_plan();

/// An empty database; what was at `path` is gone.
[[nodiscard]] std::unique_ptr<storage::Database> open_fresh(const std::string& path,
                                                            const engine::Plan& plan);

/// Stores that many events of a `CommunityStory` from block 1 on, `kEventsPerBlock` in each, all of
/// them final; nothing is folded.
void store_story(storage::Database& database, uint64_t events);

}  // namespace plumbline::bench
