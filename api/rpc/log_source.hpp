// The stored log as JSON-RPC tells it, of one consistent state of the index.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/rpc/log_filter.hpp"
#include "api/rpc/log_walk.hpp"
#include "core/base/result.hpp"
#include "core/evm/header.hpp"
#include "engine/mapping/plan.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// A log as it stands in an answer, but for its last member `removed`.
struct ToldLog {
    uint64_t block_num = 0;
    std::string text;  ///< an object whose bracket is open
};
struct LogScan {
    std::vector<ToldLog> logs;
    /// The blocks up to here were gone through, whole; below `from`: not even the first.
    std::optional<uint64_t> through;
    bool is_whole = false;  ///< all that was asked for
};

/// One state. Lives as long as the request; not thread-safe.
class LogSource {
  public:
    static constexpr size_t kLogsMax = 10'000;
    static constexpr size_t kBytesMax = 32U << 20U;
    /// The header with a hash, which it hashes to; empty where nobody remembers it.
    using HeaderOf = std::function<std::optional<evm::Header>(const evm::Hash& hash)>;

    LogSource(const engine::Plan& plan, const storage::ReadView& view,
              const std::vector<storage::CoverageRow>& coverage, storage::Cursor cursor,
              std::function<bool()> is_late, HeaderOf header_of = {})
        : plan_{plan},
          view_{view},
          coverage_{coverage},
          cursor_{cursor},
          is_late_{std::move(is_late)},
          header_of_{std::move(header_of)} {}

    [[nodiscard]] const storage::Cursor& cursor() const noexcept { return cursor_; }
    [[nodiscard]] BlockTags tags() const;
    /// Empty where the database keeps no row of that block: final and without an event.
    [[nodiscard]] Result<std::optional<evm::Hash>> hash_of(uint64_t block_num) const;
    /// The block as a new head is told: its whole header where `header_of` has it, else what is
    /// stored of it. Empty as `hash_of`.
    [[nodiscard]] Result<std::optional<std::string>> head_of(uint64_t block_num) const;
    /// Looks among the newest 10,000 rows. Empty: not there.
    [[nodiscard]] Result<std::optional<uint64_t>> block_of(const evm::Hash& hash) const;
    /// Why the index lacks some of these blocks for the filter; empty where it does not.
    [[nodiscard]] Result<std::optional<std::string>> find_uncovered(const LogFilter& filter,
                                                                    uint64_t from,
                                                                    uint64_t to) const;
    /// Logs of blocks `from` to `to` (both may lie above the head) that match, up to the limits
    /// above and the request's time; it ends with a whole block.
    [[nodiscard]] Result<LogScan> scan(const LogFilter& filter, uint64_t from, uint64_t to) const;

  private:
    const engine::Plan& plan_;
    const storage::ReadView& view_;
    const std::vector<storage::CoverageRow>& coverage_;
    storage::Cursor cursor_;
    std::function<bool()> is_late_;
    HeaderOf header_of_;
};

}  // namespace plumbline::api
