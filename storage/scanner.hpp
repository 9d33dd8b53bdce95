// Positions in a scan of stored logs or rows. `ReadView` hands them out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/records.hpp"

namespace plumbline::storage {

/// A position in a scan, reported by `valid`; damage ends the scan and shows in `status`.
class LogScanner {
  public:
    virtual ~LogScanner() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    /// The current log; `data` points into the scanner.
    [[nodiscard]] virtual const LogRecord& record() const = 0;
    [[nodiscard]] virtual Status status() const = 0;
};

/// Key and row point into the scanner until it moves. Tombstones are passed over unless asked for.
class RowScanner {
  public:
    virtual ~RowScanner() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    [[nodiscard]] virtual std::string_view key() const = 0;
    [[nodiscard]] virtual std::string_view row() const = 0;
    /// Its place: the key, or in an index scan the indexed values and the key. What to pass as
    /// `after` to go on behind it.
    [[nodiscard]] virtual std::string_view position() const = 0;
    [[nodiscard]] virtual Status status() const = 0;
};

enum class ScanOrder : uint8_t { kForward, kBackward };

/// Which keys a scan walks, and how.
struct ScanSpan {
    std::string from;  ///< the first, included; empty: the very first
    std::string to;    ///< behind the last; empty: no end
    ScanOrder order = ScanOrder::kForward;
    bool keys_only = false;  ///< of an index: rows are not looked up, `row` is empty
};

/// What a scan does with a record that it cannot read.
enum class OnDamage : uint8_t {
    kStop,  ///< ends there with kCorruption
    kSkip,  ///< goes on with the next
};

}  // namespace plumbline::storage
