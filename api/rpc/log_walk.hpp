// The logs that match a filter, one after the other, as JSON-RPC tells them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/rpc/log_filter.hpp"
#include "core/base/result.hpp"
#include "storage/read_view.hpp"

namespace plumbline::api {

/// Appends `{...,"removed":true}` or false, of an object whose bracket is open.
void append_log(std::string& out, std::string_view open, bool removed);

/// One thread. The view must outlive it.
class LogWalk {
  public:
    enum class Step : uint8_t {
        kLog,   ///< text() is the next one
        kLate,  ///< `is_late` said so; next() goes on from there
        kEnd,
    };

    /// Blocks `from` to `to`, both included.
    LogWalk(const storage::ReadView& view, LogFilter filter, uint64_t from, uint64_t to);

    /// `is_late` is asked every 1,024 logs, those that do not match too.
    [[nodiscard]] Result<Step> next(const std::function<bool()>& is_late);
    /// The block that it came to: all before it were gone through, whole. After kEnd: of no
    /// meaning.
    [[nodiscard]] uint64_t block_num() const noexcept { return block_num_; }
    /// The log, an object whose bracket is open. Until the next step.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    const storage::ReadView& view_;
    LogFilter filter_;
    std::unique_ptr<storage::LogScanner> logs_;
    std::optional<storage::BlockRow> block_;  ///< of the last log that matched
    uint64_t block_num_ = 0;
    uint64_t seen_ = 0;
    bool is_done_with_ = false;  ///< with the log that the scanner stands at
    std::string text_;
};

}  // namespace plumbline::api
