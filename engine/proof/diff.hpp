// What differs between two databases of one chain. Their digests are compared first, from the roots
// down, and only what lies under nodes that differ is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "storage/database.hpp"

namespace plumbline::engine {

enum class DifferenceKind : uint8_t {
    kIdentity,  ///< another chain
    kHead,      ///< they stand at different blocks
    kSchema,    ///< an entity that the other lacks or lays out differently
    kLog,
    kBlock,
    kRow,
    kCall,  ///< what a contract call answered
};
[[nodiscard]] std::string_view to_string(DifferenceKind kind) noexcept;

/// One difference; `a` and `b` are texts, empty where that side has nothing.
struct Difference {
    DifferenceKind kind = DifferenceKind::kRow;
    std::string entity;
    std::string key;    ///< as `plumbline get` takes it
    std::string field;  ///< of a row that both have
    uint64_t block_num = 0;
    uint32_t log_index = 0;
    std::string a;
    std::string b;
};

struct DiffOptions {
    size_t limit = 1000;  ///< differences that are listed; all are counted
};

struct DiffReport {
    std::vector<Difference> listed;
    uint64_t total = 0;
    uint64_t nodes_compared = 0;  ///< of the digest trees
    uint64_t records_read = 0;    ///< logs, block rows and rows, of both sides
    [[nodiscard]] bool is_equal() const noexcept { return total == 0; }
};

/// Event-less block rows, levels, coverage, journal and undo are not content and not compared.
/// Digests are believed: what rotted since it was committed is for the scrub to find.
[[nodiscard]] Result<DiffReport> diff(const storage::Database& a, const storage::Database& b,
                                      const DiffOptions& options = {});

}  // namespace plumbline::engine
