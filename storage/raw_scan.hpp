// What is stored, byte for byte, readable or not: for scrubs. Everything else reads through the
// scanners of `ReadView`, which stop at damage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "storage/read_view.hpp"

namespace plumbline::storage {

/// Keys and values as they lie there, in order of key; the watermark is passed over. They point
/// into the scanner until it moves. Must not outlive the view.
class RawScanner {
  public:
    virtual ~RawScanner() = default;
    [[nodiscard]] virtual bool valid() const = 0;
    virtual void next() = 0;
    [[nodiscard]] virtual std::string_view key() const = 0;
    [[nodiscard]] virtual std::string_view value() const = 0;
    /// An error where RocksDB could not read on; what follows is then unknown.
    [[nodiscard]] virtual Status status() const = 0;
};

/// Blocks `from` to `to`, both included; keys of a wrong size that sort among them too.
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_log(const ReadView& view, uint64_t from,
                                                       uint64_t to);
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_blocks(const ReadView& view, uint64_t from,
                                                          uint64_t to);
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_calls(const ReadView& view, uint64_t from,
                                                         uint64_t to);
/// Level-1 pages of the log's digests, for the same blocks.
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_log_pages(const ReadView& view, uint64_t from,
                                                             uint64_t to);
/// Nodes of the log's digests of one level above that.
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_log_nodes(const ReadView& view, uint8_t level);
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_rows(const ReadView& view, size_t entity);
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_index(const ReadView& view, size_t entity,
                                                         size_t index);
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_quarantine(const ReadView& view);
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_undo(const ReadView& view);
/// The same of block `from` and above, block by block.
[[nodiscard]] std::unique_ptr<RawScanner> scan_raw_undo_from(const ReadView& view, uint64_t from);
/// Counts folds of the log: rows of another generation may have come by another way.
[[nodiscard]] uint32_t generation_number(const ReadView& view);

/// Reads a stored log with the view's dictionaries; kCorruption for anything that is none.
[[nodiscard]] Status decode_raw_log(const ReadView& view, std::string_view key,
                                    std::string_view value, LogRecord& record, Bytes& data_buffer);
/// The key under which `index` must hold a row. The row must have passed the codec's check.
void append_index_key(const ReadView& view, std::string& out, size_t entity, size_t index,
                      std::string_view key, std::string_view row);
/// The entity's key at the end of an index key; empty where it is none.
[[nodiscard]] std::string_view entity_key_of(const ReadView& view, size_t entity, size_t index,
                                             std::string_view index_key);

}  // namespace plumbline::storage
