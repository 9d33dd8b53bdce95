// The table of steps. A new version: raise `kFormatVersion`, add its line here and its function in
// a file of its own, keep a database of the version before under tests/storage/golden
// (docs/formats.md).
#include <array>

#include "storage/meta_codec.hpp"
#include "storage/migration.hpp"
#include "storage/migration_v2.hpp"
#include "storage/migration_v3.hpp"
#include "storage/migration_v4.hpp"

namespace plumbline::storage {

namespace {

constexpr std::array kSteps{
    MigrationStep{2,
                  "contracts that factories announce are found by another rule, and what is known "
                  "of their logs by the old one is not called proven any more",
                  migrate_to_v2},
    MigrationStep{3, "there is room for what contract calls answer", migrate_to_v3},
    MigrationStep{4, "it is kept which blocks contract calls of the head were asked of",
                  migrate_to_v4},
};

constexpr bool is_whole() {
    uint32_t version = 1;
    for (const MigrationStep& step : kSteps) {
        if (step.to != ++version) {
            return false;
        }
    }
    return version == kFormatVersion;
}
static_assert(is_whole(), "there is a step to each version, in order");

}  // namespace

std::span<const MigrationStep> migration_steps() noexcept {
    return kSteps;
}

}  // namespace plumbline::storage
